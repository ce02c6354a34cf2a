#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "pacs/util/status.h"

/** A listening TCP socket. host NULL: every address, IPv6 and IPv4. *ret_fd is the caller's to close. */
PACS_CHECKED PacsStatus pacs_listener_open(const char *host, uint16_t port, int *ret_fd, PacsError *err);

/** The next connection, its descriptor the caller's; the peer's address as digits. -1: errno says why. */
int pacs_listener_accept(int fd, char ret_remote_ip[INET6_ADDRSTRLEN]);
