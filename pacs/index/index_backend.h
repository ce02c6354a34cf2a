#pragma once

#include "pacs/index/index_lease.h"
#include "pacs/index/index_prepare.h"
#include "pacs/index/index_search_prepare.h"
#include "pacs/index/index_series_metadata.h"
#include "pacs/index/index_write.h"

/** Which part of the index a walk visits. */
typedef struct PacsIndexScope {
    PacsLevel level; /* of the resources visited */
    bool has_above;  /* only those below one resource */
    PacsLevel above_level;
    PacsOrthancId above;
    uint64_t since, limit; /* skip so many; at most so many, 0 for all */
} PacsIndexScope;

/**
 * What a back end of the index fills in. For back ends and their wrappers in tests alone; everybody else
 * calls the functions of index.h, index_write.h and index_outbox.h, which check their arguments and come here.
 *
 * Ids arrive as 20 bytes: text that is no Orthanc id is PACS_NOT_FOUND before a back end is asked.
 * Every slot is required unless its line says otherwise. Each keeps what index.h promises of the function of
 * its name: one transaction per write, one snapshot per read, outputs set on success only.
 */
typedef struct PacsIndexOps {
    const char *name; /* "sqlite" */
    void (*free)(PacsIndex *self);
    PacsStatus (*check)(PacsIndex *self, PacsError *err);
    bool (*generation)(PacsIndex *self, uint64_t *ret_generation); /* NULL: others write too */
    bool (*removals)(PacsIndex *self, uint64_t *ret_removals);     /* NULL: others remove too */

    PacsStatus (*add)(PacsIndex *self, const PacsPreparedAdd *add, PacsIndexAdded *ret_added, PacsError *err);
    PacsStatus (*delete_resource)(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                  PacsRemaining *ret_remaining, PacsError *err);
    PacsStatus (*stabilise)(PacsIndex *self, int64_t before_ms, uint32_t limit, uint32_t *ret_count,
                            PacsError *err);

    PacsStatus (*arrive)(PacsIndex *self, const PacsOrthancId *study, const char *reason, PacsError *err);

    PacsStatus (*find)(PacsIndex *self, PacsLevel level, const PacsOrthancId *id, PacsResourceParts parts,
                       PacsArena *arena, PacsResource **ret_resource, PacsError *err);
    /** At most max of them; none is PACS_OK and 0. */
    PacsStatus (*find_uids)(PacsIndex *self, const PacsUidPath *path, PacsOrthancId *ret_ids, size_t max,
                            size_t *ret_count, PacsError *err);
    /** In arrival order; the visitor is called outside of any lock or transaction. */
    PacsStatus (*list)(PacsIndex *self, const PacsIndexScope *scope, PacsResourceParts parts,
                       PacsResourceVisitor *visit, void *context, PacsError *err);
    PacsStatus (*find_object)(PacsIndex *self, const PacsOrthancId *id, PacsArena *arena,
                              PacsStoredObject **ret_object, PacsError *err);
    /** None is PACS_OK and 0. */
    PacsStatus (*list_objects)(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                               PacsListedObject **ret_objects, size_t *ret_count, PacsError *err);
    PacsStatus (*find_blobs)(PacsIndex *self, const PacsOrthancId *id, PacsBlobParts parts, PacsArena *arena,
                             PacsInstanceBlobs *ret_blobs, PacsError *err);
    PacsStatus (*find_object_at)(PacsIndex *self, const PacsUidPath *path, PacsBlobParts parts,
                                 PacsArena *arena, PacsStoredObject **ret_object,
                                 PacsInstanceBlobs *ret_blobs, PacsError *err);
    PacsStatus (*read_metadata)(PacsIndex *self, PacsLevel level, const PacsOrthancId *id, PacsArena *arena,
                                PacsMetadataValue **ret_values, size_t *ret_count, PacsError *err);
    PacsStatus (*statistics)(PacsIndex *self, PacsStatistics *ret_statistics, PacsError *err);

    /** A page; every match is one by pacs_search_facts_match(), and in the order of PacsSearchPosition. */
    PacsStatus (*search)(PacsIndex *self, const PacsPreparedSearch *search, PacsArena *arena,
                         PacsSearchPage *ret_page, PacsError *err);

    PacsStatus (*read_changes)(PacsIndex *self, const PacsChangeQuery *query, PacsArena *arena,
                               PacsChangePage *ret_page, PacsError *err);
    PacsStatus (*clear_changes)(PacsIndex *self, PacsError *err);

    PacsStatus (*read_garbage)(PacsIndex *self, PacsKey *ret_keys, size_t max, size_t *ret_count,
                               PacsError *err);
    PacsStatus (*forget_garbage)(PacsIndex *self, const PacsKey *keys, size_t count, PacsError *err);
    PacsStatus (*has_key)(PacsIndex *self, const PacsKey *key, bool *ret_known, PacsError *err);

    PacsStatus (*read_setting)(PacsIndex *self, const char *name, PacsArena *arena, const char **ret_value,
                               PacsError *err);
    PacsStatus (*write_setting)(PacsIndex *self, const char *name, const char *value, PacsError *err);

    PacsStatus (*read_outbox)(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                              PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err);
    PacsStatus (*read_events)(PacsIndex *self, const PacsEventQuery *query, PacsArena *arena,
                              PacsEventPage *ret_page, PacsError *err);
    PacsStatus (*event_bounds)(PacsIndex *self, PacsEventBounds *ret_bounds, PacsError *err);
    PacsStatus (*outbox_depth)(PacsIndex *self, PacsOutboxDepth *ret_depth, PacsError *err);
    PacsStatus (*mark_sent)(PacsIndex *self, const PacsFence *fence, const int64_t *ids, size_t count,
                            PacsError *err);
    PacsStatus (*mark_dead)(PacsIndex *self, const PacsFence *fence, int64_t id, const char *reason,
                            PacsError *err);
    PacsStatus (*list_dead)(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                            PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err);
    /** To be sent again, or forgotten. */
    PacsStatus (*settle_dead)(PacsIndex *self, const char *ce_id, bool sends, PacsError *err);
    PacsStatus (*purge_outbox)(PacsIndex *self, int64_t before_ms, bool include_unsent, uint32_t limit,
                               uint32_t *ret_count, PacsError *err);
    PacsStatus (*tell)(PacsIndex *self, const PacsTold *told, PacsError *err);
    PacsStatus (*listen)(PacsIndex *self, PacsEventListener *listener, void *context, PacsError *err);
    void (*unlisten)(PacsIndex *self, PacsEventListener *listener, void *context);

    /** None is PACS_OK and 0. */
    PacsStatus (*find_series_metadata)(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                                       PacsSeriesMetadata **ret_series, size_t *ret_count, PacsError *err);
    PacsStatus (*read_metadata_stream)(PacsIndex *self, int64_t stream, uint64_t offset, void *ret_bytes,
                                       size_t size, PacsError *err);
    PacsStatus (*read_series_json)(PacsIndex *self, const PacsInstanceJsonQuery *query, PacsArena *arena,
                                   PacsInstanceJson **ret_instances, size_t *ret_count, PacsError *err);
    PacsStatus (*set_metadata_root)(PacsIndex *self, const char *root, PacsError *err);
    PacsStatus (*find_unappended)(PacsIndex *self, uint32_t max, PacsArena *arena,
                                  PacsUnappended *ret_unappended, PacsError *err);
    PacsStatus (*append_metadata)(PacsIndex *self, const char *root, int64_t mark,
                                  const PacsMetadataAppend *appends, size_t count, PacsError *err);
    PacsStatus (*purge_metadata)(PacsIndex *self, int64_t before_ms, bool *ret_left, PacsError *err);

    PacsStatus (*take_lease)(PacsIndex *self, const char *name, const char *holder, uint32_t ttl_ms,
                             bool *ret_held, uint64_t *ret_epoch, PacsError *err);
    PacsStatus (*drop_lease)(PacsIndex *self, const char *name, const char *holder, PacsError *err);
} PacsIndexOps;

struct PacsIndex {
    const PacsIndexOps *ops;
    uint32_t schema_version; /* of the open database */
    PacsExtraTags extra_tags;
};
