#include "pacs/lifecycle/lifecycle.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pacs/lifecycle/append.h"
#include "pacs/util/clock.h"
#include "pacs/util/log.h"

#define DEFAULT_TICK_MS 1000
#define STABILISE_BATCH 200    /* one transaction's worth: the writer serves ingests in between */
#define GARBAGE_PER_TICK 20000 /* removing 20,000 files takes about a second */
#define SETTLE_EVERY_MS 60000
#define SWEEP_PER_TICK 500 /* objects: some 15 ms, and a million in half an hour */
#define PURGE_BATCH 1000   /* events: some 10 ms */
#define PURGES_PER_TICK 20 /* as many as may come in the same time, and more */
#define MS_PER_DAY (24ll * 60 * 60 * 1000)
#define HURRY_EVERY_MS 50 /* a study that is stable is told of within this: asking costs some 30 us */
#define APPEND_PASSES                                                                                        \
    2 /* of these; while something arrives: what came meanwhile shares a piece and a commit */

struct PacsLifecycle {
    PacsLifecycleOptions options;
    PacsIndex *index;
    PacsIngest *ingest;
    PacsAppender *appender;    /* NULL: that is not our duty */
    PacsMetric *stabilised;    /* imaging_stabilised_total */
    PacsMetric *outbox_depth;  /* imaging_outbox_depth */
    PacsMetric *outbox_oldest; /* imaging_outbox_oldest_seconds */
    PacsMetric *outbox_parked; /* imaging_outbox_parked */
    PacsMetric *outbox_dead;   /* imaging_outbox_dead */

