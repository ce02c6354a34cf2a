#pragma once

#include "dicomweb/dicomweb_private.h"

/**
 * An answer of objects of which some are converted: written while it is sent, of a length that nobody knows before.
 */
typedef struct DicomwebConversion {
    Dicomweb *dicomweb;
    const char *study_uid;
    const PacsListedObject *objects;
    const char *const *syntaxes; /* that each leaves in (dicomweb_object_syntax()) */
    size_t count;
    const char *root;     /* of Content-Locations; NULL: the one object alone, no parts */
    const char *boundary; /* of parts */
    const char *accept;   /* what the client takes, as dicomweb_accept_text() */
} DicomwebConversion;

/**
 * The body, and Content-Type. common_syntax: NULL where they differ. Everything in the conversion is borrowed until the
 * answer has been sent. Whether all can be converted is found out before, so that a refusal is a refusal: it may be worked
 * on by a thread of the pool (pacs_http_defer()), and then the reply is not touched yet.
 * An object that cannot be converted leaves as it is stored, if the client takes that too.
 * Errors: PACS_UNSUPPORTED (one cannot: 406), as pacs/retrieve/converted_object.h.
 */
PACS_CHECKED PacsStatus dicomweb_reply_converted(const DicomwebConversion *conversion,
                                                 const char *common_syntax, PacsHttpRequest *request,
                                                 PacsHttpReply *reply, PacsError *err);
