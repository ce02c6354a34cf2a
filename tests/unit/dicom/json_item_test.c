/* Attributes looked up in DICOM JSON. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "pacs/dicom/json_item.h"

#define JSON                                                                                                 \
    "{\"00080008\":{\"vr\":\"CS\",\"Value\":[\"DERIVED\",null,\"a\\\"]}b\"]},"                               \
    "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doe^J\\u00e9\",\"Ideographic\":\"X\"}]},"      \
    "\"00280010\":{\"vr\":\"US\",\"Value\":[512]},"                                                          \
    "\"00281050\":{\"vr\":\"DS\",\"Value\":[40.50,\"x\",null,\" -1e2 \"]},"                                  \
    "\"00281201\":{\"vr\":\"OW\",\"InlineBinary\":\"AAEC\"},"                                                \
    "\"00281202\":{\"vr\":\"OW\",\"BulkDataURI\":\"bulkdata/00281202\"},"                                    \
    "\"00283010\":{\"vr\":\"SQ\",\"Value\":[{},{\"00283002\":{\"vr\":\"US\",\"Value\":[1,2,16]}}]},"         \
    "\"00400275\":{\"vr\":\"SQ\"}}"

static int open_item(void **state)
{
    static PacsJsonItem item;

    PacsArena *arena = pacs_arena_new(1 << 20);
    assert_int_equal(pacs_json_item_parse(PACS_SLICE(JSON), arena, &item, NULL), PACS_OK);
    *state = arena;
    return 0;
}

static int close_item(void **state)
{
    pacs_arena_free(*state);
    return 0;
}

static PacsJsonItem parse(PacsArena *arena)
{
    PacsJsonItem item = {0};

    assert_int_equal(pacs_json_item_parse(PACS_SLICE(JSON), arena, &item, NULL), PACS_OK);
    return item;
}

static void finds_what_is_there(void **state)
{
    const PacsJsonItem item = parse(*state);

    assert_int_equal(item.count, 8);
    assert_non_null(pacs_json_item_find(&item, PACS_TAG_ROWS));
    assert_null(pacs_json_item_find(&item, PACS_TAG_COLUMNS));
}

static void reads_numbers_however_they_are_written(void **state)
{
    const PacsJsonItem item = parse(*state);
    double values[8];
    int64_t rows = 0;

    assert_int_equal(pacs_json_item_numbers(&item, PACS_TAG_WINDOW_CENTER, values, 8), 4);
    assert_true(values[0] == 40.5 && isnan(values[1]) && isnan(values[2]) && values[3] == -100);
    assert_true(pacs_json_item_whole(&item, PACS_TAG_ROWS, 1, 65535, &rows));
    assert_int_equal(rows, 512);
    assert_false(pacs_json_item_whole(&item, PACS_TAG_ROWS, 1, 100, &rows));
    assert_false(pacs_json_item_whole(&item, PACS_TAG_WINDOW_CENTER, 0, 100, &rows));
}

static void reads_numbers_of_an_unknown_vr_by_the_dictionary(void **state)
{
    static const char json[] = "{\"00280006\":{\"vr\":\"UN\",\"InlineBinary\":\"AQA=\"},"
                               "\"00281051\":{\"vr\":\"UN\",\"InlineBinary\":\"NDAwXCA4MA==\"},"
                               "\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AQA=\"}}";
    PacsJsonItem item = {0};
    double values[2];

    assert_int_equal(pacs_json_item_parse(pacs_slice(json), *state, &item, NULL), PACS_OK);
    assert_int_equal(pacs_json_item_numbers(&item, PACS_TAG_PLANAR_CONFIGURATION, values, 2), 1);
    assert_true(values[0] == 1);
    assert_int_equal(pacs_json_item_numbers(&item, PACS_TAG_WINDOW_WIDTH, values, 2), 2);
    assert_true(values[0] == 400 && values[1] == 80);
    assert_int_equal(pacs_json_item_numbers(&item, PACS_TAG(0x0009, 0x1001), values, 2), 0);
}

static void reads_text_and_names(void **state)
{
    PacsArena *arena = *state;
    const PacsJsonItem item = parse(arena);

    assert_true(pacs_json_item_is(&item, PACS_TAG_IMAGE_TYPE, "DERIVED"));
    assert_int_equal(pacs_json_item_text(&item, PACS_TAG_IMAGE_TYPE, 1).size, 0);
    assert_string_equal(pacs_json_item_string(&item, PACS_TAG_IMAGE_TYPE, 2, arena), "a\"]}b");
    assert_int_equal(pacs_json_item_text(&item, PACS_TAG_IMAGE_TYPE, 3).size, 0);
    assert_string_equal(pacs_json_item_string(&item, PACS_TAG_PATIENT_NAME, 0, arena), "Doe^J\xC3\xA9");
}

static void tells_where_binary_values_are(void **state)
{
    const PacsJsonItem item = parse(*state);

    assert_true(
        pacs_slice_equal(pacs_json_item_find(&item, PACS_TAG(0x0028, 0x1201))->inline_binary, "AAEC"));
    assert_true(
        pacs_slice_equal(pacs_json_item_find(&item, PACS_TAG(0x0028, 0x1202))->bulk_path, "00281202"));
}

static void looks_into_one_item_of_a_sequence(void **state)
{
    const PacsJsonItem item = parse(*state);
    PacsJsonItem lut = {0};
    double descriptor[3];
    PacsSlice cursor = {0}, text;
    size_t count = 0;

    assert_int_equal(pacs_json_item_of(&item, PACS_TAG_VOI_LUT_SEQUENCE, 1, *state, &lut, NULL), PACS_OK);
    assert_int_equal(pacs_json_item_numbers(&lut, PACS_TAG_LUT_DESCRIPTOR, descriptor, 3), 3);
    assert_true(descriptor[2] == 16);
    assert_int_equal(pacs_json_item_of(&item, PACS_TAG_VOI_LUT_SEQUENCE, 2, *state, &lut, NULL),
                     PACS_NOT_FOUND);
    assert_int_equal(pacs_json_item_of(&item, PACS_TAG(0x0040, 0x0275), 0, *state, &lut, NULL),
                     PACS_NOT_FOUND);
    while (pacs_json_item_next(pacs_json_item_find(&item, PACS_TAG_VOI_LUT_SEQUENCE), &cursor, &text))
        count++;
    assert_int_equal(count, 2);
}

static void text_that_ends_anywhere_is_refused(void **state)
{
    PacsArena *arena = *state;

    for (size_t size = 0; size + 1 < sizeof JSON - 1; size++) {
        char *cut = pacs_arena_strndup(arena, JSON, size);
        PacsJsonItem item = {0};
        assert_int_equal(pacs_json_item_parse((PacsSlice){cut, size}, arena, &item, NULL), PACS_CORRUPT);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_item, close_item)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_is_there),
        TEST(reads_numbers_however_they_are_written),
        TEST(reads_numbers_of_an_unknown_vr_by_the_dictionary),
        TEST(reads_text_and_names),
        TEST(tells_where_binary_values_are),
        TEST(looks_into_one_item_of_a_sequence),
        TEST(text_that_ends_anywhere_is_refused),
    };
    return cmocka_run_group_tests_name("json item", tests, NULL, NULL);
}
