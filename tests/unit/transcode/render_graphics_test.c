#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/limits.h"
#include "tests/support/rendered.h"
#include "transcode/annotation.h"

#define SIDE 40
#define WHITE                                                                                                \
    {                                                                                                        \
        0xFFFF, 0xFFFF, 0xFFFF                                                                               \
    }

static const uint8_t black[SIDE * SIDE];

static TranscodePicture drawn(TranscodeRendering rendering, const TranscodeGraphic *graphic,
                              TranscodeView view)
{
    const TranscodeLayout layout = grey_layout(SIDE, SIDE, 8, 8, false);

    rendering.graphics = graphic;
    rendering.graphic_count = 1;
    return rendered(&layout, black, sizeof black, &rendering, &view);
}

static TranscodePicture simply_drawn(const TranscodeGraphic *graphic)
{
    return drawn(TRANSCODE_RENDERING_PLAIN, graphic, (TranscodeView){0});
}

static uint8_t at(const TranscodePicture *picture, uint32_t x, uint32_t y)
{
    return picture->pixels[((size_t)y * picture->width + x) * picture->channels];
}

static size_t lit(const TranscodePicture *picture)
{
    size_t count = 0;

    for (size_t i = 0; i < (size_t)picture->width * picture->height; i++)
        count += picture->pixels[i * picture->channels] > 127;
    return count;
}

static void a_line_goes_from_point_to_point_of_the_image(void **state)
{
    (void)state;
    const double points[] = {10.5, 5.5, 10.5, 20.5}; /* centres of pixels 10, 5 and 10, 20 */
    const TranscodeGraphic line = {
        .kind = TRANSCODE_POLYLINE, .points = points, .point_count = 2, .color = WHITE};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = simply_drawn(&line);

    assert_int_equal(picture.channels, 1);
    for (uint32_t y = 6; y < 20; y++)
        assert_int_equal(at(&picture, 10, y), 255);
    assert_int_equal(at(&picture, 9, 10), 0);
    assert_int_equal(at(&picture, 11, 10), 0);
    assert_int_equal(at(&picture, 10, 22), 0);
}

static void a_line_is_turned_and_cut_with_the_image_and_stays_thin_when_it_is_enlarged(void **state)
{
    (void)state;
    const double points[] = {10.5, 5.5, 10.5, 20.5};
    const TranscodeGraphic line = {
        .kind = TRANSCODE_POLYLINE, .points = points, .point_count = 2, .color = WHITE};
    TranscodeRendering turned = TRANSCODE_RENDERING_PLAIN;
    const TranscodeView enlarged = {.region_x = 10,
                                    .region_y = 5,
                                    .region_width = 10,
                                    .region_height = 10,
                                    .viewport_width = 100,
                                    .enlarges = true};

    turned.rotation = 90;
    TRANSCODE_AUTO_PICTURE TranscodePicture on_its_side = drawn(turned, &line, (TranscodeView){0});
    assert_int_equal(at(&on_its_side, SIDE - 1 - 10, 10), 255);
    assert_int_equal(at(&on_its_side, 10, 10), 0);
    turned.is_flipped = true;
    TRANSCODE_AUTO_PICTURE TranscodePicture then_flipped = drawn(turned, &line, (TranscodeView){0});
    assert_int_equal(at(&then_flipped, 10, 10), 255);
    assert_int_equal(at(&then_flipped, SIDE - 1 - 10, 10), 0);
    TRANSCODE_AUTO_PICTURE TranscodePicture large = drawn(TRANSCODE_RENDERING_PLAIN, &line, enlarged);
    assert_true(at(&large, 5, 50) > 100 || at(&large, 4, 50) > 100);
    assert_int_equal(at(&large, 2, 50), 0);
    assert_int_equal(at(&large, 7, 50), 0);
    assert_in_range(lit(&large), 50, 250);
}

static void points_of_the_display_are_parts_of_the_picture(void **state)
{
    (void)state;
    const double points[] = {0.5, 0.5};
    const TranscodeGraphic dot = {
        .kind = TRANSCODE_POINT, .is_display = true, .points = points, .point_count = 1, .color = WHITE};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = simply_drawn(&dot);

    assert_int_equal(at(&picture, SIDE / 2, SIDE / 2), 255);
    assert_in_range(lit(&picture), 4, 30);
}

