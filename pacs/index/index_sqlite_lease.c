#include "pacs/index/index_sqlite.h"
#include "pacs/util/clock.h"

/* Leases. One process at a time has this index open, so those of others were ended when it was opened. Rows stay, for their
 * epochs. */

typedef struct LeaseArguments {
    const char *name, *holder;
    uint32_t ttl_ms;
    bool held;
    uint64_t epoch;
} LeaseArguments;

static PacsStatus take_lease(IndexSqlite *index, void *arguments, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO lease (name, holder, until_ms, epoch) VALUES (?1, ?2, ?3 + ?4, 1)"
        " ON CONFLICT (name) DO UPDATE SET epoch = epoch + (holder <> ?2), holder = ?2, until_ms = ?3 + ?4"
        " WHERE holder = ?2 OR until_ms < ?3 RETURNING epoch";
    LeaseArguments *lease = arguments;
    int64_t epoch = 0;
    const PacsStatus status = PACS_SQL_NUMBER(index->writer, &epoch, err, sql, pacs_sql_text(lease->name),
                                              pacs_sql_text(lease->holder), pacs_sql_i64(pacs_now_ms()),
                                              pacs_sql_i64(lease->ttl_ms));
    lease->held = status == PACS_OK;
    lease->epoch = (uint64_t)epoch;
    return status == PACS_NOT_FOUND ? PACS_OK : status; /* it is another's */
}

PacsStatus pacs_index_sqlite_take_lease(PacsIndex *self, const char *name, const char *holder,
                                        uint32_t ttl_ms, bool *ret_held, uint64_t *ret_epoch, PacsError *err)
{
    LeaseArguments arguments = {.name = name, .holder = holder, .ttl_ms = ttl_ms};
    const PacsStatus status = pacs_index_sqlite_write(pacs_index_sqlite(self), take_lease, &arguments, err);
    if (status != PACS_OK)
        return status;
    *ret_held = arguments.held;
    if (arguments.held && ret_epoch)
        *ret_epoch = arguments.epoch;
    return PACS_OK;
}

static PacsStatus drop_lease(IndexSqlite *index, void *arguments, PacsError *err)
{
    const LeaseArguments *lease = arguments;
    return PACS_SQL_RUN(index->writer, err,
                        "UPDATE lease SET holder = '', until_ms = 0 WHERE name = ? AND holder = ?",
                        pacs_sql_text(lease->name), pacs_sql_text(lease->holder));
}

PacsStatus pacs_index_sqlite_drop_lease(PacsIndex *self, const char *name, const char *holder, PacsError *err)
{
    LeaseArguments arguments = {.name = name, .holder = holder};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), drop_lease, &arguments, err);
}
