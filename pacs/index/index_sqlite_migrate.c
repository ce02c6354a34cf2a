#include <inttypes.h>
#include <stdio.h>

#include "pacs/index/index_sqlite.h"
#include "pacs/index/migrations.h"

#define APPLICATION_ID 0x4C425831 /* "LBX1", in the header of every index file of ours */

static PacsStatus pragma_number(PacsSqlite *connection, const char *sql, int64_t *ret_number, PacsError *err)
{
    return pacs_sqlite_number(connection, sql, NULL, 0, ret_number, err);
}

/** A file that holds somebody else's tables is left alone. */
static PacsStatus check_owner(PacsSqlite *connection, PacsError *err)
{
    int64_t application = 0;
    int64_t tables = 0;
    PacsStatus status = pragma_number(connection, "PRAGMA application_id", &application, err);
    if (status == PACS_OK)
        status = pragma_number(connection, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (status == PACS_OK && application != APPLICATION_ID && (application != 0 || tables > 0))
        return pacs_fail(err, PACS_UNSUPPORTED, "the file is a database, but no index of Lightbox");
    return status;
}

/** One migration and the note that it was done are one transaction: a crash leaves the version before. */
static PacsStatus run_migration(PacsSqlite *connection, uint32_t version, PacsError *err)
{
    char finish[128];
    (void)snprintf(finish, sizeof finish,
                   "PRAGMA application_id = %d; PRAGMA user_version = %" PRIu32 "; COMMIT", APPLICATION_ID,
                   version);
    PacsStatus status = pacs_sqlite_script(connection, "BEGIN IMMEDIATE", err);
    if (status == PACS_OK)
        status = pacs_sqlite_script(connection, pacs_index_migrations[version - 1], err);
    if (status == PACS_OK)
        status = pacs_sqlite_script(connection, finish, err);
    if (status == PACS_OK)
        return PACS_OK;
    if (pacs_sqlite_in_transaction(connection))
        pacs_sqlite_try(connection, "ROLLBACK"); /* the first failure is the one to tell */
    return pacs_fail_context(err, status, "while bringing the index to version %" PRIu32 ": ", version);
}

PacsStatus pacs_index_sqlite_migrate(PacsSqlite *connection, uint32_t *ret_version, PacsError *err)
{
    int64_t version = 0;
    PacsStatus status = check_owner(connection, err);
    if (status == PACS_OK)
        status = pragma_number(connection, "PRAGMA user_version", &version, err);
    if (status != PACS_OK)
        return status;
    if (version < 0 || version > pacs_index_migration_count)
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "the index has schema version %" PRId64
                         ", made by a newer Lightbox; this one knows %" PRIu32,
                         version, pacs_index_migration_count);
    for (uint32_t next = (uint32_t)version + 1; next <= pacs_index_migration_count; next++) {
        status = run_migration(connection, next, err);
        if (status != PACS_OK)
            return status;
    }
    *ret_version = pacs_index_migration_count;
    return PACS_OK;
}
