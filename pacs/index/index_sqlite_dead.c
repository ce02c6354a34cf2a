#include "pacs/index/index_sqlite_outbox.h"

#include <inttypes.h>

#include "pacs/util/clock.h"

/* What becomes of events: sent, dead and back again, purged. Counters follow what statements say they changed. */

static int64_t changes(IndexSqlite *index)
{
    return sqlite3_changes64(pacs_sqlite_handle(index->writer));
}

PacsStatus pacs_index_sqlite_check_fence(IndexSqlite *index, const PacsFence *fence, PacsError *err)
{
    if (!fence)
        return PACS_OK;
    int64_t epoch = 0;
    const PacsStatus status = PACS_SQL_NUMBER(
        index->writer, &epoch, err, "SELECT epoch FROM lease WHERE name = ?", pacs_sql_text(fence->name));
    if (status == PACS_NOT_FOUND || (status == PACS_OK && (uint64_t)epoch != fence->epoch))
        return pacs_fail(err, PACS_REFUSED,
                         "the lease '%s' has changed hands: it is at %" PRId64 ", ours was %" PRIu64,
                         fence->name, epoch, fence->epoch);
    return status;
}

/* ---- Sent ---- */

typedef struct MarkArguments {
    const PacsFence *fence;
    const int64_t *ids;
    size_t count;
} MarkArguments;

/** What was parked meanwhile may have been on its way already. */
static PacsStatus unlist_range(IndexSqlite *index, int64_t first, int64_t last, PacsError *err)
{
    PacsStatus status = PACS_SQL_RUN(index->writer, err, "DELETE FROM outbox_unsent WHERE id BETWEEN ? AND ?",
                                     pacs_sql_i64(first), pacs_sql_i64(last));
    if (status != PACS_OK)
        return status;
    index->totals.unsent_events -= changes(index);
    if (index->totals.parked_events == 0)
        return PACS_OK;
    status = PACS_SQL_RUN(index->writer, err, "DELETE FROM outbox_parked WHERE id BETWEEN ? AND ?",
                          pacs_sql_i64(first), pacs_sql_i64(last));
    if (status == PACS_OK)
        index->totals.parked_events -= changes(index);
    return status;
}

/** Ids that follow each other go in one statement. */
static PacsStatus mark_sent(IndexSqlite *index, void *arguments, PacsError *err)
{
    const MarkArguments *mark = arguments;
    PacsStatus status = pacs_index_sqlite_check_fence(index, mark->fence, err);
    for (size_t first = 0, next; status == PACS_OK && first < mark->count; first = next) {
        next = first + 1;
        while (next < mark->count && mark->ids[next] == mark->ids[next - 1] + 1)
            next++;
        status = unlist_range(index, mark->ids[first], mark->ids[next - 1], err);
    }
    return status;
}

PacsStatus pacs_index_sqlite_mark_sent(PacsIndex *self, const PacsFence *fence, const int64_t *ids,
                                       size_t count, PacsError *err)
{
    MarkArguments arguments = {fence, ids, count};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), mark_sent, &arguments, err);
}

/* ---- Dead ---- */

/** From a list to another, both counted. */
static PacsStatus count_moved(IndexSqlite *index, PacsStatus status, int64_t *from, int64_t *to)
{
    if (status == PACS_OK) {
        *from -= changes(index);
        *to += changes(index);
    }
    return status;
}

typedef struct DeadArguments {
    const PacsFence *fence;
    int64_t id;
    const char *reason;
} DeadArguments;

static PacsStatus park_behind(IndexSqlite *index, int64_t dead, PacsError *err)
{
    static const char park[] =
        "INSERT INTO outbox_parked (id, key) SELECT o.id, o.key FROM outbox d JOIN outbox o ON o.key = d.key"
        " JOIN outbox_unsent u ON u.id = o.id WHERE d.id = ?1 AND o.id > ?1";
    static const char unlist[] = "DELETE FROM outbox_unsent WHERE id IN (SELECT p.id FROM outbox d"
                                 " JOIN outbox_parked p ON p.key = d.key WHERE d.id = ?)";
    PacsStatus status = PACS_SQL_RUN(index->writer, err, park, pacs_sql_i64(dead));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, unlist, pacs_sql_i64(dead));
    return count_moved(index, status, &index->totals.unsent_events, &index->totals.parked_events);
}

