#pragma once

#include "pacs/index/index_sqlite.h"

/**
 * Events as rows. `outbox` is a log; `outbox_unsent`, `outbox_dead` and `outbox_parked` are lists of its ids, counted in
 * the totals. To mark an event sent is to take its number off a list of numbers, which are next to each other.
 */

/** What is written of an event; id and time are given here. */
typedef struct IndexEventRow {
    const char *type, *key, *lane, *traceparent, *data;
    uint64_t revision;
} IndexEventRow;

/** With the turn, in a transaction. Parked at once behind a dead event of its key. */
PACS_CHECKED PacsStatus pacs_index_sqlite_append_event(IndexSqlite *index, const IndexEventRow *row,
                                                       PacsError *err);

/** Events read, at most `max`. */
typedef struct IndexEventList {
    PacsArena *arena;
    size_t max;
    PacsOutboxEvent *events;
    size_t count;
    bool is_cut; /* the arena was full: there may be more */
} IndexEventList;

/** Rows of EVENT_COLUMNS (and after them the reason of a dead one). A full arena is an error only if it holds none. */
#define EVENT_COLUMNS "o.ce_id, o.type, o.key, o.lane, o.traceparent, o.data, o.id, o.revision, o.created_ms"
PACS_CHECKED PacsStatus pacs_index_sqlite_list_events(PacsSqlite *connection, IndexEventList *list,
                                                      PacsError *err, const char *sql,
                                                      const PacsSqlValue *values, size_t value_count);

/** PACS_REFUSED if the lease has another epoch; NULL is nobody's. */
PACS_CHECKED PacsStatus pacs_index_sqlite_check_fence(IndexSqlite *index, const PacsFence *fence,
                                                      PacsError *err);
