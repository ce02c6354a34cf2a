#include "workers/loop/database.h"

#include <assert.h>
#include <string.h>

#include "workers/loop/database_backend.h"

#define MIGRATION_ARENA_MAX (64u << 10) /* one number */

PacsStatus worker_database_new(const WorkerDatabaseOptions *options, WorkerDatabase **ret_database,
                               PacsError *err)
{
    static const struct {
        const char *prefix;
        PacsStatus (*make)(const WorkerDatabaseOptions *options, WorkerDatabase **ret_database,
                           PacsError *err);
    } kinds[] = {{"sqlite:", worker_database_sqlite_new},
                 {"postgresql://", worker_database_postgres_new},
                 {"postgres://", worker_database_postgres_new}};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(options->url, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
            return kinds[i].make(options, ret_database, err);
    return pacs_fail(err, PACS_INVALID,
                     "a worker's database is to be \"sqlite:PATH\" or \"postgresql://...\"");
}

void worker_database_free(WorkerDatabase *database)
{
    if (!database)
        return;
    if (database->transaction.database)
        worker_rollback(&database->transaction);
    database->ops->free(database);
}

const char *worker_database_kind(const WorkerDatabase *database)
{
    return database->ops->name;
}

/* ---- Transactions ---- */

PacsStatus worker_begin(WorkerDatabase *database, WorkerTransaction **ret_transaction, PacsError *err)
{
    assert(!database->transaction.database);
    const PacsStatus status = database->ops->begin(database, err);
    if (status != PACS_OK)
        return status;
    database->transaction.database = database;
    *ret_transaction = &database->transaction;
    return PACS_OK;
}

PacsStatus worker_commit(WorkerTransaction *transaction, PacsError *err)
{
    WorkerDatabase *database = transaction->database;
    transaction->database = NULL;
    const PacsStatus status = database->ops->commit(database, err);
    if (status != PACS_OK)
        database->ops->rollback(database);
    return status;
}

void worker_rollback(WorkerTransaction *transaction)
{
    if (!transaction || !transaction->database)
        return;
    WorkerDatabase *database = transaction->database;
    transaction->database = NULL;
    database->ops->rollback(database);
}

/* ---- Statements ---- */

PacsStatus worker_run(WorkerTransaction *transaction, const char *sql, const PacsSqlValue *values,
                      size_t count, uint64_t *ret_changed, PacsError *err)
{
    WorkerDatabase *database = transaction->database;
    return database->ops->execute(database, sql, values, count, NULL, NULL, ret_changed, err);
}

PacsStatus worker_query(WorkerTransaction *transaction, const char *sql, const PacsSqlValue *values,
                        size_t count, PacsArena *arena, WorkerRows *ret_rows, PacsError *err)
{
    WorkerDatabase *database = transaction->database;
    return database->ops->execute(database, sql, values, count, arena, ret_rows, NULL, err);
}

static const PacsSqlValue *value_at(const WorkerRows *rows, size_t row, size_t column)
{
    assert(row < rows->count && column < rows->columns);
    return &rows->values[row * rows->columns + column];
}

const char *worker_row_text(const WorkerRows *rows, size_t row, size_t column)
{
    const PacsSqlValue *value = value_at(rows, row, column);
    assert(value->kind == PACS_SQL_TEXT || value->kind == PACS_SQL_NULL);
    return value->bytes;
}

int64_t worker_row_i64(const WorkerRows *rows, size_t row, size_t column)
{
    const PacsSqlValue *value = value_at(rows, row, column);
    assert(value->kind == PACS_SQL_I64 || value->kind == PACS_SQL_NULL);
    return value->number;
}

const void *worker_row_bytes(const WorkerRows *rows, size_t row, size_t column, size_t *ret_size)
{
    const PacsSqlValue *value = value_at(rows, row, column);
    assert(value->kind == PACS_SQL_BYTES || value->kind == PACS_SQL_NULL);
    *ret_size = value->size;
    return value->bytes;
}

/* ---- Migrations ---- */

static PacsStatus read_version(WorkerTransaction *transaction, const char *component, size_t *ret_version,
                               PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(MIGRATION_ARENA_MAX);
    WorkerRows rows = {0};
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the version of tables");
    const PacsStatus status = WORKER_QUERY(
        transaction, arena, &rows, err,
        "SELECT coalesce(max(version), 0) FROM worker_migration WHERE component = $1",
        pacs_sql_text(component));
    if (status == PACS_OK)
        *ret_version = (size_t)worker_row_i64(&rows, 0, 0);
    return status;
}

static PacsStatus run_script(WorkerTransaction *transaction, const char *component, const char *script,
                             size_t version, PacsError *err)
{
    WorkerDatabase *database = transaction->database;
    PacsStatus status = database->ops->script(database, script, err);
    if (status == PACS_OK)
        status = WORKER_RUN(transaction, NULL, err,
                            "INSERT INTO worker_migration (component, version) VALUES ($1, $2)",
                            pacs_sql_text(component), pacs_sql_u64(version));
    if (status != PACS_OK)
        return pacs_fail_context(err, status, "while bringing the tables of %s to version %zu: ", component,
                                 version);
    return PACS_OK;
}

PacsStatus worker_database_migrate(WorkerDatabase *database, const char *component,
                                   const char *const *scripts, size_t count, PacsError *err)
{
    static const char table[] = "CREATE TABLE IF NOT EXISTS worker_migration"
                                " (component TEXT NOT NULL, version BIGINT NOT NULL,"
                                " PRIMARY KEY (component, version))";
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    size_t version = 0;

    PacsStatus status = worker_begin(database, &transaction, err);
    if (status == PACS_OK)
        status = database->ops->lock(database, err);
    if (status == PACS_OK)
        status = database->ops->script(database, table, err);
    if (status == PACS_OK)
        status = read_version(transaction, component, &version, err);
    if (status == PACS_OK && version > count)
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "the tables of %s have version %zu, made by a newer worker; this one knows %zu",
                         component, version, count);
    for (size_t next = version + 1; status == PACS_OK && next <= count; next++)
        status = run_script(transaction, component, scripts[next - 1], next, err);
    return status == PACS_OK ? worker_commit(PACS_STEAL(transaction), err) : status;
}
