#include "pacs/dicom/inflate.h"

#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST /* its input is only read */
#include <zlib.h>

#include "pacs/util/limits.h"

#define OUTPUT_SIZE (64u << 10)
#define TRAILER_MAX 16
#define INPUT_MAX (1u << 30) /* zlib counts in 32 bits */

struct PacsInflate {
    z_stream stream;
    PacsInflateSink sink;
    void *context;
    uint64_t in_bytes;
    uint64_t out_bytes;
    uint64_t rest;   /* bytes behind the end of the stream */
    uint8_t head[2]; /* the first two bytes tell a zlib wrapper */
    size_t head_size;
    bool initialised;
    bool ended;
    uint8_t output[OUTPUT_SIZE];
};

PacsStatus pacs_inflate_new(PacsInflateSink sink, void *context, PacsInflate **ret_inflate, PacsError *err)
{
    PacsInflate *self = malloc(sizeof *self);
    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to inflate a data set");
    memset(self, 0, offsetof(PacsInflate, output));
    self->sink = sink;
    self->context = context;
    *ret_inflate = self;
    return PACS_OK;
}

void pacs_inflate_free(PacsInflate *self)
{
    if (!self)
        return;
    if (self->initialised)
        inflateEnd(&self->stream);
    free(self);
}

/* RFC 1950: method 8 with a window of 32 KiB, and a check that makes the two bytes a multiple of 31. Raw
 * deflate would begin so only with a stored block whose unused bits are set, which no encoder writes. */
static bool has_zlib_wrapper(const uint8_t head[2])
{
    return head[0] == 0x78 && ((unsigned)head[0] << 8 | head[1]) % 31 == 0;
}

static PacsStatus check_limits(const PacsInflate *self, PacsError *err)
{
    if (self->out_bytes > PACS_MAX_INFLATED)
        return pacs_fail(err, PACS_TOO_LARGE, "the deflated data set inflates to more than %llu bytes",
                         (unsigned long long)PACS_MAX_INFLATED);
    /* One output buffer of slack: the first bytes in may hold the start of a long run. */
    if (self->out_bytes > OUTPUT_SIZE + self->in_bytes * PACS_MAX_INFLATE_RATIO)
        return pacs_fail(err, PACS_TOO_LARGE, "the deflated data set inflates to more than %u times its size",
                         PACS_MAX_INFLATE_RATIO);
    return PACS_OK;
}

/* One output buffer's worth; *ret_starved when only more input can give more output. */
static PacsStatus step(PacsInflate *self, bool *ret_starved, PacsError *err)
{
    z_stream *stream = &self->stream;
    stream->next_out = self->output;
    stream->avail_out = OUTPUT_SIZE;
    uInt before = stream->avail_in;
    int result = inflate(stream, Z_NO_FLUSH);
    size_t produced = OUTPUT_SIZE - stream->avail_out;
    self->in_bytes += before - stream->avail_in;
    self->out_bytes += produced;
    self->ended = result == Z_STREAM_END;
    *ret_starved = self->ended || stream->avail_out > 0;

    /* What came out before a fault goes on first, so that the outcome does not depend on the cuts. */
    PacsStatus status = check_limits(self, err);
    if (status == PACS_OK && produced > 0)
        status = self->sink(self->context, self->output, produced, err);
    if (status == PACS_OK && result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        status = pacs_fail(err, PACS_INVALID, "the deflated data set is damaged");
    return status;
}

/* PS3.5 A.5 pads the stream with a zero byte; some writers leave the checksum and length of a gzip trailer.
 * The data set is complete without either. */
static PacsStatus check_rest(PacsInflate *self, const uint8_t *bytes, size_t size, PacsError *err)
{
    for (size_t i = 0; i < size; i++) {
        if (self->rest++ >= TRAILER_MAX && bytes[i] != 0)
            return pacs_fail(err, PACS_INVALID,
                             "bytes that are no padding stand after the deflated data set");
    }
    return PACS_OK;
}

static PacsStatus feed_stream(PacsInflate *self, const uint8_t *bytes, size_t size, PacsError *err)
{
    while (size > 0 && !self->ended) {
        size_t now = size < INPUT_MAX ? size : INPUT_MAX;
        self->stream.next_in = bytes;
        self->stream.avail_in = (uInt)now;
        for (bool starved = false; !starved;) {
            PacsStatus status = step(self, &starved, err);
            if (status != PACS_OK)
                return status;
        }
        size_t used = now - self->stream.avail_in;
        bytes += used;
        size -= used;
    }
    return check_rest(self, bytes, size, err);
}

PacsStatus pacs_inflate_feed(PacsInflate *self, const uint8_t *bytes, size_t size, PacsError *err)
{
    if (!self->initialised) {
        while (self->head_size < 2 && size > 0) {
            self->head[self->head_size++] = *bytes++;
            size--;
        }
        if (self->head_size < 2)
            return PACS_OK;
        if (inflateInit2(&self->stream, has_zlib_wrapper(self->head) ? MAX_WBITS : -MAX_WBITS) != Z_OK)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory to inflate a data set");
        self->initialised = true;
        PacsStatus status = feed_stream(self, self->head, 2, err);
        if (status != PACS_OK)
            return status;
    }
    return feed_stream(self, bytes, size, err);
}

PacsStatus pacs_inflate_finish(PacsInflate *self, PacsError *err)
{
    if (!self->ended)
        return pacs_fail(err, PACS_INVALID, "the deflated data set is cut off after %llu bytes of it",
                         (unsigned long long)(self->initialised ? self->in_bytes : self->head_size));
    return PACS_OK;
}
