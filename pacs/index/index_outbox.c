#include <string.h>

#include "pacs/index/index_backend.h"
#include "pacs/util/limits.h"

/* The front of the outbox: checks what callers hand in, and asks. */

PacsStatus pacs_index_read_outbox(PacsIndex *index, int64_t after_id, size_t max, PacsArena *arena,
                                  PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err)
{
    return index->ops->read_outbox(index, after_id, max, arena, ret_events, ret_count, err);
}

PacsStatus pacs_index_read_events(PacsIndex *index, const PacsEventQuery *query, PacsArena *arena,
                                  PacsEventPage *ret_page, PacsError *err)
{
    if (query->max == 0)
        return pacs_fail(err, PACS_INVALID, "a page of no events was asked for");
    return index->ops->read_events(index, query, arena, ret_page, err);
}

PacsStatus pacs_index_event_bounds(PacsIndex *index, PacsEventBounds *ret_bounds, PacsError *err)
{
    return index->ops->event_bounds(index, ret_bounds, err);
}

PacsStatus pacs_index_last_event(PacsIndex *index, int64_t *ret_id, PacsError *err)
{
    PacsEventBounds bounds = {0};
    const PacsStatus status = pacs_index_event_bounds(index, &bounds, err);
    if (status == PACS_OK)
        *ret_id = bounds.last_id;
    return status;
}

PacsStatus pacs_index_mark_sent(PacsIndex *index, const PacsFence *fence, const int64_t *ids, size_t count,
                                PacsError *err)
{
    return count == 0 ? PACS_OK : index->ops->mark_sent(index, fence, ids, count, err);
}

PacsStatus pacs_index_mark_dead(PacsIndex *index, const PacsFence *fence, int64_t id, const char *reason,
                                PacsError *err)
{
    return index->ops->mark_dead(index, fence, id, reason, err);
}

PacsStatus pacs_index_list_dead(PacsIndex *index, int64_t after_id, size_t max, PacsArena *arena,
                                PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err)
{
    return index->ops->list_dead(index, after_id, max, arena, ret_events, ret_count, err);
}

PacsStatus pacs_index_retry_dead(PacsIndex *index, const char *ce_id, PacsError *err)
{
    return index->ops->settle_dead(index, ce_id, true, err);
}

PacsStatus pacs_index_discard_dead(PacsIndex *index, const char *ce_id, PacsError *err)
{
    return index->ops->settle_dead(index, ce_id, false, err);
}

PacsStatus pacs_index_outbox_depth(PacsIndex *index, PacsOutboxDepth *ret_depth, PacsError *err)
{
    return index->ops->outbox_depth(index, ret_depth, err);
}

PacsStatus pacs_index_purge_outbox(PacsIndex *index, int64_t before_ms, bool include_unsent, uint32_t limit,
                                   uint32_t *ret_count, PacsError *err)
{
    return index->ops->purge_outbox(index, before_ms, include_unsent, limit, ret_count, err);
}

/** Revisions of studies and reports are the index's own to give. */
static bool is_told_by_index(const char *type)
{
    return strncmp(type, "study.", 6) == 0 || strncmp(type, "report.", 7) == 0;
}

PacsStatus pacs_index_tell(PacsIndex *index, const PacsTold *told, PacsError *err)
{
    const char *dot = strchr(told->type, '.');
    const size_t size = strlen(told->data);
    if (!dot || dot == told->type || is_told_by_index(told->type))
        return pacs_fail(err, PACS_INVALID, "'%s' is no type of event to be told", told->type);
    if (told->key[0] == '\0')
        return pacs_fail(err, PACS_INVALID, "an event '%s' has no key", told->type);
    if (size < 2 || told->data[0] != '{' || told->data[size - 1] != '}')
        return pacs_fail(err, PACS_INVALID, "the data of an event '%s' is no JSON object", told->type);
    if (size > PACS_MAX_EVENT_DATA)
        return pacs_fail(err, PACS_TOO_LARGE, "the data of an event '%s' has %zu bytes, at most %u are sent",
                         told->type, size, PACS_MAX_EVENT_DATA);
    return index->ops->tell(index, told, err);
}

PacsStatus pacs_index_listen(PacsIndex *index, PacsEventListener *listener, void *context, PacsError *err)
{
    return index->ops->listen(index, listener, context, err);
}

void pacs_index_unlisten(PacsIndex *index, PacsEventListener *listener, void *context)
{
    index->ops->unlisten(index, listener, context);
}
