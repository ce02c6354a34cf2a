#include "pacs/rest/npz.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pacs/util/gzip.h"

/* ---- A result as a stream ---- */

typedef struct ResultSource {
    PacsSource base;
    TranscodeResult *result;
    uint64_t at;
} ResultSource;

static PacsStatus result_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    ResultSource *source = (ResultSource *)self;
    const uint64_t left = transcode_result_size(source->result) - source->at;
    const uint8_t *memory = transcode_result_bytes(source->result);
    ssize_t count = (ssize_t)(size < left ? size : (size_t)left);

    if (memory)
        memcpy(bytes, memory + source->at, (size_t)count);
    else if (count > 0)
        count = pread(transcode_result_fd(source->result), bytes, (size_t)count, (off_t)source->at);
    if (count < 0)
        return pacs_fail(err, PACS_UNAVAILABLE, "a kept frame cannot be read");
    source->at += (uint64_t)count;
    *ret_size = (size_t)count;
    return PACS_OK;
}

static void result_free(PacsSource *self)
{
    ResultSource *source = (ResultSource *)self;

    transcode_result_unref(source->result);
    free(source);
}

PacsStatus rest_result_source(TranscodeResult *result, uint64_t offset, PacsSource **ret_source,
                              PacsError *err)
{
    static const PacsSourceOps ops = {.read = result_read, .free = result_free};
    ResultSource *source = malloc(sizeof *source);

    if (!source) {
        transcode_result_unref(result);
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to send an array");
    }
    *source = (ResultSource){.base.ops = &ops, .result = result, .at = offset};
    *ret_source = &source->base;
    return PACS_OK;
}

/* ---- ZIP (APPNOTE.TXT 6.3.10): local header, data, descriptor, directory; sizes of 64 bits where 32 do not do ---- */

#define MEMBER "arr_0.npy"
#define PIECE ((size_t)65536)

typedef enum NpzState { NPZ_HEAD, NPZ_DATA, NPZ_END, NPZ_DONE } NpzState;

typedef struct NpzSource {
    PacsSource base;
    const RestNpz *npz;
    PacsDeflater *deflater;
    PacsSource *item; /* NULL: between two */
    size_t next;
    NpzState state;
    PacsGzipSum sum;
    uint64_t packed; /* bytes of deflate so far */
    PacsBuffer out;
    size_t at; /* of out, already given out */
    uint8_t piece[PIECE];
} NpzSource;

static void add_number(PacsBuffer *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        (void)pacs_buffer_add_char(out, (char)(value >> (8 * i)));
}

/** What the local header and the directory say alike: version, flags (sizes follow), deflate, 1980-01-01. */
static void add_common(PacsBuffer *out)
{
    add_number(out, 45, 2);
    add_number(out, 8, 2);
    add_number(out, 8, 2);
    add_number(out, 0, 2);
    add_number(out, 0x21, 2);
}

static void add_local_header(PacsBuffer *out)
{
    add_number(out, 0x04034B50, 4);
    add_common(out);
    add_number(out, 0, 4);
    add_number(out, 0xFFFFFFFF, 4); /* in the extra field: then the descriptor has 64 bits too */
    add_number(out, 0xFFFFFFFF, 4);
    add_number(out, sizeof MEMBER - 1, 2);
    add_number(out, 20, 2);
    (void)pacs_buffer_add_text(out, MEMBER);
    add_number(out, 1, 2);
    add_number(out, 16, 2);
    add_number(out, 0, 8);
    add_number(out, 0, 8);
}

static void add_directory(PacsBuffer *out, const PacsGzipSum *sum, uint64_t packed)
{
    const uint64_t local = 30 + sizeof MEMBER - 1 + 20, begin = local + packed + 24;
    const uint64_t size = 46 + sizeof MEMBER - 1 + 20;

    add_number(out, 0x08074B50, 4); /* descriptor */
    add_number(out, sum->crc32, 4);
    add_number(out, packed, 8);
    add_number(out, sum->size, 8);
    add_number(out, 0x02014B50, 4); /* directory */
    add_number(out, 45, 2);
    add_common(out);
    add_number(out, sum->crc32, 4);
    add_number(out, 0xFFFFFFFF, 4);
    add_number(out, 0xFFFFFFFF, 4);
    add_number(out, sizeof MEMBER - 1, 2);
    add_number(out, 20, 2);
    add_number(out, 0, 2);
    add_number(out, 0, 2);
    add_number(out, 0, 2);
    add_number(out, 0, 4);
    add_number(out, 0, 4);
    (void)pacs_buffer_add_text(out, MEMBER);
    add_number(out, 1, 2);
    add_number(out, 16, 2);
    add_number(out, sum->size, 8);
    add_number(out, packed, 8);
    add_number(out, 0x06064B50, 4); /* end, of 64 bits */
    add_number(out, 44, 8);
    add_number(out, 45, 2);
    add_number(out, 45, 2);
    add_number(out, 0, 4);
    add_number(out, 0, 4);
    add_number(out, 1, 8);
    add_number(out, 1, 8);
    add_number(out, size, 8);
    add_number(out, begin, 8);
    add_number(out, 0x07064B50, 4); /* where that is */
    add_number(out, 0, 4);
    add_number(out, begin + size, 8);
    add_number(out, 1, 4);
    add_number(out, 0x06054B50, 4); /* end */
    add_number(out, 0, 2);
    add_number(out, 0, 2);
    add_number(out, 0xFFFF, 2);
    add_number(out, 0xFFFF, 2);
    add_number(out, 0xFFFFFFFF, 4);
    add_number(out, 0xFFFFFFFF, 4);
    add_number(out, 0, 2);
}

