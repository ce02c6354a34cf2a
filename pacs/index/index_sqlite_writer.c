#include <semaphore.h>
#include <string.h>

#include "pacs/index/index_sqlite.h"
#include "pacs/util/clock.h"
#include "pacs/util/crash_point.h"
#include "pacs/util/limits.h"

#define PURGE_RETRY_MS 1000 /* after a purge failed: a full disk is not emptied by asking often */

/*
 * One thread at a time has the turn: it alone uses the writing connection and what goes with it. A caller that finds
 * nobody at it takes the turn itself, which saves two wake-ups; whoever comes meanwhile waits, and the first of those
 * writes for all of them when the turn ends.
 */

/** One who waits for the turn; lives on the caller's stack until woken for the last time. */
typedef struct IndexOperation {
    IndexWrite *write; /* NULL: the turn is wanted for something else than a write, by this thread alone */
    void *arguments;
    PacsStatus status;
    PacsError error;
    struct IndexOperation *next;
    bool is_done;
    sem_t woken;
} IndexOperation;

/* ---- The turn ---- */

static void lock(IndexSqlite *index)
{
    (void)pthread_mutex_lock(&index->turn.lock); /* fails for misuse only */
}

static void unlock(IndexSqlite *index)
{
    (void)pthread_mutex_unlock(&index->turn.lock);
}

/** Returns with the turn, first of those who wait; or with the operation done by another's turn. */
static void await_turn(IndexSqlite *index, IndexOperation *operation)
{
    lock(index);
    const bool is_ours = !index->turn.is_taken;
    index->turn.is_taken = true;
    *index->turn.end = operation;
    index->turn.end = &operation->next;
    index->turn.waiting++;
    unlock(index);
    if (is_ours)
        return;
    while (sem_wait(&operation->woken) != 0)
        ; /* EINTR: a signal of the process; we go on waiting */
}

/** Ours and those behind it that can share its transaction, no longer waiting; how many. */
static size_t take_batch(IndexSqlite *index, IndexOperation *operations[PACS_MAX_INDEX_BATCH])
{
    size_t count = 0;
    lock(index);
    IndexOperation *next = index->turn.first;
    do {
        operations[count++] = next;
        next = next->next;
    } while (next && next->write && operations[0]->write && count < PACS_MAX_INDEX_BATCH);
    index->turn.first = next;
    if (!next)
        index->turn.end = &index->turn.first;
    index->turn.waiting -= count;
    unlock(index);
    return count;
}

size_t pacs_index_sqlite_waiting(IndexSqlite *index)
{
    lock(index);
    const size_t waiting = index->turn.waiting;
    unlock(index);
    return waiting;
}

/** To the first of those who wait. */
static void pass_turn(IndexSqlite *index)
{
    const bool is_upkeep_due = index->purging || pacs_index_sqlite_checkpoint_is_due(index->checkpointer);
    lock(index);
    IndexOperation *next = index->turn.first;
    index->turn.is_taken = next != NULL;
    if (is_upkeep_due && !index->turn.is_upkeep_due)
        (void)pthread_cond_signal(&index->turn.upkeep);
    index->turn.is_upkeep_due = index->turn.is_upkeep_due || is_upkeep_due;
    unlock(index);
    if (next)
        (void)sem_post(&next->woken);
}

void pacs_index_sqlite_forget(IndexSqlite *index)
{
    memset(index->recent, 0, sizeof index->recent);
    index->last_origin.used = false;
}

/* ---- Totals ---- */

