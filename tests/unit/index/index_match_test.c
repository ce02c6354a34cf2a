#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/index/index_search_prepare.h"

/* What matches, value by value. */

static void wildcards_match_as_dicom_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},          {"*", "", true},         {"?", "", false},         {"a*", "a", true},
        {"a*", "ba", false},     {"*a", "ba", true},      {"*a", "ab", false},      {"a*b", "ab", true},
        {"a*b", "aXXb", true},   {"a*b", "aXXbY", false}, {"*a*b*", "xaybz", true}, {"*a*b*", "xbya", false},
        {"a?c", "abc", true},    {"a?c", "ac", false},    {"a?c", "aềc", true},     {"??", "山田", true},
        {"?", "山田", false},    {"*?*", "", false},      {"a**b", "ab", true},     {"*ab*ab", "abab", true},
        {"*ab*ab", "ab", false}, {"**", "x", true},       {"a", "A", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const PacsPattern pattern = pacs_pattern(pacs_slice(cases[i].pattern), true);
        if (pacs_pattern_matches(&pattern, pacs_slice(cases[i].text)) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
        assert_int_equal(pacs_match_wildcard(pacs_slice(cases[i].pattern), pacs_slice(cases[i].text)),
                         cases[i].matches);
    }
}

static void a_pattern_of_stars_costs_no_more_than_its_length(void **state)
{
    (void)state;
    static char text[4096];
    static char pattern[1024];
    memset(text, 'a', sizeof text - 1);
    for (size_t i = 0; i + 2 < sizeof pattern; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[sizeof pattern - 2] = 'b';
    assert_false(
        pacs_match_wildcard(pacs_slice(pattern), pacs_slice(text))); /* ends, or the test's time does */
}

static void dates_and_times_cover_what_they_do_not_say(void **state)
{
    (void)state;
    int64_t first;
    int64_t last;
    PacsZone zone;
    assert_true(pacs_match_parse_date(pacs_slice("202602"), &first, &last));
    assert_int_equal(last - first, 27);
    assert_true(pacs_match_parse_date(pacs_slice("2024"), &first, &last));
    assert_int_equal(last - first, 365);
    assert_true(pacs_match_parse_time(pacs_slice("10"), &first, &last));
    assert_int_equal(last - first + 1, 3600 * 1000000LL);
    assert_true(pacs_match_parse_time(pacs_slice("10:30:15.25"), &first, &last));
    assert_int_equal(first, (10 * 3600 + 30 * 60 + 15) * 1000000LL + 250000);
    assert_int_equal(last - first, 9999);
    assert_true(pacs_match_parse_datetime(pacs_slice("20261121103000.5+0730"), &first, &last, &zone));
    assert_int_equal(zone.minutes, 450);
    static const char *const dates[] = {"",          "2026112",    "20261301", "20260230",
                                        "20261121x", "2026-11-21", "x"};
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++)
        assert_false(pacs_match_parse_date(pacs_slice(dates[i]), &first, &last));
    static const char *const times[] = {"", "1", "24", "1060", "103061", "10:3", "103000.", "+10"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        assert_false(pacs_match_parse_time(pacs_slice(times[i]), &first, &last));
}

static void zones_are_signs_and_four_digits(void **state)
{
    (void)state;
    assert_int_equal(pacs_zone_parse("-0330").minutes, -210);
    assert_true(pacs_zone_parse("+0000").known);
    static const char *const none[] = {"", "0700", "+07", "+0760", "+1500", "+07000", "Z"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(pacs_zone_parse(none[i]).known);
    assert_false(pacs_zone_parse(NULL).known);
}

static bool matches(PacsVr vr, PacsMatch match, const char *asked, const char *value)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    const PacsSearchTerm term = {
        .match = match, .values = &asked, .value_count = 1, .from = asked, .to = asked};
    PacsMatcher matcher;
    assert_int_equal(pacs_matcher_init(&term, vr, NULL, arena, &matcher, NULL), PACS_OK);
    return pacs_matcher_test(&matcher, value, &(PacsMatchContext){0});
}

static void values_match_by_what_they_mean(void **state)
{
    (void)state;
    assert_true(matches(PACS_VR_IS, PACS_MATCH_VALUES, "7", " 07 "));
    assert_true(matches(PACS_VR_DS, PACS_MATCH_VALUES, "1.5", "1.50\\2"));
    assert_false(matches(PACS_VR_LO, PACS_MATCH_VALUES, "7", "07"));
    assert_true(matches(PACS_VR_TM, PACS_MATCH_VALUES, "1030", "10:30:00"));
    assert_true(matches(PACS_VR_DS, PACS_MATCH_RANGE, "0.5", "0.50"));
    assert_false(matches(PACS_VR_DS, PACS_MATCH_RANGE, "0.5", "nan"));
    assert_true(matches(PACS_VR_UI, PACS_MATCH_VALUES, "1.2.3", "1.2.4\\1.2.3"));
    assert_false(matches(PACS_VR_UI, PACS_MATCH_WILDCARD, "1.2.?", "1.2"));
    assert_true(matches(PACS_VR_LO, PACS_MATCH_WILDCARD, "b*", "A\\B1"));
    assert_false(matches(PACS_VR_LT, PACS_MATCH_WILDCARD, "b*", "A\\B1")); /* one value */
    assert_false(matches(PACS_VR_LO, PACS_MATCH_WILDCARD, "?*", ""));
    assert_false(matches(PACS_VR_LO, PACS_MATCH_VALUES, "x", NULL));
    assert_true(matches(PACS_VR_CS, PACS_MATCH_VALUES, "mr", "MR"));
}

static void search_texts_delimit_their_values(void **state)
{
    (void)state;
    static const struct {
        PacsValueKind kind;
        const char *value, *text;
    } cases[] = {
        {PACS_VALUE_NAME, "Nguyễn^Văn  An^^", "\\ nguyen van an \\"},
        {PACS_VALUE_NAME, "Yamada^Tarou=山田^太郎=", "\\ yamada tarou \\ 山田 太郎 \\"},
        {PACS_VALUE_TEXT, " A \\B", "\\a\\b\\"},
        {PACS_VALUE_DATE, "1970.01.02", "\\19700102\\"},
        {PACS_VALUE_TEXT, "", "\\"},
        {PACS_VALUE_NAME, "=", "\\"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(4096);
        assert_true(pacs_search_text(cases[i].kind, cases[i].value, &text));
        assert_string_equal(pacs_buffer_text(&text), cases[i].text);
    }
}

static void damaged_json_is_told(void **state)
{
    (void)state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1u << 20);
    static const char *const damaged[] = {"",
                                          "[]",
                                          "{\"00080050\"",
                                          "{\"00080050\":[]}",
                                          "{\"00080050\":{\"Value\":{}}}",
                                          "{\"00080050\":{\"Value\":[\"x\""};
    const char *asked = "y";
    const PacsSearchTerm term = {
        .tag = PACS_TAG_ACCESSION_NUMBER, .match = PACS_MATCH_VALUES, .values = &asked, .value_count = 1};
    PacsMatcher matcher;
    const PacsJsonTest test = {&matcher, &term};
    bool found;
    assert_int_equal(pacs_matcher_init(&term, PACS_VR_SH, NULL, arena, &matcher, NULL), PACS_OK);
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++)
        assert_int_equal(pacs_match_json(&test, 1, pacs_slice(damaged[i]), (PacsZone){0}, &found, NULL),
                         PACS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_match_as_dicom_has_them),
        cmocka_unit_test(a_pattern_of_stars_costs_no_more_than_its_length),
        cmocka_unit_test(dates_and_times_cover_what_they_do_not_say),
        cmocka_unit_test(zones_are_signs_and_four_digits),
        cmocka_unit_test(values_match_by_what_they_mean),
        cmocka_unit_test(search_texts_delimit_their_values),
        cmocka_unit_test(damaged_json_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
