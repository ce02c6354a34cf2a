#include "workers/loop/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"
#include "workers/loop/loop_private.h"
#include "workers/loop/migrations.h"

#define TRIES 5           /* of an event, 100 ms to 26 s apart, before its key is parked */
#define PATIENT_TRIES 25  /* where nothing else succeeds either: some ten minutes */
#define PARKED_IN_A_ROW 3 /* keys parked without a success: then it is not the keys */
#define RETRY_MAX_MS 30000
#define PARKED_CHECK_MS 1000
#define PRUNE_CHECK_MS 3600000
#define POLL_MS 500
#define MAX_EFFECT_MS 300000
#define INBOX_DAYS 30
#define PARKED_DAYS 7
#define MS_PER_DAY (24ll * 3600 * 1000)
#define NS_PER_MS 1000000u

/* ---- Waiting ---- */

static bool wait_real(void *context, uint32_t ms)
{
    WorkerLoop *loop = context;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&loop->lock);
    while (!atomic_load(&loop->stopping) && pthread_cond_timedwait(&loop->changed, &loop->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&loop->lock);
    return atomic_load(&loop->stopping);
}

/** 100, 400, 1,600 ... up to RETRY_MAX_MS. */
static uint32_t backoff_ms(uint32_t failures)
{
    uint32_t ms = 100;
    for (uint32_t i = 1; i < failures && ms < RETRY_MAX_MS; i++)
        ms *= 4;
    return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

int64_t worker_loop_now_ms(const WorkerLoop *loop)
{
    return loop->options.now_ms();
}

/** Wait before the next try; true: the process is to end. */
static bool wait_after(WorkerLoop *loop, uint32_t failures)
{
    return loop->options.wait(loop->options.wait_context, backoff_ms(failures)) ||
           atomic_load(&loop->stopping);
}

/* ---- Life ---- */

static void open_counters(WorkerLoop *loop)
{
    PacsMetrics *metrics = loop->options.metrics;
    LoopCounters *counters = &loop->counters;
#define COUNTER(name, help) pacs_metric(pacs_metrics_family(metrics, PACS_COUNTER, name, help, NULL), NULL)
#define GAUGE(name, help) pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, name, help, NULL), NULL)
#define TIMES(name, help) pacs_metric(pacs_metrics_family(metrics, PACS_HISTOGRAM, name, help, NULL), NULL)
    counters->processed = pacs_metrics_family(metrics, PACS_COUNTER, "imaging_inbox_processed_total",
                                              "Events whose effect was committed.", "type");
    counters->dead = pacs_metrics_family(metrics, PACS_COUNTER, "imaging_inbox_dlq_total",
                                         "Records given up as dead letters.", "class");
    counters->duplicate = COUNTER("imaging_inbox_duplicate_total", "Events that had been handled before.");
    counters->stale = COUNTER("imaging_inbox_stale_total", "Events older than what their key had already.");
    counters->ignored = COUNTER("imaging_inbox_ignored_total",
                                "Records of types this worker does not act on.");
    counters->retries = COUNTER("imaging_inbox_retries_total", "Attempts that failed and were made again.");
    counters->effect_seconds = TIMES("imaging_inbox_effect_seconds", "Time of successful attempts.");
    counters->age_seconds = TIMES("imaging_inbox_event_age_seconds",
                                  "From the event's time to the commit of its effect.");
    counters->parked_keys = GAUGE("imaging_inbox_parked_keys", "Keys that wait for something.");
    counters->parked_events = GAUGE("imaging_inbox_parked_events", "Events of these keys.");
    counters->parked_oldest = GAUGE("imaging_inbox_parked_oldest_seconds", "Age of the oldest of them.");
    counters->last_success = GAUGE("imaging_last_success_timestamp_seconds",
                                   "Unix time of the last record that was seen through.");
#undef COUNTER
#undef GAUGE
#undef TIMES
    for (size_t i = 0; i < loop->options.definition->handler_count; i++)
        (void)pacs_metric(counters->processed, loop->options.definition->handlers[i].type, NULL);
}

static void set_defaults(WorkerLoop *loop)
{
    WorkerLoopOptions *options = &loop->options;
    options->max_effect_ms = options->max_effect_ms ? options->max_effect_ms : MAX_EFFECT_MS;
    options->inbox_days = options->inbox_days ? options->inbox_days : INBOX_DAYS;
    options->parked_days = options->parked_days ? options->parked_days : PARKED_DAYS;
    options->now_ms = options->now_ms ? options->now_ms : pacs_now_ms;
    if (!options->wait) {
        options->wait = wait_real;
        options->wait_context = loop;
    }
}

PacsStatus worker_loop_new(const WorkerLoopOptions *options, WorkerLoop **ret_loop, PacsError *err)
{
    pthread_condattr_t monotonic;
    WorkerLoop *made = calloc(1, sizeof *made);
    if (!made)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a worker");
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&made->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    PACS_AUTO(WorkerLoop) loop = made;
    loop->options = *options;
    set_defaults(loop);
    loop->arena = pacs_arena_new(PACS_MAX_WORKER_ARENA);
    loop->attempt_arena = pacs_arena_new(PACS_MAX_WORKER_ARENA);
    if (!loop->arena || !loop->attempt_arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a worker");
    open_counters(loop);
    *ret_loop = PACS_STEAL(loop);
    return PACS_OK;
}

void worker_loop_free(WorkerLoop *loop)
{
    if (!loop)
        return;
    pacs_arena_free(loop->arena);
    pacs_arena_free(loop->attempt_arena);
    (void)pthread_cond_destroy(&loop->changed);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void worker_loop_stop(WorkerLoop *loop)
{
    pthread_mutex_lock(&loop->lock);
    atomic_store(&loop->stopping, true);
    (void)pthread_cond_broadcast(&loop->changed);
    pthread_mutex_unlock(&loop->lock);
}

/* ---- Health ---- */

static void set_trouble(WorkerLoop *loop, const PacsError *trouble)
{
    pthread_mutex_lock(&loop->lock);
    const bool is_news = loop->trouble.status != (trouble ? trouble->status : PACS_OK);
    loop->trouble = trouble ? *trouble : (PacsError){0};
    pthread_mutex_unlock(&loop->lock);
    if (is_news && trouble)
        PACS_LOG(PACS_LOG_ERROR, loop->options.definition->name, "trouble",
                 PACS_F_TEXT("reason", trouble->text));
    else if (is_news)
        pacs_log(PACS_LOG_INFO, loop->options.definition->name, "trouble-over", NULL, 0);
}

void worker_loop_health(WorkerLoop *loop, WorkerHealth *ret_health)
{
    const uint64_t since = atomic_load(&loop->attempt_since_ns);
    const uint64_t limit_ns = (uint64_t)loop->options.max_effect_ms * NS_PER_MS;
    WorkerSource *source = loop->options.source;
    *ret_health = (WorkerHealth){.is_alive = since == 0 || pacs_monotonic_ns() - since < limit_ns};
    pthread_mutex_lock(&loop->lock);
    ret_health->why = loop->trouble;
    pthread_mutex_unlock(&loop->lock);
    if (atomic_load(&loop->stopping))
        (void)pacs_fail(&ret_health->why, PACS_CANCELLED, "stopping");
    ret_health->is_ready = ret_health->why.status == PACS_OK &&
                           !source->ops->trouble(source, &ret_health->why);
}

/* ---- Understanding a record ---- */

static const WorkerHandler *find_handler(const WorkerDefinition *definition, const char *type)
{
    for (size_t i = 0; i < definition->handler_count; i++)
        if (strcmp(definition->handlers[i].type, type) == 0)
            return &definition->handlers[i];
    return NULL;
}

static PacsStatus find_key(const WorkerRecord *record, const EventsCloudEvent *event, PacsArena *arena,
                           const char **ret_key, PacsError *err)
{
    if (event->partitionkey) {
        *ret_key = event->partitionkey;
        return PACS_OK;
    }
    if (!record->key.text || record->key.size == 0 || memchr(record->key.text, 0, record->key.size) ||
        !pacs_utf8_valid(record->key.text, record->key.size)) {
        *ret_key = event->subject ? event->subject : event->id;
        return PACS_OK;
    }
    *ret_key = pacs_arena_strndup(arena, record->key.text, record->key.size);
    return *ret_key ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for a key");
}

static PacsStatus decode(const WorkerLoop *loop, const WorkerRecord *record, PacsArena *arena,
                         EventsCloudEvent *ret_event, PacsError *err)
{
    const WorkerDefinition *definition = loop->options.definition;
    if (definition->decode)
        return definition->decode(loop->options.context, record, arena, ret_event, err);
    const PacsStatus status = events_cloudevent_parse(record->headers, record->header_count, record->value,
                                                      arena, ret_event, err);
    /* A version or form of CloudEvents that we do not know is not "somebody else's event": it is one we cannot read. */
    return status == PACS_UNSUPPORTED ? PACS_INVALID : status;
}

PacsStatus worker_understand(const WorkerLoop *loop, const WorkerRecord *record, PacsArena *arena,
                             LoopWork *ret_work, PacsError *err)
{
    LoopWork work = {.record = record, .attempt = 1};
    if (!record->value.text && !loop->options.definition->decode)
        return pacs_fail(err, PACS_UNSUPPORTED, "a tombstone");
    PacsStatus status = decode(loop, record, arena, &work.event, err);
    if (status != PACS_OK)
        return status;
    work.handler = find_handler(loop->options.definition, work.event.type);
    if (!work.handler)
        return pacs_fail(err, PACS_UNSUPPORTED, "no event of this worker's");
    status = find_key(record, &work.event, arena, &work.key, err);
    if (status == PACS_OK && work.handler->aggregate)
        status = events_cloudevent_revision(&work.event, &work.revision, err);
    *ret_work = work;
    return status;
}

/* ---- Seeing a record through ---- */

void worker_loop_count(WorkerLoop *loop, const LoopWork *work, LoopOutcome outcome)
{
    static const char *const names[] = {[LOOP_APPLIED] = "event-applied",
                                        [LOOP_DUPLICATE] = "event-duplicate",
                                        [LOOP_STALE] = "event-stale",
                                        [LOOP_QUEUED] = "event-queued"};
    if (outcome == LOOP_APPLIED) {
        pacs_metric_add(pacs_metric(loop->counters.processed, work->handler->type, NULL), 1);
        loop->parked_in_a_row = 0;
    } else if (outcome != LOOP_QUEUED) {
        pacs_metric_add(outcome == LOOP_STALE ? loop->counters.stale : loop->counters.duplicate, 1);
    }
    PACS_LOG(PACS_LOG_INFO, loop->options.definition->name, names[outcome],
             PACS_F_TEXT("event_id", work->event.id), PACS_F_TEXT("type", work->event.type),
             PACS_F_U64("revision", work->revision), PACS_F_U64("attempt", work->attempt),
             PACS_F_TEXT("traceparent", work->event.traceparent), PACS_F_TEXT("topic", work->record->topic),
             PACS_F_I64("partition", work->record->partition), PACS_F_I64("offset", work->record->offset));
}

/** Repeats a step that needs database or brokers until it succeeds or the process is to end. */
typedef PacsStatus LoopStep(WorkerLoop *loop, void *context, PacsError *err);

static PacsStatus persist(WorkerLoop *loop, LoopStep *step, void *context, PacsError *err)
{
    for (uint32_t failures = 1;; failures++) {
        PacsError why = {0};
        if (step(loop, context, &why) == PACS_OK) {
            set_trouble(loop, NULL);
            return PACS_OK;
        }
        set_trouble(loop, &why);
        if (wait_after(loop, failures))
            return pacs_fail(err, PACS_CANCELLED, "stopping");
    }
}

typedef struct Burial {
    const WorkerRecord *record;
    WorkerDeath death;
} Burial;

static PacsStatus bury_step(WorkerLoop *loop, void *context, PacsError *err)
{
    const Burial *burial = context;
    return worker_bury(loop, burial->record, NULL, &burial->death, err);
}

static PacsStatus bury(WorkerLoop *loop, const WorkerRecord *record, const PacsError *why, uint32_t attempts,
                       PacsError *err)
{
    Burial burial = {
        .record = record,
        .death = {.error_class = pacs_status_name(why->status), .reason = why->text, .attempts = attempts}};
    return persist(loop, bury_step, &burial, err);
}

typedef struct Parking {
    const LoopWork *work;
    const PacsError *why;
} Parking;

static PacsStatus park_step(WorkerLoop *loop, void *context, PacsError *err)
{
    const Parking *parking = context;
    return worker_park(loop, parking->work, parking->why, err);
}

/** After a failure that is the event's: true if it is to be tried again right here. */
static bool tries_again(WorkerLoop *loop, const LoopWork *work, PacsStatus status)
{
    const uint32_t tries = loop->parked_in_a_row < PARKED_IN_A_ROW ? TRIES : PATIENT_TRIES;
    return worker_verdict(status) == WORKER_RETRY && work->attempt < tries;
}

static PacsStatus give_way(WorkerLoop *loop, const LoopWork *work, const PacsError *why, PacsError *err)
{
    Parking parking = {.work = work, .why = why};
    if (worker_verdict(why->status) == WORKER_POISON)
        return bury(loop, work->record, why, work->attempt, err);
    if (worker_verdict(why->status) == WORKER_RETRY)
        loop->parked_in_a_row++;
    return persist(loop, park_step, &parking, err);
}

/** *ret_again: try once more, after the pause that was made. */
static PacsStatus try_once(WorkerLoop *loop, LoopWork *work, uint32_t *database_failures, bool *ret_again,
                           PacsError *err)
{
    const uint64_t start = pacs_monotonic_ns();
    LoopOutcome outcome = LOOP_APPLIED;
    PacsError why = {0};
    bool is_database = false;
    const PacsStatus status = worker_attempt(loop, work, &outcome, &is_database, &why);
    *ret_again = false;
    if (status == PACS_OK) {
        set_trouble(loop, NULL);
        pacs_metric_observe_ns(loop->counters.effect_seconds, pacs_monotonic_ns() - start);
        worker_loop_count(loop, work, outcome);
        return PACS_OK;
    }
    if (is_database)
        set_trouble(loop, &why);
    if (!is_database && !tries_again(loop, work, status))
        return give_way(loop, work, &why, err);
    pacs_metric_add(loop->counters.retries, 1);
    PACS_LOG(PACS_LOG_WARNING, loop->options.definition->name, "attempt-failed",
             PACS_F_TEXT("event_id", work->event.id), PACS_F_U64("attempt", work->attempt),
             PACS_F_TEXT("status", pacs_status_name(status)), PACS_F_TEXT("reason", why.text));
    const uint32_t failures = is_database ? ++*database_failures : work->attempt++;
    if (wait_after(loop, failures))
        return pacs_fail(err, PACS_CANCELLED, "stopping");
    *ret_again = true;
    return PACS_OK;
}

/** PACS_CANCELLED: the process is to end, and the record is not seen through: it comes again. */
static PacsStatus see_through(WorkerLoop *loop, const WorkerRecord *record, PacsError *err)
{
    LoopWork work = {0};
    PacsError why = {0};
    uint32_t database_failures = 0;
    bool again = true;
    pacs_arena_reset(loop->arena);
    PacsStatus status = worker_understand(loop, record, loop->arena, &work, &why);
    if (status == PACS_UNSUPPORTED) {
        pacs_metric_add(loop->counters.ignored, 1);
        return PACS_OK;
    }
    if (status != PACS_OK)
        return bury(loop, record, &why, 1, err);
    while (again && status == PACS_OK)
        status = try_once(loop, &work, &database_failures, &again, err);
    return status;
}

/* ---- Turns ---- */

static PacsStatus forget_old(WorkerLoop *loop, PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    uint64_t count = 0;
    const int64_t before_ms = worker_loop_now_ms(loop) - (int64_t)loop->options.inbox_days * MS_PER_DAY;
    PacsStatus status = worker_begin(loop->options.database, &transaction, err);
    if (status == PACS_OK)
        status = worker_inbox_forget(transaction, loop->options.consumer, before_ms, &count, err);
    return status == PACS_OK ? worker_commit(PACS_STEAL(transaction), err) : status;
}

/** What is done by the clock. A database that is away is left to the records to find out. */
static void do_chores(WorkerLoop *loop)
{
    const int64_t now_ms = worker_loop_now_ms(loop);
    PacsError err = {0};
    bool found = true;
    PacsStatus status = PACS_OK;
    if (now_ms >= loop->parked_check_ms) {
        while (found && status == PACS_OK && !atomic_load(&loop->stopping))
            status = worker_retry_parked(loop, &found, &err);
        loop->parked_check_ms = now_ms + PARKED_CHECK_MS;
    }
    if (status == PACS_OK && now_ms >= loop->prune_check_ms) {
        status = forget_old(loop, &err);
        loop->prune_check_ms = now_ms + PRUNE_CHECK_MS;
    }
    if (status != PACS_OK)
        set_trouble(loop, &err);
}

PacsStatus worker_loop_step(WorkerLoop *loop, uint32_t timeout_ms, PacsError *err)
{
    WorkerSource *source = loop->options.source;
    const WorkerRecord *record = NULL;
    do_chores(loop);
    PacsStatus status = source->ops->poll(source, timeout_ms, &record, err);
    if (status != PACS_OK || !record)
        return status;
    status = see_through(loop, record, err);
    if (status != PACS_OK)
        return status;
    source->ops->done(source);
    pacs_metric_set(loop->counters.last_success, worker_loop_now_ms(loop) / 1000);
    return PACS_OK;
}

static PacsStatus migrate_step(WorkerLoop *loop, void *context, PacsError *err)
{
    const WorkerDefinition *definition = loop->options.definition;
    PacsError *verdict = context;
    PacsStatus status = worker_database_migrate(loop->options.database, "loop", worker_loop_migrations,
                                                worker_loop_migration_count, err);
    if (status == PACS_OK)
        status = worker_database_migrate(loop->options.database, definition->name, definition->migrations,
                                         definition->migration_count, err);
    if (status == PACS_OK || worker_verdict(status) == WORKER_RETRY)
        return status;
    *verdict = *err; /* what waiting does not mend ends the waiting */
    return PACS_OK;
}

PacsStatus worker_loop_run(WorkerLoop *loop, PacsError *err)
{
    PacsError verdict = {0};
    PacsStatus status = persist(loop, migrate_step, &verdict, err);
    if (status == PACS_OK && verdict.status != PACS_OK)
        status = pacs_fail(err, verdict.status, "%s", verdict.text);
    while (status == PACS_OK && !atomic_load(&loop->stopping))
        status = worker_loop_step(loop, POLL_MS, err);
    return atomic_load(&loop->stopping) && status == PACS_CANCELLED ? PACS_OK : status;
}
