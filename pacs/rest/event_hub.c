#include "pacs/rest/event_hub.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pacs/http/thread.h"
#include "pacs/index/index_outbox.h"
#include "pacs/rest/event_text.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"

#define HEARTBEAT_MS 15000 /* proxies give a silent connection up after 30 seconds and more */
#define RETRY_MS 1000      /* when the index did not answer */
#define NS_PER_MS UINT64_C(1000000)

/** Text that several listeners send. Everything of pieces and listeners is under the hub's lock. */
typedef struct Piece {
    size_t references;
    PacsBuffer text;
} Piece;

typedef struct Listener {
    PacsHttpFeed base;
    struct Listener *next, **place; /* place NULL: the client is gone */
    RestEventHub *hub;
    size_t references;          /* the server's, and the hub's while it reads for it */
    RestEventInterest interest; /* its texts are the listener's own; after_id is where it stands */
    Piece *piece;               /* what it has to take; NULL: nothing */
    size_t taken;
    uint64_t seen;   /* the generation up to which all has been read for it; 0: none */
    uint64_t due_ns; /* of the next heartbeat */
} Listener;

struct RestEventHub {
    RestEventHubOptions options;
    PacsIndex *index;
    PacsMetric *count_metric, *resets;
    pthread_t thread;
    bool has_thread, is_listening;
    int wake_fd;                 /* news, a listener that has taken its piece, or the end */
    _Atomic uint64_t generation; /* rises with news, from 1 */
    atomic_bool stopping;

    pthread_mutex_t lock;
    Listener *listeners;
    size_t count;
    bool is_failing; /* the index did not answer: the log has it once */
};

static void lock(RestEventHub *hub)
{
    (void)pthread_mutex_lock(&hub->lock); /* fails for misuse only */
}

static void unlock(RestEventHub *hub)
{
    (void)pthread_mutex_unlock(&hub->lock);
}

