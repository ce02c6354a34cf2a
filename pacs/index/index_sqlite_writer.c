#include <semaphore.h>
#include <string.h>

#include "pacs/index/index_sqlite.h"
#include "pacs/util/clock.h"
#include "pacs/util/crash_point.h"
#include "pacs/util/limits.h"

#define PURGE_RETRY_MS 1000 /* after a purge failed: a full disk is not emptied by asking often */

/** One caller's write; lives on the caller's stack until `done` is posted. */
typedef struct IndexOperation {
    IndexWrite *write;
    void *arguments;
    PacsStatus status;
    PacsError error;
    sem_t done;
} IndexOperation;

PacsStatus pacs_index_sqlite_write(IndexSqlite *index, IndexWrite *write, void *arguments, PacsError *err)
{
    IndexOperation operation = {.write = write, .arguments = arguments};
    if (sem_init(&operation.done, 0, 0) != 0)
        return pacs_fail(err, PACS_INTERNAL, "cannot make a semaphore");
    PacsStatus status = pacs_queue_push(index->queue, &operation, err);
    if (status == PACS_OK) {
        while (sem_wait(&operation.done) != 0)
            ; /* EINTR: a signal of the process; the write goes on */
        status = operation.status;
        if (status != PACS_OK && err)
            *err = operation.error;
    }
    sem_destroy(&operation.done);
    return status;
}

void pacs_index_sqlite_forget(IndexSqlite *index)
{
    memset(index->recent, 0, sizeof index->recent);
    index->last_origin.used = false;
}

/* ---- Totals ---- */

static PacsStatus load_totals(IndexSqlite *index, PacsError *err)
{
    static const char sql[] = "SELECT patients, studies, series, instances, size_bytes, uncompressed_bytes,"
                              " last_patient, last_study, last_series, last_instance, last_change FROM total";
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
        " last_instance = ?, last_change = ? WHERE id = 1",
        pacs_sql_i64(totals->patients), pacs_sql_i64(totals->studies), pacs_sql_i64(totals->series),
        pacs_sql_i64(totals->instances), pacs_sql_i64(totals->size_bytes),
        pacs_sql_i64(totals->uncompressed_bytes), pacs_sql_i64(totals->last_patient),
        pacs_sql_i64(totals->last_study), pacs_sql_i64(totals->last_series),
        pacs_sql_i64(totals->last_instance), pacs_sql_i64(totals->last_change));
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
    for (size_t i = 0; i < count; i++)
        sem_post(&operations[i]->done); /* from here on it is the caller's stack again */
}

/* ---- The thread ---- */

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

static void *writer_main(void *argument)
{
    IndexSqlite *index = argument;
    void *items[PACS_MAX_INDEX_BATCH];
    bool purge_failed = false;
    for (;;) {
        const size_t count = index->purging ? pacs_queue_pop_wait(index->queue, items, PACS_MAX_INDEX_BATCH,
                                                                  purge_failed ? PURGE_RETRY_MS : 0)
                                            : pacs_queue_pop(index->queue, items, PACS_MAX_INDEX_BATCH);
        if (count > 0)
            run_batch(index, (IndexOperation **)items, count);
        else if (!index->purging || atomic_load(&index->stopping))
            return NULL;
        if (index->purging)
            purge_failed = !purge_some(index);
        pacs_index_sqlite_checkpoint_finish(index->checkpointer, index->writer);
    }
}

static PacsStatus load_purging(IndexSqlite *index, PacsError *err)
{
    int64_t left = 0;
    const PacsStatus status = pacs_sqlite_number(index->writer, "SELECT EXISTS (SELECT 1 FROM doomed)", NULL,
                                                 0, &left, err);
    index->purging = left != 0;
    return status;
}

PacsStatus pacs_index_sqlite_writer_start(IndexSqlite *index, PacsError *err)
{
    PacsStatus status = pacs_queue_new(PACS_MAX_INDEX_QUEUE, &index->queue, err);
    if (status == PACS_OK)
        status = load_totals(index, err);
    if (status == PACS_OK)
        status = load_purging(index, err);
    if (status != PACS_OK)
        return status;
    if (pthread_create(&index->writer_thread, NULL, writer_main, index) != 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "cannot start the index's writer thread");
    index->writer_started = true;
    return PACS_OK;
}

void pacs_index_sqlite_writer_stop(IndexSqlite *index)
{
    if (!index->writer_started)
        return;
    atomic_store(&index->stopping, true); /* a purge under way goes on at the next start */
    pacs_queue_close(index->queue);
    pthread_join(index->writer_thread, NULL);
    index->writer_started = false;
}
