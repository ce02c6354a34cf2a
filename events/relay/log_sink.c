#include "events/relay/log_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events/contract/compose.h"
#include "events/relay/line_file.h"
#include "pacs/index/index_write.h"
#include "pacs/util/arena.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"

#define POSITION "events.log-sink" /* the setting of the index that it is kept in */
#define POSITION_SIZE 24
#define READ_ROWS 500 /* lines that share a sync */
#define POLL_MS 1000

struct EventsLogSink {
    const EventsSettings *settings;
    PacsIndex *index;
    LineFile *file;
    PacsMetricFamily *logged; /* imaging_events_logged_total{type} */
    PacsMetric *behind;       /* imaging_log_sink_behind */

    int64_t position;        /* id of the last event that is in the file */
    PacsArena *rows, *arena; /* of a page, of one event */
    PacsBuffer lines;
    PacsStatus told; /* last failure that was logged */

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool written, stop; /* under the lock */
    uint64_t stop_by_ns;
};

/* ---- Position ---- */

static PacsStatus read_position(EventsLogSink *sink, PacsError *err)
{
    const char *text = NULL;

    pacs_arena_reset(sink->arena);
    PacsStatus status = pacs_index_read_setting(sink->index, POSITION, sink->arena, &text, err);
    if (status == PACS_NOT_FOUND)
        return PACS_OK; /* from the oldest that is retained */
    return status == PACS_OK ? pacs_parse_i64(pacs_slice(text), 0, INT64_MAX, &sink->position, err) : status;
}

static PacsStatus note_position(EventsLogSink *sink, int64_t position, PacsError *err)
{
    char text[POSITION_SIZE];

    (void)snprintf(text, sizeof text, "%" PRId64, position);
    PacsStatus status = pacs_index_write_setting(sink->index, POSITION, text, err);
    if (status == PACS_OK)
        sink->position = position;
    return status;
}

/* ---- Lines ---- */

/** An event that cannot be composed is left out: it would stop all others for ever. */
static PacsStatus add_line(EventsLogSink *sink, const PacsOutboxEvent *row, PacsError *err)
{
    const EventsComposeOptions options = {.source = sink->settings->source,
                                          .public_root = sink->settings->public_root,
                                          .viewer_url = sink->settings->viewer_url};
    const EventsFacts facts = {.ce_id = row->ce_id,
                               .type = row->type,
                               .key = row->key,
                               .lane = row->lane,
                               .traceparent = row->traceparent,
                               .data = row->data,
                               .revision = row->revision,
                               .time_ms = row->time_ms};
    EventsCloudEvent event;
    PacsError trouble = {0};

    pacs_arena_reset(sink->arena);
    PacsStatus status = events_compose(&options, &facts, sink->arena, &event, &trouble);
    if (status == PACS_NO_MEMORY)
        return pacs_fail(err, status, "%s", trouble.text);
    if (status != PACS_OK) {
        PACS_LOG(PACS_LOG_ERROR, "log-sink", "event-left-out", PACS_F_TEXT("event", row->ce_id),
                 PACS_F_TEXT("type", row->type), PACS_F_TEXT("reason", trouble.text));
        return PACS_OK;
    }
    status = events_cloudevent_format_structured(&event, &sink->lines, err);
    (void)pacs_buffer_add_char(&sink->lines, '\n'); /* checked with the whole */
    return status == PACS_OK ? pacs_buffer_check(&sink->lines, err) : status;
}

static PacsStatus write_page(EventsLogSink *sink, const PacsEventPage *page, PacsError *err)
{
    PacsStatus status = PACS_OK;

    pacs_buffer_reset(&sink->lines);
    for (size_t i = 0; status == PACS_OK && i < page->count; i++)
        status = add_line(sink, &page->events[i], err);
    if (status == PACS_OK && sink->lines.size > 0)
        status = line_file_append(sink->file, &sink->lines, err);
    if (status == PACS_OK && page->next_after_id != sink->position)
        status = note_position(sink, page->next_after_id, err);
    for (size_t i = 0; status == PACS_OK && i < page->count; i++)
        pacs_metric_add(pacs_metric(sink->logged, page->events[i].type, NULL), 1);
    return status;
}

/** What was purged before it was written is gone. */
static PacsStatus look_for_gap(EventsLogSink *sink, PacsEventBounds *ret_bounds, PacsError *err)
{
    PacsStatus status = pacs_index_event_bounds(sink->index, ret_bounds, err);

    if (status != PACS_OK || sink->position == 0 || ret_bounds->purged_id <= sink->position)
        return status;
    PACS_LOG(PACS_LOG_ERROR, "log-sink", "events-missed", PACS_F_I64("after", sink->position),
             PACS_F_I64("up_to", ret_bounds->purged_id));
    return note_position(sink, ret_bounds->purged_id, err);
}

static PacsStatus step(EventsLogSink *sink, bool *ret_done, PacsError *err)
{
    PacsEventBounds bounds = {0};
    PacsEventPage page = {0};

    pacs_arena_reset(sink->rows);
    PacsStatus status = look_for_gap(sink, &bounds, err);
    if (status == PACS_OK)
        status = pacs_index_read_events(sink->index,
                                        &(PacsEventQuery){.after_id = sink->position, .max = READ_ROWS},
                                        sink->rows, &page, err);
    if (status == PACS_OK)
        status = write_page(sink, &page, err);
    pacs_metric_set(sink->behind, bounds.last_id > sink->position ? bounds.last_id - sink->position : 0);
    *ret_done = page.done;
    return status;
}

