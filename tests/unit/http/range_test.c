#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/http/range.h"

static void check_part(const char *header, uint64_t total, uint64_t offset, uint64_t size)
{
    uint64_t found_offset = 0, found_size = 0;

    assert_int_equal(pacs_http_range_parse(header, total, &found_offset, &found_size), PACS_HTTP_RANGE_PART);
    assert_int_equal(found_offset, offset);
    assert_int_equal(found_size, size);
}

static void check_kind(const char *header, uint64_t total, PacsHttpRangeKind kind)
{
    uint64_t offset, size;

    assert_int_equal(pacs_http_range_parse(header, total, &offset, &size), kind);
}

static void a_span_counts_both_ends(void **state)
{
    (void)state;
    check_part("bytes=0-0", 10, 0, 1);
    check_part("bytes=2-5", 10, 2, 4);
    check_part("Bytes= 2 - 5 ", 10, 2, 4);
}

static void an_open_or_long_span_ends_at_the_end(void **state)
{
    (void)state;
    check_part("bytes=7-", 10, 7, 3);
    check_part("bytes=7-4000000000000", 10, 7, 3);
    check_part("bytes=9-9", 10, 9, 1);
}

static void a_suffix_counts_from_the_end(void **state)
{
    (void)state;
    check_part("bytes=-3", 10, 7, 3);
    check_part("bytes=-30", 10, 0, 10);
}

static void sizes_beyond_32_bits_work(void **state)
{
    (void)state;
    check_part("bytes=5000000000-5000000001", 6000000000u, 5000000000u, 2);
    check_part("bytes=0-18446744073709551615", 10, 0, 10);
}

static void a_start_behind_the_end_is_unsatisfiable(void **state)
{
    (void)state;
    check_kind("bytes=10-", 10, PACS_HTTP_RANGE_UNSATISFIABLE);
    check_kind("bytes=0-5", 0, PACS_HTTP_RANGE_UNSATISFIABLE);
    check_kind("bytes=-0", 10, PACS_HTTP_RANGE_UNSATISFIABLE);
}

static void what_is_no_single_range_means_the_whole(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "bytes=0-1,4-5", "items=0-1",  "bytes",     "bytes=",  "bytes=-",     "bytes=5-2",
        "bytes=a-b",     "bytes=1-2x", "bytes=--1", "bytes=1", "bytes=1 2-3", ""};

    check_kind(NULL, 10, PACS_HTTP_RANGE_WHOLE);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        check_kind(odd[i], 10, PACS_HTTP_RANGE_WHOLE);
    check_kind("bytes=99999999999999999999-", 10, PACS_HTTP_RANGE_WHOLE);
}

static void if_range_wants_the_same_strong_tag(void **state)
{
    (void)state;
    assert_true(pacs_http_if_range_matches(NULL, NULL));
    assert_true(pacs_http_if_range_matches("\"a\"", "\"a\""));
    assert_false(pacs_http_if_range_matches("\"a\"", "\"b\""));
    assert_false(pacs_http_if_range_matches("\"a\"", NULL));
    assert_false(pacs_http_if_range_matches("W/\"a\"", "W/\"a\""));
    assert_false(pacs_http_if_range_matches("Wed, 21 Oct 2015 07:28:00 GMT", "\"a\""));
}

static void if_none_match_compares_weakly_and_takes_lists(void **state)
{
    (void)state;
    assert_true(pacs_http_if_none_match("\"a\"", "\"a\""));
    assert_true(pacs_http_if_none_match("W/\"a\"", "\"a\""));
    assert_true(pacs_http_if_none_match("\"x\", \"a\"", "W/\"a\""));
    assert_true(pacs_http_if_none_match("*", "\"a\""));
    assert_false(pacs_http_if_none_match("\"b\"", "\"a\""));
    assert_false(pacs_http_if_none_match(NULL, "\"a\""));
    assert_false(pacs_http_if_none_match("", "\"a\""));
}

static void a_coding_is_accepted_unless_its_quality_is_zero(void **state)
{
    (void)state;
    assert_true(pacs_http_coding_accepted("gzip", "gzip"));
    assert_true(pacs_http_coding_accepted("deflate, GZIP;q=0.5", "gzip"));
    assert_true(pacs_http_coding_accepted("*", "gzip"));
    assert_false(pacs_http_coding_accepted("gzip;q=0", "gzip"));
    assert_false(pacs_http_coding_accepted("gzip; Q=0.000, *", "gzip"));
    assert_false(pacs_http_coding_accepted("*;q=0", "gzip"));
    assert_false(pacs_http_coding_accepted("identity", "gzip"));
    assert_false(pacs_http_coding_accepted(NULL, "gzip"));
    assert_true(pacs_http_coding_accepted("gzip;q=0.001", "gzip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_counts_both_ends),
        cmocka_unit_test(an_open_or_long_span_ends_at_the_end),
        cmocka_unit_test(a_suffix_counts_from_the_end),
        cmocka_unit_test(sizes_beyond_32_bits_work),
        cmocka_unit_test(a_start_behind_the_end_is_unsatisfiable),
        cmocka_unit_test(what_is_no_single_range_means_the_whole),
        cmocka_unit_test(if_range_wants_the_same_strong_tag),
        cmocka_unit_test(if_none_match_compares_weakly_and_takes_lists),
        cmocka_unit_test(a_coding_is_accepted_unless_its_quality_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
