#include "pacs/index/index_sqlite_delete.h"

#define PURGE_STEP 128 /* instances: some 5 ms that others wait */

/** What hangs on instances of a series between two keys; each statement has (series, first, last). */
static const char *const purge_sql[] = {
    "INSERT OR IGNORE INTO garbage SELECT object_key FROM instance WHERE series = ? AND id BETWEEN ? AND ?",
    "INSERT OR IGNORE INTO garbage SELECT inflated_key FROM instance WHERE series = ? AND id BETWEEN ? AND ?"
    " AND inflated_key IS NOT NULL",
    "INSERT OR IGNORE INTO garbage SELECT object_key FROM attachment WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM attachment WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM metadata WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM label WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM change WHERE seq IN"
    " (SELECT change_seq FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM change WHERE level = 3 AND type <> 1 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM report WHERE instance IN (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM instance_blob WHERE id IN (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM instance WHERE series = ? AND id BETWEEN ? AND ?",
};

PacsStatus pacs_index_sqlite_purge_range(IndexSqlite *index, int64_t series, int64_t first, int64_t last,
                                         PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < sizeof purge_sql / sizeof purge_sql[0]; i++)
        status = PACS_SQL_RUN(index->writer, err, purge_sql[i], pacs_sql_i64(series), pacs_sql_i64(first),
                              pacs_sql_i64(last));
    return status;
}

PacsStatus pacs_index_sqlite_purge_instance(IndexSqlite *index, int64_t series, int64_t instance,
                                            PacsError *err)
{
    return pacs_index_sqlite_purge_range(index, series, instance, instance, err);
}

static PacsStatus purge_series(IndexSqlite *index, int64_t series, uint32_t max, bool *ret_done,
                               PacsError *err)
{
    static const char bound[] = "SELECT id FROM instance WHERE series = ? ORDER BY id LIMIT 1 OFFSET ?";
    int64_t next = 0; /* the first that stays */
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &next, err, bound, pacs_sql_i64(series),
                                        pacs_sql_i64(max));
    if (status != PACS_OK && status != PACS_NOT_FOUND)
        return status;
    *ret_done = status == PACS_NOT_FOUND;
    return pacs_index_sqlite_purge_range(index, series, 0, *ret_done ? INT64_MAX : next - 1, err);
}

PacsStatus pacs_index_sqlite_purge_some(IndexSqlite *index, bool *ret_left, PacsError *err)
{
    int64_t series = 0;
    bool done = false;
    PacsStatus status = pacs_sqlite_number(index->writer, "SELECT min(series) FROM doomed WHERE series > 0",
                                           NULL, 0, &series, err);
    if (status == PACS_OK && series != 0)
        status = purge_series(index, series, PURGE_STEP, &done, err);
    if (status == PACS_OK && done)
        status = PACS_SQL_RUN(index->writer, err, "DELETE FROM doomed WHERE series = ?",
                              pacs_sql_i64(series));
    *ret_left = series != 0;
    return status;
}
