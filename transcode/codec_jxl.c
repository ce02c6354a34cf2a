#include <jxl/decode.h>
#include <jxl/encode.h>

#include <stdlib.h>
#include <string.h>

#include "transcode/codec_backend.h"
#include "transcode/samples.h"

/**
 * JPEG XL by libjxl 0.7. It knows no sign: lossless codestreams hold signed samples as their low bits, as JPEG-LS does.
 * Pixels go in and out of it as fractions of the full range of 8 or 16 bits, whatever the precision.
 */

#define UID_LOSSLESS "1.2.840.10008.1.2.4.110"
#define UID_JPEG_RECOMPRESSION "1.2.840.10008.1.2.4.111"
#define UID_JPEG_XL "1.2.840.10008.1.2.4.112"

#define EFFORT 3                /* of 9: the fastest that learns its contexts */
#define OUTPUT_STEP (64u << 10) /* what libjxl is given to write into at a time */

static void free_decoder(JxlDecoder **decoder)
{
    JxlDecoderDestroy(*decoder);
}

static void free_encoder(JxlEncoder **encoder)
{
    if (*encoder)
        JxlEncoderDestroy(*encoder);
}

#define AUTO_DECODER __attribute__((cleanup(free_decoder))) JxlDecoder *
#define AUTO_ENCODER __attribute__((cleanup(free_encoder))) JxlEncoder *

static uint32_t word_bits(uint32_t precision)
{
    return precision <= 8 ? 8 : 16;
}

static JxlPixelFormat pixel_format(uint32_t samples, uint32_t precision)
{
    return (JxlPixelFormat){
        .num_channels = samples,
        .data_type = word_bits(precision) == 8 ? JXL_TYPE_UINT8 : JXL_TYPE_UINT16,
        .endianness = JXL_LITTLE_ENDIAN,
    };
}

/* From one range to another, rounded; on the way to the wider one and back nothing is lost. */
static uint32_t scaled(uint32_t value, uint32_t from_top, uint32_t to_top)
{
    return (uint32_t)(((uint64_t)value * to_top + from_top / 2) / from_top);
}

static uint32_t top_of(uint32_t bits)
{
    return (1u << bits) - 1;
}

/* ---- Decode ---- */

static PacsStatus check_info(const JxlBasicInfo *info, const TranscodeLayout *native, PacsError *err)
{
    if (info->ysize != native->rows || info->xsize != native->columns ||
        info->num_color_channels != native->samples_per_pixel)
        return pacs_fail(
            err, PACS_INVALID,
            "the JPEG XL codestream has %u rows, %u columns, %u samples a pixel; the attributes say %u, "
            "%u, %u",
            info->ysize, info->xsize, info->num_color_channels, native->rows, native->columns,
            native->samples_per_pixel);
    if (info->exponent_bits_per_sample != 0)
        return pacs_fail(err, PACS_UNSUPPORTED, "JPEG XL with floating point samples is not decoded");
    if (info->bits_per_sample > native->bits_allocated || info->bits_per_sample > 16)
        return pacs_fail(
            err, PACS_INVALID,
            "the JPEG XL codestream has %u bits a sample; the attributes allocate %u, and 16 are decoded",
            info->bits_per_sample, native->bits_allocated);
    return PACS_OK;
}

/* Full range to precision, and into the words of the native frame. */
static void store_words(const uint8_t *words, uint32_t precision, const TranscodeLayout *native, uint8_t *out,
                        size_t count)
{
    const TranscodeLayout in_a_row = {
        .bits_allocated = native->bits_allocated, .samples_per_pixel = 1, .is_signed = native->is_signed};
    const uint32_t bits = word_bits(precision);
    const TranscodeLayout as_words = {.bits_allocated = (uint16_t)bits, .samples_per_pixel = 1};
    int32_t values[1024];

    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < 1024 ? count - at : 1024;
        transcode_samples_to_ints(&as_words, words + at * bits / 8, n, values);
        for (size_t i = 0; i < n && precision != bits; i++)
            values[i] = (int32_t)scaled((uint32_t)values[i], top_of(bits), top_of(precision));
        transcode_samples_from_ints(&in_a_row, precision, values, n, out + at * native->bits_allocated / 8);
    }
}

typedef struct Decoding {
    JxlDecoder *decoder;
    const TranscodeLayout *native;
    uint32_t precision;
    uint8_t *words;
    size_t size;
} Decoding;

static PacsStatus learn_size(Decoding *decoding, PacsError *err)
{
    JxlBasicInfo info;

    if (JxlDecoderGetBasicInfo(decoding->decoder, &info) != JXL_DEC_SUCCESS)
        return pacs_fail(err, PACS_INVALID, "the JPEG XL codestream does not say what it is");
    decoding->precision = info.bits_per_sample;
    return check_info(&info, decoding->native, err);
}

