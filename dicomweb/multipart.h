#pragma once

#include <stdbool.h>

#include "dicomweb/accept.h"
#include "pacs/http/http.h"

/**
 * A multipart/related answer, made of the pieces of pacs/http/http.h: the same bytes for the same resource at any
 * time and on any server, so that Content-Length is known, ETags are strong and ranges can be put together.
 *
 *     DicomwebMultipart parts;
 *     dicomweb_multipart_begin(&parts, request, reply, offer, boundary);
 *     for (...) {
 *         dicomweb_multipart_part(&parts, "application/dicom", "/dicom-web/studies/...");
 *         pacs_http_reply_piece_opened(reply, ...);
 *     }
 *     dicomweb_multipart_end(&parts);
 *
 * The boundary comes from a digest of what is inside (dicomweb/fingerprint.h). A fixed one could be put into an object by
 * whoever sends it, and would cut that object in two for everybody who reads it.
 *
 * Errors:  as http.h has it: what cannot be put together becomes a 500 by itself.
 * Source:  RFC 2046 5.1, RFC 2387, PS3.18 8.6.1.2.
 */
typedef struct DicomwebMultipart {
    PacsHttpReply *reply;
    PacsArena *arena;
    const char *boundary;
    bool has_parts;
} DicomwebMultipart;

/** boundary: characters of an HTTP token, in the request's arena or static. */
void dicomweb_multipart_begin(DicomwebMultipart *parts, PacsHttpRequest *request, PacsHttpReply *reply,
                              const DicomwebOffer *offer, const char *boundary);
/** The head of a part, whose bytes the caller adds as pieces. location: Content-Location, NULL for none. */
void dicomweb_multipart_part(DicomwebMultipart *parts, const char *content_type, const char *location);
void dicomweb_multipart_end(DicomwebMultipart *parts);

/** The text of such a head, and of the end, for answers that are no pieces: in the arena, NULL for no memory. */
const char *dicomweb_multipart_head(PacsArena *arena, const char *boundary, bool is_first,
                                    const char *content_type, const char *location);
const char *dicomweb_multipart_tail(PacsArena *arena, const char *boundary);
