#pragma once

#include "pacs/index/index_series_metadata.h"
#include "pacs/index/index_sqlite.h"

/* Ready-made metadata, shared by index_sqlite_stream.c (reading), index_sqlite_append.c and deletion. */

#define METADATA_ROW_SIZE                                                                                    \
    16384u /* as its migration says; no append rewrites more than this of what was there */

/** Of one series by its key; PACS_NOT_FOUND. */
PACS_CHECKED PacsStatus pacs_index_sqlite_load_series_metadata(PacsSqlite *db, int64_t series,
                                                               PacsArena *arena,
                                                               PacsSeriesMetadata *ret_series,
                                                               PacsError *err);

/** An instance of a series goes: if it is in the stream, that is given up. The caller counts the removal. */
PACS_CHECKED PacsStatus pacs_index_sqlite_restart_metadata(IndexSqlite *index, int64_t series,
                                                           int64_t instance, PacsError *err);
/** A series goes. */
PACS_CHECKED PacsStatus pacs_index_sqlite_drop_metadata(IndexSqlite *index, int64_t series, PacsError *err);