static void circles_and_ellipses_are_filled_where_they_say_so(void **state)
{
    (void)state;
    const double circle_points[] = {20, 20, 30, 20};
    const double ellipse_points[] = {5, 20, 35, 20, 20, 15, 20, 25}; /* 30 by 10 */
    TranscodeGraphic circle = {
        .kind = TRANSCODE_CIRCLE, .points = circle_points, .point_count = 2, .color = WHITE};
    TranscodeGraphic ellipse = {.kind = TRANSCODE_ELLIPSE,
                                .is_filled = true,
                                .points = ellipse_points,
                                .point_count = 4,
                                .color = WHITE};
    TRANSCODE_AUTO_PICTURE TranscodePicture ring = simply_drawn(&circle);
    circle.is_filled = true;
    TRANSCODE_AUTO_PICTURE TranscodePicture disc = simply_drawn(&circle);
    TRANSCODE_AUTO_PICTURE TranscodePicture oval = simply_drawn(&ellipse);

    assert_int_equal(at(&ring, 20, 20), 0);
    assert_true(at(&ring, 29, 20) > 60 || at(&ring, 30, 20) > 60);
    assert_in_range(lit(&disc), 300, 330); /* 10 * 10 * pi = 314 */
    assert_in_range(lit(&oval), 220, 250); /* 15 * 5 * pi = 236 */
}

static void a_curve_goes_through_its_points(void **state)
{
    (void)state;
    const double points[] = {5.5, 20.5, 20.5, 5.5, 35.5, 20.5};
    const TranscodeGraphic curve = {
        .kind = TRANSCODE_INTERPOLATED, .points = points, .point_count = 3, .color = WHITE};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = simply_drawn(&curve);

    assert_true(at(&picture, 5, 20) > 60);
    assert_true(at(&picture, 20, 5) > 60);
    assert_true(at(&picture, 35, 20) > 60);
    assert_int_equal(at(&picture, 12, 13), 0); /* not straight */
}

static void text_stays_in_its_box(void **state)
{
    (void)state;
    const double points[] = {4, 4, 36, 20};
    const TranscodeGraphic text = {
        .kind = TRANSCODE_TEXT, .points = points, .point_count = 2, .text = "Hg", .color = {0xFFFF, 0, 0}};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = simply_drawn(&text);

    assert_int_equal(picture.channels, 3);
    assert_in_range(lit(&picture), 10, 300);
    for (uint32_t y = 0; y < SIDE; y++)
        for (uint32_t x = 0; x < SIDE; x++)
            if (x < 3 || y < 3 || x > 37 || y > 22)
                assert_int_equal(at(&picture, x, y), 0);
}

static void what_makes_no_sense_is_left_out(void **state)
{
    (void)state;
    const double points[] = {NAN, 1, 2, 3, 1e300, -1e300, 1e308, 1e308};
    const TranscodeGraphic graphics[] = {
        {.kind = TRANSCODE_POLYLINE, .points = points, .point_count = 2, .color = WHITE},
        {.kind = TRANSCODE_POLYLINE, .points = points + 2, .point_count = 1, .color = WHITE},
        {.kind = TRANSCODE_ELLIPSE, .points = points + 2, .point_count = 3, .color = WHITE},
        {.kind = TRANSCODE_TEXT, .points = points + 2, .point_count = 1, .color = WHITE},
        {.kind = TRANSCODE_CIRCLE, .points = points + 4, .point_count = 2, .color = WHITE},
        {.kind = TRANSCODE_POLYLINE, .points = NULL, .point_count = 0, .color = WHITE},
    };

    for (size_t i = 0; i < sizeof graphics / sizeof *graphics; i++) {
        TRANSCODE_AUTO_PICTURE TranscodePicture picture = simply_drawn(&graphics[i]);
        assert_int_equal(lit(&picture), 0);
    }
}

static void too_many_points_are_refused(void **state)
{
    (void)state;
    const double points[] = {1, 1};
    const TranscodeGraphic graphic = {.points = points, .point_count = PACS_MAX_GRAPHIC_POINTS + 1};
    const TranscodeLayout layout = grey_layout(SIDE, SIDE, 8, 8, false);
    const TranscodeView view = {0};
    TranscodeRendering rendering = TRANSCODE_RENDERING_PLAIN;

    rendering.graphics = &graphic;
    rendering.graphic_count = 1;
    assert_int_equal(rendering_status(&layout, black, sizeof black, &rendering, &view), PACS_TOO_LARGE);
}

/* ---- Annotations ---- */

static size_t changed(const TranscodePicture *picture, uint32_t left, uint32_t top)
{
    size_t count = 0;

    for (uint32_t y = top; y < top + picture->height / 2; y++)
        for (uint32_t x = left; x < left + picture->width / 2; x++)
            count += at(picture, x, y) != 100;
    return count;
}