static PacsStatus give_room(Decoding *decoding, PacsError *err)
{
    const TranscodeLayout *native = decoding->native;
    const JxlPixelFormat format = pixel_format(native->samples_per_pixel, decoding->precision);

    free(decoding->words); /* of a frame before: an animation ends with its last one */
    decoding->size = (size_t)native->rows * native->columns * native->samples_per_pixel *
                     word_bits(decoding->precision) / 8;
    decoding->words = malloc(decoding->size);
    if (!decoding->words)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a frame of %zu bytes", decoding->size);
    if (JxlDecoderSetImageOutBuffer(decoding->decoder, &format, decoding->words, decoding->size) !=
        JXL_DEC_SUCCESS)
        return pacs_fail(err, PACS_INVALID, "the JPEG XL codestream has other colours than the attributes");
    return PACS_OK;
}

/* Up to the first whole frame. */
static PacsStatus run_decoder(Decoding *decoding, PacsError *err)
{
    PacsStatus status = PACS_OK;

    while (status == PACS_OK)
        switch (JxlDecoderProcessInput(decoding->decoder)) {
        case JXL_DEC_BASIC_INFO:
            status = learn_size(decoding, err);
            break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
            status = give_room(decoding, err);
            break;
        case JXL_DEC_FULL_IMAGE:
            return PACS_OK;
        case JXL_DEC_NEED_MORE_INPUT:
            return pacs_fail(err, PACS_INVALID, "the JPEG XL codestream ends in its middle");
        default:
            return pacs_fail(err, PACS_INVALID, "the JPEG XL codestream is broken");
        }
    return status;
}

static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    AUTO_DECODER decoder = JxlDecoderCreate(NULL);
    Decoding decoding = {.decoder = decoder, .native = native};

    if (!decoder ||
        JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE) != JXL_DEC_SUCCESS ||
        JxlDecoderSetKeepOrientation(decoder, JXL_TRUE) != JXL_DEC_SUCCESS ||
        JxlDecoderSetInput(decoder, frame->bytes, frame->size) != JXL_DEC_SUCCESS)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a JPEG XL decoder");
    JxlDecoderCloseInput(decoder);
    PacsStatus status = run_decoder(&decoding, err);
    if (status == PACS_OK && !decoding.words)
        status = pacs_fail(err, PACS_INVALID, "the JPEG XL codestream has no picture in it");
    if (status == PACS_OK)
        store_words(decoding.words, decoding.precision, native, out,
                    out_size / transcode_sample_size(native));
    free(decoding.words);
    return status;
}

/* ---- Encode ---- */

static bool is_lossless(const char *transfer_syntax_uid)
{
    return strcmp(transfer_syntax_uid, UID_LOSSLESS) == 0;
}

/* Of colours RGB alone: what a codestream calls YBR is undone by its decoder. */
static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    if (layout->bits_allocated != 8 && layout->bits_allocated != 16)
        return false;
    if (layout->samples_per_pixel != 1 && layout->photometric != TRANSCODE_RGB)
        return false;
    return is_lossless(transfer_syntax_uid) || !layout->is_signed; /* 0 and -1 are far apart as low bits */
}

/* The frame in words of full range. */
static uint8_t *load_words(const TranscodeFrame *native, uint32_t precision, size_t *ret_size)
{
    const TranscodeLayout *layout = &native->layout;
    const size_t count = native->size / transcode_sample_size(layout);
    const uint32_t bits = word_bits(precision);
    const TranscodeLayout from = {.bits_allocated = layout->bits_allocated, .samples_per_pixel = 1};
    const TranscodeLayout to = {.bits_allocated = (uint16_t)bits, .samples_per_pixel = 1};
    uint8_t *words = malloc(count * bits / 8);
    int32_t values[1024];

    for (size_t at = 0, n; words && at < count; at += n) {
        n = count - at < 1024 ? count - at : 1024;
        transcode_samples_to_ints(&from, native->bytes + at * transcode_sample_size(layout), n, values);
        for (size_t i = 0; i < n; i++)
            values[i] = (int32_t)scaled((uint32_t)values[i] & top_of(precision), top_of(precision),
                                        top_of(bits));
        transcode_samples_from_ints(&to, bits, values, n, words + at * bits / 8);
    }
    *ret_size = count * bits / 8;
    return words;
}

/* As cjxl has it: 90 is a distance of 1, which few people see. */
static float distance_of(const TranscodeTarget *target)
{
    const uint32_t quality = target->quality ? target->quality : 90;

    if (quality >= 30)
        return 0.1F + (float)(100 - quality) * 0.09F;
    return 6.4F + (float)(30 - quality) * 0.3F;
}

