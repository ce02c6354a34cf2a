#include "pacs/rest/resource_json.h"
#include "pacs/rest/rest_private.h"
#include "pacs/util/limits.h"

static void reply_with_tags(PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                            PacsOrthancTagFormat format)
{
    PacsError err = {0};
    PacsOrthancTagsOptions options = {.format = format,
                                      .max_length = PACS_ORTHANC_TAG_LENGTH,
                                      .ignore_length = pacs_http_query(request, "ignore-length")};
    PacsInstanceBlobs blobs = {0};
    PACS_AUTO_BUFFER PacsBuffer dicom_json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);
    PacsJson json;

    pacs_json_init(&json, &body, true);
    PacsStatus status = pacs_index_find_blobs(rest->index, pacs_http_capture(request, "id"),
                                              PACS_BLOB_JSON | PACS_BLOB_BULK, pacs_http_arena(request),
                                              &blobs, &err);
    if (status == PACS_OK)
        status = pacs_retrieve_unpack_json(&blobs, &dicom_json, &err);
    if (status == PACS_OK)
        status = pacs_orthanc_tags_write(
            &json, &dicom_json, (PacsSlice){blobs.bulk_table, blobs.bulk_table_size}, &options, &err);
    if (status != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
    else
        rest_reply_json(rest, request, reply, &body);
}

void rest_tags(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_with_tags(context, request, reply, rest_tag_format(request, PACS_ORTHANC_TAGS_FULL));
}

void rest_simplified_tags(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_with_tags(context, request, reply, PACS_ORTHANC_TAGS_SIMPLE);
}
