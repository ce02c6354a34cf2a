#pragma once

#include "pacs/http/http.h"
#include "pacs/index/index.h"
#include "pacs/retrieve/retrieve.h"

/**
 * Answer with a ZIP archive of objects, stored without compression: STUDY/SERIES/INSTANCE.dcm, dated 1980-01-01, so
 * that the same objects make the same archive each time and Range works over it.
 *
 * An object is read once more for its checksum when its turn comes, which leaves it in the page cache for sending;
 * so checksums stand in front of what they are of, and readers that cannot seek are served too. ZIP64 records are
 * written where sizes need them, and only there.
 *
 * Owner:   objects and texts are borrowed until the answer has been sent (the request's arena).
 * Source:  APPNOTE.TXT 6.3.10 (the .ZIP file format), PS3.18 8.6.1.3.
 */
void dicomweb_reply_archive(PacsRetrieve *retrieve, const char *study_uid, const PacsListedObject *objects,
                            size_t count, PacsHttpRequest *request, PacsHttpReply *reply);
