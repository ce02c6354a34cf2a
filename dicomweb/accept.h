#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dicomweb/media_types.h"
#include "pacs/http/http.h"
#include "pacs/util/text.h"

/**
 * Which of the representations that a resource has a client gets: its Accept header, or its `?accept=`, which wins
 * (a link in a page cannot set headers, and OHIF sends one that contradicts its own query).
 *
 *     const DicomwebOffer offers[] = {{.media_type = DICOMWEB_TYPE_JSON},
 *                                     {.media_type = DICOMWEB_TYPE_XML, .is_multipart = true}};
 *     const DicomwebOffer *chosen = dicomweb_negotiate(request, reply, offers, 2);
 *     if (!chosen)
 *         return; // 406, and what there is
 *
 * The offer with the highest quality is taken; among equals one that is named rather than meant by a wildcard; among
 * these the one that stands first in the table, which is the server's preference. A request that says nothing gets
 * what any client would get that takes everything.
 *
 * Source:  RFC 9110 12.5.1, PS3.18 8.3.3.1 and 8.7.
 */
typedef struct DicomwebOffer {
    const char *media_type;
    const char *transfer_syntax_uid; /* NULL: it has none, and what a client says of one is ignored */
    bool is_multipart;               /* as a part of multipart/related; else by itself */
    /** Taken also where no transfer syntax is asked for, although it is not the type's default one (PS3.18 8.7.3:
     *  lossy pixels, or nothing else can be made). */
    bool is_default;
    bool is_stored;     /* needs no conversion: what any transfer syntax (*) means first */
    bool must_be_named; /* taken only where its transfer syntax is: pixels would be lost */
} DicomwebOffer;

/**
 * The best of `offers` for a text in the form of an Accept header ("" takes everything); NULL if none will do.
 * Never fails and allocates nothing: what cannot be understood in it is ignored (PS3.18 8.7.7).
 */
const DicomwebOffer *dicomweb_accept_choose(PacsSlice accept, const DicomwebOffer *offers, size_t count);

/** As above for a request. NULL: the reply is a complete 406 that lists the offers. Adds "Vary: Accept". */
const DicomwebOffer *dicomweb_negotiate(PacsHttpRequest *request, PacsHttpReply *reply,
                                        const DicomwebOffer *offers, size_t count);

/** The 406 of the above, for who chooses in steps. */
void dicomweb_reply_not_acceptable(PacsHttpRequest *request, PacsHttpReply *reply,
                                   const DicomwebOffer *offers, size_t count);

/** What a request accepts as text: all `accept` parameters, or else the header; "" for nothing. NULL: no memory. */
const char *dicomweb_accept_text(const PacsHttpRequest *request);

/**
 * The Content-Type of an answer: `application/dicom; transfer-syntax=1.2.840.10008.1.2.1`, or
 * `multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1; boundary=X`. In the arena;
 * NULL: no memory. `boundary` is not used for a single part.
 */
const char *dicomweb_content_type(const DicomwebOffer *offer, const char *boundary, PacsArena *arena);
