#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/text.h"

static void a_slice_of_nothing_is_empty(void **state)
{
    (void)state;
    PacsSlice slice = pacs_slice(NULL);
    assert_int_equal(slice.size, 0);
    assert_string_equal(slice.text, "");
    assert_true(pacs_slice_equal(slice, ""));
}

static void slices_compare_whole(void **state)
{
    (void)state;
    assert_true(pacs_slice_equal(PACS_SLICE("abc"), "abc"));
    assert_false(pacs_slice_equal(PACS_SLICE("abc"), "ab"));
    assert_false(pacs_slice_equal(PACS_SLICE("ab"), "abc"));
    assert_false(pacs_slice_equal(PACS_SLICE("ABC"), "abc"));
    assert_true(pacs_slice_equal_case(PACS_SLICE("aBc-1"), "AbC-1"));
    assert_false(pacs_slice_equal_case(PACS_SLICE("abd"), "abc"));
    assert_false(pacs_slice_equal_case(PACS_SLICE("ab"), "abc"));
    assert_false(pacs_slice_equal_case(PACS_SLICE("["), "{")); /* as far apart as two cases of a letter */
}

static void trimming_takes_white_space_off_both_ends(void **state)
{
    (void)state;
    assert_true(pacs_slice_equal(pacs_slice_trim(PACS_SLICE(" \t a b\r\n")), "a b"));
    assert_true(pacs_slice_equal(pacs_slice_trim(PACS_SLICE("  ")), ""));
    assert_true(pacs_slice_equal(pacs_slice_trim(PACS_SLICE("")), ""));
}

static void assert_parts(const char *text, size_t count, const char *const *parts)
{
    PacsSlice rest = pacs_slice(text);
    PacsSlice part;
    for (size_t i = 0; i < count; i++) {
        assert_true(pacs_slice_split(&rest, ',', &part));
        assert_true(pacs_slice_equal(part, parts[i]));
    }
    assert_false(pacs_slice_split(&rest, ',', &part));
}

static void splitting_keeps_empty_parts(void **state)
{
    (void)state;
    assert_parts("a,,b", 3, (const char *[]){"a", "", "b"});
    assert_parts("a,", 2, (const char *[]){"a", ""});
    assert_parts(",", 2, (const char *[]){"", ""});
    assert_parts("", 1, (const char *[]){""});
}

static void a_copy_that_does_not_fit_is_cut_and_says_so(void **state)
{
    (void)state;
    char out[4] = "xxx";
    assert_true(pacs_text_copy(out, sizeof out, "abc"));
    assert_string_equal(out, "abc");
    assert_false(pacs_text_copy(out, sizeof out, "defg"));
    assert_string_equal(out, "def");
    assert_true(pacs_text_copy(out, sizeof out, ""));
    assert_string_equal(out, "");
}

static void assert_u64(const char *text, uint64_t max, PacsStatus status, uint64_t expected)
{
    uint64_t value = 99;
    assert_int_equal(pacs_parse_u64(pacs_slice(text), max, &value, NULL), status);
    assert_int_equal(value, expected);
}

static void unsigned_numbers_are_digits_within_the_range(void **state)
{
    (void)state;
    assert_u64("0", 10, PACS_OK, 0);
    assert_u64("007", 10, PACS_OK, 7);
    assert_u64("18446744073709551615", UINT64_MAX, PACS_OK, UINT64_MAX);
    assert_u64("18446744073709551616", UINT64_MAX, PACS_INVALID, 99);
    assert_u64("99999999999999999999", UINT64_MAX, PACS_INVALID, 99);
    assert_u64("11", 10, PACS_INVALID, 99);
    assert_u64("", 10, PACS_INVALID, 99);
    assert_u64("-1", 10, PACS_INVALID, 99);
    assert_u64("+1", 10, PACS_INVALID, 99);
    assert_u64(" 1", 10, PACS_INVALID, 99);
    assert_u64("1x", 10, PACS_INVALID, 99);
}

static void assert_i64(const char *text, int64_t min, int64_t max, PacsStatus status, int64_t expected)
{
    int64_t value = 99;
    assert_int_equal(pacs_parse_i64(pacs_slice(text), min, max, &value, NULL), status);
    assert_true(value == expected);
}

static void signed_numbers_may_have_a_sign(void **state)
{
    (void)state;
    assert_i64("-5", -10, 10, PACS_OK, -5);
    assert_i64("+5", -10, 10, PACS_OK, 5);
    assert_i64("-11", -10, 10, PACS_INVALID, 99);
    assert_i64("11", -10, 10, PACS_INVALID, 99);
    assert_i64("-9223372036854775808", INT64_MIN, INT64_MAX, PACS_OK, INT64_MIN);
    assert_i64("-9223372036854775809", INT64_MIN, INT64_MAX, PACS_INVALID, 99);
    assert_i64("9223372036854775807", INT64_MIN, INT64_MAX, PACS_OK, INT64_MAX);
    assert_i64("9223372036854775808", INT64_MIN, INT64_MAX, PACS_INVALID, 99);
    assert_i64("-", INT64_MIN, INT64_MAX, PACS_INVALID, 99);
    assert_i64("--1", INT64_MIN, INT64_MAX, PACS_INVALID, 99);
    assert_i64("", INT64_MIN, INT64_MAX, PACS_INVALID, 99);
}

