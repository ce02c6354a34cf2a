#include "tests/contract/index_contract_internal.h"

static PacsRemaining delete_it(PacsIndex *index, PacsLevel level, const char *id)
{
    PacsRemaining remaining;
    PacsError err = {0};
    if (pacs_index_delete(index, level, id, &remaining, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return remaining;
}

static void deleting_an_only_instance_deletes_its_ancestors(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    const PacsRemaining remaining = delete_it(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE]);
    assert_false(remaining.exists);
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++)
        assert_false(index_contract_has(index, level, added.ids[level]));
    const PacsStatistics statistics = index_contract_statistics(index);
    assert_int_equal(statistics.patients + statistics.studies + statistics.series + statistics.instances, 0);
    assert_int_equal(statistics.size_bytes + statistics.uncompressed_bytes, 0);
}

static void the_nearest_ancestor_with_other_children_remains(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 2, 1, 1);
    const PacsRemaining remaining = delete_it(index, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES]);
    assert_true(remaining.exists);
    assert_int_equal(remaining.level, PACS_LEVEL_PATIENT);
    assert_string_equal(remaining.id, added.ids[PACS_LEVEL_PATIENT]);
    assert_false(index_contract_has(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]));
    index_contract_expect_counters(index);
}

static void each_level_is_deleted_with_all_below_it(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++) {
        const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
        const PacsIndexAdded sibling = index_contract_add(index, 1, 1, 1, 2);
        index_contract_add(index, 1, 1, 2, 1);
        index_contract_add(index, 1, 2, 1, 1);
        index_contract_add(index, 2, 3, 1, 1);
        delete_it(index, level, added.ids[level]);
        assert_false(index_contract_has(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE]));
        assert_int_equal(index_contract_has(index, PACS_LEVEL_INSTANCE, sibling.ids[PACS_LEVEL_INSTANCE]),
                         level == PACS_LEVEL_INSTANCE);
        const uint64_t left[] = {1, 2, 3, 4};
        assert_int_equal(index_contract_statistics(index).instances, left[level]);
        index_contract_expect_counters(index);
        index_contract_teardown(state);
        assert_int_equal(index_contract_setup(state), 0);
        index = index_contract_index(state);
    }
}

static void deleting_what_is_not_there_is_not_found(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    PacsRemaining remaining;
    assert_int_equal(
        pacs_index_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_SERIES], &remaining, NULL),
        PACS_NOT_FOUND);
    assert_int_equal(pacs_index_delete(index, PACS_LEVEL_STUDY, "x", &remaining, NULL), PACS_NOT_FOUND);
    delete_it(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    assert_int_equal(
        pacs_index_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY], &remaining, NULL),
        PACS_NOT_FOUND);
}

static void keys_of_what_was_deleted_are_garbage_until_forgotten(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 1);
    object.add.has_inflated = true;
    memset(object.add.inflated_key.bytes, 0xEE, sizeof object.add.inflated_key.bytes);
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    delete_it(index, PACS_LEVEL_PATIENT, added.ids[PACS_LEVEL_PATIENT]);

    PacsKey keys[8];
    size_t count = 0;
    bool known = false;
    assert_int_equal(pacs_index_read_garbage(index, keys, 1, &count, NULL), PACS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(pacs_index_read_garbage(index, keys, 8, &count, NULL), PACS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(pacs_key_compare(&keys[0], &object.add.key), 0);
    assert_int_equal(pacs_key_compare(&keys[1], &object.add.inflated_key), 0);
    assert_int_equal(pacs_index_has_key(index, &keys[0], &known, NULL), PACS_OK);
    assert_true(known);
    assert_int_equal(pacs_index_forget_garbage(index, keys, 2, NULL), PACS_OK);
    assert_int_equal(index_contract_garbage(index), 0);
    assert_int_equal(pacs_index_has_key(index, &keys[0], &known, NULL), PACS_OK);
    assert_false(known);
}

static void changes_vanish_with_their_resource(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 2, 1);
    index_contract_stabilise(index);
    delete_it(index, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES]);
    PACS_AUTO_FREE char *changes = index_contract_changes(index);
    assert_string_equal(changes,
                        "NewInstance NewSeries NewStudy NewPatient StableSeries StableStudy StablePatient");
}

static void what_was_deleted_can_be_stored_again(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    delete_it(index, PACS_LEVEL_STUDY, first.ids[PACS_LEVEL_STUDY]);
    const PacsIndexAdded second = index_contract_add(index, 1, 1, 1, 1);
    assert_true(second.is_new[PACS_LEVEL_PATIENT]);
    assert_string_equal(first.ids[PACS_LEVEL_INSTANCE], second.ids[PACS_LEVEL_INSTANCE]);
    index_contract_expect_counters(index);
}

/* ---- More than one transaction should take at once ---- */

static void add_many(PacsIndex *index, unsigned count, PacsIndexAdded *ret_last)
{
    for (unsigned i = 1; i <= count; i++)
        *ret_last = index_contract_add(index, 1, 1, 1 + i % 2, i);
}

