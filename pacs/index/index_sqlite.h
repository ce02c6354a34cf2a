#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "pacs/database/sqlite.h"
#include "pacs/index/index_backend.h"
#include "pacs/index/index_event.h"
#include "pacs/index/index_listen.h"

/**
 * Inside of the SQLite back end; for index_sqlite*.c alone.
 *
 * One thread writes at a time, whichever came first: it takes all writes that wait, runs each in its own savepoint and
 * commits them together (index_sqlite_writer.c). Readers have connections of their own (index_sqlite_pool.c). A thread
 * copies the write-ahead log into the database file, so that no commit has to (index_sqlite_checkpoint.c).
 */

/** The `total` row. The writer keeps it in memory and stores it once per commit. */
typedef struct IndexTotals {
    int64_t patients, studies, series, instances;
    int64_t size_bytes, uncompressed_bytes;
    int64_t last_patient, last_study, last_series, last_instance, last_change;
    int64_t last_event, purged_event;
    int64_t unsent_events, parked_events, dead_events;
} IndexTotals;

/** Rows above an instance, by key. */
typedef struct IndexParents {
    int64_t patient, study, series, study_uid;
} IndexParents;

/**
 * Series that something was added to a moment ago, all of whose ancestors are marked unstable and changed
 * already: the next addition needs no look-up. Emptied by every write but an addition, and whenever one is
 * undone.
 */
#define INDEX_RECENT_SERIES 64 /* associations that send at once */
typedef struct IndexRecentSeries {
    bool used;
    PacsOrthancId id;
    IndexParents parents;
    bool study_uid_collision;
    int64_t expected_instances;
    char sop_class_uid[65];
} IndexRecentSeries;

/** Whose turn it is to write (index_sqlite_writer.c). */
typedef struct IndexTurn {
    pthread_mutex_t lock; /* guards what follows, but for the thread */
    bool is_taken;
    struct IndexOperation *first, **end; /* who waits, in the order they came */
    size_t waiting;
    pthread_cond_t upkeep;
    bool is_upkeep_due; /* rows to be purged, or a log to be copied */
    bool is_stopping;
    pthread_t upkeep_thread;
    bool is_started;
} IndexTurn;

typedef struct IndexReaderPool IndexReaderPool;
typedef struct IndexCheckpointer IndexCheckpointer;

typedef struct IndexSqlite {
    PacsIndex base; /* first: &sqlite->base is the handle everyone else holds */
    int lock_fd;    /* what keeps a second process out */
    uint8_t patient_ref_key[PACS_SHA256_SIZE];
    PacsPhiFields phi_fields;

    IndexReaderPool *readers;
    IndexCheckpointer *checkpointer;
    PacsListeners listeners;
    IndexTurn turn;
    atomic_uint_fast64_t generation; /* commits so far */
    atomic_uint_fast64_t removals;   /* those of them that took an object away */

    /* What follows belongs to the thread whose turn it is. */
    PacsSqlite *writer;
    IndexTotals totals;
    bool purging; /* rows of deleted instances are left */
    bool removes; /* the transaction under way takes objects away; or one did that was undone */
    bool tells;   /* the same, of writing events */
    IndexRecentSeries recent[INDEX_RECENT_SERIES];
    struct {
        bool used;
        int64_t id;
        PacsOrigin origin; /* texts below */
        char texts[4][256];
    } last_origin;

    PacsMetric *commits;
    PacsMetric *operations;
    PacsMetric *commit_seconds;
} IndexSqlite;

static inline IndexSqlite *pacs_index_sqlite(PacsIndex *index)
{
    return (IndexSqlite *)index;
}

/* ---- index_sqlite_migrate.c ---- */

/** Bring the schema up to the newest version. Errors: PACS_UNSUPPORTED (newer than we, or not ours). */
PACS_CHECKED PacsStatus pacs_index_sqlite_migrate(PacsSqlite *connection, uint32_t *ret_version,
                                                  PacsError *err);

