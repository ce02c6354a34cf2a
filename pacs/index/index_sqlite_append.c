#include <string.h>

#include "pacs/index/index_sqlite_stream.h"
#include "pacs/util/clock.h"

/* Making metadata ready: what there is to append, appending, giving up. */

#define LOOK_AHEAD 512 /* instances looked at for one step: their rows are some 0.2 ms */
#define PURGE_ROWS 256 /* rows removed at a time: 4 MiB */

/* ---- What there is to do ---- */

/** A set of few keys, in the order they came. */
typedef struct SeriesSet {
    int64_t *keys;
    size_t count, max;
} SeriesSet;

/** False if it is full. */
static bool add_series(SeriesSet *set, int64_t series)
{
    for (size_t i = set->count; i > 0; i--) /* instances of one series come together */
        if (set->keys[i - 1] == series)
            return true;
    if (set->count == set->max)
        return false;
    set->keys[set->count++] = series;
    return true;
}

/** Series of the next arrivals behind the mark, which moves on. */
static PacsStatus find_arrivals(PacsSqlite *db, SeriesSet *set, PacsUnappended *found, PacsError *err)
{
    static const char sql[] = "SELECT id, series FROM instance WHERE id > ? ORDER BY id LIMIT ?";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_sqlite_number(db, "SELECT instance FROM metadata_mark", NULL, 0, &found->mark,
                                           err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(db, &rows, err, sql, pacs_sql_i64(found->mark), pacs_sql_i64(LOOK_AHEAD));
    while (pacs_sqlite_next(db, rows, &status, err)) {
        if (!add_series(set, sqlite3_column_int64(rows, 1)))
            break;
        found->mark = sqlite3_column_int64(rows, 0);
        found->any = true;
    }
    return status;
}

static PacsStatus find_pending(PacsSqlite *db, SeriesSet *set, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = PACS_SQL_QUERY(db, &rows, err,
                                       "SELECT series FROM metadata_pending ORDER BY series LIMIT ?",
                                       pacs_sql_u64(set->max));
    while (pacs_sqlite_next(db, rows, &status, err))
        if (!add_series(set, sqlite3_column_int64(rows, 0)))
            break;
    return status;
}

static PacsStatus load_all(PacsSqlite *db, const SeriesSet *set, PacsArena *arena, PacsUnappended *found,
                           PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < set->count; i++) {
        status = pacs_index_sqlite_load_series_metadata(db, set->keys[i], arena, &found->series[found->count],
                                                        err);
        if (status == PACS_OK)
            found->count++;
        else if (status == PACS_NOT_FOUND) /* deleted meanwhile */
            status = PACS_OK;
    }
    return status;
}

PacsStatus pacs_index_sqlite_find_unappended(PacsIndex *self, uint32_t max, PacsArena *arena,
                                             PacsUnappended *ret_unappended, PacsError *err)
{
    SeriesSet set = {.keys = pacs_arena_array(arena, max, sizeof *set.keys), .max = max};
    PacsUnappended found = {.series = pacs_arena_array(arena, max, sizeof *found.series)};
    if (!set.keys || !found.series)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of %zu series", set.max);
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), true, &reader, err);
    if (status == PACS_OK)
        status = find_arrivals(reader.connection, &set, &found, err);
    if (status == PACS_OK)
        status = find_pending(reader.connection, &set, err);
    if (status == PACS_OK)
        status = load_all(reader.connection, &set, arena, &found, err);
    found.any |= found.count > 0;
    if (status == PACS_OK)
        *ret_unappended = found;
    return status;
}

/* ---- Giving up ---- */

static PacsStatus give_up_stream(IndexSqlite *index, int64_t series, PacsError *err)
{
    static const char doom[] =
        "INSERT INTO metadata_doomed (stream, since_ms) SELECT id, ?2 FROM metadata_stream WHERE series = ?1";
    PacsStatus status = PACS_SQL_RUN(index->writer, err, doom, pacs_sql_i64(series),
                                     pacs_sql_i64(pacs_now_ms()));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, "DELETE FROM metadata_stream WHERE series = ?",
                              pacs_sql_i64(series));
    return status;
}

static PacsStatus make_pending(IndexSqlite *index, int64_t series, PacsError *err)
{
    return PACS_SQL_RUN(index->writer, err, "INSERT OR IGNORE INTO metadata_pending (series) VALUES (?)",
                        pacs_sql_i64(series));
}

static PacsStatus make_done(IndexSqlite *index, int64_t series, PacsError *err)
{
    return PACS_SQL_RUN(index->writer, err, "DELETE FROM metadata_pending WHERE series = ?",
                        pacs_sql_i64(series));
}

PacsStatus pacs_index_sqlite_restart_metadata(IndexSqlite *index, int64_t series, int64_t instance,
                                              PacsError *err)
{
    int64_t appended_to = 0;
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &appended_to, err,
                                        "SELECT appended_to FROM metadata_stream WHERE series = ?",
                                        pacs_sql_i64(series));
    if (status == PACS_NOT_FOUND || (status == PACS_OK && appended_to < instance))
        return PACS_OK;
    if (status == PACS_OK)
        status = give_up_stream(index, series, err);
    return status == PACS_OK ? make_pending(index, series, err) : status;
}

