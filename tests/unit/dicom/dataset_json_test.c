/* From DICOM JSON to a data set: what the scan reads of it again is what was there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/dataset_json.h"
#include "pacs/dicom/part10.h"
#include "pacs/dicom/reader.h"
#include "pacs/dicom/scan.h"

static PacsStatus write(const char *json, PacsDatasetWriter *writer, PacsDataset *ret_dataset, PacsError *err)
{
    PacsStatus status = pacs_dataset_json_read(pacs_slice(json), writer, err);

    return status == PACS_OK ? pacs_dataset_writer_finish(writer, ret_dataset, err) : status;
}

/** The JSON of the data set that `json` becomes, into `out`. */
static void round_trip(const char *json, PacsBuffer *out)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PACS_AUTO(PacsScan) scan = NULL;
    PACS_AUTO_BUFFER PacsBuffer header = PACS_BUFFER(4096);
    const PacsFileMeta meta = {"1.2.3", "1.2.3.4", PACS_UID_EXPLICIT_LITTLE, NULL};
    const PacsScanOptions options = {.any_dataset = true};
    PacsDataset dataset;
    PacsError err = {0};

    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    assert_int_equal(write(json, writer, &dataset, &err), PACS_OK);
    assert_int_equal(dataset.hole_count, 0);
    assert_int_equal(pacs_part10_format_header(&meta, &header, NULL), PACS_OK);
    assert_int_equal(pacs_scan_new(&options, &scan, NULL), PACS_OK);
    assert_int_equal(pacs_scan_feed(scan, header.bytes, header.size, NULL), PACS_OK);
    assert_int_equal(pacs_scan_feed(scan, dataset.bytes, dataset.size, NULL), PACS_OK);
    assert_int_equal(pacs_scan_finish(scan, &err), PACS_OK);
    const PacsBuffer *found = pacs_scan_instance(scan)->json;
    assert_true(pacs_buffer_add(out, found->bytes, found->size));
}

static void check(const char *json, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer found = PACS_BUFFER(1 << 20);

    round_trip(json, &found);
    assert_string_equal(pacs_buffer_text(&found), expected);
}

static void check_same(const char *json)
{
    check(json, json);
}

static void check_refused(const char *json, PacsStatus expected, const char *words)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PacsDataset dataset;
    PacsError err = {0};

    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    assert_int_equal(write(json, writer, &dataset, &err), expected);
    assert_non_null(strstr(err.text, words));
}

static void every_vr_comes_back(void **state)
{
    (void)state;
    check_same(
        "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
        "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]},"
        "\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20200101\"]},"
        "\"00080060\":{\"vr\":\"CS\"},"
        "\"00081140\":{\"vr\":\"SQ\"},"
        "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doe^Jo\",\"Phonetic\":\"ド\"},null]},"
        "\"00101030\":{\"vr\":\"DS\",\"Value\":[72.50,\"x\",null,1]},"
        "\"00104000\":{\"vr\":\"LT\",\"Value\":[\"a\\\\b\\nc\"]},"
        "\"00182042\":{\"vr\":\"OB\",\"InlineBinary\":\"AQIDBA==\"},"
        "\"00200013\":{\"vr\":\"IS\",\"Value\":[-5]},"
        "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\"]},"
        "\"00280010\":{\"vr\":\"US\",\"Value\":[1,65535]},"
        "\"00281052\":{\"vr\":\"UN\",\"InlineBinary\":\"AQI=\"},"
        "\"00400001\":{\"vr\":\"FL\",\"Value\":[0.100000001,-1]},"
        "\"00400002\":{\"vr\":\"FD\",\"Value\":[0.1,\"NaN\",\"-inf\"]},"
        "\"00400003\":{\"vr\":\"SL\",\"Value\":[-2147483648]},"
        "\"00400004\":{\"vr\":\"SS\",\"Value\":[-32768,32767]},"
        "\"00400005\":{\"vr\":\"SV\",\"Value\":[-9007199254740991,\"-9223372036854775808\"]},"
        "\"00400006\":{\"vr\":\"UL\",\"Value\":[4294967295]},"
        "\"00400007\":{\"vr\":\"UV\",\"Value\":[\"18446744073709551615\"]},"
        "\"00400008\":{\"vr\":\"UR\",\"Value\":[\"http://a/b\"]},"
        "\"00400009\":{\"vr\":\"UC\",\"Value\":[\"a\",\"b\"]}}");
}