/* ---- index_sqlite_sequences.c ---- */

/** with_sequences(tags, json_deflate, json_size, json_crc32): a series' kept tags and its main sequences. */
void pacs_index_sqlite_with_sequences(sqlite3_context *context, int count, sqlite3_value **values);

/* ---- index_sqlite_writer.c ---- */

/** What a write does inside a transaction, on any writer's thread. It may run twice: outputs are set, not
 * added to. */
typedef PacsStatus IndexWrite(IndexSqlite *index, void *arguments, PacsError *err);

void pacs_index_sqlite_writer_init(IndexSqlite *index);
PACS_CHECKED PacsStatus pacs_index_sqlite_writer_start(IndexSqlite *index, PacsError *err);
void pacs_index_sqlite_writer_clear(IndexSqlite *index); /* nobody writes any more */

/** Run `write` in a transaction; returns when it is durable or undone. */
PACS_CHECKED PacsStatus pacs_index_sqlite_write(IndexSqlite *index, IndexWrite *write, void *arguments,
                                                PacsError *err);

/** Writes that wait for another to end. */
size_t pacs_index_sqlite_waiting(IndexSqlite *index);

/** Forget what the writer remembers of rows. */
void pacs_index_sqlite_forget(IndexSqlite *index);

/* ---- index_sqlite_checkpoint.c ---- */

PACS_CHECKED PacsStatus pacs_index_sqlite_checkpoint_start(const char *path, PacsSqlite *writer,
                                                           IndexCheckpointer **ret_checkpointer,
                                                           PacsError *err);
void pacs_index_sqlite_checkpoint_stop(IndexCheckpointer *checkpointer);
/** Before the writer writes: a log of so many bytes, as it will have by and by. What cannot be done is left. */
PACS_CHECKED PacsStatus pacs_index_sqlite_lengthen_log(const char *path, uint64_t bytes, PacsError *err);
/** The log has grown long enough for what follows. */
bool pacs_index_sqlite_checkpoint_is_due(IndexCheckpointer *checkpointer);
/** With the turn, between transactions: lets the log begin anew when it has grown long. */
void pacs_index_sqlite_checkpoint_finish(IndexCheckpointer *checkpointer, PacsSqlite *writer);

/* ---- index_sqlite_pool.c ---- */

PACS_CHECKED PacsStatus pacs_index_sqlite_pool_new(const char *path, uint32_t count,
                                                   IndexReaderPool **ret_pool, PacsError *err);
void pacs_index_sqlite_pool_free(IndexReaderPool *pool);

/** A connection for one read; waits while all are in use. `begin` opens a snapshot over
 * several statements. */
typedef struct IndexReader {
    IndexReaderPool *pool;
    PacsSqlite *connection;
    bool in_snapshot;
} IndexReader;
PACS_CHECKED PacsStatus pacs_index_sqlite_read_begin(IndexSqlite *index, bool snapshot,
                                                     IndexReader *ret_reader, PacsError *err);
void pacs_index_sqlite_read_end(IndexReader *reader);
#define INDEX_AUTO_READER __attribute__((cleanup(pacs_index_sqlite_read_end)))

/* ---- index_sqlite_level.c: the same question at each level ---- */

/** Key of a resource; PACS_NOT_FOUND ("no Study has this id"). Deleted instances are not found. */
PACS_CHECKED PacsStatus pacs_index_sqlite_row_of(PacsSqlite *connection, PacsLevel level,
                                                 const PacsOrthancId *id, int64_t *ret_row, PacsError *err);

/* ---- index_sqlite_change.c ---- */

PACS_CHECKED PacsStatus pacs_index_sqlite_log_change(IndexSqlite *index, PacsChangeType type, PacsLevel level,
                                                     int64_t row, int64_t time_ms, PacsError *err);

/* ---- index_sqlite_event.c: study events into the outbox ---- */

