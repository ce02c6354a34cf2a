#pragma once

#include "pacs/index/index.h"
#include "pacs/retrieve/retrieve.h"

/**
 * A small binary value, which metadata hold as InlineBinary: found by the path that it would have as bulk data. Clients
 * that know an attribute is binary ask for it so without looking how the metadata have it.
 *
 * Owner:  *ret_bytes is in the arena.
 * Errors: PACS_NOT_FOUND (no such value, or it is no binary one).
 */
PACS_CHECKED PacsStatus dicomweb_inline_value_find(PacsIndex *index, const PacsUidPath *path,
                                                   const char *value_path, PacsArena *arena,
                                                   const void **ret_bytes, size_t *ret_size, PacsError *err);