static void the_padding_of_odd_values_is_none_of_them(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer found = PACS_BUFFER(1 << 20);

    (void)state;
    /* but for bytes, whose number is even (PS3.5 6.2) */
    round_trip("{\"00182042\":{\"vr\":\"OB\",\"InlineBinary\":\"AQID\"}}", &found);
    assert_string_equal(pacs_buffer_text(&found),
                        "{\"00182042\":{\"vr\":\"OB\",\"InlineBinary\":\"AQIDAA==\"}}");
}

static void sequences_come_back(void **state)
{
    (void)state;
    check_same("{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{},{\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
               "\"00082218\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"T\"]}}]}}]},"
               "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]}}");
}

static void members_may_stand_in_any_order(void **state)
{
    (void)state;
    check("{\"00100020\":{\"Value\":[\"1\"],\"vr\":\"LO\"},"
          "\"00081140\":{\"Value\":[{\"00081155\":{\"Value\":[\"1.3\"],\"vr\":\"UI\"},"
          "\"00081150\":{\"Value\":[\"1.2\"],\"vr\":\"UI\"}}],\"vr\":\"SQ\",\"x\":[{\"Value\":1}]},"
          "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}",
          "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},"
          "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
          "\"00081155\":{\"vr\":\"UI\",\"Value\":[\"1.3\"]}}]},"
          "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"1\"]}}");
}

static void what_writers_do_is_understood(void **state)
{
    (void)state;
    check("{\"00080060\":{\"Value\":[\"CT\"]},"                  /* no vr */
          "\"00081140\":{\"vr\":\"SQ\",\"Value\":[null]},"       /* a null item */
          "\"00100010\":{\"vr\":\"PN\",\"Value\":[\"Doe^Jo\"]}," /* a name as text */
          "\"00200013\":{\"vr\":\"IS\",\"Value\":[\"7\"]},"
          "\"00280010\":{\"vr\":\"US\",\"Value\":[512.0,\"3\"]},"
          "\"00280011\":{\"vr\":\"US\",\"Value\":null},"
          "\"00280030\":{\"vr\":\"DS\",\"Value\":[]}}",
          "{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},"
          "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{}]},"
          "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doe^Jo\"}]},"
          "\"00200013\":{\"vr\":\"IS\",\"Value\":[7]},"
          "\"00280010\":{\"vr\":\"US\",\"Value\":[512,3]},"
          "\"00280011\":{\"vr\":\"US\"},"
          "\"00280030\":{\"vr\":\"DS\"}}");
}

static void text_beyond_ascii_gets_a_character_set(void **state)
{
    (void)state;
    check("{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"\\u00c9\"}]}}",
          "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
          "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"É\"}]}}");
    check("{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 100\"]},"
          "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"GBK\"]},"
          "\"00080080\":{\"vr\":\"LO\",\"Value\":[\"日\"]}}]}}",
          "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
          "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
          "\"00080080\":{\"vr\":\"LO\",\"Value\":[\"日\"]}}]}}");
}

static void decimals_get_the_digits_that_there_is_room_for(void **state)
{
    (void)state;
    check(
        "{\"00280030\":{\"vr\":\"DS\",\"Value\":[0.12345678901234567,-0.12345678901234,123456789.123456789]}}",
        "{\"00280030\":{\"vr\":\"DS\",\"Value\":[0.12345678901235,-0.12345678901234,123456789.123457]}}");
}

static void a_value_too_long_for_its_vr_becomes_unknown(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer found = PACS_BUFFER(1 << 20);

    (void)state;
    (void)pacs_buffer_add_text(&json, "{\"30060050\":{\"vr\":\"DS\",\"Value\":[1");
    for (int i = 0; i < 40000; i++)
        (void)pacs_buffer_add_text(&json, ",1");
    (void)pacs_buffer_add_text(&json, "]}}");
    round_trip(pacs_buffer_text(&json), &found);
    assert_non_null(strstr(pacs_buffer_text(&found), "{\"30060050\":{\"vr\":\"UN\",\"BulkDataURI\":"));
}

static void file_meta_and_group_lengths_are_left_out_but_remembered(void **state)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PacsDataset dataset;

    (void)state;
    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    assert_int_equal(write("{\"00020010\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.1.2.4.50\"]},"
                           "\"00080000\":{\"vr\":\"UL\",\"Value\":[10]},"
                           "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
                           "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]}}",
                           writer, &dataset, NULL),
                     PACS_OK);
    assert_int_equal(dataset.size, 8 + 4 + 8 + 6);
    assert_string_equal(dataset.transfer_syntax_uid, "1.2.840.10008.1.2.4.50");
    assert_string_equal(dataset.sop_class_uid, "1.2");
    assert_string_equal(dataset.sop_instance_uid, "1.2.3");
}

