#include "scanning.h"

#include <stdio.h>

#define ANY (&(PacsScanOptions){.any_dataset = true})

/* The JSON of a data set, which is given without its braces: a member or two. */
static void expect_json(const Bytes *bytes, const char *expected)
{
    PACS_AUTO(PacsScan) scan = scan_bytes(bytes, ANY);
    assert_string_equal(pacs_buffer_text(pacs_scan_instance(scan)->json), expected);
}

static void expect_member(PacsTag tag, const char *vr, const char *value, size_t size, const char *expected)
{
    AUTO_BYTES bytes;
    char text[512];
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_element(&bytes, tag, vr, value, size);
    (void)snprintf(text, sizeof text, "{\"%08X\":{\"vr\":\"%s\"%s}}", tag, vr, expected);
    expect_json(&bytes, text);
}

#define EXPECT(tag, vr, value, expected) expect_member(tag, vr, value, sizeof(value) - 1, expected)

static void writes_values_in_a_list_without_padding(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_MODALITY, "CS", " CT  ", ",\"Value\":[\"CT\"]");
    EXPECT(PACS_TAG_SOP_INSTANCE_UID, "UI", "1.2.3\0", ",\"Value\":[\"1.2.3\"]");
    EXPECT(PACS_TAG_IMAGE_TYPE, "CS", "ORIGINAL\\PRIMARY", ",\"Value\":[\"ORIGINAL\",\"PRIMARY\"]");
    EXPECT(PACS_TAG_PATIENT_COMMENTS, "LT", " one\\two ", ",\"Value\":[\" one\\\\two\"]");
}

static void writes_no_value_where_there_is_none(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_MODALITY, "CS", "", "");
    EXPECT(PACS_TAG_MODALITY, "CS", "  ", "");
    EXPECT(PACS_TAG_IMAGE_TYPE, "CS", "\\\\", "");
    EXPECT(PACS_TAG_PATIENT_NAME, "PN", "^^==", "");
    EXPECT(PACS_TAG_ROWS, "US", "", "");
    EXPECT(PACS_TAG(0x0009, 0x1001), "OB", "", "");
}

static void writes_null_for_an_empty_value_among_others(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_IMAGE_TYPE, "CS", "A\\\\B\\", ",\"Value\":[\"A\",null,\"B\",null]");
    EXPECT(PACS_TAG_OTHER_PATIENT_NAMES, "PN", "A\\^", ",\"Value\":[{\"Alphabetic\":\"A\"},null]");
}

static void writes_component_groups_of_names(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_PATIENT_NAME, "PN", "Doe^Jane^^^", ",\"Value\":[{\"Alphabetic\":\"Doe^Jane\"}]");
    EXPECT(PACS_TAG_PATIENT_NAME, "PN", "Doe==x ",
           ",\"Value\":[{\"Alphabetic\":\"Doe\",\"Phonetic\":\"x\"}]");
    EXPECT(PACS_TAG_PATIENT_NAME, "PN", " Doe ^ Jane ", ",\"Value\":[{\"Alphabetic\":\"Doe^Jane\"}]");
}

static void writes_number_strings_as_numbers(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_SLICE_THICKNESS, "DS", "+1.50\\.5\\-5.\\1e5\\007\\-0\\1E+05 ",
           ",\"Value\":[1.50,0.5,-5,1e5,7,-0,1E+05]");
    EXPECT(PACS_TAG_INSTANCE_NUMBER, "IS", " 007\\-5\\+3 ", ",\"Value\":[7,-5,3]");
}

static void writes_number_strings_that_are_none_as_strings(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_SLICE_THICKNESS, "DS", "1,5\\abc\\1e\\.\\0x10",
           ",\"Value\":[\"1,5\",\"abc\",\"1e\",\".\",\"0x10\"]");
    EXPECT(PACS_TAG_INSTANCE_NUMBER, "IS", "1.5\\x", ",\"Value\":[\"1.5\",\"x\"]");
}

