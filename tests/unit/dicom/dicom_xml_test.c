/* DICOM JSON to the Native DICOM Model. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dicom_xml.h"

#define PROLOGUE                                                                                             \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                           \
    "<NativeDicomModel xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\" xml:space=\"preserve\">"
#define EPILOGUE "</NativeDicomModel>"

static void assert_xml(const char *json, const char *inside)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);
    PacsError err = {0};

    PacsStatus status = pacs_dicom_xml_write(pacs_slice(json), "/base/", &out, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, PACS_OK);
    const char *text = pacs_buffer_text(&out);
    assert_memory_equal(text, PROLOGUE, strlen(PROLOGUE));
    assert_string_equal(text + out.size - strlen(EPILOGUE), EPILOGUE);
    out.bytes[out.size - strlen(EPILOGUE)] = '\0';
    assert_string_equal(text + strlen(PROLOGUE), inside);
}

static PacsStatus write_status(const char *json)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 20);

    return pacs_dicom_xml_write(pacs_slice(json), "", &out, NULL);
}

static void an_empty_data_set_is_an_empty_model(void **state)
{
    (void)state;
    assert_xml("{}", "");
}

static void values_are_numbered_and_named(void **state)
{
    (void)state;
    assert_xml("{\"00080008\":{\"vr\":\"CS\",\"Value\":[\"ORIGINAL\",\"PRIMARY\"]},"
               "\"00280030\":{\"vr\":\"DS\",\"Value\":[0.500000,1e-2]}}",
               "<DicomAttribute tag=\"00080008\" vr=\"CS\" keyword=\"ImageType\">"
               "<Value number=\"1\">ORIGINAL</Value><Value number=\"2\">PRIMARY</Value></DicomAttribute>"
               "<DicomAttribute tag=\"00280030\" vr=\"DS\" keyword=\"PixelSpacing\">"
               "<Value number=\"1\">0.500000</Value><Value number=\"2\">1e-2</Value></DicomAttribute>");
}

static void an_empty_attribute_keeps_its_place(void **state)
{
    (void)state;
    assert_xml("{\"00080050\":{\"vr\":\"SH\"}}",
               "<DicomAttribute tag=\"00080050\" vr=\"SH\" keyword=\"AccessionNumber\"></DicomAttribute>");
}

static void an_empty_value_keeps_its_number(void **state)
{
    (void)state;
    assert_xml(
        "{\"00080008\":{\"vr\":\"CS\",\"Value\":[\"A\",null,\"C\"]}}",
        "<DicomAttribute tag=\"00080008\" vr=\"CS\" keyword=\"ImageType\"><Value number=\"1\">A</Value>"
        "<Value number=\"2\"/><Value number=\"3\">C</Value></DicomAttribute>");
}

static void a_person_name_is_taken_apart(void **state)
{
    (void)state;
    assert_xml(
        "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Yamada^Tarou^^Dr\","
        "\"Ideographic\":\"\xE5\xB1\xB1\xE7\x94\xB0^\xE5\xA4\xAA\xE9\x83\x8E\",\"Phonetic\":\"ya\"},null]}}",
        "<DicomAttribute tag=\"00100010\" vr=\"PN\" keyword=\"PatientName\"><PersonName number=\"1\">"
        "<Alphabetic><FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName>"
        "<NamePrefix>Dr</NamePrefix></Alphabetic>"
        "<Ideographic><FamilyName>\xE5\xB1\xB1\xE7\x94\xB0</FamilyName>"
        "<GivenName>\xE5\xA4\xAA\xE9\x83\x8E</GivenName></Ideographic>"
        "<Phonetic><FamilyName>ya</FamilyName></Phonetic></PersonName>"
        "<PersonName number=\"2\"/></DicomAttribute>");
}

static void a_sixth_name_component_is_not_lost(void **state)
{
    (void)state;
    assert_xml("{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B^C^D^E^F\"}]}}",
               "<DicomAttribute tag=\"00100010\" vr=\"PN\" keyword=\"PatientName\"><PersonName number=\"1\">"
               "<Alphabetic><FamilyName>A</FamilyName><GivenName>B</GivenName><MiddleName>C</MiddleName>"
               "<NamePrefix>D</NamePrefix><NameSuffix>E^F</NameSuffix></Alphabetic></PersonName>"
               "</DicomAttribute>");
}

static void items_are_numbered_and_nest(void **state)
{
    (void)state;
    assert_xml("{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00400008\":{\"vr\":\"SQ\",\"Value\":["
               "{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"X\"]}}]}},{}]},\"00400280\":{\"vr\":\"ST\"}}",
               "<DicomAttribute tag=\"00400275\" vr=\"SQ\" keyword=\"RequestAttributesSequence\">"
               "<Item number=\"1\">"
               "<DicomAttribute tag=\"00400008\" vr=\"SQ\" keyword=\"ScheduledProtocolCodeSequence\">"
               "<Item number=\"1\"><DicomAttribute tag=\"00080100\" vr=\"SH\" keyword=\"CodeValue\">"
               "<Value number=\"1\">X</Value></DicomAttribute></Item></DicomAttribute></Item>"
               "<Item number=\"2\"></Item></DicomAttribute>"
               "<DicomAttribute tag=\"00400280\" vr=\"ST\" "
               "keyword=\"CommentsOnThePerformedProcedureStep\"></DicomAttribute>");
}

static void an_empty_sequence_has_no_items(void **state)
{
    (void)state;
    assert_xml("{\"00081140\":{\"vr\":\"SQ\"}}", "<DicomAttribute tag=\"00081140\" vr=\"SQ\" "
                                                 "keyword=\"ReferencedImageSequence\"></DicomAttribute>");
}

static void a_private_element_names_its_creator_instead_of_its_block(void **state)
{
    (void)state;
    assert_xml("{\"00190010\":{\"vr\":\"LO\",\"Value\":[\"ACME \\u0026 \\\"Co\\\"\"]},"
               "\"00190011\":{\"vr\":\"LO\",\"Value\":[\"OTHER\"]},"
               "\"00191013\":{\"vr\":\"CS\",\"Value\":[\"Y\"]},"
               "\"00191101\":{\"vr\":\"IS\",\"Value\":[1]}}",
               "<DicomAttribute tag=\"00190013\" vr=\"CS\" privateCreator=\"ACME &amp; &quot;Co&quot;\">"
               "<Value number=\"1\">Y</Value></DicomAttribute>"
               "<DicomAttribute tag=\"00190001\" vr=\"IS\" privateCreator=\"OTHER\">"
               "<Value number=\"1\">1</Value></DicomAttribute>");
}

static void a_block_that_nobody_reserved_keeps_its_whole_tag(void **state)
{
    (void)state;
    assert_xml("{\"00190010\":{\"vr\":\"LO\"},\"00191013\":{\"vr\":\"CS\",\"Value\":[\"Y\"]}}",
               "<DicomAttribute tag=\"00190010\" vr=\"LO\"></DicomAttribute>"
               "<DicomAttribute tag=\"00191013\" vr=\"CS\"><Value number=\"1\">Y</Value></DicomAttribute>");
}

static void creators_hold_for_their_group_and_their_item_only(void **state)
{
    (void)state;
    assert_xml("{\"00190010\":{\"vr\":\"LO\",\"Value\":[\"A\"]},"
               "\"00191001\":{\"vr\":\"SQ\",\"Value\":[{\"00191002\":{\"vr\":\"CS\"},"
               "\"00210010\":{\"vr\":\"LO\",\"Value\":[\"B\"]},\"00211003\":{\"vr\":\"CS\"}}]},"
               "\"00191004\":{\"vr\":\"CS\"},\"00211005\":{\"vr\":\"CS\"}}",
               "<DicomAttribute tag=\"00190001\" vr=\"SQ\" privateCreator=\"A\"><Item number=\"1\">"
               "<DicomAttribute tag=\"00191002\" vr=\"CS\"></DicomAttribute>"
               "<DicomAttribute tag=\"00210003\" vr=\"CS\" privateCreator=\"B\"></DicomAttribute></Item>"
               "</DicomAttribute>"
               "<DicomAttribute tag=\"00190004\" vr=\"CS\" privateCreator=\"A\"></DicomAttribute>"
               "<DicomAttribute tag=\"00211005\" vr=\"CS\"></DicomAttribute>");
}

static void relative_bulk_uris_get_the_prefix_and_others_do_not(void **state)
{
    (void)state;
    assert_xml("{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"bulkdata/7FE00010\"}}",
               "<DicomAttribute tag=\"7FE00010\" vr=\"OW\" keyword=\"PixelData\">"
               "<BulkData uri=\"/base/bulkdata/7FE00010\"/></DicomAttribute>");
    assert_xml("{\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"https://h/x?a&b\"}}",
               "<DicomAttribute tag=\"00420011\" vr=\"OB\" keyword=\"EncapsulatedDocument\">"
               "<BulkData uri=\"https://h/x?a&amp;b\"/></DicomAttribute>");
}

static void inline_binary_stays_base64(void **state)
{
    (void)state;
    assert_xml("{\"00091099\":{\"vr\":\"UN\",\"InlineBinary\":\"AAEC/w==\"}}",
               "<DicomAttribute tag=\"00091099\" vr=\"UN\"><InlineBinary>AAEC/w==</InlineBinary>"
               "</DicomAttribute>");
}

static void hostile_text_cannot_leave_its_element(void **state)
{
    (void)state;
    assert_xml(
        "{\"00081030\":{\"vr\":\"LO\",\"Value\":[\"</Value><x a='\\\"\\u0001\\n\\ud83d\\ude00\\ud800\"]}}",
        "<DicomAttribute tag=\"00081030\" vr=\"LO\" keyword=\"StudyDescription\"><Value number=\"1\">"
        "&lt;/Value&gt;&lt;x a='&quot;\xEF\xBF\xBD&#10;\xF0\x9F\x98\x80"
        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD</Value></DicomAttribute>");
}

static void what_is_no_dicom_json_is_refused(void **state)
{
    static const char *const broken[] = {
        "",
        "[]",
        "{",
        "{}{}",
        "{\"0008\":{\"vr\":\"SH\"}}",
        "{\"00080050\":\"SH\"}",
        "{\"00080050\":{}}",
        "{\"00080050\":{\"Value\":[\"1\"],\"vr\":\"SH\"}}",
        "{\"00080050\":{\"vr\":\"??\"}}",
        "{\"00080050\":{\"vr\":\"SH\",\"Value\":\"1\"}}",
        "{\"00080050\":{\"vr\":\"SH\",\"Value\":[{}]}}",
        "{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"\\x\"]}}",
        "{\"00080050\":{\"vr\":\"SH\",\"Other\":\"1\"}}",
        "{\"00100010\":{\"vr\":\"PN\",\"Value\":[\"A\"]}}",
        "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Other\":\"A\"}]}}",
        "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[1]}}",
        "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[{}",
        "{\"00190010\":{\"vr\":\"LO\",\"Value\":[\"A\"",
    };
    (void)state;

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(write_status(broken[i]), PACS_CORRUPT);
}

static char *nested(unsigned depth)
{
    static const char open[] = "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[";
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(1 << 20);

    for (unsigned i = 0; i < depth; i++)
        assert_true(pacs_buffer_add_text(&json, open));
    assert_true(pacs_buffer_add_text(&json, "{}"));
    for (unsigned i = 0; i < depth; i++)
        assert_true(pacs_buffer_add_text(&json, "]}}"));
    return strdup(pacs_buffer_text(&json));
}

static void depth_is_bounded(void **state)
{
    PACS_AUTO_FREE char *deepest = nested(PACS_MAX_SEQUENCE_DEPTH);
    PACS_AUTO_FREE char *too_deep = nested(PACS_MAX_SEQUENCE_DEPTH + 1);
    (void)state;

    assert_int_equal(write_status(deepest), PACS_OK);
    assert_int_equal(write_status(too_deep), PACS_TOO_LARGE);
}

static void a_full_buffer_is_told(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(200);
    (void)state;

    assert_int_equal(
        pacs_dicom_xml_write(pacs_slice("{\"00080050\":{\"vr\":\"SH\",\"Value\":[\"1234567890\"]}}"), "",
                             &out, NULL),
        PACS_TOO_LARGE);
}

static void steps_emptied_in_between_give_the_same_document(void **state)
{
    static const char json[] = "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{\"00400008\":{\"vr\":\"SQ\"}},{}]},"
                               "\"00400280\":{\"vr\":\"ST\",\"Value\":[\"x\"]}}";
    PACS_AUTO_BUFFER PacsBuffer whole = PACS_BUFFER(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer joined = PACS_BUFFER(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer piece = PACS_BUFFER(1 << 16);
    PacsDicomXml xml;
    (void)state;

    assert_int_equal(pacs_dicom_xml_write(PACS_SLICE(json), "", &whole, NULL), PACS_OK);
    pacs_dicom_xml_init(&xml, PACS_SLICE(json), "");
    for (bool done = false; !done;) {
        assert_int_equal(pacs_dicom_xml_next(&xml, &piece, &done, NULL), PACS_OK);
        assert_true(pacs_buffer_add(&joined, pacs_buffer_text(&piece), piece.size));
        pacs_buffer_reset(&piece);
    }
    pacs_dicom_xml_clear(&xml);
    assert_string_equal(pacs_buffer_text(&joined), pacs_buffer_text(&whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_data_set_is_an_empty_model),
        cmocka_unit_test(values_are_numbered_and_named),
        cmocka_unit_test(an_empty_attribute_keeps_its_place),
        cmocka_unit_test(an_empty_value_keeps_its_number),
        cmocka_unit_test(a_person_name_is_taken_apart),
        cmocka_unit_test(a_sixth_name_component_is_not_lost),
        cmocka_unit_test(items_are_numbered_and_nest),
        cmocka_unit_test(an_empty_sequence_has_no_items),
        cmocka_unit_test(a_private_element_names_its_creator_instead_of_its_block),
        cmocka_unit_test(a_block_that_nobody_reserved_keeps_its_whole_tag),
        cmocka_unit_test(creators_hold_for_their_group_and_their_item_only),
        cmocka_unit_test(relative_bulk_uris_get_the_prefix_and_others_do_not),
        cmocka_unit_test(inline_binary_stays_base64),
        cmocka_unit_test(hostile_text_cannot_leave_its_element),
        cmocka_unit_test(what_is_no_dicom_json_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_full_buffer_is_told),
        cmocka_unit_test(steps_emptied_in_between_give_the_same_document),
    };
    return cmocka_run_group_tests_name("dicom_xml", tests, NULL, NULL);
}
