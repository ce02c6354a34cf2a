/* From the Native DICOM Model to a data set: what our own writer makes of a data set reads back the same, and what is
 * hostile does not come in. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/dataset_xml.h"
#include "pacs/dicom/dicom_xml.h"
#include "pacs/dicom/part10.h"
#include "pacs/dicom/scan.h"
#include "pacs/util/limits.h"

#define MODEL(inside) "<?xml version=\"1.0\"?><NativeDicomModel>" inside "</NativeDicomModel>"

static PacsStatus read_xml(const char *text, size_t size, size_t piece, PacsDatasetWriter *writer,
                           PacsDataset *ret_dataset, PacsError *err)
{
    PACS_AUTO(PacsDatasetXml) xml = NULL;
    PacsStatus status = pacs_dataset_xml_new(writer, &xml, err);

    for (size_t at = 0; status == PACS_OK && at < size; at += piece)
        status = pacs_dataset_xml_feed(xml, (const uint8_t *)text + at, piece < size - at ? piece : size - at,
                                       err);
    if (status == PACS_OK)
        status = pacs_dataset_xml_finish(xml, err);
    return status == PACS_OK ? pacs_dataset_writer_finish(writer, ret_dataset, err) : status;
}

/** The JSON of the data set that a document becomes, into `out`. */
static void to_json(const char *text, size_t piece, PacsBuffer *out)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PACS_AUTO(PacsScan) scan = NULL;
    PACS_AUTO_BUFFER PacsBuffer header = PACS_BUFFER(4096);
    const PacsFileMeta meta = {"1.2.3", "1.2.3.4", PACS_UID_EXPLICIT_LITTLE, NULL};
    const PacsScanOptions options = {.any_dataset = true};
    PacsDataset dataset;
    PacsError err = {0};

    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    if (read_xml(text, strlen(text), piece, writer, &dataset, &err) != PACS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(pacs_part10_format_header(&meta, &header, NULL), PACS_OK);
    assert_int_equal(pacs_scan_new(&options, &scan, NULL), PACS_OK);
    assert_int_equal(pacs_scan_feed(scan, header.bytes, header.size, NULL), PACS_OK);
    assert_int_equal(pacs_scan_feed(scan, dataset.bytes, dataset.size, NULL), PACS_OK);
    assert_int_equal(pacs_scan_finish(scan, &err), PACS_OK);
    const PacsBuffer *found = pacs_scan_instance(scan)->json;
    assert_true(pacs_buffer_add(out, found->bytes, found->size));
}

static void check(const char *text, const char *expected)
{
    static const size_t pieces[] = {1, 7, 1 << 20};

    for (size_t i = 0; i < 3; i++) {
        PACS_AUTO_BUFFER PacsBuffer found = PACS_BUFFER(1 << 20);
        to_json(text, pieces[i], &found);
        assert_string_equal(pacs_buffer_text(&found), expected);
    }
}

/** JSON to XML by our writer, and back. */
static void check_same(const char *json)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 20);

    assert_int_equal(pacs_dicom_xml_write(pacs_slice(json), "", &text, NULL), PACS_OK);
    check(pacs_buffer_text(&text), json);
}

static void check_refused(const char *text, PacsStatus expected, const char *words)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PacsDataset dataset;
    PacsError err = {0};

    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    assert_int_equal(read_xml(text, strlen(text), 1 << 20, writer, &dataset, &err), expected);
    if (!strstr(err.text, words))
        fail_msg("'%s' is not in '%s'", words, err.text);
}

static void what_our_writer_makes_reads_back_the_same(void **state)
{
    (void)state;
    check_same(
        "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
        "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]},"
        "\"00080060\":{\"vr\":\"CS\"},"
        "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{},{\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
        "\"00082218\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"T\"]}}]}}]},"
        "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doe^Jo^^Dr\",\"Phonetic\":\"^ド\"},null,"
        "{\"Ideographic\":\"山田\"}]},"
        "\"00101030\":{\"vr\":\"DS\",\"Value\":[72.50,null,1]},"
        "\"00104000\":{\"vr\":\"LT\",\"Value\":[\"a <b> & \\\"c\\\"\\r\\n\\td\"]},"
        "\"00182042\":{\"vr\":\"OB\",\"InlineBinary\":\"AQIDBA==\"},"
        "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\"]},"
        "\"00280010\":{\"vr\":\"US\",\"Value\":[1,65535]},"
        "\"00400002\":{\"vr\":\"FD\",\"Value\":[0.1,\"NaN\",\"-inf\"]}}");
}