static PacsStatus load_totals(IndexSqlite *index, PacsError *err)
{
    static const char sql[] =
        "SELECT patients, studies, series, instances, size_bytes, uncompressed_bytes,"
        " last_patient, last_study, last_series, last_instance, last_change, last_event,"
        " purged_event, unsent_events, parked_events, dead_events FROM total";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = pacs_sqlite_query(index->writer, &rows, sql, NULL, 0, err);
    if (status == PACS_OK)
        status = pacs_sqlite_step(index->writer, rows, &has_row, err);
    if (status != PACS_OK)
        return status;
    if (!has_row)
        return pacs_fail(err, PACS_CORRUPT, "the index has lost its totals");
    index->totals = (IndexTotals){
        .patients = sqlite3_column_int64(rows, 0),
        .studies = sqlite3_column_int64(rows, 1),
        .series = sqlite3_column_int64(rows, 2),
        .instances = sqlite3_column_int64(rows, 3),
        .size_bytes = sqlite3_column_int64(rows, 4),
        .uncompressed_bytes = sqlite3_column_int64(rows, 5),
        .last_patient = sqlite3_column_int64(rows, 6),
        .last_study = sqlite3_column_int64(rows, 7),
        .last_series = sqlite3_column_int64(rows, 8),
        .last_instance = sqlite3_column_int64(rows, 9),
        .last_change = sqlite3_column_int64(rows, 10),
        .last_event = sqlite3_column_int64(rows, 11),
        .purged_event = sqlite3_column_int64(rows, 12),
        .unsent_events = sqlite3_column_int64(rows, 13),
        .parked_events = sqlite3_column_int64(rows, 14),
        .dead_events = sqlite3_column_int64(rows, 15),
    };
    return PACS_OK;
}

static PacsStatus store_totals(IndexSqlite *index, PacsError *err)
{
    const IndexTotals *totals = &index->totals;
    return PACS_SQL_RUN(
        index->writer, err,
        "UPDATE total SET patients = ?, studies = ?, series = ?, instances = ?, size_bytes = ?,"
        " uncompressed_bytes = ?, last_patient = ?, last_study = ?, last_series = ?,"
        " last_instance = ?, last_change = ?, last_event = ?, purged_event = ?, unsent_events = ?,"
        " parked_events = ?, dead_events = ? WHERE id = 1",
        pacs_sql_i64(totals->patients), pacs_sql_i64(totals->studies), pacs_sql_i64(totals->series),
        pacs_sql_i64(totals->instances), pacs_sql_i64(totals->size_bytes),
        pacs_sql_i64(totals->uncompressed_bytes), pacs_sql_i64(totals->last_patient),
        pacs_sql_i64(totals->last_study), pacs_sql_i64(totals->last_series),
        pacs_sql_i64(totals->last_instance), pacs_sql_i64(totals->last_change),
        pacs_sql_i64(totals->last_event), pacs_sql_i64(totals->purged_event),
        pacs_sql_i64(totals->unsent_events), pacs_sql_i64(totals->parked_events),
        pacs_sql_i64(totals->dead_events));
}

/* ---- Transactions ---- */

static PacsStatus command(IndexSqlite *index, const char *sql, PacsError *err)
{
    return pacs_sqlite_run(index->writer, sql, NULL, 0, err);
}

/** Back to what was before the transaction began, in the database and in what the writer remembers of it. */
static void roll_back(IndexSqlite *index, const IndexTotals *before)
{
    if (pacs_sqlite_in_transaction(index->writer))
        pacs_sqlite_try(index->writer, "ROLLBACK"); /* whatever it says, the transaction is over */
    index->totals = *before;
    pacs_index_sqlite_forget(index);
}

static PacsStatus commit(IndexSqlite *index, const IndexTotals *before, PacsError *err)
{
    PacsStatus status = PACS_OK;
    if (memcmp(before, &index->totals, sizeof *before) != 0)
        status = store_totals(index, err);
    PACS_CRASH_POINT("before-commit");
    if (status == PACS_OK)
        status = command(index, "COMMIT", err);
    if (status != PACS_OK)
        return status;
    atomic_fetch_add(&index->generation, 1); /* before anybody is answered */
    atomic_fetch_add(&index->removals, index->removes);
    index->removes = false;
    return PACS_OK;
}

