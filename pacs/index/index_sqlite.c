#include "pacs/index/index_sqlite.h"
#include "pacs/index/index_sqlite_search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "pacs/util/limits.h"
#include "pacs/util/text.h"

#define READERS_DEFAULT 8
#define PATIENT_REF_KEY_SETTING "events.patient-ref-key"

/**
 * FULL: a commit is in the log on the disk before it is answered. The log is checkpointed by a thread of its
 * own (wal_autocheckpoint = 0) and kept at its length, because overwriting blocks is cheaper to sync than
 * appending.
 */
static const char writer_settings[] = "PRAGMA journal_mode = WAL;"
                                      "PRAGMA synchronous = FULL;"
                                      "PRAGMA wal_autocheckpoint = 0;"
                                      "PRAGMA journal_size_limit = 67108864;"
                                      "PRAGMA cache_size = -16384;" /* kB */
                                      "PRAGMA temp_store = MEMORY;"
                                      "PRAGMA cell_size_check = ON;"
                                      "PRAGMA trusted_schema = OFF;";

/* ---- Answers of a line ---- */

static PacsStatus sqlite_check(PacsIndex *self, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t one = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_number(reader.connection, "SELECT id FROM total", NULL, 0, &one, err);
    return status;
}

/** Nobody else writes: the lock file is ours. */
static bool sqlite_generation(PacsIndex *self, uint64_t *ret_generation)
{
    *ret_generation = atomic_load(&pacs_index_sqlite(self)->generation);
    return true;
}

static bool sqlite_removals(PacsIndex *self, uint64_t *ret_removals)
{
    *ret_removals = atomic_load(&pacs_index_sqlite(self)->removals);
    return true;
}

PacsStatus pacs_index_sqlite_statistics(PacsIndex *self, PacsStatistics *ret_statistics, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_first(
            reader.connection, &rows,
            "SELECT patients, studies, series, instances, size_bytes, uncompressed_bytes"
            " FROM total",
            NULL, 0, err);
    if (status != PACS_OK)
        return status;
    *ret_statistics = (PacsStatistics){
        .patients = (uint64_t)sqlite3_column_int64(rows, 0),
        .studies = (uint64_t)sqlite3_column_int64(rows, 1),
        .series = (uint64_t)sqlite3_column_int64(rows, 2),
        .instances = (uint64_t)sqlite3_column_int64(rows, 3),
        .size_bytes = (uint64_t)sqlite3_column_int64(rows, 4),
        .uncompressed_bytes = (uint64_t)sqlite3_column_int64(rows, 5),
    };
    return PACS_OK;
}

/* ---- Opening and closing ---- */

static void sqlite_free(PacsIndex *self)
{
    IndexSqlite *index = pacs_index_sqlite(self);
    pacs_index_sqlite_writer_clear(index);
    pacs_listeners_clear(&index->listeners);
    pacs_index_sqlite_checkpoint_stop(index->checkpointer);
    pacs_index_sqlite_pool_free(index->readers);
    pacs_sqlite_close(index->writer); /* the last connection: copies the log into the database */
    if (index->lock_fd >= 0)
        close(index->lock_fd);
    free(index);
}

