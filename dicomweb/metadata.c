#include "pacs/retrieve/metadata.h"
#include "dicomweb/accept.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/metadata_filter.h"
#include "dicomweb/metadata_xml.h"
#include "dicomweb/url.h"

/* WADO-RS Retrieve Metadata (PS3.18 10.4.1.1.2): what was made ready leaves as it is; see pacs/retrieve/metadata.h. */

static const DicomwebOffer offers[] = {
    {.media_type = DICOMWEB_TYPE_JSON},
    {.media_type = DICOMWEB_TYPE_XML, .is_multipart = true},
};

static void release_body(void *body)
{
    pacs_metadata_body_unref(body);
}

static void reply_body(PacsHttpReply *reply, PacsMetadataBody *body)
{
    pacs_http_reply_static(reply, DICOMWEB_TYPE_JSON, body->bytes, body->size);
    pacs_http_reply_keep(reply, body, release_body);
}

static PacsStatus reply_stream(Dicomweb *dicomweb, const PacsMetadata *metadata, bool as_gzip,
                               PacsHttpReply *reply, PacsError *err)
{
    PacsSource *source = NULL;
    uint64_t size = 0;

    PacsStatus status = pacs_retrieve_open_metadata(dicomweb->retrieve, metadata, as_gzip, &source, &size,
                                                    err);
    if (status != PACS_OK)
        return status;
    if (size == PACS_METADATA_SIZE_UNKNOWN)
        pacs_http_reply_slow_source(reply, DICOMWEB_TYPE_JSON, source, PACS_HTTP_UNKNOWN_SIZE);
    else
        pacs_http_reply_source(reply, DICOMWEB_TYPE_JSON, source, size);
    return PACS_OK;
}

static PacsStatus reply_json(Dicomweb *dicomweb, const PacsMetadata *metadata, bool as_gzip,
                             PacsHttpReply *reply, PacsError *err)
{
    PacsMetadataBody *body = NULL;
    PacsStatus status = PACS_TOO_LARGE;

    if (metadata->slow_count == 0)
        status = pacs_retrieve_read_metadata(dicomweb->retrieve, metadata, as_gzip, &body, err);
    if (status == PACS_OK)
        reply_body(reply, body);
    if (status == PACS_TOO_LARGE)
        status = reply_stream(dicomweb, metadata, as_gzip, reply, err);
    if (status == PACS_OK && as_gzip)
        pacs_http_reply_header(reply, "Content-Encoding", "gzip");
    return status;
}

static PacsStatus reply_filtered(Dicomweb *dicomweb, const PacsMetadata *metadata,
                                 const DicomwebMetadataFilter *filter, PacsHttpReply *reply, PacsError *err)
{
    PacsSource *source = NULL;

    PacsStatus status = dicomweb_metadata_filter_open(dicomweb->retrieve, metadata, filter, &source, err);
    if (status == PACS_OK)
        pacs_http_reply_slow_source(reply, DICOMWEB_TYPE_JSON, source, PACS_HTTP_UNKNOWN_SIZE);
    return status;
}

static PacsStatus reply_xml(Dicomweb *dicomweb, const PacsMetadata *metadata, const DicomwebOffer *offer,
                            const DicomwebMetadataFilter *filter, PacsHttpRequest *request,
                            PacsHttpReply *reply, PacsError *err)
{
    const char *boundary = metadata->revision; /* a digest: in no document, and the same each time */
    const char *type = dicomweb_content_type(offer, boundary, pacs_http_arena(request));
    PacsSource *source = NULL;

    if (!type)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an answer");
    PacsStatus status = dicomweb_metadata_xml_open(dicomweb->retrieve, metadata, filter, boundary, &source,
                                                   err);
    if (status == PACS_OK)
        pacs_http_reply_slow_source(reply, type, source, PACS_HTTP_UNKNOWN_SIZE);
    return status;
}

/** ETag and the rest of what a cache asks; true if the client's copy is as good. The ETag is weak: what is joined on
 *  the way today may be compressed otherwise tomorrow. */
static bool is_not_modified(const char *revision, const char *variant, const char *syntax,
                            PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *etag = pacs_arena_printf(pacs_http_arena(request), "W/\"%s%s%s%s\"", revision, variant,
                                         syntax ? "-" : "", syntax ? syntax : "");

    pacs_http_reply_vary(reply, "Accept-Encoding");
    pacs_http_reply_header(reply, "Cache-Control", "private, no-cache");
    return etag && pacs_http_reply_not_modified(request, reply, etag);
}

/** From memory; false where the index has to be asked. */
static bool reply_recalled(Dicomweb *dicomweb, const PacsUidPath *path, const char *root, bool as_gzip,
                           PacsHttpRequest *request, PacsHttpReply *reply)
{
    PACS_AUTO(PacsMetadataBody) body = pacs_retrieve_recall_metadata(dicomweb->retrieve, path, root, as_gzip);

    if (!body)
        return false;
    if (is_not_modified(body->revision, "", NULL, request, reply))
        return true;
    reply_body(reply, PACS_STEAL(body));
    if (as_gzip)
        pacs_http_reply_header(reply, "Content-Encoding", "gzip");
    return true;
}

static void reply_metadata(Dicomweb *dicomweb, PacsLevel level, PacsHttpRequest *request,
                           PacsHttpReply *reply)
{
    const PacsUidPath path = dicomweb_path(request, level);
    const DicomwebOffer *offer = dicomweb_negotiate(request, reply, offers, sizeof offers / sizeof offers[0]);
    const char *root = dicomweb_public_path(&dicomweb->options, request);
    const bool as_gzip = pacs_http_accepts_gzip(request);
    DicomwebMetadataFilter *filter = pacs_arena_alloc(pacs_http_arena(request), sizeof *filter);
    PacsMetadata *metadata = NULL;
    PacsError err = {0};

    if (!offer)
        return;
    PacsStatus status = root && filter ? PACS_OK : pacs_fail(&err, PACS_NO_MEMORY, "no memory for an answer");
    if (status == PACS_OK)
        status = dicomweb_metadata_filter_parse(request, dicomweb->options.strict, pacs_http_arena(request),
                                                filter, &err);
    if (status == PACS_OK && !filter->is_active && !offer->is_multipart &&
        reply_recalled(dicomweb, &path, root, as_gzip, request, reply))
        return;
    if (status == PACS_OK)
        status = pacs_retrieve_find_metadata(dicomweb->retrieve, &path, root, pacs_http_arena(request),
                                             &metadata, &err);
    if (status == PACS_OK && is_not_modified(metadata->revision, offer->is_multipart ? "-xml" : "",
                                             filter->transfer_syntax_uid, request, reply))
        return;
    if (status == PACS_OK)
        status = offer->is_multipart ? reply_xml(dicomweb, metadata, offer, filter, request, reply, &err)
                 : filter->is_active ? reply_filtered(dicomweb, metadata, filter, reply, &err)
                                     : reply_json(dicomweb, metadata, as_gzip, reply, &err);
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
