#include "pacs/http/watch.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pacs/http/thread.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"

#define MAX_EVENTS 64
#define MAX_LINGERING 64
#define LINGER_MS 2000
#define LINGER_BYTES (8u << 20) /* what one peer may still send that nobody reads */
#define CROWD_KEEP_ALIVE_MS 5000
#define WAKE_EVENT UINT64_MAX
#define LINGER_EVENT ((uint64_t)1 << 63) /* with the index in `lingering` */
#define NS_PER_MS UINT64_C(1000000)

static const char timeout_reply[] =
    "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n"
    "X-Content-Type-Options: nosniff\r\n\r\n";

typedef struct Lingering {
    int fd; /* -1: free */
    uint64_t deadline_ns;
    uint64_t bytes;
} Lingering;

struct PacsHttpWatch {
    PacsHttpWatchOptions options;
    pthread_t thread;
    bool has_thread;
    int epoll_fd;
    int wake_fd;
    atomic_bool stopping;
    atomic_bool closes_idle;
    _Atomic size_t count;

    pthread_mutex_t lock; /* over which entries are in use, and so whether their sockets are still theirs */
    PacsHttpWatched *entries;
    uint32_t *unused; /* stack of indexes */
    size_t unused_count;
    size_t used_max; /* entries from here on were never used */
    Lingering lingering[MAX_LINGERING];
};

/* ---- Deadlines ---- */

static uint64_t span_ms(const PacsHttpWatch *watch, PacsHttpPhase phase)
{
    switch (phase) {
    case PACS_HTTP_PHASE_IDLE:
        if (atomic_load_explicit(&watch->closes_idle, memory_order_relaxed))
            return 0;
        if (atomic_load_explicit(&watch->count, memory_order_relaxed) > PACS_HTTP_CROWD &&
            watch->options.keep_alive_ms > CROWD_KEEP_ALIVE_MS)
            return CROWD_KEEP_ALIVE_MS;
        return watch->options.keep_alive_ms;
    case PACS_HTTP_PHASE_HEADER:
        return watch->options.header_ms;
    case PACS_HTTP_PHASE_BODY:
    case PACS_HTTP_PHASE_SENDING:
        return watch->options.transfer_ms;
    case PACS_HTTP_PHASE_WORKING:
    case PACS_HTTP_PHASE_CUT:
        break;
    }
    return UINT64_MAX;
}

static uint64_t deadline_in(uint64_t span)
{
    return span == UINT64_MAX ? UINT64_MAX : pacs_monotonic_ns() + span * NS_PER_MS;
}

/* The phase is what the two sides agree by: whoever changes it first has the connection. */
static bool change_phase(PacsHttpWatched *watched, int from, PacsHttpPhase to)
{
    while (from != PACS_HTTP_PHASE_CUT)
        if (atomic_compare_exchange_weak(&watched->phase, &from, (int)to))
            return true;
    return false;
}

bool pacs_http_watch_phase(PacsHttpWatch *watch, PacsHttpWatched *watched, PacsHttpPhase phase)
{
    atomic_store(&watched->deadline_ns, UINT64_MAX); /* the old one must not hit the new phase */
    if (!change_phase(watched, atomic_load(&watched->phase), phase))
        return false;
    atomic_store(&watched->deadline_ns, deadline_in(span_ms(watch, phase)));
    return true;
}

static uint64_t acknowledged_bytes(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;

    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return 0;
    return info.tcpi_bytes_acked;
}

/* A reader that takes enough may take its time. */
static bool is_moving(PacsHttpWatch *watch, PacsHttpWatched *watched)
{
    uint64_t acknowledged = acknowledged_bytes(watched->fd);
    uint64_t late = atomic_load(&watched->deadline_ns);
    bool moves = acknowledged - watched->acknowledged >= PACS_HTTP_PROGRESS_BYTES;

    watched->acknowledged = acknowledged;
    if (moves) /* unless it has got a new deadline by itself */
        (void)atomic_compare_exchange_strong(&watched->deadline_ns, &late,
                                             deadline_in(span_ms(watch, PACS_HTTP_PHASE_SENDING)));
    return moves;
}

