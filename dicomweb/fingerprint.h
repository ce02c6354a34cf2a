#pragma once

#include "pacs/http/http.h"
#include "pacs/index/index.h"
#include "pacs/util/status.h"

/**
 * A digest of what an answer is made of: its ETag, and the boundary of its parts. Stored objects never change, so the
 * digests taken when they came say what the answer will be without reading them.
 */
#define DICOMWEB_FINGERPRINT_SIZE 33 /* 32 hex digits and a NUL */

/** Of the objects in their order, and of `form`: whatever else shapes the bytes (packaging, root of the URLs). */
PACS_CHECKED PacsStatus dicomweb_fingerprint(const char *form, const PacsListedObject *objects, size_t count,
                                             char ret_hex[DICOMWEB_FINGERPRINT_SIZE], PacsError *err);

/** Sets ETag and Cache-Control (kept by the client alone, asked about each time); true where that makes a complete
 *  304 of the reply. */
PACS_CHECKED bool dicomweb_reply_unchanged(PacsHttpRequest *request, PacsHttpReply *reply,
                                           const char *fingerprint);
