#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/frame_table.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/status.h"

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
