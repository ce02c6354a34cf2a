#include "transcode/colour.h"

#include <string.h>

/* A strip of pixels at a time: samples are gathered into three arrays, converted there, and put out again. Each of the
 * three steps is a plain loop that compilers vectorise, and the strip stays in the first cache. */
#define STRIP 1024

typedef struct Strip {
    uint16_t first[STRIP]; /* Y, then R */
    uint16_t second[STRIP];
    uint16_t third[STRIP];
} Strip;

/* Where the samples of a row begin and how far apart they are, in samples. */
typedef struct Lanes {
    size_t first, second, third;
    size_t step;
} Lanes;

static bool is_422(const TranscodeLayout *layout)
{
    return layout->photometric == TRANSCODE_YBR_FULL_422 || layout->photometric == TRANSCODE_YBR_PARTIAL_422;
}

static bool is_partial(const TranscodeLayout *layout)
{
    return layout->photometric == TRANSCODE_YBR_PARTIAL_422 ||
           layout->photometric == TRANSCODE_YBR_PARTIAL_420;
}

static bool is_ybr(const TranscodeLayout *layout)
{
    return layout->photometric == TRANSCODE_YBR_FULL || layout->photometric == TRANSCODE_YBR_FULL_422 ||
           is_partial(layout);
}

static bool is_colour(const TranscodeLayout *layout)
{
    switch (layout->photometric) {
    case TRANSCODE_RGB:
    case TRANSCODE_YBR_ICT:
    case TRANSCODE_YBR_RCT:
    case TRANSCODE_XYB:
        return true;
    default:
        return is_ybr(layout);
    }
}

PacsStatus transcode_colour_layout(const TranscodeLayout *native, TranscodeLayout *ret_rgb, PacsError *err)
{
    if (!is_colour(native) || native->samples_per_pixel != 3 || native->is_float ||
        (native->bits_allocated != 8 && native->bits_allocated != 16))
        return pacs_fail(err, PACS_UNSUPPORTED, "%u samples of %u bits in %s are not made RGB here",
                         native->samples_per_pixel, native->bits_allocated,
                         transcode_photometric_name(native->photometric));
    *ret_rgb = *native;
    ret_rgb->photometric = TRANSCODE_RGB;
    ret_rgb->high_bit = (uint16_t)(native->bits_stored - 1);
    ret_rgb->is_signed = false;
    ret_rgb->is_planar = false;
    return PACS_OK;
}

/* ---- In and out ---- */

static void gather(const TranscodeFrame *frame, size_t from, size_t step, size_t count, uint16_t *samples)
{
    const TranscodeLayout *layout = &frame->layout;
    const uint32_t shift = layout->high_bit + 1u - layout->bits_stored;
    const uint32_t mask = (1u << layout->bits_stored) - 1;
    const uint8_t *bytes = frame->bytes;

    if (layout->bits_allocated == 8)
        for (size_t i = 0; i < count; i++)
            samples[i] = (uint16_t)(bytes[from + i * step] >> shift & mask);
    else
        for (size_t i = 0; i < count; i++) {
            const uint8_t *word = bytes + 2 * (from + i * step);
            samples[i] = (uint16_t)((uint32_t)(word[0] | word[1] << 8) >> shift & mask);
        }
}

/* Y1 Y2 Cb Cr: from is the group's first sample, column is even. */
static void gather_422(const TranscodeFrame *frame, size_t from, size_t count, Strip *strip)
{
    const size_t pairs = (count + 1) / 2;

    for (size_t i = 0; i < 2; i++) {
        gather(frame, from + i, 4, pairs, strip->second);
        for (size_t k = 0; k < pairs; k++)
            strip->first[2 * k + i] = strip->second[k];
    }
    gather(frame, from + 2, 4, pairs, strip->second);
    gather(frame, from + 3, 4, pairs, strip->third);
    for (size_t k = pairs; k-- > 0;) {
        strip->second[2 * k] = strip->second[2 * k + 1] = strip->second[k];
        strip->third[2 * k] = strip->third[2 * k + 1] = strip->third[k];
    }
}

static void put(const Strip *strip, size_t count, uint16_t bits_allocated, uint8_t *out)
{
    if (bits_allocated == 8)
        for (size_t i = 0; i < count; i++) {
            out[3 * i] = (uint8_t)strip->first[i];
            out[3 * i + 1] = (uint8_t)strip->second[i];
            out[3 * i + 2] = (uint8_t)strip->third[i];
        }
    else
        for (size_t i = 0; i < count; i++) {
            const uint16_t pixel[3] = {strip->first[i], strip->second[i], strip->third[i]};

            for (size_t k = 0; k < 3; k++) {
                out[6 * i + 2 * k] = (uint8_t)pixel[k];
                out[6 * i + 2 * k + 1] = (uint8_t)(pixel[k] >> 8);
            }
        }
}

/* ---- Colour ---- */

/* The inverse of C.7.6.3.1.2's matrices, as parts of 2^16. */
typedef struct Matrix {
    int32_t luma, red_cr, green_cb, green_cr, blue_cb;
    int32_t black;  /* Y of it */
    int32_t middle; /* Cb and Cr of grey */
    int32_t white;  /* the largest sample */
} Matrix;

