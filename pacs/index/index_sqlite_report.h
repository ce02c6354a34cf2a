#pragma once

#include "pacs/index/index_sqlite_delete.h"

/**
 * Report documents: instances with a row in `report`, which says what is told of them when they go. All of it in the
 * transaction that adds or deletes them.
 */

/** Note the instance that was just stored as a report, and tell of it; `replaced`: it took the place of its own UID. */
PACS_CHECKED PacsStatus pacs_index_sqlite_add_report(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                                     const IndexParents *parents, bool replaced,
                                                     PacsError *err);

/** Before the rows of a deletion go: `report.withdrawn` for each report of the Study UID among them. */
PACS_CHECKED PacsStatus pacs_index_sqlite_withdraw_reports(IndexSqlite *index, const IndexDeletion *target,
                                                           int64_t study_uid, PacsArena *arena,
                                                           PacsError *err);
