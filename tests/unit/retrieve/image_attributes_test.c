/* DICOM JSON in, what rendering needs out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "pacs/retrieve/image_attributes.h"
#include "pacs/util/limits.h"

#define NUMBERS(tag, vr, list) "\"" tag "\":{\"vr\":\"" vr "\",\"Value\":[" list "]}"
#define TEXT(tag, text) "\"" tag "\":{\"vr\":\"CS\",\"Value\":[\"" text "\"]}"
#define SEQUENCE(tag, items) "\"" tag "\":{\"vr\":\"SQ\",\"Value\":[" items "]}"

/* 16 bits allocated, 12 stored */
#define GREY                                                                                                 \
    NUMBERS("00280002", "US", "1")                                                                           \
    "," TEXT("00280004", "MONOCHROME2") "," NUMBERS("00280010", "US", "4") "," NUMBERS(                      \
        "00280011", "US", "6") "," NUMBERS("00280100", "US",                                                 \
                                           "16") "," NUMBERS("00280101", "US",                               \
                                                             "12") "," NUMBERS("00280102", "US",             \
                                                                               "11") "," NUMBERS("00280103", \
                                                                                                 "US", "0")
#define GREY_SIGNED                                                                                          \
    NUMBERS("00280002", "US", "1")                                                                           \
    "," TEXT("00280004", "MONOCHROME2") "," NUMBERS("00280010", "US", "4") "," NUMBERS(                      \
        "00280011", "US", "6") "," NUMBERS("00280100", "US",                                                 \
                                           "16") "," NUMBERS("00280101", "US",                               \
                                                             "16") "," NUMBERS("00280102", "US",             \
                                                                               "15") "," NUMBERS("00280103", \
                                                                                                 "US", "1")
#define PALETTE                                                                                              \
    NUMBERS("00280002", "US", "1")                                                                           \
    "," TEXT("00280004", "PALETTE COLOR") "," NUMBERS("00280010", "US", "4") "," NUMBERS(                    \
        "00280011", "US", "6") "," NUMBERS("00280100", "US",                                                 \
                                           "8") "," NUMBERS("00280101", "US",                                \
                                                            "8") "," NUMBERS("00280102", "US",               \
                                                                             "7") "," NUMBERS("00280103",    \
                                                                                              "US", "0")
#define WINDOW(center, width) NUMBERS("00281050", "DS", center) "," NUMBERS("00281051", "DS", width)

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

static PacsImageAttributes read_frame(PacsArena *arena, const char *members, uint32_t frame_number)
{
    const PacsInstanceValues values = values_of(arena, members);
    PacsImageAttributes attributes = {0};
    PacsError err = {0};

    assert_int_equal(pacs_image_attributes_read(&values, frame_number, &attributes, &err), PACS_OK);
    return attributes;
}

static PacsImageAttributes read(PacsArena *arena, const char *members)
{
    return read_frame(arena, members, 1);
}

/* ---- Layout ---- */

static void an_image_says_how_its_samples_lie(void **state)
{
    const PacsImageAttributes found = read(*state, GREY_SIGNED "," NUMBERS("00280008", "IS", "7"));

    assert_int_equal(found.layout.rows, 4);
    assert_int_equal(found.layout.columns, 6);
    assert_int_equal(found.layout.bits_stored, 16);
    assert_true(found.layout.is_signed);
    assert_int_equal(found.layout.photometric, TRANSCODE_MONOCHROME2);
    assert_int_equal(found.frame_count, 7);
    assert_true(found.rendering.rescale_slope == 1 && found.rendering.rescale_intercept == 0);
    assert_false(found.rendering.has_window);
}

static void an_image_without_rows_is_none(void **state)
{
    const PacsInstanceValues values = values_of(*state, NUMBERS("00280002", "US", "1"));
    PacsImageAttributes attributes = {0};

    assert_int_not_equal(pacs_image_attributes_read(&values, 1, &attributes, NULL), PACS_OK);
}

