#include "tests/support/index_failing.h"

#include <pthread.h>
#include <stdlib.h>

#include "pacs/index/index_backend.h"

typedef struct Trap {
    unsigned calls;
    bool always;
    unsigned at_call; /* 0: none */
    PacsStatus status;
} Trap;

typedef struct IndexFailing {
    PacsIndex base;
    PacsIndex *inner;
    pthread_mutex_t lock; /* over the traps */
    Trap traps[INDEX_FAILING_SLOT_COUNT];
} IndexFailing;

void index_failing_arm(PacsIndex *index, IndexFailingSlot slot, unsigned n, PacsStatus status)
{
    IndexFailing *failing = (IndexFailing *)index;
    (void)pthread_mutex_lock(&failing->lock);
    Trap *trap = &failing->traps[slot];
    trap->always = n == 0;
    trap->at_call = n == 0 ? 0 : trap->calls + n;
    trap->status = status;
    (void)pthread_mutex_unlock(&failing->lock);
}

unsigned index_failing_calls(PacsIndex *index, IndexFailingSlot slot)
{
    IndexFailing *failing = (IndexFailing *)index;
    (void)pthread_mutex_lock(&failing->lock);
    const unsigned calls = failing->traps[slot].calls;
    (void)pthread_mutex_unlock(&failing->lock);
    return calls;
}

static PacsIndex *inner_of(PacsIndex *self)
{
    return ((IndexFailing *)self)->inner;
}

static PacsStatus pass(PacsIndex *self, IndexFailingSlot slot, PacsError *err)
{
    IndexFailing *failing = (IndexFailing *)self;
    (void)pthread_mutex_lock(&failing->lock);
    Trap *trap = &failing->traps[slot];
    trap->calls++;
    const bool caught = trap->always || trap->calls == trap->at_call;
    const PacsStatus status = caught ? trap->status : PACS_OK;
    (void)pthread_mutex_unlock(&failing->lock);
    return status == PACS_OK ? PACS_OK : pacs_fail(err, status, "failing as the test asked");
}

static PacsStatus failing_check(PacsIndex *self, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_CHECK, err);
    return status == PACS_OK ? inner_of(self)->ops->check(inner_of(self), err) : status;
}

static bool failing_generation(PacsIndex *self, uint64_t *ret_generation)
{
    return pacs_index_generation(inner_of(self), ret_generation);
}

static PacsStatus failing_add(PacsIndex *self, const PacsPreparedAdd *add, PacsIndexAdded *ret_added,
                              PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_ADD, err);
    return status == PACS_OK ? inner_of(self)->ops->add(inner_of(self), add, ret_added, err) : status;
}

static PacsStatus failing_delete_resource(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                          PacsRemaining *ret_remaining, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_DELETE, err);
    return status == PACS_OK
               ? inner_of(self)->ops->delete_resource(inner_of(self), level, id, ret_remaining, err)
               : status;
}

static PacsStatus failing_stabilise(PacsIndex *self, int64_t before_ms, uint32_t limit, uint32_t *ret_count,
                                    PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_STABILISE, err);
    return status == PACS_OK
               ? inner_of(self)->ops->stabilise(inner_of(self), before_ms, limit, ret_count, err)
               : status;
}

static PacsStatus failing_arrive(PacsIndex *self, const PacsOrthancId *study, const char *reason,
                                 PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_ARRIVE, err);
    return status == PACS_OK ? inner_of(self)->ops->arrive(inner_of(self), study, reason, err) : status;
}

static PacsStatus failing_find(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                               PacsResourceParts parts, PacsArena *arena, PacsResource **ret_resource,
                               PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FIND, err);
    return status == PACS_OK
               ? inner_of(self)->ops->find(inner_of(self), level, id, parts, arena, ret_resource, err)
               : status;
}

static PacsStatus failing_list(PacsIndex *self, const PacsIndexScope *scope, PacsResourceParts parts,
                               PacsResourceVisitor *visit, void *context, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_LIST, err);
    return status == PACS_OK ? inner_of(self)->ops->list(inner_of(self), scope, parts, visit, context, err)
                             : status;
}

static PacsStatus failing_find_object(PacsIndex *self, const PacsOrthancId *id, PacsArena *arena,
                                      PacsStoredObject **ret_object, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FIND_OBJECT, err);
    return status == PACS_OK ? inner_of(self)->ops->find_object(inner_of(self), id, arena, ret_object, err)
                             : status;
}

