#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/rendered.h"

static const TranscodeView all = {0};
static const uint8_t image[] = {1, 2, 3, 4, 5, 6}; /* 3 wide, 2 high */

/* From 0 to 255 without a change. */
static TranscodeRendering as_it_is(void)
{
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.has_window = true;
    rendering.window = (TranscodeWindow){127.5, 255, TRANSCODE_LINEAR_EXACT};
    return rendering;
}

static void a_picture_is_turned_clockwise_then_flipped(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(3, 2, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.rotation = 90;
    assert_rendered(&layout, image, &rendering, &all, 2, 3, 4, 1, 5, 2, 6, 3);
    rendering.rotation = 180;
    assert_rendered(&layout, image, &rendering, &all, 3, 2, 6, 5, 4, 3, 2, 1);
    rendering.rotation = 270;
    assert_rendered(&layout, image, &rendering, &all, 2, 3, 3, 6, 2, 5, 1, 4);
    rendering.is_flipped = true;
    assert_rendered(&layout, image, &rendering, &all, 2, 3, 6, 3, 5, 2, 4, 1);
    rendering.rotation = 0;
    assert_rendered(&layout, image, &rendering, &all, 3, 2, 3, 2, 1, 6, 5, 4);
    rendering.rotation = 90;
    assert_rendered(&layout, image, &rendering, &all, 2, 3, 1, 4, 2, 5, 3, 6);
    rendering.rotation = 45;
    assert_int_equal(rendering_status(&layout, image, sizeof image, &rendering, &all), PACS_INVALID);
}

static void a_single_row_becomes_a_column(void **state)
{
    (void)state;
    const TranscodeLayout row = grey_layout(3, 1, 8, 8, false);
    const TranscodeLayout column = grey_layout(1, 3, 8, 8, false);
    TranscodeRendering rendering = as_it_is();

    rendering.rotation = 90;
    assert_rendered(&row, "\1\2", &rendering, &all, 1, 3, 1, 2, 0);
    assert_rendered(&column, "\1\2", &rendering, &all, 3, 1, 0, 2, 1);
    rendering.rotation = 270;
    assert_rendered(&row, "\1\2", &rendering, &all, 1, 3, 0, 2, 1);
    assert_rendered(&column, "\1\2", &rendering, &all, 3, 1, 1, 2, 0);
}

static void colours_are_turned_too(void **state)
{
    (void)state;
    const TranscodeLayout layout = colour_layout(2, 1, TRANSCODE_RGB);
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.rotation = 270;
    assert_rendered(&layout, image, &rendering, &all, 1, 2, 4, 5, 6, 1, 2, 3);
}

static void a_region_is_cut_out_and_mirrored_where_it_is_negative(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(3, 2, 8, 8, false);
    const TranscodeRendering rendering = as_it_is();
    const TranscodeView right = {.region_x = 1, .region_width = 2, .region_height = 1};
    const TranscodeView mirrored = {.region_x = 1, .region_width = -2, .region_height = -2};
    const TranscodeView beyond = {.region_x = 2, .region_width = 100};
    const TranscodeView before = {.region_x = -1, .region_width = 2};

    assert_rendered(&layout, image, &rendering, &right, 2, 1, 2, 3);
    assert_rendered(&layout, image, &rendering, &mirrored, 2, 2, 6, 5, 3, 2);
    assert_rendered(&layout, image, &rendering, &beyond, 1, 2, 3, 6);
    assert_rendered(&layout, image, &rendering, &before, 1, 2, 1, 4);
}

static void a_region_without_pixels_is_refused(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(3, 2, 8, 8, false);
    const TranscodeRendering rendering = as_it_is();
    const TranscodeView views[] = {{.region_x = 3},
                                   {.region_y = 5, .region_height = 1},
                                   {.region_x = -2, .region_width = 1},
                                   {.region_x = NAN},
                                   {.region_width = INFINITY}};

    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        assert_int_equal(rendering_status(&layout, image, sizeof image, &rendering, &views[i]), PACS_INVALID);
}

static void assert_size(const TranscodeRendering *rendering, TranscodeView view, uint32_t width,
                        uint32_t height)
{
    const TranscodeLayout layout = grey_layout(300, 200, 8, 8, false);
    uint32_t told_width = 0;
    uint32_t told_height = 0;
    uint8_t *bytes = calloc(300, 200);
    TranscodePicture picture = rendered(&layout, bytes, 300 * 200, rendering, &view);

    assert_int_equal(transcode_render_size(&layout, rendering, &view, &told_width, &told_height, NULL),
                     PACS_OK);
    assert_int_equal(told_width, width);
    assert_int_equal(told_height, height);
    assert_int_equal(picture.width, width);
    assert_int_equal(picture.height, height);
    transcode_picture_clear(&picture);
    free(bytes);
}

static void a_picture_fits_into_its_viewport(void **state)
{
    (void)state;
    TranscodeRendering rendering = as_it_is();

    assert_size(&rendering, (TranscodeView){0}, 300, 200);
    assert_size(&rendering, (TranscodeView){.viewport_width = 150, .viewport_height = 150}, 150, 100);
    assert_size(&rendering, (TranscodeView){.viewport_width = 600, .viewport_height = 600}, 300, 200);
    assert_size(&rendering, (TranscodeView){.viewport_width = 600, .viewport_height = 600, .enlarges = true},
                600, 400);
    assert_size(&rendering, (TranscodeView){.viewport_height = 100}, 150, 100);
    assert_size(&rendering, (TranscodeView){.viewport_width = 1}, 1, 1);
    rendering.rotation = 90;
    assert_size(&rendering, (TranscodeView){.viewport_width = 100, .viewport_height = 1000}, 100, 150);
}

static void oblong_pixels_are_stretched_along_their_shorter_side(void **state)
{
    (void)state;
    TranscodeRendering rendering = as_it_is();

    rendering.pixel_aspect = 2;
    assert_size(&rendering, (TranscodeView){0}, 300, 400);
    rendering.pixel_aspect = 0.5;
    assert_size(&rendering, (TranscodeView){0}, 600, 200);
    assert_size(&rendering, (TranscodeView){.viewport_width = 300, .viewport_height = 300}, 300, 100);
    rendering.pixel_aspect = 0; /* nobody said it */
    assert_size(&rendering, (TranscodeView){0}, 300, 200);
    rendering.pixel_aspect = NAN;
    assert_size(&rendering, (TranscodeView){0}, 300, 200);
}

static void a_smaller_picture_has_the_means_of_the_areas(void **state)
{
    (void)state;
    const uint8_t four[] = {0, 10, 100, 200, 20, 30, 255, 255, 1, 2, 0, 0, 3, 4, 0, 1};
    const uint8_t three[] = {0, 90, 180};
    const TranscodeLayout square = grey_layout(4, 4, 8, 8, false);
    const TranscodeLayout line = grey_layout(3, 1, 8, 8, false);
    const TranscodeRendering rendering = as_it_is();
    const TranscodeView view = {.viewport_width = 2};

    assert_rendered(&square, four, &rendering, &view, 2, 2, 15, 203, 3,
                    0);                                              /* 60 / 4, 810 / 4, 10 / 4, 1 / 4 */
    assert_rendered(&line, three, &rendering, &view, 2, 1, 30, 150); /* (0 + 90 / 2) / 1.5 */
}

static void a_larger_picture_goes_through_the_pixels(void **state)
{
    (void)state;
    const uint8_t pair[] = {0, 200};
    const TranscodeLayout layout = grey_layout(2, 1, 8, 8, false);
    const TranscodeRendering rendering = as_it_is();
    const TranscodeView rough = {.viewport_width = 4, .enlarges = true, .is_rough = true};
    const TranscodeView smooth = {.viewport_width = 4, .enlarges = true};

    assert_rendered(&layout, pair, &rendering, &rough, 4, 2, 0, 0, 200, 200, 0, 0, 200, 200);
    /* a quarter behind the first: 0.2266 - 0.0234 of the second; at the ends a little beyond: 200 * 1.0703 */
    assert_rendered(&layout, pair, &rendering, &smooth, 4, 2, 0, 41, 159, 214, 0, 41, 159, 214);
}

static void what_is_the_same_everywhere_stays_so_at_every_size(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 2, 3, 5, 64, 101, 400};
    const uint8_t levels[] = {0, 1, 127, 254, 255};
    const TranscodeRendering rendering = as_it_is();
    uint8_t *bytes = malloc(400 * 3);

    for (size_t l = 0; l < sizeof levels; l++)
        for (size_t from = 0; from < sizeof sizes / sizeof *sizes; from++)
            for (size_t to = 0; to < sizeof sizes / sizeof *sizes; to++) {
                const TranscodeLayout layout = grey_layout(sizes[from], 3, 8, 8, false);
                const TranscodeView view = {.viewport_width = sizes[to], .enlarges = true};
                memset(bytes, levels[l], 400 * 3);
                TranscodePicture picture = rendered(&layout, bytes, (size_t)sizes[from] * 3, &rendering,
                                                    &view);
                for (size_t i = 0; i < (size_t)picture.width * picture.height; i++)
                    assert_int_equal(picture.pixels[i], levels[l]);
                transcode_picture_clear(&picture);
            }
    free(bytes);
}

