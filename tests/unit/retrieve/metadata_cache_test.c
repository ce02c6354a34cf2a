/* Whole answers kept in memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "pacs/retrieve/metadata_cache.h"

#define REVISION "0123456789012345678901234567890123456789"
#define OTHER "9876543210987654321098765432109876543210"
#define MAX_BYTES 1000

static int open_cache(void **state)
{
    *state = metadata_cache_new(MAX_BYTES);
    return *state ? 0 : -1;
}

static int close_cache(void **state)
{
    metadata_cache_free(*state);
    return 0;
}

static void add(MetadataCache *cache, const MetadataKey *key, const char *revision, uint64_t generation,
                size_t size)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(1 << 16);

    for (size_t i = 0; i < size; i++)
        assert_true(pacs_buffer_add_char(&bytes, 'x'));
    PACS_AUTO(PacsMetadataBody) body = metadata_cache_add(cache, key, revision, generation, &bytes);
    assert_non_null(body);
    assert_int_equal(body->size, size);
}

static bool has(MetadataCache *cache, const MetadataKey *key, uint64_t generation)
{
    PACS_AUTO(PacsMetadataBody) body = metadata_cache_find_current(cache, key, generation);

    return body != NULL;
}

static const PacsUidPath path = {.study_uid = "1.2", .series_uid = "1.2.3"};
static const MetadataKey the_key = {.path = &path, .root = "/dicom-web", .as_gzip = true};

static void an_answer_is_kept_for_its_generation(void **state)
{
    MetadataCache *cache = *state;

    assert_false(has(cache, &the_key, 7));
    add(cache, &the_key, REVISION, 7, 100);
    assert_true(has(cache, &the_key, 7));
    assert_false(has(cache, &the_key, 8));
    PACS_AUTO(PacsMetadataBody) same = metadata_cache_find_revision(cache, &the_key, REVISION, 9);
    assert_non_null(same); /* something was written elsewhere */
    assert_true(has(cache, &the_key, 9));
    assert_null(metadata_cache_find_revision(cache, &the_key, OTHER, 9));
}

static void every_part_of_a_key_counts(void **state)
{
    static const PacsUidPath study = {.study_uid = "1.2"},
                             moved = {.study_uid = "1.21", .series_uid = ".2.3"};
    const MetadataKey others[] = {{&study, "/dicom-web", true},
                                  {&moved, "/dicom-web", true},
                                  {&path, "/dicom-we", true},
                                  {&path, "/dicom-web", false}};

    add(*state, &the_key, REVISION, 1, 10);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(has(*state, &others[i], 1));
}

static void what_was_used_longest_ago_goes_first(void **state)
{
    MetadataCache *cache = *state;
    char uids[4][16];
    PacsUidPath paths[4];
    MetadataKey keys[4];

    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(uids[i], sizeof uids[i], "1.2.%zu", i);
        paths[i] = (PacsUidPath){.study_uid = uids[i]};
        keys[i] = (MetadataKey){.path = &paths[i], .root = "/", .as_gzip = true};
    }
    for (size_t i = 0; i < 3; i++)
        add(cache, &keys[i], REVISION, 1, 300);
    assert_true(has(cache, &keys[0], 1));
    add(cache, &keys[3], REVISION, 1, 300);
    assert_true(has(cache, &keys[0], 1));
    assert_false(has(cache, &keys[1], 1));
    assert_true(has(cache, &keys[2], 1));
    assert_true(has(cache, &keys[3], 1));
}

static void a_newer_answer_takes_the_place_of_the_older(void **state)
{
    MetadataCache *cache = *state;

    for (uint64_t generation = 1; generation < 20; generation++) {
        add(cache, &the_key, generation % 2 ? REVISION : OTHER, generation, 600);
        assert_true(has(cache, &the_key, generation));
        assert_false(has(cache, &the_key, generation - 1));
    }
}

static void one_that_is_in_use_outlives_its_place(void **state)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(100);

    assert_true(pacs_buffer_add_text(&bytes, "text"));
    PACS_AUTO(PacsMetadataBody) body = metadata_cache_add(*state, &the_key, REVISION, 1, &bytes);
    add(*state, &the_key, OTHER, 2, 900);
    assert_memory_equal(body->bytes, "text", 4);
    assert_string_equal(body->revision, REVISION);
}

static void too_large_or_too_long_to_keep_is_handed_out_all_the_same(void **state)
{
    char root[2000];
    const MetadataKey long_key = {.path = &path, .root = root, .as_gzip = true};

    memset(root, 'r', sizeof root);
    root[sizeof root - 1] = '\0';
    add(*state, &long_key, REVISION, 1, 10);
    assert_false(has(*state, &long_key, 1));
    add(*state, &the_key, REVISION, 1, MAX_BYTES + 1);
    assert_false(has(*state, &the_key, 1));
}

static void *use_all(void *argument)
{
    static const PacsUidPath paths[] = {{.study_uid = "1"}, {.study_uid = "2"}, {.study_uid = "3"}};

    for (uint64_t i = 0; i < 3000; i++) {
        const MetadataKey key = {.path = &paths[i % 3], .root = "/", .as_gzip = true};
        if (!has(argument, &key, i / 30))
            add(argument, &key, REVISION, i / 30, 400);
    }
    return NULL;
}

static void many_threads_share_it(void **state)
{
    pthread_t threads[3];

    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, *state), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_cache, close_cache)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_kept_for_its_generation),
        TEST(every_part_of_a_key_counts),
        TEST(what_was_used_longest_ago_goes_first),
        TEST(a_newer_answer_takes_the_place_of_the_older),
        TEST(one_that_is_in_use_outlives_its_place),
        TEST(too_large_or_too_long_to_keep_is_handed_out_all_the_same),
        TEST(many_threads_share_it),
    };
    return cmocka_run_group_tests_name("metadata cache", tests, NULL, NULL);
}
