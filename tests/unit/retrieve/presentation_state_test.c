/* Presentation states: JSON of a state and of an image in, what rendering needs out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/retrieve/presentation_state.h"
#include "pacs/util/limits.h"

#define NUMBERS(tag, list) "\"" tag "\":{\"vr\":\"US\",\"Value\":[" list "]}"
#define TEXT(tag, text) "\"" tag "\":{\"vr\":\"CS\",\"Value\":[\"" text "\"]}"
#define SEQUENCE(tag, items) "\"" tag "\":{\"vr\":\"SQ\",\"Value\":[" items "]}"
#define IMAGE                                                                                                   \
    TEXT("00080018", "1.2.9")                                                                                   \
    "," NUMBERS("00280002", "1") "," TEXT("00280004", "MONOCHROME1") "," NUMBERS("00280010", "40") "," NUMBERS( \
        "00280011",                                                                                             \
        "60") "," NUMBERS("00280100",                                                                           \
                          "16") "," NUMBERS("00280101",                                                         \
                                            "12") "," NUMBERS("00281052",                                       \
                                                              "-1024") "," NUMBERS("00281050",                  \
                                                                                   "5") "," NUMBERS("00281051", \
                                                                                                    "6")
#define FOR_IMAGE(uid) SEQUENCE("00081140", "{" TEXT("00081155", uid) "}")
#define FOR_FRAME(uid, frame)                                                                                \
    SEQUENCE("00081140", "{" TEXT("00081155", uid) "," NUMBERS("00081160", frame) "}")
#define WINDOW(reference, center)                                                                            \
    "{" reference "," NUMBERS("00281050", center) "," NUMBERS("00281051", "100") "}"

static int open_arena(void **state)
{
    *state = pacs_arena_new(PACS_MAX_PICTURE_ATTRIBUTES);
    assert_non_null(*state);
    return 0;
}

static int close_arena(void **state)
{
    pacs_arena_free(*state);
    return 0;
}

static PacsInstanceValues values_of(PacsArena *arena, const char *members)
{
    const char *json = pacs_arena_printf(arena, "{%s}", members);
    PacsInstanceValues values = {.arena = arena};

    assert_int_equal(pacs_json_item_parse(pacs_slice(json), arena, &values.item, NULL), PACS_OK);
    return values;
}

static PacsImageAttributes apply(PacsArena *arena, const char *state, uint32_t frame_number,
                                 TranscodeView *view)
{
    const PacsInstanceValues image = values_of(arena, IMAGE);
    const PacsInstanceValues values = values_of(arena, state);
    PacsImageAttributes attributes = {0};

    assert_int_equal(pacs_image_attributes_read(&image, frame_number, &attributes, NULL), PACS_OK);
    assert_int_equal(pacs_presentation_state_apply(&values, &image, frame_number, &attributes, view, NULL),
                     PACS_OK);
    return attributes;
}

static TranscodeRendering rendering_of(PacsArena *arena, const char *state)
{
    TranscodeView view = {0};

    return apply(arena, state, 1, &view).rendering;
}

static void the_window_is_the_one_for_the_frame(void **state)
{
    const char *windows = SEQUENCE(
        "00283110", WINDOW(FOR_IMAGE("1.2.8"), "1") "," WINDOW(FOR_FRAME("1.2.9", "2,3"),
                                                               "2") "," WINDOW(FOR_IMAGE("1.2.9"), "3"));
    TranscodeView view = {0};

    assert_true(apply(*state, windows, 1, &view).rendering.window.center == 3);
    assert_true(apply(*state, windows, 2, &view).rendering.window.center == 2);
}

static void what_a_state_does_not_say_is_identity(void **state)
{
    const TranscodeRendering rendering = rendering_of(*state, TEXT("20500020", "IDENTITY"));

    assert_true(rendering.rescale_slope == 1 && rendering.rescale_intercept == 0);
    assert_true(rendering.has_window && rendering.window.center == 2047.5 && rendering.window.width == 4095);
    assert_int_equal(rendering.polarity, TRANSCODE_IDENTITY);
}

static void an_inverse_shape_inverts_whatever_the_image_is(void **state)
{
    assert_int_equal(rendering_of(*state, TEXT("20500020", "INVERSE")).polarity, TRANSCODE_INVERSE);
}

static void a_displayed_area_is_the_region_unless_one_is_asked_for(void **state)
{
    const char *area = SEQUENCE("0070005A", "{" NUMBERS("00700052", "11,21") "," NUMBERS(
                                                "00700053", "30,900") "," NUMBERS("00700102", "2,1") "}");
    TranscodeView view = {0};
    TranscodeView own = {.region_width = 5, .region_height = 5};

    assert_true(apply(*state, area, 1, &view).rendering.pixel_aspect == 2);
    assert_true(view.region_x == 10 && view.region_y == 20 && view.region_width == 20 &&
                view.region_height == 20);
    (void)apply(*state, area, 1, &own);
    assert_true(own.region_x == 0 && own.region_width == 5);
}

static void an_image_is_turned_and_flipped(void **state)
{
    const TranscodeRendering turned = rendering_of(*state,
                                                   NUMBERS("00700042", "270") "," TEXT("00700041", "Y"));

    assert_int_equal(turned.rotation, 270);
    assert_true(turned.is_flipped);
    assert_int_equal(rendering_of(*state, NUMBERS("00700042", "45")).rotation, 0);
}

static void shutters_have_all_their_shapes(void **state)
{
    const TranscodeRendering rendering = rendering_of(
        *state,
        "\"00181600\":{\"vr\":\"CS\",\"Value\":[\"RECTANGULAR\",\"CIRCULAR\",\"POLYGONAL\"]}," NUMBERS("00181602", "1") "," NUMBERS(
            "00181604",
            "20") "," NUMBERS("00181606",
                              "3") "," NUMBERS("00181608",
                                               "40") "," NUMBERS("00181610",
                                                                 "10,12") "," NUMBERS("00181612",
                                                                                      "7") "," NUMBERS("00181620",
                                                                                                       "1,1,1,9,9,9") "," NUMBERS("00181622",
                                                                                                                                  "300"));

    assert_non_null(rendering.shutter);
    assert_true(rendering.shutter->has_rectangle && rendering.shutter->bottom == 40);
    assert_true(rendering.shutter->has_circle && rendering.shutter->center_column == 12);
    assert_true(rendering.shutter->has_polygon && rendering.shutter->vertex_count == 3);
    assert_int_equal(rendering.shutter->color[1], 300);
    assert_null(rendering_of(*state, TEXT("00181600", "RECTANGULAR") "," NUMBERS("00181602", "1")).shutter);
}

static void a_bitmap_shutter_is_a_plane_of_the_states_own(void **state)
{
    const char *plane = NUMBERS("60020010", "2") "," NUMBERS(
        "60020011", "4") ",\"60023000\":{\"vr\":\"OW\",\"InlineBinary\":\"Dw==\"}";
    const char *shutter = TEXT("00181600", "BITMAP") "," NUMBERS("00181623", "24578"); /* 6002 */
    const TranscodeRendering rendering = rendering_of(*state,
                                                      pacs_arena_printf(*state, "%s,%s", shutter, plane));

    assert_non_null(rendering.shutter);
    assert_non_null(rendering.shutter->bitmap);
    assert_int_equal(rendering.shutter->bitmap->columns, 4);
    assert_int_equal(rendering.shutter->bitmap->bits[0], 0x0F);
    assert_int_equal(rendering.overlay_count, 0); /* it is not drawn as one, too */
    assert_null(rendering_of(*state, shutter).shutter);
}

