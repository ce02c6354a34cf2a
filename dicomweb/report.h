#pragma once

#include "dicomweb/dicomweb_private.h"

/**
 * Structured reports and key object selections as pages (pacs/dicom/report_html.h): what `/rendered` gives of them.
 *
 * A page comes from whoever wrote the report, and is shown at our address: it may load images of the same address and its
 * own style, and nothing else (Content-Security-Policy).
 *
 * Source:  PS3.18 8.7.4 (text/html is the default of the Text category).
 */

/** By its SOP class. */
bool dicomweb_is_report(const PacsStoredObject *object);

/** The reply is the page, or a 304, 406 or the status that is returned; it may have been deferred. `kept`: Cache-Control of
 *  what is asked for by its own name; NULL: of something that may be another instance tomorrow. */
PACS_CHECKED PacsStatus dicomweb_reply_report(Dicomweb *dicomweb, const PacsUidPath *path,
                                              const PacsStoredObject *object, const char *kept,
                                              PacsHttpRequest *request, PacsHttpReply *reply, PacsError *err);