static void very_wide_and_very_high_images_are_scaled(void **state)
{
    (void)state;
    const TranscodeRendering rendering = as_it_is();
    const TranscodeView small = {.viewport_width = 10, .viewport_height = 10};
    const TranscodeLayout wide = grey_layout(65535, 1, 8, 8, false);
    const TranscodeLayout high = grey_layout(1, 65535, 8, 8, false);
    uint8_t *bytes = malloc(65535);

    for (size_t i = 0; i < 65535; i++)
        bytes[i] = (uint8_t)(i / 6554 * 10);
    TranscodePicture picture = rendered(&wide, bytes, 65535, &rendering, &small);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(picture.pixels[i], i * 10);
    transcode_picture_clear(&picture);
    picture = rendered(&high, bytes, 65535, &rendering, &small);
    assert_int_equal(picture.width, 1);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(picture.pixels[i], i * 10);
    transcode_picture_clear(&picture);
    picture = rendered(&wide, bytes, 65535, &rendering, &all);
    assert_memory_equal(picture.pixels, bytes, 65535);
    transcode_picture_clear(&picture);
    free(bytes);
}

static void a_region_may_begin_within_a_pixel(void **state)
{
    (void)state;
    const uint8_t pair[] = {0, 100};
    const TranscodeLayout layout = grey_layout(2, 1, 8, 8, false);
    const TranscodeRendering rendering = as_it_is();
    const TranscodeView view = {.region_x = 0.5, .region_width = 1};

    assert_rendered(&layout, pair, &rendering, &view, 1, 1, 50);
}

