#pragma once

#include "pacs/ingest/ingest_private.h"

/**
 * IngestTranscoding: an object is stored in another transfer syntax than it came in, because the operator says so. What
 * cannot be converted, or only with loss (it would be another object, with another UID), stays as it came.
 */

/** Whether this one is to be converted, as far as its description tells. */
bool ingest_wants_conversion(const PacsIngest *ingest, const PacsInstance *instance);

/** An object whose bytes are in the store, although no row names it. */
typedef struct IngestStored {
    const PacsInstance *instance;
    const PacsKey *key;
    uint64_t size_bytes;
    const PacsKey *frames_key; /* what the frame table counts in: the object, or its inflated form */
} IngestStored;

/** Its bytes in the new form. The ingest and everything in `stored` outlive the source. Errors: PACS_UNSUPPORTED,
 *  PACS_INVALID, PACS_TOO_LARGE (it cannot be converted), others are ours. */
PACS_CHECKED PacsStatus ingest_convert(PacsIngest *ingest, const IngestStored *stored,
                                       PacsSource **ret_source, PacsError *err);
