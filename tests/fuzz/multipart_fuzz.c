/* A multipart body: the first line is the Content-Type, the rest the body. It is parsed twice, whole and in
 * small pieces, which must come to the same. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/http/media_type.h"
#include "pacs/http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Seen {
    uint64_t parts_begun, parts_ended;
    PacsBuffer data; /* of all parts, each ended by a byte */
} Seen;

static PacsStatus on_begin(void *context, const PacsMultipartPart *part, PacsError *err)
{
    Seen *seen = context;

    (void)err;
    seen->parts_begun++;
    if (part->number != seen->parts_begun)
        abort();
    for (size_t i = 0; i < part->header_count; i++) {
        if (!pacs_multipart_header(part, part->headers[i].name))
            abort();
        (void)pacs_buffer_add_text(&seen->data, part->headers[i].value);
    }
    return PACS_OK;
}

static PacsStatus on_data(void *context, const uint8_t *bytes, size_t size, PacsError *err)
{
    Seen *seen = context;

    (void)err;
    (void)pacs_buffer_add(&seen->data, bytes, size);
    return PACS_OK;
}

static PacsStatus on_end(void *context, PacsError *err)
{
    Seen *seen = context;

    (void)err;
    seen->parts_ended++;
    (void)pacs_buffer_add_char(&seen->data, '\n');
    return PACS_OK;
}

static const PacsMultipartHandler handler = {on_begin, on_data, on_end};

static PacsStatus parse(const char *boundary, const uint8_t *body, size_t size, size_t piece, Seen *seen)
{
    PACS_AUTO(PacsMultipart) multipart = NULL;

    PacsStatus status = pacs_multipart_new(boundary, &handler, seen, &multipart, NULL);
    while (status == PACS_OK && size > 0) {
        size_t now = piece < size ? piece : size;
        status = pacs_multipart_feed(multipart, body, now, NULL);
        body += now;
        size -= now;
    }
    return status == PACS_OK ? pacs_multipart_finish(multipart, NULL) : status;
}

static void compare(const char *boundary, const uint8_t *body, size_t size)
{
    Seen whole = {.data = PACS_BUFFER(1u << 24)};
    Seen pieces = {.data = PACS_BUFFER(1u << 24)};

    if (parse(boundary, body, size, size, &whole) != parse(boundary, body, size, 1 + size % 5, &pieces) ||
        whole.parts_begun != pieces.parts_begun || whole.parts_ended != pieces.parts_ended ||
        whole.data.size != pieces.data.size ||
        (whole.data.size > 0 && memcmp(whole.data.bytes, pieces.data.bytes, whole.data.size) != 0))
        abort();
    pacs_buffer_clear(&whole.data);
    pacs_buffer_clear(&pieces.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char boundary[PACS_MULTIPART_BOUNDARY_MAX + 1];
    const uint8_t *line_feed = memchr(data, '\n', size);
    if (!line_feed)
        return 0;

    char *content_type = strndup((const char *)data, (size_t)(line_feed - data));
    if (!content_type)
        return 0;
    if (pacs_media_type_parameter(content_type, "boundary", boundary, sizeof boundary, NULL) == PACS_OK)
        compare(boundary, line_feed + 1, size - (size_t)(line_feed + 1 - data));
    free(content_type);
    return 0;
}