static void a_picture_over_the_limits_is_refused(void **state)
{
    (void)state;
    const TranscodeLayout layout = grey_layout(3, 2, 8, 8, false);
    const TranscodeRendering rendering = as_it_is();
    const TranscodeView huge = {.viewport_width = UINT32_MAX, .enlarges = true};
    const TranscodeView large = {.viewport_width = 1000000, .enlarges = true};

    assert_int_equal(rendering_status(&layout, image, sizeof image, &rendering, &huge), PACS_TOO_LARGE);
    assert_int_equal(rendering_status(&layout, image, sizeof image, &rendering, &large), PACS_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_turned_clockwise_then_flipped),
        cmocka_unit_test(a_single_row_becomes_a_column),
        cmocka_unit_test(colours_are_turned_too),
        cmocka_unit_test(a_region_is_cut_out_and_mirrored_where_it_is_negative),
        cmocka_unit_test(a_region_without_pixels_is_refused),
        cmocka_unit_test(a_picture_fits_into_its_viewport),
        cmocka_unit_test(oblong_pixels_are_stretched_along_their_shorter_side),
        cmocka_unit_test(a_smaller_picture_has_the_means_of_the_areas),
        cmocka_unit_test(a_larger_picture_goes_through_the_pixels),
        cmocka_unit_test(what_is_the_same_everywhere_stays_so_at_every_size),
        cmocka_unit_test(very_wide_and_very_high_images_are_scaled),
        cmocka_unit_test(a_region_may_begin_within_a_pixel),
        cmocka_unit_test(a_picture_over_the_limits_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