static void poke(RestEventHub *hub)
{
    const uint64_t one = 1;

    while (write(hub->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ; /* it fails otherwise only when it would count over: then it is readable as it is */
}

/** PacsEventListener: by whoever committed. */
static void hear_news(void *context)
{
    RestEventHub *hub = context;

    atomic_fetch_add(&hub->generation, 1);
    poke(hub);
}

/* ---- Pieces and listeners: the lock is held ---- */

static void unref_piece(Piece *piece)
{
    if (!piece || --piece->references > 0)
        return;
    pacs_buffer_clear(&piece->text);
    free(piece);
}

static void unref_listener(Listener *listener)
{
    if (--listener->references > 0)
        return;
    unref_piece(listener->piece);
    free((char *)listener->interest.study_uid);
    free((char *)listener->interest.type);
    free(listener);
}

static void give(Listener *listener, Piece *piece)
{
    piece->references++;
    listener->piece = piece;
    listener->taken = 0;
    listener->due_ns = pacs_monotonic_ns() + listener->hub->options.heartbeat_ms * NS_PER_MS;
    pacs_http_feed_wake(&listener->base);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool wants_same(const RestEventInterest *a, const RestEventInterest *b)
{
    return a->after_id == b->after_id && same_text(a->study_uid, b->study_uid) && same_text(a->type, b->type);
}

static bool is_waiting(const Listener *listener, uint64_t generation)
{
    return !listener->piece && listener->seen != generation;
}

static Listener *find_waiting(RestEventHub *hub)
{
    const uint64_t generation = atomic_load(&hub->generation);

    for (Listener *listener = hub->listeners; listener; listener = listener->next)
        if (is_waiting(listener, generation))
            return listener;
    return NULL;
}

/* ---- The server's side ---- */

static PacsHttpFeedRead read_listener(PacsHttpFeed *self, void *bytes, size_t size, size_t *ret_size)
{
    Listener *listener = (Listener *)self;
    RestEventHub *hub = listener->hub;
    PacsHttpFeedRead read = PACS_HTTP_FEED_LATER;

    lock(hub);
    if (listener->piece) {
        const PacsBuffer *text = &listener->piece->text;
        const size_t left = text->size - listener->taken;
        *ret_size = left < size ? left : size;
        memcpy(bytes, text->bytes + listener->taken, *ret_size);
        listener->taken += *ret_size;
        read = PACS_HTTP_FEED_BYTES;
        if (listener->taken == text->size) {
            unref_piece(listener->piece);
            listener->piece = NULL;
            poke(hub);
        }
    }
    unlock(hub);
    return read;
}

static void free_listener(PacsHttpFeed *self)
{
    Listener *listener = (Listener *)self;
    RestEventHub *hub = listener->hub;

    lock(hub);
    *listener->place = listener->next;
    if (listener->next)
        listener->next->place = listener->place;
    listener->place = NULL;
    hub->count--;
    pacs_metric_set(hub->count_metric, (int64_t)hub->count);
    unref_listener(listener);
    unlock(hub);
}

static const PacsHttpFeedOps listener_ops = {.read = read_listener, .free = free_listener};

/* ---- Reading for them: without the lock ---- */

/** What has been read behind a place. */
typedef struct Reading {
    Piece *piece; /* never NULL; perhaps without text */
    int64_t after_id;
    bool done; /* nothing was behind that */
    bool was_reset;
} Reading;

static void log_bad_event(const PacsOutboxEvent *event, const PacsError *err)
{
    PACS_LOG(PACS_LOG_ERROR, "rest", "event-unreadable", PACS_F_TEXT("ce_id", event->ce_id),
             PACS_F_TEXT("error", err->text));
}

/** As many events of the page as make a piece. One that cannot be told is passed over: the others wait behind it. */
static PacsStatus write_page(RestEventHub *hub, const PacsEventPage *page, Reading *reading, PacsError *err)
{
    PacsBuffer *out = &reading->piece->text;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_EVENT_PAGE_ARENA);

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for events");
    for (size_t i = 0; i < page->count; i++) {
        PacsError event_error = {0};
        if (out->size >= PACS_EVENT_PIECE)
            return PACS_OK; /* the rest of the page is read again when that is taken */
        if (rest_event_text(&hub->options.compose, &page->events[i], arena, out, &event_error) != PACS_OK)
            log_bad_event(&page->events[i], &event_error);
        reading->after_id = page->events[i].id;
        pacs_arena_reset(arena);
    }
    reading->after_id = page->next_after_id;
    reading->done = page->done;
    return pacs_buffer_check(out, err);
}

/** The page is read first: what has not been purged then cannot have been before. */
static PacsStatus read_on(RestEventHub *hub, const RestEventInterest *interest, Reading *reading,
                          PacsError *err)
{
    const PacsEventQuery query = {.after_id = interest->after_id,
                                  .study_uid = interest->study_uid,
                                  .type = interest->type,
                                  .max = PACS_EVENT_PAGE};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_EVENT_PAGE_ARENA);
    PacsEventPage page;
    PacsEventBounds bounds;

    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for events");
    PacsStatus status = pacs_index_read_events(hub->index, &query, arena, &page, err);
    if (status == PACS_OK)
        status = pacs_index_event_bounds(hub->index, &bounds, err);
    if (status != PACS_OK)
        return status;
    const bool is_ahead = query.after_id > bounds.last_id;
    if (query.after_id >= bounds.purged_id && !is_ahead)
        return write_page(hub, &page, reading, err);
    reading->after_id = is_ahead ? bounds.last_id : bounds.purged_id;
    reading->was_reset = true;
    rest_event_text_reset(&reading->piece->text, query.after_id, reading->after_id);
    return pacs_buffer_check(&reading->piece->text, err);
}

static Piece *new_piece(void)
{
    Piece *piece = calloc(1, sizeof *piece);

    if (piece)
        *piece = (Piece){.references = 1,
                         .text = PACS_BUFFER(PACS_EVENT_PIECE + (size_t)3 * PACS_MAX_CLOUD_EVENT)};
    return piece;
}

/* ---- The thread ---- */

/** To everybody who stood at the same place and is waiting still. The lock is held. */
static void deliver(RestEventHub *hub, const RestEventInterest *interest, const Reading *reading,
                    uint64_t generation)
{
    for (Listener *listener = hub->listeners; listener; listener = listener->next) {
        if (!is_waiting(listener, atomic_load(&hub->generation)) ||
            !wants_same(&listener->interest, interest))
            continue;
        listener->interest.after_id = reading->after_id;
        if (reading->done)
            listener->seen = generation;
        if (reading->was_reset)
            pacs_metric_add(hub->resets, 1);
        if (reading->piece->text.size > 0)
            give(listener, reading->piece);
    }
}

/** The lock is held, and let go while the index is read. */
static PacsStatus serve(RestEventHub *hub, Listener *listener, PacsError *err)
{
    const uint64_t generation = atomic_load(
        &hub->generation); /* before the read: what comes meanwhile is news */
    const RestEventInterest interest = listener->interest;
    Reading reading = {.piece = new_piece(), .after_id = interest.after_id};

    if (!reading.piece)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for events");
    listener->references++; /* the texts stay */
    unlock(hub);
    const PacsStatus status = read_on(hub, &interest, &reading, err);
    lock(hub);
    if (status == PACS_OK)
        deliver(hub, &interest, &reading, generation);
    unref_piece(reading.piece);
    unref_listener(listener);
    return status;
}

static void note_failure(RestEventHub *hub, PacsStatus status, const PacsError *err)
{
    if (status != PACS_OK && !hub->is_failing)
        PACS_LOG(PACS_LOG_ERROR, "rest", "events-unread", PACS_F_TEXT("error", err->text));
    hub->is_failing = status != PACS_OK;
}

/** Everybody who waits, and is not behind a failure. */
static void serve_all(RestEventHub *hub)
{
    Listener *listener;
    PacsStatus status = PACS_OK;
    PacsError err = {0};

    lock(hub);
    while (status == PACS_OK && !atomic_load(&hub->stopping) && (listener = find_waiting(hub)))
        status = serve(hub, listener, &err);
    note_failure(hub, status, &err);
    unlock(hub);
}

/** A word to those who heard nothing for a while; the time until the next is due. */
static uint64_t beat(RestEventHub *hub)
{
    uint64_t next_ns = pacs_monotonic_ns() + hub->options.heartbeat_ms * NS_PER_MS;

    lock(hub);
    const uint64_t now_ns = pacs_monotonic_ns();
    for (Listener *listener = hub->listeners; listener; listener = listener->next) {
        Piece *piece = listener->piece || listener->due_ns > now_ns ? NULL : new_piece();
        if (piece) {
            rest_event_text_heartbeat(&piece->text, listener->interest.after_id);
            if (!piece->text.failed)
                give(listener, piece);
            unref_piece(piece);
        }
        if (!listener->piece && listener->due_ns < next_ns)
            next_ns = listener->due_ns;
    }
    unlock(hub);
    return next_ns > now_ns ? next_ns - now_ns : 0;
}

static void *run(void *argument)
{
    RestEventHub *hub = argument;

    while (!atomic_load(&hub->stopping)) {
        uint64_t count;
        serve_all(hub);
        uint64_t wait_ms = beat(hub) / NS_PER_MS + 1;
        if (hub->is_failing && wait_ms > RETRY_MS)
            wait_ms = RETRY_MS;
        struct pollfd wake = {.fd = hub->wake_fd, .events = POLLIN};
        if (poll(&wake, 1, (int)wait_ms) > 0)
            (void)!read(hub->wake_fd, &count,
                        sizeof count); /* back to silence: that there was something is known */
    }
    return NULL;
}

/* ---- Listening ---- */

/** Where it begins: behind what is there, or where it left off. */
static PacsStatus begin(RestEventHub *hub, const RestEventInterest *interest, Listener *listener,
                        PacsError *err)
{
    RestEventInterest *own = &listener->interest;

    own->after_id = interest->after_id;
    if (interest->after_id < 0) {
        const PacsStatus status = pacs_index_last_event(hub->index, &own->after_id, err);
        if (status != PACS_OK)
            return status;
    }
    own->study_uid = interest->study_uid ? strdup(interest->study_uid) : NULL;
    own->type = interest->type ? strdup(interest->type) : NULL;
    listener->piece = new_piece();
    if (!listener->piece || !own->study_uid != !interest->study_uid || !own->type != !interest->type)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a listener");
    rest_event_text_begin(&listener->piece->text, own->after_id);
    return pacs_buffer_check(&listener->piece->text, err);
}

/** False: there are as many as there may be. */
static bool join(RestEventHub *hub, Listener *listener)
{
    lock(hub);
    const bool has_room = hub->count < hub->options.max_listeners;
    if (has_room) {
        listener->next = hub->listeners;
        listener->place = &hub->listeners;
        if (listener->next)
            listener->next->place = &listener->next;
        hub->listeners = listener;
        hub->count++;
        pacs_metric_set(hub->count_metric, (int64_t)hub->count);
    }
    unlock(hub);
    return has_room;
}

PacsStatus rest_event_hub_listen(RestEventHub *hub, const RestEventInterest *interest,
                                 PacsHttpFeed **ret_feed, PacsError *err)
{
    Listener *listener = calloc(1, sizeof *listener);

    if (!listener)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a listener");
    *listener = (Listener){
        .hub = hub, .references = 1, .due_ns = pacs_monotonic_ns() + hub->options.heartbeat_ms * NS_PER_MS};
    pacs_http_feed_init(&listener->base, &listener_ops);
    PacsStatus status = begin(hub, interest, listener, err);
    if (status == PACS_OK && !join(hub, listener))
        status = pacs_fail(err, PACS_UNAVAILABLE, "%zu listen to events already", hub->options.max_listeners);
    if (status != PACS_OK) {
        unref_listener(listener); /* nobody else knows it */
        return status;
    }
    *ret_feed = &listener->base;
    return PACS_OK;
}

/* ---- Life ---- */

static void count_from(RestEventHub *hub, PacsMetrics *metrics)
{
    hub->count_metric = pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, "imaging_event_listeners",
                                                        "Who listens to events over HTTP.", NULL),
                                    NULL);
    hub->resets = pacs_metric(pacs_metrics_family(metrics, PACS_COUNTER, "imaging_event_resets_total",
                                                  "Listeners that had missed what is not retained.", NULL),
                              NULL);
}

