#include "pacs/retrieve/metadata.h"
#include "dicomweb/accept.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/metadata_xml.h"
#include "dicomweb/url.h"

/* WADO-RS Retrieve Metadata (PS3.18 10.4.1.1.2): what was made ready leaves as it is; see pacs/retrieve/metadata.h. */

#define WHOLE_MAX (1u << 20) /* read at once on the HTTP thread: a series of 10,000 slices */

static const DicomwebOffer offers[] = {
    {.media_type = DICOMWEB_TYPE_JSON},
    {.media_type = DICOMWEB_TYPE_XML, .is_multipart = true},
};

static PacsStatus reply_whole(PacsHttpReply *reply, PacsSource *source, size_t size, PacsError *err)
{
    PACS_AUTO(PacsSource) owned = source;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(WHOLE_MAX);

    PacsStatus status = pacs_buffer_reserve(&body, size, err);
    if (status == PACS_OK)
        status = pacs_source_read_all(owned, body.bytes, size, err);
    if (status != PACS_OK)
        return status;
    body.size = size;
    pacs_http_reply_buffer(reply, DICOMWEB_TYPE_JSON, &body);
    return PACS_OK;
}

static PacsStatus reply_json(Dicomweb *dicomweb, const PacsMetadata *metadata, PacsHttpRequest *request,
                             PacsHttpReply *reply, PacsError *err)
{
    const bool as_gzip = pacs_http_accepts_gzip(request);
    PacsSource *source = NULL;
    uint64_t size = 0;

    PacsStatus status = pacs_retrieve_open_metadata(dicomweb->retrieve, metadata, as_gzip, &source, &size,
                                                    err);
    if (status != PACS_OK)
        return status;
    if (size <= WHOLE_MAX)
        status = reply_whole(reply, source, (size_t)size, err);
    else if (size == PACS_METADATA_SIZE_UNKNOWN)
        pacs_http_reply_slow_source(reply, DICOMWEB_TYPE_JSON, source, PACS_HTTP_UNKNOWN_SIZE);
    else
        pacs_http_reply_source(reply, DICOMWEB_TYPE_JSON, source, size);
    if (status == PACS_OK && as_gzip)
        pacs_http_reply_header(reply, "Content-Encoding", "gzip");
    return status;
}

static PacsStatus reply_xml(Dicomweb *dicomweb, const PacsMetadata *metadata, const DicomwebOffer *offer,
                            PacsHttpRequest *request, PacsHttpReply *reply, PacsError *err)
{
    const char *boundary = metadata->revision; /* a digest: in no document, and the same each time */
    const char *type = dicomweb_content_type(offer, boundary, pacs_http_arena(request));
    PacsSource *source = NULL;

    if (!type)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    PacsStatus status = dicomweb_metadata_xml_open(dicomweb->retrieve, metadata, boundary, &source, err);
    if (status == PACS_OK)
        pacs_http_reply_slow_source(reply, type, source, PACS_HTTP_UNKNOWN_SIZE);
    return status;
}

/** ETag and the rest of what a cache asks; true if the client's copy is as good. The ETag is weak: what is joined on
 *  the way today may be compressed otherwise tomorrow. */
static bool is_not_modified(const PacsMetadata *metadata, const DicomwebOffer *offer,
                            PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *etag = pacs_arena_printf(pacs_http_arena(request), "W/\"%s%s\"", metadata->revision,
                                         offer->is_multipart ? "-xml" : "");

    pacs_http_reply_add_header(reply, "Vary", "Accept-Encoding");
    pacs_http_reply_header(reply, "Cache-Control", "private, no-cache");
    return etag && pacs_http_reply_not_modified(request, reply, etag);
}

static void reply_metadata(Dicomweb *dicomweb, PacsLevel level, PacsHttpRequest *request,
                           PacsHttpReply *reply)
{
    const PacsUidPath path = dicomweb_path(request, level);
    const DicomwebOffer *offer = dicomweb_negotiate(request, reply, offers, sizeof offers / sizeof offers[0]);
    const char *root = dicomweb_public_path(&dicomweb->options, request);
    PacsMetadata *metadata = NULL;
    PacsError err = {0};

    if (!offer)
        return;
    PacsStatus status = root ? PACS_OK : pacs_fail(&err, PACS_NO_MEMORY, "no memory for an answer");
    if (status == PACS_OK)
        status = pacs_retrieve_find_metadata(dicomweb->retrieve, &path, root, pacs_http_arena(request),
                                             &metadata, &err);
    if (status == PACS_OK && is_not_modified(metadata, offer, request, reply))
        return;
    if (status == PACS_OK)
        status = offer->is_multipart ? reply_xml(dicomweb, metadata, offer, request, reply, &err)
                                     : reply_json(dicomweb, metadata, request, reply, &err);
    if (status != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
}

void dicomweb_metadata_study(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_metadata(context, PACS_LEVEL_STUDY, request, reply);
}

void dicomweb_metadata_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_metadata(context, PACS_LEVEL_SERIES, request, reply);
}

void dicomweb_metadata_instance(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_metadata(context, PACS_LEVEL_INSTANCE, request, reply);
}
