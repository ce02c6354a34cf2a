#include "pacs/index/index_sqlite.h"
#include "pacs/util/clock.h"

/* Sent events are kept as long as topics keep theirs (PLATFORM 2.2: 14 days), for replays and questions. */
#define KEEP_SENT_MS (14ll * 24 * 60 * 60 * 1000)

static PacsStatus read_event(sqlite3_stmt *rows, PacsArena *arena, PacsOutboxEvent *event, PacsError *err)
{
    const char **const texts[] = {&event->ce_id, &event->type, &event->key, &event->data};
    PacsStatus status = PACS_OK;
    for (int i = 0; status == PACS_OK && i < 4; i++)
        status = pacs_sqlite_text(rows, i, arena, texts[i], err);
    event->id = sqlite3_column_int64(rows, 4);
    event->revision = (uint64_t)sqlite3_column_int64(rows, 5);
    event->time_ms = sqlite3_column_int64(rows, 6);
    return status;
}

PacsStatus pacs_index_sqlite_read_outbox(PacsIndex *self, size_t max, PacsArena *arena,
                                         PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err)
{
    static const char sql[] = "SELECT ce_id, type, key, data, id, revision, created_ms FROM outbox"
                              " WHERE sent_ms IS NULL ORDER BY id LIMIT ?";
    PacsOutboxEvent *events = pacs_arena_array(arena, max + 1, sizeof *events);
    if (!events)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu events", max);
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t count = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_QUERY(reader.connection, &rows, err, sql, pacs_sql_u64(max));
    while (pacs_sqlite_next(reader.connection, rows, &status, err))
        status = read_event(rows, arena, &events[count++], err);
    if (status != PACS_OK)
        return status;
    *ret_events = events;
    *ret_count = count;
    return PACS_OK;
}

typedef struct MarkArguments {
    const int64_t *ids;
    size_t count;
} MarkArguments;

/** Looks at the oldest rows alone, twice as many as were marked: that keeps up without ever scanning the
 * table. */
static PacsStatus drop_old(IndexSqlite *index, int64_t now_ms, size_t count, PacsError *err)
{
    static const char sql[] = "DELETE FROM outbox WHERE id IN (SELECT id FROM"
                              " (SELECT id, sent_ms FROM outbox ORDER BY id LIMIT ?) WHERE sent_ms < ?)";
    return PACS_SQL_RUN(index->writer, err, sql, pacs_sql_u64(2 * count),
                        pacs_sql_i64(now_ms - KEEP_SENT_MS));
}

static PacsStatus mark_sent(IndexSqlite *index, void *arguments, PacsError *err)
{
    const MarkArguments *mark = arguments;
    const int64_t now_ms = pacs_now_ms();
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < mark->count; i++)
        status = PACS_SQL_RUN(index->writer, err,
                              "UPDATE outbox SET sent_ms = ? WHERE id = ? AND sent_ms IS NULL",
                              pacs_sql_i64(now_ms), pacs_sql_i64(mark->ids[i]));
    return status == PACS_OK ? drop_old(index, now_ms, mark->count, err) : status;
}

PacsStatus pacs_index_sqlite_mark_sent(PacsIndex *self, const int64_t *ids, size_t count, PacsError *err)
{
    MarkArguments arguments = {ids, count};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), mark_sent, &arguments, err);
}

PacsStatus pacs_index_sqlite_outbox_depth(PacsIndex *self, PacsOutboxDepth *ret_depth, PacsError *err)
{
    static const char sql[] =
        "SELECT count(*), (SELECT created_ms FROM outbox WHERE sent_ms IS NULL ORDER BY id LIMIT 1)"
        " FROM outbox WHERE sent_ms IS NULL";
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_first(reader.connection, &rows, sql, NULL, 0, err);
    if (status == PACS_OK)
        *ret_depth = (PacsOutboxDepth){.unsent = (uint64_t)sqlite3_column_int64(rows, 0),
                                       .oldest_ms = sqlite3_column_int64(rows, 1)};
    return status;
}