/* Else the kernel would keep what the peer does not read, for minutes after the close. */
static void drop_unsent(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* Locked, so the socket is still the entry's. */
static void act_on_late(PacsHttpWatch *watch, PacsHttpWatched *watched, uint64_t now)
{
    int phase = atomic_load(&watched->phase);

    if (phase == PACS_HTTP_PHASE_WORKING || phase == PACS_HTTP_PHASE_CUT ||
        atomic_load(&watched->deadline_ns) > now) /* moved on since it was found late */
        return;
    if (phase == PACS_HTTP_PHASE_SENDING && is_moving(watch, watched))
        return;
    int expected = phase;
    if (!atomic_compare_exchange_strong(&watched->phase, &expected, PACS_HTTP_PHASE_CUT))
        return;
    if (phase == PACS_HTTP_PHASE_SENDING)
        drop_unsent(watched->fd);
    /* Nothing of an answer has been sent in these phases, and now nothing will be. */
    if (phase == PACS_HTTP_PHASE_HEADER || phase == PACS_HTTP_PHASE_BODY)
        (void)send(watched->fd, timeout_reply, sizeof timeout_reply - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(watched->fd, SHUT_RDWR);
}

/*
 * libmicrohttpd 0.9.75 asks epoll for edges, and takes a read that did not fill its buffer as the last: an
 * end of stream that came together with data is never read. Shutting down our side for reading loses nothing
 * that has arrived and is a new edge.
 */
static void show_end_of_stream(PacsHttpWatched *watched)
{
    int phase = atomic_load(&watched->phase);

    if (phase == PACS_HTTP_PHASE_IDLE || phase == PACS_HTTP_PHASE_HEADER || phase == PACS_HTTP_PHASE_BODY)
        (void)shutdown(watched->fd, SHUT_RD);
}

static void check_entries(PacsHttpWatch *watch)
{
    uint64_t now = pacs_monotonic_ns();

    (void)pthread_mutex_lock(&watch->lock);
    for (size_t i = 0; i < watch->used_max; i++) {
        PacsHttpWatched *watched = &watch->entries[i];

        if (watched->fd < 0)
            continue;
        if (atomic_load_explicit(&watched->gone, memory_order_relaxed))
            show_end_of_stream(watched);
        if (atomic_load(&watched->deadline_ns) <= now)
            act_on_late(watch, watched, now);
    }
    (void)pthread_mutex_unlock(&watch->lock);
}

/* ---- Lingering ---- */

static void end_linger(Lingering *lingering)
{
    (void)close(lingering->fd); /* a copy of a socket that is shut down: nothing to lose */
    lingering->fd = -1;
}

static void drain_lingering(Lingering *lingering)
{
    uint8_t waste[16384];

    for (;;) {
        ssize_t size = recv(lingering->fd, waste, sizeof waste, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size > 0)
            lingering->bytes += (uint64_t)size;
        if (size <= 0 || lingering->bytes > LINGER_BYTES)
            break;
    }
    end_linger(lingering);
}

static void check_lingering(PacsHttpWatch *watch)
{
    uint64_t now = pacs_monotonic_ns();

    (void)pthread_mutex_lock(&watch->lock);
    for (size_t i = 0; i < MAX_LINGERING; i++)
        if (watch->lingering[i].fd >= 0 && watch->lingering[i].deadline_ns <= now)
            end_linger(&watch->lingering[i]);
    (void)pthread_mutex_unlock(&watch->lock);
}

/* Locked. Where there is no room the peer may see a reset: that is how it would be without lingering. */
static void start_linger(PacsHttpWatch *watch, int fd)
{
    for (size_t i = 0; i < MAX_LINGERING; i++) {
        Lingering *lingering = &watch->lingering[i];
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = LINGER_EVENT | (uint64_t)i};

        if (lingering->fd >= 0)
            continue;
        *lingering = (Lingering){.fd = dup(fd), .deadline_ns = pacs_monotonic_ns() + LINGER_MS * NS_PER_MS};
        if (lingering->fd >= 0 && epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, lingering->fd, &event) != 0)
            end_linger(lingering);
        return;
    }
}

/* ---- The thread ---- */

