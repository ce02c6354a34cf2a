#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/http/http.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A push parser of multipart bodies (RFC 2046 5.1): bytes go in as they arrive, parts come out as calls.
 *
 * Shape:   the body in pieces of any size, cut anywhere: the calls do not depend on the cuts, except that a
 *          part's data come in as many runs as the cuts make of them. Data are passed through, not copied.
 *          Preamble and epilogue are dropped. Lines may end with LF alone; where the first boundary's line
 *          ended with CRLF, a CR in front of a boundary's LF is no data.
 * Memory:  constant: one part's header (PACS_MAX_MULTIPART_HEADER) and a boundary's worth of bytes.
 * Threads: one at a time.
 * Errors:  PACS_INVALID (no boundary where one must be, a header that is none, cut off), PACS_TOO_LARGE (a
 *          header or preamble over its limit), or whatever the handler returned. Sticky. Parts ended before
 *          a failure stand.
 */
typedef struct PacsMultipart PacsMultipart;

/** RFC 2046 has 70; there is no harm in a longer one. */
#define PACS_MULTIPART_BOUNDARY_MAX 200

/** A part's header; valid until the part ends. */
typedef struct PacsMultipartPart {
    uint64_t number;             /* from 1 */
    const PacsHttpPair *headers; /* values trimmed, folded lines joined */
    size_t header_count;
} PacsMultipartPart;

/** The first header of this name in any case; NULL if there is none. */
const char *pacs_multipart_header(const PacsMultipartPart *part, const char *name);

/** All three are required. A status other than PACS_OK ends the parsing with that failure. */
typedef struct PacsMultipartHandler {
    PacsStatus (*part_begin)(void *context, const PacsMultipartPart *part, PacsError *err);
    PacsStatus (*part_data)(void *context, const uint8_t *bytes, size_t size, PacsError *err);
    /** The boundary behind the part has come. Not called for a part that is cut off. */
    PacsStatus (*part_end)(void *context, PacsError *err);
} PacsMultipartHandler;

/** The boundary is copied; PACS_INVALID if it cannot be one. The handler is borrowed. */
PACS_CHECKED PacsStatus pacs_multipart_new(const char *boundary, const PacsMultipartHandler *handler,
                                           void *context, PacsMultipart **ret_multipart, PacsError *err);
void pacs_multipart_free(PacsMultipart *multipart);
PACS_DEFINE_AUTO(PacsMultipart, pacs_multipart_free);

PACS_CHECKED PacsStatus pacs_multipart_feed(PacsMultipart *multipart, const uint8_t *bytes, size_t size,
                                            PacsError *err);
/** The end of the body: the closing boundary must have come. */
PACS_CHECKED PacsStatus pacs_multipart_finish(PacsMultipart *multipart, PacsError *err);