/** The ordinary case, without savepoints. */
static void run_alone(IndexSqlite *index, IndexOperation *operation)
{
    const IndexTotals before = index->totals;
    operation->status = command(index, "BEGIN IMMEDIATE", &operation->error);
    if (operation->status == PACS_OK)
        operation->status = operation->write(index, operation->arguments, &operation->error);
    if (operation->status == PACS_OK)
        operation->status = commit(index, &before, &operation->error);
    if (operation->status != PACS_OK)
        roll_back(index, &before);
}

/** One of several: its failure undoes itself alone. */
static void run_in_savepoint(IndexSqlite *index, IndexOperation *operation)
{
    const IndexTotals before = index->totals;
    operation->status = command(index, "SAVEPOINT operation", &operation->error);
    if (operation->status == PACS_OK)
        operation->status = operation->write(index, operation->arguments, &operation->error);
    if (operation->status == PACS_OK)
        operation->status = command(index, "RELEASE operation", &operation->error);
    if (operation->status == PACS_OK)
        return;
    if (pacs_sqlite_in_transaction(index->writer) &&
        (!pacs_sqlite_try(index->writer, "ROLLBACK TO operation") ||
         !pacs_sqlite_try(index->writer, "RELEASE operation")))
        pacs_sqlite_try(index->writer,
                        "ROLLBACK"); /* then nobody's writes are kept: the callers see it below */
    index->totals = before;
    pacs_index_sqlite_forget(index);
}

/**
 * All in one transaction. False if that was lost half-way (a full disk makes SQLite roll back by itself):
 * then nothing of it is in the database, and each has to be tried on its own.
 */
static bool run_together(IndexSqlite *index, IndexOperation **operations, size_t count)
{
    const IndexTotals before = index->totals;
    PacsError error = {0};
    PacsStatus status = command(index, "BEGIN IMMEDIATE", &error);
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        run_in_savepoint(index, operations[i]);
        if (!pacs_sqlite_in_transaction(index->writer)) {
            roll_back(index, &before);
            return false;
        }
    }
    if (status == PACS_OK)
        status = commit(index, &before, &error);
    if (status == PACS_OK)
        return true;
    roll_back(index, &before);
    for (size_t i = 0; i < count; i++) {
        operations[i]->status = status;
        operations[i]->error = error;
    }
    return true;
}

static void run_batch(IndexSqlite *index, IndexOperation **operations, size_t count)
{
    const uint64_t started_ns = pacs_monotonic_ns();
    if (count == 1 || !run_together(index, operations, count))
        for (size_t i = 0; i < count; i++)
            run_alone(index, operations[i]);
    pacs_metric_add(index->commits, 1);
    pacs_metric_add(index->operations, count);
    pacs_metric_observe_ns(index->commit_seconds, pacs_monotonic_ns() - started_ns);
}

/** Ours is the first of the batch. */
static void write_for_all(IndexSqlite *index)
{
    IndexOperation *operations[PACS_MAX_INDEX_BATCH];
    const size_t count = take_batch(index, operations);
    run_batch(index, operations, count);
    const bool has_told = index->tells;
    index->tells = false;
    pass_turn(index); /* first, so that the disk goes on */
    for (size_t i = 1; i < count; i++) {
        operations[i]->is_done = true;
        (void)sem_post(&operations[i]->woken); /* from here on it is the caller's stack again */
    }
    if (has_told)
        pacs_listeners_wake(&index->listeners);
}

PacsStatus pacs_index_sqlite_write(IndexSqlite *index, IndexWrite *write, void *arguments, PacsError *err)
{
    IndexOperation operation = {.write = write, .arguments = arguments};
    if (sem_init(&operation.woken, 0, 0) != 0)
        return pacs_fail(err, PACS_INTERNAL, "cannot make a semaphore");
    await_turn(index, &operation);
    if (!operation.is_done)
        write_for_all(index);
    (void)sem_destroy(&operation.woken);
    if (operation.status != PACS_OK && err)
        *err = operation.error;
    return operation.status;
}