static void a_large_study_is_gone_at_once(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PacsIndexAdded added;
    index_contract_add(index, 2, 2, 1, 1);
    add_many(index, 1200, &added);
    delete_it(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    assert_false(index_contract_has(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE]));
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsStoredObject *object = NULL;
    assert_int_equal(pacs_index_find_object(index, added.ids[PACS_LEVEL_INSTANCE], arena, &object, NULL),
                     PACS_NOT_FOUND);
    const PacsStatistics statistics = index_contract_statistics(index);
    assert_int_equal(statistics.instances, 1);
    assert_int_equal(statistics.size_bytes, 1000);
    index_contract_expect_counters(index);
    PACS_AUTO_FREE char *changes = index_contract_changes(index);
    assert_string_equal(changes, "NewInstance NewSeries NewStudy NewPatient");
}

static void every_key_of_a_large_study_becomes_garbage(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PacsIndexAdded added;
    add_many(index, 1200, &added);
    delete_it(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    size_t seen = 0;
    while (seen < 1200) { /* bounded by the test's time limit: a key that never comes is a failure */
        PacsKey keys[500];
        size_t count = 0;
        assert_int_equal(pacs_index_read_garbage(index, keys, 500, &count, NULL), PACS_OK);
        assert_int_equal(pacs_index_forget_garbage(index, keys, count, NULL), PACS_OK);
        seen += count;
    }
    assert_int_equal(seen, 1200);
}

static void an_instance_of_a_large_study_comes_again_while_rows_are_left(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PacsIndexAdded added;
    add_many(index, 1200, &added);
    delete_it(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    for (unsigned i = 1200; i > 1150; i--)
        assert_false(index_contract_add(index, 1, 1, 1 + i % 2, i).uid_collision);
    assert_int_equal(index_contract_statistics(index).instances, 50);
    index_contract_expect_counters(index);
}

/* ---- Any order of things ---- */

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static void add_random(PacsIndex *index, unsigned *random)
{
    IndexedObject object;
    PacsIndexAdded added;
    const unsigned study = next_random(random) % 6;
    indexed_object_init(&object, study / 3 + next_random(random) % 2, study, next_random(random) % 3,
                        next_random(random) % 20);
    object.instance.size_bytes = 100 + next_random(random) % 1000;
    object.add.overwrite = (PacsOverwrite)(next_random(random) % 3);
    object.add.sha256[0] = (uint8_t)next_random(random);
    if (next_random(random) % 4 == 0) {
        object.add.has_inflated = true;
        object.add.inflated_key = object.add.key;
        object.add.inflated_key.bytes[0] = 0xFF;
        object.add.inflated_size_bytes = next_random(random);
    }
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
}

static PacsStatus keep_id(void *context, const PacsResource *resource, PacsError *err)
{
    (void)err;
    memcpy(context, resource->id, PACS_ORTHANC_ID_SIZE);
    return PACS_OK;
}

static void delete_random(PacsIndex *index, unsigned *random)
{
    const PacsLevel level = next_random(random) % 8 == 0 ? PACS_LEVEL_STUDY : PACS_LEVEL_INSTANCE;
    char id[PACS_ORTHANC_ID_SIZE] = "";
    assert_int_equal(pacs_index_list(index, level, next_random(random) % 20, 1, 0, keep_id, id, NULL),
                     PACS_OK);
    if (id[0])
        delete_it(index, level, id);
}

static void counters_hold_after_any_order_of_adding_and_deleting(void **state)
{
    PacsIndex *index = index_contract_index(state);
    unsigned random = 20261121;
    for (unsigned i = 0; i < 400; i++) {
        if (next_random(&random) % 3 != 0)
            add_random(index, &random);
        else
            delete_random(index, &random);
    }
    index_contract_expect_counters(index);
    char id[PACS_ORTHANC_ID_SIZE];
    for (;;) {
        id[0] = '\0';
        assert_int_equal(pacs_index_list(index, PACS_LEVEL_PATIENT, 0, 1, 0, keep_id, id, NULL), PACS_OK);
        if (!id[0])
            break;
        delete_it(index, PACS_LEVEL_PATIENT, id);
    }
    const PacsStatistics statistics = index_contract_statistics(index);
    assert_int_equal(statistics.studies + statistics.series + statistics.instances, 0);
    assert_int_equal(statistics.size_bytes, 0);
    assert_int_equal(statistics.uncompressed_bytes, 0);
}

const struct CMUnitTest index_contract_delete_tests[] = {
    INDEX_TEST(deleting_an_only_instance_deletes_its_ancestors),
    INDEX_TEST(the_nearest_ancestor_with_other_children_remains),
    INDEX_TEST(each_level_is_deleted_with_all_below_it),
    INDEX_TEST(deleting_what_is_not_there_is_not_found),
    INDEX_TEST(keys_of_what_was_deleted_are_garbage_until_forgotten),
    INDEX_TEST(changes_vanish_with_their_resource),
    INDEX_TEST(what_was_deleted_can_be_stored_again),
    INDEX_TEST(a_large_study_is_gone_at_once),
    INDEX_TEST(every_key_of_a_large_study_becomes_garbage),
    INDEX_TEST(an_instance_of_a_large_study_comes_again_while_rows_are_left),
    INDEX_TEST(counters_hold_after_any_order_of_adding_and_deleting),
};
const size_t index_contract_delete_count = sizeof index_contract_delete_tests /
                                           sizeof index_contract_delete_tests[0];
