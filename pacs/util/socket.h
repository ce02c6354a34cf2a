#pragma once

#include <stdint.h>

/** The port a listening TCP socket, IPv4 or IPv6, is bound to; 0 if it cannot be told. */
uint16_t pacs_socket_port(int fd);
