#include <stdlib.h>
#include <string.h>

#include "pacs/database/sqlite.h"
#include "workers/loop/database_backend.h"

/** A worker's tables in a file of its own, for installations without PostgreSQL: one process at a time writes. */
typedef struct DatabaseSqlite {
    WorkerDatabase base;
    PacsSqlite *connection; /* NULL until it is needed */
    char path[];
} DatabaseSqlite;

static DatabaseSqlite *self_of(WorkerDatabase *database)
{
    return (DatabaseSqlite *)database; /* base is the first member */
}

static PacsStatus connect_file(DatabaseSqlite *self, PacsError *err)
{
    static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON;";
    PACS_AUTO(PacsSqlite) connection = NULL;
    if (self->connection)
        return PACS_OK;
    PacsStatus status = pacs_sqlite_open(self->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &connection,
                                         err);
    if (status == PACS_OK)
        status = pacs_sqlite_script(connection, settings, err);
    if (status == PACS_OK)
        self->connection = PACS_STEAL(connection);
    return status;
}

static PacsStatus sqlite_begin(WorkerDatabase *database, PacsError *err)
{
    DatabaseSqlite *self = self_of(database);
    const PacsStatus status = connect_file(self, err);
    return status == PACS_OK ? pacs_sqlite_run(self->connection, "BEGIN IMMEDIATE", NULL, 0, err) : status;
}

static PacsStatus sqlite_commit(WorkerDatabase *database, PacsError *err)
{
    return pacs_sqlite_run(self_of(database)->connection, "COMMIT", NULL, 0, err);
}

static void sqlite_rollback(WorkerDatabase *database)
{
    PacsSqlite *connection = self_of(database)->connection;
    if (pacs_sqlite_in_transaction(connection))
        pacs_sqlite_try(connection, "ROLLBACK"); /* the failure before it is the one to tell */
}

static PacsStatus sqlite_lock(WorkerDatabase *database, PacsError *err)
{
    (void)database; /* BEGIN IMMEDIATE has locked the file */
    (void)err;
    return PACS_OK;
}

static PacsStatus sqlite_script(WorkerDatabase *database, const char *sql, PacsError *err)
{
    return pacs_sqlite_script(self_of(database)->connection, sql, err);
}

/* ---- Rows ---- */

static PacsStatus read_value(sqlite3_stmt *rows, int column, PacsArena *arena, PacsSqlValue *ret_value,
                             PacsError *err)
{
    PacsStatus status = PACS_OK;
    PacsSqlValue value = pacs_sql_null();
    const char *text = NULL;
    switch (sqlite3_column_type(rows, column)) {
    case SQLITE_INTEGER:
        value = pacs_sql_i64(sqlite3_column_int64(rows, column));
        break;
    case SQLITE_BLOB:
        value.kind = PACS_SQL_BYTES;
        status = pacs_sqlite_bytes(rows, column, arena, &value.bytes, &value.size, err);
        break;
    case SQLITE_NULL:
        break;
    default:
        status = pacs_sqlite_text(rows, column, arena, &text, err);
        value = pacs_sql_text(text);
        break;
    }
    *ret_value = value;
    return status;
}

/** Rows come one at a time and stand in one array in the end: it grows by doubling, in the arena. */
static PacsStatus add_row(sqlite3_stmt *statement, PacsArena *arena, WorkerRows *rows, size_t *capacity,
                          PacsError *err)
{
    if (rows->count == *capacity) {
        const size_t wanted = *capacity ? 2 * *capacity : 16;
        PacsSqlValue *grown = pacs_arena_array(arena, wanted * rows->columns, sizeof *grown);
        if (!grown)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for the rows of an answer");
        if (rows->count > 0)
            memcpy(grown, rows->values, rows->count * rows->columns * sizeof *grown);
        rows->values = grown;
        *capacity = wanted;
    }
    PacsSqlValue *row = (PacsSqlValue *)&rows->values[rows->count * rows->columns];
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < rows->columns; i++)
        status = read_value(statement, (int)i, arena, &row[i], err);
    rows->count++;
    return status;
}

static bool violates_key(PacsSqlite *connection)
{
    const int code = sqlite3_extended_errcode(pacs_sqlite_handle(connection));
    return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY;
}

static PacsStatus sqlite_execute(WorkerDatabase *database, const char *sql, const PacsSqlValue *values,
                                 size_t count, PacsArena *arena, WorkerRows *ret_rows, uint64_t *ret_changed,
                                 PacsError *err)
{
    PacsSqlite *connection = self_of(database)->connection;
    PACS_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    WorkerRows rows = {0};
    size_t capacity = 0;
    PacsStatus status = pacs_sqlite_query(connection, &statement, sql, values, count, err);
    if (status == PACS_OK)
        rows.columns = (size_t)sqlite3_column_count(statement);
    while (pacs_sqlite_next(connection, statement, &status, err))
        if (arena)
            status = add_row(statement, arena, &rows, &capacity, err);
    if (status != PACS_OK)
        return violates_key(connection) ? pacs_fail(err, PACS_EXISTS, "a row with this key is there already")
                                        : status;
    if (ret_changed)
        *ret_changed = (uint64_t)sqlite3_changes64(pacs_sqlite_handle(connection));
    if (ret_rows)
        *ret_rows = rows;
    return PACS_OK;
}

static void sqlite_free(WorkerDatabase *database)
{
    pacs_sqlite_close(self_of(database)->connection);
    free(database);
}

static const WorkerDatabaseOps sqlite_ops = {.name = "sqlite",
                                             .begin = sqlite_begin,
                                             .commit = sqlite_commit,
                                             .rollback = sqlite_rollback,
                                             .lock = sqlite_lock,
                                             .script = sqlite_script,
                                             .execute = sqlite_execute,
                                             .free = sqlite_free};

PacsStatus worker_database_sqlite_new(const WorkerDatabaseOptions *options, WorkerDatabase **ret_database,
                                      PacsError *err)
{
    const char *path = options->url + strlen("sqlite:");
    if (!path[0])
        return pacs_fail(err, PACS_INVALID, "a worker's database \"sqlite:PATH\" needs a path");
    DatabaseSqlite *self = calloc(1, sizeof *self + strlen(path) + 1);
    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a database");
    self->base.ops = &sqlite_ops;
    memcpy(self->path, path, strlen(path) + 1);
    *ret_database = &self->base;
    return PACS_OK;
}
