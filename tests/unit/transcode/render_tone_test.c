#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/rendered.h"

static const TranscodeView all = {0};

static TranscodeRendering windowed(double center, double width, TranscodeWindowFunction function)
{
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.has_window = true;
    rendering.window = (TranscodeWindow){center, width, function};
    return rendering;
}

/* From 0 to 255 without a change. */
static TranscodeRendering as_it_is(void)
{
    return windowed(127.5, 255, TRANSCODE_LINEAR_EXACT);
}

static void a_linear_window_is_that_of_the_standard(void **state)
{
    (void)state;
    /* c 40, w 400: black up to 39.5 - 199.5, white beyond 39.5 + 199.5; -159: (-198.5 / 399 + 0.5) * 255 = 0.6 */
    const uint16_t stored[] = {0, 864, 865, 1064, 1262, 1263, 4095};
    const TranscodeLayout layout = grey_layout(7, 1, 16, 12, false);
    TranscodeRendering rendering = windowed(40, 400, TRANSCODE_LINEAR);

    rendering.rescale_intercept = -1024;
    assert_rendered(&layout, stored, &rendering, &all, 7, 1, 0, 0, 1, 128, 254, 255, 255);
}

static void a_linear_window_of_one_is_a_threshold(void **state)
{
    (void)state;
    const uint8_t stored[] = {9, 10, 11};
    const TranscodeLayout layout = grey_layout(3, 1, 8, 8, false);
    const TranscodeRendering rendering = windowed(10.5, 1, TRANSCODE_LINEAR);

    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 0, 0, 255); /* 10 <= 10.5 - 0.5 */
}

static void exact_and_sigmoid_windows_are_those_of_the_standard(void **state)
{
    (void)state;
    const uint8_t stored[] = {0, 25, 50, 100, 101};
    const int8_t around[] = {-100, -1, 0, 1, 100};
    const TranscodeLayout layout = grey_layout(5, 1, 8, 8, false);
    const TranscodeLayout with_sign = grey_layout(5, 1, 8, 8, true);
    const TranscodeRendering exact = windowed(50, 100, TRANSCODE_LINEAR_EXACT);
    const TranscodeRendering sigmoid = windowed(0, 4, TRANSCODE_SIGMOID);

    assert_rendered(&layout, stored, &exact, &all, 5, 1, 0, 64, 128, 255, 255);
    assert_rendered(&with_sign, around, &sigmoid, &all, 5, 1, 0, 69, 128, 186, 255); /* 255 / (1 + e^(-x)) */
}

static void a_callers_window_is_over_the_images(void **state)
{
    (void)state;
    const uint8_t stored[] = {0, 50, 100};
    const TranscodeLayout layout = grey_layout(3, 1, 8, 8, false);
    const TranscodeWindow window = {50, 100, TRANSCODE_LINEAR_EXACT};
    const TranscodeView view = {.window = &window};
    const uint16_t entries[] = {7};
    const TranscodeLut voi = {.values = entries, .count = 1, .bits = 8};
    TranscodeRendering rendering = windowed(0, 1, TRANSCODE_LINEAR);

    rendering.voi_lut = &voi;
    assert_rendered(&layout, stored, &rendering, &view, 3, 1, 0, 128, 255);
}

static void polarity_is_the_photometric_interpretations_unless_somebody_says_more(void **state)
{
    (void)state;
    const uint8_t stored[] = {0, 10, 255};
    TranscodeLayout layout = grey_layout(3, 1, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 0, 10, 255);
    layout.photometric = TRANSCODE_MONOCHROME1;
    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 255, 245, 0);
    rendering.polarity = TRANSCODE_INVERSE;
    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 255, 245, 0);
    rendering.polarity = TRANSCODE_IDENTITY;
    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 0, 10, 255);
}

static void tables_come_one_after_the_other(void **state)
{
    (void)state;
    const uint16_t modality_entries[] = {100, 200, 300};
    const uint16_t voi_entries[] = {0, 1000, 2000, 4095};
    const uint16_t presentation_entries[] = {0, 10, 255};
    const TranscodeLut modality = {modality_entries, 3, -1, 16};
    const TranscodeLut voi = {voi_entries, 4, 199, 12};
    const TranscodeLut presentation = {presentation_entries, 3, 0, 8};
    const int16_t stored[] = {-5, -1, 0, 1, 9};
    const TranscodeLayout layout = grey_layout(5, 1, 16, 16, true);
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.modality_lut = &modality;
    rendering.voi_lut = &voi;
    /* -> 100 100 200 300 300 -> entries 0 0 1 3 3 -> 1000 / 4095 * 255 = 62.3 */
    assert_rendered(&layout, stored, &rendering, &all, 5, 1, 0, 0, 62, 255, 255);
    rendering.presentation_lut = &presentation; /* 1000 / 4095 * 2 = 0.49: entry 0 */
    assert_rendered(&layout, stored, &rendering, &all, 5, 1, 0, 0, 0, 255, 255);
}

