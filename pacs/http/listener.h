#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * The listening sockets and the thread that accepts. libmicrohttpd's own pool deals connections out by who
 * wakes first, which put eight keep-alive connections on one thread of two; here the taker decides.
 */
typedef struct PacsHttpListener PacsHttpListener;

/** *Takes* fd. On the listener's thread. */
typedef void (*PacsHttpAccepted)(void *context, int fd, const struct sockaddr *address,
                                 socklen_t address_size);

/** Binds; port 0 takes any, the same for all addresses. PACS_INVALID, PACS_UNAVAILABLE. */
PACS_CHECKED PacsStatus pacs_http_listener_open(const char *const *addresses, size_t address_count,
                                                uint16_t port, PacsHttpListener **ret_listener,
                                                PacsError *err);
uint16_t pacs_http_listener_port(const PacsHttpListener *listener);
PACS_CHECKED PacsStatus pacs_http_listener_start(PacsHttpListener *listener, PacsHttpAccepted accepted,
                                                 void *context, PacsError *err);
void pacs_http_listener_stop(PacsHttpListener *listener); /* joins; closes the sockets. Safe to call twice */
void pacs_http_listener_free(PacsHttpListener *listener);
PACS_DEFINE_AUTO(PacsHttpListener, pacs_http_listener_free);
