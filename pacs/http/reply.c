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
    if (payload->owned)
        payload->release(payload->owned);
    pacs_source_free(payload->source);
    if (payload->feed)
        payload->feed->ops->free(payload->feed);
    pacs_http_pieces_clear(payload->pieces);
    pacs_http_mapped_unref(payload->mapped);
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

const char *pacs_http_reply_get_header(const PacsHttpReply *reply, const char *name)
{
    for (const PacsHttpHeader *header = reply->headers; header; header = header->next)
        if (strcasecmp(header->name, name) == 0)
            return header->value;
    return NULL;
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

static bool has_token(const char *list, const char *token)
{
    PacsSlice rest = pacs_slice(list), part;

    while (pacs_slice_split(&rest, ',', &part))
        if (pacs_slice_equal_case(pacs_slice_trim(part), token))
            return true;
    return false;
}

void pacs_http_reply_vary(PacsHttpReply *reply, const char *request_header)
{
    const char *former = pacs_http_reply_get_header(reply, "Vary");

    if (!former) {
        pacs_http_reply_header(reply, "Vary", request_header);
    } else if (!has_token(former, request_header)) {
        const char *both = pacs_arena_printf(reply->request->arena, "%s, %s", former, request_header);
        if (both)
            pacs_http_reply_header(reply, "Vary", both);
        else
            reply->failed = true;
    }
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
                               .release = free,
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

void pacs_http_reply_slow_source(PacsHttpReply *reply, const char *content_type, PacsSource *source,
                                 uint64_t size)
{
    pacs_http_reply_source(reply, content_type, source, size);
    reply->payload.is_slow = true;
}

/* ---- Pieces ---- */

void pacs_http_reply_pieces(PacsHttpReply *reply, const char *content_type)
{
    PacsHttpPieces *pieces = pacs_http_pieces_new(reply->request->arena);

    reply->failed |= !pieces;
    set_payload(reply, content_type,
                (PacsHttpPayload){.kind = pieces ? PACS_HTTP_PAYLOAD_PIECES : PACS_HTTP_PAYLOAD_NONE,
                                  .pieces = pieces,
                                  .fd = -1});
}

static void note_piece(PacsHttpReply *reply, bool is_added)
{
    if (is_added)
        reply->payload.size = pacs_http_pieces_size(reply->payload.pieces);
    else
        reply->failed = true;
}

void pacs_http_reply_piece_bytes(PacsHttpReply *reply, const void *bytes, size_t size)
{
    PacsHttpPieces *pieces = reply->payload.pieces;

    note_piece(reply, pieces && (bytes || size == 0) && pacs_http_pieces_add_bytes(pieces, bytes, size));
}

void pacs_http_reply_piece_fd(PacsHttpReply *reply, int fd, uint64_t offset, uint64_t size)
{
    PacsHttpPieces *pieces = reply->payload.pieces;

    note_piece(reply, pieces && pacs_http_pieces_add_fd(pieces, fd, offset, size));
}

void pacs_http_reply_piece_opened(PacsHttpReply *reply, const PacsHttpOpener *opener, const void *item,
                                  uint64_t size)
{
    PacsHttpPieces *pieces = reply->payload.pieces;

    note_piece(reply, pieces && pacs_http_pieces_add_opened(pieces, opener, item, size));
}

void pacs_http_reply_fd(PacsHttpReply *reply, const char *content_type, int fd, uint64_t offset,
                        uint64_t size)
{
    pacs_http_reply_pieces(reply, content_type);
    reply->payload.fd = fd;
    pacs_http_reply_piece_fd(reply, fd, offset, size);
}

/* ---- Bodies that are asked for again ---- */

static void send_mapped(PacsHttpPayload *payload)
{
    payload->kind = PACS_HTTP_PAYLOAD_MAPPED;
    payload->bytes = pacs_http_mapped_bytes(payload->mapped);
    payload->size = pacs_http_mapped_size(payload->mapped);
}

bool pacs_http_reply_recall(PacsHttpReply *reply, const char *content_type, const char *name)
{
    const PacsHttpRequest *request = reply->request;
    PacsHttpPayload payload = {.fd = -1};

    if (pacs_http_header(request, "Range"))
        return false;
    payload.mapped = pacs_http_mapped_bodies_find(request->site->mapped, name);
    if (!payload.mapped || pacs_http_mapped_prepare(payload.mapped, false) != PACS_HTTP_MAPPED_READY) {
        pacs_http_mapped_unref(payload.mapped);
        return false;
    }
    send_mapped(&payload);
    set_payload(reply, content_type, payload);
    return true;
}

void pacs_http_reply_remember(PacsHttpReply *reply, const char *name)
{
    reply->payload.name = pacs_arena_strdup(reply->request->arena, name); /* without: it is not remembered */
}

void pacs_http_reply_keep(PacsHttpReply *reply, void *thing, void (*release)(void *thing))
{
    PacsHttpKept *kept = pacs_arena_alloc(reply->request->arena, sizeof *kept);

    if (!kept) {
        reply->failed = true; /* so nothing is read of what goes now */
        release(thing);
        return;
    }
    *kept = (PacsHttpKept){.next = reply->kept, .thing = thing, .release = release};
    reply->kept = kept;
}

void pacs_http_reply_release_kept(PacsHttpReply *reply)
{
    for (PacsHttpKept *kept = reply->kept; kept; kept = kept->next)
        kept->release(kept->thing);
    reply->kept = NULL;
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
    static const char *const of_the_body[] = {"ETag", "Cache-Control", "Content-Disposition"};
    const PacsHttpMount *mount = request->match.mount;
    PacsError copy = *error; /* it may live in what the renderer replaces */

    assert(!reply->in_error); /* a renderer that calls this would call itself */
    pacs_http_reply_nothing(reply);
    for (size_t i = 0; i < sizeof of_the_body / sizeof of_the_body[0]; i++)
        remove_header(reply, of_the_body[i]);
    reply->code = http_code;
    reply->etag = NULL;
    reply->in_error = true;
    if (http_code == 503)
        pacs_http_reply_header(reply, "Retry-After", PACS_HTTP_RETRY_AFTER_S);
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
    if (reply->payload.kind == PACS_HTTP_PAYLOAD_PIECES)
        pacs_http_pieces_seek(reply->payload.pieces, offset);
    else
        reply->payload.offset = offset;
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

/* What is stored or streamed with a known size can be asked for in part; what is made up for the request cannot. */
static void serve_range(PacsHttpReply *reply)
{
    const PacsHttpRequest *request = reply->request;
    uint64_t offset, size;

    if (reply->code != 200 || request->method != PACS_HTTP_GET ||
        reply->payload.size == PACS_HTTP_UNKNOWN_SIZE ||
        (reply->payload.kind != PACS_HTTP_PAYLOAD_PIECES && reply->payload.kind != PACS_HTTP_PAYLOAD_SOURCE &&
         reply->payload.kind != PACS_HTTP_PAYLOAD_MAPPED))
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

/* Pieces that are known by a name and were asked for before become mapped memory. FAILED: they are to be read. */
static PacsHttpMappedState map_named(PacsHttpReply *reply, bool may_wait)
{
    PacsHttpMappedBodies *bodies = reply->request->site->mapped;
    PacsHttpPayload *payload = &reply->payload;

    if (!payload->name || reply->code != 200)
        return PACS_HTTP_MAPPED_FAILED;
    if (!payload->mapped)
        payload->mapped = pacs_http_mapped_bodies_find(bodies, payload->name);
    if (!payload->mapped && pacs_http_mapped_bodies_wants(bodies, payload->name))
        payload->mapped = pacs_http_pieces_map(payload->pieces);
    PacsHttpMappedState state = payload->mapped ? pacs_http_mapped_prepare(payload->mapped, may_wait)
                                                : PACS_HTTP_MAPPED_FAILED;
    if (state == PACS_HTTP_MAPPED_READY) {
        pacs_http_mapped_bodies_add(bodies, payload->name, payload->mapped);
        send_mapped(payload);
    }
    if (state == PACS_HTTP_MAPPED_FAILED)
        payload->name = NULL;
    return state;
}

/*
 * A small body leaves in one write with its header, which beats sendfile (measured: frames of half a megabyte).
 * Read here, before anything is sent, so that a file that is short is still a proper error. False: not may_wait,
 * and the disk would have to be waited for.
 */
static bool read_small_body(PacsHttpReply *reply, bool may_wait)
{
    PacsHttpPayload *payload = &reply->payload;
    const uint64_t size = payload->size;
    size_t count = 0;

    if (reply->failed || payload->kind != PACS_HTTP_PAYLOAD_PIECES || size > PACS_HTTP_READ_WHOLE ||
        reply->request->is_head)
        return true;
    PacsHttpMappedState state = map_named(reply, may_wait);
    if (state != PACS_HTTP_MAPPED_FAILED)
        return state == PACS_HTTP_MAPPED_READY;
    if (!payload->owned)
        payload->owned = pacs_http_buffers_take(reply->request->site->buffers, (size_t)size);
    if (!payload->owned)
        return true; /* too many answers wait to be sent: as a stream it needs less */
    payload->release = pacs_http_buffer_give_back;
    while (payload->offset < size) { /* bytes that are there already */
        PacsHttpRead read = pacs_http_pieces_read(payload->pieces, payload->owned + payload->offset,
                                                  (size_t)(size - payload->offset), may_wait, &count);
        if (read == PACS_HTTP_READ_LATER)
            return false;
        if (read != PACS_HTTP_READ_DONE || count == 0) {
            reply->failed = true;
            return true;
        }
        payload->offset += count;
    }
    payload->kind = PACS_HTTP_PAYLOAD_OWNED;
    payload->bytes = payload->owned;
    return true;
}

void pacs_http_reply_forget(PacsHttpReply *reply)
{
    pacs_http_payload_clear(&reply->payload);
    reply->headers = NULL;
    reply->headers_size = 0;
    reply->failed = false;
}

/* What went wrong is memory or our own mistake; the client hears that much. */
static void recover(PacsHttpReply *reply)
{
    PacsError error = {0};

    (void)pacs_fail(&error, PACS_INTERNAL, "the answer could not be put together");
    pacs_http_reply_forget(reply);
    pacs_http_reply_error(reply->request, reply, 500, &error);
    if (reply->failed)
        pacs_http_reply_nothing(reply);
}

bool pacs_http_reply_complete(PacsHttpReply *reply, bool may_wait)
{
    const PacsHttpRequest *request = reply->request;

    if (!reply->is_cut) {
        reply->is_cut = true;
        serve_range(reply);
    }
    if (!read_small_body(reply, may_wait) || !pacs_http_reply_compress(reply, may_wait))
        return false;
    if (reply->failed)
        recover(reply);
    /* No sniffing of types: a stored object is never run as a page (Orthanc has had that hole). */
    pacs_http_reply_header(reply, "X-Content-Type-Options", "nosniff");
    pacs_http_reply_header(reply, "X-Request-Id", request->id);
    if (!pacs_http_reply_get_header(reply, "Access-Control-Allow-Origin")) /* a preflight has it */
        pacs_http_cors_mark(request->site->cors, request, reply);
    return true;
}
