#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/frame_table.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/limits.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * A bulk table tells, of an object, what its DICOM JSON does not hold: where the values are that stand there as
 * BulkDataURI, and what Specific Character Set says in the object (in the JSON it says what the JSON is in).
 */

/** A value that the DICOM JSON names by BulkDataURI. */
typedef struct PacsBulkValue {
    PacsRange range; /* the value's bytes; encapsulated: from the first fragment's item header (behind the
                        basic offset table) to the end of the last fragment */
    PacsVr vr;
    bool encapsulated;
    bool big_endian; /* as stored */
} PacsBulkValue;

/**
 * Find a value by the path that stands in its BulkDataURI: tags and item numbers (from 1) joined by slashes,
 * "7FE00010" or "54000100/1/54001010".
 *
 * Errors: PACS_NOT_FOUND, PACS_CORRUPT (not a table of ours).
 */
PACS_CHECKED PacsStatus pacs_bulk_table_find(const void *table, size_t size, const char *path,
                                             PacsBulkValue *ret_value, PacsError *err);

/**
 * The values one after the other, in the order of the data set: *cursor starts at 0. The path is borrowed from the
 * table; it is not NUL-terminated.
 *
 * Errors: PACS_NOT_FOUND (no more), PACS_CORRUPT.
 */
PACS_CHECKED PacsStatus pacs_bulk_table_next(const void *table, size_t size, size_t *cursor,
                                             PacsSlice *ret_path, PacsBulkValue *ret_value, PacsError *err);

/** What Specific Character Set says in the object, or in an item of it, several values joined by backslash. An
 *  item that is not told of says what the data set around it says. */
typedef struct PacsBulkCharset {
    PacsSlice path; /* of the element, as above: "00080005", "00081140/2/00080005" */
    PacsSlice text;
} PacsBulkCharset;

/** Up to PACS_MAX_CHARSETS, in the order of the data set; borrowed from the table. Errors: PACS_CORRUPT. */
PACS_CHECKED PacsStatus pacs_bulk_table_charsets(const void *table, size_t size,
                                                 PacsBulkCharset ret_charsets[PACS_MAX_CHARSETS],
                                                 size_t *ret_count, PacsError *err);
