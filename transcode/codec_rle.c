#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"

/**
 * RLE Lossless (PS3.5 annex G), our own. A frame is a header of 64 bytes and up to 15 segments; each segment is one byte
 * of every sample of one colour, the most significant first, packed as PackBits.
 */

#define HEADER_SIZE 64
#define MAX_SEGMENTS 15

/* Segment s of a frame holds byte `offset` of each pixel; pixels are `step` bytes apart. Single bits, for which the
 * standard has no RLE, some writers pack as the bytes they are in. */
typedef struct Plane {
    size_t offset;
    size_t step;
    size_t count;
} Plane;

static uint32_t segments_of(const TranscodeLayout *layout)
{
    return layout->bits_allocated == 1 ? 1 : layout->samples_per_pixel * (layout->bits_allocated / 8u);
}

static Plane plane_of(const TranscodeLayout *layout, uint32_t segment)
{
    const size_t pixels = (size_t)layout->rows * layout->columns;
    const uint32_t word = layout->bits_allocated / 8u;

    if (layout->bits_allocated == 1)
        return (Plane){.offset = 0, .step = 1, .count = (pixels + 7) / 8};
    const uint32_t sample = segment / word, byte = word - 1 - segment % word;

    return (Plane){
        .offset = sample * word + byte, .step = (size_t)layout->samples_per_pixel * word, .count = pixels};
}

/* ---- Decode ---- */

static uint32_t u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Returns how many bytes came; what follows the last one (padding) is not looked at. */
static size_t unpack(const uint8_t *in, size_t size, const Plane *plane, uint8_t *out)
{
    const uint8_t *end = in + size;
    const size_t step = plane->step;
    size_t left = plane->count;

    out += plane->offset;
    while (left > 0 && end - in >= 2) {
        const uint8_t code = *in++;

        if (code > 128) { /* the next byte 257 - code times */
            const size_t run = 257u - code < left ? 257u - code : left;
            const uint8_t value = *in++;

            for (size_t i = 0; i < run; i++, out += step)
                *out = value;
            left -= run;
        } else if (code < 128) { /* code + 1 bytes as they are */
            size_t run = code + 1u < left ? code + 1u : left;

            run = run < (size_t)(end - in) ? run : (size_t)(end - in);
            for (size_t i = 0; i < run; i++, out += step)
                *out = in[i];
            in += code + 1u < (size_t)(end - in) ? code + 1u : (size_t)(end - in);
            left -= run;
        }
    }
    return plane->count - left;
}

