#include "dicomweb/fingerprint.h"

#include <stdio.h>
#include <string.h>

#include "pacs/util/hash.h"

PacsStatus dicomweb_fingerprint(const char *form, const PacsListedObject *objects, size_t count,
                                char ret_hex[DICOMWEB_FINGERPRINT_SIZE], PacsError *err)
{
    PACS_AUTO(PacsSha256) hash = NULL;
    uint8_t digest[PACS_SHA256_SIZE];

    PacsStatus status = pacs_sha256_new(&hash, err);
    if (status == PACS_OK)
        status = pacs_sha256_add(hash, form, strlen(form) + 1, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = pacs_sha256_add(hash, objects[i].sha256, sizeof objects[i].sha256, err);
    if (status == PACS_OK)
        status = pacs_sha256_finish(hash, digest, err);
    if (status == PACS_OK)
        pacs_hex_format(digest, (DICOMWEB_FINGERPRINT_SIZE - 1) / 2, ret_hex);
    return status;
}

bool dicomweb_reply_unchanged(PacsHttpRequest *request, PacsHttpReply *reply, const char *fingerprint)
{
    char etag[DICOMWEB_FINGERPRINT_SIZE + 2];

    (void)snprintf(etag, sizeof etag, "\"%s\"", fingerprint);
    pacs_http_reply_header(reply, "Cache-Control", "private, no-cache");
    return pacs_http_reply_not_modified(request, reply, etag);
}
