/* Values and attributes of DICOM JSON. (What a scan writes is json_test.c's.) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/dicom/dicom_json.h"

static void expect(PacsVr vr, const char *values, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 16);
    PACS_AUTO_BUFFER PacsBuffer scratch = PACS_BUFFER(1 << 16);
    PacsJson json;

    pacs_json_init(&json, &out, false);
    pacs_json_object_begin(&json);
    assert_int_equal(pacs_dicom_json_attribute(&json, PACS_TAG(0x0010, 0x001A), vr, values, &scratch, NULL),
                     PACS_OK);
    pacs_json_object_end(&json);
    assert_string_equal(pacs_buffer_text(&out), expected);
}

static void an_attribute_without_values_has_its_vr(void **state)
{
    (void)state;
    expect(PACS_VR_SH, NULL, "{\"0010001A\":{\"vr\":\"SH\"}}");
    expect(PACS_VR_SH, "", "{\"0010001A\":{\"vr\":\"SH\"}}");
}

static void values_are_split_where_the_vr_has_several(void **state)
{
    (void)state;
    expect(PACS_VR_CS, "CT\\MR", "{\"0010001A\":{\"vr\":\"CS\",\"Value\":[\"CT\",\"MR\"]}}");
    expect(PACS_VR_CS, "CT\\\\MR", "{\"0010001A\":{\"vr\":\"CS\",\"Value\":[\"CT\",null,\"MR\"]}}");
    expect(PACS_VR_LT, "a\\b", "{\"0010001A\":{\"vr\":\"LT\",\"Value\":[\"a\\\\b\"]}}");
}

static void numbers_are_numbers_where_they_are(void **state)
{
    (void)state;
    expect(PACS_VR_IS, "007\\+3\\x", "{\"0010001A\":{\"vr\":\"IS\",\"Value\":[7,3,\"x\"]}}");
    expect(PACS_VR_DS, ".50\\1e3", "{\"0010001A\":{\"vr\":\"DS\",\"Value\":[0.50,1e3]}}");
    expect(PACS_VR_US, "512", "{\"0010001A\":{\"vr\":\"US\",\"Value\":[512]}}");
    expect(PACS_VR_FD, "0.25\\NaN", "{\"0010001A\":{\"vr\":\"FD\",\"Value\":[0.25,\"NaN\"]}}");
    expect(PACS_VR_UV, "18446744073709551615",
           "{\"0010001A\":{\"vr\":\"UV\",\"Value\":[\"18446744073709551615\"]}}");
    expect(PACS_VR_AT, "00100010", "{\"0010001A\":{\"vr\":\"AT\",\"Value\":[\"00100010\"]}}");
}

static void names_become_component_groups(void **state)
{
    (void)state;
    expect(PACS_VR_PN, "Doe^Jane^^=\\A==p",
           "{\"0010001A\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doe^Jane\"},"
           "{\"Alphabetic\":\"A\",\"Phonetic\":\"p\"}]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attribute_without_values_has_its_vr),
        cmocka_unit_test(values_are_split_where_the_vr_has_several),
        cmocka_unit_test(numbers_are_numbers_where_they_are),
        cmocka_unit_test(names_become_component_groups),
    };
    return cmocka_run_group_tests_name("dicom_json", tests, NULL, NULL);
}