static void bits_that_contradict_each_other_are_all_shown(void **state)
{
    const PacsImageAttributes found = read(
        *state,
        NUMBERS("00280002", "US", "1") "," NUMBERS("00280010", "US", "4") "," NUMBERS(
            "00280011", "US", "4") "," NUMBERS("00280100", "US",
                                               "8") "," NUMBERS("00280101", "US",
                                                                "12") "," NUMBERS("00280102", "US", "11"));

    assert_int_equal(found.layout.bits_stored, 8);
    assert_int_equal(found.layout.high_bit, 7);
}

/* ---- Windows ---- */

static void the_first_window_that_makes_sense_is_taken(void **state)
{
    const PacsImageAttributes found = read(
        *state, GREY "," NUMBERS("00281050", "DS", "50,\"x\",40,300") "," NUMBERS(
                    "00281051", "DS", "0,100,-5,1500") "," TEXT("00281056", "SIGMOID"));

    assert_true(found.rendering.has_window);
    assert_true(found.rendering.window.center == 300 && found.rendering.window.width == 1500);
    assert_int_equal(found.rendering.window.function, TRANSCODE_SIGMOID);
}

static void a_broken_window_leaves_the_picture_to_its_values(void **state)
{
    assert_false(read(*state, GREY "," WINDOW("40", "0")).rendering.has_window);
    assert_false(read(*state, GREY "," WINDOW("\"NaN\"", "400")).rendering.has_window);
    assert_false(read(*state, GREY "," NUMBERS("00281050", "DS", "40")).rendering.has_window);
}

static void a_window_narrower_than_one_is_exact(void **state)
{
    const PacsImageAttributes found = read(*state, GREY "," WINDOW("0.25", "0.5"));

    assert_int_equal(found.rendering.window.function, TRANSCODE_LINEAR_EXACT);
}

static void a_voi_lut_is_taken_where_there_is_no_window(void **state)
{
    const char *lut = "{" NUMBERS("00283002", "US", "3,65534,12") "," NUMBERS("00283006", "US",
                                                                              "0,2048,4095") "}";
    const char *members = pacs_arena_printf(*state, GREY_SIGNED "," SEQUENCE("00283010", "%s"), lut);
    const PacsImageAttributes found = read(*state, members);

    assert_non_null(found.rendering.voi_lut);
    assert_int_equal(found.rendering.voi_lut->count, 3);
    assert_int_equal(found.rendering.voi_lut->first_mapped, -2);
    assert_int_equal(found.rendering.voi_lut->bits, 12);
    assert_int_equal(found.rendering.voi_lut->values[1], 2048);
    assert_null(read(*state, pacs_arena_printf(*state, "%s," WINDOW("40", "80"), members)).rendering.voi_lut);
}

static void a_lut_of_bytes_in_words_is_unpacked(void **state)
{
    /* 4 entries of 8 bits: 01 02 03 04 */
    const PacsImageAttributes found = read(
        *state, GREY
        "," SEQUENCE("00283010",
                     "{" NUMBERS("00283002", "US",
                                 "4,0,8") ",\"00283006\":{\"vr\":\"OW\",\"InlineBinary\":\"AQIDBA==\"}}"));

    assert_int_equal(found.rendering.voi_lut->count, 4);
    assert_int_equal(found.rendering.voi_lut->values[3], 4);
}

static void a_lut_whose_entries_are_larger_than_it_says_has_16_bits(void **state)
{
    const PacsImageAttributes found = read(
        *state, GREY "," SEQUENCE("00283010", "{" NUMBERS("00283002", "US", "2,0,8") "," NUMBERS(
                                                  "00283006", "US", "0,65280") "}"));

    assert_int_equal(found.rendering.voi_lut->bits, 16);
}

static void a_lut_without_data_is_none(void **state)
{
    assert_null(read(*state, GREY "," SEQUENCE("00283010", "{" NUMBERS("00283002", "US", "4,0,8") "}"))
                    .rendering.voi_lut);
    assert_null(read(*state, GREY "," SEQUENCE("00283010", "{" NUMBERS("00283002", "US", "4") "}"))
                    .rendering.voi_lut);
}

/* ---- Modality ---- */