static void private_attributes_get_their_block_back(void **state)
{
    (void)state;
    check_same("{\"00091010\":{\"vr\":\"UN\",\"InlineBinary\":\"AQI=\"}}");
    check_same(
        "{\"00090010\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]},\"00090011\":{\"vr\":\"LO\",\"Value\":[\"OTHER\"]},"
        "\"00091001\":{\"vr\":\"LO\",\"Value\":[\"a\"]},\"00091002\":{\"vr\":\"SQ\",\"Value\":["
        "{\"00090010\":{\"vr\":\"LO\",\"Value\":[\"OTHER\"]},\"00091001\":{\"vr\":\"LO\",\"Value\":[\"b\"]}}]},"
        "\"00091101\":{\"vr\":\"LO\",\"Value\":[\"c\"]}}");
}

static void whole_private_tags_keep_their_block(void **state)
{
    static const char expected[] = "{\"00090020\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]},"
                                   "\"00092001\":{\"vr\":\"LO\",\"Value\":[\"a\"]}}";

    (void)state;
    check(
        MODEL(
            "<DicomAttribute tag=\"00092001\" vr=\"LO\" privateCreator=\"ACME\"><Value number=\"1\">a</Value>"
            "</DicomAttribute>"),
        expected);
    check(
        MODEL(
            "<DicomAttribute tag=\"00092001\" vr=\"LO\" privateCreator=\"ACME\"><Value number=\"1\">a</Value>"
            "</DicomAttribute><DicomAttribute tag=\"00090020\" vr=\"LO\"><Value number=\"1\">ACME</Value>"
            "</DicomAttribute>"),
        expected);
    check(MODEL("<DicomAttribute tag=\"00090020\" vr=\"LO\"><Value number=\"1\">ACME</Value></DicomAttribute>"
                "<DicomAttribute tag=\"00090001\" vr=\"LO\" privateCreator=\"ACME\"><Value>a</Value>"
                "</DicomAttribute>"),
          expected);
}

static void what_writers_do_is_understood(void **state)
{
    (void)state;
    check(
        "\xEF\xBB\xBF<n:NativeDicomModel xmlns:n=\"x\"><!-- one -->\n <n:DicomAttribute tag=\"0020000D\" keyword=\"x\">"
        "<n:Value number=\"1\"><![CDATA[1.2]]>.3</n:Value><Unknown><Value>5</Value></Unknown></n:DicomAttribute>"
        "<n:DicomAttribute tag=\"00080060\" vr=\"CS\"/><Other/>"
        "<n:DicomAttribute tag=\"00182042\" vr=\"OB\"><n:InlineBinary>\n AQID\n BA==\n</n:InlineBinary>"
        "</n:DicomAttribute></n:NativeDicomModel>",
        "{\"00080060\":{\"vr\":\"CS\"},\"00182042\":{\"vr\":\"OB\",\"InlineBinary\":\"AQIDBA==\"},"
        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]}}");
}

static void values_elsewhere_leave_holes(void **state)
{
    static const char text[] = MODEL("<DicomAttribute tag=\"7FE00010\" vr=\"OW\"><BulkData uri=\"a&amp;b\"/>"
                                     "</DicomAttribute><DicomAttribute tag=\"00420011\" vr=\"OB\">"
                                     "<BulkData uuid=\"123\"/></DicomAttribute>");
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PacsDataset dataset;

    (void)state;
    assert_int_equal(pacs_dataset_writer_new(1 << 20, &writer, NULL), PACS_OK);
    assert_int_equal(read_xml(text, sizeof text - 1, 11, writer, &dataset, NULL), PACS_OK);
    assert_int_equal(dataset.hole_count, 2);
    assert_string_equal(dataset.uris + dataset.holes[0].uri, "123");
    assert_string_equal(dataset.uris + dataset.holes[1].uri, "a&b");
}

static void document_types_are_refused(void **state)
{
    (void)state;
    check_refused(
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>"
        "<NativeDicomModel><DicomAttribute tag=\"00100020\" vr=\"LO\"><Value number=\"1\">&b;</Value>"
        "</DicomAttribute></NativeDicomModel>",
        PACS_INVALID, "document types");
    check_refused("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><NativeDicomModel/>", PACS_INVALID,
                  "document types");
    check_refused(
        MODEL("<DicomAttribute tag=\"00100020\" vr=\"LO\"><Value number=\"1\">&x;</Value></DicomAttribute>"),
        PACS_INVALID, "entity");
}