static const PacsIndexOps sqlite_ops = {
    .name = "sqlite",
    .free = sqlite_free,
    .check = sqlite_check,
    .generation = sqlite_generation,
    .removals = sqlite_removals,
    .add = pacs_index_sqlite_add,
    .delete_resource = pacs_index_sqlite_delete,
    .stabilise = pacs_index_sqlite_stabilise,
    .arrive = pacs_index_sqlite_arrive,
    .find = pacs_index_sqlite_find,
    .list = pacs_index_sqlite_list,
    .find_object = pacs_index_sqlite_find_object,
    .find_blobs = pacs_index_sqlite_find_blobs,
    .find_object_at = pacs_index_sqlite_find_object_at,
    .find_uids = pacs_index_sqlite_find_uids,
    .list_objects = pacs_index_sqlite_list_objects,
    .read_metadata = pacs_index_sqlite_read_metadata,
    .statistics = pacs_index_sqlite_statistics,
    .search = pacs_index_sqlite_search,
    .read_changes = pacs_index_sqlite_read_changes,
    .clear_changes = pacs_index_sqlite_clear_changes,
    .read_garbage = pacs_index_sqlite_read_garbage,
    .forget_garbage = pacs_index_sqlite_forget_garbage,
    .has_key = pacs_index_sqlite_has_key,
    .read_setting = pacs_index_sqlite_read_setting,
    .write_setting = pacs_index_sqlite_write_setting,
    .read_outbox = pacs_index_sqlite_read_outbox,
    .read_events = pacs_index_sqlite_read_events,
    .event_bounds = pacs_index_sqlite_event_bounds,
    .outbox_depth = pacs_index_sqlite_outbox_depth,
    .mark_sent = pacs_index_sqlite_mark_sent,
    .mark_dead = pacs_index_sqlite_mark_dead,
    .list_dead = pacs_index_sqlite_list_dead,
    .settle_dead = pacs_index_sqlite_settle_dead,
    .purge_outbox = pacs_index_sqlite_purge_outbox,
    .tell = pacs_index_sqlite_tell,
    .listen = pacs_index_sqlite_listen,
    .unlisten = pacs_index_sqlite_unlisten,
    .find_series_metadata = pacs_index_sqlite_find_series_metadata,
    .read_metadata_stream = pacs_index_sqlite_read_metadata_stream,
    .read_series_json = pacs_index_sqlite_read_series_json,
    .set_metadata_root = pacs_index_sqlite_set_metadata_root,
    .find_unappended = pacs_index_sqlite_find_unappended,
    .append_metadata = pacs_index_sqlite_append_metadata,
    .purge_metadata = pacs_index_sqlite_purge_metadata,
    .take_lease = pacs_index_sqlite_take_lease,
    .drop_lease = pacs_index_sqlite_drop_lease,
};

