#pragma once

#include "dicomweb/dicomweb_private.h"
#include "pacs/retrieve/frames.h"
#include "pacs/retrieve/values.h"

/**
 * The parts of an answer of bulk data: values and frames of one instance or of many, gathered first, then sent in the
 * packaging the client takes.
 *
 * Owner: everything is in the request's arena, some 500 bytes a part, PACS_MAX_BULK_PARTS at most.
 */
typedef struct DicomwebBulkPart {
    const char *media_type;          /* its own; every part can leave as application/octet-stream too */
    const char *transfer_syntax_uid; /* NULL: no pixels */
    const char *location;            /* path of its URL */
    uint64_t size_bytes;
    const void *bytes; /* in memory; NULL: stored, as one of the following */
    bool is_frame;
    union {
        PacsRetrievedFrame frame;
        PacsRetrievedValue value;
    };
} DicomwebBulkPart;

typedef struct DicomwebBulkParts {
    PacsArena *arena;
    DicomwebBulkPart *parts;
    size_t count, capacity;
} DicomwebBulkParts;

/** A zeroed part to fill in. PACS_TOO_LARGE, PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus dicomweb_bulk_parts_add(DicomwebBulkParts *parts, DicomwebBulkPart **ret_part,
                                                PacsError *err);

/**
 * Answer with them: alone where there is one and the client takes that, else as multipart/related; in their own media
 * type where they have it in common, or as octets. `objects` are what they come from and `form` what else decides the
 * bytes: for the ETag. Replies 406 by itself.
 */
PACS_CHECKED PacsStatus dicomweb_bulk_parts_reply(Dicomweb *dicomweb, const DicomwebBulkParts *parts,
                                                  const PacsListedObject *objects, size_t object_count,
                                                  const char *form, PacsHttpRequest *request,
                                                  PacsHttpReply *reply, PacsError *err);
