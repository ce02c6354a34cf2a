#include <charls/charls.h>

#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "transcode/codec_backend.h"
#include "transcode/samples.h"

/** JPEG-LS by CharLS. A codestream knows no sign: signed samples are their low bits (PS3.5 8.2.3). */

#define MIN_PRECISION 2u /* T.87 C.2.2 */

static void free_decoder(charls_jpegls_decoder **decoder)
{
    charls_jpegls_decoder_destroy(*decoder);
}

static void free_encoder(charls_jpegls_encoder **encoder)
{
    charls_jpegls_encoder_destroy(*encoder);
}

#define AUTO_DECODER __attribute__((cleanup(free_decoder))) charls_jpegls_decoder *
#define AUTO_ENCODER __attribute__((cleanup(free_encoder))) charls_jpegls_encoder *

static PacsStatus fail(PacsError *err, charls_jpegls_errc code)
{
    PacsStatus status = PACS_INVALID;

    switch (code) {
    case CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY:
        status = PACS_NO_MEMORY;
        break;
    case CHARLS_JPEGLS_ERRC_PARAMETER_VALUE_NOT_SUPPORTED:
    case CHARLS_JPEGLS_ERRC_ENCODING_NOT_SUPPORTED:
    case CHARLS_JPEGLS_ERRC_COLOR_TRANSFORM_NOT_SUPPORTED:
    case CHARLS_JPEGLS_ERRC_BIT_DEPTH_FOR_TRANSFORM_NOT_SUPPORTED:
    case CHARLS_JPEGLS_ERRC_JPEGLS_PRESET_EXTENDED_PARAMETER_TYPE_NOT_SUPPORTED:
        status = PACS_UNSUPPORTED;
        break;
    default:
        break;
    }
    return pacs_fail(err, status, "JPEG-LS: %s", charls_get_error_message(code));
}

/* Words as CharLS has them: as narrow as the precision allows. */
static uint32_t word_bits(int32_t precision)
{
    return precision <= 8 ? 8 : 16;
}

/* ---- Decode ---- */

static PacsStatus check_frame(const charls_frame_info *info, const TranscodeLayout *native, PacsError *err)
{
    if (info->height != native->rows || info->width != native->columns ||
        info->component_count != native->samples_per_pixel)
        return pacs_fail(
            err, PACS_INVALID,
            "the JPEG-LS codestream has %u rows, %u columns, %d samples a pixel; the attributes say "
            "%u, %u, %u",
            info->height, info->width, info->component_count, native->rows, native->columns,
            native->samples_per_pixel);
    if (info->bits_per_sample > native->bits_allocated)
        return pacs_fail(err, PACS_INVALID,
                         "the JPEG-LS codestream has %d bits a sample; the attributes allocate %u",
                         info->bits_per_sample, native->bits_allocated);
    return PACS_OK;
}

/* By plane, or in words of another width: not as native frames have it. */
static PacsStatus decode_rearranged(charls_jpegls_decoder *decoder, const charls_frame_info *info,
                                    bool by_plane, const TranscodeLayout *native, uint8_t *out,
                                    PacsError *err)
{
    const size_t pixels = (size_t)info->width * info->height;
    const size_t components = native->samples_per_pixel;
    const uint32_t bits = word_bits(info->bits_per_sample);
    const size_t size = pixels * components * bits / 8;
    PACS_AUTO_FREE uint8_t *decoded = malloc(size);

    if (!decoded)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a frame of %zu bytes", size);
    const charls_jpegls_errc code = charls_jpegls_decoder_decode_to_buffer(decoder, decoded, size, 0);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return fail(err, code);
    if (!by_plane) {
        transcode_samples_convert(decoded, (TranscodeWords){bits, 1}, out,
                                  (TranscodeWords){native->bits_allocated, 1}, pixels * components);
        return PACS_OK;
    }
    for (size_t i = 0; i < components; i++)
        transcode_samples_convert(decoded + i * pixels * bits / 8, (TranscodeWords){bits, 1},
                                  out + i * native->bits_allocated / 8,
                                  (TranscodeWords){native->bits_allocated, components}, pixels);
    return PACS_OK;
}

