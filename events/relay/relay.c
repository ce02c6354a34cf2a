#include "events/relay/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "events/relay/relay_private.h"
#include "pacs/util/clock.h"
#include "pacs/util/hash.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"

#define MS UINT64_C(1000000) /* in ns */

#define DEFAULT_LEASE_MS 15000
#define DEFAULT_HOLD_MS 1000
#define READ_ROWS 1000
#define POLL_NS (1000 * MS)   /* the outbox is read this often although nobody said that something came */
#define RESCAN_NS (1000 * MS) /* from its beginning, for what was given back to it */
#define DELAY_STEP_NS (100 * MS)
#define TURN_NS                                                                                              \
    (5 * MS) /* a turn takes at least this long, so that what comes meanwhile shares its cost ... */
#define LOADED_TURN_NS (20 * MS) /* ... and its requests, of which each partition has its own */
#define LOADED_ROWS 4            /* sent in one turn: then more will come */
#define BACKOFF_FIRST_NS (100 * MS)
#define BACKOFF_DOUBLINGS 8 /* 25.6 s */

uint64_t relay_backoff_ns(uint32_t failures)
{
    return BACKOFF_FIRST_NS << (failures < BACKOFF_DOUBLINGS ? failures : BACKOFF_DOUBLINGS);
}

/* ---- The duty ---- */

static void forget_all(EventsRelay *relay)
{
    if (relay->producer)
        events_producer_purge(relay->producer);
    relay_window_clear(relay->window);
    relay->suspects = 0;
    relay->after_id = 0;
    relay->at_end = relay->left_behind = false;
}

static void lose_lease(EventsRelay *relay)
{
    if (!relay->leads)
        return;
    relay->leads = false;
    pacs_metric_set(relay->metrics.leader, 0);
    PACS_LOG(PACS_LOG_WARNING, "relay", "duty-lost", PACS_F_U64("epoch", relay->epoch));
    forget_all(relay);
}

void relay_index_failed(EventsRelay *relay, PacsStatus status, const PacsError *err)
{
    if (status == PACS_REFUSED) {
        relay->lease_due_ns = 0; /* whose is it? */
        return;
    }
    if (status != relay->told)
        PACS_LOG(PACS_LOG_WARNING, "relay", "index-failed", PACS_F_TEXT("status", pacs_status_name(status)),
                 PACS_F_TEXT("reason", err->text));
    relay->told = status;
}

static void keep_lease(EventsRelay *relay, uint64_t now_ns)
{
    PacsError err = {0};
    uint64_t epoch = 0;
    bool held = false;

    if (now_ns < relay->lease_due_ns)
        return;
    PacsStatus status = pacs_index_take_lease(relay->index, RELAY_LEASE, relay->holder, relay->lease_ms,
                                              &held, &epoch, &err);
    relay->lease_due_ns = now_ns + (status == PACS_OK ? relay->lease_ms / 3 * MS : RELAY_INDEX_PAUSE_NS);
    if (status != PACS_OK) {
        relay_index_failed(relay, status, &err); /* still ours, or another's: the fence will tell */
        return;
    }
    if (!held || epoch != relay->epoch)
        lose_lease(relay);
    if (held && !relay->leads) {
        relay->leads = true;
        relay->epoch = epoch;
        pacs_metric_set(relay->metrics.leader, 1);
        PACS_LOG(PACS_LOG_INFO, "relay", "duty-taken", PACS_F_U64("epoch", epoch));
    }
}

/* ---- The producer ---- */

static PacsStatus open_producer(EventsRelay *relay, PacsError *err)
{
    PACS_AUTO(EventsProducer) producer = NULL;
    const EventsType *types;
    size_t count;

    PacsStatus status = events_producer_new(&relay->settings->kafka, relay_on_report, relay, &producer, err);
    types = events_types(&count);
    for (size_t i = 0; status == PACS_OK && i < relay->topic_count; i++) {
        const RelayTopic *topic = &relay->topics[i];
        for (size_t j = 0; status == PACS_OK && j < count; j++) {
            if (types[j].topic == topic->topic || types[j].state_topic == topic->topic)
                status = events_producer_prepare(producer, topic->name, err);
        }
    }
    if (status != PACS_OK)
        return status;
    events_producer_wake(producer, relay->wake_fd);
    relay->producer = PACS_STEAL(producer);
    return PACS_OK;
}

