#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/database/sql_value.h"
#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * One connection to PostgreSQL, in the house's terms. Nothing is kept on the server between transactions (no prepared
 * statements, no session settings but those of the connection), so that it may go through a pooler.
 *
 * Threads: a connection from one thread at a time. Calls wait for the server, as long as the timeouts let them.
 * Errors:  PACS_UNAVAILABLE (gone, restarting, read-only standby, locked, a timeout, a serialisation failure: try again),
 *          PACS_NO_SPACE, PACS_EXISTS (a unique key), PACS_INVALID (a value that its type does not take: NUL in a text,
 *          bytes that are no UTF-8), PACS_REFUSED (rights, password), PACS_CORRUPT, PACS_NO_MEMORY, PACS_INTERNAL (the
 *          statement is wrong). Texts quote SQLSTATE and the server's words, but never a value.
 */
typedef struct PacsPostgres PacsPostgres;

typedef struct PacsPostgresOptions {
    const char *url;              /* a URL or "key=value ..." as libpq takes it; what it says comes first */
    const char *application_name; /* shown in pg_stat_activity */
    uint32_t connect_timeout_ms;  /* rounded up to seconds; 0: 10,000 */
} PacsPostgresOptions;

/** Whether libpq understands the URL: PACS_INVALID. Asks nobody. */
PACS_CHECKED PacsStatus pacs_postgres_check_url(const char *url, PacsError *err);

PACS_CHECKED PacsStatus pacs_postgres_open(const PacsPostgresOptions *options, PacsPostgres **ret_connection,
                                           PacsError *err);
void pacs_postgres_close(PacsPostgres *connection);
PACS_DEFINE_AUTO(PacsPostgres, pacs_postgres_close);

/** False once the connection is known to be lost: close it and open another. */
bool pacs_postgres_is_alive(const PacsPostgres *connection);

/** Several statements, their rows thrown away: migrations, BEGIN, COMMIT. */
PACS_CHECKED PacsStatus pacs_postgres_script(PacsPostgres *connection, const char *sql, PacsError *err);

/** One statement with $1, $2 ...; numbers come in and go out as BIGINT, bytes as BYTEA. PQclear() the result. */
PACS_CHECKED PacsStatus pacs_postgres_query(PacsPostgres *connection, const char *sql,
                                            const PacsSqlValue *values, size_t count, PGresult **ret_result,
                                            PacsError *err);

/** Rows that a statement wrote or removed. */
uint64_t pacs_postgres_changed(PGresult *result);

/** A field as a value in the arena: integers as PACS_SQL_I64, bytea as PACS_SQL_BYTES, all else as PACS_SQL_TEXT. */
PACS_CHECKED PacsStatus pacs_postgres_value(const PGresult *result, size_t row, size_t column,
                                            PacsArena *arena, PacsSqlValue *ret_value, PacsError *err);
