#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/database/sql_value.h"
#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * One connection to SQLite with its prepared statements, in the house's terms. Statements are known by the
 * address of their SQL (a static string) and prepared once per connection.
 *
 * Threads: a connection from one thread at a time.
 * Errors:  PACS_NO_SPACE (disk or page limit), PACS_CORRUPT (damaged or no database), PACS_UNAVAILABLE
 * (locked, I/O error, cannot open), PACS_NO_MEMORY, PACS_TOO_LARGE, PACS_INTERNAL.
 */
typedef struct PacsSqlite PacsSqlite;

/** flags as sqlite3_open_v2() has them. */
PACS_CHECKED PacsStatus pacs_sqlite_open(const char *path, int flags, PacsSqlite **ret_connection,
                                         PacsError *err);
void pacs_sqlite_close(PacsSqlite *connection);
PACS_DEFINE_AUTO(PacsSqlite, pacs_sqlite_close);

sqlite3 *pacs_sqlite_handle(PacsSqlite *connection);

/** False once an error made SQLite roll the transaction back by itself. */
bool pacs_sqlite_in_transaction(PacsSqlite *connection);

/** Several statements, their rows thrown away, nothing kept: for settings and migrations. */
PACS_CHECKED PacsStatus pacs_sqlite_script(PacsSqlite *connection, const char *sql, PacsError *err);

/** A command whose failure changes nothing for the caller (ROLLBACK, the COMMIT of a read); true if it went
 *  well. */
bool pacs_sqlite_try(PacsSqlite *connection, const char *sql);

/** Run a statement to its end: `PACS_SQL_RUN(connection, err, SQL, pacs_sql_i64(id), ...)`. */
PACS_CHECKED PacsStatus pacs_sqlite_run(PacsSqlite *connection, const char *sql, const PacsSqlValue *values,
                                        size_t count, PacsError *err);
#define PACS_SQL_RUN(connection, err, sql, ...)                                                              \
    pacs_sqlite_run((connection), (sql), PACS_SQL_VALUES(__VA_ARGS__), (err))

/**
 * A statement that gives rows.
 *
 *     PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
 *     PacsStatus status = PACS_SQL_QUERY(connection, &rows, err, SQL, pacs_sql_i64(id));
 *     while (pacs_sqlite_next(connection, rows, &status, err))
 *         sqlite3_column_int64(rows, 0) ...
 *
 * Owner: the connection's; the scope's end resets it for the next use. The same SQL must not be begun again
 *        before that.
 */
PACS_CHECKED PacsStatus pacs_sqlite_query(PacsSqlite *connection, sqlite3_stmt **ret_rows, const char *sql,
                                          const PacsSqlValue *values, size_t count, PacsError *err);
#define PACS_SQL_QUERY(connection, ret_rows, err, sql, ...)                                                  \
    pacs_sqlite_query((connection), (ret_rows), (sql), PACS_SQL_VALUES(__VA_ARGS__), (err))
/** Step to the next row; false at the end, and as soon as *status is not PACS_OK, by the step or the caller.
 */
bool pacs_sqlite_next(PacsSqlite *connection, sqlite3_stmt *rows, PacsStatus *status, PacsError *err);
PACS_CHECKED PacsStatus pacs_sqlite_step(PacsSqlite *connection, sqlite3_stmt *rows, bool *ret_has_row,
                                         PacsError *err);
void pacs_auto_statement(sqlite3_stmt **rows);
#define PACS_AUTO_STATEMENT __attribute__((cleanup(pacs_auto_statement)))

/** Begin as PACS_SQL_QUERY() does and step to the first row; PACS_NOT_FOUND if there is none. */
PACS_CHECKED PacsStatus pacs_sqlite_first(PacsSqlite *connection, sqlite3_stmt **ret_rows, const char *sql,
                                          const PacsSqlValue *values, size_t count, PacsError *err);
#define PACS_SQL_FIRST(connection, ret_rows, err, sql, ...)                                                  \
    pacs_sqlite_first((connection), (ret_rows), (sql), PACS_SQL_VALUES(__VA_ARGS__), (err))

/** The first row's first column; PACS_NOT_FOUND if there is no row. */
PACS_CHECKED PacsStatus pacs_sqlite_number(PacsSqlite *connection, const char *sql,
                                           const PacsSqlValue *values, size_t count, int64_t *ret_number,
                                           PacsError *err);
#define PACS_SQL_NUMBER(connection, ret_number, err, sql, ...)                                               \
    pacs_sqlite_number((connection), (sql), PACS_SQL_VALUES(__VA_ARGS__), (ret_number), (err))

/** A column copied into the arena; *ret_text NULL where it is NULL. */
PACS_CHECKED PacsStatus pacs_sqlite_text(sqlite3_stmt *rows, int column, PacsArena *arena,
                                         const char **ret_text, PacsError *err);
PACS_CHECKED PacsStatus pacs_sqlite_bytes(sqlite3_stmt *rows, int column, PacsArena *arena,
                                          const void **ret_bytes, size_t *ret_size, PacsError *err);
/** A column that must have exactly `size` bytes: PACS_CORRUPT otherwise. */
PACS_CHECKED PacsStatus pacs_sqlite_fixed(sqlite3_stmt *rows, int column, void *ret_bytes, size_t size,
                                          PacsError *err);