PacsStatus rest_event_hub_new(const RestEventHubOptions *options, PacsIndex *index, PacsMetrics *metrics,
                              RestEventHub **ret_hub, PacsError *err)
{
    PACS_AUTO(RestEventHub) hub = calloc(1, sizeof *hub);

    if (!hub)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for events");
    hub->options = *options;
    hub->index = index;
    atomic_store(&hub->generation, 1);
    if (hub->options.heartbeat_ms == 0)
        hub->options.heartbeat_ms = HEARTBEAT_MS;
    if (hub->options.max_listeners == 0)
        hub->options.max_listeners = PACS_MAX_EVENT_LISTENERS;
    (void)pthread_mutex_init(&hub->lock, NULL); /* cannot fail with default attributes on Linux */
    count_from(hub, metrics);
    hub->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (hub->wake_fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot wait for events: %s", strerror(errno));
    PacsStatus status = pacs_index_listen(index, hear_news, hub, err);
    hub->is_listening = status == PACS_OK;
    if (status == PACS_OK)
        status = pacs_http_thread_start(&hub->thread, "event-hub", run, hub, err);
    hub->has_thread = status == PACS_OK;
    if (status == PACS_OK)
        *ret_hub = PACS_STEAL(hub);
    return status;
}

void rest_event_hub_free(RestEventHub *hub)
{
    if (!hub)
        return;
    if (hub->is_listening)
        pacs_index_unlisten(hub->index, hear_news, hub);
    atomic_store(&hub->stopping, true);
    if (hub->has_thread) {
        poke(hub);
        (void)pthread_join(hub->thread, NULL);
    }
    if (hub->wake_fd >= 0)
        (void)close(hub->wake_fd);
    (void)pthread_mutex_destroy(&hub->lock);
    free(hub);
}
