#pragma once

#include <stddef.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * Where the large values of an instance can be had: `{root}/studies/U/series/U/instances/U/bulkdata/7FE00010`. The JSON
 * that a scan writes has what follows the last slash but one alone (scan.h); answers need the whole.
 */
typedef struct PacsBulkRoot {
    const char
        *root; /* "/dicom-web", "https://pacs.example/dicom-web": a path or a URL, no slash at the end */
    const char *study_instance_uid;
    const char *series_instance_uid;
    const char *sop_instance_uid;
} PacsBulkRoot;

/**
 * Append one instance's DICOM JSON with its BulkDataURIs made whole.
 *
 * Errors: PACS_TOO_LARGE (over the buffer's maximum), PACS_NO_MEMORY; `out` is as it was.
 */
PACS_CHECKED PacsStatus pacs_bulk_uris_complete(const char *json, size_t size, const PacsBulkRoot *root,
                                                PacsBuffer *out, PacsError *err);
