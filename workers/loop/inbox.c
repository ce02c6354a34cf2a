#include "workers/loop/inbox.h"

#include <string.h>

#include "pacs/util/limits.h"
#include "workers/loop/record_headers.h"

/* ---- Events that were had ---- */

static PacsStatus has_row(WorkerTransaction *transaction, const char *sql, const PacsSqlValue *values,
                          size_t count, PacsArena *arena, bool *ret_has, PacsError *err)
{
    WorkerRows rows = {0};
    const PacsStatus status = worker_query(transaction, sql, values, count, arena, &rows, err);
    if (status == PACS_OK)
        *ret_has = rows.count > 0;
    return status;
}

PacsStatus worker_inbox_has(WorkerTransaction *transaction, const char *consumer, const char *source,
                            const char *id, PacsArena *arena, bool *ret_known, PacsError *err)
{
    return has_row(transaction, "SELECT 1 FROM worker_inbox WHERE consumer = $1 AND source = $2 AND id = $3",
                   PACS_SQL_VALUES(pacs_sql_text(consumer), pacs_sql_text(source), pacs_sql_text(id)), arena,
                   ret_known, err);
}

PacsStatus worker_inbox_add(WorkerTransaction *transaction, const char *consumer, const char *source,
                            const char *id, int64_t now_ms, bool *ret_new, PacsError *err)
{
    uint64_t changed = 0;
    const PacsStatus status = WORKER_RUN(
        transaction, &changed, err,
        "INSERT INTO worker_inbox (consumer, source, id, handled_ms) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        pacs_sql_text(consumer), pacs_sql_text(source), pacs_sql_text(id), pacs_sql_i64(now_ms));
    *ret_new = changed > 0;
    return status;
}

PacsStatus worker_inbox_forget(WorkerTransaction *transaction, const char *consumer, int64_t before_ms,
                               uint64_t *ret_count, PacsError *err)
{
    return WORKER_RUN(transaction, ret_count, err,
                      "DELETE FROM worker_inbox WHERE consumer = $1 AND handled_ms < $2",
                      pacs_sql_text(consumer), pacs_sql_i64(before_ms));
}

PacsStatus worker_revision_raise(WorkerTransaction *transaction, const char *consumer, const char *aggregate,
                                 const char *key, uint64_t revision, bool *ret_newer, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO worker_revision (consumer, aggregate, key, revision) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (consumer, aggregate, key) DO UPDATE SET revision = excluded.revision"
        " WHERE worker_revision.revision < excluded.revision";
    uint64_t changed = 0;
    if (revision > INT64_MAX)
        return pacs_fail(err, PACS_INVALID, "a revision above 2^63");
    const PacsStatus status = WORKER_RUN(transaction, &changed, err, sql, pacs_sql_text(consumer),
                                         pacs_sql_text(aggregate), pacs_sql_text(key),
                                         pacs_sql_u64(revision));
    *ret_newer = changed > 0;
    return status;
}

/* ---- Records as values ---- */

static PacsSqlValue slice_value(PacsSlice slice)
{
    return slice.text ? pacs_sql_bytes(slice.text, slice.size) : pacs_sql_null();
}

static PacsSlice row_slice(const WorkerRows *rows, size_t row, size_t column)
{
    PacsSlice slice = {0};
    slice.text = worker_row_bytes(rows, row, column, &slice.size);
    return slice;
}

/* ---- Keys that wait ---- */

PacsStatus worker_parked_has(WorkerTransaction *transaction, const char *consumer, const char *key,
                             PacsArena *arena, bool *ret_parked, PacsError *err)
{
    return has_row(transaction, "SELECT 1 FROM worker_parked WHERE consumer = $1 AND key = $2 LIMIT 1",
                   PACS_SQL_VALUES(pacs_sql_text(consumer), pacs_sql_text(key)), arena, ret_parked, err);
}

PacsStatus worker_parked_add(WorkerTransaction *transaction, const WorkerParking *parking, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO worker_parked (consumer, key, place, source, id, topic, topic_partition, topic_offset,"
        " record_ms, record_key, record_value, record_headers, attempts, parked_ms, next_ms, reason)"
        " VALUES ($1, $2, (SELECT coalesce(max(place), 0) + 1 FROM worker_parked"
        " WHERE consumer = $1 AND key = $2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        " ON CONFLICT (consumer, source, id) DO NOTHING";
    PACS_AUTO_BUFFER PacsBuffer headers = PACS_BUFFER(PACS_MAX_EVENT_HEADERS);
    const WorkerRecord *record = parking->record;
    PacsStatus status = worker_headers_format(record, &headers, err);
    if (status != PACS_OK)
        return status;
    status = WORKER_RUN(
        transaction, NULL, err, sql, pacs_sql_text(parking->consumer), pacs_sql_text(parking->key),
        pacs_sql_text(parking->source), pacs_sql_text(parking->id), pacs_sql_text(record->topic),
        pacs_sql_i64(record->partition), pacs_sql_i64(record->offset), pacs_sql_i64(record->timestamp_ms),
        slice_value(record->key), slice_value(record->value), pacs_sql_bytes(headers.bytes, headers.size),
        pacs_sql_i64(parking->attempts), pacs_sql_i64(parking->now_ms), pacs_sql_i64(parking->next_ms),
        pacs_sql_text(parking->reason));
    return status == PACS_EXISTS ? pacs_fail(err, PACS_UNAVAILABLE, "another process parks the same key")
                                 : status;
}

static PacsStatus read_parked(const WorkerRows *rows, PacsArena *arena, WorkerParked *parked, PacsError *err)
{
    const PacsSlice headers = row_slice(rows, 0, 8);
    *parked = (WorkerParked){.key = worker_row_text(rows, 0, 0),
                             .place = worker_row_i64(rows, 0, 1),
                             .record = {.topic = worker_row_text(rows, 0, 2),
                                        .partition = (int32_t)worker_row_i64(rows, 0, 3),
                                        .offset = worker_row_i64(rows, 0, 4),
                                        .timestamp_ms = worker_row_i64(rows, 0, 5),
                                        .key = row_slice(rows, 0, 6),
                                        .value = row_slice(rows, 0, 7)},
                             .attempts = (uint32_t)worker_row_i64(rows, 0, 9),
                             .parked_ms = worker_row_i64(rows, 0, 10),
                             .next_ms = worker_row_i64(rows, 0, 11)};
    return worker_headers_parse((const uint8_t *)headers.text, headers.size, arena, &parked->record, err);
}

PacsStatus worker_parked_due(WorkerTransaction *transaction, const char *consumer, int64_t now_ms,
                             PacsArena *arena, WorkerParked *ret_parked, PacsError *err)
{
    static const char sql[] =
        "SELECT key, place, topic, topic_partition, topic_offset, record_ms, record_key, record_value,"
        " record_headers, attempts, parked_ms, next_ms FROM worker_parked AS head"
        " WHERE consumer = $1 AND next_ms <= $2 AND place = (SELECT min(place) FROM worker_parked AS other"
        " WHERE other.consumer = head.consumer AND other.key = head.key)"
        " ORDER BY next_ms, key LIMIT 1";
    WorkerRows rows = {0};
    const PacsStatus status = WORKER_QUERY(transaction, arena, &rows, err, sql, pacs_sql_text(consumer),
                                           pacs_sql_i64(now_ms));
    if (status != PACS_OK)
        return status;
    if (rows.count == 0)
        return pacs_fail(err, PACS_NOT_FOUND, "no parked event is due");
    return read_parked(&rows, arena, ret_parked, err);
}

PacsStatus worker_parked_claim(WorkerTransaction *transaction, const char *consumer,
                               const WorkerParked *parked, int64_t next_ms, bool *ret_won, PacsError *err)
{
    static const char sql[] = "UPDATE worker_parked SET next_ms = $1, attempts = attempts + 1"
                              " WHERE consumer = $2 AND key = $3 AND place = $4 AND next_ms = $5";
    uint64_t changed = 0;
    const PacsStatus status = WORKER_RUN(transaction, &changed, err, sql, pacs_sql_i64(next_ms),
                                         pacs_sql_text(consumer), pacs_sql_text(parked->key),
                                         pacs_sql_i64(parked->place), pacs_sql_i64(parked->next_ms));
    *ret_won = changed > 0;
    return status;
}

PacsStatus worker_parked_remove(WorkerTransaction *transaction, const char *consumer,
                                const WorkerParked *parked, PacsError *err)
{
    return WORKER_RUN(transaction, NULL, err,
                      "DELETE FROM worker_parked WHERE consumer = $1 AND key = $2 AND place = $3",
                      pacs_sql_text(consumer), pacs_sql_text(parked->key), pacs_sql_i64(parked->place));
}

PacsStatus worker_parked_wake(WorkerTransaction *transaction, const char *consumer, const char *key,
                              int64_t now_ms, PacsError *err)
{
    static const char sql[] = "UPDATE worker_parked SET next_ms = $1 WHERE consumer = $2 AND key = $3";
    return WORKER_RUN(transaction, NULL, err, sql, pacs_sql_i64(now_ms), pacs_sql_text(consumer),
                      pacs_sql_text(key));
}

PacsStatus worker_parked_count(WorkerTransaction *transaction, const char *consumer, PacsArena *arena,
                               int64_t *ret_keys, int64_t *ret_events, int64_t *ret_oldest_ms, PacsError *err)
{
    static const char sql[] = "SELECT count(DISTINCT key), count(*), coalesce(min(parked_ms), 0)"
                              " FROM worker_parked WHERE consumer = $1";
    WorkerRows rows = {0};
    const PacsStatus status = WORKER_QUERY(transaction, arena, &rows, err, sql, pacs_sql_text(consumer));
    if (status != PACS_OK)
        return status;
    *ret_keys = worker_row_i64(&rows, 0, 0);
    *ret_events = worker_row_i64(&rows, 0, 1);
    *ret_oldest_ms = worker_row_i64(&rows, 0, 2);
    return PACS_OK;
}

/* ---- Dead letters, positions ---- */

PacsStatus worker_dead_add(WorkerTransaction *transaction, const char *consumer, const WorkerRecord *record,
                           const WorkerDeath *death, int64_t now_ms, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO worker_dead (consumer, topic, topic_partition, topic_offset, record_ms, record_key,"
        " record_value, record_headers, attempts, dead_ms, class, reason)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
    PACS_AUTO_BUFFER PacsBuffer headers = PACS_BUFFER(PACS_MAX_EVENT_HEADERS);
    const PacsStatus status = worker_headers_format(record, &headers, err);
    if (status != PACS_OK)
        return status;
    return WORKER_RUN(transaction, NULL, err, sql, pacs_sql_text(consumer), pacs_sql_text(record->topic),
                      pacs_sql_i64(record->partition), pacs_sql_i64(record->offset),
                      pacs_sql_i64(record->timestamp_ms), slice_value(record->key),
                      slice_value(record->value), pacs_sql_bytes(headers.bytes, headers.size),
                      pacs_sql_i64(death->attempts), pacs_sql_i64(now_ms), pacs_sql_text(death->error_class),
                      pacs_sql_text(death->reason));
}

PacsStatus worker_position_read(WorkerTransaction *transaction, const char *consumer, const char *source,
                                PacsArena *arena, int64_t *ret_position, PacsError *err)
{
    WorkerRows rows = {0};
    const PacsStatus status = WORKER_QUERY(
        transaction, arena, &rows, err,
        "SELECT position FROM worker_position WHERE consumer = $1 AND source = $2", pacs_sql_text(consumer),
        pacs_sql_text(source));
    if (status == PACS_OK)
        *ret_position = rows.count > 0 ? worker_row_i64(&rows, 0, 0) : 0;
    return status;
}

PacsStatus worker_position_write(WorkerTransaction *transaction, const char *consumer, const char *source,
                                 int64_t position, PacsError *err)
{
    static const char sql[] = "INSERT INTO worker_position (consumer, source, position) VALUES ($1, $2, $3)"
                              " ON CONFLICT (consumer, source) DO UPDATE SET position = excluded.position";
    return WORKER_RUN(transaction, NULL, err, sql, pacs_sql_text(consumer), pacs_sql_text(source),
                      pacs_sql_i64(position));
}