static PacsStatus decode_segment(const TranscodeFrame *frame, const TranscodeLayout *native, uint32_t segment,
                                 uint8_t *out, PacsError *err)
{
    const uint32_t count = segments_of(native);
    const Plane plane = plane_of(native, segment);
    const uint32_t begin = u32(frame->bytes + 4 + 4 * (size_t)segment);
    const size_t end = segment + 1 < count ? u32(frame->bytes + 8 + 4 * (size_t)segment) : frame->size;

    if (begin < HEADER_SIZE || begin > end || end > frame->size)
        return pacs_fail(err, PACS_INVALID, "RLE segment %u lies from byte %u to %zu of a frame of %zu",
                         segment + 1, begin, end, frame->size);
    const size_t bytes = unpack(frame->bytes + begin, end - begin, &plane, out);
    if (bytes < plane.count)
        return pacs_fail(err, PACS_INVALID, "RLE segment %u has %zu bytes, %u rows and %u columns need %zu",
                         segment + 1, bytes, native->rows, native->columns, plane.count);
    return PACS_OK;
}

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    const uint32_t expected = segments_of(native);

    (void)out_size;
    if (frame->size < HEADER_SIZE)
        return pacs_fail(err, PACS_INVALID, "the RLE frame has %zu bytes, its header alone 64", frame->size);
    if (expected > MAX_SEGMENTS)
        return pacs_fail(err, PACS_UNSUPPORTED, "RLE of %u samples of %u bits", native->samples_per_pixel,
                         native->bits_allocated);
    if (u32(frame->bytes) != expected)
        return pacs_fail(err, PACS_INVALID, "the RLE frame has %u segments, %u samples of %u bits need %u",
                         u32(frame->bytes), native->samples_per_pixel, native->bits_allocated, expected);
    for (uint32_t i = 0; i < expected; i++) {
        PacsStatus status = decode_segment(frame, native, i, out, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

/* ---- Encode ---- */

static size_t run_length(const uint8_t *bytes, size_t left)
{
    size_t run = 1;

    while (run < left && run < 128 && bytes[run] == bytes[0])
        run++;
    return run;
}

/* Up to where three equal bytes begin: two inside literal bytes are cheaper left among them. */
static size_t literal_length(const uint8_t *bytes, size_t left)
{
    size_t count = 0;

    while (count < left && count < 128) {
        if (left - count >= 3 && bytes[count] == bytes[count + 1] && bytes[count] == bytes[count + 2])
            break;
        count++;
    }
    return count;
}

/* One row: runs do not go on into the next (G.3.1). Returns the end of what was written. */
static uint8_t *pack(const uint8_t *row, size_t left, uint8_t *out)
{
    while (left > 0) {
        size_t count = run_length(row, left);

        if (count > 2 || (count == 2 && left == 2)) {
            *out++ = (uint8_t)(257 - count);
            *out++ = *row;
        } else {
            count = literal_length(row, left);
            *out++ = (uint8_t)(count - 1);
            memcpy(out, row, count);
            out += count;
        }
        row += count;
        left -= count;
    }
    return out;
}

static PacsStatus encode_segment(const TranscodeFrame *native, uint32_t segment, uint8_t *row,
                                 PacsBuffer *out, PacsError *err)
{
    const Plane plane = plane_of(&native->layout, segment);
    const size_t columns = native->layout.columns;
    const uint8_t *in = native->bytes + plane.offset;

    for (uint32_t i = 0; i < native->layout.rows; i++) {
        PacsStatus status = pacs_buffer_reserve(out, columns + columns / 128 + 2, err);
        if (status != PACS_OK)
            return status;
        for (size_t k = 0; k < columns; k++, in += plane.step)
            row[k] = *in;
        out->size = (size_t)(pack(row, columns, out->bytes + out->size) - out->bytes);
    }
    return PACS_OK;
}

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

static PacsStatus encode_segments(const TranscodeFrame *native, uint8_t *row, PacsBuffer *out, PacsError *err)
{
    const uint32_t count = segments_of(&native->layout);
    const size_t begin = out->size;
    uint8_t header[HEADER_SIZE] = {0};

    pacs_buffer_add(out, header, sizeof header);
    put_u32(header, count);
    for (uint32_t i = 0; i < count; i++) {
        put_u32(header + 4 + 4 * (size_t)i, (uint32_t)(out->size - begin));
        PacsStatus status = encode_segment(native, i, row, out, err);
        if (status != PACS_OK)
            return status;
        if ((out->size - begin) % 2 != 0)
            pacs_buffer_add(out, "", 1);
        if (out->size - begin > UINT32_MAX)
            return pacs_fail(err, PACS_TOO_LARGE, "an RLE frame of more than 4 GiB");
    }
    PacsStatus status = pacs_buffer_check(out, err);
    if (status == PACS_OK)
        memcpy(out->bytes + begin, header, sizeof header);
    return status;
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    (void)transfer_syntax_uid;
    return layout->bits_allocated > 1 && segments_of(layout) <= MAX_SEGMENTS;
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_FREE uint8_t *row = malloc(native->layout.columns);

    (void)target;
    (void)as;
    if (!row)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a row of %u columns", native->layout.columns);
    return encode_segments(native, row, out, err);
}

static const char *const syntaxes[] = {PACS_UID_RLE_LOSSLESS, NULL};

const TranscodeCodec transcode_codec_rle = {
    .name = "rle",
    .decodes = syntaxes,
    .encodes = syntaxes,
    .is_trusted = true,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
