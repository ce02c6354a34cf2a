#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pacs/http/server_private.h"
#include "pacs/util/limits.h"

/**
 * libmicrohttpd 0.9.75's callbacks, turned into the exchange's steps.
 *
 * What it asks of us: a connection may be suspended only in the access handler or a content reader, and may
 * be resumed from any thread; an answer can be queued only in the first call (no body read) or the last (all
 * of it read); bytes that the handler leaves are offered again, but not to a handler that took all and
 * suspended (so we suspend only when something is left or all has come).
 */

/* Header of 64 KiB, 1,024 parameters and as many headers as libmicrohttpd keeps of them, and the reply's
 * header. */
#define CONNECTION_MEMORY (128u << 10)

/** What hangs on a connection. */
typedef struct Connection {
    PacsHttpDaemon *daemon;
    PacsHttpWatched *watched;
    int fd;
    bool lingers; /* an answer was sent before the body was read */
    bool is_loopback;
    char address[INET6_ADDRSTRLEN];
} Connection;

/** What hangs on a request; in the exchange's arena. */
typedef struct Call {
    PacsHttpExchange *exchange;
    Connection *connection;
    PacsHttpServer *server;
    struct MHD_Connection *mhd;
    bool has_head; /* the first call has been made */
    bool is_back;  /* a job has run, and `next` is what it said */
    PacsHttpNext next;
    uint64_t body_bytes; /* since the deadline was renewed */
} Call;

/* ---- Connections ---- */

static bool is_loopback_v4(struct in_addr address)
{
    return (ntohl(address.s_addr) >> 24) == 127;
}

static void note_peer(Connection *connection, const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        (void)inet_ntop(AF_INET, &v4->sin_addr, connection->address, sizeof connection->address);
        connection->is_loopback = is_loopback_v4(v4->sin_addr);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, connection->address, sizeof connection->address);
        connection->is_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
}

static void connection_started(PacsHttpDaemon *daemon, struct MHD_Connection *mhd, void **ret_context)
{
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    Connection *connection = calloc(1, sizeof *connection);

    if (connection)
        *connection = (Connection){.daemon = daemon,
                                   .fd = fd->connect_fd,
                                   .watched = pacs_http_watch_add(daemon->server->watch, fd->connect_fd)};
    if (!connection || !connection->watched) {
        free(connection);
        (void)shutdown(fd->connect_fd, SHUT_RDWR); /* unwatched it could stay for ever */
        return;
    }
    note_peer(connection, peer->client_addr);
    *ret_context = connection;
}

static void connection_changed(void *context, struct MHD_Connection *mhd, void **connection_context,
                               enum MHD_ConnectionNotificationCode code)
{
    PacsHttpDaemon *daemon = context;
    Connection *connection = *connection_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_started(daemon, mhd, connection_context);
        return;
    }
    atomic_fetch_sub(&daemon->connections, 1);
    if (!connection)
        return;
    pacs_http_watch_remove(daemon->server->watch, connection->watched, connection->lingers);
    free(connection);
    *connection_context = NULL;
}

/* ---- The start of a request ---- */

static void *request_line_read(void *context, const char *target, struct MHD_Connection *mhd)
{
    PacsHttpDaemon *daemon = context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    Connection *connection = info->socket_context;

    if (!connection ||
        !pacs_http_watch_phase(daemon->server->watch, connection->watched, PACS_HTTP_PHASE_HEADER))
        return NULL;
    PacsHttpExchange *exchange = pacs_http_exchange_new(daemon->server->site);
    if (!exchange)
        return NULL;
    Call *call = pacs_arena_alloc(exchange->request.arena, sizeof *call);
    const char *copy = pacs_arena_strdup(exchange->request.arena, target);
    if (!call || !copy) {
        pacs_http_exchange_unref(exchange);
        return NULL;
    }
    *call = (Call){.exchange = exchange, .connection = connection, .server = daemon->server, .mhd = mhd};
    exchange->request.target = copy;
    exchange->request.remote_address = connection->address;
    exchange->request.is_loopback = connection->is_loopback;
    exchange->request.gone = &connection->watched->gone;
    pacs_http_account_begin(exchange);
    pacs_http_server_request_begun(daemon->server);
    return call;
}

typedef struct HeaderList {
    PacsHttpPair *pairs;
    size_t count;
    size_t max;
} HeaderList;

