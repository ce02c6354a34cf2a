#include "pacs/database/sqlite.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/database/sqlite_log.h"

#define STATEMENT_SLOTS 256 /* a power of two, twice what the index has statements */
#define BUSY_TIMEOUT_MS 10000

typedef struct Slot {
    const char *sql; /* the key is its address */
    sqlite3_stmt *statement;
} Slot;

struct PacsSqlite {
    sqlite3 *db;
    size_t prepared;
    Slot slots[STATEMENT_SLOTS];
};

static PacsStatus status_of(int code)
{
    if (code == SQLITE_IOERR_SHMSIZE) /* of a full disk the log's index knows before the log does */
        return PACS_NO_SPACE;
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return PACS_NO_SPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return PACS_CORRUPT;
    case SQLITE_NOMEM:
        return PACS_NO_MEMORY;
    case SQLITE_TOOBIG:
        return PACS_TOO_LARGE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
        return PACS_UNAVAILABLE;
    default:
        return PACS_INTERNAL;
    }
}

/** The message may quote SQL, never a bound value. */
static PacsStatus fail(PacsSqlite *connection, int code, PacsError *err)
{
    const int extended = connection->db ? sqlite3_extended_errcode(connection->db) : code;
    return pacs_fail(err, status_of(extended), "database: %s (SQLite code %d)",
                     connection->db ? sqlite3_errmsg(connection->db) : sqlite3_errstr(code), extended);
}

PacsStatus pacs_sqlite_open(const char *path, int flags, PacsSqlite **ret_connection, PacsError *err)
{
    PACS_AUTO(PacsSqlite) connection = calloc(1, sizeof *connection);
    if (!connection)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a database connection");
    const PacsStatus status = pacs_sqlite_log_register(err);
    if (status != PACS_OK)
        return status;
    const int code = sqlite3_open_v2(path, &connection->db, flags | SQLITE_OPEN_NOMUTEX, PACS_SQLITE_VFS);
    if (code != SQLITE_OK)
        return fail(connection, code, err);
    (void)sqlite3_extended_result_codes(connection->db, 1);
    (void)sqlite3_busy_timeout(connection->db, BUSY_TIMEOUT_MS);
    *ret_connection = PACS_STEAL(connection);
    return PACS_OK;
}

void pacs_sqlite_close(PacsSqlite *connection)
{
    if (!connection)
        return;
    for (size_t i = 0; i < STATEMENT_SLOTS; i++)
        (void)sqlite3_finalize(connection->slots[i].statement); /* repeats an error already reported */
    (void)sqlite3_close(connection->db); /* fails only with statements left, and there are none */
    free(connection);
}

sqlite3 *pacs_sqlite_handle(PacsSqlite *connection)
{
    return connection->db;
}

bool pacs_sqlite_in_transaction(PacsSqlite *connection)
{
    return sqlite3_get_autocommit(connection->db) == 0;
}

PacsStatus pacs_sqlite_script(PacsSqlite *connection, const char *sql, PacsError *err)
{
    const int code = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? PACS_OK : fail(connection, code, err);
}

static Slot *find_slot(PacsSqlite *connection, const char *sql)
{
    size_t at = (size_t)((uintptr_t)sql >> 3) % STATEMENT_SLOTS;
    while (connection->slots[at].sql && connection->slots[at].sql != sql)
        at = (at + 1) % STATEMENT_SLOTS;
    return &connection->slots[at];
}

static PacsStatus prepare(PacsSqlite *connection, const char *sql, sqlite3_stmt **ret_statement,
                          PacsError *err)
{
    Slot *slot = find_slot(connection, sql);
    if (!slot->sql) {
        const int code = sqlite3_prepare_v3(connection->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                            &slot->statement, NULL);
        if (code != SQLITE_OK)
            return fail(connection, code, err);
        slot->sql = sql;
        connection->prepared++;
        assert(connection->prepared < STATEMENT_SLOTS); /* find_slot() needs a free one to end at */
    }
    assert(!sqlite3_stmt_busy(slot->statement));
    *ret_statement = slot->statement;
    return PACS_OK;
}

static int bind(sqlite3_stmt *statement, int index, const PacsSqlValue *value)
{
    switch (value->kind) {
    case PACS_SQL_NULL:
        break;
    case PACS_SQL_I64:
        return sqlite3_bind_int64(statement, index, value->number);
    case PACS_SQL_TEXT:
        return sqlite3_bind_text64(statement, index, value->bytes, value->size, SQLITE_STATIC, SQLITE_UTF8);
    case PACS_SQL_BYTES:
        return sqlite3_bind_blob64(statement, index, value->bytes, value->size, SQLITE_STATIC);
    }
    return sqlite3_bind_null(statement, index);
}

