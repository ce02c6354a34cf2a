#include "pacs/index/index_sqlite.h"

PacsStatus pacs_index_sqlite_log_change(IndexSqlite *index, PacsChangeType type, PacsLevel level, int64_t row,
                                        int64_t time_ms, PacsError *err)
{
    return PACS_SQL_RUN(index->writer, err,
                        "INSERT INTO change (seq, type, level, resource, time_ms) VALUES (?, ?, ?, ?, ?)",
                        pacs_sql_i64(++index->totals.last_change), pacs_sql_i64(type), pacs_sql_i64(level),
                        pacs_sql_i64(row), pacs_sql_i64(time_ms));
}

/* ---- Reading ---- */

/* A change whose resource is gone is gone, even where a large deletion has not come to its row yet: `id` is
 * NULL. */
#define CHANGE_COLUMNS                                                                                       \
    "SELECT c.seq, c.type, c.level, c.time_ms, CASE c.level"                                                 \
    " WHEN 0 THEN (SELECT orthanc_id FROM patient WHERE id = c.resource)"                                    \
    " WHEN 1 THEN (SELECT orthanc_id FROM study WHERE id = c.resource)"                                      \
    " WHEN 2 THEN (SELECT orthanc_id FROM series WHERE id = c.resource)"                                     \
    " ELSE (SELECT i.orthanc_id FROM instance i JOIN series s ON s.id = i.series WHERE i.id = c.resource)"   \
    " END AS id FROM change c"                                                                               \
    " WHERE c.seq > ?1 AND c.seq <= ?2 AND (?3 >> c.type) & 1 AND id IS NOT NULL ORDER BY c.seq"

static const char forwards[] = CHANGE_COLUMNS " LIMIT ?4";
static const char backwards[] = CHANGE_COLUMNS " DESC LIMIT ?4";

static PacsStatus read_row(sqlite3_stmt *rows, PacsChange *change, PacsError *err)
{
    PacsOrthancId id;
    const PacsStatus status = pacs_sqlite_fixed(rows, 4, id.bytes, sizeof id.bytes, err);
    if (status != PACS_OK)
        return status;
    change->seq = sqlite3_column_int64(rows, 0);
    change->type = (PacsChangeType)sqlite3_column_int(rows, 1);
    change->level = (PacsLevel)sqlite3_column_int(rows, 2);
    change->time_ms = sqlite3_column_int64(rows, 3);
    pacs_index_id_format(&id, change->id);
    return PACS_OK;
}

static void reverse(PacsChange *changes, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const PacsChange change = changes[i];
        changes[i] = changes[count - 1 - i];
        changes[count - 1 - i] = change;
    }
}

static PacsStatus read_rows(PacsSqlite *db, const PacsChangeQuery *query, PacsArena *arena,
                            PacsChangePage *page, PacsError *err)
{
    const bool back = query->last_only || (query->to >= 0 && query->since < 0);
    const uint32_t limit = query->last_only ? 1 : query->limit;
    const int64_t mask = query->type_mask ? query->type_mask : UINT32_MAX;
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t capacity = 0;
    PacsStatus status = PACS_SQL_QUERY(
        db, &rows, err, back ? backwards : forwards,
        pacs_sql_i64(query->since >= 0 && !query->last_only ? query->since : 0),
        pacs_sql_i64(query->to >= 0 && !query->last_only ? query->to : INT64_MAX), pacs_sql_i64(mask),
        pacs_sql_i64((int64_t)limit + 1));
    page->done = true;
    while (pacs_sqlite_next(db, rows, &status, err)) {
        if (page->count == limit) {
            page->done = false; /* one more than asked for is there */
            break;
        }
        if (page->count == capacity) { /* not the whole limit at once: callers may ask for "everything" */
            capacity = capacity ? 2 * capacity : 128;
            PacsChange *longer = pacs_arena_array(arena, capacity, sizeof *longer);
            if (!longer)
                return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu changes", capacity);
            for (size_t i = 0; i < page->count; i++)
                longer[i] = page->changes[i];
            page->changes = longer;
        }
        status = read_row(rows, &page->changes[page->count++], err);
    }
    if (back)
        reverse(page->changes, page->count);
    return status;
}

PacsStatus pacs_index_sqlite_read_changes(PacsIndex *self, const PacsChangeQuery *query, PacsArena *arena,
                                          PacsChangePage *ret_page, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsChangePage page = {0};
    int64_t last = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), true, &reader, err);
    if (status == PACS_OK)
        status = read_rows(reader.connection, query, arena, &page, err);
    if (status == PACS_OK)
        status = pacs_sqlite_number(reader.connection, "SELECT last_change FROM total", NULL, 0, &last, err);
    if (status != PACS_OK)
        return status;
    page.first_seq = page.count > 0 ? page.changes[0].seq : last;
    page.last_seq = page.count > 0 ? page.changes[page.count - 1].seq : last;
    *ret_page = page;
    return PACS_OK;
}

static PacsStatus clear_changes(IndexSqlite *index, void *arguments, PacsError *err)
{
    (void)arguments;
    return pacs_sqlite_run(index->writer, "DELETE FROM change", NULL, 0,
                           err); /* numbers go on: `total` has the last */
}

PacsStatus pacs_index_sqlite_clear_changes(PacsIndex *self, PacsError *err)
{
    return pacs_index_sqlite_write(pacs_index_sqlite(self), clear_changes, NULL, err);
}
