#include "tests/contract/store_contract.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE (3u * 1024 * 1024 + 7) /* more than any back end holds in one buffer */

/* ---- helpers ---- */

void store_contract_fill(uint8_t *bytes, size_t size, unsigned seed)
{
    uint32_t x = seed * 2654435761u + 1;
    for (size_t i = 0; i < size; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(x >> 24);
    }
}

static uint8_t *filled(size_t size, unsigned seed)
{
    uint8_t *bytes = malloc(size + 1);
    assert_non_null(bytes);
    store_contract_fill(bytes, size, seed);
    return bytes;
}

static PacsStoreWriter *begin(PacsStore *store, size_t size, unsigned seed, size_t piece)
{
    PACS_AUTO_FREE uint8_t *bytes = filled(size, seed);
    PacsStoreWriter *writer = NULL;
    assert_int_equal(pacs_store_create(store, size, &writer, NULL), PACS_OK);
    for (size_t done = 0; done < size; done += piece) {
        size_t part = size - done < piece ? size - done : piece;
        assert_int_equal(pacs_store_write(writer, bytes + done, part, NULL), PACS_OK);
    }
    return writer;
}

PacsKey store_contract_put(PacsStore *store, size_t size, unsigned seed, size_t piece)
{
    PACS_AUTO(PacsStoreWriter) writer = begin(store, size, seed, piece);
    PacsKey key = *pacs_store_writer_key(writer);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    return key;
}

static PacsKey put(PacsStore *store, size_t size, unsigned seed)
{
    return store_contract_put(store, size, seed, 65536);
}

static void expect_end(PacsSource *source)
{
    uint8_t extra;
    size_t got = 1;
    assert_int_equal(pacs_source_read(source, &extra, 1, &got, NULL), PACS_OK);
    assert_int_equal(got, 0);
}

void store_contract_expect(PacsStore *store, const PacsKey *key, size_t size, unsigned seed)
{
    PACS_AUTO_FREE uint8_t *expected = filled(size, seed);
    PACS_AUTO_FREE uint8_t *bytes = malloc(size + 1);
    PACS_AUTO(PacsSource) source = NULL;
    assert_non_null(bytes);
    assert_int_equal(pacs_store_open(store, key, 0, UINT64_MAX, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, size, NULL), PACS_OK);
    assert_memory_equal(bytes, expected, size);
    expect_end(source);
}

static PacsStatus count_one(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    (void)key;
    (void)size_bytes;
    (void)err;
    ++*(size_t *)context;
    return PACS_OK;
}

size_t store_contract_count(PacsStore *store)
{
    size_t count = 0;
    assert_int_equal(pacs_store_list(store, NULL, count_one, &count, NULL), PACS_OK);
    return count;
}

/* ---- a store for each test ---- */

typedef struct Place {
    const StoreContract *contract;
    PacsStore *store;
} Place;

static Place place; /* cmocka runs one test at a time */

static int setup(void **state)
{
    place = (Place){.contract = *state};
    place.store = place.contract->open();
    *state = place.store;
    return place.store ? 0 : -1;
}

static int teardown(void **state)
{
    pacs_store_free(place.store);
    *state = (void *)place.contract;
    place.contract->clear();
    return 0;
}

/* ---- writing and reading ---- */

static void an_object_comes_back_as_it_was_written(void **state)
{
    PacsKey key = put(*state, 1000, 1);
    store_contract_expect(*state, &key, 1000, 1);
}

static void an_empty_object_is_an_object(void **state)
{
    uint64_t size = 1;
    PacsKey key = put(*state, 0, 1);
    store_contract_expect(*state, &key, 0, 1);
    assert_int_equal(pacs_store_size(*state, &key, &size, NULL), PACS_OK);
    assert_int_equal(size, 0);
}

