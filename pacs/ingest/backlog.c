#include "pacs/ingest/ingest_private.h"

/* Back-pressure: who consumes the events is behind, and what comes in now would only lengthen the queue. Reading goes on,
 * and so does what has begun. The doors ask for every request, so they are answered by a flag; the backlog is counted
 * once a second. */

/** What is parked behind a dead event waits for a person, and may not stop everybody else: it does not count. */
static bool is_over(const PacsIngestOptions *options, const PacsOutboxDepth *depth, int64_t now_ms)
{
    if (options->max_outbox_rows > 0 && depth->unsent > options->max_outbox_rows)
        return true;
    return options->max_outbox_age_s > 0 && depth->oldest_ms > 0 &&
           now_ms - depth->oldest_ms > (int64_t)options->max_outbox_age_s * 1000;
}

PacsStatus pacs_ingest_watch_backlog(PacsIngest *ingest, int64_t now_ms, PacsOutboxDepth *ret_depth,
                                     PacsError *err)
{
    PacsOutboxDepth depth = {0};
    const PacsStatus status = pacs_index_outbox_depth(ingest->index, &depth, err);
    if (status != PACS_OK)
        return status;
    const bool is_closed = is_over(&ingest->options, &depth, now_ms);
    atomic_store_explicit(&ingest->is_closed, is_closed, memory_order_relaxed);
    pacs_metric_set(ingest->closed, is_closed);
    *ret_depth = depth;
    return PACS_OK;
}

PacsStatus pacs_ingest_admit(PacsIngest *ingest, PacsError *err)
{
    return atomic_load_explicit(&ingest->is_closed, memory_order_relaxed)
               ? pacs_fail(err, PACS_UNAVAILABLE, "too many events wait to be sent: nothing new is taken in")
               : PACS_OK;
}
