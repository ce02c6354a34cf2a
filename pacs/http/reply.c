#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "pacs/http/exchange.h"
#include "pacs/http/range.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"

#define PLAIN_ERROR_MAX 2048

void pacs_http_reply_init(PacsHttpReply *reply, PacsHttpRequest *request)
{
    *reply = (PacsHttpReply){.request = request, .code = 200, .payload.fd = -1};
}

void pacs_http_payload_clear(PacsHttpPayload *payload)
{
    free(payload->owned);
    pacs_source_free(payload->source);
    if (payload->fd >= 0)
        (void)close(payload->fd); /* only read from */
    *payload = (PacsHttpPayload){.fd = -1};
}

void pacs_http_reply_code(PacsHttpReply *reply, uint32_t http_code)
{
    assert(http_code >= 200 && http_code <= 599);
    reply->code = http_code;
}

uint32_t pacs_http_reply_get_code(const PacsHttpReply *reply)
{
    return reply->code;
}

/* ---- Headers ---- */

static void remove_header(PacsHttpReply *reply, const char *name)
{
    PacsHttpHeader **place = &reply->headers;

    while (*place) {
        if (strcasecmp((*place)->name, name) == 0) {
            reply->headers_size -= strlen((*place)->value);
            *place = (*place)->next;
        } else {
            place = &(*place)->next;
        }
    }
}

