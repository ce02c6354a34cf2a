#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/dicom/tag.h"

static void format_writes_eight_upper_case_digits(void **state)
{
    (void)state;
    char text[PACS_TAG_HEX_SIZE];
    pacs_tag_format(PACS_TAG_PIXEL_DATA, text);
    assert_string_equal(text, "7FE00010");
    pacs_tag_format(PACS_TAG_STUDY_DATE, text);
    assert_string_equal(text, "00080020");
}

static void format_comma_writes_lower_case_as_orthanc_does(void **state)
{
    (void)state;
    char text[PACS_TAG_COMMA_SIZE];
    pacs_tag_format_comma(PACS_TAG_SERIES_DESCRIPTION, text);
    assert_string_equal(text, "0008,103e");
}

static void parse_takes_digits_with_and_without_comma(void **state)
{
    (void)state;
    PacsTag tag = 0;
    assert_int_equal(pacs_tag_parse(PACS_SLICE("0008103E"), &tag, NULL), PACS_OK);
    assert_int_equal(tag, PACS_TAG_SERIES_DESCRIPTION);
    assert_int_equal(pacs_tag_parse(PACS_SLICE("7fe0,0010"), &tag, NULL), PACS_OK);
    assert_int_equal(tag, PACS_TAG_PIXEL_DATA);
    assert_int_equal(pacs_tag_parse(PACS_SLICE("FFFEE0DD"), &tag, NULL), PACS_OK);
    assert_int_equal(tag, PACS_TAG_SEQUENCE_DELIMITATION_ITEM);
}

static void parse_refuses_everything_else_and_leaves_the_output(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",          "0008",       "0008002",  "000800200", "0008-0020",
                                        "00080,020", "0008,00200", "0008002G", "0x080020",  " 0080020",
                                        "0008,020",  "StudyDate",  "+0080020", "0008,0 20", "(0008,0020)",
                                        "0008 0020", ",00080020",  "00080020,"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        PacsTag tag = 42;
        PacsError err = {0};
        assert_int_equal(pacs_tag_parse(pacs_slice(wrong[i]), &tag, &err), PACS_INVALID);
        assert_int_equal(tag, 42);
        assert_int_equal(err.status, PACS_INVALID);
    }
}

static void private_and_group_length_tags_are_told_apart(void **state)
{
    (void)state;
    assert_true(pacs_tag_is_private(PACS_TAG(0x0029, 0x1010)));
    assert_false(pacs_tag_is_private(PACS_TAG_ROWS));
    assert_true(pacs_tag_is_private_creator(PACS_TAG(0x0029, 0x0010)));
    assert_true(pacs_tag_is_private_creator(PACS_TAG(0x0029, 0x00FF)));
    assert_false(pacs_tag_is_private_creator(PACS_TAG(0x0029, 0x000F)));
    assert_false(pacs_tag_is_private_creator(PACS_TAG(0x0029, 0x0100)));
    assert_false(pacs_tag_is_private_creator(PACS_TAG(0x0028, 0x0010)));
    assert_true(pacs_tag_is_group_length(PACS_TAG(0x0008, 0x0000)));
    assert_false(pacs_tag_is_group_length(PACS_TAG_ROWS));
}

/* "STUDY_DATE" and "StudyDate" are one name: letters and digits, whatever their case. */
static bool same_name(const char *macro, const char *keyword)
{
    char flat[128];
    size_t size = 0;
    for (; *macro && size < sizeof flat - 1; macro++) {
        if (*macro != '_')
            flat[size++] = *macro;
    }
    return pacs_slice_equal_case((PacsSlice){flat, size}, keyword);
}

static void every_named_tag_is_the_dictionarys_tag_of_that_name(void **state)
{
    (void)state;
    FILE *header = fopen("pacs/dicom/tag.h", "re"); /* tests run at the root of the tree */
    assert_non_null(header);
    char line[256];
    int checked = 0;
    while (fgets(line, sizeof line, header)) {
        char name[128];
        unsigned group;
        unsigned element;
        if (sscanf(line, "#define PACS_TAG_%127s PACS_TAG(0x%x, 0x%x)", name, &group, &element) != 3)
            continue;
        const char *keyword = pacs_dictionary_keyword(PACS_TAG(group, element));
        if (!same_name(name, keyword))
            fail_msg("PACS_TAG_%s is the tag of '%s'", name, keyword);
        checked++;
    }
    fclose(header);
    assert_true(checked > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_writes_eight_upper_case_digits),
        cmocka_unit_test(format_comma_writes_lower_case_as_orthanc_does),
        cmocka_unit_test(parse_takes_digits_with_and_without_comma),
        cmocka_unit_test(parse_refuses_everything_else_and_leaves_the_output),
        cmocka_unit_test(private_and_group_length_tags_are_told_apart),
        cmocka_unit_test(every_named_tag_is_the_dictionarys_tag_of_that_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
