#include "pacs/index/index_sqlite_stream.h"

#include <inttypes.h>
#include <string.h>

/* Reading ready-made metadata. */

#define SERIES_METADATA_SQL                                                                                  \
    "SELECT s.id, u.uid, s.series_uid, s.instance_count, s.removals,"                                        \
    " 0, (SELECT max(i.id) FROM instance i WHERE i.series = s.id),"                                          \
    " m.id, m.root, m.appended_to, m.instance_count, m.deflate_size, m.text_size, m.crc32"                   \
    " FROM series s JOIN study t ON t.id = s.study JOIN study_uid u ON u.id = t.study_uid"                   \
    " LEFT JOIN metadata_stream m ON m.series = s.id"

static PacsStatus read_series(sqlite3_stmt *rows, PacsArena *arena, PacsSeriesMetadata *series,
                              PacsError *err)
{
    *series = (PacsSeriesMetadata){
        .series = sqlite3_column_int64(rows, 0),
        .instance_count = (uint64_t)sqlite3_column_int64(rows, 3),
        .removals = (uint64_t)sqlite3_column_int64(rows, 4),
        .after = sqlite3_column_int64(rows, 5),
        .last_instance = sqlite3_column_int64(rows, 6),
        .stream = {.id = sqlite3_column_int64(rows, 7),
                   .root = "",
                   .appended_to = sqlite3_column_int64(rows, 9),
                   .instance_count = (uint64_t)sqlite3_column_int64(rows, 10),
                   .deflate_size = (uint64_t)sqlite3_column_int64(rows, 11),
                   .text_size = (uint64_t)sqlite3_column_int64(rows, 12),
                   .crc32 = (uint32_t)sqlite3_column_int64(rows, 13)},
    };
    PacsStatus status = pacs_sqlite_text(rows, 1, arena, &series->study_instance_uid, err);
    if (status == PACS_OK)
        status = pacs_sqlite_text(rows, 2, arena, &series->series_instance_uid, err);
    if (status == PACS_OK && series->stream.id != 0)
        status = pacs_sqlite_text(rows, 8, arena, &series->stream.root, err);
    return status;
}

PacsStatus pacs_index_sqlite_load_series_metadata(PacsSqlite *db, int64_t series, PacsArena *arena,
                                                  PacsSeriesMetadata *ret_series, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const PacsStatus status = PACS_SQL_FIRST(db, &rows, err, SERIES_METADATA_SQL " WHERE s.id = ?",
                                             pacs_sql_i64(series));
    return status == PACS_OK ? read_series(rows, arena, ret_series, err) : status;
}

PacsStatus pacs_index_sqlite_find_series_metadata(PacsIndex *self, const PacsUidPath *path, PacsArena *arena,
                                                  PacsSeriesMetadata **ret_series, size_t *ret_count,
                                                  PacsError *err)
{
    static const char *const sql[PACS_LEVEL_COUNT] = {
        [PACS_LEVEL_STUDY] = SERIES_METADATA_SQL " WHERE u.uid = ?1 ORDER BY s.id",
        [PACS_LEVEL_SERIES] = SERIES_METADATA_SQL " WHERE s.series_uid = ?2 AND u.uid = ?1 ORDER BY s.id",
        [PACS_LEVEL_INSTANCE] =
            "SELECT s.id, u.uid, s.series_uid, 1, s.removals, i.id - 1, i.id, NULL, NULL, 0, 0, 0, 0, 0"
            " FROM instance i JOIN series s ON s.id = i.series JOIN study t ON t.id = s.study"
            " JOIN study_uid u ON u.id = t.study_uid"
            " WHERE i.sop_instance_uid = ?3 AND s.series_uid = ?2 AND u.uid = ?1 ORDER BY i.id",
    };
    const PacsLevel level = pacs_uid_path_level(path);
    const PacsSqlValue values[] = {pacs_sql_text(path->study_uid), pacs_sql_text(path->series_uid),
                                   pacs_sql_text(path->sop_instance_uid)};
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsSeriesMetadata *series = NULL;
    size_t count = 0;
    size_t capacity = 0;

    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_query(reader.connection, &rows, sql[level], values, (size_t)level, err);
    while (pacs_sqlite_next(reader.connection, rows, &status, err)) {
        if (count == capacity) {
            capacity = capacity ? 4 * capacity : 1;
            PacsSeriesMetadata *longer = pacs_arena_array(arena, capacity, sizeof *longer);
            if (!longer)
                return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of %zu series", capacity);
            if (count > 0)
                memcpy(longer, series, count * sizeof *series);
            series = longer;
        }
        status = read_series(rows, arena, &series[count++], err);
    }
    if (status == PACS_OK) {
        *ret_series = series;
        *ret_count = count;
    }
    return status;
}

