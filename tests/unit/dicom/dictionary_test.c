#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/dictionary.h"

static void find_gives_keyword_name_vr_and_multiplicity(void **state)
{
    (void)state;
    const PacsDictionaryEntry *entry = pacs_dictionary_find(PACS_TAG_STUDY_DATE);
    assert_non_null(entry);
    assert_string_equal(entry->keyword, "StudyDate");
    assert_string_equal(entry->name, "Study Date");
    assert_int_equal(entry->vr, PACS_VR_DA);
    assert_int_equal(entry->vm_min, 1);
    assert_int_equal(entry->vm_max, 1);
    assert_false(entry->retired);
}

static void find_reaches_every_entry_of_a_sorted_table(void **state)
{
    (void)state;
    size_t count;
    const PacsDictionaryEntry *entries = pacs_dictionary_entries(&count);
    assert_true(count > 5000);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || entries[i - 1].tag < entries[i].tag);
        assert_ptr_equal(pacs_dictionary_find(entries[i].tag), &entries[i]);
        if (entries[i].keyword[0])
            assert_ptr_equal(pacs_dictionary_find_keyword(pacs_slice(entries[i].keyword)), &entries[i]);
    }
}

static void unknown_and_private_tags_have_no_entry(void **state)
{
    (void)state;
    assert_null(pacs_dictionary_find(PACS_TAG(0x0009, 0x0010)));
    assert_null(pacs_dictionary_find(PACS_TAG(0x0008, 0x0002)));
    assert_null(pacs_dictionary_find(PACS_TAG(0xFFFF, 0xFFFF)));
    assert_string_equal(pacs_dictionary_keyword(PACS_TAG(0x0009, 0x0010)), "");
}

static void multiplicity_keeps_its_bounds_and_step(void **state)
{
    (void)state;
    const PacsDictionaryEntry *entry = pacs_dictionary_find(PACS_TAG_IMAGE_TYPE); /* 2-n */
    assert_int_equal(entry->vm_min, 2);
    assert_int_equal(entry->vm_max, 0);
    assert_int_equal(entry->vm_step, 1);
    entry = pacs_dictionary_find_keyword(PACS_SLICE("ContourData")); /* 3-3n */
    assert_int_equal(entry->vm_min, 3);
    assert_int_equal(entry->vm_max, 0);
    assert_int_equal(entry->vm_step, 3);
    entry = pacs_dictionary_find_keyword(PACS_SLICE("DimensionIndexValues")); /* 1-n */
    assert_int_equal(entry->vm_min, 1);
    assert_int_equal(entry->vm_max, 0);
    entry = pacs_dictionary_find(PACS_TAG_IMAGE_ORIENTATION_PATIENT); /* 6 */
    assert_int_equal(entry->vm_min, 6);
    assert_int_equal(entry->vm_max, 6);
}

static void repeating_groups_are_found_in_every_even_group(void **state)
{
    (void)state;
    static const PacsTag overlays[] = {0x60003000, 0x60023000, 0x601E3000};
    for (size_t i = 0; i < 3; i++) {
        const PacsDictionaryEntry *entry = pacs_dictionary_find(overlays[i]);
        assert_non_null(entry);
        assert_string_equal(entry->keyword, "OverlayData");
        assert_int_equal(entry->tag, 0x60003000);
    }
    assert_string_equal(pacs_dictionary_keyword(0x501E0005), "CurveDimensions");
    assert_string_equal(pacs_dictionary_keyword(0x002031AB), "SourceImageIDs");
    assert_string_equal(pacs_dictionary_keyword(0x10001230), "EscapeTriplet");
    assert_string_equal(pacs_dictionary_keyword(0x10101234), "ZonalMap");
    assert_string_equal(pacs_dictionary_keyword(0x00280463), "CoefficientCodingPointers");
    assert_string_equal(pacs_dictionary_keyword(0x7F020010), "VariablePixelData");
    assert_null(pacs_dictionary_find(0x60013000));                                  /* odd: private */
    assert_string_equal(pacs_dictionary_keyword(PACS_TAG_PIXEL_DATA), "PixelData"); /* not 7Fxx's */
}