static void values_are_rescaled(void **state)
{
    const PacsImageAttributes found = read(
        *state, GREY "," NUMBERS("00281052", "DS", "-1024") "," NUMBERS("00281053", "DS", "2.5"));

    assert_true(found.rendering.rescale_slope == 2.5 && found.rendering.rescale_intercept == -1024);
}

static void a_slope_of_nothing_is_ignored(void **state)
{
    const PacsImageAttributes found = read(
        *state, GREY "," NUMBERS("00281052", "DS", "5") "," NUMBERS("00281053", "DS", "0"));

    assert_true(found.rendering.rescale_slope == 1 && found.rendering.rescale_intercept == 0);
}

static void a_modality_lut_stands_in_place_of_a_slope(void **state)
{
    const PacsImageAttributes found = read(
        *state,
        GREY "," NUMBERS("00281052", "DS", "5") "," SEQUENCE(
            "00283000", "{" NUMBERS("00283002", "US", "2,0,16") "," NUMBERS("00283006", "US", "7,9") "}"));

    assert_non_null(found.rendering.modality_lut);
    assert_true(found.rendering.rescale_intercept == 0);
}

static void a_dose_is_scaled_by_its_grid(void **state)
{
    assert_true(read(*state, GREY "," NUMBERS("3004000E", "DS", "0.001")).rendering.rescale_slope == 0.001);
}

static void real_world_values_count_where_nothing_else_does(void **state)
{
#define MAPPING                                                                                              \
    SEQUENCE("00409096", "{" NUMBERS("00409224", "FD", "3") "," NUMBERS("00409225", "FD", "0.5") "}")
    assert_true(read(*state, GREY "," MAPPING).rendering.rescale_slope == 0.5);
    assert_true(read(*state, GREY "," NUMBERS("00281053", "DS", "2") "," MAPPING).rendering.rescale_slope ==
                2);
}

static void padding_has_the_sign_of_the_pixels(void **state)
{
    const PacsImageAttributes found = read(
        *state, GREY_SIGNED "," NUMBERS("00280120", "US", "63536") "," NUMBERS("00280121", "SS", "-1000"));

    assert_true(found.rendering.has_padding);
    assert_true(found.rendering.padding_first == -2000 && found.rendering.padding_last == -1000);
    assert_false(read(*state, GREY).rendering.has_padding);
}

static void an_inverse_shape_inverts_and_says_nothing_new_of_monochrome1(void **state)
{
    const char *one = NUMBERS("00280002", "US", "1") "," TEXT("00280004", "MONOCHROME1") "," NUMBERS(
        "00280010", "US", "4") "," NUMBERS("00280011", "US", "6") "," NUMBERS("00280100", "US",
                                                                              "16") "," TEXT("20500020",
                                                                                             "INVERSE");

    assert_int_equal(read(*state, GREY "," TEXT("20500020", "INVERSE")).rendering.polarity,
                     TRANSCODE_INVERSE);
    assert_int_equal(read(*state, one).rendering.polarity, TRANSCODE_BY_PHOTOMETRIC);
}

/* ---- Colours ---- */

#define DESCRIPTORS(text)                                                                                    \
    NUMBERS("00281101", "US", text) "," NUMBERS("00281102", "US", text) "," NUMBERS("00281103", "US", text)
#define BINARY(tag, base64) "\"" tag "\":{\"vr\":\"OW\",\"InlineBinary\":\"" base64 "\"}"

static void a_palette_has_three_tables(void **state)
{
    const PacsImageAttributes found = read(
        *state, PALETTE "," DESCRIPTORS("2,10,16") "," BINARY("00281201", "AAD//w==") "," BINARY(
                    "00281202", "AQACAA==") "," BINARY("00281203", "AwAEAA=="));

    assert_non_null(found.rendering.palette);
    assert_false(found.rendering.is_palette_supplemental);
    assert_int_equal(found.rendering.palette->red.first_mapped, 10);
    assert_int_equal(found.rendering.palette->red.values[1], 0xFFFF);
    assert_int_equal(found.rendering.palette->blue.values[0], 3);
}

