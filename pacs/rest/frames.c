#include <string.h>

#include "pacs/rest/rest_private.h"
#include "pacs/retrieve/pictures.h"
#include "pacs/retrieve/values.h"
#include "pacs/util/gzip.h"
#include "pacs/util/limits.h"

/** Orthanc's lists of frames, frames as they are stored, and the document of an encapsulated PDF. */

/* ---- Finding ---- */

static PacsStatus find_image(PacsRest *rest, PacsHttpRequest *request, const PacsRetrievedImage **ret_image,
                             PacsError *err)
{
    const PacsInstanceName name = {.id = pacs_http_capture(request, "id")};
    const PacsPictureWish wish = {.is_thumbnail = true}; /* also of what has no frames */
    PacsPicture *picture = NULL;

    const PacsStatus status = pacs_picture_find(rest->retrieve, &name, &wish, pacs_http_arena(request),
                                                &picture, err);
    if (status == PACS_OK)
        *ret_image = picture->image;
    return status;
}

/* ---- GET /instances/{id}/frames, /instances/{id}/frames/{frame} ---- */

void rest_frames(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);
    const PacsRetrievedImage *image = NULL;
    PacsError err = {0};
    PacsJson json;

    if (find_image(rest, request, &image, &err) != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    const uint32_t count = image ? image->frame_count
                                 : 1; /* Orthanc counts one where there is nothing to see, too */
    pacs_json_init(&json, &body, true);
    pacs_json_array_begin(&json);
    for (uint32_t i = 0; i < count && !body.failed; i++)
        pacs_json_u64(&json, i);
    pacs_json_array_end(&json);
    rest_reply_json(rest, request, reply, &body);
}

void rest_frame_operations(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    static const char *const operations[] = {"image-int16", "image-uint16", "image-uint8", "matlab",  "numpy",
                                             "preview",     "raw",          "raw.gz",      "rendered"};
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    PacsJson json;

    pacs_json_init(&json, &body, true);
    pacs_json_array_begin(&json);
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        pacs_json_string(&json, operations[i]);
    pacs_json_array_end(&json);
    rest_reply_json(context, request, reply, &body);
}

/* ---- raw, raw.gz ---- */

static PacsStatus open_frame(PacsRest *rest, PacsHttpRequest *request, PacsRetrievedFrame *ret_frame,
                             PacsSource **ret_source, PacsError *err)
{
    const PacsRetrievedImage *image = NULL;
    uint32_t number = 0;

    if (!rest_frame_number(request, &number))
        return pacs_fail(err, PACS_NOT_FOUND, "frames are counted from 0");
    PacsStatus status = find_image(rest, request, &image, err);
    if (status == PACS_OK && !image)
        status = pacs_fail(err, PACS_NOT_FOUND, "the instance has no frames");
    if (status == PACS_OK)
        status = pacs_retrieve_frame(image, number, ret_frame, err);
    return status == PACS_OK ? pacs_retrieve_frame_open(rest->retrieve, ret_frame, 0, ret_source, err)
                             : status;
}

static const char *raw_type(const PacsRetrievedFrame *frame)
{
    const char *syntax = frame->image->object->transfer_syntax_uid;

    if (strcmp(syntax, "1.2.840.10008.1.2.4.50") == 0)
        return "image/jpeg";
    if (strcmp(syntax, "1.2.840.10008.1.2.4.90") == 0 || strcmp(syntax, "1.2.840.10008.1.2.4.91") == 0)
        return "image/jp2";
    return "application/octet-stream";
}

void rest_frame_raw(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsRetrievedFrame frame;
    PacsSource *source = NULL;
    PacsError err = {0};

    if (open_frame(rest, request, &frame, &source, &err) != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
    else
        pacs_http_reply_source(reply, raw_type(&frame), source, frame.size_bytes);
}

static PacsStatus compress(PacsSource *source, uint64_t size, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO(PacsDeflater) deflater = NULL;
    PacsGzipSum sum = {0};
    uint8_t bytes[16384];

    PacsStatus status = pacs_deflater_new(6, &deflater, err);
    if (status == PACS_OK)
        status = pacs_deflater_begin(deflater, NULL, 0, err);
    pacs_gzip_begin(out);
    while (status == PACS_OK && size > 0) {
        const size_t part = size < sizeof bytes ? (size_t)size : sizeof bytes;
        status = pacs_source_read_all(source, bytes, part, err);
        if (status == PACS_OK)
            status = pacs_deflater_add(deflater, bytes, part, out, err);
        sum = pacs_gzip_sum_join(sum, pacs_gzip_sum_of(bytes, part));
        size -= part;
    }
    if (status == PACS_OK)
        status = pacs_deflater_flush(deflater, out, err);
    pacs_gzip_end(out, &sum);
    return status == PACS_OK ? pacs_buffer_check(out, err) : status;
}

void rest_frame_raw_gzip(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(PACS_MAX_FRAME_BYTES);
    PACS_AUTO(PacsSource) source = NULL;
    PacsRetrievedFrame frame;
    PacsError err = {0};

    PacsStatus status = open_frame(rest, request, &frame, &source, &err);
    if (status == PACS_OK)
        status = compress(source, frame.size_bytes, &body, &err);
    if (status != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
    else
        pacs_http_reply_buffer(reply, "application/gzip", &body);
}

/* ---- pdf ---- */

/** The document without the byte that made it even. */
static PacsStatus read_document(PacsRest *rest, PacsHttpRequest *request, const uint8_t **ret_bytes,
                                size_t *ret_size, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    const PacsInstanceName name = {.id = pacs_http_capture(request, "id")};
    PacsInstanceValues values = {0};
    int64_t length = 0;

    PacsStatus status = pacs_instance_values_find(rest->retrieve, &name, pacs_http_arena(request), &json,
                                                  &values, err);
    if (status != PACS_OK)
        return status;
    if (!pacs_json_item_is(&values.item, PACS_TAG_MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, "application/pdf"))
        return pacs_fail(err, PACS_NOT_FOUND, "the instance holds no PDF");
    status = pacs_instance_value_bytes(&values,
                                       pacs_json_item_find(&values.item, PACS_TAG_ENCAPSULATED_DOCUMENT), 0,
                                       PACS_MAX_HTTP_REQUEST_ARENA / 2, ret_bytes, ret_size, err);
    if (status == PACS_OK &&
        pacs_json_item_whole(&values.item, PACS_TAG_ENCAPSULATED_DOCUMENT_LENGTH, 1, UINT32_MAX, &length) &&
        (uint64_t)length + 1 == *ret_size)
        *ret_size = (size_t)length;
    return status;
}

void rest_pdf(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    const uint8_t *bytes = NULL;
    PacsError err = {0};
    size_t size = 0;

    if (read_document(rest, request, &bytes, &size, &err) != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_http_reply_pieces(reply, "application/pdf");
    pacs_http_reply_piece_bytes(reply, bytes, size);
}
