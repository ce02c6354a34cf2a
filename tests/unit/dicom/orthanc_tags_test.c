/* DICOM JSON into Orthanc's formats of tags. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "pacs/dicom/orthanc_tags.h"

static json_t *format_with(const char *dicom_json, PacsSlice bulk_table,
                           const PacsOrthancTagsOptions *options)
{
    PACS_AUTO_BUFFER PacsBuffer in = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);
    PacsJson json;

    assert_true(pacs_buffer_add_text(&in, dicom_json));
    pacs_json_init(&json, &out, false);
    assert_int_equal(pacs_orthanc_tags_write(&json, &in, bulk_table, options, NULL), PACS_OK);
    json_t *root = json_loads(pacs_buffer_text(&out), 0, NULL);
    assert_non_null(root);
    return root;
}

static json_t *format(const char *dicom_json, const PacsOrthancTagsOptions *options)
{
    return format_with(dicom_json, (PacsSlice){0}, options);
}

static void assert_json(json_t *found, const char *expected)
{
    json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);

    assert_non_null(wanted);
    if (!json_equal(found, wanted)) {
        char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_INDENT(1));
        print_error("found: %s\n", text);
        fail();
    }
    json_decref(wanted);
    json_decref(found);
}

static const PacsOrthancTagsOptions full = {.format = PACS_ORTHANC_TAGS_FULL, .max_length = 20};
static const PacsOrthancTagsOptions simple = {.format = PACS_ORTHANC_TAGS_SIMPLE, .max_length = 20};
static const PacsOrthancTagsOptions brief = {.format = PACS_ORTHANC_TAGS_SHORT, .max_length = 20};

static void a_text_has_name_type_and_value(void **state)
{
    (void)state;
    assert_json(format("{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}", &full),
                "{\"0008,0060\":{\"Name\":\"Modality\",\"Type\":\"String\",\"Value\":\"CT\"}}");
}

static void several_values_are_joined_by_backslash(void **state)
{
    (void)state;
    assert_json(format("{\"00080008\":{\"vr\":\"CS\",\"Value\":[\"A\",null,\"B\"]}}", &simple),
                "{\"ImageType\":\"A\\\\\\\\B\"}");
}

static void numbers_keep_their_text(void **state)
{
    (void)state;
    assert_json(format("{\"00280030\":{\"vr\":\"DS\",\"Value\":[0.500000,1]}}", &brief),
                "{\"0028,0030\":\"0.500000\\\\1\"}");
}

static void person_names_join_their_groups(void **state)
{
    (void)state;
    assert_json(
        format("{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\",\"Phonetic\":\"C\"}]}}",
               &simple),
        "{\"PatientName\":\"A^B==C\"}");
}

static void an_empty_value_is_an_empty_text(void **state)
{
    (void)state;
    assert_json(format("{\"00080050\":{\"vr\":\"SH\"}}", &simple), "{\"AccessionNumber\":\"\"}");
}

static void binary_values_are_null(void **state)
{
    (void)state;
    assert_json(format("{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"bulkdata/7FE00010\"}}", &full),
                "{\"7fe0,0010\":{\"Name\":\"PixelData\",\"Type\":\"Null\",\"Value\":null}}");
}

static void long_text_is_too_long_unless_asked_for(void **state)
{
    static const char json[] =
        "{\"00104000\":{\"vr\":\"LT\",\"Value\":[\"a comment of more than twenty bytes\"]}}";
    PacsOrthancTagsOptions ignoring = full;

    (void)state;
    assert_json(format(json, &full),
                "{\"0010,4000\":{\"Name\":\"PatientComments\",\"Type\":\"TooLong\",\"Value\":null}}");
    ignoring.ignore_length = "0010,0010;0010,4000";
    json_t *found = format(json, &ignoring);
    assert_string_equal(json_string_value(json_object_get(json_object_get(found, "0010,4000"), "Type")),
                        "String");
    json_decref(found);
    ignoring.ignore_length = "PatientName,PatientComments";
    found = format(json, &ignoring);
    assert_string_equal(json_string_value(json_object_get(json_object_get(found, "0010,4000"), "Type")),
                        "String");
    json_decref(found);
}

static void sequences_nest(void **state)
{
    (void)state;
    assert_json(
        format("{\"00081115\":{\"vr\":\"SQ\",\"Value\":[{\"00081199\":{\"vr\":\"SQ\"}},{}]}}", &full),
        "{\"0008,1115\":{\"Name\":\"ReferencedSeriesSequence\",\"Type\":\"Sequence\",\"Value\":"
        "[{\"0008,1199\":{\"Name\":\"ReferencedSOPSequence\",\"Type\":\"Sequence\",\"Value\":[]}},{}]}}");
}

static void private_tags_carry_their_creator(void **state)
{
    (void)state;
    assert_json(
        format("{\"00090010\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]},"
               "\"00091001\":{\"vr\":\"LO\",\"Value\":[\"x\"]},"
               "\"00091101\":{\"vr\":\"LO\",\"Value\":[\"y\"]}}",
               &full),
        "{\"0009,0010\":{\"Name\":\"PrivateCreator\",\"Type\":\"String\",\"Value\":\"ACME\"},"
        "\"0009,1001\":{\"Name\":\"Unknown Tag & Data\",\"PrivateCreator\":\"ACME\",\"Type\":\"String\","
        "\"Value\":\"x\"},"
        "\"0009,1101\":{\"Name\":\"Unknown Tag & Data\",\"Type\":\"String\",\"Value\":\"y\"}}");
}

static void creators_of_several_blocks_are_told_apart(void **state)
{
    (void)state;
    json_t *found = format(
        "{\"00090010\":{\"vr\":\"LO\",\"Value\":[\"ONE\"]},\"00090011\":{\"vr\":\"LO\",\"Value\":[\"TWO\"]},"
        "\"00091001\":{\"vr\":\"SQ\",\"Value\":[{\"00110010\":{\"vr\":\"LO\",\"Value\":[\"INNER\"]}}]},"
        "\"00091002\":{\"vr\":\"LO\"},\"00091101\":{\"vr\":\"LO\"},\"00111001\":{\"vr\":\"LO\"}}",
        &full);
    static const struct {
        const char *tag, *creator;
    } expected[] = {{"0009,1002", "ONE"}, {"0009,1101", "TWO"}, {"0011,1001", NULL}};

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        json_t *creator = json_object_get(json_object_get(found, expected[i].tag), "PrivateCreator");
        if (expected[i].creator)
            assert_string_equal(json_string_value(creator), expected[i].creator);
        else
            assert_null(creator);
    }
    json_decref(found);
}

static void floating_point_has_seventeen_digits(void **state)
{
    (void)state;
    assert_json(
        format("{\"00189073\":{\"vr\":\"FD\",\"Value\":[0.1,\"NaN\",\"-inf\"]},"
               "\"00720076\":{\"vr\":\"FL\",\"Value\":[0.100000001]}}",
               &(PacsOrthancTagsOptions){.format = PACS_ORTHANC_TAGS_SHORT}),
        "{\"0018,9073\":\"0.10000000000000001\\\\nan\\\\-inf\",\"0072,0076\":\"0.10000000149011612\"}");
}

static void numbers_that_are_not_there_are_null(void **state)
{
    (void)state;
    assert_json(
        format("{\"00189073\":{\"vr\":\"FD\"},\"00280009\":{\"vr\":\"AT\"},\"00280010\":{\"vr\":\"US\"}}",
               &brief),
        "{\"0018,9073\":null,\"0028,0009\":null,\"0028,0010\":null}");
}

static void retired_tags_say_so(void **state)
{
    (void)state;
    assert_json(format("{\"00324000\":{\"vr\":\"LT\",\"Value\":[\"x\"]}}", &simple),
                "{\"RETIRED_StudyComments\":\"x\"}");
}

static void texts_sent_as_un_are_texts(void **state)
{
    (void)state;
    assert_json(
        format("{\"00081030\":{\"vr\":\"UN\",\"InlineBinary\":\"VU4gc3R1ZHkg\"},\"00180060\":{\"vr\":\"UN\"},"
               "\"00189073\":{\"vr\":\"UN\",\"InlineBinary\":\"AAAAAAAAAAA=\"},"
               "\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"QUI=\"}}",
               &brief),
        "{\"0008,1030\":\"UN study \",\"0018,0060\":\"\",\"0018,9073\":null,\"0009,1001\":null}");
}

static void the_character_set_is_what_the_object_says(void **state)
{
    static const char json[] =
        "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
        "\"00081030\":{\"vr\":\"UN\",\"InlineBinary\":\"R3L832U=\"},"
        "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}},"
        "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}}]}}";
    static const char table[] = "LBB1\x08"
                                "00080005CS\x04\x0AISO_IR 100"
                                "\x13"
                                "00081140/2/00080005CS\x04\x0AISO_IR 126";

    (void)state;
    assert_json(format_with(json, (PacsSlice){table, sizeof table - 1}, &brief),
                "{\"0008,0005\":\"ISO_IR 100\",\"0008,1030\":\"Gr\u00FC\u00DFe\","
                "\"0008,1140\":[{\"0008,0005\":\"ISO_IR 100\"},{\"0008,0005\":\"ISO_IR 126\"}]}");
}

static void attribute_tags_have_a_comma(void **state)
{
    (void)state;
    assert_json(format("{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\"]}}", &simple),
                "{\"FrameIncrementPointer\":\"0018,1063\"}");
}

static void other_shapes_are_corrupt(void **state)
{
    static const char *const texts[] = {"[]", "{\"0008\":{}}", "{\"00080060\":[]}",
                                        "{\"00080060\":{\"vr\":\"CS\"", "{\"00080060\":{\"Value\":[]}}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer in = PACS_BUFFER(1 << 10);
        PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 10);
        PacsJson json;
        assert_true(pacs_buffer_add_text(&in, texts[i]));
        pacs_json_init(&json, &out, false);
        assert_int_not_equal(pacs_orthanc_tags_write(&json, &in, (PacsSlice){0}, &full, NULL), PACS_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_name_type_and_value),
        cmocka_unit_test(several_values_are_joined_by_backslash),
        cmocka_unit_test(numbers_keep_their_text),
        cmocka_unit_test(person_names_join_their_groups),
        cmocka_unit_test(an_empty_value_is_an_empty_text),
        cmocka_unit_test(binary_values_are_null),
        cmocka_unit_test(long_text_is_too_long_unless_asked_for),
        cmocka_unit_test(sequences_nest),
        cmocka_unit_test(private_tags_carry_their_creator),
        cmocka_unit_test(creators_of_several_blocks_are_told_apart),
        cmocka_unit_test(floating_point_has_seventeen_digits),
        cmocka_unit_test(numbers_that_are_not_there_are_null),
        cmocka_unit_test(retired_tags_say_so),
        cmocka_unit_test(texts_sent_as_un_are_texts),
        cmocka_unit_test(the_character_set_is_what_the_object_says),
        cmocka_unit_test(attribute_tags_have_a_comma),
        cmocka_unit_test(other_shapes_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