/** An idempotent producer that lost its sequence takes nothing any more, for ever. A new one begins a new sequence. */
static void replace_fatal(EventsRelay *relay, uint64_t now_ns)
{
    const char *reason = NULL;

    if (!events_producer_is_fatal(relay->producer, &reason))
        return;
    PACS_LOG(PACS_LOG_WARNING, "relay", "producer-fatal", PACS_F_TEXT("reason", reason));
    pacs_metric_add(relay->metrics.fatal, 1);
    events_producer_free(relay->producer); /* everything comes back */
    relay->producer = NULL;
    relay->producer_due_ns = now_ns + relay_backoff_ns(relay->producer_failures++);
}

static void keep_producer(EventsRelay *relay, uint64_t now_ns)
{
    PacsError err = {0};

    if (relay->producer)
        replace_fatal(relay, now_ns);
    if (relay->producer || now_ns < relay->producer_due_ns)
        return;
    if (open_producer(relay, &err) != PACS_OK) {
        PACS_LOG(PACS_LOG_ERROR, "relay", "no-producer", PACS_F_TEXT("reason", err.text));
        relay->producer_due_ns = now_ns + relay_backoff_ns(relay->producer_failures++);
    }
}

static void tell_trouble(EventsRelay *relay)
{
    PacsError trouble = {0};

    if (relay->producer && events_producer_trouble(relay->producer, &trouble))
        PACS_LOG(PACS_LOG_WARNING, "relay", "broker-trouble", PACS_F_TEXT("reason", trouble.text));
}

/* ---- Reading the outbox ---- */

static PacsStatus take(EventsRelay *relay, const PacsOutboxEvent *event, PacsError *err)
{
    if (relay_window_has(relay->window, event->id))
        return PACS_OK;
    if (relay_topics_hold(relay, events_type_find(event->type), event->lane)) {
        relay_begin_again(relay, RELAY_RESCAN_HELD_NS);
        return PACS_OK;
    }
    return relay_window_add(relay->window, event, err);
}

static PacsStatus read_some(EventsRelay *relay, PacsError *err)
{
    PacsOutboxEvent *events = NULL;
    size_t count = 0;

    pacs_arena_reset(relay->arena);
    PacsStatus status = pacs_index_read_outbox(relay->index, relay->after_id, relay->read_rows, relay->arena,
                                               &events, &count, err);
    for (size_t i = 0; status == PACS_OK && i < count && relay_window_room(relay->window) > 0; i++) {
        status = take(relay, &events[i], err);
        if (status == PACS_OK)
            relay->after_id = events[i].id;
    }
    if (status == PACS_OK)
        relay->at_end = count == 0;
    return status;
}

/** What was given back stands in front of where we are; while the window is empty, so does nothing else. */
static void look_back(EventsRelay *relay, uint64_t now_ns)
{
    if (atomic_exchange(&relay->written, false)) {
        relay_begin_again(relay, relay->held_count > 0                  ? RELAY_RESCAN_HELD_NS
                                 : relay_window_rows(relay->window) > 0 ? RESCAN_NS
                                                                        : 0);
        relay->at_end = false;
    }
    if (relay->left_behind && now_ns >= relay->rescan_due_ns) {
        relay->after_id = 0;
        relay->left_behind = relay->at_end = false;
    }
}

static bool may_read(const EventsRelay *relay)
{
    return !relay->at_end && relay_window_room(relay->window) >= relay->read_rows;
}

static void read_outbox(EventsRelay *relay, uint64_t now_ns)
{
    PacsError err = {0};

    look_back(relay, now_ns);
    if (!may_read(relay))
        return;
    PacsStatus status = read_some(relay, &err);
    if (status != PACS_OK) {
        relay->at_end = true; /* until the next poll */
        relay_index_failed(relay, status, &err);
        return;
    }
    relay->told = PACS_OK;
    pacs_metric_set(relay->metrics.rows, (int64_t)relay_window_rows(relay->window));
    pacs_metric_set(relay->metrics.bytes, (int64_t)relay_window_bytes(relay->window));
}

/* ---- The thread ---- */

static void work(EventsRelay *relay, uint64_t now_ns)
{
    keep_producer(relay, now_ns);
    if (relay->producer) {
        events_producer_poll(relay->producer, 0);
        relay_topics_probe(relay, now_ns);
    }
    tell_trouble(relay);
    relay_settle_back(relay);
    relay_note_arrived(relay, now_ns);
    relay_wake_delayed(relay, now_ns);
    read_outbox(relay, now_ns);
    if (relay->producer)
        relay_send_ready(relay);
    relay_settle_back(relay); /* what failed at once */
}