static void keywords_are_found_exactly(void **state)
{
    (void)state;
    assert_int_equal(pacs_dictionary_find_keyword(PACS_SLICE("PatientName"))->tag, PACS_TAG_PATIENT_NAME);
    assert_int_equal(pacs_dictionary_find_keyword(PACS_SLICE("OverlayRows"))->tag, 0x60000010);
    assert_null(pacs_dictionary_find_keyword(PACS_SLICE("PatientNam")));
    assert_null(pacs_dictionary_find_keyword(PACS_SLICE("PatientNames")));
    assert_null(pacs_dictionary_find_keyword(PACS_SLICE("patientname")));
    assert_null(pacs_dictionary_find_keyword(PACS_SLICE("")));
    assert_null(pacs_dictionary_find_keyword(PACS_SLICE("PatientName\0")));
    assert_null(pacs_dictionary_find_keyword((PacsSlice){NULL, 0}));
    assert_int_equal(pacs_dictionary_find_keyword((PacsSlice){"PatientNameX", 11})->tag,
                     PACS_TAG_PATIENT_NAME);
}

static void vr_follows_the_rules_for_tags_outside_the_table(void **state)
{
    (void)state;
    assert_int_equal(pacs_dictionary_vr(PACS_TAG(0x0008, 0x0000)), PACS_VR_UL);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG(0x0009, 0x0000)), PACS_VR_UL);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG(0x0009, 0x0010)), PACS_VR_LO);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG(0x0009, 0x1010)), PACS_VR_UN);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG(0x0008, 0x0002)), PACS_VR_UN);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG_ITEM), PACS_VR_NONE);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG_PATIENT_NAME), PACS_VR_PN);
}

static void vr_of_alternatives_is_what_implicit_vr_means(void **state)
{
    (void)state;
    assert_int_equal(pacs_dictionary_vr(PACS_TAG_PIXEL_DATA), PACS_VR_OW);
    assert_int_equal(pacs_dictionary_vr(0x60003000), PACS_VR_OW);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG_PIXEL_PADDING_VALUE), PACS_VR_US);
    assert_int_equal(pacs_dictionary_vr(PACS_TAG_LUT_DATA), PACS_VR_OW);

    const PacsDictionaryEntry *entry = pacs_dictionary_find(PACS_TAG_PIXEL_DATA);
    assert_int_equal(entry->vrs[0], PACS_VR_OB);
    assert_int_equal(entry->vrs[1], PACS_VR_OW);
    assert_int_equal(entry->vrs[2], PACS_VR_NONE);
}

static void sign_decides_only_where_the_table_says_us_or_ss(void **state)
{
    (void)state;
    assert_true(pacs_dictionary_vr_depends_on_sign(PACS_TAG_PIXEL_PADDING_VALUE));
    assert_true(pacs_dictionary_vr_depends_on_sign(PACS_TAG_SMALLEST_IMAGE_PIXEL_VALUE));
    assert_true(pacs_dictionary_vr_depends_on_sign(PACS_TAG_LUT_DESCRIPTOR));
    assert_false(pacs_dictionary_vr_depends_on_sign(PACS_TAG_ROWS));
    assert_false(pacs_dictionary_vr_depends_on_sign(PACS_TAG_LUT_DATA));
    assert_false(pacs_dictionary_vr_depends_on_sign(PACS_TAG(0x0009, 0x1010)));
}

static void parse_takes_keywords_and_digits(void **state)
{
    (void)state;
    PacsTag tag = 0;
    assert_int_equal(pacs_dictionary_parse_tag(PACS_SLICE("StudyDate"), &tag, NULL), PACS_OK);
    assert_int_equal(tag, PACS_TAG_STUDY_DATE);
    assert_int_equal(pacs_dictionary_parse_tag(PACS_SLICE("0010,0010"), &tag, NULL), PACS_OK);
    assert_int_equal(tag, PACS_TAG_PATIENT_NAME);
    assert_int_equal(pacs_dictionary_parse_tag(PACS_SLICE("00091010"), &tag, NULL), PACS_OK);
    assert_int_equal(tag, PACS_TAG(0x0009, 0x1010));
    PacsError err = {0};
    assert_int_equal(pacs_dictionary_parse_tag(PACS_SLICE("Nonsense"), &tag, &err), PACS_INVALID);
    assert_int_equal(err.status, PACS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_gives_keyword_name_vr_and_multiplicity),
        cmocka_unit_test(find_reaches_every_entry_of_a_sorted_table),
        cmocka_unit_test(unknown_and_private_tags_have_no_entry),
        cmocka_unit_test(multiplicity_keeps_its_bounds_and_step),
        cmocka_unit_test(repeating_groups_are_found_in_every_even_group),
        cmocka_unit_test(keywords_are_found_exactly),
        cmocka_unit_test(vr_follows_the_rules_for_tags_outside_the_table),
        cmocka_unit_test(vr_of_alternatives_is_what_implicit_vr_means),
        cmocka_unit_test(sign_decides_only_where_the_table_says_us_or_ss),
        cmocka_unit_test(parse_takes_keywords_and_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