/* ---- Upkeep: what nobody waits for has a thread of its own ---- */

static PacsStatus purge(IndexSqlite *index, void *arguments, PacsError *err)
{
    return pacs_index_sqlite_purge_some(index, arguments, err);
}

/** Go on with a large deletion; true if it went well. */
static bool purge_some(IndexSqlite *index)
{
    bool left = true;
    IndexOperation operation = {.write = purge, .arguments = &left};
    run_alone(index, &operation);
    if (operation.status == PACS_OK)
        index->purging = left;
    return operation.status == PACS_OK;
}

/** True if a purge failed. */
static bool keep_up(IndexSqlite *index)
{
    IndexOperation operation = {.write = NULL};
    IndexOperation *alone[PACS_MAX_INDEX_BATCH];
    if (sem_init(&operation.woken, 0, 0) != 0)
        return true;
    await_turn(index, &operation);
    (void)take_batch(index, alone);
    const bool failed = index->purging && !purge_some(index);
    pacs_index_sqlite_checkpoint_finish(index->checkpointer, index->writer);
    pass_turn(index);
    (void)sem_destroy(&operation.woken);
    return failed;
}

/** False when it is time to go. */
static bool await_upkeep(IndexSqlite *index, bool has_failed)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until); /* the clock of condition variables */
    until.tv_sec += PURGE_RETRY_MS / 1000;
    lock(index);
    int code = 0;
    while (has_failed && !index->turn.is_stopping && code == 0)
        code = pthread_cond_timedwait(&index->turn.upkeep, &index->turn.lock, &until);
    while (!index->turn.is_upkeep_due && !index->turn.is_stopping)
        (void)pthread_cond_wait(&index->turn.upkeep, &index->turn.lock);
    index->turn.is_upkeep_due = false;
    const bool goes_on = !index->turn.is_stopping; /* a purge under way goes on at the next start */
    unlock(index);
    return goes_on;
}

static void *upkeep_main(void *argument)
{
    IndexSqlite *index = argument;
    bool has_failed = false;
    while (await_upkeep(index, has_failed))
        has_failed = keep_up(index);
    return NULL;
}

static PacsStatus load_purging(IndexSqlite *index, PacsError *err)
{
    int64_t left = 0;
    const PacsStatus status = pacs_sqlite_number(index->writer, "SELECT EXISTS (SELECT 1 FROM doomed)", NULL,
                                                 0, &left, err);
    index->purging = left != 0;
    return status;
}

void pacs_index_sqlite_writer_init(IndexSqlite *index)
{
    index->turn.end = &index->turn.first;
    (void)pthread_mutex_init(&index->turn.lock, NULL);  /* neither can fail with */
    (void)pthread_cond_init(&index->turn.upkeep, NULL); /* default attributes on Linux */
}

PacsStatus pacs_index_sqlite_writer_start(IndexSqlite *index, PacsError *err)
{
    PacsStatus status = load_totals(index, err);
    if (status == PACS_OK)
        status = load_purging(index, err);
    if (status != PACS_OK)
        return status;
    index->turn.is_upkeep_due = index->purging;
    if (pthread_create(&index->turn.upkeep_thread, NULL, upkeep_main, index) != 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start the index's upkeep thread");
    index->turn.is_started = true;
    return PACS_OK;
}

void pacs_index_sqlite_writer_clear(IndexSqlite *index)
{
    lock(index);
    index->turn.is_stopping = true;
    (void)pthread_cond_signal(&index->turn.upkeep);
    unlock(index);
    if (index->turn.is_started)
        (void)pthread_join(index->turn.upkeep_thread, NULL);
    (void)pthread_cond_destroy(&index->turn.upkeep);
    (void)pthread_mutex_destroy(&index->turn.lock);
}