/** What an event says beyond the rows of its study; NULL and 0 where the type has no such thing. */
typedef struct IndexEventExtra {
    const PacsOrigin *origin;
    const char *reason; /* of study.updated; of study.arrived why it is taken to be complete */
    const char *const *changed_series;
    size_t changed_series_count;
    const PacsEventReport *report;
} IndexEventExtra;

PACS_CHECKED PacsStatus pacs_index_sqlite_write_event(IndexSqlite *index, int64_t study_uid,
                                                      PacsEventType type, const IndexEventExtra *extra,
                                                      PacsError *err);

/* ---- index_sqlite_delete.c ---- */

/** Delete an instance that is about to be stored anew: as a deletion, but no event tells of it. */
PACS_CHECKED PacsStatus pacs_index_sqlite_delete_replaced(IndexSqlite *index, int64_t instance,
                                                          PacsError *err);

/** Remove some rows that a large deletion left; *ret_left tells whether any remain. */
PACS_CHECKED PacsStatus pacs_index_sqlite_purge_some(IndexSqlite *index, bool *ret_left, PacsError *err);
/** Remove one such row, because its instance comes again. */
PACS_CHECKED PacsStatus pacs_index_sqlite_purge_instance(IndexSqlite *index, int64_t series, int64_t instance,
                                                         PacsError *err);

/* ---- The slots, each beside its subject ---- */

PacsStatus pacs_index_sqlite_add(PacsIndex *self, const PacsPreparedAdd *prepared, PacsIndexAdded *ret_added,
                                 PacsError *err);