/* ---- The thread ---- */

static void report(EventsLogSink *sink, PacsStatus status, const PacsError *err)
{
    if (status == sink->told)
        return;
    if (status != PACS_OK)
        PACS_LOG(PACS_LOG_WARNING, "log-sink", "write-failed",
                 PACS_F_TEXT("status", pacs_status_name(status)), PACS_F_TEXT("reason", err->text));
    else
        PACS_LOG(PACS_LOG_INFO, "log-sink", "write-recovered", PACS_F_I64("position", sink->position));
    sink->told = status;
}

static struct timespec at_ns(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

/** Until events come, or a second has gone by; at once if there is more to do. False when the thread is to end. */
static bool wait_for_events(EventsLogSink *sink, bool done, bool failed)
{
    const struct timespec until = at_ns(pacs_monotonic_ns() + POLL_MS * UINT64_C(1000000));
    int rc = 0;

    (void)pthread_mutex_lock(&sink->lock);
    while ((done || failed) && !sink->stop && (failed || !sink->written) && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&sink->wake, &sink->lock, &until);
    const bool more = !done || sink->written;
    sink->written = false;
    const bool go_on = !sink->stop || (more && !failed && pacs_monotonic_ns() < sink->stop_by_ns);
    (void)pthread_mutex_unlock(&sink->lock);
    return go_on;
}

static void *run(void *argument)
{
    EventsLogSink *sink = argument;
    bool done = false;
    PacsStatus status;

    do {
        PacsError err = {0};
        status = step(sink, &done, &err);
        report(sink, status, &err);
    } while (wait_for_events(sink, done, status != PACS_OK));
    return NULL;
}

static void on_events(void *context)
{
    EventsLogSink *sink = context;

    (void)pthread_mutex_lock(&sink->lock);
    sink->written = true;
    (void)pthread_cond_signal(&sink->wake);
    (void)pthread_mutex_unlock(&sink->lock);
}

/* ---- Life ---- */

static void init_wake(EventsLogSink *sink)
{
    pthread_condattr_t attributes;

    (void)pthread_mutex_init(&sink->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&sink->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static PacsStatus start(EventsLogSink *sink, PacsError *err)
{
    PacsStatus status = pacs_index_listen(sink->index, on_events, sink, err);
    if (status != PACS_OK)
        return status;
    int rc = pthread_create(&sink->thread, NULL, run, sink);
    if (rc != 0) {
        pacs_index_unlisten(sink->index, on_events, sink);
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start the log sink's thread: %s", strerror(rc));
    }
    sink->started = true;
    return PACS_OK;
}

PacsStatus events_log_sink_new(const EventsSettings *settings, const char *path, PacsIndex *index,
                               PacsMetrics *metrics, EventsLogSink **ret_sink, PacsError *err)
{
    EventsLogSink *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the log sink");
    init_wake(fresh);

    PACS_AUTO(EventsLogSink) sink = fresh;
    sink->settings = settings;
    sink->index = index;
    pacs_buffer_init(&sink->lines, READ_ROWS * (size_t)PACS_MAX_CLOUD_EVENT);
    sink->logged = pacs_metrics_family(metrics, PACS_COUNTER, "imaging_events_logged_total",
                                       "Events written to the log sink.", "type");
    sink->behind = pacs_metric(pacs_metrics_family(metrics, PACS_GAUGE, "imaging_log_sink_behind",
                                                   "Events not yet in the log sink.", NULL),
                               NULL);
    sink->rows = pacs_arena_new(PACS_MAX_RELAY_READ);
    sink->arena = pacs_arena_new(PACS_MAX_RELAY_READ);
    if (!sink->rows || !sink->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the log sink");
    PacsStatus status = line_file_open(path, &sink->file, err);
    if (status == PACS_OK)
        status = read_position(sink, err);
    if (status == PACS_OK)
        status = start(sink, err);
    if (status != PACS_OK)
        return status;
    *ret_sink = PACS_STEAL(sink);
    return PACS_OK;
}

void events_log_sink_stop(EventsLogSink *sink, uint32_t timeout_ms)
{
    if (!sink->started)
        return;
    (void)pthread_mutex_lock(&sink->lock);
    sink->stop = true;
    sink->stop_by_ns = pacs_monotonic_ns() + timeout_ms * UINT64_C(1000000);
    (void)pthread_cond_signal(&sink->wake);
    (void)pthread_mutex_unlock(&sink->lock);
    (void)pthread_join(sink->thread, NULL);
    sink->started = false;
    pacs_index_unlisten(sink->index, on_events, sink);
}

void events_log_sink_free(EventsLogSink *sink)
{
    if (!sink)
        return;
    events_log_sink_stop(sink, 0);
    line_file_close(sink->file);
    pacs_arena_free(sink->rows);
    pacs_arena_free(sink->arena);
    pacs_buffer_clear(&sink->lines);
    (void)pthread_cond_destroy(&sink->wake);
    (void)pthread_mutex_destroy(&sink->lock);
    free(sink);
}
