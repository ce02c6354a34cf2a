#define ZLIB_CONST /* what goes in is only read */
#include "pacs/util/gzip.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define OUT_STEP (16u << 10)
#define READ_SIZE ((size_t)32 << 10)
#define READ_MAX ((size_t)256 << 10) /* at a time: inflating more would hold others up */
#define MEMORY_LEVEL 8               /* zlib's default */

/* ---- Framing ---- */

PacsGzipSum pacs_gzip_sum_join(PacsGzipSum before, PacsGzipSum behind)
{
    return (PacsGzipSum){.size = before.size + behind.size,
                         .crc32 = (uint32_t)crc32_combine(before.crc32, behind.crc32, (z_off_t)behind.size)};
}

PacsGzipSum pacs_gzip_sum_of(const void *text, size_t size)
{
    return (PacsGzipSum){.size = size, .crc32 = (uint32_t)crc32_z(0, text, size)};
}

void pacs_gzip_begin(PacsBuffer *out)
{
    /* No time and no name, so that one content gives one member; made on Unix. */
    static const uint8_t header[PACS_GZIP_HEADER_SIZE] = {0x1F, 0x8B, Z_DEFLATED, 0, 0, 0, 0, 0, 0, 3};

    (void)pacs_buffer_add(out, header, sizeof header); /* `failed` tells */
}

static void add_le32(PacsBuffer *out, uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8)
        (void)pacs_buffer_add_char(out, (char)(value >> shift));
}

/* A stored block: its header fills a byte because what is in front of it ended on one. */
void pacs_gzip_text(PacsBuffer *out, PacsGzipSum *sum, const char *text)
{
    size_t size = strlen(text);

    assert(size < 0x10000);
    (void)pacs_buffer_add_char(out, 0);
    add_le32(out, (uint32_t)size | (uint32_t)~size << 16);
    (void)pacs_buffer_add(out, text, size);
    *sum = pacs_gzip_sum_join(*sum, pacs_gzip_sum_of(text, size));
}

void pacs_gzip_end(PacsBuffer *out, const PacsGzipSum *sum)
{
    static const uint8_t last_block[] = {0x03, 0x00}; /* empty, with fixed codes */

    (void)pacs_buffer_add(out, last_block, sizeof last_block);
    add_le32(out, sum->crc32);
    add_le32(out, (uint32_t)sum->size);
}

/* ---- Runs ---- */

struct PacsDeflater {
    z_stream stream;
};

PacsStatus pacs_deflater_new(int level, PacsDeflater **ret_deflater, PacsError *err)
{
    PacsDeflater *deflater = calloc(1, sizeof *deflater);

    if (!deflater || deflateInit2(&deflater->stream, level, Z_DEFLATED, -MAX_WBITS, MEMORY_LEVEL,
                                  Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to compress");
    }
    *ret_deflater = deflater;
    return PACS_OK;
}

void pacs_deflater_free(PacsDeflater *deflater)
{
    if (!deflater)
        return;
    (void)deflateEnd(&deflater->stream); /* says that a run was not ended, which is all right */
    free(deflater);
}

PacsStatus pacs_deflater_begin(PacsDeflater *deflater, const void *dictionary, size_t size, PacsError *err)
{
    size_t skip = size > PACS_DEFLATE_WINDOW ? size - PACS_DEFLATE_WINDOW : 0;

    if (deflateReset(&deflater->stream) != Z_OK ||
        (size > 0 && deflateSetDictionary(&deflater->stream, (const Bytef *)dictionary + skip,
                                          (uInt)(size - skip)) != Z_OK))
        return pacs_fail(err, PACS_INTERNAL, "zlib does not begin a run");
    return PACS_OK;
}

static PacsStatus run_deflate(PacsDeflater *deflater, int flush, PacsBuffer *out, PacsError *err)
{
    z_stream *stream = &deflater->stream;

    do {
        PacsStatus status = pacs_buffer_reserve(out, OUT_STEP, err);
        if (status != PACS_OK)
            return status;
        stream->next_out = out->bytes + out->size;
        stream->avail_out = OUT_STEP;
        int rc = deflate(stream, flush);
        if (rc != Z_OK && rc != Z_BUF_ERROR) /* the latter: there was nothing left to do */
            return pacs_fail(err, PACS_INTERNAL, "zlib does not compress (%d)", rc);
        out->size += OUT_STEP - stream->avail_out;
    } while (stream->avail_out == 0);
    return PACS_OK;
}

PacsStatus pacs_deflater_add(PacsDeflater *deflater, const void *text, size_t size, PacsBuffer *out,
                             PacsError *err)
{
    PacsStatus status = PACS_OK;

    for (size_t done = 0; status == PACS_OK && done < size;) {
        size_t count = size - done < UINT32_MAX ? size - done : UINT32_MAX;
        deflater->stream.next_in = (const Bytef *)text + done;
        deflater->stream.avail_in = (uInt)count;
        status = run_deflate(deflater, Z_NO_FLUSH, out, err);
        done += count;
    }
    return status;
}

PacsStatus pacs_deflater_flush(PacsDeflater *deflater, PacsBuffer *out, PacsError *err)
{
    deflater->stream.next_in = NULL;
    deflater->stream.avail_in = 0;
    return run_deflate(deflater, Z_SYNC_FLUSH, out, err);
}

/* ---- And back ---- */

typedef struct GunzipSource {
    PacsSource base;
    PacsSource *from;
    z_stream stream;
    bool ended;
    uint8_t packed[READ_SIZE];
} GunzipSource;

static PacsStatus refill(GunzipSource *self, PacsError *err)
{
    size_t got = 0;

    if (self->stream.avail_in > 0)
        return PACS_OK;
    PacsStatus status = pacs_source_read(self->from, self->packed, sizeof self->packed, &got, err);
    if (status == PACS_OK && got == 0)
        return pacs_fail(err, PACS_CORRUPT, "compressed text is cut off");
    self->stream.next_in = self->packed;
    self->stream.avail_in = (uInt)got;
    return status;
}

static PacsStatus gunzip_read(PacsSource *base, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    GunzipSource *self = (GunzipSource *)base;
    uInt room = (uInt)(size < READ_MAX ? size : READ_MAX);

    self->stream.next_out = bytes;
    self->stream.avail_out = room;
    while (!self->ended && self->stream.avail_out == room) {
        PacsStatus status = refill(self, err);
        if (status != PACS_OK)
            return status;
        int rc = inflate(&self->stream, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return pacs_fail(err, PACS_CORRUPT, "compressed text does not inflate (%d)", rc);
        self->ended = rc == Z_STREAM_END;
    }
    *ret_size = room - self->stream.avail_out;
    return PACS_OK;
}

static void gunzip_free(PacsSource *base)
{
    GunzipSource *self = (GunzipSource *)base;

    (void)inflateEnd(&self->stream);
    pacs_source_free(self->from);
    free(self);
}

PacsStatus pacs_source_gunzip(PacsSource *source, PacsSource **ret_source, PacsError *err)
{
    static const PacsSourceOps ops = {.read = gunzip_read, .free = gunzip_free};
    GunzipSource *self = calloc(1, sizeof *self);

    if (!self || inflateInit2(&self->stream, MAX_WBITS + 16) != Z_OK) { /* 16: with gzip's header and sum */
        free(self);
        pacs_source_free(source);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to inflate");
    }
    self->base.ops = &ops;
    self->from = source;
    *ret_source = &self->base;
    return PACS_OK;
}
