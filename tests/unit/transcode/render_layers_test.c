#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/limits.h"
#include "tests/support/rendered.h"

#define WHITE                                                                                                \
    {                                                                                                        \
        0xFFFF, 0xFFFF, 0xFFFF                                                                               \
    }

static const TranscodeView all = {.shows_overlays = true};

/* From 0 to 255 without a change. */
static TranscodeRendering as_it_is(void)
{
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.has_window = true;
    rendering.window = (TranscodeWindow){127.5, 255, TRANSCODE_LINEAR_EXACT};
    return rendering;
}

static const uint8_t image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}; /* 3 x 3 */

static void an_overlay_lies_where_its_origin_says(void **state)
{
    (void)state;
    const uint8_t bits[] = {0x0D}; /* 1 0 / 1 1 */
    TranscodeOverlay overlay = {bits, 1, 0, 2, 2, 2, 2, 0, WHITE};
    const TranscodeLayout layout = grey_layout(3, 3, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.overlays = &overlay;
    rendering.overlay_count = 1;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 1, 2, 3, 4, 255, 6, 7, 255, 255);
    overlay.first_row = overlay.first_column = 0; /* partly above and left of the image */
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 255, 2, 3, 4, 5, 6, 7, 8, 9);
    overlay.first_row = overlay.first_column = 3;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 255);
    overlay.first_row = INT32_MIN;
    overlay.first_column = INT32_MAX;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