    int64_t settled_ms; /* when the sweep's mark was moved last */
    PacsStatus last_failure;
    bool refuses; /* new work, because of a backlog of events */

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

/** One line when a duty begins to fail and one when it works again, not one a second. */
static void report(PacsLifecycle *lifecycle, PacsStatus status, const PacsError *err)
{
    if (status == lifecycle->last_failure)
        return;
    if (status != PACS_OK)
        PACS_LOG(PACS_LOG_WARNING, "lifecycle", "tick-failed",
                 PACS_F_TEXT("status", pacs_status_name(status)), PACS_F_TEXT("reason", err->text));
    else
        PACS_LOG(PACS_LOG_INFO, "lifecycle", "tick-recovered", PACS_F_TEXT("status", "ok"));
    lifecycle->last_failure = status;
}

static PacsStatus stabilise(PacsLifecycle *lifecycle, int64_t now_ms, PacsError *err)
{
    int64_t before_ms = now_ms - (int64_t)lifecycle->options.stable_age_s * 1000;
    uint32_t count = 0;

    do {
        PacsStatus status = pacs_index_stabilise(lifecycle->index, before_ms, STABILISE_BATCH, &count, err);
        if (status != PACS_OK)
            return status;
        pacs_metric_add(lifecycle->stabilised, count);
    } while (count == STABILISE_BATCH);
    return PACS_OK;
}

static PacsStatus settle(PacsLifecycle *lifecycle, int64_t now_ms, PacsError *err)
{
    if (now_ms - lifecycle->settled_ms < SETTLE_EVERY_MS && now_ms >= lifecycle->settled_ms)
        return PACS_OK;
    PacsStatus status = pacs_ingest_settle(lifecycle->ingest, err);
    if (status == PACS_OK)
        lifecycle->settled_ms = now_ms;
    return status;
}

static PacsStatus purge_events(PacsLifecycle *lifecycle, int64_t now_ms, PacsError *err)
{
    const int64_t before_ms = now_ms - lifecycle->options.event_retention_days * MS_PER_DAY;
    uint32_t count = PURGE_BATCH;
    PacsStatus status = PACS_OK;

    for (int i = 0; lifecycle->options.event_retention_days > 0 && status == PACS_OK &&
                    count == PURGE_BATCH && i < PURGES_PER_TICK;
         i++)
        status = pacs_index_purge_outbox(lifecycle->index, before_ms, !lifecycle->options.events_are_sent,
                                         PURGE_BATCH, &count, err);
    return status;
}

static void report_backlog(PacsLifecycle *lifecycle, const PacsOutboxDepth *depth)
{
    bool refuses = pacs_ingest_admit(lifecycle->ingest, NULL) != PACS_OK;

    if (refuses != lifecycle->refuses)
        PACS_LOG(refuses ? PACS_LOG_WARNING : PACS_LOG_INFO, "lifecycle", "event-backlog",
                 PACS_F_TEXT("new_work", refuses ? "refused" : "taken"),
                 PACS_F_U64("unsent_events", depth->unsent));
    lifecycle->refuses = refuses;
}

/** A backlog is ingest's to judge: it tells the doors. */
static PacsStatus measure_outbox(PacsLifecycle *lifecycle, int64_t now_ms, PacsError *err)
{
    PacsOutboxDepth depth = {0};

    PacsStatus status = pacs_ingest_watch_backlog(lifecycle->ingest, now_ms, &depth, err);
    if (status != PACS_OK)
        return status;
    report_backlog(lifecycle, &depth);
    return PACS_OK;
}

/** When they are shown: whoever waits for an empty outbox is not to see that of a second ago. */
static void show_outbox(void *context)
{
    const PacsLifecycle *lifecycle = context;
    PacsOutboxDepth depth = {0};

    if (pacs_index_outbox_depth(lifecycle->index, &depth, NULL) != PACS_OK)
        return; /* the tick tells */
    pacs_metric_set(lifecycle->outbox_depth, (int64_t)depth.unsent);
    if (lifecycle->options.events_are_sent) /* else nothing waits: 0, on which nobody is alerted */
        pacs_metric_set(lifecycle->outbox_oldest,
                        depth.oldest_ms ? (pacs_now_ms() - depth.oldest_ms) / 1000 : 0);
    pacs_metric_set(lifecycle->outbox_parked, (int64_t)depth.parked);
    pacs_metric_set(lifecycle->outbox_dead, (int64_t)depth.dead);
}

static PacsStatus tick(PacsLifecycle *lifecycle, PacsError *err)
{
    int64_t now_ms = pacs_now_ms();
    bool left = false;

    PacsStatus status = stabilise(lifecycle, now_ms, err);
    if (status == PACS_OK)
        status = pacs_ingest_collect_garbage(lifecycle->ingest, GARBAGE_PER_TICK, &left, err);
    if (status == PACS_OK)
        status = settle(lifecycle, now_ms, err);
    if (status == PACS_OK)
        status = pacs_ingest_sweep_step(lifecycle->ingest, SWEEP_PER_TICK, err);
    if (status == PACS_OK)
        status = purge_events(lifecycle, now_ms, err);
    if (status == PACS_OK)
        status = measure_outbox(lifecycle, now_ms, err);
    if (status == PACS_OK && lifecycle->appender)
        status = pacs_appender_step(lifecycle->appender, &left, err);
    return status;
}

/** True when the thread is to end. */
static bool wait_until(PacsLifecycle *lifecycle, uint64_t until_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000),
                                   .tv_nsec = (long)(until_ns % 1000000000)};

    (void)pthread_mutex_lock(&lifecycle->lock);
    int rc = 0;
    while (!lifecycle->stop && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&lifecycle->wake, &lifecycle->lock, &until);
    bool stop = lifecycle->stop;
    (void)pthread_mutex_unlock(&lifecycle->lock);
    return stop;
}

/** Between two ticks, what somebody waits for. Its failures are told by the tick that follows. */
static bool hurry_until(PacsLifecycle *lifecycle, uint64_t until_ns)
{
    const uint64_t every_ns = HURRY_EVERY_MS * 1000000ull;
    bool appends = lifecycle->appender != NULL;
    bool stop = false;

    for (unsigned pass = 1; !stop && pacs_monotonic_ns() + every_ns < until_ns; pass++) {
        stop = wait_until(lifecycle, pacs_monotonic_ns() + every_ns);
        if (!stop)
            pacs_ignore(stabilise(lifecycle, pacs_now_ms(), NULL));
        if (!stop && appends && pass % APPEND_PASSES == 0) /* as long as something comes */
            appends = pacs_appender_step(lifecycle->appender, &appends, NULL) == PACS_OK && appends;
    }
    return stop;
}