PacsStatus pacs_sqlite_query(PacsSqlite *connection, sqlite3_stmt **ret_rows, const char *sql,
                             const PacsSqlValue *values, size_t count, PacsError *err)
{
    sqlite3_stmt *statement = NULL;
    const PacsStatus status = prepare(connection, sql, &statement, err);
    if (status != PACS_OK)
        return status;
    assert((size_t)sqlite3_bind_parameter_count(statement) == count);
    for (size_t i = 0; i < count; i++) {
        const int code = bind(statement, (int)i + 1, &values[i]);
        if (code != SQLITE_OK)
            return fail(connection, code, err);
    }
    *ret_rows = statement;
    return PACS_OK;
}

PacsStatus pacs_sqlite_step(PacsSqlite *connection, sqlite3_stmt *rows, bool *ret_has_row, PacsError *err)
{
    const int code = sqlite3_step(rows);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return fail(connection, code, err);
    *ret_has_row = code == SQLITE_ROW;
    return PACS_OK;
}

bool pacs_sqlite_next(PacsSqlite *connection, sqlite3_stmt *rows, PacsStatus *status, PacsError *err)
{
    bool has_row = false;
    if (*status == PACS_OK)
        *status = pacs_sqlite_step(connection, rows, &has_row, err);
    return has_row;
}

PacsStatus pacs_sqlite_first(PacsSqlite *connection, sqlite3_stmt **ret_rows, const char *sql,
                             const PacsSqlValue *values, size_t count, PacsError *err)
{
    PacsStatus status = pacs_sqlite_query(connection, ret_rows, sql, values, count, err);
    if (status == PACS_OK && !pacs_sqlite_next(connection, *ret_rows, &status, err) && status == PACS_OK)
        return pacs_fail(err, PACS_NOT_FOUND, "no such row");
    return status;
}

void pacs_auto_statement(sqlite3_stmt **rows)
{
    if (*rows)
        (void)sqlite3_reset(*rows); /* repeats the error that the step reported */
}

PacsStatus pacs_sqlite_run(PacsSqlite *connection, const char *sql, const PacsSqlValue *values, size_t count,
                           PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = pacs_sqlite_query(connection, &rows, sql, values, count, err);
    while (pacs_sqlite_next(connection, rows, &status, err))
        continue;
    return status;
}

bool pacs_sqlite_try(PacsSqlite *connection, const char *sql)
{
    return pacs_sqlite_run(connection, sql, NULL, 0, NULL) == PACS_OK;
}

PacsStatus pacs_sqlite_number(PacsSqlite *connection, const char *sql, const PacsSqlValue *values,
                              size_t count, int64_t *ret_number, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const PacsStatus status = pacs_sqlite_first(connection, &rows, sql, values, count, err);
    if (status == PACS_OK)
        *ret_number = sqlite3_column_int64(rows, 0);
    return status;
}

PacsStatus pacs_sqlite_text(sqlite3_stmt *rows, int column, PacsArena *arena, const char **ret_text,
                            PacsError *err)
{
    const char *text = (const char *)sqlite3_column_text(rows, column);
    if (!text && sqlite3_column_type(rows, column) == SQLITE_NULL) {
        *ret_text = NULL;
        return PACS_OK;
    }
    const char *copy = pacs_arena_strdup(arena, text);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a text of the index");
    *ret_text = copy;
    return PACS_OK;
}

PacsStatus pacs_sqlite_bytes(sqlite3_stmt *rows, int column, PacsArena *arena, const void **ret_bytes,
                             size_t *ret_size, PacsError *err)
{
    const void *bytes = sqlite3_column_blob(rows, column);
    const size_t size = (size_t)sqlite3_column_bytes(rows, column);
    void *copy = pacs_arena_alloc(arena, size + 1);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu bytes of the index", size);
    if (size > 0)
        memcpy(copy, bytes, size);
    *ret_bytes = copy;
    *ret_size = size;
    return PACS_OK;
}

PacsStatus pacs_sqlite_fixed(sqlite3_stmt *rows, int column, void *ret_bytes, size_t size, PacsError *err)
{
    const void *bytes = sqlite3_column_blob(rows, column);
    const size_t stored = (size_t)sqlite3_column_bytes(rows, column);
    if (!bytes || stored != size)
        return pacs_fail(err, PACS_CORRUPT, "a value of the index has %zu bytes instead of %zu", stored,
                         size);
    memcpy(ret_bytes, bytes, size);
    return PACS_OK;
}