static bool is_clean(const char *value)
{
    for (; *value; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

void pacs_http_reply_add_header(PacsHttpReply *reply, const char *name, const char *value)
{
    PacsHttpHeader **place = &reply->headers;
    size_t size = reply->headers_size + strlen(name) + strlen(value);
    PacsHttpHeader *header = pacs_arena_alloc(reply->request->arena, sizeof *header);
    char *copy = pacs_arena_strdup(reply->request->arena, value);

    if (!header || !copy || !is_clean(value) || size > PACS_MAX_HTTP_REPLY_HEADERS) {
        reply->failed = true;
        return;
    }
    while (*place)
        place = &(*place)->next;
    *header = (PacsHttpHeader){.name = name, .value = copy};
    *place = header;
    reply->headers_size = size;
}

void pacs_http_reply_header(PacsHttpReply *reply, const char *name, const char *value)
{
    remove_header(reply, name);
    pacs_http_reply_add_header(reply, name, value);
}

/* ---- Bodies ---- */

static void set_payload(PacsHttpReply *reply, const char *content_type, PacsHttpPayload payload)
{
    pacs_http_payload_clear(&reply->payload);
    reply->payload = payload;
    if (content_type)
        pacs_http_reply_header(reply, "Content-Type", content_type);
    else
        remove_header(reply, "Content-Type");
}

void pacs_http_reply_nothing(PacsHttpReply *reply)
{
    set_payload(reply, NULL, (PacsHttpPayload){.fd = -1});
}

void pacs_http_reply_static(PacsHttpReply *reply, const char *content_type, const void *bytes, size_t size)
{
    set_payload(reply, content_type,
                (PacsHttpPayload){.kind = PACS_HTTP_PAYLOAD_STATIC, .bytes = bytes, .size = size, .fd = -1});
}

void pacs_http_reply_text(PacsHttpReply *reply, const char *content_type, const char *text)
{
    const char *copy = pacs_arena_strdup(reply->request->arena, text);

    if (copy)
        pacs_http_reply_static(reply, content_type, copy, strlen(copy));
    else
        reply->failed = true;
}

void pacs_http_reply_buffer(PacsHttpReply *reply, const char *content_type, PacsBuffer *buffer)
{
    PacsHttpPayload payload = {.kind = PACS_HTTP_PAYLOAD_OWNED,
                               .owned = buffer->bytes,
                               .bytes = buffer->bytes,
                               .size = buffer->size,
                               .fd = -1};

    reply->failed |= buffer->failed; /* what did not fit must not leave as if it were all */
    pacs_buffer_init(buffer, buffer->max);
    set_payload(reply, content_type, payload);
}

void pacs_http_reply_source(PacsHttpReply *reply, const char *content_type, PacsSource *source, uint64_t size)
{
    set_payload(
        reply, content_type,
        (PacsHttpPayload){.kind = PACS_HTTP_PAYLOAD_SOURCE, .source = source, .size = size, .fd = -1});
}

void pacs_http_reply_fd(PacsHttpReply *reply, const char *content_type, int fd, uint64_t offset,
                        uint64_t size)
{
    set_payload(reply, content_type,
                (PacsHttpPayload){.kind = PACS_HTTP_PAYLOAD_FD, .fd = fd, .offset = offset, .size = size});
}

bool pacs_http_reply_not_modified(PacsHttpRequest *request, PacsHttpReply *reply, const char *etag)
{
    pacs_http_reply_header(reply, "ETag", etag);
    reply->etag = pacs_arena_strdup(request->arena, etag);
    if (request->method != PACS_HTTP_GET ||
        !pacs_http_if_none_match(pacs_http_header(request, "If-None-Match"), etag))
        return false;
    pacs_http_reply_nothing(reply);
    reply->code = 304;
    return true;
}

/* ---- Errors ---- */

static void render_plain(PacsHttpReply *reply, uint32_t http_code, const PacsError *error)
{
    PacsBuffer text;
    PacsJson json;

    pacs_buffer_init(&text, PLAIN_ERROR_MAX);
    pacs_json_init(&json, &text, false);
    pacs_json_object_begin(&json);
    pacs_json_member_u64(&json, "code", http_code);
    pacs_json_member_string(&json, "status", pacs_status_name(error->status));
    pacs_json_member_string(&json, "message", error->text);
    pacs_json_object_end(&json);
    pacs_http_reply_buffer(reply, "application/json", &text);
}

void pacs_http_reply_error(PacsHttpRequest *request, PacsHttpReply *reply, uint32_t http_code,
                           const PacsError *error)
{
    const PacsHttpMount *mount = request->match.mount;
    PacsError copy = *error; /* it may live in what the renderer replaces */

    assert(!reply->in_error); /* a renderer that calls this would call itself */
    pacs_http_reply_nothing(reply);
    reply->code = http_code;
    reply->etag = NULL;
    reply->in_error = true;
    if (mount && mount->error)
        mount->error(mount->context, request, reply, http_code, &copy);
    else
        render_plain(reply, http_code, &copy);
    reply->in_error = false;
}

/* ---- Completion ---- */

static void cut_range(PacsHttpReply *reply, uint64_t offset, uint64_t size)
{
    uint64_t total = reply->payload.size;
    char *range = pacs_arena_printf(reply->request->arena, "bytes %llu-%llu/%llu", (unsigned long long)offset,
                                    (unsigned long long)(offset + size - 1), (unsigned long long)total);

    if (!range) {
        reply->failed = true;
        return;
    }
    reply->payload.offset += offset;
    reply->payload.size = size;
    reply->code = 206;
    pacs_http_reply_header(reply, "Content-Range", range);
}

static void refuse_range(PacsHttpReply *reply)
{
    char *range = pacs_arena_printf(reply->request->arena, "bytes */%llu",
                                    (unsigned long long)reply->payload.size);
    PacsError error = {0};

    (void)pacs_fail(&error, PACS_INVALID, "the range starts after the end: there are %llu bytes",
                    (unsigned long long)reply->payload.size);
    if (range)
        pacs_http_reply_header(reply, "Content-Range", range);
    pacs_http_reply_error(reply->request, reply, 416, &error);
}

/* Files and streams of known size can be asked for in part; what is made up for the request cannot. */
static void serve_range(PacsHttpReply *reply)
{
    const PacsHttpRequest *request = reply->request;
    uint64_t offset, size;

    if (reply->code != 200 || request->method != PACS_HTTP_GET ||
        reply->payload.size == PACS_HTTP_UNKNOWN_SIZE ||
        (reply->payload.kind != PACS_HTTP_PAYLOAD_FD && reply->payload.kind != PACS_HTTP_PAYLOAD_SOURCE))
        return;
    pacs_http_reply_header(reply, "Accept-Ranges", "bytes");
    if (!pacs_http_if_range_matches(pacs_http_header(request, "If-Range"), reply->etag))
        return;
    switch (pacs_http_range_parse(pacs_http_header(request, "Range"), reply->payload.size, &offset, &size)) {
    case PACS_HTTP_RANGE_PART:
        cut_range(reply, offset, size);
        break;
    case PACS_HTTP_RANGE_UNSATISFIABLE:
        refuse_range(reply);
        break;
    case PACS_HTTP_RANGE_WHOLE:
        break;
    }
}

/*
 * A small file leaves in one write with its header, which beats sendfile (measured: frames of half a
 * megabyte). Read here, on the handler's thread, so that a short file is still a proper error.
 */
static void read_small_file(PacsHttpReply *reply)
{
    PacsHttpPayload *payload = &reply->payload;
    size_t done = 0;

    if (payload->kind != PACS_HTTP_PAYLOAD_FD || payload->size > PACS_HTTP_READ_WHOLE ||
        reply->request->is_head)
        return;
    uint8_t *bytes = malloc(payload->size > 0 ? (size_t)payload->size : 1);
    while (bytes && done < payload->size) {
        ssize_t size = pread(payload->fd, bytes + done, (size_t)payload->size - done,
                             (off_t)(payload->offset + done));
        if (size <= 0)
            break;
        done += (size_t)size;
    }
    reply->failed |= !bytes || done < payload->size;
    uint64_t size = payload->size;
    pacs_http_payload_clear(payload);
    *payload = (PacsHttpPayload){
        .kind = PACS_HTTP_PAYLOAD_OWNED, .owned = bytes, .bytes = bytes, .size = size, .fd = -1};
}

/* What went wrong is memory or our own mistake; the client hears that much. */
static void recover(PacsHttpReply *reply)
{
    PacsError error = {0};

    (void)pacs_fail(&error, PACS_INTERNAL, "the answer could not be put together");
    reply->headers = NULL;
    reply->headers_size = 0;
    reply->failed = false;
    pacs_http_reply_error(reply->request, reply, 500, &error);
    if (reply->failed)
        pacs_http_reply_nothing(reply);
}

void pacs_http_reply_complete(PacsHttpReply *reply)
{
    serve_range(reply);
    read_small_file(reply);
    if (reply->failed)
        recover(reply);
    /* No sniffing of types: a stored object is never run as a page (Orthanc has had that hole). */
    pacs_http_reply_header(reply, "X-Content-Type-Options", "nosniff");
    pacs_http_reply_header(reply, "X-Request-Id", reply->request->id);
}