static bool is_busy(const EventsRelay *relay)
{
    return may_read(relay) || relay_window_list(relay->window, RELAY_BACK)->count > 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/** When something is due although nobody wakes us. */
static uint64_t next_due_ns(const EventsRelay *relay, uint64_t now_ns)
{
    uint64_t due_ns = earlier(now_ns + POLL_NS, relay->lease_due_ns);

    if (!relay->leads)
        return due_ns;
    if (is_busy(relay))
        return now_ns;
    if (!relay->producer)
        due_ns = earlier(due_ns, relay->producer_due_ns);
    if (relay->left_behind)
        due_ns = earlier(due_ns, relay->rescan_due_ns);
    if (relay_window_list(relay->window, RELAY_ARRIVED)->count > 0)
        due_ns = earlier(due_ns, relay->arrived_since_ns + RELAY_NOTE_AFTER_NS);
    if (relay_window_list(relay->window, RELAY_DELAYED)->count > 0)
        due_ns = earlier(due_ns, now_ns + DELAY_STEP_NS);
    if (atomic_load(&relay->stop))
        due_ns = earlier(due_ns, atomic_load(&relay->stop_by_ns));
    return due_ns;
}

static void wait_until(EventsRelay *relay, uint64_t due_ns, uint64_t now_ns)
{
    struct pollfd wake = {.fd = relay->wake_fd, .events = POLLIN};
    const uint64_t wait_ms = due_ns > now_ns ? (due_ns - now_ns + MS - 1) / MS : 0;
    uint64_t count;

    if (poll(&wake, 1, (int)wait_ms) > 0)
        (void)!read(relay->wake_fd, &count, sizeof count); /* how often does not matter */
    else if (wait_ms > 0)
        relay->at_end = false; /* nobody said so, but look */
}

/** While there is a backlog a turn is long enough by itself. */
static void gather(const EventsRelay *relay, uint64_t begin_ns, uint64_t sendings_before)
{
    const bool loaded = relay->sendings - sendings_before > LOADED_ROWS;
    const uint64_t end_ns = begin_ns + (loaded ? LOADED_TURN_NS : TURN_NS), now_ns = pacs_monotonic_ns();
    const struct timespec rest = {.tv_nsec = now_ns < end_ns ? (long)(end_ns - now_ns) : 0};

    if (rest.tv_nsec > 0 && !is_busy(relay) && !atomic_load(&relay->stop))
        (void)nanosleep(&rest, NULL); /* a signal may end it early */
}

/** All that waited is sent, or there is no more time. */
static bool is_done(const EventsRelay *relay, uint64_t now_ns)
{
    if (!atomic_load(&relay->stop))
        return false;
    return !relay->leads || now_ns >= atomic_load(&relay->stop_by_ns) ||
           (relay->at_end && relay_window_rows(relay->window) == 0);
}

static void *run(void *argument)
{
    EventsRelay *relay = argument;
    uint64_t now_ns;

    for (;;) {
        const uint64_t sendings = relay->sendings;
        now_ns = pacs_monotonic_ns();
        keep_lease(relay, now_ns);
        if (relay->leads)
            work(relay, now_ns);
        if (is_done(relay, now_ns))
            break;
        gather(relay, now_ns, sendings);
        wait_until(relay, next_due_ns(relay, now_ns), now_ns);
    }
    forget_all(relay);
    if (relay->leads)
        pacs_ignore(
            pacs_index_drop_lease(relay->index, RELAY_LEASE, relay->holder, NULL)); /* it ends by itself */
    return NULL;
}

static void wake(EventsRelay *relay)
{
    static const uint64_t one = 1;

    (void)!write(relay->wake_fd, &one, sizeof one); /* full: it is awake */
}

static void on_events(void *context)
{
    EventsRelay *relay = context;

    if (!atomic_exchange(&relay->written, true))
        wake(relay);
}

/* ---- Life ---- */

static void register_metrics(EventsRelay *relay, PacsMetrics *metrics)
{
    RelayMetrics *own = &relay->metrics;

    own->sent = pacs_metrics_family(metrics, PACS_COUNTER, "imaging_events_sent_total",
                                    "Events by what became of sending them: delivered, retried, dead.",
                                    "type,result");
    own->latency = pacs_metric(
        pacs_metrics_family(metrics, PACS_HISTOGRAM, "imaging_event_latency_seconds",
                            "From the commit of an event to the brokers' word that they have it.", NULL),
        NULL);
    own->fatal = pacs_metric(pacs_metrics_family(metrics, PACS_COUNTER, "imaging_producer_fatal_total",
                                                 "Producers that were done and were replaced.", NULL),
                             NULL);
    own->leader = pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, "imaging_relay_leader",
                                                  "1 if this process sends the events.", NULL),
                              NULL);
    own->rows = pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, "imaging_relay_window_rows",
                                                "Events the relay has in hand.", NULL),
                            NULL);
    own->bytes = pacs_metric(
        pacs_metrics_family(metrics, PACS_GAUGE, "imaging_relay_window_bytes", "Their memory.", NULL), NULL);
    own->held = pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, "imaging_relay_topics_held",
                                                "Topics that are missing or forbidden.", NULL),
                            NULL);
}