static PacsStatus failing_find_blobs(PacsIndex *self, const PacsOrthancId *id, PacsBlobParts parts,
                                     PacsArena *arena, PacsInstanceBlobs *ret_blobs, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FIND_BLOBS, err);
    return status == PACS_OK
               ? inner_of(self)->ops->find_blobs(inner_of(self), id, parts, arena, ret_blobs, err)
               : status;
}

static PacsStatus failing_find_object_at(PacsIndex *self, const PacsUidPath *path, PacsBlobParts parts,
                                         PacsArena *arena, PacsStoredObject **ret_object,
                                         PacsInstanceBlobs *ret_blobs, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FIND_OBJECT_AT, err);
    return status == PACS_OK ? inner_of(self)->ops->find_object_at(inner_of(self), path, parts, arena,
                                                                   ret_object, ret_blobs, err)
                             : status;
}

static PacsStatus failing_list_objects(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                                       PacsListedObject **ret_objects, size_t *ret_count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_LIST_OBJECTS, err);
    return status == PACS_OK
               ? inner_of(self)->ops->list_objects(inner_of(self), path, arena, ret_objects, ret_count, err)
               : status;
}

static PacsStatus failing_find_uids(PacsIndex *self, const PacsUidPath *path, PacsOrthancId *ret_ids,
                                    size_t max, size_t *ret_count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FIND_UIDS, err);
    return status == PACS_OK
               ? inner_of(self)->ops->find_uids(inner_of(self), path, ret_ids, max, ret_count, err)
               : status;
}

static PacsStatus failing_search(PacsIndex *self, const PacsPreparedSearch *search, PacsArena *arena,
                                 PacsSearchPage *ret_page, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_SEARCH, err);
    return status == PACS_OK ? inner_of(self)->ops->search(inner_of(self), search, arena, ret_page, err)
                             : status;
}

static PacsStatus failing_read_metadata(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                        PacsArena *arena, PacsMetadataValue **ret_values, size_t *ret_count,
                                        PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_METADATA, err);
    return status == PACS_OK ? inner_of(self)->ops->read_metadata(inner_of(self), level, id, arena,
                                                                  ret_values, ret_count, err)
                             : status;
}

static PacsStatus failing_statistics(PacsIndex *self, PacsStatistics *ret_statistics, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_STATISTICS, err);
    return status == PACS_OK ? inner_of(self)->ops->statistics(inner_of(self), ret_statistics, err) : status;
}

static PacsStatus failing_read_changes(PacsIndex *self, const PacsChangeQuery *query, PacsArena *arena,
                                       PacsChangePage *ret_page, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_CHANGES, err);
    return status == PACS_OK ? inner_of(self)->ops->read_changes(inner_of(self), query, arena, ret_page, err)
                             : status;
}

static PacsStatus failing_clear_changes(PacsIndex *self, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_CLEAR_CHANGES, err);
    return status == PACS_OK ? inner_of(self)->ops->clear_changes(inner_of(self), err) : status;
}

static PacsStatus failing_read_garbage(PacsIndex *self, PacsKey *ret_keys, size_t max, size_t *ret_count,
                                       PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_GARBAGE, err);
    return status == PACS_OK
               ? inner_of(self)->ops->read_garbage(inner_of(self), ret_keys, max, ret_count, err)
               : status;
}

static PacsStatus failing_forget_garbage(PacsIndex *self, const PacsKey *keys, size_t count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FORGET_GARBAGE, err);
    return status == PACS_OK ? inner_of(self)->ops->forget_garbage(inner_of(self), keys, count, err) : status;
}

static PacsStatus failing_has_key(PacsIndex *self, const PacsKey *key, bool *ret_known, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_HAS_KEY, err);
    return status == PACS_OK ? inner_of(self)->ops->has_key(inner_of(self), key, ret_known, err) : status;
}

static PacsStatus failing_read_setting(PacsIndex *self, const char *name, PacsArena *arena,
                                       const char **ret_value, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_SETTING, err);
    return status == PACS_OK ? inner_of(self)->ops->read_setting(inner_of(self), name, arena, ret_value, err)
                             : status;
}

static PacsStatus failing_write_setting(PacsIndex *self, const char *name, const char *value, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_WRITE_SETTING, err);
    return status == PACS_OK ? inner_of(self)->ops->write_setting(inner_of(self), name, value, err) : status;
}