static void *run(void *argument)
{
    PacsLifecycle *lifecycle = argument;
    bool stop = false;

    while (!stop) {
        const uint64_t next_ns = pacs_monotonic_ns() + lifecycle->options.tick_ms * 1000000ull;
        PacsError err = {0};
        PacsStatus status = tick(lifecycle, &err);
        report(lifecycle, status, &err);
        stop = hurry_until(lifecycle, next_ns) || wait_until(lifecycle, next_ns);
    }
    return NULL;
}

static void register_metrics(PacsLifecycle *lifecycle, PacsMetrics *metrics)
{
    lifecycle->stabilised = pacs_metric(
        pacs_metrics_family(metrics, PACS_COUNTER, "imaging_stabilised_total",
                            "Patients, studies and series that became stable.", NULL),
        NULL);
    const struct {
        PacsMetric **gauge;
        const char *name, *help;
    } outbox[] = {
        {&lifecycle->outbox_depth, "imaging_outbox_depth", "Events not sent yet."},
        {&lifecycle->outbox_oldest, "imaging_outbox_oldest_seconds", "Age of the oldest event not sent yet."},
        {&lifecycle->outbox_parked, "imaging_outbox_parked", "Events behind a dead one of their study."},
        {&lifecycle->outbox_dead, "imaging_outbox_dead",
         "Events that cannot be sent: retry or discard them."},
    };
    for (size_t i = 0; i < sizeof outbox / sizeof outbox[0]; i++)
        *outbox[i].gauge = pacs_metric(
            pacs_metrics_family(metrics, PACS_GAUGE, outbox[i].name, outbox[i].help, NULL), NULL);
    pacs_metrics_on_collect(metrics, show_outbox, lifecycle);
}

static void init_wake(PacsLifecycle *lifecycle)
{
    pthread_condattr_t attributes;

    (void)pthread_mutex_init(&lifecycle->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lifecycle->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void release(PacsLifecycle *lifecycle)
{
    pacs_appender_free(lifecycle->appender);
    (void)pthread_cond_destroy(&lifecycle->wake);
    (void)pthread_mutex_destroy(&lifecycle->lock);
    free(lifecycle);
}

PacsStatus pacs_lifecycle_new(const PacsLifecycleOptions *options, PacsIndex *index, PacsIngest *ingest,
                              PacsMetrics *metrics, PacsLifecycle **ret_lifecycle, PacsError *err)
{
    PacsLifecycle *lifecycle = calloc(1, sizeof *lifecycle);
    if (!lifecycle)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the lifecycle thread");

    *lifecycle = (PacsLifecycle){.options = *options, .index = index, .ingest = ingest};
    if (lifecycle->options.tick_ms == 0)
        lifecycle->options.tick_ms = DEFAULT_TICK_MS;
    register_metrics(lifecycle, metrics);
    init_wake(lifecycle);
    lifecycle->options.metadata_root = NULL; /* the appender has its own copy */
    PacsStatus status = options->metadata_root ? pacs_appender_new(index, options->metadata_root, metrics,
                                                                   &lifecycle->appender, err)
                                               : PACS_OK;
    if (status != PACS_OK) {
        release(lifecycle);
        return status;
    }

    int rc = pthread_create(&lifecycle->thread, NULL, run, lifecycle);
    if (rc != 0) {
        release(lifecycle);
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start the lifecycle thread: %s", strerror(rc));
    }
    *ret_lifecycle = lifecycle;
    return PACS_OK;
}

void pacs_lifecycle_free(PacsLifecycle *lifecycle)
{
    if (!lifecycle)
        return;
    (void)pthread_mutex_lock(&lifecycle->lock);
    lifecycle->stop = true;
    (void)pthread_cond_signal(&lifecycle->wake);
    (void)pthread_mutex_unlock(&lifecycle->lock);
    (void)pthread_join(lifecycle->thread, NULL);
    release(lifecycle);
}