static enum MHD_Result keep_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    HeaderList *list = context;

    (void)kind;
    if (list->count == list->max)
        return MHD_NO;
    list->pairs[list->count++] = (PacsHttpPair){name, value ? value : ""};
    return MHD_YES;
}

/* The texts stay in libmicrohttpd's memory, which keeps them until the request has ended. */
static bool take_headers(Call *call)
{
    PacsHttpRequest *request = &call->exchange->request;
    int count = MHD_get_connection_values(call->mhd, MHD_HEADER_KIND, NULL, NULL);
    HeaderList list = {.max = count > 0 ? (size_t)count : 0};

    list.pairs = pacs_arena_array(request->arena, list.max, sizeof *list.pairs);
    if (!list.pairs)
        return false;
    (void)MHD_get_connection_values(call->mhd, MHD_HEADER_KIND, keep_header, &list);
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(call->mhd,
                                                                   MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    request->headers = list.pairs;
    request->header_count = list.count;
    request->header_size = size ? size->header_size : 0;
    return true;
}

/* ---- Answering ---- */

static bool enter(const Call *call, PacsHttpPhase phase)
{
    return pacs_http_watch_phase(call->server->watch, call->connection->watched, phase);
}

static enum MHD_Result queue_reply(Call *call)
{
    PacsHttpExchange *exchange = call->exchange;
    struct MHD_Response *response = pacs_http_response_new(call->server, exchange, call->mhd,
                                                           call->connection->watched);

    if (!response || !enter(call, PACS_HTTP_PHASE_SENDING)) {
        if (response)
            MHD_destroy_response(response);
        return MHD_NO;
    }
    call->connection->lingers = !exchange->has_ended && exchange->request.content_length > 0;
    enum MHD_Result queued = MHD_queue_response(call->mhd, exchange->reply.code, response);
    MHD_destroy_response(response); /* ours; the queued one has its own count */
    return queued;
}

/* In the middle of a body: say it ourselves, and have the connection closed. */
static enum MHD_Result answer_and_close(Call *call)
{
    if (!enter(call, PACS_HTTP_PHASE_SENDING))
        return MHD_NO;
    pacs_http_response_last_words(call->exchange, call->connection->fd);
    call->connection->lingers = true;
    return MHD_NO;
}

/* ---- Work ---- */

static void run_call(void *argument)
{
    Call *call = argument;

    pacs_http_server_job_started(call->server);
    call->next = pacs_http_exchange_work(call->exchange);
    call->is_back = true;
    if (!call->exchange->has_ended)
        (void)enter(call,
                    PACS_HTTP_PHASE_BODY); /* the peer's time runs again; if it is cut, the daemon hears */
    MHD_resume_connection(call->mhd);      /* from here on the call is the daemon's again */
}

static enum MHD_Result suspend_for_work(Call *call)
{
    bool is_new = !call->exchange->body.is_begun;

    if (!enter(call, PACS_HTTP_PHASE_WORKING))
        return MHD_NO;
    MHD_suspend_connection(call->mhd);
    if (pacs_http_server_submit(call->server, run_call, call, is_new, NULL) == PACS_OK)
        return MHD_YES;
    pacs_http_exchange_refuse_busy(call->exchange);
    call->next = PACS_HTTP_NEXT_REPLY;
    call->is_back = true;
    MHD_resume_connection(call->mhd);
    return MHD_YES;
}

static enum MHD_Result go_on(Call *call, PacsHttpNext next, bool is_in_body)
{
    switch (next) {
    case PACS_HTTP_NEXT_READ:
        return MHD_YES;
    case PACS_HTTP_NEXT_WORK:
        return suspend_for_work(call);
    case PACS_HTTP_NEXT_REPLY:
        return is_in_body ? answer_and_close(call) : queue_reply(call);
    case PACS_HTTP_NEXT_CLOSE:
        return answer_and_close(call);
    }
    return MHD_NO;
}

/* ---- The access handler ---- */

static enum MHD_Result take_head(Call *call, const char *method)
{
    call->has_head = true;
    call->exchange->request.sent_method = method;
    if (!take_headers(call))
        return MHD_NO;
    PacsHttpNext next = pacs_http_exchange_head(call->exchange);
    if (next == PACS_HTTP_NEXT_READ && !enter(call, PACS_HTTP_PHASE_BODY))
        return MHD_NO;
    return go_on(call, next, false);
}

/* A stock client with Nagle's algorithm holds its last short segment until we acknowledge: do so at once. */
static void acknowledge_now(const Call *call)
{
    int yes = 1;

    (void)setsockopt(call->connection->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes); /* a hint */
}

static bool renew_body_deadline(Call *call, size_t size)
{
    call->body_bytes += size;
    if (call->body_bytes < PACS_HTTP_PROGRESS_BYTES)
        return true;
    call->body_bytes = 0;
    return enter(call, PACS_HTTP_PHASE_BODY);
}

static enum MHD_Result take_bytes(Call *call, const char *bytes, size_t *size)
{
    size_t taken = 0;

    acknowledge_now(call);
    if (!renew_body_deadline(call, *size))
        return MHD_NO;
    PacsHttpNext next = pacs_http_exchange_bytes(call->exchange, (const uint8_t *)bytes, *size, &taken);
    *size -= taken;
    return go_on(call, next, true);
}

static enum MHD_Result handle_access(void *context, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *bytes, size_t *size,
                                     void **request_context)
{
    Call *call = *request_context;

    (void)context;
    (void)mhd;
    (void)url;
    (void)version;
    if (!call)
        return MHD_NO;
    if (!call->has_head)
        return take_head(call, method);
    if (call->is_back) {
        call->is_back = false;
        if (call->next != PACS_HTTP_NEXT_READ)
            return go_on(call, call->next, *size > 0);
        if (!enter(call, PACS_HTTP_PHASE_BODY))
            return MHD_NO;
        if (*size == 0 && !call->exchange->has_started)
            return MHD_YES; /* the first call again, after the reader has begun: now "100 Continue" goes out
                             */
    }
    if (*size > 0)
        return take_bytes(call, bytes, size);
    return go_on(call, pacs_http_exchange_end(call->exchange), false);
}

/* ---- The end of a request ---- */

/* The reader's abort may block: not here. */
static void abandon(void *argument)
{
    Call *call = argument; /* in the exchange's arena */

    pacs_http_server_job_started(call->server);
    pacs_http_exchange_unref(call->exchange);
}

static void request_ended(void *context, struct MHD_Connection *mhd, void **request_context,
                          enum MHD_RequestTerminationCode code)
{
    PacsHttpDaemon *daemon = context;
    Call *call = *request_context;

    (void)mhd;
    if (!call)
        return;
    *request_context = NULL;
    PacsHttpExchange *exchange = call->exchange;
    (void)enter(call, PACS_HTTP_PHASE_IDLE); /* if it is cut, that stands */
    pacs_http_account_end(exchange, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    pacs_http_server_request_ended(daemon->server);
    if (pacs_http_exchange_has_reader_open(exchange) &&
        pacs_http_server_submit(daemon->server, abandon, call, false, NULL) == PACS_OK)
        return;
    pacs_http_exchange_unref(exchange);
}

/* ---- Life ---- */

/* Targets are taken apart by our own parser, from what request_line_read() saw. */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

PacsStatus pacs_http_daemon_start(PacsHttpDaemon *daemon, PacsHttpServer *server, PacsError *err)
{
    daemon->server = server;
    daemon->mhd = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL, handle_access, daemon,                                                   /**/
        MHD_OPTION_CONNECTION_LIMIT, (unsigned int)(server->options.max_connections + 1024), /**/
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,                       /**/
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* the watch's business */                        /**/
        MHD_OPTION_STRICT_FOR_CLIENT, 1,                                                     /**/
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,                                   /**/
        MHD_OPTION_URI_LOG_CALLBACK, request_line_read, daemon,                              /**/
        MHD_OPTION_NOTIFY_CONNECTION, connection_changed, daemon,                            /**/
        MHD_OPTION_NOTIFY_COMPLETED, request_ended, daemon,                                  /**/
        MHD_OPTION_END);
    if (!daemon->mhd)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start an HTTP thread");
    return PACS_OK;
}

void pacs_http_daemon_stop(PacsHttpDaemon *daemon)
{
    if (daemon->mhd)
        MHD_stop_daemon(daemon->mhd);
    daemon->mhd = NULL;
}

void pacs_http_daemon_add(PacsHttpDaemon *daemon, int fd, const struct sockaddr *address,
                          socklen_t address_size)
{
    atomic_fetch_add(&daemon->connections, 1);
    if (MHD_add_connection(daemon->mhd, fd, address, address_size) != MHD_YES) /* it has closed the socket */
        atomic_fetch_sub(&daemon->connections, 1);
}