static PacsStatus mark_dead(IndexSqlite *index, void *arguments, PacsError *err)
{
    static const char sql[] = "INSERT INTO outbox_dead (id, ce_id, key, reason)"
                              " SELECT id, ce_id, key, ?2 FROM outbox WHERE id = ?1";
    const DeadArguments *dead = arguments;
    const int64_t before = index->totals.unsent_events + index->totals.parked_events;
    PacsStatus status = pacs_index_sqlite_check_fence(index, dead->fence, err);
    if (status == PACS_OK)
        status = unlist_range(index, dead->id, dead->id, err);
    if (status != PACS_OK)
        return status;
    if (index->totals.unsent_events + index->totals.parked_events == before)
        return pacs_fail(err, PACS_NOT_FOUND, "event %" PRId64 " is not waiting to be sent", dead->id);
    index->totals.dead_events++;
    status = PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(dead->id), pacs_sql_text(dead->reason));
    return status == PACS_OK ? park_behind(index, dead->id, err) : status;
}

PacsStatus pacs_index_sqlite_mark_dead(PacsIndex *self, const PacsFence *fence, int64_t id,
                                       const char *reason, PacsError *err)
{
    DeadArguments arguments = {fence, id, reason};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), mark_dead, &arguments, err);
}

PacsStatus pacs_index_sqlite_list_dead(PacsIndex *self, int64_t after_id, size_t max, PacsArena *arena,
                                       PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err)
{
    static const char sql[] = "SELECT " EVENT_COLUMNS ", d.reason FROM outbox_dead d"
                              " JOIN outbox o ON o.id = d.id WHERE d.id > ? ORDER BY d.id LIMIT ?";
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

/* ---- And back again ---- */

typedef struct SettleArguments {
    const char *ce_id;
    bool sends; /* again; else it is forgotten */
} SettleArguments;

/** What no dead event of its key is in front of any more. */
static PacsStatus unpark(IndexSqlite *index, int64_t settled, PacsError *err)
{
    static const char unlist[] =
        "INSERT INTO outbox_unsent (id) SELECT p.id FROM outbox o JOIN outbox_parked p ON p.key = o.key"
        " WHERE o.id = ?1 AND NOT EXISTS (SELECT 1 FROM outbox_dead d WHERE d.key = o.key AND d.id < p.id)";
    static const char forget[] =
        "DELETE FROM outbox_parked WHERE id IN (SELECT p.id FROM outbox o JOIN outbox_parked p"
        " ON p.key = o.key JOIN outbox_unsent u ON u.id = p.id WHERE o.id = ?)";
    PacsStatus status = PACS_SQL_RUN(index->writer, err, unlist, pacs_sql_i64(settled));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, forget, pacs_sql_i64(settled));
    return count_moved(index, status, &index->totals.parked_events, &index->totals.unsent_events);
}

static PacsStatus settle(IndexSqlite *index, void *arguments, PacsError *err)
{
    const SettleArguments *settle = arguments;
    int64_t id = 0;
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &id, err, "SELECT id FROM outbox_dead WHERE ce_id = ?",
                                        pacs_sql_text(settle->ce_id));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_NOT_FOUND, "no dead event has this id");
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, "DELETE FROM outbox_dead WHERE id = ?", pacs_sql_i64(id));
    index->totals.dead_events--;
    if (status == PACS_OK && settle->sends) { /* parked first: another may be dead in front of it */
        index->totals.parked_events++;
        status = PACS_SQL_RUN(index->writer, err,
                              "INSERT INTO outbox_parked (id, key) SELECT id, key FROM outbox WHERE id = ?",
                              pacs_sql_i64(id));
    }
    index->tells = true;
    return status == PACS_OK ? unpark(index, id, err) : status;
}

