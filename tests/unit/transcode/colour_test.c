#include "transcode/colour.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/uid.h"

static TranscodeFrame frame_of(TranscodePhotometric photometric, uint16_t bits, uint32_t rows,
                               uint32_t columns, const void *bytes, size_t size)
{
    const uint16_t allocated = bits <= 8 ? 8 : 16;

    return (TranscodeFrame){.transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE,
                            .layout = {.rows = rows,
                                       .columns = columns,
                                       .samples_per_pixel = 3,
                                       .bits_allocated = allocated,
                                       .bits_stored = bits,
                                       .high_bit = (uint16_t)(bits - 1),
                                       .photometric = photometric},
                            .bytes = bytes,
                            .size = size};
}

static double clamped(double value, double white)
{
    return value < 0 ? 0 : value > white ? white : value;
}

/* C.7.6.3.1.2 the other way round, in real numbers. */
static void exact_rgb(const double ybr[3], unsigned bits, bool is_partial, double ret_rgb[3])
{
    const double white = ldexp(1, (int)bits) - 1, middle = ldexp(1, (int)bits - 1);
    const double luma = is_partial ? 255.0 / 219 : 1, chroma = is_partial ? 255.0 / 224 : 1;
    const double y = luma * (ybr[0] - (is_partial ? ldexp(16, (int)bits - 8) : 0));
    const double cb = chroma * (ybr[1] - middle), cr = chroma * (ybr[2] - middle);

    ret_rgb[0] = clamped(y + 1.402 * cr, white);
    ret_rgb[1] = clamped(y - 0.344136286 * cb - 0.714136286 * cr, white);
    ret_rgb[2] = clamped(y + 1.772 * cb, white);
}

static uint32_t sample_of(const uint8_t *bytes, size_t index, unsigned bits)
{
    return bits <= 8 ? bytes[index] : (uint32_t)(bytes[2 * index] | bytes[2 * index + 1] << 8);
}

static void check_every_colour(TranscodePhotometric photometric, unsigned bits, bool is_partial)
{
    enum { EDGE = 17, PIXELS = EDGE * EDGE * EDGE };
    const unsigned white = (1u << bits) - 1;
    static uint8_t in[PIXELS * 6], out[PIXELS * 6];
    const size_t word = bits <= 8 ? 1 : 2;

    for (size_t i = 0; i < PIXELS; i++) {
        const size_t steps[3] = {i % EDGE, i / EDGE % EDGE, i / EDGE / EDGE};

        for (size_t k = 0; k < 3; k++) {
            const unsigned value = (unsigned)(steps[k] * white / (EDGE - 1));

            in[(3 * i + k) * word] = (uint8_t)value;
            if (word == 2)
                in[(3 * i + k) * 2 + 1] = (uint8_t)(value >> 8);
        }
    }
    const TranscodeFrame frame = frame_of(photometric, (uint16_t)bits, EDGE, EDGE * EDGE, in,
                                          PIXELS * 3 * word);
    assert_int_equal(transcode_colour_to_rgb(&frame, out, PIXELS * 3 * word, NULL), PACS_OK);
    for (size_t i = 0; i < PIXELS; i++) {
        double ybr[3], rgb[3];

        for (size_t k = 0; k < 3; k++)
            ybr[k] = sample_of(in, 3 * i + k, bits);
        exact_rgb(ybr, bits, is_partial, rgb);
        for (size_t k = 0; k < 3; k++)
            assert_true(fabs(sample_of(out, 3 * i + k, bits) - rgb[k]) <= (bits > 12 ? 1 : 0.52));
    }
}

static void ybr_full_becomes_rgb_at_every_depth(void **state)
{
    (void)state;
    for (unsigned bits = 2; bits <= 16; bits++)
        check_every_colour(TRANSCODE_YBR_FULL, bits, false);
}

static void pixels_that_share_their_colour_get_it_each(void **state)
{
    (void)state;
    /* two rows of three columns: the fourth luma is nobody's */
    const uint8_t in[] = {10, 20, 128, 128, 30, 99, 128, 255, 40, 50, 0, 128, 60, 99, 128, 128};
    uint8_t out[18];
    const TranscodeFrame frame = frame_of(TRANSCODE_YBR_FULL_422, 8, 2, 3, in, sizeof in);

    assert_int_equal(transcode_colour_to_rgb(&frame, out, sizeof out, NULL), PACS_OK);
    const uint8_t expected[] = {10, 10, 10, 20, 20, 20, 208, 0, 30, 40, 84, 0, 50, 94, 0, 60, 60, 60};
    assert_memory_equal(out, expected, sizeof out);
}

