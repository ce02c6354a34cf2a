#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/vr.h"

static void every_code_leads_to_its_vr_and_back(void **state)
{
    (void)state;
    for (int vr = PACS_VR_AE; vr < PACS_VR_COUNT; vr++) {
        const char *code = pacs_vr_code((PacsVr)vr);
        assert_int_equal(strlen(code), 2);
        assert_int_equal(pacs_vr_from_code(code), vr);
    }
    assert_int_equal(PACS_VR_COUNT - 1, 34); /* PS3.5 2024 table 6.2-1 */
}

static void unknown_codes_are_no_vr(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "A", "ae", "XX", "??", "\xff\xff", "A\xc5", "[E", "  "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(pacs_vr_from_code(wrong[i]), PACS_VR_NONE);
    assert_string_equal(pacs_vr_code(PACS_VR_NONE), "");
    assert_string_equal(pacs_vr_code((PacsVr)1000), "");
}

/* "AE AS": true if `vr` is one of these. */
static bool among(PacsVr vr, const char *codes)
{
    return strstr(codes, pacs_vr_code(vr)) != NULL;
}

static void properties_are_those_of_the_standard(void **state)
{
    (void)state;
    for (int i = PACS_VR_AE; i < PACS_VR_COUNT; i++) {
        PacsVr vr = (PacsVr)i;
        const PacsVrInfo *info = pacs_vr_info(vr);
        /* PS3.5 7.1.2: these have two reserved bytes and a 32-bit length */
        assert_int_equal(info->long_header, among(vr, "OB OD OF OL OV OW SQ SV UC UN UR UT UV"));
        /* PS3.5 6.1.2.3 */
        assert_int_equal(info->charset, among(vr, "LO LT PN SH ST UC UT"));
        assert_int_equal(info->text, among(vr, "AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT"));
        assert_int_equal(info->multi_valued, !among(vr, "LT OB OD OF OL OV OW SQ ST UN UR UT"));
        assert_int_equal(info->bulk, among(vr, "OB OD OF OL OV OW UN"));
        assert_int_equal(info->padding, info->text && vr != PACS_VR_UI ? ' ' : '\0');
        assert_int_equal(info->value_size == 0, info->text || vr == PACS_VR_SQ);
        assert_true(info->swap_size >= 1);
    }
}

static void sizes_of_binary_values(void **state)
{
    (void)state;
    assert_int_equal(pacs_vr_info(PACS_VR_US)->value_size, 2);
    assert_int_equal(pacs_vr_info(PACS_VR_SL)->value_size, 4);
    assert_int_equal(pacs_vr_info(PACS_VR_FD)->value_size, 8);
    assert_int_equal(pacs_vr_info(PACS_VR_UV)->value_size, 8);
    assert_int_equal(pacs_vr_info(PACS_VR_OW)->value_size, 2);
    assert_int_equal(pacs_vr_info(PACS_VR_OF)->value_size, 4);
    assert_int_equal(pacs_vr_info(PACS_VR_OB)->value_size, 1);
    assert_int_equal(pacs_vr_info(PACS_VR_UN)->value_size, 1);
}

static void a_tag_value_is_swapped_as_two_halves(void **state)
{
    (void)state;
    assert_int_equal(pacs_vr_info(PACS_VR_AT)->value_size, 4);
    assert_int_equal(pacs_vr_info(PACS_VR_AT)->swap_size, 2);
    assert_int_equal(pacs_vr_info(PACS_VR_LO)->swap_size, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_leads_to_its_vr_and_back),  cmocka_unit_test(unknown_codes_are_no_vr),
        cmocka_unit_test(properties_are_those_of_the_standard), cmocka_unit_test(sizes_of_binary_values),
        cmocka_unit_test(a_tag_value_is_swapped_as_two_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