static PacsStatus decode_bytes(const uint8_t *bytes, size_t size, const TranscodeLayout *native, uint8_t *out,
                               size_t out_size, PacsError *err)
{
    AUTO_DECODER decoder = charls_jpegls_decoder_create();
    charls_frame_info info;
    charls_interleave_mode interleave;

    if (!decoder)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a JPEG-LS decoder");
    charls_jpegls_errc code = charls_jpegls_decoder_set_source_buffer(decoder, bytes, size);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_read_header(decoder);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_frame_info(decoder, &info);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_interleave_mode(decoder, &interleave);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return fail(err, code);
    PacsStatus status = check_frame(&info, native, err);
    if (status != PACS_OK)
        return status;

    const bool by_plane = native->samples_per_pixel > 1 && interleave == CHARLS_INTERLEAVE_MODE_NONE;
    if (by_plane || word_bits(info.bits_per_sample) != native->bits_allocated)
        status = decode_rearranged(decoder, &info, by_plane, native, out, err);
    else if ((code = charls_jpegls_decoder_decode_to_buffer(decoder, out, out_size, 0)) !=
             CHARLS_JPEGLS_ERRC_SUCCESS)
        status = fail(err, code);
    if (status == PACS_OK && native->is_signed) /* the others have 0 above their bits already */
        transcode_samples_extend(native, (uint32_t)info.bits_per_sample, out,
                                 out_size / transcode_sample_size(native));
    return status;
}

/* Bytes up to the zeros that stand in front of the end marker; 0 where there are none. */
static size_t size_without_filling(const TranscodeFrame *frame)
{
    size_t end = frame->size;

    while (end > 0 && frame->bytes[end - 1] == 0) /* behind the end: the padding of a fragment */
        end--;
    if (end < 4 || memcmp(frame->bytes + end - 3, "\x00\xFF\xD9", 3) != 0)
        return 0;
    for (end -= 2; end > 0 && frame->bytes[end - 1] == 0;)
        end--;
    return end;
}

/* Old encoders made the length even in front of the end marker (WG 4's MR1_JLSL is one), where CharLS, for good reasons,
 * wants nothing: such a frame gets a second try. */
static PacsStatus decode(const TranscodeFrame *frame, const TranscodeLayout *native, uint8_t *out,
                         size_t out_size, PacsError *err)
{
    PacsError first = {0};
    const size_t size = size_without_filling(frame);

    PacsStatus status = decode_bytes(frame->bytes, frame->size, native, out, out_size, &first);
    if (status == PACS_INVALID && size > 0) {
        PACS_AUTO_FREE uint8_t *bytes = malloc(size + 2);
        if (!bytes)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for a frame of %zu bytes", size);
        memcpy(bytes, frame->bytes, size);
        bytes[size] = 0xFF;
        bytes[size + 1] = 0xD9;
        status = decode_bytes(bytes, size + 2, native, out, out_size, NULL);
    }
    return status == PACS_OK ? status : pacs_fail(err, status, "%s", first.text);
}

/* ---- Encode ---- */

static bool is_near_lossless(const char *transfer_syntax_uid)
{
    return strcmp(transfer_syntax_uid, PACS_UID_JPEG_LS_NEAR_LOSSLESS) == 0;
}

static bool can_encode(const char *transfer_syntax_uid, const TranscodeLayout *layout)
{
    (void)transfer_syntax_uid;
    return layout->bits_allocated == 8 || layout->bits_allocated == 16;
}

/* How far all samples are from the largest and the smallest value there is: as low bits those two are neighbours, and
 * an error would turn the one into the other. */
