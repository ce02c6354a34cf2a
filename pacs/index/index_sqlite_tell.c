#include "pacs/index/index_sqlite_outbox.h"

#include <string.h>

#include "pacs/util/limits.h"

/* Events that tell of no row of the index, and who is told of events. */

/** The next one of the key within its aggregate: what stands before the type's dot. */
static PacsStatus next_revision(IndexSqlite *index, const PacsTold *told, uint64_t *ret_revision,
                                PacsError *err)
{
    static const char sql[] = "INSERT INTO told_key (aggregate, key, revision) VALUES (?, ?, 1)"
                              " ON CONFLICT (aggregate, key) DO UPDATE SET revision = revision + 1"
                              " RETURNING revision";
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    const char *aggregate = arena ? pacs_arena_strndup(arena, told->type, strcspn(told->type, ".")) : NULL;
    int64_t revision = 0;
    if (!aggregate)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    const PacsStatus status = PACS_SQL_NUMBER(index->writer, &revision, err, sql, pacs_sql_text(aggregate),
                                              pacs_sql_text(told->key));
    *ret_revision = (uint64_t)revision;
    return status;
}

static PacsStatus tell(IndexSqlite *index, void *arguments, PacsError *err)
{
    const PacsTold *told = arguments;
    IndexEventRow row = {.type = told->type,
                         .key = told->key,
                         .lane = told->lane ? told->lane : PACS_LANE_NORMAL,
                         .traceparent = told->traceparent,
                         .data = told->data};
    const PacsStatus status = next_revision(index, told, &row.revision, err);
    return status == PACS_OK ? pacs_index_sqlite_append_event(index, &row, err) : status;
}

PacsStatus pacs_index_sqlite_tell(PacsIndex *self, const PacsTold *told, PacsError *err)
{
    PacsTold arguments = *told;
    return pacs_index_sqlite_write(pacs_index_sqlite(self), tell, &arguments, err);
}

PacsStatus pacs_index_sqlite_listen(PacsIndex *self, PacsEventListener *listener, void *context,
                                    PacsError *err)
{
    return pacs_listeners_add(&pacs_index_sqlite(self)->listeners, listener, context, err);
}

void pacs_index_sqlite_unlisten(PacsIndex *self, PacsEventListener *listener, void *context)
{
    pacs_listeners_remove(&pacs_index_sqlite(self)->listeners, listener, context);
}