static void a_palette_image_without_a_palette_is_grey(void **state)
{
    const PacsImageAttributes found = read(*state, PALETTE "," DESCRIPTORS("2,0,16"));

    assert_null(found.rendering.palette);
    assert_int_equal(found.layout.photometric, TRANSCODE_MONOCHROME2);
}

static void a_grey_image_with_a_palette_has_colours_above_its_greys(void **state)
{
#define TABLES                                                                                               \
    BINARY("00281201", "AAD//w==") "," BINARY("00281202", "AQACAA==") "," BINARY("00281203", "AwAEAA==")
    assert_true(read(*state, GREY "," DESCRIPTORS("2,10,16") "," TABLES).rendering.is_palette_supplemental);
    assert_null(read(*state, GREY "," DESCRIPTORS("2,10,16") "," TABLES "," TEXT("00089205", "MONOCHROME"))
                    .rendering.palette);
}

static const char *base64_of(PacsArena *arena, const uint16_t *words, size_t count)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(4096);

    assert_true(pacs_base64_format(&text, words, count * sizeof *words)); /* little endian hosts */
    return pacs_arena_strdup(arena, pacs_buffer_text(&text));
}

static const TranscodeLut *expand(PacsArena *arena, unsigned entries, const uint16_t *words, size_t count)
{
    const char *data = base64_of(arena, words, count);
    const PacsImageAttributes found = read(
        arena, pacs_arena_printf(arena,
                                 PALETTE "," DESCRIPTORS("%u,0,16") "," BINARY("00281221", "%s") "," BINARY(
                                     "00281222", "%s") "," BINARY("00281223", "%s"),
                                 entries, entries, entries, data, data, data));

    return found.rendering.palette ? &found.rendering.palette->red : NULL;
}

static void segments_are_expanded(void **state)
{
    /* two entries, a line of four up to 500, and both once more from byte 0 on */
    static const uint16_t words[] = {0, 2, 5, 100, 1, 4, 500, 2, 2, 0, 0};
    static const uint16_t expected[] = {5, 100, 200, 300, 400, 500, 5, 100, 200, 300, 400, 500};
    const TranscodeLut *lut = expand(*state, 12, words, sizeof words / sizeof words[0]);

    assert_non_null(lut);
    assert_int_equal(lut->count, 12);
    assert_memory_equal(lut->values, expected, sizeof expected);
}

static void segments_that_lie_end_where_they_do(void **state)
{
    static const uint16_t longer[] = {0, 200, 1, 2, 3};       /* more entries than there are */
    static const uint16_t nothing_before[] = {1, 4, 500};     /* a line from nowhere */
    static const uint16_t itself[] = {0, 1, 7, 2, 9, 6, 0};   /* points at itself */
    static const uint16_t far[] = {0, 1, 7, 2, 1, 0xFFF0, 1}; /* points behind the end */
    static const uint16_t unknown[] = {9, 9, 9};

    assert_null(expand(*state, 12, longer, 5));
    assert_null(expand(*state, 12, nothing_before, 3));
    assert_int_equal(expand(*state, 12, itself, 7)->count, 1);
    assert_int_equal(expand(*state, 12, far, 7)->count, 1);
    assert_null(expand(*state, 12, unknown, 3));
}

static void the_profile_of_an_optical_path_is_that_of_the_image(void **state)
{
    const PacsImageAttributes found = read(
        *state, GREY "," SEQUENCE("00480105", "{" TEXT("00480106", "1") "," BINARY("00282000", "AQID") "}"));

    assert_int_equal(found.rendering.icc_profile_size, 3);
    assert_int_equal(found.rendering.icc_profile[2], 3);
}

/* ---- Overlays ---- */

#define OVERLAY(rest)                                                                                        \
    GREY "," NUMBERS("60000010", "US", "2") "," NUMBERS("60000011", "US", "6") "," NUMBERS("60000050", "SS", \
                                                                                           "2,-1") rest