/* The next bytes by one of the ways there are to write; as many as went that way. */
static size_t write_some(PacsStoreWriter *writer, const uint8_t *bytes, size_t left, unsigned way)
{
    uint8_t *block = NULL, *room = NULL;
    size_t part = left < PACS_BLOCK_BYTES ? left : PACS_BLOCK_BYTES;
    size_t size = 0;

    if (way == 0) { /* a whole block, or what is left */
        block = pacs_blocks_take(NULL);
        assert_non_null(block);
        memcpy(block, bytes, part);
        assert_int_equal(pacs_store_write_block(writer, &block, part, NULL), PACS_OK);
        pacs_blocks_put(NULL, block);
        return part;
    }
    if (way == 1)
        assert_int_equal(pacs_store_room(writer, &room, &size, NULL), PACS_OK);
    if (size > 0) {
        part = left < size ? left : size;
        memcpy(room, bytes, part);
        assert_int_equal(pacs_store_filled(writer, part, NULL), PACS_OK);
        return part;
    }
    part = left < 70001 ? left : 70001;
    assert_int_equal(pacs_store_write(writer, bytes, part, NULL), PACS_OK);
    return part;
}

static void every_order_of_the_ways_to_write_gives_the_same_object(void **state)
{
    static const char *const orders[] = {"0", "1", "2", "012", "0021", "201", "1120", "10"};
    PACS_AUTO_FREE uint8_t *bytes = filled(LARGE, 5);

    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        PACS_AUTO(PacsStoreWriter) writer = NULL;
        assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
        for (size_t done = 0, step = 0; done < LARGE; step++)
            done += write_some(writer, bytes + done, LARGE - done,
                               (unsigned)(orders[i][step % strlen(orders[i])] - '0'));
        assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
        store_contract_expect(*state, pacs_store_writer_key(writer), LARGE, 5);
    }
}

static void a_writer_given_up_in_flight_leaves_nothing(void **state)
{
    PACS_AUTO_FREE uint8_t *bytes = filled(LARGE, 6);
    PacsStoreWriter *writer = NULL;

    assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, bytes, LARGE, NULL), PACS_OK);
    pacs_store_writer_free(writer);
    assert_int_equal(store_contract_count(*state), 0);
}

static void any_split_of_the_bytes_gives_the_same_object(void **state)
{
    static const size_t pieces[] = {1009, 16384, 65535, 65536, 131066, 262144, 262145, LARGE};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        PacsKey key = store_contract_put(*state, LARGE, 7, pieces[i]);
        store_contract_expect(*state, &key, LARGE, 7);
    }
}

static void small_and_large_pieces_keep_their_order(void **state)
{
    PACS_AUTO_FREE uint8_t *bytes = filled(LARGE, 3);
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
    size_t done = 0;
    for (size_t piece = 1; done < LARGE; piece = piece * 5 % 300007) {
        size_t part = LARGE - done < piece ? LARGE - done : piece;
        assert_int_equal(pacs_store_write(writer, bytes + done, part, NULL), PACS_OK);
        done += part;
    }
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    store_contract_expect(*state, pacs_store_writer_key(writer), LARGE, 3);
}

static void writing_nothing_changes_nothing(void **state)
{
    PACS_AUTO(PacsStoreWriter) writer = begin(*state, 10, 4, 10);
    assert_int_equal(pacs_store_write(writer, NULL, 0, NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    store_contract_expect(*state, pacs_store_writer_key(writer), 10, 4);
}

static void a_size_hint_may_lie(void **state)
{
    static const uint64_t hints[] = {0, 1, 99, 5000, 10u << 20};
    PACS_AUTO_FREE uint8_t *bytes = filled(5001, 5);
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        PACS_AUTO(PacsStoreWriter) writer = NULL;
        assert_int_equal(pacs_store_create(*state, hints[i], &writer, NULL), PACS_OK);
        assert_int_equal(pacs_store_write(writer, bytes, 100, NULL), PACS_OK);
        assert_int_equal(pacs_store_write(writer, bytes + 100, 4901, NULL), PACS_OK);
        assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
        store_contract_expect(*state, pacs_store_writer_key(writer), 5001, 5);
    }
}

static void a_part_can_be_read_alone(void **state)
{
    PacsKey key = put(*state, LARGE, 8);
    PACS_AUTO_FREE uint8_t *expected = filled(LARGE, 8);
    uint8_t bytes[100];
    static const uint64_t offsets[] = {0, 1, 65535, 262143, LARGE - 100};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        PACS_AUTO(PacsSource) source = NULL;
        assert_int_equal(pacs_store_open(*state, &key, offsets[i], 100, &source, NULL), PACS_OK);
        assert_int_equal(pacs_source_read_all(source, bytes, 100, NULL), PACS_OK);
        assert_memory_equal(bytes, expected + offsets[i], 100);
        expect_end(source);
    }
}

