#pragma once

#include "pacs/index/index_sqlite.h"

/** Load one resource by its key, for finds and lists alike. PACS_NOT_FOUND if it is gone. */
PACS_CHECKED PacsStatus pacs_index_sqlite_load_resource(PacsSqlite *connection, PacsLevel level, int64_t row,
                                                        PacsResourceParts parts, PacsArena *arena,
                                                        PacsResource *ret_resource, PacsError *err);