static void drawings_and_texts_have_the_colour_of_their_layer(void **state)
{
    const TranscodeRendering rendering = rendering_of(
        *state,
        SEQUENCE(
            "00700001",
            "{" TEXT("00700002", "L") "," SEQUENCE(
                "00700008",
                "{" TEXT("00700004", "DISPLAY") "," TEXT("00700006", "here") "," NUMBERS(
                    "00700014",
                    "0.5,0.25") "}") "," SEQUENCE("00700009",
                                                  "{" TEXT("00700005", "PIXEL") "," NUMBERS("00700022", "1,2,3,4") "," TEXT(
                                                      "00700023",
                                                      "POLYLINE") "},"
                                                                  "{" NUMBERS("00700022", "1") "," TEXT(
                                                                      "00700023",
                                                                      "CIRCLE") "}") "}") "," SEQUENCE("00700060",
                                                                                                       "{" TEXT("00700002", "L") "," NUMBERS(
                                                                                                           "00700066",
                                                                                                           "1000") "}"));

    assert_int_equal(rendering.graphic_count, 2);
    assert_int_equal(rendering.graphics[0].kind, TRANSCODE_POLYLINE);
    assert_int_equal(rendering.graphics[0].point_count, 2);
    assert_true(rendering.graphics[0].points[0] == 1 && rendering.graphics[0].points[3] == 4);
    assert_int_equal(rendering.graphics[0].color[2], 1000);
    assert_int_equal(rendering.graphics[1].kind, TRANSCODE_TEXT);
    assert_true(rendering.graphics[1].is_display && rendering.graphics[1].points[1] == 0.25);
    assert_string_equal(rendering.graphics[1].text, "here");
}

static void the_first_image_that_is_referenced_is_shown(void **state)
{
    const PacsInstanceValues values = values_of(
        *state, TEXT("0020000D", "1.2.1") "," SEQUENCE(
                    "00081115", "{" FOR_FRAME("1.2.9", "4") "," TEXT("0020000E", "1.2.2") "}"));
    const PacsInstanceValues nothing = values_of(*state, TEXT("0020000D", "1.2.1"));
    PacsUidPath path = {0};
    uint32_t frame = 0;

    assert_int_equal(pacs_presentation_state_first(&values, &path, &frame, NULL), PACS_OK);
    assert_string_equal(path.series_uid, "1.2.2");
    assert_string_equal(path.sop_instance_uid, "1.2.9");
    assert_int_equal(frame, 4);
    assert_int_equal(pacs_presentation_state_first(&nothing, &path, &frame, NULL), PACS_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_window_is_the_one_for_the_frame),
        TEST(what_a_state_does_not_say_is_identity),
        TEST(an_inverse_shape_inverts_whatever_the_image_is),
        TEST(a_displayed_area_is_the_region_unless_one_is_asked_for),
        TEST(an_image_is_turned_and_flipped),
        TEST(shutters_have_all_their_shapes),
        TEST(a_bitmap_shutter_is_a_plane_of_the_states_own),
        TEST(drawings_and_texts_have_the_colour_of_their_layer),
        TEST(the_first_image_that_is_referenced_is_shown),
    };
    return cmocka_run_group_tests_name("presentation state", tests, NULL, NULL);
}
