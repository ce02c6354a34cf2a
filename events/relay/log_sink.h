#pragma once

#include <stdint.h>

#include "events/relay/settings.h"
#include "pacs/index/index_outbox.h"
#include "pacs/util/metrics.h"

/**
 * The outbox to a file: one CloudEvent a line, as JSON in structured mode, for installations without Kafka, or beside it. One
 * thread of its own.
 *
 * Position: kept in the index, noted when the lines are on the disk: each event at least once, and once unless something dies in
 *           between; after that the same line stands there twice, with the same id. A line that was cut off goes.
 * Rotation: a file that was renamed or removed is left, and one of the same name begun (logrotate without copytruncate).
 * Errors:   what cannot be written now (a full disk) is tried again; events wait in the outbox for as long as those are
 *           retained, and what was purged meanwhile is logged as missed.
 */
typedef struct EventsLogSink EventsLogSink;

/** `path`: "-" is standard output. settings, index and metrics outlive it. Errors: PACS_UNAVAILABLE (it cannot be opened). */
PACS_CHECKED PacsStatus events_log_sink_new(const EventsSettings *settings, const char *path,
                                            PacsIndex *index, PacsMetrics *metrics, EventsLogSink **ret_sink,
                                            PacsError *err);

/** Writes what is there, for at most timeout_ms, and ends. */
void events_log_sink_stop(EventsLogSink *sink, uint32_t timeout_ms);
void events_log_sink_free(EventsLogSink *sink);
PACS_DEFINE_AUTO(EventsLogSink, events_log_sink_free);
