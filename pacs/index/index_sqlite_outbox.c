#include "pacs/index/index_sqlite_outbox.h"

#include "pacs/util/clock.h"
#include "pacs/util/text.h"

#define LOOK_THROUGH 65536 /* events for those of one type: some 50 ms */

/* ---- Writing ---- */

/** Most of the time nothing is dead, and nobody is asked. */
static PacsStatus is_behind_dead(IndexSqlite *index, const char *key, bool *ret_behind, PacsError *err)
{
    int64_t found = 0;
    *ret_behind = false;
    if (index->totals.dead_events == 0)
        return PACS_OK;
    const PacsStatus status = PACS_SQL_NUMBER(index->writer, &found, err,
                                              "SELECT EXISTS (SELECT 1 FROM outbox_dead WHERE key = ?)",
                                              pacs_sql_text(key));
    *ret_behind = found != 0;
    return status;
}

static PacsStatus enlist(IndexSqlite *index, int64_t id, const char *key, PacsError *err)
{
    bool is_parked = false;
    const PacsStatus status = is_behind_dead(index, key, &is_parked, err);
    if (status != PACS_OK)
        return status;
    if (is_parked) {
        index->totals.parked_events++;
        return PACS_SQL_RUN(index->writer, err, "INSERT INTO outbox_parked (id, key) VALUES (?, ?)",
                            pacs_sql_i64(id), pacs_sql_text(key));
    }
    index->totals.unsent_events++;
    return PACS_SQL_RUN(index->writer, err, "INSERT INTO outbox_unsent (id) VALUES (?)", pacs_sql_i64(id));
}

PacsStatus pacs_index_sqlite_append_event(IndexSqlite *index, const IndexEventRow *row, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO outbox (id, ce_id, type, key, lane, revision, traceparent, data, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const int64_t id = ++index->totals.last_event;
    char ce_id[37];
    PacsStatus status = pacs_uuid7(ce_id, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(id), pacs_sql_text(ce_id),
                              pacs_sql_text(row->type), pacs_sql_text(row->key), pacs_sql_text(row->lane),
                              pacs_sql_u64(row->revision), pacs_sql_text(row->traceparent),
                              pacs_sql_text(row->data), pacs_sql_i64(pacs_now_ms()));
    if (status == PACS_OK)
        status = enlist(index, id, row->key, err);
    index->tells = true;
    return status;
}

/* ---- Reading ---- */

static PacsStatus read_event(sqlite3_stmt *rows, PacsArena *arena, PacsOutboxEvent *event, PacsError *err)
{
    const char **const texts[] = {&event->ce_id, &event->type,        &event->key,
                                  &event->lane,  &event->traceparent, &event->data};
    PacsStatus status = PACS_OK;
    for (int i = 0; status == PACS_OK && i < 6; i++)
        status = pacs_sqlite_text(rows, i, arena, texts[i], err);
    event->id = sqlite3_column_int64(rows, 6);
    event->revision = (uint64_t)sqlite3_column_int64(rows, 7);
    event->time_ms = sqlite3_column_int64(rows, 8);
    if (status == PACS_OK && sqlite3_column_count(rows) > 9) /* the dead's alone */
        status = pacs_sqlite_text(rows, 9, arena, &event->dead_reason, err);
    return status;
}

PacsStatus pacs_index_sqlite_list_events(PacsSqlite *connection, IndexEventList *list, PacsError *err,
                                         const char *sql, const PacsSqlValue *values, size_t value_count)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsOutboxEvent *events = pacs_arena_array(list->arena, list->max + 1, sizeof *events);
    if (!events)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu events", list->max);
    size_t count = 0;
    PacsStatus status = pacs_sqlite_query(connection, &rows, sql, values, value_count, err);
    while (count < list->max && pacs_sqlite_next(connection, rows, &status, err)) {
        status = read_event(rows, list->arena, &events[count], err);
        count += status == PACS_OK ? 1 : 0;
    }
    list->is_cut = status == PACS_NO_MEMORY && count > 0;
    if (status != PACS_OK && !list->is_cut)
        return status;
    list->events = events;
    list->count = count;
    return PACS_OK;
}