PacsStatus pacs_index_sqlite_read_metadata_stream(PacsIndex *self, int64_t stream, uint64_t offset,
                                                  void *ret_bytes, size_t size, PacsError *err)
{
    static const char sql[] = "SELECT bytes FROM metadata_bytes WHERE stream = ? AND number >= ?"
                              " ORDER BY number";
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t skip = offset % METADATA_ROW_SIZE;
    size_t done = 0;

    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(reader.connection, &rows, err, sql, pacs_sql_i64(stream),
                                pacs_sql_u64(offset / METADATA_ROW_SIZE));
    while (done < size && pacs_sqlite_next(reader.connection, rows, &status, err)) {
        const uint8_t *bytes = sqlite3_column_blob(rows, 0);
        const size_t stored = (size_t)sqlite3_column_bytes(rows, 0);
        if (stored <= skip)
            break;
        const size_t count = stored - skip < size - done ? stored - skip : size - done;
        memcpy((uint8_t *)ret_bytes + done, bytes + skip, count);
        done += count;
        skip = 0;
    }
    if (status == PACS_OK && done < size)
        return pacs_fail(err, PACS_UNAVAILABLE, "the series changed while its metadata was read: ask again");
    return status;
}

/* ---- Instances ---- */

static PacsStatus check_unchanged(PacsSqlite *db, const PacsSeriesMetadata *series, PacsError *err)
{
    int64_t removals = -1;
    const PacsStatus status = PACS_SQL_NUMBER(db, &removals, err, "SELECT removals FROM series WHERE id = ?",
                                              pacs_sql_i64(series->series));
    if (status == PACS_NOT_FOUND || (status == PACS_OK && (uint64_t)removals != series->removals))
        return pacs_fail(err, PACS_UNAVAILABLE, "the series changed while its metadata was read: ask again");
    return status;
}

static PacsStatus read_json(sqlite3_stmt *rows, PacsArena *arena, PacsInstanceJson *json, PacsError *err)
{
    json->instance = sqlite3_column_int64(rows, 0);
    json->json.json_size = (size_t)sqlite3_column_int64(rows, 3);
    json->json.json_crc32 = (uint32_t)sqlite3_column_int64(rows, 4);
    const PacsStatus status = pacs_sqlite_text(rows, 1, arena, &json->sop_instance_uid, err);
    return status == PACS_OK ? pacs_sqlite_bytes(rows, 2, arena, &json->json.json_deflate,
                                                 &json->json.json_deflate_size, err)
                             : status;
}

#define INSTANCE_JSON_SQL                                                                                    \
    "SELECT i.id, i.sop_instance_uid, b.json_deflate, b.json_size, b.json_crc32"                             \
    " FROM instance i JOIN instance_blob b ON b.id = i.id"                                                   \
    " WHERE i.series = ? AND i.id > ? AND i.id <= ? ORDER BY i.id"

PacsStatus pacs_index_sqlite_read_series_json(PacsIndex *self, const PacsInstanceJsonQuery *query,
                                              PacsArena *arena, PacsInstanceJson **ret_instances,
                                              size_t *ret_count, PacsError *err)
{
    PacsInstanceJson *instances = pacs_arena_array(arena, query->max_count, sizeof *instances);
    if (!instances)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %" PRIu32 " instances", query->max_count);
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t count = 0;
    uint64_t bytes = 0;

    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), true, &reader, err);
    if (status == PACS_OK)
        status = check_unchanged(reader.connection, query->series, err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(reader.connection, &rows, err,
                                query->newest_first ? INSTANCE_JSON_SQL " DESC" : INSTANCE_JSON_SQL,
                                pacs_sql_i64(query->series->series), pacs_sql_i64(query->after),
                                pacs_sql_i64(query->up_to));
    while (count < query->max_count && bytes < query->max_bytes &&
           pacs_sqlite_next(reader.connection, rows, &status, err)) {
        status = read_json(rows, arena, &instances[count], err);
        bytes += instances[count++].json.json_deflate_size;
    }
    if (status == PACS_OK) {
        *ret_instances = instances;
        *ret_count = count;
    }
    return status;
}