static void writes_binary_numbers(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_ROWS, "US", "\x00\x02\xFF\xFF", ",\"Value\":[512,65535]");
    EXPECT(PACS_TAG(0x0018, 0x9219), "SS", "\xFD\xFF", ",\"Value\":[-3]");
    EXPECT(PACS_TAG(0x0018, 0x9332), "FL", "\xCD\xCC\xCC\x3D", ",\"Value\":[0.100000001]");
    EXPECT(PACS_TAG(0x0018, 0x9073), "FD", "\x9A\x99\x99\x99\x99\x99\xB9\x3F", ",\"Value\":[0.1]");
    EXPECT(PACS_TAG(0x0020, 0x9165), "AT", "\xE0\x7F\x10\x00", ",\"Value\":[\"7FE00010\"]");
}

static void writes_numbers_that_json_readers_would_spoil_as_strings(void **state)
{
    (void)state;
    EXPECT(PACS_TAG(0x0008, 0x040C), "UV", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
           ",\"Value\":[\"18446744073709551615\"]");
    EXPECT(PACS_TAG(0x0018, 0x9332), "FL", "\x00\x00\xC0\x7F\x00\x00\x80\xFF",
           ",\"Value\":[\"NaN\",\"-inf\"]");
}

static void leaves_out_what_an_odd_length_leaves_over(void **state)
{
    (void)state;
    EXPECT(PACS_TAG_ROWS, "US", "\x01\x00\x02", ",\"Value\":[1]");
    EXPECT(PACS_TAG_MODALITY, "CS", "CT\0", ",\"Value\":[\"CT\"]");
}

static void writes_small_binary_values_inline(void **state)
{
    (void)state;
    EXPECT(PACS_TAG(0x0009, 0x1001), "OB", "\x01\x02\x03", ",\"InlineBinary\":\"AQID\"");
}

static void swaps_inline_binary_of_big_endian_objects(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    bytes.big_endian = true;
    add_meta(&bytes, PACS_UID_EXPLICIT_BIG);
    add_element(&bytes, PACS_TAG(0x0009, 0x1001), "OW", "\x01\x02\x03\x04", 4);
    add_element(&bytes, PACS_TAG(0x0009, 0x1002), "UN", "\x01\x02\x03\x04", 4);
    expect_json(&bytes, "{\"00091001\":{\"vr\":\"OW\",\"InlineBinary\":\"AgEEAw==\"},"
                        "\"00091002\":{\"vr\":\"UN\",\"InlineBinary\":\"AQIDBA==\"}}");
}

static void names_large_values_and_pixels_by_where_they_stand(void **state)
{
    (void)state;
    static const char large[PACS_SCAN_INLINE_MAX_DEFAULT + 2] = {0};
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, PACS_TAG(0x5400, 0x0100), "SQ", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_element(&bytes, PACS_TAG_WAVEFORM_DATA, "OW", large, sizeof large);
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    add_element(&bytes, PACS_TAG_PIXEL_DATA, "OW", "ab", 2);
    expect_json(&bytes, "{\"54000100\":{\"vr\":\"SQ\",\"Value\":[{\"54001010\":{\"vr\":\"OW\","
                        "\"BulkDataURI\":\"bulkdata/54000100/1/54001010\"}}]},"
                        "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"bulkdata/7FE00010\"}}");
}

static void writes_sequences_and_their_empty_items(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_header(&bytes, SEQUENCE, "SQ", 26);
    add_marker(&bytes, 0xE000, 0);
    add_marker(&bytes, 0xE000, 10);
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "a");
    add_header(&bytes, PACS_TAG_CONTENT_SEQUENCE, "SQ", 0);
    expect_json(
        &bytes,
        "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{},{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"a\"]}}]},"
        "\"0040A730\":{\"vr\":\"SQ\"}}");
}