static PacsStatus pack(NpzSource *source, const void *bytes, size_t size, PacsError *err)
{
    const size_t before = source->out.size;

    const PacsStatus status = pacs_deflater_add(source->deflater, bytes, size, &source->out, err);
    source->packed += source->out.size - before;
    source->sum = pacs_gzip_sum_join(source->sum, pacs_gzip_sum_of(bytes, size));
    return status;
}

static PacsStatus pack_piece(NpzSource *source, PacsError *err)
{
    const RestNpz *npz = source->npz;
    PacsHttpOpened opened = {.fd = -1};
    size_t size = 0;

    if (!source->item) {
        if (source->next == npz->count) {
            source->state = NPZ_END;
            return PACS_OK;
        }
        const PacsStatus status = npz->opener->open(npz->opener->context, npz->items[source->next++], 0,
                                                    npz->item_size, &opened, err);
        if (status != PACS_OK)
            return status;
        source->item = opened.source;
    }
    PacsStatus status = pacs_source_read(source->item, source->piece, PIECE, &size, err);
    if (status == PACS_OK && size > 0)
        return pack(source, source->piece, size, err);
    pacs_source_free(source->item);
    source->item = NULL;
    return status;
}

static PacsStatus end_data(NpzSource *source, PacsError *err)
{
    const size_t before = source->out.size;

    const PacsStatus status = pacs_deflater_flush(source->deflater, &source->out, err);
    (void)pacs_buffer_add(&source->out, "\x03\0", 2); /* the last block, empty */
    source->packed += source->out.size - before;
    add_directory(&source->out, &source->sum, source->packed);
    source->state = NPZ_DONE;
    return status;
}

static PacsStatus step(NpzSource *source, PacsError *err)
{
    switch (source->state) {
    case NPZ_HEAD:
        add_local_header(&source->out);
        source->state = NPZ_DATA;
        return pack(source, source->npz->header, source->npz->header_size, err);
    case NPZ_DATA:
        return pack_piece(source, err);
    default:
        return end_data(source, err);
    }
}

static PacsStatus npz_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    NpzSource *source = (NpzSource *)self;

    while (source->at == source->out.size && source->state != NPZ_DONE) {
        pacs_buffer_reset(&source->out);
        source->at = 0;
        PacsStatus status = step(source, err);
        if (status == PACS_OK)
            status = pacs_buffer_check(&source->out, err);
        if (status != PACS_OK)
            return status;
    }
    if (size > source->out.size - source->at)
        size = source->out.size - source->at;
    if (size > 0)
        memcpy(bytes, source->out.bytes + source->at, size);
    source->at += size;
    *ret_size = size;
    return PACS_OK;
}

static void npz_free(PacsSource *self)
{
    NpzSource *source = (NpzSource *)self;

    pacs_source_free(source->item);
    pacs_deflater_free(source->deflater);
    pacs_buffer_clear(&source->out);
    free(source);
}

PacsStatus rest_npz_reply(const RestNpz *npz, PacsHttpReply *reply, PacsError *err)
{
    static const PacsSourceOps ops = {.read = npz_read, .free = npz_free};
    NpzSource *source = calloc(1, sizeof *source);

    if (!source)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to send an array");
    source->base.ops = &ops;
    source->npz = npz;
    pacs_buffer_init(&source->out, 4 * PIECE);
    PACS_AUTO(PacsSource) made = &source->base;
    PacsStatus status = pacs_deflater_new(6, &source->deflater, err);
    if (status == PACS_OK)
        status = pacs_deflater_begin(source->deflater, NULL, 0, err);
    if (status == PACS_OK)
        pacs_http_reply_slow_source(reply, "application/octet-stream", PACS_STEAL(made),
                                    PACS_HTTP_UNKNOWN_SIZE);
    return status;
}