static void handle_event(PacsHttpWatch *watch, const struct epoll_event *event)
{
    uint64_t data = event->data.u64;

    if (data == WAKE_EVENT)
        return; /* only to look at the clock and at `stopping` */
    (void)pthread_mutex_lock(&watch->lock);
    if (data & LINGER_EVENT) {
        Lingering *lingering = &watch->lingering[data & (MAX_LINGERING - 1)];
        if (lingering->fd >= 0)
            drain_lingering(lingering);
    } else {
        PacsHttpWatched *watched = &watch->entries[data & UINT32_MAX];
        /* An event of a connection that was closed meanwhile carries an older generation. */
        if (watched->fd >= 0 && watched->generation == data >> 32) {
            /* Showing it is an event to us as well: only the first counts, the ticks do the rest. */
            if (!atomic_exchange(&watched->gone, true))
                show_end_of_stream(watched);
        }
    }
    (void)pthread_mutex_unlock(&watch->lock);
}

/* Often enough that a deadline is kept within an eighth of itself. */
static int tick_ms(const PacsHttpWatch *watch)
{
    uint32_t shortest = watch->options.header_ms;

    if (watch->options.transfer_ms < shortest)
        shortest = watch->options.transfer_ms;
    if (watch->options.keep_alive_ms < shortest)
        shortest = watch->options.keep_alive_ms;
    if (shortest < 80)
        return 10;
    return shortest > 4000 ? 500 : (int)(shortest / 8);
}

static void *watch_until_stopped(void *argument)
{
    PacsHttpWatch *watch = argument;
    struct epoll_event events[MAX_EVENTS];
    uint64_t last_look_ns = 0;

    while (!atomic_load(&watch->stopping)) {
        int tick = tick_ms(watch);
        int count = epoll_wait(watch->epoll_fd, events, MAX_EVENTS, tick);

        for (int i = 0; i < count; i++)
            handle_event(watch, &events[i]);
        uint64_t now = pacs_monotonic_ns();
        if (now - last_look_ns < (uint64_t)tick * NS_PER_MS)
            continue; /* a busy server's events must not make this a scan each */
        last_look_ns = now;
        check_entries(watch);
        check_lingering(watch);
        if (watch->options.tick)
            watch->options.tick(watch->options.context);
    }
    return NULL;
}

/* ---- Entries ---- */

static void watch_socket(PacsHttpWatch *watch, PacsHttpWatched *watched)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)watched->generation << 32 | watched->index};

    /* Without it the peer's going is noticed when we next read or write: later, but not never. */
    (void)epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, watched->fd, &event);
}

PacsHttpWatched *pacs_http_watch_add(PacsHttpWatch *watch, int fd)
{
    PacsHttpWatched *watched = NULL;

    (void)pthread_mutex_lock(&watch->lock);
    if (watch->unused_count > 0)
        watched = &watch->entries[watch->unused[--watch->unused_count]];
    else if (watch->used_max < watch->options.max_connections)
        watched = &watch->entries[watch->used_max++];
    if (watched) {
        watched->fd = fd;
        watched->index = (uint32_t)(watched - watch->entries);
        watched->generation = (watched->generation + 1) &
                              INT32_MAX; /* the top bit marks a lingering socket */
        watched->acknowledged = 0;
        atomic_store(&watched->gone, false);
        atomic_fetch_add(&watch->count, 1);
        atomic_store(&watched->phase, PACS_HTTP_PHASE_IDLE);
        atomic_store(&watched->deadline_ns, deadline_in(watch->options.header_ms));
        watch_socket(watch, watched);
    }
    (void)pthread_mutex_unlock(&watch->lock);
    return watched;
}

void pacs_http_watch_remove(PacsHttpWatch *watch, PacsHttpWatched *watched, bool linger)
{
    (void)pthread_mutex_lock(&watch->lock);
    (void)epoll_ctl(watch->epoll_fd, EPOLL_CTL_DEL, watched->fd, NULL); /* not there if adding it failed */
    if (linger && !atomic_load(&watch->stopping))
        start_linger(watch, watched->fd);
    watched->fd = -1;
    atomic_store(&watched->deadline_ns, UINT64_MAX);
    watch->unused[watch->unused_count++] = watched->index;
    atomic_fetch_sub(&watch->count, 1);
    (void)pthread_mutex_unlock(&watch->lock);
}