static PacsStatus failing_read_outbox(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                                      PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_OUTBOX, err);
    return status == PACS_OK ? inner_of(self)->ops->read_outbox(inner_of(self), after_id, max, arena,
                                                                ret_events, ret_count, err)
                             : status;
}

static PacsStatus failing_read_events(PacsIndex *self, const PacsEventQuery *query, PacsArena *arena,
                                      PacsEventPage *ret_page, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_EVENTS, err);
    return status == PACS_OK ? inner_of(self)->ops->read_events(inner_of(self), query, arena, ret_page, err)
                             : status;
}

static PacsStatus failing_event_bounds(PacsIndex *self, PacsEventBounds *ret_bounds, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_EVENT_BOUNDS, err);
    return status == PACS_OK ? inner_of(self)->ops->event_bounds(inner_of(self), ret_bounds, err) : status;
}

static PacsStatus failing_mark_sent(PacsIndex *self, const PacsFence *fence, const int64_t *ids, size_t count,
                                    PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_MARK_SENT, err);
    return status == PACS_OK ? inner_of(self)->ops->mark_sent(inner_of(self), fence, ids, count, err)
                             : status;
}

static PacsStatus failing_mark_dead(PacsIndex *self, const PacsFence *fence, int64_t id, const char *reason,
                                    PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_MARK_DEAD, err);
    return status == PACS_OK ? inner_of(self)->ops->mark_dead(inner_of(self), fence, id, reason, err)
                             : status;
}

static PacsStatus failing_list_dead(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                                    PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_LIST_DEAD, err);
    return status == PACS_OK ? inner_of(self)->ops->list_dead(inner_of(self), after_id, max, arena,
                                                              ret_events, ret_count, err)
                             : status;
}

static PacsStatus failing_settle_dead(PacsIndex *self, const char *ce_id, bool sends, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_SETTLE_DEAD, err);
    return status == PACS_OK ? inner_of(self)->ops->settle_dead(inner_of(self), ce_id, sends, err) : status;
}

static PacsStatus failing_outbox_depth(PacsIndex *self, PacsOutboxDepth *ret_depth, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_OUTBOX_DEPTH, err);
    return status == PACS_OK ? inner_of(self)->ops->outbox_depth(inner_of(self), ret_depth, err) : status;
}

static PacsStatus failing_purge_outbox(PacsIndex *self, int64_t before_ms, bool include_unsent,
                                       uint32_t limit, uint32_t *ret_count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_PURGE_OUTBOX, err);
    return status == PACS_OK ? inner_of(self)->ops->purge_outbox(inner_of(self), before_ms, include_unsent,
                                                                 limit, ret_count, err)
                             : status;
}

static PacsStatus failing_tell(PacsIndex *self, const PacsTold *told, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_TELL, err);
    return status == PACS_OK ? inner_of(self)->ops->tell(inner_of(self), told, err) : status;
}

static PacsStatus failing_listen(PacsIndex *self, PacsEventListener *listener, void *context, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_LISTEN, err);
    return status == PACS_OK ? inner_of(self)->ops->listen(inner_of(self), listener, context, err) : status;
}

static void failing_unlisten(PacsIndex *self, PacsEventListener *listener, void *context)
{
    inner_of(self)->ops->unlisten(inner_of(self), listener, context);
}

static void failing_free(PacsIndex *self)
{
    (void)pthread_mutex_destroy(&((IndexFailing *)self)->lock);
    free(self);
}

static PacsStatus failing_find_series_metadata(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                                               PacsSeriesMetadata **ret_series, size_t *ret_count,
                                               PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FIND_SERIES_METADATA, err);
    return status == PACS_OK ? inner_of(self)->ops->find_series_metadata(inner_of(self), path, arena,
                                                                         ret_series, ret_count, err)
                             : status;
}

static PacsStatus failing_read_metadata_stream(PacsIndex *self, int64_t stream, uint64_t offset,
                                               void *ret_bytes, size_t size, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_METADATA_STREAM, err);
    return status == PACS_OK ? inner_of(self)->ops->read_metadata_stream(inner_of(self), stream, offset,
                                                                         ret_bytes, size, err)
                             : status;
}

static PacsStatus failing_read_series_json(PacsIndex *self, const PacsInstanceJsonQuery *query,
                                           PacsArena *arena, PacsInstanceJson **ret_instances,
                                           size_t *ret_count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_READ_SERIES_JSON, err);
    return status == PACS_OK ? inner_of(self)->ops->read_series_json(inner_of(self), query, arena,
                                                                     ret_instances, ret_count, err)
                             : status;
}

