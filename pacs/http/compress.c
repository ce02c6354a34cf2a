#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pacs/http/exchange.h"

/**
 * Answers of text as gzip (RFC 9110 8.4.1.3). What the door has encoded itself is left alone, and so is a part of a
 * body: ranges count in what is not compressed.
 */

#define WORTH_IT 1024              /* bytes: below, one packet carries it anyway */
#define AT_ONCE ((size_t)64 << 10) /* on the HTTP thread: half a millisecond */
#define LEVEL 4                    /* JSON at some 150 MB/s, a tenth larger than the best */
#define MAX_SIZE ((size_t)256 << 20)

static bool ends_with(PacsSlice type, const char *suffix)
{
    size_t size = strlen(suffix);

    return type.size >= size && strncasecmp(type.text + type.size - size, suffix, size) == 0;
}

static bool is_text(const char *content_type)
{
    PacsSlice rest = pacs_slice(content_type), type;

    if (!pacs_slice_split(&rest, ';', &type))
        return false;
    type = pacs_slice_trim(type);
    return (type.size > 5 && strncasecmp(type.text, "text/", 5) == 0) || ends_with(type, "json") ||
           ends_with(type, "/xml") || ends_with(type, "+xml") || ends_with(type, "javascript");
}

static bool can_be_compressed(const PacsHttpReply *reply)
{
    const PacsHttpPayload *payload = &reply->payload;
    const char *type = pacs_http_reply_get_header(reply, "Content-Type");

    return reply->request->site->options.compresses && reply->code != 206 && type && is_text(type) &&
           (payload->kind == PACS_HTTP_PAYLOAD_OWNED || payload->kind == PACS_HTTP_PAYLOAD_STATIC) &&
           payload->size >= WORTH_IT && payload->size <= MAX_SIZE &&
           !pacs_http_reply_get_header(reply, "Content-Encoding");
}

/* NULL: no memory, or not smaller. */
static uint8_t *compress(const PacsHttpPayload *payload, size_t *ret_size)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(LEVEL);
    const size_t size = (size_t)payload->size;
    uint8_t *packed = malloc(size);

    *ret_size = compressor && packed
                    ? libdeflate_gzip_compress(compressor, payload->bytes, size, packed, size)
                    : 0;
    libdeflate_free_compressor(compressor);
    if (*ret_size > 0)
        return packed;
    free(packed);
    return NULL;
}

/* The bytes differ from those that the tag named: it says the same thing only (RFC 9110 8.8.1). */
static void weaken_etag(PacsHttpReply *reply)
{
    const char *etag = pacs_http_reply_get_header(reply, "ETag");
    const char *weak = etag && etag[0] == '"' ? pacs_arena_printf(reply->request->arena, "W/%s", etag) : NULL;

    if (weak)
        pacs_http_reply_header(reply, "ETag", weak);
}

static void put_compressed(PacsHttpReply *reply)
{
    size_t size = 0;
    uint8_t *packed = compress(&reply->payload, &size);

    if (!packed)
        return;
    pacs_http_payload_clear(&reply->payload);
    reply->payload = (PacsHttpPayload){.kind = PACS_HTTP_PAYLOAD_OWNED,
                                       .owned = packed,
                                       .release = free,
                                       .bytes = packed,
                                       .size = size,
                                       .fd = -1};
    pacs_http_reply_header(reply, "Content-Encoding", "gzip");
    weaken_etag(reply);
}

bool pacs_http_reply_compress(PacsHttpReply *reply, bool may_wait)
{
    if (reply->failed || !can_be_compressed(reply))
        return true;
    if (pacs_http_accepts_gzip(reply->request)) {
        if (!may_wait && reply->payload.size > AT_ONCE)
            return false;
        put_compressed(reply);
    }
    pacs_http_reply_vary(reply, "Accept-Encoding");
    return true;
}
