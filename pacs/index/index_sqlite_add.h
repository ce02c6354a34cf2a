#pragma once

#include "pacs/index/index_sqlite.h"

/* Shared by the files that store an instance: index_sqlite_add.c, index_sqlite_ancestors.c. */

static inline PacsSqlValue pacs_index_sqlite_id(const PacsPreparedAdd *prepared, PacsLevel level)
{
    return pacs_sql_bytes(prepared->ids[level].bytes, sizeof prepared->ids[level].bytes);
}

static inline PacsSqlValue pacs_index_sqlite_tags(const PacsPreparedAdd *prepared, PacsLevel level)
{
    return pacs_sql_bytes(prepared->tags[level].bytes, prepared->tags[level].size);
}

static inline PacsSqlValue pacs_index_sqlite_tag(const PacsPreparedAdd *prepared, PacsLevel level,
                                                 PacsTag tag)
{
    return pacs_sql_text(pacs_index_prepared_tag(prepared, level, tag));
}

/** Key of the peer's row, made if it is a new one. */
PACS_CHECKED PacsStatus pacs_index_sqlite_find_origin(IndexSqlite *index, const PacsOrigin *origin,
                                                      int64_t *ret_origin, PacsError *err);

/**
 * The series to add to, with its ancestors: from memory, from the database or new (`added->is_new`, and
 * `study_uid_collision` of the series). All of them are marked as unstable and changed.
 * Owner: *ret_series is the writer's memory of the series, valid during this write.
 */
PACS_CHECKED PacsStatus pacs_index_sqlite_resolve_series(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                                         int64_t origin, IndexRecentSeries **ret_series,
                                                         PacsIndexAdded *added, PacsError *err);