static void partial_range_reaches_black_and_white(void **state)
{
    (void)state;
    const uint8_t in[] = {16, 235, 128, 128};
    uint8_t out[6];
    const TranscodeFrame frame = frame_of(TRANSCODE_YBR_PARTIAL_422, 8, 1, 2, in, sizeof in);

    assert_int_equal(transcode_colour_to_rgb(&frame, out, sizeof out, NULL), PACS_OK);
    const uint8_t expected[] = {0, 0, 0, 255, 255, 255};
    assert_memory_equal(out, expected, sizeof out);
    /* native frames of three samples a pixel: the matrix of all colours */
    check_every_colour(TRANSCODE_YBR_PARTIAL_420, 8, true);
    check_every_colour(TRANSCODE_YBR_PARTIAL_420, 16, true);
}

static void who_says_422_and_writes_three_samples_a_pixel_means_full(void **state)
{
    (void)state;
    const uint8_t in[] = {10, 128, 128, 20, 128, 128};
    uint8_t out[6];
    const TranscodeFrame frame = frame_of(TRANSCODE_YBR_FULL_422, 8, 1, 2, in, sizeof in);

    assert_int_equal(transcode_colour_to_rgb(&frame, out, sizeof out, NULL), PACS_OK);
    const uint8_t expected[] = {10, 10, 10, 20, 20, 20};
    assert_memory_equal(out, expected, sizeof out);
}

static void planes_are_put_together_by_pixel(void **state)
{
    (void)state;
    const uint8_t in[] = {1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24};
    uint8_t out[12];
    TranscodeFrame frame = frame_of(TRANSCODE_RGB, 8, 2, 2, in, sizeof in);

    frame.layout.is_planar = true;
    assert_int_equal(transcode_colour_to_rgb(&frame, out, sizeof out, NULL), PACS_OK);
    const uint8_t expected[] = {1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24};
    assert_memory_equal(out, expected, sizeof out);
}

static void rows_longer_than_a_strip_are_whole(void **state)
{
    (void)state;
    enum { COLUMNS = 2501, GROUPS = (COLUMNS + 1) / 2 };
    static uint8_t in[2 * GROUPS * 4], out[2 * COLUMNS * 3];

    for (size_t i = 0; i < 2 * GROUPS; i++)
        memcpy(in + 4 * i, (const uint8_t[]){(uint8_t)(2 * i), (uint8_t)(2 * i + 1), 128, 128}, 4);
    const TranscodeFrame frame = frame_of(TRANSCODE_YBR_FULL_422, 8, 2, COLUMNS, in, sizeof in);
    assert_int_equal(transcode_colour_to_rgb(&frame, out, sizeof out, NULL), PACS_OK);
    for (size_t i = 0; i < COLUMNS; i++) {
        assert_int_equal(out[3 * i], (uint8_t)i);
        assert_int_equal(out[3 * (COLUMNS + i) + 2], (uint8_t)(2 * GROUPS + i));
    }
}

static void bits_beside_the_samples_are_left_out(void **state)
{
    (void)state;
    const uint16_t in[] = {0xF123, 0x1234, 0x8FFF};
    uint16_t out[3];
    TranscodeFrame frame = frame_of(TRANSCODE_RGB, 12, 1, 1, in, sizeof in);

    assert_int_equal(transcode_colour_to_rgb(&frame, (uint8_t *)out, sizeof out, NULL), PACS_OK);
    assert_memory_equal(out, ((const uint16_t[]){0x123, 0x234, 0xFFF}), sizeof out);
    frame.layout.high_bit = 15;
    assert_int_equal(transcode_colour_to_rgb(&frame, (uint8_t *)out, sizeof out, NULL), PACS_OK);
    assert_memory_equal(out, ((const uint16_t[]){0xF12, 0x123, 0x8FF}), sizeof out);
}

static void what_is_no_colour_or_too_short_is_refused(void **state)
{
    (void)state;
    const uint8_t in[6] = {0};
    uint8_t out[6];
    TranscodeFrame frame = frame_of(TRANSCODE_HSV, 8, 1, 2, in, sizeof in);

    assert_int_equal(transcode_colour_to_rgb(&frame, out, sizeof out, NULL), PACS_UNSUPPORTED);
    frame.layout.photometric = TRANSCODE_YBR_FULL;
    frame.size--;
    assert_int_equal(transcode_colour_to_rgb(&frame, out, sizeof out, NULL), PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ybr_full_becomes_rgb_at_every_depth),
        cmocka_unit_test(pixels_that_share_their_colour_get_it_each),
        cmocka_unit_test(partial_range_reaches_black_and_white),
        cmocka_unit_test(who_says_422_and_writes_three_samples_a_pixel_means_full),
        cmocka_unit_test(planes_are_put_together_by_pixel),
        cmocka_unit_test(rows_longer_than_a_strip_are_whole),
        cmocka_unit_test(bits_beside_the_samples_are_left_out),
        cmocka_unit_test(what_is_no_colour_or_too_short_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