static bool describe(JxlEncoder *encoder, const TranscodeLayout *layout, uint32_t precision, bool keeps_all)
{
    JxlBasicInfo info;
    JxlColorEncoding colours;

    JxlEncoderInitBasicInfo(&info);
    info.xsize = layout->columns;
    info.ysize = layout->rows;
    info.bits_per_sample = precision;
    info.num_color_channels = layout->samples_per_pixel;
    info.uses_original_profile = keeps_all;
    JxlColorEncodingSetToSRGB(&colours, layout->samples_per_pixel == 1);
    if (JxlEncoderSetBasicInfo(encoder, &info) != JXL_ENC_SUCCESS)
        return false;
    if (JxlEncoderGetRequiredCodestreamLevel(encoder) == 10 &&
        JxlEncoderSetCodestreamLevel(encoder, 10) != JXL_ENC_SUCCESS)
        return false;
    return JxlEncoderSetColorEncoding(encoder, &colours) == JXL_ENC_SUCCESS;
}

static bool add_frame(JxlEncoder *encoder, const TranscodeTarget *target, const JxlPixelFormat *format,
                      const uint8_t *words, size_t size)
{
    JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(encoder, NULL);

    if (!settings ||
        JxlEncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT, EFFORT) != JXL_ENC_SUCCESS)
        return false;
    const JxlEncoderStatus status = is_lossless(target->transfer_syntax_uid)
                                        ? JxlEncoderSetFrameLossless(settings, JXL_TRUE)
                                        : JxlEncoderSetFrameDistance(settings, distance_of(target));
    if (status != JXL_ENC_SUCCESS ||
        JxlEncoderAddImageFrame(settings, format, words, size) != JXL_ENC_SUCCESS)
        return false;
    JxlEncoderCloseInput(encoder);
    return true;
}

static PacsStatus write_out(JxlEncoder *encoder, PacsBuffer *out, PacsError *err)
{
    JxlEncoderStatus result = JXL_ENC_NEED_MORE_OUTPUT;

    while (result == JXL_ENC_NEED_MORE_OUTPUT) {
        PacsStatus status = pacs_buffer_reserve(out, OUTPUT_STEP, err);
        if (status != PACS_OK)
            return status;
        uint8_t *next = out->bytes + out->size;
        size_t room = OUTPUT_STEP;
        result = JxlEncoderProcessOutput(encoder, &next, &room);
        out->size += OUTPUT_STEP - room;
    }
    return result == JXL_ENC_SUCCESS ? PACS_OK
                                     : pacs_fail(err, PACS_INTERNAL, "libjxl could not encode the frame");
}

static uint32_t u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* More than 12 bits come in boxes, whose only news is a level that no decoder asks for (ISO 18181-2): the codestream
 * alone, which is in one box or in pieces that are numbered and in order. */
static void drop_boxes(PacsBuffer *out, size_t start)
{
    static const uint8_t signature[] = {0, 0, 0, 12, 'J', 'X', 'L', ' '};
    size_t kept = start;

    if (out->size - start < sizeof signature || memcmp(out->bytes + start, signature, sizeof signature) != 0)
        return;
    for (size_t at = start, length; out->size - at >= 8; at += length) {
        const uint8_t *box = out->bytes + at;
        const size_t header = memcmp(box + 4, "jxlp", 4) == 0 ? 12 : 8;
        length = u32(box);
        if (length == 0 || length > out->size - at) /* to the end */
            length = out->size - at;
        if (length < header)
            break;
        if (memcmp(box + 4, "jxlc", 4) != 0 && memcmp(box + 4, "jxlp", 4) != 0)
            continue;
        memmove(out->bytes + kept, box + header, length - header);
        kept += length - header;
    }
    out->size = kept;
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    const TranscodeLayout *layout = &native->layout;
    const uint32_t precision = transcode_samples_precision(layout, native->bytes, native->size);
    const JxlPixelFormat format = pixel_format(layout->samples_per_pixel, precision);
    const size_t start = out->size;
    size_t size = 0;
    AUTO_ENCODER encoder = JxlEncoderCreate(NULL);
    PACS_AUTO_FREE uint8_t *words = load_words(native, precision, &size);

    (void)as;
    if (!encoder || !words)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to encode a frame of %zu bytes", native->size);
    if (!describe(encoder, layout, precision, is_lossless(target->transfer_syntax_uid)) ||
        !add_frame(encoder, target, &format, words, size))
        return pacs_fail(err, PACS_UNSUPPORTED,
                         "libjxl does not take a frame of %u rows, %u columns and %u bits", layout->rows,
                         layout->columns, precision);
    PacsStatus status = write_out(encoder, out, err);
    if (status == PACS_OK)
        drop_boxes(out, start);
    return status;
}

static const char *const decodes[] = {UID_LOSSLESS, UID_JPEG_RECOMPRESSION, UID_JPEG_XL, NULL};
static const char *const encodes[] = {UID_LOSSLESS, UID_JPEG_XL, NULL};

const TranscodeCodec transcode_codec_jxl = {
    .name = "jxl",
    .decodes = decodes,
    .encodes = encodes,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