static void annotations_stand_in_their_corners(void **state)
{
    (void)state;
    for (int corner = TRANSCODE_TOP_LEFT; corner <= TRANSCODE_BOTTOM_RIGHT; corner++) {
        const TranscodeAnnotation annotation = {(TranscodeCorner)corner, "Nguyễn Văn An\n512 × 512"};
        TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
        assert_int_equal(transcode_picture_init(&picture, 400, 300, 1, 8, NULL), PACS_OK);
        memset(picture.pixels, 100, 400 * 300);
        assert_int_equal(transcode_annotate(&picture, &annotation, 1, NULL), PACS_OK);
        for (int other = TRANSCODE_TOP_LEFT; other <= TRANSCODE_BOTTOM_RIGHT; other++) {
            const size_t count = changed(&picture, other % 2 ? 200 : 0, other / 2 ? 150 : 0);
            assert_true(other == corner ? count > 200 : count == 0);
        }
    }
}

static void letters_are_white_with_a_dark_edge(void **state)
{
    (void)state;
    const TranscodeAnnotation annotation = {TRANSCODE_TOP_LEFT, "HHH"};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};
    int darkest = 255;
    int brightest = 0;

    assert_int_equal(transcode_picture_init(&picture, 600, 600, 3, 8, NULL), PACS_OK);
    memset(picture.pixels, 128, 600 * 600 * 3);
    assert_int_equal(transcode_annotate(&picture, &annotation, 1, NULL), PACS_OK);
    for (size_t i = 0; i < 600 * 600 * 3; i++) {
        darkest = picture.pixels[i] < darkest ? picture.pixels[i] : darkest;
        brightest = picture.pixels[i] > brightest ? picture.pixels[i] : brightest;
    }
    assert_int_equal(brightest, 255);
    assert_in_range(darkest, 0, 60);
}

static void long_and_broken_text_on_the_smallest_picture_does_no_harm(void **state)
{
    (void)state;
    char text[10000];
    const TranscodeAnnotation annotations[] = {
        {TRANSCODE_TOP_LEFT, text}, {TRANSCODE_BOTTOM_RIGHT, "\xFF\xC3"}, {TRANSCODE_TOP_RIGHT, ""}};
    TRANSCODE_AUTO_PICTURE TranscodePicture picture = {0};

    memset(text, 'W', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(transcode_picture_init(&picture, 1, 1, 4, 8, NULL), PACS_OK);
    assert_int_equal(transcode_annotate(&picture, annotations, 3, NULL), PACS_OK);
}

static void pictures_nobody_can_draw_on_are_refused(void **state)
{
    (void)state;
    const TranscodeAnnotation annotation = {TRANSCODE_TOP_LEFT, "x"};
    TRANSCODE_AUTO_PICTURE TranscodePicture deep = {0};
    TRANSCODE_AUTO_PICTURE TranscodePicture wide = {0};

    assert_int_equal(transcode_picture_init(&deep, 10, 10, 1, 16, NULL), PACS_OK);
    assert_int_equal(transcode_picture_init(&wide, 40000, 2, 1, 8, NULL), PACS_OK);
    assert_int_equal(transcode_annotate(&deep, &annotation, 1, NULL), PACS_UNSUPPORTED);
    assert_int_equal(transcode_annotate(&wide, &annotation, 1, NULL), PACS_TOO_LARGE);
    assert_int_equal(transcode_annotate(&wide, NULL, 0, NULL), PACS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_goes_from_point_to_point_of_the_image),
        cmocka_unit_test(a_line_is_turned_and_cut_with_the_image_and_stays_thin_when_it_is_enlarged),
        cmocka_unit_test(points_of_the_display_are_parts_of_the_picture),
        cmocka_unit_test(circles_and_ellipses_are_filled_where_they_say_so),
        cmocka_unit_test(a_curve_goes_through_its_points),
        cmocka_unit_test(text_stays_in_its_box),
        cmocka_unit_test(what_makes_no_sense_is_left_out),
        cmocka_unit_test(too_many_points_are_refused),
        cmocka_unit_test(annotations_stand_in_their_corners),
        cmocka_unit_test(letters_are_white_with_a_dark_edge),
        cmocka_unit_test(long_and_broken_text_on_the_smallest_picture_does_no_harm),
        cmocka_unit_test(pictures_nobody_can_draw_on_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