void pacs_http_watch_hurry(PacsHttpWatch *watch, PacsHttpWatched *watched, uint32_t ms)
{
    uint64_t late = atomic_load(&watched->deadline_ns);
    const uint64_t soon = deadline_in(ms);

    (void)pthread_mutex_lock(&watch->lock);
    if (atomic_load(&watched->phase) == PACS_HTTP_PHASE_SENDING && late > soon) {
        watched->acknowledged = acknowledged_bytes(watched->fd); /* from here on it has to take something */
        (void)atomic_compare_exchange_strong(&watched->deadline_ns, &late,
                                             soon); /* unless it got a new one */
    }
    (void)pthread_mutex_unlock(&watch->lock);
}

size_t pacs_http_watch_count(PacsHttpWatch *watch)
{
    return atomic_load(&watch->count);
}

void pacs_http_watch_close_idle(PacsHttpWatch *watch)
{
    atomic_store(&watch->closes_idle, true);
    (void)pthread_mutex_lock(&watch->lock);
    for (size_t i = 0; i < watch->used_max; i++) {
        PacsHttpWatched *watched = &watch->entries[i];

        int idle = PACS_HTTP_PHASE_IDLE;
        if (watched->fd >= 0 && atomic_compare_exchange_strong(&watched->phase, &idle, PACS_HTTP_PHASE_CUT))
            (void)shutdown(watched->fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&watch->lock);
}

void pacs_http_watch_cut_all(PacsHttpWatch *watch)
{
    (void)pthread_mutex_lock(&watch->lock);
    for (size_t i = 0; i < watch->used_max; i++) {
        PacsHttpWatched *watched = &watch->entries[i];

        if (watched->fd < 0)
            continue;
        atomic_store(&watched->gone, true);
        atomic_store(&watched->phase, PACS_HTTP_PHASE_CUT);
        (void)shutdown(watched->fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&watch->lock);
}

/* ---- Life ---- */

static PacsStatus open_watch(PacsHttpWatch *watch, PacsError *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE_EVENT};

    watch->entries = calloc(watch->options.max_connections, sizeof *watch->entries);
    watch->unused = calloc(watch->options.max_connections, sizeof *watch->unused);
    if (!watch->entries || !watch->unused)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu connections",
                         watch->options.max_connections);
    watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->epoll_fd < 0 || watch->wake_fd < 0 ||
        epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, watch->wake_fd, &event) != 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot watch connections: %s", strerror(errno));
    PacsStatus status = pacs_http_thread_start(&watch->thread, "http-watch", watch_until_stopped, watch, err);
    watch->has_thread = status == PACS_OK;
    return status;
}

PacsStatus pacs_http_watch_new(const PacsHttpWatchOptions *options, PacsHttpWatch **ret_watch, PacsError *err)
{
    PACS_AUTO(PacsHttpWatch) watch = calloc(1, sizeof *watch);

    if (!watch)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to watch connections");
    watch->options = *options;
    watch->epoll_fd = watch->wake_fd = -1;
    (void)pthread_mutex_init(&watch->lock, NULL); /* cannot fail without attributes */
    for (size_t i = 0; i < MAX_LINGERING; i++)
        watch->lingering[i].fd = -1;
    PacsStatus status = open_watch(watch, err);
    if (status != PACS_OK)
        return status;
    *ret_watch = PACS_STEAL(watch);
    return PACS_OK;
}

void pacs_http_watch_free(PacsHttpWatch *watch)
{
    uint64_t one = 1;

    if (!watch)
        return;
    atomic_store(&watch->stopping, true);
    if (watch->has_thread) {
        (void)!write(watch->wake_fd, &one,
                     sizeof one); /* an eventfd takes it, or the tick wakes the thread */
        (void)pthread_join(watch->thread, NULL);
    }
    for (size_t i = 0; i < MAX_LINGERING; i++)
        if (watch->lingering[i].fd >= 0)
            end_linger(&watch->lingering[i]);
    if (watch->wake_fd >= 0)
        (void)close(watch->wake_fd);
    if (watch->epoll_fd >= 0)
        (void)close(watch->epoll_fd);
    (void)pthread_mutex_destroy(&watch->lock);
    free(watch->entries);
    free(watch->unused);
    free(watch);
}