PacsStatus pacs_index_sqlite_delete(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                    PacsRemaining *ret_remaining, PacsError *err);
PacsStatus pacs_index_sqlite_stabilise(PacsIndex *self, int64_t before_ms, uint32_t limit,
                                       uint32_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_arrive(PacsIndex *self, const PacsOrthancId *study, const char *reason,
                                    PacsError *err);
PacsStatus pacs_index_sqlite_find(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                  PacsResourceParts parts, PacsArena *arena, PacsResource **ret_resource,
                                  PacsError *err);
PacsStatus pacs_index_sqlite_list_objects(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                                          PacsListedObject **ret_objects, size_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_find_uids(PacsIndex *self, const PacsUidPath *path, PacsOrthancId *ret_ids,
                                       size_t max, size_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_list(PacsIndex *self, const PacsIndexScope *scope, PacsResourceParts parts,
                                  PacsResourceVisitor *visit, void *context, PacsError *err);
PacsStatus pacs_index_sqlite_find_object(PacsIndex *self, const PacsOrthancId *id, PacsArena *arena,
                                         PacsStoredObject **ret_object, PacsError *err);
PacsStatus pacs_index_sqlite_find_blobs(PacsIndex *self, const PacsOrthancId *id, PacsBlobParts parts,
                                        PacsArena *arena, PacsInstanceBlobs *ret_blobs, PacsError *err);
PacsStatus pacs_index_sqlite_find_object_at(PacsIndex *self, const PacsUidPath *path, PacsBlobParts parts,
                                            PacsArena *arena, PacsStoredObject **ret_object,
                                            PacsInstanceBlobs *ret_blobs, PacsError *err);
PacsStatus pacs_index_sqlite_read_metadata(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                           PacsArena *arena, PacsMetadataValue **ret_values,
                                           size_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_statistics(PacsIndex *self, PacsStatistics *ret_statistics, PacsError *err);
PacsStatus pacs_index_sqlite_search(PacsIndex *self, const PacsPreparedSearch *search, PacsArena *arena,
                                    PacsSearchPage *ret_page, PacsError *err);
PacsStatus pacs_index_sqlite_read_changes(PacsIndex *self, const PacsChangeQuery *query, PacsArena *arena,
                                          PacsChangePage *ret_page, PacsError *err);
PacsStatus pacs_index_sqlite_clear_changes(PacsIndex *self, PacsError *err);
PacsStatus pacs_index_sqlite_read_garbage(PacsIndex *self, PacsKey *ret_keys, size_t max, size_t *ret_count,
                                          PacsError *err);
PacsStatus pacs_index_sqlite_forget_garbage(PacsIndex *self, const PacsKey *keys, size_t count,
                                            PacsError *err);
PacsStatus pacs_index_sqlite_has_key(PacsIndex *self, const PacsKey *key, bool *ret_known, PacsError *err);
PacsStatus pacs_index_sqlite_read_setting(PacsIndex *self, const char *name, PacsArena *arena,
                                          const char **ret_value, PacsError *err);
PacsStatus pacs_index_sqlite_write_setting(PacsIndex *self, const char *name, const char *value,
                                           PacsError *err);
PacsStatus pacs_index_sqlite_read_outbox(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                                         PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_read_events(PacsIndex *self, const PacsEventQuery *query, PacsArena *arena,
                                         PacsEventPage *ret_page, PacsError *err);
PacsStatus pacs_index_sqlite_event_bounds(PacsIndex *self, PacsEventBounds *ret_bounds, PacsError *err);
PacsStatus pacs_index_sqlite_outbox_depth(PacsIndex *self, PacsOutboxDepth *ret_depth, PacsError *err);
PacsStatus pacs_index_sqlite_mark_sent(PacsIndex *self, const PacsFence *fence, const int64_t *ids,
                                       size_t count, PacsError *err);
PacsStatus pacs_index_sqlite_mark_dead(PacsIndex *self, const PacsFence *fence, int64_t id,
                                       const char *reason, PacsError *err);
PacsStatus pacs_index_sqlite_list_dead(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                                       PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_settle_dead(PacsIndex *self, const char *ce_id, bool sends, PacsError *err);
PacsStatus pacs_index_sqlite_purge_outbox(PacsIndex *self, int64_t before_ms, bool include_unsent,
                                          uint32_t limit, uint32_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_tell(PacsIndex *self, const PacsTold *told, PacsError *err);
PacsStatus pacs_index_sqlite_listen(PacsIndex *self, PacsEventListener *listener, void *context,
                                    PacsError *err);
void pacs_index_sqlite_unlisten(PacsIndex *self, PacsEventListener *listener, void *context);
PacsStatus pacs_index_sqlite_find_series_metadata(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                                                  PacsSeriesMetadata **ret_series, size_t *ret_count,
                                                  PacsError *err);
PacsStatus pacs_index_sqlite_read_metadata_stream(PacsIndex *self, int64_t stream, uint64_t offset,
                                                  void *ret_bytes, size_t size, PacsError *err);
PacsStatus pacs_index_sqlite_read_series_json(PacsIndex *self, const PacsInstanceJsonQuery *query,
                                              PacsArena *arena, PacsInstanceJson **ret_instances,
                                              size_t *ret_count, PacsError *err);
PacsStatus pacs_index_sqlite_set_metadata_root(PacsIndex *self, const char *root, PacsError *err);
PacsStatus pacs_index_sqlite_find_unappended(PacsIndex *self, uint32_t max, PacsArena *arena,
                                             PacsUnappended *ret_unappended, PacsError *err);
PacsStatus pacs_index_sqlite_append_metadata(PacsIndex *self, const char *root, int64_t mark,
                                             const PacsMetadataAppend *appends, size_t count, PacsError *err);
PacsStatus pacs_index_sqlite_purge_metadata(PacsIndex *self, int64_t before_ms, bool *ret_left,
                                            PacsError *err);
PacsStatus pacs_index_sqlite_take_lease(PacsIndex *self, const char *name, const char *holder,
                                        uint32_t ttl_ms, bool *ret_held, uint64_t *ret_epoch, PacsError *err);
PacsStatus pacs_index_sqlite_drop_lease(PacsIndex *self, const char *name, const char *holder,
                                        PacsError *err);
