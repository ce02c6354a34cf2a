#pragma once

#include "pacs/index/index_sqlite.h"

/**
 * Deletion. What is deleted is gone for every reader with the commit: rows of patients, studies and series,
 * changes and counters. Rows of instances follow at once where they are few; where they are many, the series
 * is noted in `doomed` and the writer removes its instances a few at a time between other writes (100,000 of
 * them take seconds, and nobody else could store meanwhile). Their keys count as known until then.
 */

/** The way from a patient down to what is to be deleted; rows below `level` are 0. */
typedef struct IndexDeletion {
    PacsLevel level;
    int64_t rows[PACS_LEVEL_COUNT];
    int64_t children[PACS_LEVEL_COUNT]; /* of each row but the instance's */
    int64_t study_uid;                  /* of the study on the way; 0 for a patient */
} IndexDeletion;

PACS_CHECKED PacsStatus pacs_index_sqlite_load_target(PacsSqlite *connection, PacsLevel level, int64_t row,
                                                      IndexDeletion *ret_target, PacsError *err);

/** Delete rows, count what stays, note keys. Events are the caller's business. */
PACS_CHECKED PacsStatus pacs_index_sqlite_delete_target(IndexSqlite *index, const IndexDeletion *target,
                                                        PacsArena *arena, PacsError *err);

/** First columns of a query with one parameter, in the arena: rows are changed while the list is walked. */
PACS_CHECKED PacsStatus pacs_index_sqlite_list_rows(IndexSqlite *index, const char *sql, int64_t parent,
                                                    PacsArena *arena, int64_t **ret_rows, size_t *ret_count,
                                                    PacsError *err);

/* index_sqlite_purge.c: rows of instances, whose series is deleted or loses them. */

/** Those of a series with keys from `first` to `last`. */
PACS_CHECKED PacsStatus pacs_index_sqlite_purge_range(IndexSqlite *index, int64_t series, int64_t first,
                                                      int64_t last, PacsError *err);
