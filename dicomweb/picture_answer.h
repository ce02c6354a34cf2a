#pragma once

#include "pacs/http/http.h"
#include "pacs/retrieve/pictures.h"

/** Answers made of pictures: what rendered resources, thumbnails and WADO-URI share. */

/** PacsPictureWaiting for a request: given up when its client has gone. */
PacsPictureWaiting dicomweb_picture_waiting(PacsHttpRequest *request);

/** A finished picture as the reply's next piece; *takes* result. */
void dicomweb_add_result(PacsHttpReply *reply, TranscodeResult *result);

/**
 * The picture, kept or made. *ret_result is NULL where the handler is to return at once: it is called again on a thread
 * that may block (pacs_http_defer()).
 */
PACS_CHECKED PacsStatus dicomweb_find_picture(PacsRetrieve *retrieve, const PacsPicture *picture,
                                              PacsHttpRequest *request, PacsHttpReply *reply,
                                              TranscodeResult **ret_result, PacsError *err);