PacsStatus pacs_index_sqlite_read_outbox(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                                         PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err)
{
    static const char sql[] = "SELECT " EVENT_COLUMNS " FROM outbox_unsent u JOIN outbox o ON o.id = u.id"
                              " WHERE u.id > ? ORDER BY u.id LIMIT ?";
    const PacsSqlValue values[] = {pacs_sql_i64(after_id), pacs_sql_u64(max)};
    IndexEventList list = {.arena = arena, .max = max};
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_list_events(reader.connection, &list, err, sql, values, 2);
    if (status != PACS_OK)
        return status;
    *ret_events = list.events;
    *ret_count = list.count;
    return PACS_OK;
}

/** Rows of a study are found by its UID, all others by their numbers; types are told apart on the way, in a bounded part. */
static PacsStatus read_page(PacsSqlite *connection, const PacsEventQuery *query, int64_t last,
                            IndexEventList *list, int64_t *ret_looked_to, PacsError *err)
{
    static const char any[] = "SELECT " EVENT_COLUMNS " FROM outbox o WHERE o.id > ?1 AND o.id <= ?2"
                              " AND (?3 IS NULL OR o.type = ?3) ORDER BY o.id LIMIT ?4";
    static const char of_study[] = "SELECT " EVENT_COLUMNS " FROM outbox o WHERE o.key = ?5 AND o.id > ?1"
                                   " AND o.id <= ?2 AND (?3 IS NULL OR o.type = ?3) ORDER BY o.id LIMIT ?4";
    const bool is_bounded = query->type && !query->study_uid && last - query->after_id > LOOK_THROUGH;
    const PacsSqlValue values[] = {
        pacs_sql_i64(query->after_id), pacs_sql_i64(is_bounded ? query->after_id + LOOK_THROUGH : last),
        pacs_sql_text(query->type), pacs_sql_u64(query->max), pacs_sql_text(query->study_uid)};
    const size_t count = sizeof values / sizeof values[0];
    *ret_looked_to = values[1].number;
    return pacs_index_sqlite_list_events(connection, list, err, query->study_uid ? of_study : any, values,
                                         query->study_uid ? count : count - 1);
}

PacsStatus pacs_index_sqlite_read_events(PacsIndex *self, const PacsEventQuery *query, PacsArena *arena,
                                         PacsEventPage *ret_page, PacsError *err)
{
    IndexEventList list = {.arena = arena, .max = query->max};
    int64_t last = 0;
    int64_t looked_to = 0;
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), true, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_number(reader.connection, "SELECT last_event FROM total", NULL, 0, &last, err);
    if (status == PACS_OK)
        status = read_page(reader.connection, query, last, &list, &looked_to, err);
    if (status != PACS_OK)
        return status;
    if (list.is_cut || list.count == query->max)
        looked_to = list.events[list.count - 1].id;
    *ret_page = (PacsEventPage){.events = list.events,
                                .count = list.count,
                                .next_after_id = looked_to > query->after_id ? looked_to : query->after_id,
                                .done = looked_to >= last};
    return PACS_OK;
}

PacsStatus pacs_index_sqlite_event_bounds(PacsIndex *self, PacsEventBounds *ret_bounds, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_first(reader.connection, &rows, "SELECT purged_event, last_event FROM total",
                                   NULL, 0, err);
    if (status == PACS_OK)
        *ret_bounds = (PacsEventBounds){.purged_id = sqlite3_column_int64(rows, 0),
                                        .last_id = sqlite3_column_int64(rows, 1)};
    return status;
}

PacsStatus pacs_index_sqlite_outbox_depth(PacsIndex *self, PacsOutboxDepth *ret_depth, PacsError *err)
{
    static const char sql[] =
        "SELECT unsent_events, parked_events, dead_events, (SELECT created_ms FROM outbox"
        " WHERE id = (SELECT min(id) FROM outbox_unsent)) FROM total";
    INDEX_AUTO_READER IndexReader reader = {0};
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_index_sqlite_read_begin(pacs_index_sqlite(self), false, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_first(reader.connection, &rows, sql, NULL, 0, err);
    if (status == PACS_OK)
        *ret_depth = (PacsOutboxDepth){.unsent = (uint64_t)sqlite3_column_int64(rows, 0),
                                       .parked = (uint64_t)sqlite3_column_int64(rows, 1),
                                       .dead = (uint64_t)sqlite3_column_int64(rows, 2),
                                       .oldest_ms = sqlite3_column_int64(rows, 3)};
    return status;
}