static void values_elsewhere_leave_holes(void **state)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PacsDataset dataset;

    (void)state;
    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    assert_int_equal(write("{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"last\"},"
                           "\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"a\\/b\"},"
                           "\"00081140\":{\"vr\":\"SQ\",\"Value\":["
                           "{\"54001010\":{\"vr\":\"OW\",\"BulkDataURI\":\"two\"},"
                           "\"00189004\":{\"vr\":\"OB\",\"BulkDataURI\":\"one\"},"
                           "\"00200013\":{\"vr\":\"IS\",\"Value\":[1]}}]},"
                           "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}",
                           writer, &dataset, NULL),
                     PACS_OK);
    const struct {
        const char *uri;
        uint64_t offset;
        uint32_t depth;
    } expected[] = {{"one", 10 + 12 + 8, 1},
                    {"two", 10 + 12 + 8 + 10, 1},
                    {"a/b", 10 + 12 + 8 + 10 + 16, 0},
                    {"last", 10 + 12 + 8 + 10 + 16, 0}};
    assert_int_equal(dataset.hole_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(dataset.uris + dataset.holes[i].uri, expected[i].uri);
        assert_int_equal(dataset.holes[i].offset, expected[i].offset);
        assert_int_equal(dataset.holes[i].depth, expected[i].depth);
    }
    assert_int_equal(dataset.holes[3].tag, PACS_TAG_PIXEL_DATA);
    assert_int_equal(dataset.holes[3].vr, PACS_VR_OW);
}

static void what_is_no_dicom_json_is_refused_by_its_tag(void **state)
{
    (void)state;
    check_refused("{\"Modality\":{\"vr\":\"CS\"}}", PACS_INVALID, "eight digits");
    check_refused("{\"00080060\":\"CT\"}", PACS_INVALID, "(0008,0060) is no object");
    check_refused("{\"00080060\":{\"vr\":\"XX\"}}", PACS_INVALID, "(0008,0060) has a VR");
    check_refused("{\"00080060\":{\"vr\":\"CS\",\"Value\":\"CT\"}}", PACS_INVALID, "no array");
    check_refused("{\"00080060\":{\"vr\":\"CS\",\"Value\":[{}]}}", PACS_INVALID, "(0008,0060)");
    check_refused("{\"00080060\":{\"vr\":\"CS\",\"Value\":[[1]]}}", PACS_INVALID, "(0008,0060)");
    check_refused("{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"\\ud800\"]}}", PACS_INVALID, "UTF-8");
    check_refused("{\"00080060\":{\"vr\":\"CS\",\"InlineBinary\":\"AQ==\"}}", PACS_INVALID, "InlineBinary");
    check_refused("{\"00104000\":{\"vr\":\"LT\",\"Value\":[\"a\",\"b\"]}}", PACS_INVALID, "several values");
    check_refused("{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Family\":\"x\"}]}}", PACS_INVALID,
                  "(0010,0010)");
    check_refused("{\"00280010\":{\"vr\":\"US\",\"Value\":[65536]}}", PACS_INVALID, "cannot hold");
    check_refused("{\"00280010\":{\"vr\":\"US\",\"Value\":[1.5]}}", PACS_INVALID, "whole number");
    check_refused("{\"00280010\":{\"vr\":\"FD\",\"Value\":[\"0x10\"]}}", PACS_INVALID, "no number");
    check_refused("{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"x\"]}}", PACS_INVALID, "(0028,0009)");
    check_refused("{\"00182042\":{\"vr\":\"OB\",\"InlineBinary\":\"A\"}}", PACS_INVALID, "base64");
    check_refused("{\"00182042\":{\"vr\":\"OB\",\"Value\":[1]}}", PACS_INVALID, "(0018,2042)");
    check_refused("{\"00182042\":{\"vr\":\"OB\",\"BulkDataURI\":\"\"}}", PACS_INVALID, "(0018,2042)");
    check_refused("{\"00182042\":{\"vr\":\"OB\",\"BulkDataURI\":\"a\",\"InlineBinary\":\"AQ==\"}}",
                  PACS_INVALID, "elsewhere");
    check_refused("{\"00182042\":{\"vr\":\"OB\",\"BulkDataURI\":\"a\",\"BulkDataURI\":\"b\"}}", PACS_INVALID,
                  "elsewhere");
    check_refused("{\"00081140\":{\"vr\":\"SQ\",\"Value\":[1]}}", PACS_INVALID, "(0008,1140)");
    check_refused("{\"00081140\":{\"vr\":\"SQ\",\"Value\":[],\"Value\":[]}}", PACS_INVALID, "two Values");
    check_refused("{\"00080060\":{\"vr\":\"CS\"},\"00080060\":{\"vr\":\"CS\"}}", PACS_INVALID, "comes twice");
    check_refused("{\"FFFEE000\":{\"vr\":\"UN\"}}", PACS_INVALID, "no element");
}