PacsStatus pacs_index_sqlite_drop_metadata(IndexSqlite *index, int64_t series, PacsError *err)
{
    const PacsStatus status = give_up_stream(index, series, err);
    return status == PACS_OK ? make_done(index, series, err) : status;
}

/* ---- Appending ---- */

typedef struct AppendArguments {
    const char *root;
    int64_t mark;
    const PacsMetadataAppend *appends;
    size_t count;
} AppendArguments;

/** Whether the series is as it was found; *ret_gone if there is none any more. */
static PacsStatus compare(IndexSqlite *index, const PacsSeriesMetadata *found, bool *ret_same, bool *ret_gone,
                          PacsError *err)
{
    static const char sql[] = "SELECT s.removals, m.id, m.appended_to FROM series s"
                              " LEFT JOIN metadata_stream m ON m.series = s.id WHERE s.id = ?";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err, sql, pacs_sql_i64(found->series));
    *ret_gone = status == PACS_NOT_FOUND;
    *ret_same = status == PACS_OK && sqlite3_column_int64(rows, 0) == (int64_t)found->removals &&
                sqlite3_column_int64(rows, 1) == found->stream.id &&
                sqlite3_column_int64(rows, 2) == found->stream.appended_to;
    return *ret_gone ? PACS_OK : status;
}

static PacsStatus write_row(IndexSqlite *index, int64_t stream, uint64_t number, const void *bytes,
                            size_t size, PacsError *err)
{
    return PACS_SQL_RUN(index->writer, err,
                        "INSERT INTO metadata_bytes (stream, number, bytes) VALUES (?, ?, ?)"
                        " ON CONFLICT (stream, number) DO UPDATE SET bytes = excluded.bytes",
                        pacs_sql_i64(stream), pacs_sql_u64(number), pacs_sql_bytes(bytes, size));
}

/** Fill the last row up. *ret_taken: how much of the bytes that took. */
static PacsStatus fill_last_row(IndexSqlite *index, int64_t stream, uint64_t size,
                                const PacsMetadataAppend *append, size_t *ret_taken, PacsError *err)
{
    static const char sql[] = "SELECT bytes FROM metadata_bytes WHERE stream = ? AND number = ?";
    uint8_t row[METADATA_ROW_SIZE];
    const size_t used = size % METADATA_ROW_SIZE;
    const size_t room = METADATA_ROW_SIZE - used;
    *ret_taken = used == 0 ? 0 : room < append->deflate_size ? room : append->deflate_size;
    if (used == 0)
        return PACS_OK;
    {
        PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
        PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err, sql, pacs_sql_i64(stream),
                                           pacs_sql_u64(size / METADATA_ROW_SIZE));
        if (status == PACS_OK)
            status = pacs_sqlite_fixed(rows, 0, row, used, err);
        if (status != PACS_OK)
            return status == PACS_NOT_FOUND ? pacs_fail(err, PACS_CORRUPT, "metadata of a series have a gap")
                                            : status;
    }
    memcpy(row + used, append->deflate, *ret_taken);
    return write_row(index, stream, size / METADATA_ROW_SIZE, row, used + *ret_taken, err);
}

static PacsStatus write_bytes(IndexSqlite *index, int64_t stream, uint64_t size,
                              const PacsMetadataAppend *append, PacsError *err)
{
    size_t done = 0;
    PacsStatus status = fill_last_row(index, stream, size, append, &done, err);
    while (status == PACS_OK && done < append->deflate_size) {
        const size_t left = append->deflate_size - done;
        const size_t count = left < METADATA_ROW_SIZE ? left : METADATA_ROW_SIZE;
        status = write_row(index, stream, (size + done) / METADATA_ROW_SIZE,
                           (const uint8_t *)append->deflate + done, count, err);
        done += count;
    }
    return status;
}

/** The stream to append to; made where there is none. */
static PacsStatus open_stream(IndexSqlite *index, const char *root, const PacsMetadataAppend *append,
                              int64_t *ret_stream, uint64_t *ret_size, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO metadata_stream (series, root, appended_to, instance_count, deflate_size, text_size, crc32)"
        " VALUES (?, ?, 0, 0, 0, 0, 0)";
    const PacsMetadataStream *stream = &append->series->stream;
    PacsStatus status = PACS_OK;
    if (stream->id != 0 && !append->restart) {
        *ret_stream = stream->id;
        *ret_size = stream->deflate_size;
        return PACS_OK;
    }
    if (stream->id != 0)
        status = give_up_stream(index, append->series->series, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(append->series->series),
                              pacs_sql_text(root));
    *ret_stream = sqlite3_last_insert_rowid(pacs_sqlite_handle(index->writer));
    *ret_size = 0;
    return status;
}

