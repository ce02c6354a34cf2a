#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
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

/** What hangs on a connection. */
typedef struct Connection {
    PacsHttpDaemon *daemon;
    PacsHttpWatched *watched;
    int fd;
    bool lingers; /* an answer was sent before the body was read */
    bool is_loopback;
    bool is_resting; /* it has asked something, and is idle */
    char address[INET6_ADDRSTRLEN];
} Connection;

/** What hangs on a request; in the exchange's arena. */
typedef struct Call {
    PacsHttpExchange *exchange;
    Connection *connection;
    PacsHttpServer *server;
    struct MHD_Connection *mhd;
    bool has_head;       /* the first call has been made */
    uint64_t body_bytes; /* since the deadline was renewed */

    /* Between the HTTP thread and the worker, which may both be busy with one request. */
    pthread_mutex_t lock;
    pthread_cond_t left;  /* the worker has gone */
    bool is_working;      /* a job has been submitted and has not left */
    bool is_running;      /* and has begun */
    bool is_orphan;       /* it has not, and the request is over: all that is left is its own to free */
    bool is_waiting;      /* the connection is suspended until the worker lets it go on */
    bool was_resumed;     /* to read on */
    bool has_ended_early; /* nobody waits for the worker's outcome: it is to leave */
    bool is_back;         /* the worker has an outcome: `next` */
    PacsHttpNext next;
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

static void rest(Connection *connection, bool is_resting)
{
    PacsHttpServer *server = connection->daemon->server;

    if (connection->is_resting != is_resting)
        (void)(is_resting ? atomic_fetch_add(&server->resting, 1) : atomic_fetch_sub(&server->resting, 1));
    connection->is_resting = is_resting;
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
    rest(connection, false);
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
    rest(connection, false);
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
    (void)pthread_mutex_init(&call->lock, NULL); /* neither can fail with default attributes on Linux, */
    (void)pthread_cond_init(&call->left, NULL);  /* nor holds anything that would have to be freed */
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

static void lock(Call *call)
{
    (void)pthread_mutex_lock(&call->lock); /* fails for misuse only */
}

static void unlock(Call *call)
{
    (void)pthread_mutex_unlock(&call->lock);
}

/* The lock is held. */
static void let_connection_go_on(Call *call)
{
    if (!call->is_waiting)
        return;
    call->is_waiting = false;
    call->was_resumed = true;
    if (!call->exchange->has_ended)
        (void)enter(call,
                    PACS_HTTP_PHASE_BODY); /* the peer's time runs again; if it is cut, the daemon hears */
    MHD_resume_connection(call->mhd);
}

/* The lock is held. True: the connection waits with another chunk, which is taken over, and is let go on. */
static bool take_next_chunk(Call *call)
{
    PacsHttpExchange *exchange = call->exchange;

    if (!call->is_waiting || exchange->is_answered || call->has_ended_early ||
        !pacs_http_exchange_has_chunk(exchange))
        return false;
    pacs_http_exchange_hand_over(exchange);
    if (!exchange->has_ended)
        let_connection_go_on(call);
    return true;
}

/* True: there is nothing more to do for now, and the call is no longer the worker's. */
static bool leave(Call *call, PacsHttpNext next)
{
    lock(call);
    bool goes_on = next == PACS_HTTP_NEXT_READ && take_next_chunk(call);
    if (!goes_on) {
        if (call->exchange->is_answered && call->is_waiting && call->exchange->has_ended)
            next = PACS_HTTP_NEXT_REPLY; /* found early, and meanwhile all has come */
        call->is_working = call->is_running = false;
        call->is_back = next != PACS_HTTP_NEXT_READ;
        call->next = next;
        let_connection_go_on(call);
        (void)pthread_cond_signal(&call->left);
    }
    unlock(call);
    return !goes_on;
}

static void run_call(void *argument)
{
    Call *call = argument;
    PacsHttpNext next;

    pacs_http_server_job_started(call->server);
    lock(call);
    bool is_orphan = call->is_orphan;
    call->is_running = !is_orphan;
    unlock(call);
    if (is_orphan) {
        pacs_http_exchange_unref(call->exchange); /* may block: aborts the reader */
        return;
    }
    do
        next = pacs_http_exchange_work(call->exchange);
    while (!leave(call, next));
}

/* The lock is held. */
static bool suspend(Call *call)
{
    if (!enter(call, PACS_HTTP_PHASE_WORKING))
        return false;
    call->is_waiting = true;
    MHD_suspend_connection(call->mhd);
    return true;
}

/* A body's chunk may be worked on while the next is read; everything else is waited for. */
static bool may_read_on(const Call *call)
{
    const PacsHttpExchange *exchange = call->exchange;

    return exchange->body.kind == PACS_HTTP_BODY_STREAM && exchange->has_started && !exchange->has_ended;
}

static void refuse_busy(Call *call)
{
    pacs_http_exchange_refuse_busy(call->exchange);
    lock(call);
    call->is_working = false;
    call->is_back = true;
    call->next = PACS_HTTP_NEXT_REPLY;
    let_connection_go_on(call);
    unlock(call);
}

/* The lock is held, no worker is there, and is given up. */
static enum MHD_Result begin_work(Call *call)
{
    bool is_new = !call->exchange->body.is_begun;
    bool is_suspended = may_read_on(call) || suspend(call);

    if (is_suspended) {
        call->is_working = true;
        pacs_http_exchange_hand_over(call->exchange);
    }
    unlock(call);
    if (!is_suspended)
        return MHD_NO;
    if (pacs_http_server_submit(call->server, run_call, call, is_new, NULL) != PACS_OK)
        refuse_busy(call);
    return MHD_YES;
}

static enum MHD_Result go_on(Call *call, PacsHttpNext next, bool is_in_body);

/* What has come is to be worked on. *ret_reads_on: by a worker of its own while we go on reading. */
static enum MHD_Result give_work(Call *call, bool *ret_reads_on)
{
    *ret_reads_on = false;
    lock(call);
    if (call->is_back) {
        PacsHttpNext next = call->next;
        call->is_back = false;
        unlock(call);
        return go_on(call, next, !call->exchange->has_ended);
    }
    if (call->is_working) { /* both chunks are full, or all has come */
        bool is_suspended = suspend(call);
        unlock(call);
        return is_suspended ? MHD_YES : MHD_NO;
    }
    if (call->exchange->is_answered) { /* by a worker, just now: the rest is dropped */
        unlock(call);
        *ret_reads_on = true;
        return MHD_YES;
    }
    *ret_reads_on = may_read_on(call);
    if (*ret_reads_on && !pacs_http_exchange_has_chunk(call->exchange)) { /* no memory for a single one */
        unlock(call);
        pacs_http_exchange_refuse_busy(call->exchange);
        return go_on(call, PACS_HTTP_NEXT_REPLY, true);
    }
    return begin_work(call);
}

static enum MHD_Result go_on(Call *call, PacsHttpNext next, bool is_in_body)
{
    switch (next) {
    case PACS_HTTP_NEXT_READ:
        return MHD_YES;
    case PACS_HTTP_NEXT_WORK: {
        bool reads_on;
        return give_work(call, &reads_on);
    }
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
    enum MHD_Result result = MHD_YES;
    bool reads_on = true;
    size_t done = 0;

    acknowledge_now(call);
    if (!renew_body_deadline(call, *size))
        return MHD_NO;
    while (reads_on && done < *size) {
        size_t taken = 0;
        PacsHttpNext next = pacs_http_exchange_bytes(call->exchange, (const uint8_t *)bytes + done,
                                                     *size - done, &taken);
        done += taken;
        if (next == PACS_HTTP_NEXT_WORK) {
            result = give_work(call, &reads_on);
        } else {
            reads_on = next == PACS_HTTP_NEXT_READ;
            result = go_on(call, next, true);
        }
    }
    *size -= done;
    return result;
}

typedef enum Since { SINCE_NOTHING, SINCE_RESUMED, SINCE_BACK } Since;

/* What the worker has brought about since the last call. */
static Since look_back(Call *call, PacsHttpNext *ret_next)
{
    lock(call);
    Since since = call->is_back ? SINCE_BACK : call->was_resumed ? SINCE_RESUMED : SINCE_NOTHING;
    *ret_next = call->next;
    call->is_back = call->was_resumed = false;
    unlock(call);
    return since;
}

static enum MHD_Result handle_access(void *context, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *bytes, size_t *size,
                                     void **request_context)
{
    Call *call = *request_context;
    PacsHttpNext next;

    (void)context;
    (void)mhd;
    (void)url;
    (void)version;
    if (!call)
        return MHD_NO;
    if (!call->has_head)
        return take_head(call, method);
    Since since = look_back(call, &next);
    if (since == SINCE_BACK)
        return go_on(call, next, *size > 0);
    if (since == SINCE_RESUMED) {
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
    lock(call);
    call->has_ended_early = true;
    /* The client has gone while a chunk is being worked on: what the worker looks at goes with the connection.
     * It is through with a chunk in some milliseconds. */
    while (call->is_running)
        (void)pthread_cond_wait(&call->left, &call->lock);
    (void)enter(call, PACS_HTTP_PHASE_IDLE); /* if it is cut, that stands */
    rest(call->connection, true);
    pacs_http_account_end(exchange, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    pacs_http_server_request_ended(daemon->server);
    bool is_orphan = call->is_orphan = call->is_working; /* a job that waits for its thread frees it then */
    unlock(call);
    if (is_orphan)
        return;
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
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PACS_HTTP_CONNECTION_MEMORY,             /**/
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