static void padding_is_black_and_left_out_of_the_range(void **state)
{
    (void)state;
    const int16_t stored[] = {-2000, -1999, 0, 100, 200};
    TranscodeLayout layout = grey_layout(5, 1, 16, 16, true);
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.has_padding = true;
    rendering.padding_first = -1999;
    rendering.padding_last = -2000;
    assert_rendered(&layout, stored, &rendering, &all, 5, 1, 0, 0, 0, 128, 255);
    layout.photometric = TRANSCODE_MONOCHROME1;
    assert_rendered(&layout, stored, &rendering, &all, 5, 1, 0, 0, 255, 128, 0);
    rendering.polarity = TRANSCODE_INVERSE;
    assert_rendered(&layout, stored, &rendering, &all, 5, 1, 255, 255, 255, 128, 0);
}

static void without_a_window_the_smallest_value_is_black_and_the_largest_white(void **state)
{
    (void)state;
    const uint16_t stored[] = {1000, 1001, 1002};
    const uint16_t same[] = {7, 7, 7};
    const TranscodeLayout layout = grey_layout(3, 1, 16, 12, false);
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 0, 128, 255);
    rendering.rescale_slope = -1;
    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 255, 128, 0);
    assert_rendered(&layout, same, &rendering, &all, 3, 1, 0, 0, 0);
    rendering.has_padding = true;
    rendering.padding_first = rendering.padding_last = 7;
    assert_rendered(&layout, same, &rendering, &all, 3, 1, 0, 0, 0);
}

static void the_range_is_the_whole_frames_wherever_one_looks(void **state)
{
    (void)state;
    const uint16_t stored[] = {0, 50, 60, 100};
    const TranscodeLayout layout = grey_layout(4, 1, 16, 12, false);
    const TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;
    const TranscodeView view = {.region_x = 1, .region_width = 2};

    assert_rendered(&layout, stored, &rendering, &view, 2, 1, 128, 153);
}

static void single_bits_are_black_and_white_even_if_all_are_the_same(void **state)
{
    (void)state;
    const uint8_t stored[] = {0xE5, 0x01}; /* 1 0 1, 0 0 1, 1 1 1 */
    const uint8_t set[] = {0xFF, 0x01};
    const TranscodeLayout layout = grey_layout(3, 3, 1, 1, false);
    const TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    assert_rendered(&layout, stored, &rendering, &all, 3, 3, 255, 0, 255, 0, 0, 255, 255, 255, 255);
    assert_rendered(&layout, set, &rendering, &all, 3, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255);
}

static void bits_that_are_not_the_images_are_cut_off(void **state)
{
    (void)state;
    const uint16_t stored[] = {0x00FF, 0x80FF, 0xFFFF}; /* 8 bits at the top */
    const uint16_t unclean[] = {0xF000, 0x1080, 0x20FF};
    TranscodeLayout layout = grey_layout(3, 1, 16, 8, false);
    const TranscodeRendering rendering = as_it_is();

    assert_rendered(&layout, unclean, &rendering, &all, 3, 1, 0, 0x80, 0xFF);
    layout.high_bit = 15;
    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 0, 0x80, 0xFF);
}

static void signs_are_extended_from_the_highest_stored_bit(void **state)
{
    (void)state;
    const uint16_t stored[] = {0x0800, 0x0FFF, 0xFFFF, 0x0000, 0x07FF}; /* -2048 -1 -1 0 2047 */
    const TranscodeLayout layout = grey_layout(5, 1, 16, 12, true);
    const TranscodeRendering rendering = windowed(0, 20, TRANSCODE_LINEAR_EXACT);

    assert_rendered(&layout, stored, &rendering, &all, 5, 1, 0, 115, 115, 128, 255); /* 9 / 20 * 255 */
}