static PacsStatus open_parts(EventsRelay *relay, const EventsRelayOptions *options, PacsError *err)
{
    const size_t rows = options->window_rows ? options->window_rows : PACS_MAX_RELAY_ROWS;
    const size_t bytes = options->window_bytes ? options->window_bytes : PACS_MAX_RELAY_WINDOW;

    relay->arena = pacs_arena_new(PACS_MAX_RELAY_READ);
    if (!relay->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the relay");
    relay->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relay->wake_fd < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "no event descriptor: %s", strerror(errno));
    relay->read_rows = rows < 4 * (size_t)READ_ROWS ? rows / 4 + 1 : READ_ROWS;
    PacsStatus status = pacs_uuid7(relay->holder, err);
    if (status == PACS_OK)
        status = relay_window_new(rows, bytes, &relay->window, err);
    if (status == PACS_OK)
        status = relay_topics_init(relay, err);
    return status == PACS_OK ? open_producer(relay, err) : status;
}

static PacsStatus start(EventsRelay *relay, PacsError *err)
{
    PacsStatus status = pacs_index_listen(relay->index, on_events, relay, err);
    if (status != PACS_OK)
        return status;
    int rc = pthread_create(&relay->thread, NULL, run, relay);
    if (rc != 0) {
        pacs_index_unlisten(relay->index, on_events, relay);
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start the relay's thread: %s", strerror(rc));
    }
    relay->started = true;
    return PACS_OK;
}

PacsStatus events_relay_new(const EventsRelayOptions *options, PacsIndex *index, PacsMetrics *metrics,
                            EventsRelay **ret_relay, PacsError *err)
{
    PACS_AUTO(EventsRelay) relay = calloc(1, sizeof *relay);
    if (!relay)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the relay");

    relay->settings = options->settings;
    relay->index = index;
    relay->lease_ms = options->lease_ms ? options->lease_ms : DEFAULT_LEASE_MS;
    relay->hold_ms = options->hold_ms ? options->hold_ms : DEFAULT_HOLD_MS;
    relay->wake_fd = -1;
    pacs_buffer_init(&relay->structured, PACS_MAX_CLOUD_EVENT);
    register_metrics(relay, metrics);
    PacsStatus status = open_parts(relay, options, err);
    if (status == PACS_OK)
        status = start(relay, err);
    if (status != PACS_OK)
        return status;
    *ret_relay = PACS_STEAL(relay);
    return PACS_OK;
}

void events_relay_stop(EventsRelay *relay, uint32_t timeout_ms)
{
    if (!relay->started)
        return;
    atomic_store(&relay->stop_by_ns, pacs_monotonic_ns() + timeout_ms * MS);
    atomic_store(&relay->stop, true);
    wake(relay);
    (void)pthread_join(relay->thread, NULL);
    relay->started = false;
    pacs_index_unlisten(relay->index, on_events, relay);
}

void events_relay_free(EventsRelay *relay)
{
    if (!relay)
        return;
    events_relay_stop(relay, 0);
    events_producer_free(relay->producer);
    relay_window_free(relay->window);
    pacs_arena_free(relay->arena);
    pacs_buffer_clear(&relay->structured);
    if (relay->wake_fd >= 0)
        (void)close(relay->wake_fd);
    free(relay);
}
