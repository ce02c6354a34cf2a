#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/rendered.h"

static const TranscodeView all = {0};
static const TranscodeRendering plain = {.rescale_slope = 1, .pixel_aspect = 1};

static void rgb_stays_as_it_is_by_pixel_and_by_plane(void **state)
{
    (void)state;
    const uint8_t by_pixel[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const uint8_t by_plane[] = {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12};
    const TranscodeView corner = {.region_x = 1, .region_y = 1};
    TranscodeLayout layout = colour_layout(2, 2, TRANSCODE_RGB);

    assert_rendered(&layout, by_pixel, &plain, &all, 2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    assert_rendered(&layout, by_pixel, &plain, &corner, 1, 1, 10, 11, 12);
    layout.is_planar = true;
    assert_rendered(&layout, by_plane, &plain, &all, 2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    assert_rendered(&layout, by_plane, &plain, &corner, 1, 1, 10, 11, 12);
}

static void rgb_of_16_bits_is_brought_to_8(void **state)
{
    (void)state;
    const uint16_t stored[] = {0, 2048, 4095};
    const uint16_t full[] = {0x0100, 0x7FFF, 0xFFFF};
    TranscodeLayout layout = colour_layout(1, 1, TRANSCODE_RGB);

    layout.bits_allocated = 16;
    layout.bits_stored = 12;
    layout.high_bit = 11;
    assert_rendered(&layout, stored, &plain, &all, 1, 1, 0, 128, 255);
    layout.bits_stored = 16;
    layout.high_bit = 15;
    assert_rendered(&layout, full, &plain, &all, 1, 1, 1, 127, 255);
}

static void ybr_becomes_rgb_also_where_columns_share_it(void **state)
{
    (void)state;
    const uint8_t full[] = {76, 85, 255, 100, 128, 128}; /* red, grey */
    const uint8_t shared[] = {76,  76, 85,  255,
                              100, 0,  128, 128}; /* red, red, and one of a pair that is cut */
    const TranscodeLayout layout = colour_layout(2, 1, TRANSCODE_YBR_FULL);
    const TranscodeLayout layout_422 = colour_layout(3, 1, TRANSCODE_YBR_FULL_422);

    assert_rendered(&layout, full, &plain, &all, 2, 1, 254, 0, 0, 100, 100, 100);
    assert_rendered(&layout_422, shared, &plain, &all, 3, 1, 254, 0, 0, 254, 0, 0, 100, 100, 100);
}

static void a_422_frame_of_full_size_is_taken_for_what_it_is(void **state)
{
    (void)state;
    const uint8_t full[] = {76, 85, 255, 100, 128, 128};
    const TranscodeLayout layout = colour_layout(2, 1, TRANSCODE_YBR_FULL_422);

    assert_rendered(&layout, full, &plain, &all, 2, 1, 254, 0, 0, 100, 100, 100);
}

static void retired_colours_are_shown_sensibly(void **state)
{
    (void)state;
    const uint8_t hsv[] = {0,   255, 255, 85, 255, 255,
                           170, 255, 128, 9,  0,   77}; /* red, green, dark blue, grey */
    const uint8_t argb[] = {9, 1, 2, 3};
    const uint8_t cmyk[] = {0, 0, 0, 0, 255, 0, 10, 5};
    const TranscodeLayout hsv_layout = colour_layout(4, 1, TRANSCODE_HSV);
    TranscodeLayout layout = colour_layout(1, 1, TRANSCODE_ARGB);

    assert_rendered(&hsv_layout, hsv, &plain, &all, 4, 1, 255, 0, 0, 0, 255, 0, 0, 0, 128, 77, 77, 77);
    layout.samples_per_pixel = 4;
    assert_rendered(&layout, argb, &plain, &all, 1, 1, 1, 2, 3);
    layout.photometric = TRANSCODE_CMYK;
    layout.columns = 2;
    assert_rendered(&layout, cmyk, &plain, &all, 2, 1, 255, 255, 255, 0, 250, 240);
}

static void a_term_nobody_defined_with_three_samples_is_rgb(void **state)
{
    (void)state;
    const uint8_t stored[] = {1, 2, 3};
    const TranscodeLayout other = colour_layout(1, 1, TRANSCODE_OTHER);
    const TranscodeLayout grey = colour_layout(1, 1, TRANSCODE_MONOCHROME2);

    assert_rendered(&other, stored, &plain, &all, 1, 1, 1, 2, 3);
    assert_rendered(&grey, stored, &plain, &all, 1, 1, 1, 2, 3);
}

static void palettes_of_8_and_16_bits_give_colours(void **state)
{
    (void)state;
    const uint16_t rising[] = {0, 0x8000, 0xFFFF};
    const uint16_t low_bytes[] = {0, 128, 255};
    const TranscodePalette deep = {{rising, 3, 10, 16}, {rising, 2, 10, 16}, {rising, 1, 10, 16}};
    const TranscodePalette unfilled = {
        {low_bytes, 3, 10, 16}, {low_bytes, 2, 10, 16}, {low_bytes, 1, 10, 16}};
    const TranscodePalette plain_8 = {{low_bytes, 3, 10, 8}, {low_bytes, 2, 10, 8}, {low_bytes, 1, 10, 8}};
    const TranscodePalette *palettes[] = {&deep, &unfilled, &plain_8};
    const uint8_t stored[] = {9, 10, 11, 12, 13};
    const uint16_t stored_16[] = {9, 10, 11, 12, 13};
    const uint32_t stored_32[] = {9, 10, 11, 12, 13};
    TranscodeLayout layouts[] = {grey_layout(5, 1, 8, 8, false), grey_layout(5, 1, 16, 16, false),
                                 grey_layout(5, 1, 32, 32, false)};

    for (size_t i = 0; i < 3; i++) {
        TranscodeRendering rendering = plain;
        rendering.palette = palettes[i];
        layouts[i].photometric = TRANSCODE_PALETTE_COLOR;
        assert_rendered(&layouts[0], stored, &rendering, &all, 5, 1, 0, 0, 0, 0, 0, 0, 128, 128, 0, 255, 128,
                        0, 255, 128, 0);
        assert_rendered(&layouts[1], stored_16, &rendering, &all, 5, 1, 0, 0, 0, 0, 0, 0, 128, 128, 0, 255,
                        128, 0, 255, 128, 0);
        assert_rendered(&layouts[2], stored_32, &rendering, &all, 5, 1, 0, 0, 0, 0, 0, 0, 128, 128, 0, 255,
                        128, 0, 255, 128, 0);
    }
}

static void a_supplemental_palette_colours_only_what_it_maps(void **state)
{
    (void)state;
    const uint16_t red[] = {255, 100};
    const uint16_t none[] = {0, 0};
    const TranscodePalette palette = {{red, 2, 100, 8}, {none, 2, 100, 8}, {none, 2, 100, 8}};
    const uint8_t stored[] = {0, 50, 99, 100, 101, 200};
    const TranscodeLayout layout = grey_layout(6, 1, 8, 8, false);
    TranscodeRendering rendering = plain;

    rendering.palette = &palette;
    rendering.is_palette_supplemental = true;
    rendering.has_window = true;
    rendering.window = (TranscodeWindow){50, 100, TRANSCODE_LINEAR_EXACT};
    assert_rendered(&layout, stored, &rendering, &all, 6, 1, 0, 0, 0, 128, 128, 128, 252, 252, 252, 255, 0, 0,
                    100, 0, 0, 100, 0, 0);
}

static void colours_nobody_can_read_are_refused(void **state)
{
    (void)state;
    const uint8_t stored[64] = {0};
    TranscodeLayout layout = colour_layout(2, 2, TRANSCODE_RGB);

    layout.bits_allocated = layout.bits_stored = 32;
    layout.high_bit = 31;
    assert_int_equal(rendering_status(&layout, stored, sizeof stored, &plain, &all), PACS_UNSUPPORTED);
    layout = colour_layout(2, 2, TRANSCODE_CMYK);
    assert_int_equal(rendering_status(&layout, stored, sizeof stored, &plain, &all), PACS_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rgb_stays_as_it_is_by_pixel_and_by_plane),
        cmocka_unit_test(rgb_of_16_bits_is_brought_to_8),
        cmocka_unit_test(ybr_becomes_rgb_also_where_columns_share_it),
        cmocka_unit_test(a_422_frame_of_full_size_is_taken_for_what_it_is),
        cmocka_unit_test(retired_colours_are_shown_sensibly),
        cmocka_unit_test(a_term_nobody_defined_with_three_samples_is_rgb),
        cmocka_unit_test(palettes_of_8_and_16_bits_give_colours),
        cmocka_unit_test(a_supplemental_palette_colours_only_what_it_maps),
        cmocka_unit_test(colours_nobody_can_read_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