static void the_rest_from_an_offset_can_be_asked_for(void **state)
{
    PacsKey key = put(*state, 1000, 8);
    PACS_AUTO_FREE uint8_t *expected = filled(1000, 8);
    PACS_AUTO(PacsSource) source = NULL;
    uint8_t bytes[10];
    assert_int_equal(pacs_store_open(*state, &key, 990, UINT64_MAX, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, 10, NULL), PACS_OK);
    assert_memory_equal(bytes, expected + 990, 10);
    expect_end(source);
}

static void nothing_can_be_read_from_the_very_end(void **state)
{
    PacsKey key = put(*state, 1000, 8);
    PACS_AUTO(PacsSource) none = NULL;
    PACS_AUTO(PacsSource) rest = NULL;
    assert_int_equal(pacs_store_open(*state, &key, 1000, 0, &none, NULL), PACS_OK);
    expect_end(none);
    assert_int_equal(pacs_store_open(*state, &key, 1000, UINT64_MAX, &rest, NULL), PACS_OK);
    expect_end(rest);
}

static void asking_for_more_than_there_is_says_that_the_object_is_damaged(void **state)
{
    static const struct {
        uint64_t offset, size;
    } asked[] = {{0, 1001}, {1000, 1}, {1001, 0}, {1001, UINT64_MAX}, {1, UINT64_MAX - 1}, {UINT64_MAX, 1}};
    PacsKey key = put(*state, 1000, 8);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        PacsSource *source = NULL;
        assert_int_equal(pacs_store_open(*state, &key, asked[i].offset, asked[i].size, &source, NULL),
                         PACS_CORRUPT);
        assert_null(source);
    }
}

static void the_size_is_known(void **state)
{
    PacsKey key = put(*state, LARGE, 9);
    uint64_t size = 0;
    assert_int_equal(pacs_store_size(*state, &key, &size, NULL), PACS_OK);
    assert_int_equal(size, LARGE);
}

static void a_descriptor_where_there_is_one_reads_the_same_bytes(void **state)
{
    PacsKey key = put(*state, 1000, 10);
    PACS_AUTO_FREE uint8_t *expected = filled(1000, 10);
    uint8_t bytes[1001];
    PACS_AUTO_CLOSE int fd = -1;
    PacsStatus status = pacs_store_open_fd(*state, &key, &fd, NULL);
    if (status == PACS_UNSUPPORTED) {
        assert_int_equal(fd, -1);
        return;
    }
    assert_int_equal(status, PACS_OK);
    assert_int_equal(pread(fd, bytes, sizeof bytes, 0), 1000);
    assert_memory_equal(bytes, expected, 1000);
}

static void several_may_read_one_object(void **state)
{
    PacsKey key = put(*state, 1000, 11);
    PACS_AUTO(PacsSource) first = NULL;
    uint8_t bytes[500];
    assert_int_equal(pacs_store_open(*state, &key, 0, 1000, &first, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(first, bytes, 500, NULL), PACS_OK);
    store_contract_expect(*state, &key, 1000, 11);
    PACS_AUTO_FREE uint8_t *expected = filled(1000, 11);
    assert_int_equal(pacs_source_read_all(first, bytes, 500, NULL), PACS_OK);
    assert_memory_equal(bytes, expected + 500, 500);
}

/* ---- writers ---- */

static void a_writer_freed_without_commit_takes_its_object_back(void **state)
{
    PacsStoreWriter *writer = begin(*state, 1000, 1, 100);
    PacsKey key = *pacs_store_writer_key(writer);
    pacs_store_writer_free(writer);
    uint64_t size;
    assert_int_equal(pacs_store_size(*state, &key, &size, NULL), PACS_NOT_FOUND);
    assert_int_equal(store_contract_count(*state), 0);
}

static void the_key_is_known_before_the_bytes_are(void **state)
{
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    assert_int_equal(pacs_store_create(*state, 0, &writer, NULL), PACS_OK);
    PacsKey early = *pacs_store_writer_key(writer);
    assert_int_equal(pacs_store_write(writer, "x", 1, NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    assert_int_equal(pacs_key_compare(&early, pacs_store_writer_key(writer)), 0);
    uint64_t size = 0;
    assert_int_equal(pacs_store_size(*state, &early, &size, NULL), PACS_OK);
    assert_int_equal(size, 1);
}

static void a_committed_object_never_changes(void **state)
{
    PACS_AUTO(PacsStoreWriter) writer = begin(*state, 10, 2, 10);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, "more", 4, NULL), PACS_INTERNAL);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_INTERNAL);
    store_contract_expect(*state, pacs_store_writer_key(writer), 10, 2);
}

