#include <stdlib.h>

#include <zlib.h>

#include "transcode/object_private.h"

/** Deflated explicit VR little endian (PS3.5 A.5): everything behind the meta header is one raw deflate stream. */

#define READ_SIZE ((size_t)64 << 10)

typedef struct DeflatedSource {
    PacsSource base;
    PacsSource *plain;
    uint64_t plain_left; /* bytes that leave as they are */
    z_stream stream;
    bool has_stream, has_ended, is_done;
    uint64_t size_bytes; /* deflated so far */
    uint8_t input[READ_SIZE];
} DeflatedSource;

static PacsStatus refill(DeflatedSource *source, PacsError *err)
{
    size_t size = 0;

    PacsStatus status = pacs_source_read(source->plain, source->input, sizeof source->input, &size, err);
    if (status != PACS_OK)
        return status;
    source->has_ended = size == 0;
    source->stream.next_in = source->input;
    source->stream.avail_in = (uInt)size;
    return PACS_OK;
}

static PacsStatus deflate_some(DeflatedSource *source, void *bytes, size_t size, size_t *ret_size,
                               PacsError *err)
{
    source->stream.next_out = bytes;
    source->stream.avail_out = size < READ_SIZE ? (uInt)size : (uInt)READ_SIZE;
    const uInt room = source->stream.avail_out;

    while (!source->is_done && source->stream.avail_out == room) {
        PacsStatus status = PACS_OK;
        if (source->stream.avail_in == 0 && !source->has_ended)
            status = refill(source, err);
        if (status != PACS_OK)
            return status;
        const int result = deflate(&source->stream, source->has_ended ? Z_FINISH : Z_NO_FLUSH);
        if (result == Z_STREAM_ERROR)
            return pacs_fail(err, PACS_INTERNAL, "deflating failed");
        source->is_done = result == Z_STREAM_END;
    }
    *ret_size = room - source->stream.avail_out;
    source->size_bytes += *ret_size;
    return PACS_OK;
}

static PacsStatus deflated_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    DeflatedSource *source = (DeflatedSource *)self;

    if (source->plain_left > 0) {
        const size_t most = size < source->plain_left ? size : (size_t)source->plain_left;
        PacsStatus status = pacs_source_read(source->plain, bytes, most, ret_size, err);
        source->plain_left -= status == PACS_OK ? *ret_size : 0;
        return status;
    }
    PacsStatus status = deflate_some(source, bytes, size, ret_size, err);
    if (status == PACS_OK && *ret_size == 0 && source->size_bytes & 1) {
        *(uint8_t *)bytes = 0; /* an even number of bytes, PS3.5 A.5 */
        *ret_size = 1;
        source->size_bytes++;
    }
    return status;
}

static void deflated_free(PacsSource *self)
{
    DeflatedSource *source = (DeflatedSource *)self;

    if (source->has_stream)
        (void)deflateEnd(&source->stream); /* frees in every state */
    pacs_source_free(source->plain);
    free(source);
}

PacsStatus object_deflated(PacsSource *plain, uint64_t plain_size, PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = deflated_read, .free = deflated_free};
    DeflatedSource *source = calloc(1, sizeof *source);

    if (!source) {
        pacs_source_free(plain);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to deflate an object");
    }
    *source = (DeflatedSource){.base.ops = &ops, .plain = plain, .plain_left = plain_size};
    PACS_AUTO(PacsSource) owned = &source->base;
    if (deflateInit2(&source->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to deflate an object");
    source->has_stream = true;
    *ret_source = PACS_STEAL(owned);
    return PACS_OK;
}
