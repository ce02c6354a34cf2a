#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/text.h"

static void assert_fold(const char *text, const char *expected)
{
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1000);
    assert_true(pacs_text_fold(&out, text, strlen(text)));
    assert_string_equal(pacs_buffer_text(&out), expected);
}

static void case_is_folded(void **state)
{
    (void)state;
    assert_fold("DOE^John Q.", "doe^john q.");
    assert_fold("\u0394\u03B7\u03BC\u03AE\u03C4\u03C1\u03B9\u03BF\u03C2",
                "\u03B4\u03B7\u03BC\u03B7\u03C4\u03C1\u03B9\u03BF\u03C3"); /* Greek, final sigma and accent */
    assert_fold("\u0418\u0412\u0410\u041D\u041E\u0412",
                "\u0438\u0432\u0430\u043D\u043E\u0432"); /* Cyrillic */
}

static void diacritics_are_dropped(void **state)
{
    (void)state;
    assert_fold("\u00C9ric M\u00FCller", "eric muller");
    assert_fold("\u0141ukasz \u00D8rsted \u0130stanbul \u0131", "lukasz orsted istanbul i");
    assert_fold("\u0451", "\u0435"); /* Cyrillic io */
}

static void vietnamese_names_are_found_without_marks(void **state)
{
    (void)state;
    assert_fold("Nguy\u1EC5n Th\u1ECB \u0110\u00E0o", "nguyen thi dao");
    assert_fold("\u0110\u1ED7 V\u0103n H\u01B0\u01A1ng", "do van huong");
}

static void composed_and_decomposed_text_fold_the_same(void **state)
{
    (void)state;
    assert_fold("e\u0301", "e");
    assert_fold("\u00E9", "e");
    assert_fold("o\u031B\u0323", "o");
    assert_fold("\u1EE3", "o");
}

static void letters_that_stand_for_two_become_two(void **state)
{
    (void)state;
    assert_fold("Stra\u00DFe", "strasse");
    assert_fold("\u1E9E \u00C6 \u0153 \u00DE", "ss ae oe th");
    assert_fold("\uFB01n", "fin");
}

static void full_width_forms_are_narrowed(void **state)
{
    (void)state;
    assert_fold("\uFF39\uFF41\uFF4D\uFF41\uFF44\uFF41\u3000\uFF11", "yamada 1");
}

static void white_space_is_joined_and_trimmed(void **state)
{
    (void)state;
    assert_fold(" \t a \u00A0\u3000 b\r\n", "a b");
    assert_fold("   ", "");
    assert_fold("", "");
}

static void other_scripts_pass_unchanged(void **state)
{
    (void)state;
    assert_fold("\u5C71\u7530^\u592A\u90CE", "\u5C71\u7530^\u592A\u90CE");
    assert_fold("\uD64D\u03B1", "\uD64D\u03B1");
    assert_fold("\u0E01\u0E34\u0E48",
                "\u0E01\u0E34\u0E48"); /* Thai vowel and tone marks are letters of a word */
    assert_fold("\U0001F600", "\U0001F600");
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;
    assert_fold("a\xFF"
                "b\xC3",
                "a\uFFFD"
                "b\uFFFD");
}

static void folding_twice_changes_nothing_more(void **state)
{
    (void)state;
    for (uint32_t code_point = 0x80; code_point < 0x3000; code_point++) {
        const char text[] = {(char)(0xE0 | code_point >> 12), (char)(0x80 | (code_point >> 6 & 0x3F)),
                             (char)(0x80 | (code_point & 0x3F)), '\0'};
        const char *start = text;
        char two[] = {(char)(0xC0 | code_point >> 6), (char)(0x80 | (code_point & 0x3F)), '\0'};
        if (code_point < 0x800)
            start = two;
        PACS_AUTO_BUFFER PacsBuffer once = PACS_BUFFER(100);
        assert_true(pacs_text_fold(&once, start, strlen(start)));
        assert_fold(pacs_buffer_text(&once), pacs_buffer_text(&once));
    }
}

static void a_full_buffer_is_reported(void **state)
{
    (void)state;
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(2);
    assert_false(pacs_text_fold(&out, "abc", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_is_folded),
        cmocka_unit_test(diacritics_are_dropped),
        cmocka_unit_test(vietnamese_names_are_found_without_marks),
        cmocka_unit_test(composed_and_decomposed_text_fold_the_same),
        cmocka_unit_test(letters_that_stand_for_two_become_two),
        cmocka_unit_test(full_width_forms_are_narrowed),
        cmocka_unit_test(white_space_is_joined_and_trimmed),
        cmocka_unit_test(other_scripts_pass_unchanged),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(folding_twice_changes_nothing_more),
        cmocka_unit_test(a_full_buffer_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