static void an_overlay_lies_where_it_says(void **state)
{
    const PacsImageAttributes found = read(*state, OVERLAY("," BINARY("60003000", "/w8=")));

    assert_int_equal(found.rendering.overlay_count, 1);
    const TranscodeOverlay *overlay = found.rendering.overlays;
    assert_int_equal(overlay->rows, 2);
    assert_int_equal(overlay->first_row, 2);
    assert_int_equal(overlay->first_column, -1);
    assert_int_equal(overlay->size, 2);
    assert_int_equal(overlay->bits[1], 0x0F);
}

static void an_overlay_that_ends_early_is_none(void **state)
{
    assert_int_equal(read(*state, OVERLAY("," BINARY("60003000", "/w=="))).rendering.overlay_count, 0);
    assert_int_equal(read(*state, OVERLAY("")).rendering.overlay_count, 0);
}

static void each_frame_has_its_own_plane_of_an_overlay(void **state)
{
    /* three planes of 12 bits from frame 2 on */
    const char *members = OVERLAY("," NUMBERS("60000015", "IS", "3") "," NUMBERS(
        "60000051", "US", "2") "," BINARY("60003000", "AQIDBAU="));

    assert_int_equal(read_frame(*state, members, 1).rendering.overlay_count, 0);
    assert_int_equal(read_frame(*state, members, 2).rendering.overlays[0].first_bit, 0);
    const PacsImageAttributes third = read_frame(*state, members, 3);
    assert_int_equal(third.rendering.overlays[0].first_bit, 4);
    assert_int_equal(third.rendering.overlays[0].bits[0], 2);
    assert_int_equal(read_frame(*state, members, 5).rendering.overlay_count, 0);
}

static void an_overlay_may_stand_in_unused_bits(void **state)
{
    const char *unused = OVERLAY("," NUMBERS("60000100", "US", "16") "," NUMBERS("60000102", "US", "14"));
    const char *used = OVERLAY("," NUMBERS("60000100", "US", "16") "," NUMBERS("60000102", "US", "11"));

    assert_int_equal(read(*state, unused).rendering.overlay_count, 1);
    assert_int_equal(read(*state, unused).rendering.overlays[0].embedded_bit, 14);
    assert_null(read(*state, unused).rendering.overlays[0].bits);
    assert_int_equal(read(*state, used).rendering.overlay_count, 0);
}

/* ---- Shape and time ---- */

static void pixels_have_the_shape_of_their_spacing(void **state)
{
    assert_true(read(*state, GREY "," NUMBERS("00280030", "DS", "1.0,0.5")).rendering.pixel_aspect == 2);
    assert_true(read(*state, GREY "," NUMBERS("00181164", "DS", "1,2")).rendering.pixel_aspect == 0.5);
    assert_true(read(*state, GREY "," NUMBERS("00280034", "IS", "3,1")).rendering.pixel_aspect == 3);
    assert_true(read(*state, GREY "," NUMBERS("00280030", "DS", "0.7031,0.70313")).rendering.pixel_aspect ==
                1);
    assert_true(read(*state, GREY "," NUMBERS("00280030", "DS", "0,0.7")).rendering.pixel_aspect == 1);
    assert_true(read(*state, GREY "," NUMBERS("00280030", "DS", "1000,0.1")).rendering.pixel_aspect == 1);
}

static void a_cine_has_its_pace(void **state)
{
    assert_int_equal(read(*state, GREY).frame_duration_ms, 100);
    assert_int_equal(read(*state, GREY "," NUMBERS("00082144", "IS", "25")).frame_duration_ms, 40);
    assert_int_equal(
        read(*state, GREY "," NUMBERS("00180040", "IS", "0") "," NUMBERS("00181063", "DS", "66.6"))
            .frame_duration_ms,
        67);
    assert_int_equal(read(*state, GREY "," NUMBERS("00181065", "DS", "0,33,33")).frame_duration_ms, 33);
    assert_int_equal(read(*state, GREY "," NUMBERS("00181063", "DS", "1e9")).frame_duration_ms, 10000);
}

/* ---- Functional groups ---- */

#define FRAME_WINDOW(center) "{" SEQUENCE("00289132", "{" WINDOW(center, "100") "}") "}"

