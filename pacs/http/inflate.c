#include "pacs/http/inflate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "pacs/util/limits.h"

#define PIECE_SIZE (64u << 10)
#define RATIO_COUNTS_FROM (16u << 20) /* below, a body of zeros is small enough to be let through */
#define GZIP_OR_ZLIB (15 + 32)        /* zlib's way to say: look at the header */

struct PacsHttpInflate {
    z_stream stream;
    uint64_t limit;
    uint64_t read;
    uint64_t written;
    bool at_end; /* at least one member, and nothing open */
    uint8_t piece[PIECE_SIZE];
};

PacsStatus pacs_http_inflate_new(uint64_t limit, PacsHttpInflate **ret_inflate, PacsError *err)
{
    PacsHttpInflate *self = calloc(1, sizeof *self);

    if (!self || inflateInit2(&self->stream, GZIP_OR_ZLIB) != Z_OK) {
        free(self);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to inflate the body");
    }
    self->limit = limit;
    *ret_inflate = self;
    return PACS_OK;
}

void pacs_http_inflate_free(PacsHttpInflate *self)
{
    if (!self)
        return;
    (void)inflateEnd(&self->stream);
    free(self);
}

static PacsStatus check_bounds(const PacsHttpInflate *self, PacsError *err)
{
    if (self->written > self->limit)
        return pacs_fail(err, PACS_TOO_LARGE, "the body inflates to more than %llu bytes",
                         (unsigned long long)self->limit);
    if (self->written > RATIO_COUNTS_FROM && self->written / PACS_MAX_HTTP_INFLATE_RATIO > self->read)
        return pacs_fail(err, PACS_TOO_LARGE, "the body inflates to more than %u times its size",
                         PACS_MAX_HTTP_INFLATE_RATIO);
    return PACS_OK;
}

/* One piece out: less than PIECE_SIZE when all that was given is read. */
static PacsStatus inflate_piece(PacsHttpInflate *self, size_t *ret_size, PacsError *err)
{
    if (self->at_end && inflateReset(&self->stream) == Z_OK) {
        self->at_end = false; /* another member follows */
    }
    self->stream.next_out = self->piece;
    self->stream.avail_out = PIECE_SIZE;
    uInt before = self->stream.avail_in;
    int result = inflate(&self->stream, Z_NO_FLUSH);

    self->read += before - self->stream.avail_in;
    *ret_size = PIECE_SIZE - self->stream.avail_out;
    self->written += *ret_size;
    self->at_end = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return pacs_fail(err, result == Z_MEM_ERROR ? PACS_NO_MEMORY : PACS_INVALID,
                         "the body is not what its Content-Encoding says");
    return check_bounds(self, err);
}

PacsStatus pacs_http_inflate_feed(PacsHttpInflate *self, const uint8_t *bytes, size_t size,
                                  PacsStatus (*take)(void *context, const uint8_t *bytes, size_t size,
                                                     PacsError *err),
                                  void *context, PacsError *err)
{
    size_t produced;

    self->stream.next_in = (Bytef *)bytes; /* zlib only reads it */
    self->stream.avail_in = (uInt)size;    /* a chunk: far below 4 GiB */
    do {
        PacsStatus status = inflate_piece(self, &produced, err);
        if (status == PACS_OK && produced > 0)
            status = take(context, self->piece, produced, err);
        if (status != PACS_OK)
            return status;
    } while (self->stream.avail_in > 0 || (produced == PIECE_SIZE && !self->at_end));
    return PACS_OK;
}

PacsStatus pacs_http_inflate_end(const PacsHttpInflate *self, PacsError *err)
{
    if (!self->at_end)
        return pacs_fail(err, PACS_INVALID, "the compressed body ends too early");
    return PACS_OK;
}