static void long_words_have_tones_too(void **state)
{
    (void)state;
    const uint32_t stored[] = {0, 2000000000u, 4000000000u};
    const int32_t with_sign[] = {INT32_MIN, 0, INT32_MAX};
    const int64_t very_long[] = {-10, 0, 10};
    const TranscodeLayout layout = grey_layout(3, 1, 32, 32, false);
    const TranscodeLayout signed_layout = grey_layout(3, 1, 32, 32, true);
    const TranscodeLayout long_layout = grey_layout(3, 1, 64, 64, true);
    const TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    assert_rendered(&layout, stored, &rendering, &all, 3, 1, 0, 128, 255);
    assert_rendered(&signed_layout, with_sign, &rendering, &all, 3, 1, 0, 128, 255);
    assert_rendered(&long_layout, very_long, &rendering, &all, 3, 1, 0, 128, 255);
}

static void floats_have_tones_and_what_is_no_number_is_black(void **state)
{
    (void)state;
    const float stored[] = {-0.5f, 0, NAN, 0.5f, INFINITY};
    const double as_doubles[] = {-1e300, 0, 1e300, -INFINITY, NAN};
    TranscodeLayout layout = grey_layout(5, 1, 32, 32, false);
    const TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;
    const TranscodeRendering narrow = windowed(0, 0.5, TRANSCODE_LINEAR);

    layout.is_float = true;
    assert_rendered(&layout, stored, &rendering, &all, 5, 1, 0, 128, 0, 255, 255);
    assert_rendered(&layout, stored, &narrow, &all, 5, 1, 0, 128, 0, 255, 255);
    layout.bits_allocated = layout.bits_stored = 64;
    layout.high_bit = 63;
    assert_rendered(&layout, as_doubles, &rendering, &all, 5, 1, 0, 128, 255, 0, 0);
}

static void words_are_read_at_odd_addresses(void **state)
{
    (void)state;
    const uint8_t bytes[] = {99, 0, 0, 255, 0, 128, 0};
    const TranscodeLayout layout = grey_layout(3, 1, 16, 8, false);
    const TranscodeRendering rendering = as_it_is();
    TranscodePicture picture = rendered(&layout, bytes + 1, 6, &rendering, &all);
    const uint8_t expected[] = {0, 255, 128};

    assert_pixels(&picture, 3, 1, expected, 3);
    transcode_picture_clear(&picture);
}

static void tables_of_hostile_shape_and_windows_without_numbers_are_refused(void **state)
{
    (void)state;
    const uint8_t stored[] = {1};
    const uint16_t entries[] = {0, 1};
    const TranscodeLayout layout = grey_layout(1, 1, 8, 8, false);
    const TranscodeLut luts[] = {
        {entries, 0, 0, 8}, {entries, 65537, 0, 8}, {entries, 2, 0, 0}, {entries, 2, 0, 17}, {NULL, 2, 0, 8}};
    const TranscodeRendering windows[] = {windowed(NAN, 1, TRANSCODE_LINEAR),
                                          windowed(0, INFINITY, TRANSCODE_SIGMOID),
                                          windowed(0, -1, TRANSCODE_LINEAR)};

    for (size_t i = 0; i < sizeof luts / sizeof *luts; i++) {
        const TranscodePalette palette = {luts[i], luts[i], luts[i]};
        const TranscodeRendering wrong[] = {{.modality_lut = &luts[i]},
                                            {.voi_lut = &luts[i]},
                                            {.presentation_lut = &luts[i]},
                                            {.palette = &palette}};
        for (size_t j = 0; j < sizeof wrong / sizeof *wrong; j++)
            assert_int_equal(rendering_status(&layout, stored, 1, &wrong[j], &all), PACS_INVALID);
    }
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        assert_int_equal(rendering_status(&layout, stored, 1, &windows[i], &all), PACS_INVALID);
}

static void a_table_may_begin_anywhere(void **state)
{
    (void)state;
    const uint8_t stored[] = {0, 255};
    const uint16_t entries[] = {3, 200};
    const TranscodeLayout layout = grey_layout(2, 1, 8, 8, false);
    const TranscodeLut below = {entries, 2, INT32_MIN, 8};
    const TranscodeLut above = {entries, 2, INT32_MAX, 8};
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.voi_lut = &below;
    assert_rendered(&layout, stored, &rendering, &all, 2, 1, 200, 200);
    rendering.voi_lut = &above;
    assert_rendered(&layout, stored, &rendering, &all, 2, 1, 3, 3);
}

