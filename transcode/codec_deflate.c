#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"

/** Deflated Image Frame Compression (PS3.5 A.4.13): a native frame as one raw deflate stream, single bits too. */

#define LEVEL 6 /* the usual middle: 9 takes three times as long for one part in a hundred */

static void free_decompressor(struct libdeflate_decompressor **self)
{
    libdeflate_free_decompressor(*self);
}

static void free_compressor(struct libdeflate_compressor **self)
{
    libdeflate_free_compressor(*self);
}

/* Into a copy one byte longer: a frame of odd length may have been padded before it was deflated. */
static enum libdeflate_result inflate_padded(struct libdeflate_decompressor *inflate,
                                             const TranscodeFrame *frame, uint8_t *out, size_t out_size)
{
    PACS_AUTO_FREE uint8_t *padded = malloc(out_size + 1);

    if (!padded)
        return LIBDEFLATE_INSUFFICIENT_SPACE;
    const enum libdeflate_result result = libdeflate_deflate_decompress(inflate, frame->bytes, frame->size,
                                                                        padded, out_size + 1, NULL);
    if (result == LIBDEFLATE_SUCCESS)
        memcpy(out, padded, out_size);
    return result;
}

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    __attribute__((cleanup(
        free_decompressor))) struct libdeflate_decompressor *inflate = libdeflate_alloc_decompressor();

    (void)native;
    if (!inflate)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to inflate a frame");
    enum libdeflate_result result = libdeflate_deflate_decompress(inflate, frame->bytes, frame->size, out,
                                                                  out_size, NULL);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE && out_size % 2 == 1)
        result = inflate_padded(inflate, frame, out, out_size);
    switch (result) {
    case LIBDEFLATE_SUCCESS:
        return PACS_OK;
    case LIBDEFLATE_SHORT_OUTPUT:
        return pacs_fail(err, PACS_INVALID,
                         "the deflated frame has fewer bytes than the %zu of its attributes", out_size);
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return pacs_fail(err, PACS_INVALID,
                         "the deflated frame has more bytes than the %zu of its attributes", out_size);
    default:
        return pacs_fail(err, PACS_INVALID, "the frame is not deflated, or cut off");
    }
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    (void)transfer_syntax_uid;
    (void)layout;
    return true;
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    __attribute__((
        cleanup(free_compressor))) struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(LEVEL);

    (void)target;
    (void)as;
    if (!deflate)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to deflate a frame");
    const size_t room = libdeflate_deflate_compress_bound(deflate, native->size);
    PacsStatus status = pacs_buffer_reserve(out, room, err);
    if (status != PACS_OK)
        return status;
    out->size += libdeflate_deflate_compress(deflate, native->bytes, native->size, out->bytes + out->size,
                                             room);
    return PACS_OK;
}

static const char *const syntaxes[] = {PACS_UID_DEFLATED_FRAMES, NULL};

const TranscodeCodec transcode_codec_deflate = {
    .name = "deflate",
    .decodes = syntaxes,
    .encodes = syntaxes,
    .is_trusted = true, /* libdeflate: bounded by the two sizes, and fuzzed by all the world */
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