static PacsStatus append_one(IndexSqlite *index, const char *root, const PacsMetadataAppend *append,
                             PacsError *err)
{
    static const char sql[] = "UPDATE metadata_stream SET appended_to = ?2, instance_count = ?3,"
                              " deflate_size = ?4, text_size = ?5, crc32 = ?6 WHERE id = ?1";
    int64_t stream = 0;
    uint64_t size = 0;
    PacsStatus status = open_stream(index, root, append, &stream, &size, err);
    if (status == PACS_OK)
        status = write_bytes(index, stream, size, append, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(stream),
                              pacs_sql_i64(append->appended_to), pacs_sql_u64(append->instance_count),
                              pacs_sql_u64(size + append->deflate_size), pacs_sql_u64(append->text_size),
                              pacs_sql_i64(append->crc32));
    return status;
}

/** What is not appended now stays pending: arrivals are looked at once. */
static PacsStatus append_if_same(IndexSqlite *index, const char *root, const PacsMetadataAppend *append,
                                 PacsError *err)
{
    const PacsSeriesMetadata *found = append->series;
    bool same = false;
    bool gone = false;
    PacsStatus status = compare(index, found, &same, &gone, err);
    if (status != PACS_OK || gone)
        return status;
    if (same && append->deflate_size > 0)
        status = append_one(index, root, append, err);
    if (status != PACS_OK)
        return status;
    return same && append->appended_to >= found->last_instance ? make_done(index, found->series, err)
                                                               : make_pending(index, found->series, err);
}

static PacsStatus append_all(IndexSqlite *index, void *arguments, PacsError *err)
{
    const AppendArguments *append = arguments;
    PacsStatus status = PACS_SQL_RUN(index->writer, err,
                                     "UPDATE metadata_mark SET instance = max(instance, ?)",
                                     pacs_sql_i64(append->mark));
    for (size_t i = 0; status == PACS_OK && i < append->count; i++)
        status = append_if_same(index, append->root, &append->appends[i], err);
    return status;
}

PacsStatus pacs_index_sqlite_append_metadata(PacsIndex *self, const char *root, int64_t mark,
                                             const PacsMetadataAppend *appends, size_t count, PacsError *err)
{
    AppendArguments arguments = {.root = root, .mark = mark, .appends = appends, .count = count};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), append_all, &arguments, err);
}

/* ---- The root ---- */

static PacsStatus set_root(IndexSqlite *index, void *arguments, PacsError *err)
{
    const char *root = *(const char *const *)arguments;
    PacsStatus status = PACS_SQL_RUN(index->writer, err,
                                     "INSERT OR IGNORE INTO metadata_pending SELECT series"
                                     " FROM metadata_stream WHERE root <> ?",
                                     pacs_sql_text(root));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, "UPDATE metadata_mark SET root = ?", pacs_sql_text(root));
    return status;
}

/** The usual start finds the root it had. */
static PacsStatus has_root(IndexSqlite *index, const char *root, bool *ret_same, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t same = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(index, false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(reader.connection, &same, err,
                                 "SELECT EXISTS (SELECT 1 FROM metadata_mark WHERE root = ?)",
                                 pacs_sql_text(root));
    *ret_same = same != 0;
    return status;
}

PacsStatus pacs_index_sqlite_set_metadata_root(PacsIndex *self, const char *root, PacsError *err)
{
    bool same = false;
    const PacsStatus status = has_root(pacs_index_sqlite(self), root, &same, err);
    if (status != PACS_OK || same)
        return status;
    return pacs_index_sqlite_write(pacs_index_sqlite(self), set_root, &root, err);
}

/* ---- Bytes of streams given up ---- */

static PacsStatus purge_stream(IndexSqlite *index, void *arguments, PacsError *err)
{
    static const char some[] =
        "DELETE FROM metadata_bytes WHERE stream = ?1 AND number IN"
        " (SELECT number FROM metadata_bytes WHERE stream = ?1 ORDER BY number LIMIT ?2)";
    static const char last[] = "DELETE FROM metadata_doomed WHERE stream = ?1"
                               " AND NOT EXISTS (SELECT 1 FROM metadata_bytes WHERE stream = ?1)";
    const int64_t stream = *(const int64_t *)arguments;
    PacsStatus status = PACS_SQL_RUN(index->writer, err, some, pacs_sql_i64(stream),
                                     pacs_sql_i64(PURGE_ROWS));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, last, pacs_sql_i64(stream));
    return status;
}

static PacsStatus find_doomed(IndexSqlite *index, int64_t before_ms, int64_t *ret_stream, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(index, false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(reader.connection, ret_stream, err,
                                 "SELECT stream FROM metadata_doomed WHERE since_ms < ? LIMIT 1",
                                 pacs_sql_i64(before_ms));
    return status;
}

PacsStatus pacs_index_sqlite_purge_metadata(PacsIndex *self, int64_t before_ms, bool *ret_left,
                                            PacsError *err)
{
    int64_t stream = 0;
    PacsStatus status = find_doomed(pacs_index_sqlite(self), before_ms, &stream, err);
    if (status == PACS_OK || status == PACS_NOT_FOUND)
        *ret_left = status == PACS_OK;
    if (status == PACS_NOT_FOUND)
        return PACS_OK;
    return status == PACS_OK ? pacs_index_sqlite_write(pacs_index_sqlite(self), purge_stream, &stream, err)
                             : status;
}
