#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "pacs/http/exchange.h"
#include "pacs/http/http_server.h"
#include "pacs/http/listener.h"
#include "pacs/http/watch.h"
#include "pacs/util/pool.h"

/**
 * What the files of the socket side share: server.c (life), daemon.c (libmicrohttpd's callbacks), response.c
 * (replies in libmicrohttpd's terms), listener.c (accepting).
 */

/** One libmicrohttpd daemon, that is one thread with an epoll set. */
typedef struct PacsHttpDaemon {
    PacsHttpServer *server;
    struct MHD_Daemon *mhd;
    _Atomic size_t connections;
} PacsHttpDaemon;

typedef struct PacsHttpFeedStream PacsHttpFeedStream;

struct PacsHttpServer {
    PacsHttpServerOptions options; /* with defaults filled in; its pointers are not kept */
    PacsHttpSite *site;
    PacsPool *pool;
    PacsHttpWatch *watch;
    PacsHttpListener *listener;
    PacsHttpDaemon *daemons;
    size_t daemon_count;
    bool is_started;
    bool is_stopped;
    atomic_bool stopping;
    _Atomic size_t waiting; /* jobs in the pool's queue */
    _Atomic size_t streams; /* answers that are read while they are sent */
    _Atomic size_t
        resting; /* connections that have asked something and are idle: each holds libmicrohttpd's memory */

    pthread_mutex_t lock;
    pthread_cond_t drained; /* in_flight has reached 0 */
    size_t in_flight;       /* requests between their first line and the end of their answer */
    PacsHttpFeedStream *feeds;
};

/* daemon.c */
PACS_CHECKED PacsStatus pacs_http_daemon_start(PacsHttpDaemon *daemon, PacsHttpServer *server,
                                               PacsError *err);
void pacs_http_daemon_stop(PacsHttpDaemon *daemon); /* no connection is suspended any more */
/** *Takes* fd: a connected socket. */
void pacs_http_daemon_add(PacsHttpDaemon *daemon, int fd, const struct sockaddr *address,
                          socklen_t address_size);

/* server.c */
void pacs_http_server_request_begun(PacsHttpServer *server);
void pacs_http_server_request_ended(PacsHttpServer *server);
/** Counts what waits. PACS_UNAVAILABLE where `is_new` work must stand back behind what is under way. */
PACS_CHECKED PacsStatus pacs_http_server_submit(PacsHttpServer *server, void (*run)(void *argument),
                                                void *argument, bool is_new, PacsError *err);
/** First thing in each submitted run. */
void pacs_http_server_job_started(PacsHttpServer *server);

/* response.c */
/** The reply in libmicrohttpd's terms; it takes the payload out of the reply. NULL: no memory. */
struct MHD_Response *pacs_http_response_new(PacsHttpServer *server, PacsHttpExchange *exchange,
                                            struct MHD_Connection *connection, PacsHttpWatched *watched);
/* response_feed.c */
/** As above, of a feed. */
struct MHD_Response *pacs_http_response_of_feed(PacsHttpServer *server, PacsHttpExchange *exchange,
                                                struct MHD_Connection *connection, PacsHttpWatched *watched);
/** Have them look at whether the server stops (all), or their client is gone. */
void pacs_http_server_wake_feeds(PacsHttpServer *server, bool all);

/* response.c */
/** Write the reply past libmicrohttpd, which cannot answer in the middle of a body. As much as the socket
 * takes. */
void pacs_http_response_last_words(PacsHttpExchange *exchange, int fd);
