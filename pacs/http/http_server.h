#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/http/auth.h"
#include "pacs/http/http.h"
#include "pacs/http/site.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * The HTTP server, as main sees it: open (ports are bound), mount the doors, start (requests are answered),
 * stop.
 *
 * One thread accepts and deals the connections out to `io_threads` libmicrohttpd daemons, the least loaded
 * first; one watches all sockets for peers that are slow or gone; handlers that may block and request bodies
 * run on a pool.
 *
 * Threads: one caller; SIGPIPE must be ignored by the process.
 */
typedef struct PacsHttpServer PacsHttpServer;

typedef struct PacsHttpServerOptions {
    PacsHttpSiteOptions site;
    const char *const *addresses; /* numeric or names; none: 127.0.0.1 */
    size_t address_count;
    uint16_t port;          /* 0: any free one, the same for all addresses */
    size_t io_threads;      /* 0: one per core */
    size_t pool_threads;    /* 0: 50, Orthanc's HttpThreadsCount */
    size_t max_waiting;     /* 0: PACS_MAX_HTTP_WAITING; requests that wait for a pool thread. Beyond: 503 */
    size_t max_connections; /* 0: PACS_MAX_HTTP_CONNECTIONS; beyond, a connection hears 503 and is closed */
    size_t
        max_resting; /* 0: PACS_HTTP_CROWD; connections kept open after an answer: beyond, answers end theirs */
    uint32_t keep_alive_ms; /* 0: 75,000. How long a connection may be idle between requests */
    uint32_t header_ms;     /* 0: 20,000. From the first byte of a request to the end of its headers */
    uint32_t transfer_ms;   /* 0: 30,000. A body, or an answer, must move on by 16 KiB in each such span */
} PacsHttpServerOptions;

/** Options and what they point at are borrowed during the call. PACS_INVALID (an address), PACS_UNAVAILABLE
 * (a port that is in use). */
PACS_CHECKED PacsStatus pacs_http_server_open(const PacsHttpServerOptions *options,
                                              PacsHttpServer **ret_server, PacsError *err);
uint16_t pacs_http_server_port(const PacsHttpServer *server);

/** Before start. At least one. */
PACS_CHECKED PacsStatus pacs_http_server_mount(PacsHttpServer *server, const PacsHttpMount *mount,
                                               PacsError *err);
PACS_CHECKED PacsStatus pacs_http_server_start(PacsHttpServer *server, PacsError *err);

/**
 * Accept nothing more, close idle connections, let running requests finish for up to timeout_ms, then cut the
 * rest (pacs_http_cancelled() turns true) and wait for their handlers to return. Safe to call twice.
 */
void pacs_http_server_stop(PacsHttpServer *server, uint32_t timeout_ms);
void pacs_http_server_free(PacsHttpServer *server); /* stops first, at once */
PACS_DEFINE_AUTO(PacsHttpServer, pacs_http_server_free);
