#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/http/query.h"
#include "pacs/util/limits.h"

static PacsArena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = pacs_arena_new(16u << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_arena_free(arena);
    return 0;
}

static void check(const char *query, size_t count, const PacsHttpPair *expected)
{
    PacsHttpPair *pairs;
    size_t found;

    assert_int_equal(pacs_http_query_parse(arena, pacs_slice(query), &pairs, &found, NULL), PACS_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(pairs[i].name, expected[i].name);
        assert_string_equal(pairs[i].value, expected[i].value);
    }
}

static void parameters_keep_their_order_and_repeats(void **state)
{
    (void)state;
    check("b=1&a=2&b=3", 3, (PacsHttpPair[]){{"b", "1"}, {"a", "2"}, {"b", "3"}});
}

static void a_parameter_without_a_value_has_an_empty_one(void **state)
{
    (void)state;
    check("expand&x=", 2, (PacsHttpPair[]){{"expand", ""}, {"x", ""}});
}

static void only_the_first_equals_sign_divides(void **state)
{
    (void)state;
    check("a=b=c&=d", 2, (PacsHttpPair[]){{"a", "b=c"}, {"", "d"}});
}

static void escapes_and_plus_are_decoded(void **state)
{
    (void)state;
    check("n%41me=a+b%20c%2B%26", 1, (PacsHttpPair[]){{"nAme", "a b c+&"}});
}

static void empty_pieces_are_left_out(void **state)
{
    (void)state;
    check("", 0, NULL);
    check("&&a=1&&", 1, (PacsHttpPair[]){{"a", "1"}});
}

static void a_broken_escape_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"a=%", "a=%4", "a=%4g", "%zz=1", "a=%-1"};
    PacsHttpPair *pairs;
    size_t count;

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(pacs_http_query_parse(arena, pacs_slice(broken[i]), &pairs, &count, NULL),
                         PACS_INVALID);
}

static void an_encoded_nul_is_refused(void **state)
{
    (void)state;
    PacsHttpPair *pairs;
    size_t count;

    assert_int_equal(pacs_http_query_parse(arena, PACS_SLICE("a=x%00y"), &pairs, &count, NULL), PACS_INVALID);
}

static void too_many_parameters_are_refused(void **state)
{
    (void)state;
    char query[2 * PACS_MAX_HTTP_QUERY_PARAMETERS + 3];
    PacsHttpPair *pairs;
    size_t count;

    for (size_t i = 0; i < sizeof query; i++)
        query[i] = i % 2 ? '&' : 'a';
    assert_int_equal(pacs_http_query_parse(arena, (PacsSlice){query, 2 * PACS_MAX_HTTP_QUERY_PARAMETERS},
                                           &pairs, &count, NULL),
                     PACS_OK);
    assert_int_equal(count, PACS_MAX_HTTP_QUERY_PARAMETERS);
    assert_int_equal(pacs_http_query_parse(arena, (PacsSlice){query, sizeof query}, &pairs, &count, NULL),
                     PACS_TOO_LARGE);
}

static void check_split(const char *target, const char *path, const char *query)
{
    PacsSlice found_path, found_query;

    pacs_http_target_split(pacs_slice(target), &found_path, &found_query);
    assert_true(pacs_slice_equal(found_path, path));
    assert_true(pacs_slice_equal(found_query, query));
}

static void a_target_is_split_at_the_first_question_mark(void **state)
{
    (void)state;
    check_split("/a/b?c=1?2", "/a/b", "c=1?2");
    check_split("/a", "/a", "");
    check_split("/?x", "/", "x");
    check_split("?x", "/", "x");
    check_split("", "/", "");
}

static void an_absolute_target_loses_its_host(void **state)
{
    (void)state;
    check_split("http://example.org:8042/a?b", "/a", "b");
    check_split("http://example.org?b", "/", "b");
    check_split("/a?u=http://example.org/c", "/a", "u=http://example.org/c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_keep_their_order_and_repeats),
        cmocka_unit_test(a_parameter_without_a_value_has_an_empty_one),
        cmocka_unit_test(only_the_first_equals_sign_divides),
        cmocka_unit_test(escapes_and_plus_are_decoded),
        cmocka_unit_test(empty_pieces_are_left_out),
        cmocka_unit_test(a_broken_escape_is_refused),
        cmocka_unit_test(an_encoded_nul_is_refused),
        cmocka_unit_test(too_many_parameters_are_refused),
        cmocka_unit_test(a_target_is_split_at_the_first_question_mark),
        cmocka_unit_test(an_absolute_target_loses_its_host),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