PacsStatus pacs_index_sqlite_settle_dead(PacsIndex *self, const char *ce_id, bool sends, PacsError *err)
{
    SettleArguments arguments = {ce_id, sends};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), settle, &arguments, err);
}

/* ---- Purged ---- */

typedef struct PurgeArguments {
    int64_t before_ms;
    bool include_unsent;
    uint32_t limit;
    uint32_t count;
} PurgeArguments;

/** The last of those that go: numbers are in the order of times, but for a clock that was set back. */
static PacsStatus find_purge_end(IndexSqlite *index, const PurgeArguments *purge, int64_t *ret_last,
                                 PacsError *err)
{
    static const char sql[] =
        "SELECT max(id) FROM (SELECT id, created_ms FROM outbox WHERE ?2 OR (id <"
        " coalesce((SELECT min(id) FROM outbox_unsent), 9223372036854775807) AND id NOT IN (SELECT id FROM"
        " outbox_parked) AND id NOT IN (SELECT id FROM outbox_dead)) ORDER BY id LIMIT ?3) WHERE created_ms < ?1";
    return PACS_SQL_NUMBER(index->writer, ret_last, err, sql, pacs_sql_i64(purge->before_ms),
                           pacs_sql_i64(purge->include_unsent), pacs_sql_i64(purge->limit));
}

static PacsStatus purge_to(IndexSqlite *index, int64_t last, PurgeArguments *purge, PacsError *err)
{
    static const char *const lists[] = {"DELETE FROM outbox_unsent WHERE id <= ?",
                                        "DELETE FROM outbox_parked WHERE id <= ?",
                                        "DELETE FROM outbox_dead WHERE id <= ?"};
    static const char log[] = "DELETE FROM outbox WHERE id <= ?1 AND id NOT IN (SELECT id FROM outbox_parked)"
                              " AND id NOT IN (SELECT id FROM outbox_dead)";
    int64_t *const counts[] = {&index->totals.unsent_events, &index->totals.parked_events,
                               &index->totals.dead_events};
    PacsStatus status = PACS_OK;
    for (size_t i = 0; purge->include_unsent && status == PACS_OK && i < 3; i++) {
        status = PACS_SQL_RUN(index->writer, err, lists[i], pacs_sql_i64(last));
        *counts[i] -= status == PACS_OK ? changes(index) : 0;
    }
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, log, pacs_sql_i64(last));
    purge->count = status == PACS_OK ? (uint32_t)changes(index) : 0;
    if (purge->count > 0)
        index->totals.purged_event = last;
    return status;
}

static PacsStatus purge(IndexSqlite *index, void *arguments, PacsError *err)
{
    PurgeArguments *purge = arguments;
    int64_t last = 0;
    purge->count = 0;
    const PacsStatus status = find_purge_end(index, purge, &last, err);
    return status == PACS_OK && last > 0 ? purge_to(index, last, purge, err) : status;
}

/** Most calls find nothing to do: those do not bother the writer. */
static PacsStatus is_purge_due(IndexSqlite *index, int64_t before_ms, bool *ret_due, PacsError *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM outbox WHERE id = (SELECT min(id) FROM outbox)"
                              " AND created_ms < ?)";
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t due = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(index, false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(reader.connection, &due, err, sql, pacs_sql_i64(before_ms));
    *ret_due = due != 0;
    return status;
}

PacsStatus pacs_index_sqlite_purge_outbox(PacsIndex *self, int64_t before_ms, bool include_unsent,
                                          uint32_t limit, uint32_t *ret_count, PacsError *err)
{
    PurgeArguments arguments = {before_ms, include_unsent, limit, 0};
    bool due = false;
    PacsStatus status = is_purge_due(pacs_index_sqlite(self), before_ms, &due, err);
    if (status == PACS_OK && due)
        status = pacs_index_sqlite_write(pacs_index_sqlite(self), purge, &arguments, err);
    if (status == PACS_OK)
        *ret_count = arguments.count;
    return status;
}
