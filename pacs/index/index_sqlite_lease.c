#include "pacs/index/index_sqlite.h"
#include "pacs/util/clock.h"

/* Leases. One process at a time has this index open, so those of others were forgotten when it was opened. */

typedef struct LeaseArguments {
    const char *name, *holder;
    uint32_t ttl_ms;
    bool held;
} LeaseArguments;

static PacsStatus take_lease(IndexSqlite *index, void *arguments, PacsError *err)
{
    static const char sql[] = "INSERT INTO lease (name, holder, until_ms) VALUES (?1, ?2, ?3 + ?4)"
                              " ON CONFLICT (name) DO UPDATE SET holder = ?2, until_ms = ?3 + ?4"
                              " WHERE holder = ?2 OR until_ms < ?3";
    LeaseArguments *lease = arguments;
    const PacsStatus status = PACS_SQL_RUN(index->writer, err, sql, pacs_sql_text(lease->name),
                                           pacs_sql_text(lease->holder), pacs_sql_i64(pacs_now_ms()),
                                           pacs_sql_i64(lease->ttl_ms));
    lease->held = sqlite3_changes(pacs_sqlite_handle(index->writer)) > 0;
    return status;
}

PacsStatus pacs_index_sqlite_take_lease(PacsIndex *self, const char *name, const char *holder,
                                        uint32_t ttl_ms, bool *ret_held, PacsError *err)
{
    LeaseArguments arguments = {.name = name, .holder = holder, .ttl_ms = ttl_ms};
    const PacsStatus status = pacs_index_sqlite_write(pacs_index_sqlite(self), take_lease, &arguments, err);
    if (status == PACS_OK)
        *ret_held = arguments.held;
    return status;
}

static PacsStatus drop_lease(IndexSqlite *index, void *arguments, PacsError *err)
{
    const LeaseArguments *lease = arguments;
    return PACS_SQL_RUN(index->writer, err, "DELETE FROM lease WHERE name = ? AND holder = ?",
                        pacs_sql_text(lease->name), pacs_sql_text(lease->holder));
}

PacsStatus pacs_index_sqlite_drop_lease(PacsIndex *self, const char *name, const char *holder, PacsError *err)
{
    LeaseArguments arguments = {.name = name, .holder = holder};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), drop_lease, &arguments, err);
}