static void what_is_no_native_model_is_refused(void **state)
{
    (void)state;
    check_refused("", PACS_INVALID, "line 1");
    check_refused("text", PACS_INVALID, "line 1");
    check_refused("<html/>", PACS_INVALID, "NativeDicomModel expected");
    check_refused("<NativeDicomModel>", PACS_INVALID, "line 1");
    check_refused("<NativeDicomModel></Native>", PACS_INVALID, "mismatched");
    check_refused(MODEL("\xFF"), PACS_INVALID, "line 1");
    check_refused(MODEL("<DicomAttribute vr=\"CS\"/>"), PACS_INVALID, "no tag");
    check_refused(MODEL("<DicomAttribute tag=\"0008006\" vr=\"CS\"/>"), PACS_INVALID, "no tag");
    check_refused(MODEL("<DicomAttribute tag=\"00080060\" vr=\"??\"/>"), PACS_INVALID, "(0008,0060)");
    check_refused(MODEL("<DicomAttribute tag=\"00080060\"/><DicomAttribute tag=\"00080060\"/>"), PACS_INVALID,
                  "comes twice");
    check_refused(MODEL("<DicomAttribute tag=\"00080060\" vr=\"CS\"><Value number=\"2\">a</Value>"
                        "<Value number=\"2\">b</Value></DicomAttribute>"),
                  PACS_INVALID, "numbers do not rise");
    check_refused(MODEL("<DicomAttribute tag=\"00080060\" vr=\"CS\"><Value number=\"99999999\">a</Value>"
                        "</DicomAttribute>"),
                  PACS_INVALID, "numbers do not rise");
    check_refused(MODEL("<DicomAttribute tag=\"00080060\" vr=\"CS\"><InlineBinary>AQ==</InlineBinary>"
                        "</DicomAttribute>"),
                  PACS_INVALID, "(0008,0060)");
    check_refused(MODEL("<DicomAttribute tag=\"7FE00010\" vr=\"OW\"><BulkData/></DicomAttribute>"),
                  PACS_INVALID, "BulkData");
    check_refused(MODEL("<DicomAttribute tag=\"00100010\" vr=\"PN\"><PersonName><Family/></PersonName>"
                        "</DicomAttribute>"),
                  PACS_INVALID, "component groups");
    check_refused(MODEL("<DicomAttribute tag=\"00090001\" vr=\"LO\" privateCreator=\"A\"/>"
                        "<DicomAttribute tag=\"00091002\" vr=\"LO\" privateCreator=\"B\"/>"),
                  PACS_INVALID, "another private creator");
}

static void markup_without_end_is_bounded(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 24);

    (void)state;
    (void)pacs_buffer_add_text(&text, "<NativeDicomModel><DicomAttribute tag=\"");
    for (uint32_t i = 0; i < PACS_MAX_XML_TOKEN + (1u << 18); i++)
        (void)pacs_buffer_add_char(&text, '0');
    check_refused(pacs_buffer_text(&text), PACS_TOO_LARGE, "markup");
}

static void nesting_is_bounded(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1 << 20);

    (void)state;
    (void)pacs_buffer_add_text(&text, "<NativeDicomModel>");
    for (int i = 0; i < 65; i++)
        (void)pacs_buffer_add_text(&text, "<DicomAttribute tag=\"00081140\" vr=\"SQ\"><Item number=\"1\">");
    check_refused(pacs_buffer_text(&text), PACS_TOO_LARGE, "64 sequences");

    pacs_buffer_reset(&text);
    (void)pacs_buffer_add_text(&text, "<NativeDicomModel>");
    for (int i = 0; i < 10000; i++)
        (void)pacs_buffer_add_text(&text, "<x>");
    check_refused(pacs_buffer_text(&text), PACS_INVALID, "line 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_our_writer_makes_reads_back_the_same),
        cmocka_unit_test(private_attributes_get_their_block_back),
        cmocka_unit_test(whole_private_tags_keep_their_block),
        cmocka_unit_test(what_writers_do_is_understood),
        cmocka_unit_test(values_elsewhere_leave_holes),
        cmocka_unit_test(document_types_are_refused),
        cmocka_unit_test(what_is_no_native_model_is_refused),
        cmocka_unit_test(markup_without_end_is_bounded),
        cmocka_unit_test(nesting_is_bounded),
    };
    return cmocka_run_group_tests_name("dataset xml", tests, NULL, NULL);
}
