#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pacs/http/server_private.h"
#include "pacs/util/limits.h"

#define DEFAULT_POOL_THREADS 50
#define DEFAULT_KEEP_ALIVE_MS 75000
#define DEFAULT_HEADER_MS 20000
#define DEFAULT_TRANSFER_MS 30000

static const char full_reply[] =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n"
    "Retry-After: 5\r\nX-Content-Type-Options: nosniff\r\n\r\n";

/* ---- Counting ---- */

void pacs_http_server_request_begun(PacsHttpServer *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->in_flight++;
    (void)pthread_mutex_unlock(&server->lock);
}

void pacs_http_server_request_ended(PacsHttpServer *server)
{
    (void)pthread_mutex_lock(&server->lock);
    if (--server->in_flight == 0)
        (void)pthread_cond_broadcast(&server->drained);
    (void)pthread_mutex_unlock(&server->lock);
}

PacsStatus pacs_http_server_submit(PacsHttpServer *server, void (*run)(void *argument), void *argument,
                                   bool is_new, PacsError *err)
{
    size_t waiting = atomic_fetch_add(&server->waiting, 1);

    PacsStatus status = is_new && waiting >= server->options.max_waiting
                            ? pacs_fail(err, PACS_UNAVAILABLE, "%zu requests are waiting already", waiting)
                            : pacs_pool_submit(server->pool, run, argument, err);
    if (status != PACS_OK)
        atomic_fetch_sub(&server->waiting, 1);
    return status;
}

void pacs_http_server_job_started(PacsHttpServer *server)
{
    atomic_fetch_sub(&server->waiting, 1);
}

/* ---- Accepted connections ---- */

static void take_connection(void *context, int fd, const struct sockaddr *address, socklen_t address_size)
{
    PacsHttpServer *server = context;
    PacsHttpDaemon *least = &server->daemons[0];
    size_t total = 0;

    for (size_t i = 0; i < server->daemon_count; i++) {
        size_t count = atomic_load(&server->daemons[i].connections);

        total += count;
        if (count < atomic_load(&least->connections))
            least = &server->daemons[i];
    }
    if (total >= server->options.max_connections) {
        (void)send(fd, full_reply, sizeof full_reply - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)close(fd); /* it has its answer or never will */
        return;
    }
    pacs_http_daemon_add(least, fd, address, address_size);
}

/* ---- Life ---- */

static void set_default(uint32_t *value, uint32_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void fill_in_defaults(PacsHttpServerOptions *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (options->io_threads == 0)
        options->io_threads = cores > 0 ? (size_t)cores : 1;
    if (options->pool_threads == 0)
        options->pool_threads = DEFAULT_POOL_THREADS;
    if (options->max_waiting == 0)
        options->max_waiting = PACS_MAX_HTTP_WAITING;
    if (options->max_connections == 0)
        options->max_connections = PACS_MAX_HTTP_CONNECTIONS;
    if (options->max_resting == 0)
        options->max_resting = PACS_HTTP_CROWD;
    set_default(&options->keep_alive_ms, DEFAULT_KEEP_ALIVE_MS);
    set_default(&options->header_ms, DEFAULT_HEADER_MS);
    set_default(&options->transfer_ms, DEFAULT_TRANSFER_MS);
    options->addresses = NULL;
    options->address_count = 0;
}

static void tick(void *context)
{
    PacsHttpServer *server = context;

    pacs_http_mapped_bodies_expire(server->site->mapped);
    pacs_http_server_wake_feeds(server, false);
}

static PacsStatus open_parts(PacsHttpServer *server, const PacsHttpServerOptions *given, PacsError *err)
{
    const PacsHttpServerOptions *options = &server->options;
    /* Connections that wait to be cleaned up still have their entry: some more than are accepted. */
    const PacsHttpWatchOptions watch = {.max_connections = options->max_connections + 1024,
                                        .keep_alive_ms = options->keep_alive_ms,
                                        .header_ms = options->header_ms,
                                        .transfer_ms = options->transfer_ms,
                                        .tick = tick,
                                        .context = server};

    server->daemons = calloc(options->io_threads, sizeof *server->daemons);
    if (!server->daemons)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the HTTP server");
    PacsStatus status = pacs_http_site_new(&given->site, &server->site, err);
    /* Every connection has at most one job, so that none under way is ever refused for want of room. */
    if (status == PACS_OK)
        status = pacs_pool_new("http-pool", options->pool_threads, watch.max_connections, &server->pool, err);
    if (status == PACS_OK)
        status = pacs_http_watch_new(&watch, &server->watch, err);
    if (status == PACS_OK)
        status = pacs_http_listener_open(given->addresses, given->address_count, options->port,
                                         &server->listener, err);
    return status;
}

PacsStatus pacs_http_server_open(const PacsHttpServerOptions *options, PacsHttpServer **ret_server,
                                 PacsError *err)
{
    PACS_AUTO(PacsHttpServer) server = calloc(1, sizeof *server);
    pthread_condattr_t monotonic;

    if (!server)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the HTTP server");
    server->options = *options;
    fill_in_defaults(&server->options);
    /* On Linux these allocate nothing and cannot fail. */
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->drained, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    PacsStatus status = open_parts(server, options, err);
    if (status != PACS_OK)
        return status;
    *ret_server = PACS_STEAL(server);
    return PACS_OK;
}

uint16_t pacs_http_server_port(const PacsHttpServer *server)
{
    return pacs_http_listener_port(server->listener);
}

PacsStatus pacs_http_server_mount(PacsHttpServer *server, const PacsHttpMount *mount, PacsError *err)
{
    return pacs_http_router_mount(server->site->router, mount, err);
}

PacsStatus pacs_http_server_start(PacsHttpServer *server, PacsError *err)
{
    PacsStatus status = PACS_OK;

    server->is_started = true;
    while (server->daemon_count < server->options.io_threads && status == PACS_OK) {
        status = pacs_http_daemon_start(&server->daemons[server->daemon_count], server, err);
        server->daemon_count += status == PACS_OK;
    }
    if (status == PACS_OK)
        status = pacs_http_listener_start(server->listener, take_connection, server, err);
    return status;
}

static void wait_until_drained(PacsHttpServer *server, uint32_t timeout_ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&server->lock);
    while (server->in_flight > 0 && pthread_cond_timedwait(&server->drained, &server->lock, &until) == 0)
        ;
    (void)pthread_mutex_unlock(&server->lock);
}

void pacs_http_server_stop(PacsHttpServer *server, uint32_t timeout_ms)
{
    if (server->is_stopped)
        return;
    server->is_stopped = true;
    atomic_store(&server->stopping, true);
    pacs_http_listener_stop(server->listener);
    pacs_http_watch_close_idle(server->watch);
    pacs_http_server_wake_feeds(server, true);
    wait_until_drained(server, timeout_ms);
    pacs_http_watch_cut_all(server->watch);
    /* After the pool nothing is suspended any more, which is when a daemon may be stopped. */
    pacs_pool_stop(server->pool);
    for (size_t i = 0; i < server->daemon_count; i++)
        pacs_http_daemon_stop(&server->daemons[i]);
}

void pacs_http_server_free(PacsHttpServer *server)
{
    if (!server)
        return;
    if (server->is_started)
        pacs_http_server_stop(server, 0);
    pacs_http_listener_free(server->listener);
    pacs_http_watch_free(server->watch);
    pacs_pool_free(server->pool);
    pacs_http_site_free(server->site);
    free(server->daemons);
    (void)pthread_cond_destroy(&server->drained);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}