static void overlays_are_left_out_unless_asked_for(void **state)
{
    (void)state;
    const uint8_t bits[] = {0xFF};
    const TranscodeOverlay overlay = {bits, 1, 0, 2, 2, 1, 1, 0, {0xFFFF, 0, 0}};
    const TranscodeLayout layout = grey_layout(3, 3, 8, 8, false);
    const TranscodeView without = {0};
    TranscodeRendering rendering = as_it_is();

    rendering.overlays = &overlay;
    rendering.overlay_count = 1;
    assert_rendered(&layout, image, &rendering, &without, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

static void the_plane_of_a_frame_begins_at_its_bit_and_ends_with_its_bytes(void **state)
{
    (void)state;
    const uint8_t bits[] = {
        0x00, 0x40}; /* bit 14: of the second plane of 9 the one in the middle of the second row + 1 */
    TranscodeOverlay overlay = {bits, 2, 9, 3, 3, 1, 1, 0, WHITE};
    const TranscodeLayout layout = grey_layout(3, 3, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.overlays = &overlay;
    rendering.overlay_count = 1;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 1, 2, 3, 4, 5, 255, 7, 8, 9);
    overlay.first_bit = UINT64_MAX;
    overlay.rows = overlay.columns = UINT32_MAX;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

static void a_coloured_overlay_makes_a_coloured_picture(void **state)
{
    (void)state;
    const uint8_t bits[] = {0x02};
    const TranscodeOverlay overlay = {bits, 1, 0, 1, 3, 1, 1, 0, {0xFFFF, 0x8000, 0}};
    const TranscodeLayout layout = grey_layout(3, 1, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.overlays = &overlay;
    rendering.overlay_count = 1;
    assert_rendered(&layout, "\1\2\3", &rendering, &all, 3, 1, 1, 1, 1, 255, 128, 0, 3, 3, 3);
}

static void an_overlay_in_the_pixels_own_bits_is_shown(void **state)
{
    (void)state;
    const uint16_t words[] = {0x0001, 0x8002, 0x0003};
    const TranscodeOverlay overlay = {
        .embedded_bit = 15, .rows = 1, .columns = 3, .first_row = 1, .first_column = 1, .color = WHITE};
    const TranscodeOverlay impossible = {.embedded_bit = 16, .color = WHITE};
    const TranscodeLayout layout = grey_layout(3, 1, 16, 12, false);
    TranscodeRendering rendering = as_it_is();

    rendering.overlays = &overlay;
    rendering.overlay_count = 1;
    assert_rendered(&layout, words, &rendering, &all, 3, 1, 1, 255, 3);
    rendering.overlays = &impossible;
    assert_rendered(&layout, words, &rendering, &all, 3, 1, 1, 2, 3);
}

static void a_rectangle_shows_its_edges_and_what_lies_inside(void **state)
{
    (void)state;
    const TranscodeShutter shutter = {.has_rectangle = true,
                                      .left = 2,
                                      .right = 3,
                                      .top = 1,
                                      .bottom = 2,
                                      .color = {0x4000, 0x4000, 0x4000}};
    const TranscodeLayout layout = grey_layout(3, 3, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.shutter = &shutter;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 64, 2, 3, 64, 5, 6, 64, 64, 64);
}

static void a_circle_shows_what_lies_within_its_radius(void **state)
{
    (void)state;
    const TranscodeShutter shutter = {.has_circle = true, .center_row = 2, .center_column = 2, .radius = 1};
    const TranscodeShutter far_away = {
        .has_circle = true, .center_row = INT32_MIN, .center_column = INT32_MAX, .radius = UINT32_MAX};
    const TranscodeLayout layout = grey_layout(3, 3, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.shutter = &shutter;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 0, 2, 0, 4, 5, 6, 0, 8, 0);
    rendering.shutter = &far_away; /* 2^31 away along both axes, as far as it reaches */
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

static void a_polygon_shows_its_edges_and_what_lies_inside(void **state)
{
    (void)state;
    static const int32_t triangle[] = {1, 1, 3, 1, 3, 3}; /* row, column */
    static const int32_t line[] = {2, 1, 2, 3};
    TranscodeShutter shutter = {.has_polygon = true, .vertices = triangle, .vertex_count = 3};
    const TranscodeLayout layout = grey_layout(3, 3, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.shutter = &shutter;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 1, 0, 0, 4, 5, 0, 7, 8, 9);
    shutter.vertices = line;
    shutter.vertex_count = 2;
    assert_rendered(&layout, image, &rendering, &all, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0); /* no inside */
    shutter.vertex_count = PACS_MAX_SHUTTER_VERTICES + 1;
    assert_int_equal(rendering_status(&layout, image, 9, &rendering, &all), PACS_TOO_LARGE);
}

static void a_bitmap_hides_what_it_has_set_in_its_colour(void **state)
{
    (void)state;
    const uint8_t bits[] = {0x07, 0x00}; /* the first row */
    const TranscodeOverlay bitmap = {bits, 2, 0, 3, 3, 1, 1, 0, WHITE};
    const TranscodeShutter shutter = {.bitmap = &bitmap, .color = {0, 0, 0xFFFF}};
    const TranscodeLayout layout = grey_layout(3, 2, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.shutter = &shutter;
    assert_rendered(&layout, "\1\2\3\4\5", &rendering, &all, 3, 2, 0, 0, 255, 0, 0, 255, 0, 0, 255, 4, 4, 4,
                    5, 5, 5, 0, 0, 0);
}

static void overlays_lie_above_the_shutter(void **state)
{
    (void)state;
    const uint8_t bits[] = {0x01};
    const TranscodeOverlay overlay = {bits, 1, 0, 1, 3, 1, 1, 0, WHITE};
    const TranscodeShutter shutter = {.has_rectangle = true, .left = 3, .right = 3, .top = 1, .bottom = 1};
    const TranscodeLayout layout = grey_layout(3, 1, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.overlays = &overlay;
    rendering.overlay_count = 1;
    rendering.shutter = &shutter;
    assert_rendered(&layout, "\1\2\3", &rendering, &all, 3, 1, 255, 0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overlay_lies_where_its_origin_says),
        cmocka_unit_test(overlays_are_left_out_unless_asked_for),
        cmocka_unit_test(the_plane_of_a_frame_begins_at_its_bit_and_ends_with_its_bytes),
        cmocka_unit_test(a_coloured_overlay_makes_a_coloured_picture),
        cmocka_unit_test(an_overlay_in_the_pixels_own_bits_is_shown),
        cmocka_unit_test(a_rectangle_shows_its_edges_and_what_lies_inside),
        cmocka_unit_test(a_circle_shows_what_lies_within_its_radius),
        cmocka_unit_test(a_polygon_shows_its_edges_and_what_lies_inside),
        cmocka_unit_test(a_bitmap_hides_what_it_has_set_in_its_colour),
        cmocka_unit_test(overlays_lie_above_the_shutter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
