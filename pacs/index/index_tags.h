#pragma once

#include <stddef.h>

#include "pacs/dicom/scan.h"
#include "pacs/util/arena.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * The indexed tags of one resource as one value of the database, so that every tag is kept whichever columns
 * a schema has, and a resource is read with one row.
 *
 * Shape: a version byte (1), then for each tag four bytes of tag and four of length (little endian), the
 *        value in UTF-8 and a NUL.
 */
PACS_CHECKED PacsStatus pacs_index_tags_format(const PacsTagValue *tags, size_t count, PacsBuffer *out,
                                               PacsError *err);

/** Tags and values are copied into the arena. Errors: PACS_CORRUPT (not a value of ours), PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus pacs_index_tags_parse(const void *bytes, size_t size, PacsArena *arena,
                                              const PacsTagValue **ret_tags, size_t *ret_count,
                                              PacsError *err);

/** Value of a tag, NULL if it is not among them. Borrowed from the list. */
const char *pacs_index_tags_get(const PacsTagValue *tags, size_t count, PacsTag tag);

/** The same in the stored form, without reading the rest; NULL if it is absent (or the bytes are not ours). Borrowed from
 *  `bytes`. */
const char *pacs_index_tags_find(const void *bytes, size_t size, PacsTag tag);