static void a_frame_has_its_own_window_and_what_all_share(void **state)
{
    const char *members = GREY "," WINDOW("1", "2") "," SEQUENCE(
        "52009229",
        "{" SEQUENCE("00289110", "{" NUMBERS("00280030", "DS", "2,1") "}") "," SEQUENCE(
            "00289145", "{" NUMBERS("00281052", "DS", "-5") "," NUMBERS(
                            "00281053", "DS", "3") "}") "}") "," SEQUENCE("52009230",
                                                                          FRAME_WINDOW("10") "," FRAME_WINDOW(
                                                                              "20") ",{}");
    const PacsImageAttributes second = read_frame(*state, members, 2);
    const PacsImageAttributes third = read_frame(*state, members, 3);

    assert_true(second.rendering.window.center == 20);
    assert_true(second.rendering.rescale_slope == 3 && second.rendering.rescale_intercept == -5);
    assert_true(second.rendering.pixel_aspect == 2);
    assert_true(third.rendering.window.center == 1);
}

static void all_windows_can_be_had(void **state)
{
    const PacsInstanceValues values = values_of(
        *state, GREY "," WINDOW("1,2", "3,4") "," SEQUENCE("52009230", FRAME_WINDOW("10")));
    TranscodeWindow windows[8];

    assert_int_equal(pacs_image_windows(&values, 1, windows, 8), 3);
    assert_true(windows[0].center == 10 && windows[2].center == 2);
}

/* ---- Segmentations ---- */

#define SEGMENTATION                                                                                                       \
    TEXT("00080016", "1.2.840.10008.5.1.4.1.1.66.4")                                                                       \
    "," NUMBERS("00280002", "US", "1") "," TEXT("00280004", "MONOCHROME2") "," NUMBERS("00280010", "US", "4") "," NUMBERS( \
        "00280011", "US",                                                                                                  \
        "6") "," NUMBERS("00280103", "US",                                                                                 \
                         "0") "," SEQUENCE("00620002",                                                                     \
                                           "{" NUMBERS(                                                                    \
                                               "00620004", "US",                                                           \
                                               "1") "},"                                                                   \
                                                    "{" NUMBERS("00620004", "US", "2") "," NUMBERS(                        \
                                                        "0062000D", "US",                                                  \
                                                        "34885,53485,50171") "}") "," SEQUENCE("52009230",                 \
                                                                                               "{" SEQUENCE(               \
                                                                                                   "0062000A",             \
                                                                                                   "{" NUMBERS(            \
                                                                                                       "0062000B",         \
                                                                                                       "US",               \
                                                                                                       "2") "}") "}")

static void a_segment_has_its_recommended_colour(void **state)
{
    /* CIELab 53.2, 80.1, 67.2 is sRGB's red */
    const PacsImageAttributes found = read(*state, SEGMENTATION
                                           "," TEXT("00620001", "BINARY") "," NUMBERS("00280100", "US", "1"));

    assert_true(found.is_palette);
    const TranscodePalette *palette = found.rendering.palette;
    assert_int_equal(palette->red.count, 2);
    assert_int_equal(palette->red.values[0], 0);
    assert_true(palette->red.values[1] > 0xF800);
    assert_true(palette->green.values[1] < 0x2800 && palette->blue.values[1] < 0x2800);
}

static void a_fraction_of_a_segment_is_as_bright(void **state)
{
    const PacsImageAttributes found = read(*state,
                                           SEGMENTATION "," TEXT("00620001", "FRACTIONAL") "," NUMBERS(
                                               "0062000E", "US", "100") "," NUMBERS("00280100", "US", "8"));

    assert_int_equal(found.rendering.palette->red.count, 101);
    const uint16_t whole = found.rendering.palette->red.values[100];
    assert_in_range(found.rendering.palette->red.values[50], whole / 2 - 1, whole / 2 + 1);
}

static void labels_have_the_colours_of_their_segments(void **state)
{
    const PacsImageAttributes found = read(
        *state, SEGMENTATION "," TEXT("00620001", "LABELMAP") "," NUMBERS("00280100", "US", "8"));

    assert_int_equal(found.rendering.palette->red.values[0], 0);
    assert_true(found.rendering.palette->red.values[2] > 0xF800);
    assert_int_equal(found.rendering.palette->red.values[3], 0);
}