static uint32_t signed_room(const TranscodeFrame *native, uint32_t precision)
{
    const int64_t top = (1 << (precision - 1)) - 1;
    int64_t smallest = 0, largest = 0;

    transcode_samples_range(&native->layout, native->bytes, native->size, &smallest, &largest);
    return (uint32_t)(-1 - smallest > largest ? top + 1 + smallest : top - largest);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* T.87 C.2.4.1.1: at most half of the largest value, and 255. */
static int32_t near_of(const TranscodeFrame *native, const TranscodeTarget *target, uint32_t precision)
{
    uint32_t near = smaller(target->near ? target->near : 2, smaller(255, ((1u << precision) - 1) / 2));

    if (!is_near_lossless(target->transfer_syntax_uid))
        return 0;
    if (native->layout.is_signed)
        near = smaller(near, signed_room(native, precision));
    return (int32_t)near;
}

static charls_jpegls_errc set_up(charls_jpegls_encoder *encoder, const TranscodeLayout *layout,
                                 uint32_t precision, int32_t near)
{
    const charls_frame_info info = {
        .width = layout->columns,
        .height = layout->rows,
        .bits_per_sample = (int32_t)precision,
        .component_count = layout->samples_per_pixel,
    };
    charls_jpegls_errc code = charls_jpegls_encoder_set_frame_info(encoder, &info);

    if (code == CHARLS_JPEGLS_ERRC_SUCCESS && layout->samples_per_pixel > 1)
        code = charls_jpegls_encoder_set_interleave_mode(encoder, CHARLS_INTERLEAVE_MODE_SAMPLE);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_set_near_lossless(encoder, near);
    return code;
}

/* Straight into `out`, with room for as many bytes as `factor` times what CharLS expects. */
static charls_jpegls_errc write_frame(const TranscodeLayout *layout, uint32_t precision, int32_t near,
                                      const uint8_t *words, size_t size, size_t factor, PacsBuffer *out,
                                      PacsStatus *ret_status, PacsError *err)
{
    AUTO_ENCODER encoder = charls_jpegls_encoder_create();
    size_t room = 0, written = 0;

    if (!encoder)
        return CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY;
    charls_jpegls_errc code = set_up(encoder, layout, precision, near);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_get_estimated_destination_size(encoder, &room);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return code;
    *ret_status = pacs_buffer_reserve(out, room * factor, err);
    if (*ret_status != PACS_OK)
        return CHARLS_JPEGLS_ERRC_SUCCESS;
    code = charls_jpegls_encoder_set_destination_buffer(encoder, out->bytes + out->size, room * factor);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_encode_from_buffer(encoder, words, size, 0);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_encoder_get_bytes_written(encoder, &written);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        out->size += written;
    return code;
}

/* Noise grows: T.87 allows 4 times the words, which its like never reaches twice. */
static PacsStatus write_growing(const TranscodeLayout *layout, uint32_t precision, int32_t near,
                                const uint8_t *words, size_t size, PacsBuffer *out, PacsError *err)
{
    charls_jpegls_errc code = CHARLS_JPEGLS_ERRC_DESTINATION_BUFFER_TOO_SMALL;
    PacsStatus status = PACS_OK;

    for (size_t factor = 1; factor <= 8 && code == CHARLS_JPEGLS_ERRC_DESTINATION_BUFFER_TOO_SMALL;
         factor *= 2)
        code = write_frame(layout, precision, near, words, size, factor, out, &status, err);
    return code == CHARLS_JPEGLS_ERRC_SUCCESS ? status : fail(err, code);
}

static PacsStatus encode(const TranscodeFrame *native, const TranscodeTarget *target,
                         const TranscodeLayout *as, PacsBuffer *out, PacsError *err)
{
    const TranscodeLayout *layout = &native->layout;
    const size_t count = native->size / transcode_sample_size(layout);
    uint32_t precision = transcode_samples_precision(layout, native->bytes, native->size);
    PACS_AUTO_FREE uint8_t *narrow = NULL;

    (void)as;
    if (precision < MIN_PRECISION)
        precision = MIN_PRECISION;
    const int32_t near = near_of(native, target, precision);
    const uint32_t bits = word_bits((int32_t)precision);
    if (bits == layout->bits_allocated)
        return write_growing(layout, precision, near, native->bytes, native->size, out, err);
    if (!(narrow = malloc(count)))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a frame of %zu bytes", count);
    transcode_samples_convert(native->bytes, (TranscodeWords){layout->bits_allocated, 1}, narrow,
                              (TranscodeWords){bits, 1}, count);
    return write_growing(layout, precision, near, narrow, count, out, err);
}

static const char *const syntaxes[] = {PACS_UID_JPEG_LS_LOSSLESS, PACS_UID_JPEG_LS_NEAR_LOSSLESS, NULL};

const TranscodeCodec transcode_codec_charls = {
    .name = "charls",
    .decodes = syntaxes,
    .encodes = syntaxes,
    .decode = decode,
    .can_encode = can_encode,
    .encode = encode,
};