static void a_frame_that_is_too_short_is_refused(void **state)
{
    (void)state;
    const uint8_t stored[] = {1, 2, 3};
    const TranscodeLayout layout = grey_layout(2, 1, 16, 16, false);
    const TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    assert_int_equal(rendering_status(&layout, stored, 3, &rendering, &all), PACS_INVALID);
}

static void values_are_clamped_into_the_target(void **state)
{
    (void)state;
    const int16_t stored[] = {-300, -1, 0, 200, 300};
    const TranscodeFrame frame = {
        .layout = grey_layout(5, 1, 16, 16, true), .bytes = (const uint8_t *)stored, .size = sizeof stored};
    const uint8_t as_8[] = {0, 0, 0, 200, 255};
    const uint16_t as_16[] = {0, 0, 0, 200, 300};
    TranscodePicture picture;

    assert_int_equal(transcode_render_values(&frame, 8, false, &picture, NULL), PACS_OK);
    assert_pixels(&picture, 5, 1, as_8, 5);
    transcode_picture_clear(&picture);
    assert_int_equal(transcode_render_values(&frame, 16, false, &picture, NULL), PACS_OK);
    assert_pixels(&picture, 5, 1, (const uint8_t *)as_16, 10);
    transcode_picture_clear(&picture);
    assert_int_equal(transcode_render_values(&frame, 16, true, &picture, NULL), PACS_OK);
    assert_pixels(&picture, 5, 1, (const uint8_t *)stored, 10);
    assert_true(picture.is_signed);
    transcode_picture_clear(&picture);
}

static void values_that_are_no_numbers_are_the_least(void **state)
{
    (void)state;
    const float stored[] = {NAN, -INFINITY, INFINITY, 1e30f, 2.5f};
    TranscodeFrame frame = {
        .layout = grey_layout(5, 1, 32, 32, false), .bytes = (const uint8_t *)stored, .size = sizeof stored};
    const int16_t expected[] = {INT16_MIN, INT16_MIN, INT16_MAX, INT16_MAX, 3};
    TranscodePicture picture;

    frame.layout.is_float = true;
    assert_int_equal(transcode_render_values(&frame, 16, true, &picture, NULL), PACS_OK);
    assert_pixels(&picture, 5, 1, (const uint8_t *)expected, 10);
    transcode_picture_clear(&picture);
}

static void values_of_colours_are_colours_in_8_bits(void **state)
{
    (void)state;
    const uint8_t stored[] = {1, 2, 3};
    const TranscodeFrame frame = {.layout = colour_layout(1, 1, TRANSCODE_RGB), .bytes = stored, .size = 3};
    TranscodePicture picture;

    assert_int_equal(transcode_render_values(&frame, 8, false, &picture, NULL), PACS_OK);
    assert_pixels(&picture, 1, 1, stored, 3);
    transcode_picture_clear(&picture);
    assert_int_equal(transcode_render_values(&frame, 16, false, &picture, NULL), PACS_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_window_is_that_of_the_standard),
        cmocka_unit_test(a_linear_window_of_one_is_a_threshold),
        cmocka_unit_test(exact_and_sigmoid_windows_are_those_of_the_standard),
        cmocka_unit_test(a_callers_window_is_over_the_images),
        cmocka_unit_test(polarity_is_the_photometric_interpretations_unless_somebody_says_more),
        cmocka_unit_test(tables_come_one_after_the_other),
        cmocka_unit_test(padding_is_black_and_left_out_of_the_range),
        cmocka_unit_test(without_a_window_the_smallest_value_is_black_and_the_largest_white),
        cmocka_unit_test(the_range_is_the_whole_frames_wherever_one_looks),
        cmocka_unit_test(single_bits_are_black_and_white_even_if_all_are_the_same),
        cmocka_unit_test(bits_that_are_not_the_images_are_cut_off),
        cmocka_unit_test(signs_are_extended_from_the_highest_stored_bit),
        cmocka_unit_test(long_words_have_tones_too),
        cmocka_unit_test(floats_have_tones_and_what_is_no_number_is_black),
        cmocka_unit_test(words_are_read_at_odd_addresses),
        cmocka_unit_test(tables_of_hostile_shape_and_windows_without_numbers_are_refused),
        cmocka_unit_test(a_table_may_begin_anywhere),
        cmocka_unit_test(a_frame_that_is_too_short_is_refused),
        cmocka_unit_test(values_are_clamped_into_the_target),
        cmocka_unit_test(values_that_are_no_numbers_are_the_least),
        cmocka_unit_test(values_of_colours_are_colours_in_8_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
