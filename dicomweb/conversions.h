#pragma once

#include "dicomweb/accept.h"
#include "pacs/index/index.h"
#include "pacs/retrieve/retrieve.h"

/**
 * Which transfer syntaxes stored pixels are given in besides their own, as offers to negotiate about.
 *
 * The order is what is taken among equals of a client's list: explicit little endian, which everybody reads; then what a
 * viewer decodes soonest (HTJ2K with its resolutions in front, DESIGN: 1 ms a slice); lossy ones last, and only if named.
 *
 * Source: PS3.18 8.7.3.
 */
extern const char *const dicomweb_target_syntaxes[]; /* NULL at the end */
#define DICOMWEB_MAX_TARGETS 24

/**
 * The transfer syntax that an object leaves in for a text in the form of an Accept header: its own one, or one that it is
 * converted to. NULL: none will do. Static, or the object's.
 *
 * Who names no syntax gets explicit little endian; the stored form where that is lossy (it would only grow) or where
 * nothing else can be made. "*" means the stored form.
 */
const char *dicomweb_object_syntax(const PacsRetrieve *retrieve, const char *accept,
                                   const PacsListedObject *object, bool is_multipart, bool strict);

/** Whether the client would also have its stored form, should it turn out that it cannot be converted (pixels that nobody
 *  can decode): it named no syntax. */
bool dicomweb_stored_will_do(const char *accept, const PacsListedObject *object, bool is_multipart,
                             bool strict);

static inline bool dicomweb_is_converted(const PacsListedObject *object, const char *syntax)
{
    return syntax != object->transfer_syntax_uid;
}
