#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/database/postgres.h"
#include "workers/loop/database_backend.h"

#define MIGRATION_LOCK "5496278316429182571" /* any number that nobody else's advisory locks use */

/** A worker's tables in PostgreSQL: several processes of one group may share them. */
typedef struct DatabasePostgres {
    WorkerDatabase base;
    PacsPostgres *connection; /* NULL until it is needed, and after it was lost */
    char *url;
    char *application_name;
    uint32_t connect_timeout_ms;
    /** Sent with each transaction, so that a pooler in between keeps no setting of ours. */
    char begin[96];
} DatabasePostgres;

static DatabasePostgres *self_of(WorkerDatabase *database)
{
    return (DatabasePostgres *)database; /* base is the first member */
}

static void drop_lost(DatabasePostgres *self)
{
    if (self->connection && !pacs_postgres_is_alive(self->connection)) {
        pacs_postgres_close(self->connection);
        self->connection = NULL;
    }
}

static PacsStatus postgres_begin(WorkerDatabase *database, PacsError *err)
{
    DatabasePostgres *self = self_of(database);
    const PacsPostgresOptions options = {.url = self->url,
                                         .application_name = self->application_name,
                                         .connect_timeout_ms = self->connect_timeout_ms};
    PacsStatus status = PACS_OK;
    drop_lost(self);
    if (!self->connection)
        status = pacs_postgres_open(&options, &self->connection, err);
    if (status == PACS_OK)
        status = pacs_postgres_script(self->connection, self->begin, err);
    drop_lost(self);
    return status;
}

static PacsStatus postgres_commit(WorkerDatabase *database, PacsError *err)
{
    PGresult *result = NULL;
    const PacsStatus status = pacs_postgres_query(self_of(database)->connection, "COMMIT", NULL, 0, &result,
                                                  err);
    if (status != PACS_OK)
        return status;
    /* After a failed statement PostgreSQL rolls back, and says so without calling it an error. */
    const bool committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    return committed ? PACS_OK
                     : pacs_fail(err, PACS_INTERNAL, "a transaction with a failed statement was committed");
}

static void postgres_rollback(WorkerDatabase *database)
{
    DatabasePostgres *self = self_of(database);
    if (pacs_postgres_is_alive(self->connection) &&
        pacs_postgres_script(self->connection, "ROLLBACK", NULL) != PACS_OK) {
        pacs_postgres_close(self->connection); /* what cannot be rolled back is hung up on */
        self->connection = NULL;
    }
    drop_lost(self);
}

static PacsStatus postgres_lock(WorkerDatabase *database, PacsError *err)
{
    return pacs_postgres_script(self_of(database)->connection,
                                "SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")", err);
}

static PacsStatus postgres_script(WorkerDatabase *database, const char *sql, PacsError *err)
{
    return pacs_postgres_script(self_of(database)->connection, sql, err);
}

static PacsStatus read_rows(PGresult *result, PacsArena *arena, WorkerRows *ret_rows, PacsError *err)
{
    WorkerRows rows = {.count = (size_t)PQntuples(result), .columns = (size_t)PQnfields(result)};
    PacsSqlValue *values = pacs_arena_array(arena, rows.count * rows.columns + 1, sizeof *values);
    PacsStatus status = PACS_OK;
    if (!values)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the rows of an answer");
    for (size_t i = 0; status == PACS_OK && i < rows.count * rows.columns; i++)
        status = pacs_postgres_value(result, i / rows.columns, i % rows.columns, arena, &values[i], err);
    rows.values = values;
    *ret_rows = rows;
    return status;
}

static PacsStatus postgres_execute(WorkerDatabase *database, const char *sql, const PacsSqlValue *values,
                                   size_t count, PacsArena *arena, WorkerRows *ret_rows,
                                   uint64_t *ret_changed, PacsError *err)
{
    PGresult *result = NULL;
    PacsStatus status = pacs_postgres_query(self_of(database)->connection, sql, values, count, &result, err);
    if (status != PACS_OK)
        return status;
    if (ret_changed)
        *ret_changed = pacs_postgres_changed(result);
    if (arena)
        status = read_rows(result, arena, ret_rows, err);
    PQclear(result);
    return status;
}

static void postgres_free(WorkerDatabase *database)
{
    DatabasePostgres *self = self_of(database);
    pacs_postgres_close(self->connection);
    free(self->url);
    free(self->application_name);
    free(self);
}

static const WorkerDatabaseOps postgres_ops = {.name = "postgresql",
                                               .begin = postgres_begin,
                                               .commit = postgres_commit,
                                               .rollback = postgres_rollback,
                                               .lock = postgres_lock,
                                               .script = postgres_script,
                                               .execute = postgres_execute,
                                               .free = postgres_free};

PacsStatus worker_database_postgres_new(const WorkerDatabaseOptions *options, WorkerDatabase **ret_database,
                                        PacsError *err)
{
    const char *name = options->application_name ? options->application_name : "lightbox-worker";
    const PacsStatus status = pacs_postgres_check_url(options->url, err);
    if (status != PACS_OK)
        return status;
    PACS_AUTO(WorkerDatabase) database = NULL;
    DatabasePostgres *self = calloc(1, sizeof *self);
    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a database");
    self->base.ops = &postgres_ops;
    database = &self->base;
    self->url = strdup(options->url);
    self->application_name = strdup(name);
    self->connect_timeout_ms = options->connect_timeout_ms;
    (void)snprintf(self->begin, sizeof self->begin, "BEGIN; SET LOCAL statement_timeout = %" PRIu32,
                   options->statement_timeout_ms);
    if (!self->url || !self->application_name)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a database");
    *ret_database = PACS_STEAL(database);
    return PACS_OK;
}
