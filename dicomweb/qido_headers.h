#pragma once

#include "dicomweb/qido_answer.h"
#include "pacs/http/http.h"

/**
 * What a search's answer says beside its matches: X-Total-Count; Link rel="next" where there is more; Warning 299 in the
 * words of PS3.18 (8.3.4.2 to 8.3.4.6) where something was asked for that the answer does not have.
 *
 * `target`: the resource searched, "http://host/dicom-web/studies"; `root`: the service, for Warning.
 */
void qido_reply_headers(const PacsHttpRequest *request, PacsHttpReply *reply, const QidoQuery *query,
                        const QidoAnswer *answer, const char *root, const char *target);