static void nesting_is_bounded(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 20);

    (void)state;
    for (int i = 0; i < 65; i++)
        (void)pacs_buffer_add_text(&json, "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[");
    (void)pacs_buffer_add_text(&json, "{}");
    for (int i = 0; i < 65; i++)
        (void)pacs_buffer_add_text(&json, "]}}");
    check_refused(pacs_buffer_text(&json), PACS_TOO_LARGE, "64 sequences");
}

static void a_writer_can_be_used_again(void **state)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PacsDataset dataset;

    (void)state;
    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write("{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"é\"]},"
                               "\"00080018\":{\"vr\":\"UI\",\"BulkDataURI\":\"x\"}}",
                               writer, &dataset, NULL),
                         PACS_OK);
        assert_int_equal(dataset.hole_count, 1);
        assert_int_equal(dataset.size, 8 + 10 + 8 + 2);
        pacs_dataset_writer_reset(writer);
    }
    assert_int_equal(write("{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"é\"]},\"00081140\":{\"vr\":\"SQ\","
                           "\"Value\":[{\"00080018\":{\"vr\":\"UI\",\"Value\":[5,{}]}}]}}",
                           writer, &dataset, NULL),
                     PACS_INVALID);
    pacs_dataset_writer_reset(writer);
    assert_int_equal(write("{}", writer, &dataset, NULL), PACS_OK);
    assert_int_equal(dataset.size, 0);
}

static void element_headers_are_as_long_as_their_vr_wants(void **state)
{
    uint8_t header[PACS_ELEMENT_HEADER_MAX];

    (void)state;
    assert_int_equal(pacs_element_header_format(PACS_TAG_ROWS, PACS_VR_US, 2, header), 8);
    assert_memory_equal(header, "\x28\x00\x10\x00US\x02\x00", 8);
    assert_int_equal(pacs_element_header_format(PACS_TAG_PIXEL_DATA, PACS_VR_OW, 0x12345678, header), 12);
    assert_memory_equal(header, "\xE0\x7F\x10\x00OW\x00\x00\x78\x56\x34\x12", 12);
    assert_int_equal(pacs_element_header_format(PACS_TAG_ROWS, PACS_VR_US, 0x10000, header), 12);
    assert_memory_equal(header + 4, "UN\x00\x00\x00\x00\x01\x00", 8);
    assert_int_equal(
        pacs_element_header_format(PACS_TAG_PIXEL_DATA, PACS_VR_OB, PACS_LENGTH_UNDEFINED, header), 12);
    assert_memory_equal(header + 8, "\xFF\xFF\xFF\xFF", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vr_comes_back),
        cmocka_unit_test(the_padding_of_odd_values_is_none_of_them),
        cmocka_unit_test(sequences_come_back),
        cmocka_unit_test(members_may_stand_in_any_order),
        cmocka_unit_test(what_writers_do_is_understood),
        cmocka_unit_test(text_beyond_ascii_gets_a_character_set),
        cmocka_unit_test(decimals_get_the_digits_that_there_is_room_for),
        cmocka_unit_test(a_value_too_long_for_its_vr_becomes_unknown),
        cmocka_unit_test(file_meta_and_group_lengths_are_left_out_but_remembered),
        cmocka_unit_test(values_elsewhere_leave_holes),
        cmocka_unit_test(what_is_no_dicom_json_is_refused_by_its_tag),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(a_writer_can_be_used_again),
        cmocka_unit_test(element_headers_are_as_long_as_their_vr_wants),
    };
    return cmocka_run_group_tests_name("dataset json", tests, NULL, NULL);
}