static void a_number_that_is_refused_is_not_repeated_in_the_error(void **state)
{
    (void)state;
    PacsError err = {0};
    uint64_t value;
    assert_int_equal(pacs_parse_u64(PACS_SLICE("Doe^John"), 5, &value, &err), PACS_INVALID);
    assert_null(strstr(err.text, "Doe"));
}

static void hexadecimal_goes_both_ways(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x9f, 0xa0, 0xff};
    char text[9];
    uint8_t back[4];
    pacs_hex_format(bytes, sizeof bytes, text);
    assert_string_equal(text, "009fa0ff");
    assert_int_equal(pacs_hex_parse(PACS_SLICE("009FA0ff"), back, 4, NULL), PACS_OK);
    assert_memory_equal(back, bytes, 4);
}

static void hexadecimal_of_another_size_or_alphabet_is_refused(void **state)
{
    (void)state;
    uint8_t back[2] = {1, 2};
    assert_int_equal(pacs_hex_parse(PACS_SLICE("00"), back, 2, NULL), PACS_INVALID);
    assert_int_equal(pacs_hex_parse(PACS_SLICE("00000"), back, 2, NULL), PACS_INVALID);
    assert_int_equal(pacs_hex_parse(PACS_SLICE("000g"), back, 2, NULL), PACS_INVALID);
    assert_int_equal(back[0], 1);
    assert_int_equal(back[1], 2);
}

static bool valid(const char *text)
{
    return pacs_utf8_valid(text, strlen(text));
}

static void utf8_is_recognised_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t at = 0; at < 24; at++) {
        char text[33] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        text[at] = '\xC3';
        assert_false(valid(text));
        assert_false(pacs_utf8_valid(text, at + 1)); /* cut in the middle of a character */
        text[at + 1] = '\xA9';
        assert_true(valid(text));
        text[at + 2] = '\xA9';
        assert_false(valid(text));
    }
}

static void utf8_is_recognised(void **state)
{
    (void)state;
    assert_true(valid("plain, \xC3\xA9, \xE4\xB8\xAD, \xF0\x9F\x98\x80"));
    assert_true(valid(""));
    assert_true(valid("\xF4\x8F\xBF\xBF"));  /* U+10FFFF */
    assert_false(valid("\x80"));             /* continuation alone */
    assert_false(valid("\xC3"));             /* cut */
    assert_false(valid("\xC0\xAF"));         /* overlong */
    assert_false(valid("\xE0\x80\xAF"));     /* overlong */
    assert_false(valid("\xF0\x80\x80\xAF")); /* overlong */
    assert_false(valid("\xED\xA0\x80"));     /* surrogate */
    assert_false(valid("\xF4\x90\x80\x80")); /* beyond U+10FFFF */
    assert_false(valid("\xFF"));
}

static void cutting_keeps_characters_whole(void **state)
{
    (void)state;
    const char text[] = "a\xC3\xA9\xE4\xB8\xAD";
    assert_int_equal(pacs_utf8_cut(text, 6, 6), 6);
    assert_int_equal(pacs_utf8_cut(text, 6, 100), 6);
    assert_int_equal(pacs_utf8_cut(text, 6, 5), 3);
    assert_int_equal(pacs_utf8_cut(text, 6, 4), 3);
    assert_int_equal(pacs_utf8_cut(text, 6, 3), 3);
    assert_int_equal(pacs_utf8_cut(text, 6, 2), 1);
    assert_int_equal(pacs_utf8_cut(text, 6, 0), 0);
}

static void cutting_what_is_no_utf8_still_ends(void **state)
{
    (void)state;
    assert_int_equal(pacs_utf8_cut("\x80\x80\x80\x80\x80\x80\x80\x80", 8, 6), 3);
}

static void patterns_have_stars_and_question_marks(void **state)
{
    static const struct {
        const char *text, *pattern;
        bool matches;
    } cases[] = {
        {"CT_ROOM", "CT_ROOM", true},
        {"CT_ROOM", "ct_room", false},
        {"CT_ROOM", "CT*", true},
        {"CT_ROOM", "*ROOM", true},
        {"CT_ROOM", "C?_R??M", true},
        {"CT_ROOM", "CT", false},
        {"CT", "CT_ROOM", false},
        {"", "", true},
        {"", "*", true},
        {"", "?", false},
        {"aab", "*ab", true},
        {"abcabd", "*abd", true},
        {"CT", "*", true},
        {"CT", "**", true},
        {"CT", "C*T*X", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(pacs_slice_matches(pacs_slice(cases[i].text), cases[i].pattern), cases[i].matches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_have_stars_and_question_marks),
        cmocka_unit_test(a_slice_of_nothing_is_empty),
        cmocka_unit_test(slices_compare_whole),
        cmocka_unit_test(trimming_takes_white_space_off_both_ends),
        cmocka_unit_test(splitting_keeps_empty_parts),
        cmocka_unit_test(a_copy_that_does_not_fit_is_cut_and_says_so),
        cmocka_unit_test(unsigned_numbers_are_digits_within_the_range),
        cmocka_unit_test(signed_numbers_may_have_a_sign),
        cmocka_unit_test(a_number_that_is_refused_is_not_repeated_in_the_error),
        cmocka_unit_test(hexadecimal_goes_both_ways),
        cmocka_unit_test(hexadecimal_of_another_size_or_alphabet_is_refused),
        cmocka_unit_test(utf8_is_recognised),
        cmocka_unit_test(utf8_is_recognised_wherever_it_stands),
        cmocka_unit_test(cutting_keeps_characters_whole),
        cmocka_unit_test(cutting_what_is_no_utf8_still_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
