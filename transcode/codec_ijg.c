#include <stdlib.h>
#include <string.h>

#include "pacs/bridge/dcmtk_jpeg.h"
#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"
#include "transcode/jpeg_header.h"
#include "transcode/samples.h"

/** DCMTK's IJG libraries: lossy JPEG of 12 bits, lossless JPEG of all depths, and whatever else of Huffman's coding
 *  libjpeg-turbo does not take. A codestream knows no sign: signed samples are their low bits. */

#define DEFAULT_QUALITY 90
#define MAX_SIDE 65500 /* the library's */
#define PREDICTOR_LEFT 1
/* Of Process 14 any may be chosen; 7 is the mean of left and above. Not 6, whose overflow at 16 bits readers built on
 * old libraries do not agree on. */
#define PREDICTOR_MEAN 7

/* ---- Decode ---- */

static bool takes(const TranscodeFrame *frame)
{
    TranscodeJpegHeader header;

    return transcode_jpeg_header_read(frame->bytes, frame->size, &header, NULL) == PACS_OK &&
           !header.is_arithmetic;
}

static PacsStatus check(const TranscodeJpegHeader *header, const TranscodeLayout *native, PacsError *err)
{
    PacsStatus status = transcode_pixels_check(&header->base, native, err);

    if (status != PACS_OK)
        return status;
    if (header->is_arithmetic)
        return pacs_fail(err, PACS_UNSUPPORTED, "arithmetic JPEG of %u bits", header->base.precision);
    if (native->bits_allocated != 8 && native->bits_allocated != 16)
        return pacs_fail(err, PACS_UNSUPPORTED, "JPEG of %u bits allocated", native->bits_allocated);
    return PACS_OK;
}

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    TranscodeJpegHeader header;

    PacsStatus status = transcode_jpeg_header_read(frame->bytes, frame->size, &header, err);
    if (status == PACS_OK)
        status = check(&header, native, err);
    if (status != PACS_OK)
        return status;
    const size_t count = out_size / transcode_sample_size(native);
    const uint32_t precision = header.base.precision;
    const PacsBridgeJpeg image = {.rows = (uint16_t)native->rows,
                                  .columns = (uint16_t)native->columns,
                                  .samples_per_pixel = native->samples_per_pixel,
                                  .precision = (uint8_t)precision,
                                  .has_odd_scan = header.has_odd_scan};
    const bool turns_rgb = native->photometric == TRANSCODE_RGB &&
                           transcode_jpeg_is_ybr(&header, frame->layout.photometric);
    status = pacs_bridge_jpeg_decode(frame->bytes, frame->size, &image, turns_rgb, out,
                                     precision <= 8 ? count : out_size, err);
    if (status != PACS_OK)
        return status;
    if (precision <= 8 && native->bits_allocated == 16)
        transcode_pixels_widen(out, count);
    if (header.process != TRANSCODE_JPEG_LOSSLESS && precision > native->bits_stored)
        transcode_pixels_limit(native, out, out_size);
    /* Fewer bits than are stored: all values were found to be small and positive when it was written. */
    if (native->is_signed && precision >= native->bits_stored)
        transcode_samples_extend(native, precision, out, count);
    return PACS_OK;
}

/* ---- Encode ---- */

static bool is_lossy(const char *transfer_syntax_uid)
{
    return strcmp(transfer_syntax_uid, PACS_UID_JPEG_EXTENDED) == 0;
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    if (layout->rows > MAX_SIDE || layout->columns > MAX_SIDE ||
        (layout->samples_per_pixel != 1 && layout->samples_per_pixel != 3))
        return false;
    if (is_lossy(transfer_syntax_uid)) /* up to 8 bits are another codec's */
        return layout->bits_allocated == 16 && layout->bits_stored > 8 && layout->bits_stored <= 12 &&
               !layout->is_signed;
    return layout->bits_allocated == 8 || layout->bits_allocated == 16;
}

/* Words of 16 bits with nothing above their precision, or bytes where that is at most 8. */
static void pack(const TranscodeFrame *native, uint32_t precision, uint16_t *out)
{
    const size_t count = native->size / 2;
    const uint32_t mask = precision <= 8 ? 0xFF : precision <= 12 ? 0xFFF : 0xFFFF;
    uint8_t *bytes = (uint8_t *)out;

    for (size_t i = 0; i < count; i++) {
        const uint32_t word = (uint32_t)native->bytes[2 * i] | (uint32_t)native->bytes[2 * i + 1] << 8;

        if (precision <= 8)
            bytes[i] = (uint8_t)(word & mask);
        else
            out[i] = (uint16_t)(word & mask);
    }
}

static PacsStatus prepare(const TranscodeFrame *native, bool lossy, uint32_t precision,
                          uint16_t **ret_samples, PacsError *err)
{
    uint16_t *samples = malloc(native->size);

    if (!samples)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu bytes of samples", native->size);
    if (lossy)
        transcode_pixels_take(&native->layout, native->bytes, native->size, (uint8_t *)samples);
    else
        pack(native, precision, samples);
    *ret_samples = samples;
    return PACS_OK;
}

static PacsBridgeJpegColour colour_of(const TranscodeLayout *layout)
{
    if (layout->samples_per_pixel == 1)
        return PACS_BRIDGE_GREY;
    return layout->photometric == TRANSCODE_YBR_FULL ? PACS_BRIDGE_YBR : PACS_BRIDGE_RGB;
}

static uint8_t predictor_of(const char *transfer_syntax_uid)
{
    if (is_lossy(transfer_syntax_uid))
        return 0;
    return strcmp(transfer_syntax_uid, PACS_UID_JPEG_LOSSLESS) == 0 ? PREDICTOR_MEAN : PREDICTOR_LEFT;
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    const TranscodeLayout *layout = &native->layout;
    const bool lossy = is_lossy(target->transfer_syntax_uid);
    const uint16_t precision = lossy ? 12 : transcode_samples_precision(layout, native->bytes, native->size);
    PACS_AUTO_FREE uint16_t *samples = NULL;

    (void)as;
    if (layout->bits_allocated == 16) {
        PacsStatus status = prepare(native, lossy, precision, &samples, err);
        if (status != PACS_OK)
            return status;
    }
    const PacsBridgeJpeg image = {.rows = (uint16_t)layout->rows,
                                  .columns = (uint16_t)layout->columns,
                                  .samples_per_pixel = layout->samples_per_pixel,
                                  .precision = (uint8_t)precision};
    const PacsBridgeJpegOptions options = {
        .colour = colour_of(layout),
        .predictor = predictor_of(target->transfer_syntax_uid),
        .quality = (uint8_t)(target->quality ? target->quality : DEFAULT_QUALITY)};
    return pacs_bridge_jpeg_encode(&image, &options, samples ? (const uint8_t *)samples : native->bytes, out,
                                   err);
}

static const char *const decodes[] = {
    PACS_UID_JPEG_LOSSLESS_SV1,
    PACS_UID_JPEG_LOSSLESS,
    PACS_UID_JPEG_BASELINE,
    PACS_UID_JPEG_EXTENDED,
    "1.2.840.10008.1.2.4.53",
    "1.2.840.10008.1.2.4.55",
    NULL,
};
static const char *const encodes[] = {
    PACS_UID_JPEG_LOSSLESS_SV1,
    PACS_UID_JPEG_LOSSLESS,
    PACS_UID_JPEG_EXTENDED,
    NULL,
};

const TranscodeCodec transcode_codec_ijg = {
    .name = "ijg",
    .decodes = decodes,
    .encodes = encodes,
    .takes = takes,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