static void keys_sort_as_they_were_made(void **state)
{
    PacsKey last = put(*state, 10, 0);
    for (unsigned i = 1; i < 20; i++) {
        PacsKey key = put(*state, 10, i);
        assert_true(pacs_key_compare(&last, &key) < 0);
        last = key;
    }
}

/* ---- removing ---- */

static void a_removed_object_is_gone_and_the_others_are_not(void **state)
{
    PacsKey first = put(*state, 100, 1), second = put(*state, 100, 2), third = put(*state, 100, 3);
    assert_int_equal(pacs_store_remove(*state, &second, NULL), PACS_OK);

    PacsSource *source = NULL;
    uint64_t size;
    assert_int_equal(pacs_store_open(*state, &second, 0, UINT64_MAX, &source, NULL), PACS_NOT_FOUND);
    assert_int_equal(pacs_store_size(*state, &second, &size, NULL), PACS_NOT_FOUND);
    store_contract_expect(*state, &first, 100, 1);
    store_contract_expect(*state, &third, 100, 3);
}

static void removing_twice_says_that_it_is_not_there(void **state)
{
    PacsKey key = put(*state, 100, 1);
    assert_int_equal(pacs_store_remove(*state, &key, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove(*state, &key, NULL), PACS_NOT_FOUND);
}

static void removed_together_all_are_gone_also_those_that_were_not_there(void **state)
{
    PacsKey keys[4];
    for (unsigned i = 0; i < 4; i++)
        keys[i] = put(*state, 100, i);
    assert_int_equal(pacs_store_remove(*state, &keys[1], NULL), PACS_OK);
    assert_int_equal(pacs_store_remove_all(*state, keys, 3, NULL), PACS_OK);
    assert_int_equal(pacs_store_remove_all(*state, keys, 0, NULL), PACS_OK);
    assert_int_equal(store_contract_count(*state), 1);
    store_contract_expect(*state, &keys[3], 100, 3);
}

static void an_unknown_key_is_not_found(void **state)
{
    PacsKey key = put(*state, 100, 1);
    key.bytes[PACS_KEY_BYTES - 1] ^= 0x40;
    PacsSource *source = NULL;
    uint64_t size;
    int fd = -1;
    assert_int_equal(pacs_store_open(*state, &key, 0, UINT64_MAX, &source, NULL), PACS_NOT_FOUND);
    assert_int_equal(pacs_store_size(*state, &key, &size, NULL), PACS_NOT_FOUND);
    assert_int_equal(pacs_store_remove(*state, &key, NULL), PACS_NOT_FOUND);
    assert_int_not_equal(pacs_store_open_fd(*state, &key, &fd, NULL), PACS_OK);
    assert_int_equal(fd, -1);
}

static void an_empty_key_is_refused(void **state)
{
    static const PacsKey none;
    PacsSource *source = NULL;
    uint64_t size;
    int fd = -1;
    assert_int_equal(pacs_store_open(*state, &none, 0, UINT64_MAX, &source, NULL), PACS_INVALID);
    assert_int_equal(pacs_store_size(*state, &none, &size, NULL), PACS_INVALID);
    assert_int_equal(pacs_store_remove(*state, &none, NULL), PACS_INVALID);
    assert_int_equal(pacs_store_open_fd(*state, &none, &fd, NULL), PACS_INVALID);
}

/* ---- listing ---- */

#define LISTED 20

typedef struct Listed {
    PacsKey keys[LISTED];
    uint64_t sizes[LISTED];
    size_t count, fail_at;
    PacsStore *remove_from; /* NULL: only look */
} Listed;

static PacsStatus note(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    Listed *listed = context;
    assert_true(listed->count < LISTED);
    listed->keys[listed->count] = *key;
    listed->sizes[listed->count++] = size_bytes;
    if (listed->count == listed->fail_at)
        return pacs_fail(err, PACS_CANCELLED, "enough");
    return listed->remove_from ? pacs_store_remove(listed->remove_from, key, err) : PACS_OK;
}

static void a_list_shows_every_object_in_key_order_with_its_size(void **state)
{
    PacsKey keys[LISTED];
    for (unsigned i = 0; i < LISTED; i++)
        keys[i] = put(*state, 100 + i, i);
    Listed listed = {0};
    assert_int_equal(pacs_store_list(*state, NULL, note, &listed, NULL), PACS_OK);
    assert_int_equal(listed.count, LISTED);
    for (unsigned i = 0; i < LISTED; i++) {
        assert_memory_equal(&listed.keys[i], &keys[i], sizeof(PacsKey));
        assert_int_equal(listed.sizes[i], 100 + i);
    }
}

static void a_list_can_start_at_a_key(void **state)
{
    PacsKey keys[5];
    for (unsigned i = 0; i < 5; i++)
        keys[i] = put(*state, 10, i);
    Listed listed = {0};
    assert_int_equal(pacs_store_list(*state, &keys[3], note, &listed, NULL), PACS_OK);
    assert_int_equal(listed.count, 2);
    assert_memory_equal(&listed.keys[0], &keys[3], sizeof(PacsKey));
    assert_memory_equal(&listed.keys[1], &keys[4], sizeof(PacsKey));
}

static void a_list_can_start_at_a_key_that_is_gone(void **state)
{
    PacsKey first = put(*state, 10, 0), second = put(*state, 10, 1);
    assert_int_equal(pacs_store_remove(*state, &first, NULL), PACS_OK);
    Listed listed = {0};
    assert_int_equal(pacs_store_list(*state, &first, note, &listed, NULL), PACS_OK);
    assert_int_equal(listed.count, 1);
    assert_memory_equal(&listed.keys[0], &second, sizeof(PacsKey));
}

static void a_list_from_the_last_possible_key_is_empty(void **state)
{
    PacsKey last;
    memset(&last, 0xff, sizeof last);
    (void)put(*state, 10, 0);
    Listed listed = {0};
    assert_int_equal(pacs_store_list(*state, &last, note, &listed, NULL), PACS_OK);
    assert_int_equal(listed.count, 0);
}

static void a_visitor_that_fails_ends_the_walk(void **state)
{
    PacsError err = {0};
    for (unsigned i = 0; i < 5; i++)
        (void)put(*state, 10, i);
    Listed listed = {.fail_at = 2};
    assert_int_equal(pacs_store_list(*state, NULL, note, &listed, &err), PACS_CANCELLED);
    assert_int_equal(listed.count, 2);
    assert_string_equal(err.text, "enough");
}

static void a_visitor_may_remove_what_it_is_shown(void **state)
{
    for (unsigned i = 0; i < LISTED; i++)
        (void)put(*state, 10, i);
    Listed listed = {.remove_from = *state};
    assert_int_equal(pacs_store_list(*state, NULL, note, &listed, NULL), PACS_OK);
    assert_int_equal(listed.count, LISTED);
    assert_int_equal(store_contract_count(*state), 0);
}

/* ---- the whole store ---- */

static void a_check_succeeds_and_leaves_nothing(void **state)
{
    assert_int_equal(pacs_store_check(*state, NULL), PACS_OK);
    assert_int_equal(store_contract_count(*state), 0);
}

static void the_store_has_a_name(void **state)
{
    assert_string_equal(pacs_store_name(*state), place.contract->name);
}

static void objects_outlive_the_store_that_wrote_them(void **state)
{
    if (!place.contract->lasts)
        return;
    PacsKey old = put(*state, LARGE, 1);
    pacs_store_free(place.store);
    place.store = place.contract->open();
    assert_non_null(place.store);
    store_contract_expect(place.store, &old, LARGE, 1);
    PacsKey young = put(place.store, 10, 2);
    assert_true(pacs_key_compare(&old, &young) < 0);
    assert_int_equal(store_contract_count(place.store), 2);
}

#define THREADS 8
#define PER_THREAD 25

typedef struct Putter {
    PacsStore *store;
    unsigned first_seed;
    PacsKey keys[PER_THREAD];
    PacsStatus status;
} Putter;

/* No assertions in here: cmocka's belong to the thread that runs the test. */
static PacsStatus put_one(PacsStore *store, unsigned seed, PacsKey *ret_key)
{
    uint8_t bytes[5000];
    PACS_AUTO(PacsStoreWriter) writer = NULL;
    store_contract_fill(bytes, sizeof bytes, seed);
    PacsStatus status = pacs_store_create(store, sizeof bytes, &writer, NULL);
    if (status == PACS_OK)
        status = pacs_store_write(writer, bytes, 2000, NULL);
    if (status == PACS_OK)
        status = pacs_store_write(writer, bytes + 2000, 3000, NULL);
    if (status == PACS_OK)
        status = pacs_store_commit(writer, NULL);
    if (status == PACS_OK)
        *ret_key = *pacs_store_writer_key(writer);
    return status;
}

static void *put_many(void *argument)
{
    Putter *putter = argument;
    for (unsigned i = 0; i < PER_THREAD && putter->status == PACS_OK; i++)
        putter->status = put_one(putter->store, putter->first_seed + i, &putter->keys[i]);
    return NULL;
}

static void many_threads_may_put_at_once(void **state)
{
    Putter putters[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        putters[i] = (Putter){.store = *state, .first_seed = i * PER_THREAD};
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &putters[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);

    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(putters[i].status, PACS_OK);
        for (unsigned k = 0; k < PER_THREAD; k++)
            store_contract_expect(*state, &putters[i].keys[k], 5000, putters[i].first_seed + k);
    }
    assert_int_equal(store_contract_count(*state), THREADS * PER_THREAD);
}

/* ---- all of them ---- */

#define CONTRACT(test)                                                                                       \
    {                                                                                                        \
        .name = #test, .test_func = (test), .setup_func = setup, .teardown_func = teardown                   \
    }

int store_contract_run(const StoreContract *contract)
{
    struct CMUnitTest tests[] = {
        CONTRACT(an_object_comes_back_as_it_was_written),
        CONTRACT(an_empty_object_is_an_object),
        CONTRACT(any_split_of_the_bytes_gives_the_same_object),
        CONTRACT(every_order_of_the_ways_to_write_gives_the_same_object),
        CONTRACT(a_writer_given_up_in_flight_leaves_nothing),
        CONTRACT(small_and_large_pieces_keep_their_order),
        CONTRACT(writing_nothing_changes_nothing),
        CONTRACT(a_size_hint_may_lie),
        CONTRACT(a_part_can_be_read_alone),
        CONTRACT(the_rest_from_an_offset_can_be_asked_for),
        CONTRACT(nothing_can_be_read_from_the_very_end),
        CONTRACT(asking_for_more_than_there_is_says_that_the_object_is_damaged),
        CONTRACT(the_size_is_known),
        CONTRACT(a_descriptor_where_there_is_one_reads_the_same_bytes),
        CONTRACT(several_may_read_one_object),
        CONTRACT(a_writer_freed_without_commit_takes_its_object_back),
        CONTRACT(the_key_is_known_before_the_bytes_are),
        CONTRACT(a_committed_object_never_changes),
        CONTRACT(keys_sort_as_they_were_made),
        CONTRACT(a_removed_object_is_gone_and_the_others_are_not),
        CONTRACT(removing_twice_says_that_it_is_not_there),
        CONTRACT(removed_together_all_are_gone_also_those_that_were_not_there),
        CONTRACT(an_unknown_key_is_not_found),
        CONTRACT(an_empty_key_is_refused),
        CONTRACT(a_list_shows_every_object_in_key_order_with_its_size),
        CONTRACT(a_list_can_start_at_a_key),
        CONTRACT(a_list_can_start_at_a_key_that_is_gone),
        CONTRACT(a_list_from_the_last_possible_key_is_empty),
        CONTRACT(a_visitor_that_fails_ends_the_walk),
        CONTRACT(a_visitor_may_remove_what_it_is_shown),
        CONTRACT(a_check_succeeds_and_leaves_nothing),
        CONTRACT(the_store_has_a_name),
        CONTRACT(objects_outlive_the_store_that_wrote_them),
        CONTRACT(many_threads_may_put_at_once),
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tests[i].initial_state = (void *)contract; /* setup only reads it */
    return cmocka_run_group_tests_name(contract->name, tests, NULL, NULL);
}