static PacsStatus failing_set_metadata_root(PacsIndex *self, const char *root, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_SET_METADATA_ROOT, err);
    return status == PACS_OK ? inner_of(self)->ops->set_metadata_root(inner_of(self), root, err) : status;
}

static PacsStatus failing_find_unappended(PacsIndex *self, uint32_t max, PacsArena *arena,
                                          PacsUnappended *ret_unappended, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_FIND_UNAPPENDED, err);
    return status == PACS_OK
               ? inner_of(self)->ops->find_unappended(inner_of(self), max, arena, ret_unappended, err)
               : status;
}

static PacsStatus failing_append_metadata(PacsIndex *self, const char *root, int64_t mark,
                                          const PacsMetadataAppend *appends, size_t count, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_APPEND_METADATA, err);
    return status == PACS_OK
               ? inner_of(self)->ops->append_metadata(inner_of(self), root, mark, appends, count, err)
               : status;
}

static PacsStatus failing_purge_metadata(PacsIndex *self, int64_t before_ms, bool *ret_left, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_PURGE_METADATA, err);
    return status == PACS_OK ? inner_of(self)->ops->purge_metadata(inner_of(self), before_ms, ret_left, err)
                             : status;
}

static PacsStatus failing_take_lease(PacsIndex *self, const char *name, const char *holder, uint32_t ttl_ms,
                                     bool *ret_held, uint64_t *ret_epoch, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_TAKE_LEASE, err);
    return status == PACS_OK ? inner_of(self)->ops->take_lease(inner_of(self), name, holder, ttl_ms, ret_held,
                                                               ret_epoch, err)
                             : status;
}

static PacsStatus failing_drop_lease(PacsIndex *self, const char *name, const char *holder, PacsError *err)
{
    const PacsStatus status = pass(self, INDEX_FAILING_DROP_LEASE, err);
    return status == PACS_OK ? inner_of(self)->ops->drop_lease(inner_of(self), name, holder, err) : status;
}

static const PacsIndexOps failing_ops = {
    .name = "failing",
    .free = failing_free,
    .check = failing_check,
    .generation = failing_generation,
    .add = failing_add,
    .delete_resource = failing_delete_resource,
    .stabilise = failing_stabilise,
    .arrive = failing_arrive,
    .find = failing_find,
    .list = failing_list,
    .find_object = failing_find_object,
    .find_object_at = failing_find_object_at,
    .find_blobs = failing_find_blobs,
    .find_uids = failing_find_uids,
    .search = failing_search,
    .list_objects = failing_list_objects,
    .read_metadata = failing_read_metadata,
    .statistics = failing_statistics,
    .read_changes = failing_read_changes,
    .clear_changes = failing_clear_changes,
    .read_garbage = failing_read_garbage,
    .forget_garbage = failing_forget_garbage,
    .has_key = failing_has_key,
    .read_setting = failing_read_setting,
    .write_setting = failing_write_setting,
    .read_outbox = failing_read_outbox,
    .read_events = failing_read_events,
    .event_bounds = failing_event_bounds,
    .mark_sent = failing_mark_sent,
    .mark_dead = failing_mark_dead,
    .list_dead = failing_list_dead,
    .settle_dead = failing_settle_dead,
    .outbox_depth = failing_outbox_depth,
    .purge_outbox = failing_purge_outbox,
    .tell = failing_tell,
    .listen = failing_listen,
    .unlisten = failing_unlisten,
    .find_series_metadata = failing_find_series_metadata,
    .read_metadata_stream = failing_read_metadata_stream,
    .read_series_json = failing_read_series_json,
    .set_metadata_root = failing_set_metadata_root,
    .find_unappended = failing_find_unappended,
    .append_metadata = failing_append_metadata,
    .purge_metadata = failing_purge_metadata,
    .take_lease = failing_take_lease,
    .drop_lease = failing_drop_lease,
};

PacsIndex *index_failing_new(PacsIndex *inner)
{
    IndexFailing *failing = calloc(1, sizeof *failing);
    if (!failing)
        return NULL;
    *failing = (IndexFailing){
        .base = {.ops = &failing_ops, .schema_version = inner->schema_version},
        .inner = inner,
    };
    (void)pthread_mutex_init(&failing->lock, NULL);
    return &failing->base;
}
