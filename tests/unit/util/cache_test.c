/* What was used a moment ago: kept within bounds, counted references given up. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pacs/util/cache.h"
#include "pacs/util/clock.h"

typedef struct Value {
    int references;
} Value;

static void ref(void *value)
{
    ((Value *)value)->references++;
}

static void unref(void *value)
{
    ((Value *)value)->references--;
}

static int open_cache(void **state)
{
    *state = pacs_cache_new(
        &(PacsCacheOptions){.max_bytes = 100, .max_count = 3, .ref = ref, .unref = unref});
    return *state ? 0 : -1;
}

static int close_cache(void **state)
{
    pacs_cache_free(*state);
    return 0;
}

static Value *find(PacsCache *cache, const char *key)
{
    Value *value = pacs_cache_find(cache, key, 1);

    if (value)
        unref(value);
    return value;
}

static void a_value_is_found_by_its_key(void **state)
{
    PacsCache *cache = *state;
    Value a = {1}, b = {1};

    pacs_cache_add(cache, "a", 1, &a, 10);
    pacs_cache_add(cache, "b", 1, &b, 10);
    assert_ptr_equal(find(cache, "a"), &a);
    assert_ptr_equal(find(cache, "b"), &b);
    assert_null(find(cache, "c"));
    assert_null(pacs_cache_find(cache, "ab", 2));
    assert_int_equal(a.references, 2);
    pacs_cache_expire(cache, UINT64_MAX);
    assert_null(find(cache, "a"));
    assert_int_equal(a.references, 1);
}

static void a_newer_value_takes_the_place_of_the_older(void **state)
{
    PacsCache *cache = *state;
    Value former = {1}, newer = {1};

    pacs_cache_add(cache, "a", 1, &former, 60);
    pacs_cache_add(cache, "a", 1, &newer, 60);
    assert_ptr_equal(find(cache, "a"), &newer);
    assert_int_equal(former.references, 1);
    pacs_cache_expire(cache, UINT64_MAX);
}

static void the_one_used_longest_ago_makes_room(void **state)
{
    PacsCache *cache = *state;
    Value values[4] = {{1}, {1}, {1}, {1}};

    pacs_cache_add(cache, "a", 1, &values[0], 10);
    pacs_cache_add(cache, "b", 1, &values[1], 10);
    pacs_cache_add(cache, "c", 1, &values[2], 10);
    assert_non_null(find(cache, "a"));
    pacs_cache_add(cache, "d", 1, &values[3], 10); /* a fourth: too many */
    assert_null(find(cache, "b"));
    assert_non_null(find(cache, "a"));
    pacs_cache_add(cache, "b", 1, &values[1], 85); /* too many bytes, until only one other is left */
    assert_null(find(cache, "c"));
    assert_null(find(cache, "d"));
    assert_non_null(find(cache, "a"));
    assert_non_null(find(cache, "b"));
    pacs_cache_expire(cache, UINT64_MAX);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(values[i].references, 1);
}

static void what_is_larger_than_all_may_be_is_not_kept(void **state)
{
    PacsCache *cache = *state;
    Value small = {1}, large = {1};

    pacs_cache_add(cache, "a", 1, &small, 10);
    pacs_cache_add(cache, "b", 1, &large, 101);
    assert_null(find(cache, "b"));
    assert_non_null(find(cache, "a"));
    assert_int_equal(large.references, 1);
    pacs_cache_expire(cache, UINT64_MAX);
}

static void what_was_used_since_does_not_expire(void **state)
{
    PacsCache *cache = *state;
    Value a = {1}, b = {1};

    pacs_cache_add(cache, "a", 1, &a, 10);
    pacs_cache_add(cache, "b", 1, &b, 10);
    uint64_t since = pacs_monotonic_ns();
    while (pacs_monotonic_ns() == since)
        ; /* the clock has to show a difference */
    since = pacs_monotonic_ns();
    assert_non_null(find(cache, "a"));
    pacs_cache_expire(cache, since);
    assert_non_null(find(cache, "a"));
    assert_null(find(cache, "b"));
    pacs_cache_expire(cache, UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_cache, close_cache)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_is_found_by_its_key),         TEST(a_newer_value_takes_the_place_of_the_older),
        TEST(the_one_used_longest_ago_makes_room), TEST(what_is_larger_than_all_may_be_is_not_kept),
        TEST(what_was_used_since_does_not_expire),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