static void values_that_make_no_sense_never_fail_a_picture(void **state)
{
    static const char *const members[] = {
        WINDOW("1e400", "-1"),
        NUMBERS("00281053", "DS", "\"abc\""),
        "\"00283010\":{\"vr\":\"SQ\",\"Value\":[1,2]}",
        "\"00283000\":{\"vr\":\"US\",\"Value\":[null]}",
        "\"00281101\":{\"vr\":\"US\"}",
        BINARY("00282000", "!!!"),
        NUMBERS("00280120", "US", "null"),
        NUMBERS("60000010", "US", "1e9") "," NUMBERS("60000011", "US", "5"),
        SEQUENCE("52009229", "5"),
        SEQUENCE("52009230", "\"x\""),
        NUMBERS("00082144", "IS", "-4"),
    };

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const PacsImageAttributes found = read(*state, pacs_arena_printf(*state, GREY ",%s", members[i]));
        assert_false(found.rendering.has_window);
        assert_true(found.rendering.rescale_slope == 1);
    }
}

static void a_window_of_a_float_map_is_exact(void **state)
{
    const char *members =
        NUMBERS("00280002", "US", "1") "," TEXT("00280004", "MONOCHROME2") "," NUMBERS("00280010", "US", "4") "," NUMBERS(
            "00280011", "US",
            "6") "," NUMBERS("00280100", "US",
                             "32") ","
                                   "\"7FE00008\":{\"vr\":\"OF\",\"BulkDataURI\":\"bulkdata/7FE00008\"}," WINDOW(
                                       "0.5", "1");
    const PacsImageAttributes found = read(*state, members);

    assert_true(found.rendering.has_window);
    assert_int_equal(found.rendering.window.function, TRANSCODE_LINEAR_EXACT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_image_says_how_its_samples_lie),
        TEST(an_image_without_rows_is_none),
        TEST(bits_that_contradict_each_other_are_all_shown),
        TEST(the_first_window_that_makes_sense_is_taken),
        TEST(a_broken_window_leaves_the_picture_to_its_values),
        TEST(a_window_narrower_than_one_is_exact),
        TEST(a_voi_lut_is_taken_where_there_is_no_window),
        TEST(a_lut_of_bytes_in_words_is_unpacked),
        TEST(a_lut_whose_entries_are_larger_than_it_says_has_16_bits),
        TEST(a_lut_without_data_is_none),
        TEST(values_are_rescaled),
        TEST(a_slope_of_nothing_is_ignored),
        TEST(a_modality_lut_stands_in_place_of_a_slope),
        TEST(a_dose_is_scaled_by_its_grid),
        TEST(real_world_values_count_where_nothing_else_does),
        TEST(padding_has_the_sign_of_the_pixels),
        TEST(an_inverse_shape_inverts_and_says_nothing_new_of_monochrome1),
        TEST(a_palette_has_three_tables),
        TEST(a_palette_image_without_a_palette_is_grey),
        TEST(a_grey_image_with_a_palette_has_colours_above_its_greys),
        TEST(segments_are_expanded),
        TEST(segments_that_lie_end_where_they_do),
        TEST(the_profile_of_an_optical_path_is_that_of_the_image),
        TEST(an_overlay_lies_where_it_says),
        TEST(an_overlay_that_ends_early_is_none),
        TEST(each_frame_has_its_own_plane_of_an_overlay),
        TEST(an_overlay_may_stand_in_unused_bits),
        TEST(pixels_have_the_shape_of_their_spacing),
        TEST(a_cine_has_its_pace),
        TEST(a_frame_has_its_own_window_and_what_all_share),
        TEST(all_windows_can_be_had),
        TEST(a_segment_has_its_recommended_colour),
        TEST(a_fraction_of_a_segment_is_as_bright),
        TEST(labels_have_the_colours_of_their_segments),
        TEST(values_that_make_no_sense_never_fail_a_picture),
        TEST(a_window_of_a_float_map_is_exact),
    };
    return cmocka_run_group_tests_name("image attributes", tests, NULL, NULL);
}