static void leaves_out_group_lengths_and_the_meta_header(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_element(&bytes, PACS_TAG(0x0008, 0x0000), "UL", "\x0A\0\0\0", 4);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    expect_json(&bytes, "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}");
}

static void is_utf8_and_says_so(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 100");
    add_text(&bytes, PACS_TAG_STUDY_DESCRIPTION, "LO",
             "Gr\xFC\xDF"
             "e\"");
    expect_json(&bytes, "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
                        "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"Grüße\\\"\"]}}");
}

static void items_have_their_own_character_set_or_their_parents(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 100");
    add_header(&bytes, SEQUENCE, "SQ", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192");
    add_text(&bytes, PACS_TAG_CODE_MEANING, "LO", "é");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_CODE_MEANING, "LO", "\xE9 ");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    expect_json(
        &bytes,
        "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},\"00081140\":{\"vr\":\"SQ\",\"Value\":["
        "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
        "\"00080104\":{\"vr\":\"LO\",\"Value\":[\"é\"]}},"
        "{\"00080104\":{\"vr\":\"LO\",\"Value\":[\"é\"]}}]}}");
}

static void puts_elements_in_order_and_keeps_the_first_of_two(void **state)
{
    (void)state;
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "CT");
    add_header(&bytes, SEQUENCE, "SQ", UNDEFINED);
    add_marker(&bytes, 0xE000, UNDEFINED);
    add_text(&bytes, PACS_TAG_CODE_MEANING, "LO", "\"{[,");
    add_text(&bytes, PACS_TAG_CODE_VALUE, "SH", "v");
    add_marker(&bytes, 0xE00D, 0);
    add_marker(&bytes, 0xE0DD, 0);
    add_text(&bytes, PACS_TAG_MODALITY, "CS", "MR");
    add_text(&bytes, PACS_TAG_STUDY_DATE, "DA", "20200101");
    expect_json(
        &bytes,
        "{\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20200101\"]},\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},"
        "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"v\"]},"
        "\"00080104\":{\"vr\":\"LO\",\"Value\":[\"\\\"{[,\"]}}]}}");
}

static void writes_text_too_long_to_hold_as_bulk(void **state)
{
    (void)state;
    enum { SIZE = (1u << 20) + 2 };
    static char text[SIZE];
    memset(text, 'a', SIZE);
    AUTO_BYTES bytes;
    bytes_init(&bytes);
    add_meta(&bytes, PACS_UID_EXPLICIT_LITTLE);
    add_element(&bytes, PACS_TAG(0x0040, 0xA160), "UT", text, SIZE);
    expect_json(&bytes, "{\"0040A160\":{\"vr\":\"UT\",\"BulkDataURI\":\"bulkdata/0040A160\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_values_in_a_list_without_padding),
        cmocka_unit_test(writes_no_value_where_there_is_none),
        cmocka_unit_test(writes_null_for_an_empty_value_among_others),
        cmocka_unit_test(writes_component_groups_of_names),
        cmocka_unit_test(writes_number_strings_as_numbers),
        cmocka_unit_test(writes_number_strings_that_are_none_as_strings),
        cmocka_unit_test(writes_binary_numbers),
        cmocka_unit_test(writes_numbers_that_json_readers_would_spoil_as_strings),
        cmocka_unit_test(leaves_out_what_an_odd_length_leaves_over),
        cmocka_unit_test(writes_small_binary_values_inline),
        cmocka_unit_test(swaps_inline_binary_of_big_endian_objects),
        cmocka_unit_test(names_large_values_and_pixels_by_where_they_stand),
        cmocka_unit_test(writes_sequences_and_their_empty_items),
        cmocka_unit_test(leaves_out_group_lengths_and_the_meta_header),
        cmocka_unit_test(is_utf8_and_says_so),
        cmocka_unit_test(items_have_their_own_character_set_or_their_parents),
        cmocka_unit_test(puts_elements_in_order_and_keeps_the_first_of_two),
        cmocka_unit_test(writes_text_too_long_to_hold_as_bulk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
