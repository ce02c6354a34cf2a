#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/database/sql_value.h"
#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A worker's own tables, in SQLite or PostgreSQL, behind the same few calls.
 *
 * SQL:     what both speak: parameters $1, $2 ... (numbered in the order in which they first appear), types BIGINT,
 *          TEXT and BYTEA, ON CONFLICT, RETURNING. Statements are static strings, known by their address and prepared once.
 * Threads: one at a time.
 * Errors:  PACS_UNAVAILABLE (gone, locked, a serialisation failure: try again), PACS_NO_SPACE, PACS_EXISTS (a unique key),
 *          PACS_CORRUPT, PACS_INTERNAL (SQL that the database does not take). After a failure within a transaction only
 *          its rollback is of use.
 */
typedef struct WorkerDatabase WorkerDatabase;
typedef struct WorkerTransaction WorkerTransaction;

typedef struct WorkerDatabaseOptions {
    const char *url;               /* "sqlite:PATH", or "postgresql://..." as libpq takes it */
    const char *application_name;  /* shown by PostgreSQL */
    uint32_t connect_timeout_ms;   /* PostgreSQL; 0: 10,000 */
    uint32_t statement_timeout_ms; /* PostgreSQL; 0: none */
} WorkerDatabaseOptions;

/** Opens no connection yet. The options' texts are copied. PACS_INVALID: a URL of neither kind. */
PACS_CHECKED PacsStatus worker_database_new(const WorkerDatabaseOptions *options,
                                            WorkerDatabase **ret_database, PacsError *err);
void worker_database_free(WorkerDatabase *database);
PACS_DEFINE_AUTO(WorkerDatabase, worker_database_free);

/** "sqlite", "postgresql" */
const char *worker_database_kind(const WorkerDatabase *database);

/** Bring the tables of `component` to the version of its last script. Several processes may do so at once.
 *  PACS_UNSUPPORTED: a newer worker made them. */
PACS_CHECKED PacsStatus worker_database_migrate(WorkerDatabase *database, const char *component,
                                                const char *const *scripts, size_t count, PacsError *err);

/* ---- Transactions ---- */

/** Connects (again) if need be. The transaction is the database's; there is one at a time. */
PACS_CHECKED PacsStatus worker_begin(WorkerDatabase *database, WorkerTransaction **ret_transaction,
                                     PacsError *err);
/** Ends the transaction either way. PACS_UNAVAILABLE: whether it was committed is unknown; who asks again finds out. */
PACS_CHECKED PacsStatus worker_commit(WorkerTransaction *transaction, PacsError *err);
void worker_rollback(WorkerTransaction *transaction); /* NULL is fine */
PACS_DEFINE_AUTO(WorkerTransaction, worker_rollback);

/* ---- Statements ---- */

/** Run a statement that gives no rows; *ret_changed (may be NULL) is how many it wrote or removed. */
PACS_CHECKED PacsStatus worker_run(WorkerTransaction *transaction, const char *sql,
                                   const PacsSqlValue *values, size_t count, uint64_t *ret_changed,
                                   PacsError *err);
/** `WORKER_RUN(transaction, NULL, err, SQL, pacs_sql_text(uid), ...)` */
#define WORKER_RUN(transaction, ret_changed, err, sql, ...)                                                  \
    worker_run((transaction), (sql), PACS_SQL_VALUES(__VA_ARGS__), (ret_changed), (err))

/** All rows of an answer, read into an arena. */
typedef struct WorkerRows {
    size_t count;
    size_t columns;
    const PacsSqlValue *values; /* count x columns, row by row */
} WorkerRows;

PACS_CHECKED PacsStatus worker_query(WorkerTransaction *transaction, const char *sql,
                                     const PacsSqlValue *values, size_t count, PacsArena *arena,
                                     WorkerRows *ret_rows, PacsError *err);
#define WORKER_QUERY(transaction, arena, ret_rows, err, sql, ...)                                            \
    worker_query((transaction), (sql), PACS_SQL_VALUES(__VA_ARGS__), (arena), (ret_rows), (err))

const char *worker_row_text(const WorkerRows *rows, size_t row, size_t column); /* NULL where it is NULL */
int64_t worker_row_i64(const WorkerRows *rows, size_t row, size_t column);      /* 0 where it is NULL */
/** Where it is NULL: no bytes. */
const void *worker_row_bytes(const WorkerRows *rows, size_t row, size_t column, size_t *ret_size);