static Matrix matrix_of(const TranscodeLayout *layout)
{
    const uint32_t bits = layout->bits_stored;
    Matrix matrix = {
        .luma = 65536,      /* 1 */
        .red_cr = 91881,    /* 1.402 */
        .green_cb = -22554, /* 0.344136 */
        .green_cr = -46802, /* 0.714136 */
        .blue_cb = 116130,  /* 1.772 */
        .middle = (int32_t)(1u << (bits - 1)),
        .white = (int32_t)((1u << bits) - 1),
    };

    if (is_partial(layout)) {
        matrix.luma = 76309;    /* 255 / 219 */
        matrix.red_cr = 104597; /* 255 / 224 of 1.402 */
        matrix.green_cb = -25675;
        matrix.green_cr = -53279;
        matrix.blue_cb = 132201;
        matrix.black = (int32_t)(bits >= 8 ? 16u << (bits - 8) : 16u >> (8 - bits));
    }
    return matrix;
}

static inline int64_t within(int64_t value, int64_t white)
{
    return value < 0 ? 0 : value > white ? white : value;
}

static inline int32_t within32(int32_t value, int32_t white)
{
    return value < 0 ? 0 : value > white ? white : value;
}

/* Up to 12 bits: 1.17 + 2.02 / 2 of 2^12 in parts of 2^16 stay below 2^31. */
static void convert(const Matrix *matrix, size_t count, Strip *strip)
{
    const Matrix m = *matrix;

    for (size_t i = 0; i < count; i++) {
        const int32_t y = (strip->first[i] - m.black) * m.luma + 32768;
        const int32_t cb = strip->second[i] - m.middle;
        const int32_t cr = strip->third[i] - m.middle;

        strip->first[i] = (uint16_t)within32((y + cr * m.red_cr) >> 16, m.white);
        strip->second[i] = (uint16_t)within32((y + cb * m.green_cb + cr * m.green_cr) >> 16, m.white);
        strip->third[i] = (uint16_t)within32((y + cb * m.blue_cb) >> 16, m.white);
    }
}

static void convert_deep(const Matrix *matrix, size_t count, Strip *strip)
{
    const Matrix m = *matrix;

    for (size_t i = 0; i < count; i++) {
        const int64_t y = (int64_t)(strip->first[i] - m.black) * m.luma + 32768;
        const int64_t cb = strip->second[i] - m.middle;
        const int64_t cr = strip->third[i] - m.middle;

        strip->first[i] = (uint16_t)within((y + cr * m.red_cr) >> 16, m.white);
        strip->second[i] = (uint16_t)within((y + cb * m.green_cb + cr * m.green_cr) >> 16, m.white);
        strip->third[i] = (uint16_t)within((y + cb * m.blue_cb) >> 16, m.white);
    }
}

static Lanes lanes_of(const TranscodeLayout *layout, size_t row)
{
    const size_t plane = (size_t)layout->rows * layout->columns;
    const size_t begin = row * layout->columns;

    if (layout->is_planar)
        return (Lanes){begin, plane + begin, 2 * plane + begin, 1};
    return (Lanes){3 * begin, 3 * begin + 1, 3 * begin + 2, 3};
}

static void gather_strip(const TranscodeFrame *frame, size_t row, size_t column, size_t count, Strip *strip)
{
    if (is_422(&frame->layout)) {
        gather_422(frame, row * (((size_t)frame->layout.columns + 1) / 2 * 4) + column * 2, count, strip);
        return;
    }
    const Lanes lanes = lanes_of(&frame->layout, row);
    gather(frame, lanes.first + column * lanes.step, lanes.step, count, strip->first);
    gather(frame, lanes.second + column * lanes.step, lanes.step, count, strip->second);
    gather(frame, lanes.third + column * lanes.step, lanes.step, count, strip->third);
}

static void convert_frame(const TranscodeFrame *frame, uint8_t *out)
{
    const TranscodeLayout *layout = &frame->layout;
    const Matrix matrix = matrix_of(layout);
    Strip strip;

    for (size_t row = 0; row < layout->rows; row++)
        for (size_t column = 0; column < layout->columns; column += STRIP) {
            const size_t left = layout->columns - column;
            const size_t count = left < STRIP ? left : STRIP;

            gather_strip(frame, row, column, count, &strip);
            if (is_ybr(layout) && layout->bits_stored <= 12)
                convert(&matrix, count, &strip);
            else if (is_ybr(layout))
                convert_deep(&matrix, count, &strip);
            put(&strip, count, layout->bits_allocated, out);
            out += count * 3 * transcode_sample_size(layout);
        }
}

PacsStatus transcode_colour_to_rgb(const TranscodeFrame *native, uint8_t *out, size_t out_size,
                                   PacsError *err)
{
    TranscodeFrame frame = *native;
    TranscodeLayout rgb;
    size_t size = 0;

    transcode_layout_settle(&frame.layout, native->size);
    PacsStatus status = transcode_colour_layout(&frame.layout, &rgb, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&rgb, &size, err);
    if (status == PACS_OK && size != out_size)
        status = pacs_fail(err, PACS_INTERNAL, "RGB of %zu bytes does not go into %zu", size, out_size);
    if (status == PACS_OK)
        status = transcode_layout_size(&frame.layout, &size, err);
    if (status == PACS_OK && native->size < size)
        status = pacs_fail(err, PACS_INVALID, "the frame has %zu bytes, its attributes say %zu", native->size,
                           size);
    if (status == PACS_OK)
        convert_frame(&frame, out);
    return status;
}