/** A lock that the kernel drops with the process; SQLite's own would let a second process write beside us. */
static PacsStatus lock_file(IndexSqlite *index, const char *path, PacsError *err)
{
    char lock_path[4096];
    const int length = snprintf(lock_path, sizeof lock_path, "%s-lock", path);
    if (length < 0 || (size_t)length >= sizeof lock_path)
        return pacs_fail(err, PACS_INVALID, "the path of the index is too long");
    index->lock_fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (index->lock_fd < 0)
        return pacs_fail(err, errno == ENOSPC ? PACS_NO_SPACE : PACS_UNAVAILABLE, "cannot open '%s': %s",
                         lock_path, strerror(errno));
    if (flock(index->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? pacs_fail(err, PACS_EXISTS, "the index '%s' is open in another process", path)
                   : pacs_fail(err, PACS_UNAVAILABLE, "cannot lock '%s': %s", lock_path, strerror(errno));
    return PACS_OK;
}

/** Patients' names are in it: the file is nobody else's to read. SQLite gives the log the same rights. */
static PacsStatus create_file(const char *path, PacsError *err)
{
    PACS_AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return pacs_fail(err, errno == ENOSPC ? PACS_NO_SPACE : PACS_UNAVAILABLE, "cannot open '%s': %s",
                         path, strerror(errno));
    return PACS_OK;
}

/** Where a file system has no shared memory, SQLite keeps to its older journal without a word. */
static PacsStatus check_log(PacsSqlite *connection, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const PacsStatus status = pacs_sqlite_first(connection, &rows, "PRAGMA journal_mode", NULL, 0, err);
    if (status == PACS_OK && strcmp((const char *)sqlite3_column_text(rows, 0), "wal") != 0)
        return pacs_fail(err, PACS_UNSUPPORTED, "the index's file system cannot hold a write-ahead log");
    return status;
}

static PacsStatus open_database(IndexSqlite *index, const char *path, PacsError *err)
{
    PacsStatus status = create_file(path, err);
    if (status == PACS_OK)
        status = pacs_sqlite_open(path, SQLITE_OPEN_READWRITE, &index->writer, err);
    if (status == PACS_OK)
        status = pacs_sqlite_script(index->writer, writer_settings, err);
    if (status == PACS_OK)
        status = check_log(index->writer, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_search_functions(index->writer, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_migrate(index->writer, &index->base.schema_version, err);
    if (status == PACS_OK) /* whoever had one has gone: the lock file is ours */
        status = pacs_sqlite_script(index->writer, "UPDATE lease SET holder = '', until_ms = 0", err);
    return status;
}

static PacsStatus read_patient_ref_key(IndexSqlite *index, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err,
                                             "SELECT value FROM setting WHERE name = ?",
                                             pacs_sql_text(PATIENT_REF_KEY_SETTING));
    return status == PACS_OK ? pacs_hex_parse(pacs_slice((const char *)sqlite3_column_text(rows, 0)),
                                              index->patient_ref_key, sizeof index->patient_ref_key, err)
                             : status;
}

static PacsStatus make_patient_ref_key(IndexSqlite *index, PacsError *err)
{
    char hex[2 * PACS_SHA256_SIZE + 1];
    const PacsStatus status = pacs_random(index->patient_ref_key, sizeof index->patient_ref_key, err);
    if (status != PACS_OK)
        return status;
    pacs_hex_format(index->patient_ref_key, sizeof index->patient_ref_key, hex);
    return PACS_SQL_RUN(index->writer, err, "INSERT INTO setting (name, value) VALUES (?, ?)",
                        pacs_sql_text(PATIENT_REF_KEY_SETTING), pacs_sql_text(hex));
}

/** The key of patientRef is made with the database and never leaves it: refs of one archive compare, of two
 * do not. */
static PacsStatus load_patient_ref_key(IndexSqlite *index, PacsError *err)
{
    const PacsStatus status = read_patient_ref_key(index, err);
    return status == PACS_NOT_FOUND ? make_patient_ref_key(index, err) : status;
}

static void register_metrics(IndexSqlite *index, PacsMetrics *metrics)
{
    index->commits = pacs_metric(
        pacs_metrics_family(metrics, PACS_COUNTER, "imaging_db_commits_total", "Index commits", NULL), NULL);
    index->operations = pacs_metric(pacs_metrics_family(metrics, PACS_COUNTER, "imaging_db_writes_total",
                                                        "Index writes, of which many share a commit", NULL),
                                    NULL);
    index->commit_seconds = pacs_metric(pacs_metrics_family(metrics, PACS_HISTOGRAM,
                                                            "imaging_db_commit_seconds",
                                                            "Index transactions from begin to durable", NULL),
                                        NULL);
}

PacsStatus pacs_index_sqlite_open(const PacsIndexSqliteOptions *options, PacsMetrics *metrics,
                                  PacsIndex **ret_index, PacsError *err)
{
    IndexSqlite *sqlite = calloc(1, sizeof *sqlite);
    if (!sqlite)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the index");
    *sqlite = (IndexSqlite){.base.ops = &sqlite_ops,
                            .base.extra_tags = options->extra_tags,
                            .phi_fields = options->phi_fields,
                            .lock_fd = -1};
    pacs_index_sqlite_writer_init(sqlite);
    pacs_listeners_init(&sqlite->listeners);
    register_metrics(sqlite, metrics);
    PACS_AUTO(PacsIndex) index = &sqlite->base;

    const uint32_t readers = options->reader_count ? options->reader_count : READERS_DEFAULT;
    PacsStatus status = lock_file(sqlite, options->path, err);
    if (status == PACS_OK)
        status = open_database(sqlite, options->path, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_lengthen_log(options->path, options->log_bytes, err);
    if (status == PACS_OK)
        status = load_patient_ref_key(sqlite, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_pool_new(options->path, readers, &sqlite->readers, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_checkpoint_start(options->path, sqlite->writer, &sqlite->checkpointer,
                                                    err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_writer_start(sqlite, err);
    if (status != PACS_OK)
        return status;
    *ret_index = PACS_STEAL(index);
    return PACS_OK;
}
