#include "tests/contract/index_contract_internal.h"

#include <pthread.h>

static PacsIndexAdded add(PacsIndex *index, IndexedObject *object)
{
    PacsIndexAdded added;
    PacsError err = {0};
    if (pacs_index_add(index, &object->add, &added, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return added;
}

/* ---- One instance and its neighbours ---- */

static void an_added_instance_is_there_at_every_level(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++) {
        assert_true(added.is_new[level]);
        assert_true(index_contract_has(index, level, added.ids[level]));
    }
    assert_false(added.uid_collision);
    assert_false(added.study_uid_collision);
}

static void ids_are_those_of_orthanc(void **state)
{
    /* SHA-1 of "P1", "P1|1.2.840.1", "P1|1.2.840.1|1.2.840.1.1" and so on, by sha1sum. */
    const PacsIndexAdded added = index_contract_add(index_contract_index(state), 1, 1, 1, 1);
    assert_string_equal(added.ids[PACS_LEVEL_PATIENT], "bdaf1eca-33d4619e-80e8ca68-9a1b74a4-febbbb29");
    assert_string_equal(added.ids[PACS_LEVEL_STUDY], "a7d145ae-78b9bf08-830ec2b5-ef0f214a-8fc30f5a");
    assert_string_equal(added.ids[PACS_LEVEL_SERIES], "95deef51-fa17cd18-a49b1e78-c1a88e25-6a4e0a0b");
    assert_string_equal(added.ids[PACS_LEVEL_INSTANCE], "2cad3391-4d2d5b2b-3a953fa5-943cc503-3378d438");
}

static void only_what_was_missing_is_new(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsIndexAdded same_series = index_contract_add(index, 1, 1, 1, 2);
    const PacsIndexAdded same_study = index_contract_add(index, 1, 1, 2, 1);
    const PacsIndexAdded same_patient = index_contract_add(index, 1, 2, 1, 1);
    assert_false(same_series.is_new[PACS_LEVEL_SERIES]);
    assert_true(same_study.is_new[PACS_LEVEL_SERIES]);
    assert_false(same_study.is_new[PACS_LEVEL_STUDY]);
    assert_true(same_patient.is_new[PACS_LEVEL_STUDY]);
    assert_false(same_patient.is_new[PACS_LEVEL_PATIENT]);
    index_contract_expect_counters(index);
}

static void main_tags_are_those_of_the_first_instance(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    index_contract_add(index, 1, 1, 1, 1);
    indexed_object_init(&object, 1, 1, 1, 2);
    indexed_object_set(&object, PACS_LEVEL_STUDY, PACS_TAG_STUDY_DATE, "19990101");
    const PacsIndexAdded added = add(index, &object);
    const PacsResource *study = index_contract_find(index, arena, PACS_LEVEL_STUDY,
                                                    added.ids[PACS_LEVEL_STUDY]);
    for (size_t i = 0; i < study->tag_count; i++)
        if (study->tags[i].tag == PACS_TAG_STUDY_DATE)
            assert_string_equal(study->tags[i].value, "20261121");
}

static void what_was_added_outlives_a_restart(void **state)
{
    const PacsIndexAdded added = index_contract_add(index_contract_index(state), 1, 1, 1, 1);
    PacsIndex *index = index_contract_reopen(state);
    assert_true(index_contract_has(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE]));
    index_contract_add(index, 1, 1, 1, 2);
    index_contract_expect_counters(index);
}

static void a_missing_patient_id_counts_as_empty(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    indexed_object_init(&object, 1, 1, 1, 1);
    object.instance.patient_id = "";
    indexed_object_set(&object, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_ID, NULL);
    const PacsIndexAdded added = add(index, &object);
    assert_string_equal(added.ids[PACS_LEVEL_PATIENT], "da39a3ee-5e6b4b0d-3255bfef-95601890-afd80709");
}

static void an_instance_without_a_uid_is_refused_and_changes_nothing(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 1);
    object.instance.series_instance_uid = "";
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_INVALID);
    object.instance.series_instance_uid =
        "1.2345678901.2345678901.2345678901.2345678901.2345678901.234567890";
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_INVALID);
    assert_int_equal(index_contract_statistics(index).patients, 0);
}

/* ---- The same instance again ---- */

static void expect_key(PacsIndex *index, const char *instance, const PacsKey *key)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsStoredObject *object = NULL;
    assert_int_equal(pacs_index_find_object(index, instance, arena, &object, NULL), PACS_OK);
    assert_int_equal(pacs_key_compare(&object->key, key), 0);
}

/** Store instance 1 twice, the second time with another key and, if `changed`, other bytes. */
static PacsAddResult add_twice(PacsIndex *index, PacsOverwrite overwrite, bool changed,
                               bool *ret_second_stands)
{
    IndexedObject first;
    IndexedObject second;
    indexed_object_init(&first, 1, 1, 1, 1);
    indexed_object_init(&second, 1, 1, 1, 1);
    second.add.overwrite = overwrite;
    second.add.sha256[0] ^= changed ? 1 : 0;
    add(index, &first);
    const PacsIndexAdded added = add(index, &second);
    bool known = false;
    assert_int_equal(pacs_index_has_key(index, &second.add.key, &known, NULL), PACS_OK);
    expect_key(index, added.ids[PACS_LEVEL_INSTANCE], known ? &second.add.key : &first.add.key);
    *ret_second_stands = known;
    assert_int_equal(index_contract_statistics(index).instances, 1);
    index_contract_expect_counters(index);
    return added.result;
}

static void never_keeps_the_first_even_if_the_second_differs(void **state)
{
    bool replaced = true;
    assert_int_equal(add_twice(index_contract_index(state), PACS_OVERWRITE_NEVER, true, &replaced),
                     PACS_ADD_DUPLICATE);
    assert_false(replaced);
    assert_int_equal(index_contract_garbage(index_contract_index(state)), 0);
}

static void if_changed_keeps_the_first_when_the_bytes_are_the_same(void **state)
{
    bool replaced = true;
    assert_int_equal(add_twice(index_contract_index(state), PACS_OVERWRITE_IF_CHANGED, false, &replaced),
                     PACS_ADD_DUPLICATE);
    assert_false(replaced);
}

static void if_changed_replaces_when_the_bytes_differ(void **state)
{
    bool replaced = false;
    assert_int_equal(add_twice(index_contract_index(state), PACS_OVERWRITE_IF_CHANGED, true, &replaced),
                     PACS_ADD_REPLACED);
    assert_true(replaced);
}

static void always_replaces_and_the_old_key_is_garbage(void **state)
{
    bool replaced = false;
    assert_int_equal(add_twice(index_contract_index(state), PACS_OVERWRITE_ALWAYS, false, &replaced),
                     PACS_ADD_REPLACED);
    assert_true(replaced);
    assert_int_equal(index_contract_garbage(index_contract_index(state)), 1);
}

static void a_duplicate_logs_no_change(void **state)
{
    bool replaced = true;
    add_twice(index_contract_index(state), PACS_OVERWRITE_NEVER, true, &replaced);
    PACS_AUTO_FREE char *changes = index_contract_changes(index_contract_index(state));
    assert_string_equal(changes, "NewInstance NewSeries NewStudy NewPatient");
}

static void replacing_an_only_instance_logs_all_its_levels_anew(void **state)
{
    bool replaced = false; /* Orthanc deletes, which takes the ancestors along, and stores again */
    PacsIndex *index = index_contract_index(state);
    add_twice(index, PACS_OVERWRITE_ALWAYS, true, &replaced);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PACS_AUTO_FREE char *changes = index_contract_changes(index);
    assert_string_equal(changes, "NewInstance NewSeries NewStudy NewPatient");
    PacsChangePage page;
    const PacsChangeQuery query = {.since = -1, .to = -1, .limit = 10};
    assert_int_equal(pacs_index_read_changes(index, &query, arena, &page, NULL), PACS_OK);
    assert_int_equal(page.first_seq, 5);
}

static void replacing_one_of_several_logs_the_instance_alone(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    indexed_object_init(&object, 1, 1, 1, 1);
    object.add.overwrite = PACS_OVERWRITE_ALWAYS;
    const PacsIndexAdded added = add(index, &object);
    assert_int_equal(added.result, PACS_ADD_REPLACED);
    assert_false(added.is_new[PACS_LEVEL_SERIES]);
    PACS_AUTO_FREE char *changes = index_contract_changes(index);
    assert_string_equal(changes, "NewSeries NewStudy NewPatient NewInstance NewInstance");
    index_contract_expect_counters(index);
}

static void a_replaced_instance_sends_no_event_of_deletion(void **state)
{
    bool replaced = false;
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsOutboxEvent *events = NULL;
    add_twice(index, PACS_OVERWRITE_ALWAYS, true, &replaced);
    assert_int_equal(index_contract_events(index, arena, &events), 1);
    assert_string_equal(events[0].type, "study.received");
}

/* ---- Collisions ---- */

static void an_instance_uid_under_another_patient_is_kept_and_reported(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    indexed_object_init(&object, 2, 7, 1, 1);
    object.instance.sop_instance_uid = "1.2.840.1.1.1";
    const PacsIndexAdded second = add(index, &object);
    assert_true(second.uid_collision);
    assert_string_not_equal(first.ids[PACS_LEVEL_INSTANCE], second.ids[PACS_LEVEL_INSTANCE]);
    assert_true(index_contract_has(index, PACS_LEVEL_INSTANCE, first.ids[PACS_LEVEL_INSTANCE]));
    assert_true(index_contract_has(index, PACS_LEVEL_INSTANCE, second.ids[PACS_LEVEL_INSTANCE]));
}

static void a_study_uid_under_two_patients_is_kept_twice_and_reported(void **state)
{
    PacsIndex *index = index_contract_index(state);
    assert_false(index_contract_add(index, 1, 1, 1, 1).study_uid_collision);
    assert_true(index_contract_add(index, 2, 1, 2, 2).study_uid_collision);
    assert_true(index_contract_add(index, 1, 1, 1, 3).study_uid_collision);
    assert_int_equal(index_contract_statistics(index).studies, 2);
}

/* ---- Series that say how many instances they have ---- */

static PacsIndexAdded add_expecting(PacsIndex *index, unsigned instance, PacsTag tag, const char *value,
                                    PacsTag tag2, const char *value2)
{
    IndexedObject object;
    indexed_object_init(&object, 1, 1, 1, instance);
    indexed_object_set(&object, PACS_LEVEL_SERIES, tag, value);
    indexed_object_set(&object, PACS_LEVEL_SERIES, tag2, value2);
    return add(index, &object);
}

static bool is_completed(PacsIndex *index)
{
    PACS_AUTO_FREE char *changes = index_contract_changes(index);
    return strstr(changes, "CompletedSeries") != NULL;
}

static void a_series_with_all_expected_instances_is_completed(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_expecting(index, 2, PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2", PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2");
    assert_false(is_completed(index));
    add_expecting(index, 1, PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2", PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2");
    assert_true(is_completed(index));
}

static void a_series_with_a_gap_in_its_numbers_is_not_completed(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_expecting(index, 1, PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2", PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2");
    add_expecting(index, 3, PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2", PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "2");
    assert_false(is_completed(index));
}

static int64_t expected_by(PacsIndex *index, PacsTag tag, const char *value, PacsTag tag2, const char *value2)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = add_expecting(index, 1, tag, value, tag2, value2);
    return index_contract_find(index, arena, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES])
        ->expected_instances;
}

static void images_by_temporal_positions_are_expected(void **state)
{
    assert_int_equal(expected_by(index_contract_index(state), PACS_TAG_IMAGES_IN_ACQUISITION, "20",
                                 PACS_TAG_NUMBER_OF_TEMPORAL_POSITIONS, " 3 "),
                     60);
}

static void slices_by_time_slices_are_expected(void **state)
{
    assert_int_equal(expected_by(index_contract_index(state), PACS_TAG_NUMBER_OF_SLICES, "30",
                                 PACS_TAG_NUMBER_OF_TIME_SLICES, "4"),
                     120);
}

static void half_a_pair_or_no_positive_number_leaves_it_unknown(void **state)
{
    assert_int_equal(expected_by(index_contract_index(state), PACS_TAG_IMAGES_IN_ACQUISITION, "20",
                                 PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "0"),
                     -1);
}

/* ---- Many at once ---- */

#define THREADS 8
#define EACH 25

typedef struct Adder {
    PacsIndex *index;
    unsigned number;
    unsigned failures;
} Adder;

static void *add_many(void *argument)
{
    Adder *adder = argument;
    for (unsigned i = 1; i <= EACH; i++) {
        IndexedObject object;
        PacsIndexAdded added;
        /* Patients and studies are shared, series half of the time: what races must not be made twice. */
        indexed_object_init(&object, adder->number % 2, adder->number % 2, i % 3, adder->number * 1000 + i);
        adder->failures += pacs_index_add(adder->index, &object.add, &added, NULL) != PACS_OK;
    }
    return NULL;
}

static void eight_threads_add_without_losing_or_doubling_anything(void **state)
{
    PacsIndex *index = index_contract_index(state);
    pthread_t threads[THREADS];
    Adder adders[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        adders[i] = (Adder){.index = index, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &adders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(adders[i].failures, 0);
    }
    const PacsStatistics statistics = index_contract_statistics(index);
    assert_int_equal(statistics.patients, 2);
    assert_int_equal(statistics.studies, 2);
    assert_int_equal(statistics.series, 6);
    assert_int_equal(statistics.instances, THREADS * EACH);
    index_contract_expect_counters(index);
}

const struct CMUnitTest index_contract_add_tests[] = {
    INDEX_TEST(an_added_instance_is_there_at_every_level),
    INDEX_TEST(ids_are_those_of_orthanc),
    INDEX_TEST(only_what_was_missing_is_new),
    INDEX_TEST(main_tags_are_those_of_the_first_instance),
    INDEX_TEST(what_was_added_outlives_a_restart),
    INDEX_TEST(a_missing_patient_id_counts_as_empty),
    INDEX_TEST(an_instance_without_a_uid_is_refused_and_changes_nothing),
    INDEX_TEST(never_keeps_the_first_even_if_the_second_differs),
    INDEX_TEST(if_changed_keeps_the_first_when_the_bytes_are_the_same),
    INDEX_TEST(if_changed_replaces_when_the_bytes_differ),
    INDEX_TEST(always_replaces_and_the_old_key_is_garbage),
    INDEX_TEST(a_duplicate_logs_no_change),
    INDEX_TEST(replacing_an_only_instance_logs_all_its_levels_anew),
    INDEX_TEST(replacing_one_of_several_logs_the_instance_alone),
    INDEX_TEST(a_replaced_instance_sends_no_event_of_deletion),
    INDEX_TEST(an_instance_uid_under_another_patient_is_kept_and_reported),
    INDEX_TEST(a_study_uid_under_two_patients_is_kept_twice_and_reported),
    INDEX_TEST(a_series_with_all_expected_instances_is_completed),
    INDEX_TEST(a_series_with_a_gap_in_its_numbers_is_not_completed),
    INDEX_TEST(images_by_temporal_positions_are_expected),
    INDEX_TEST(slices_by_time_slices_are_expected),
    INDEX_TEST(half_a_pair_or_no_positive_number_leaves_it_unknown),
    INDEX_TEST(eight_threads_add_without_losing_or_doubling_anything),
};
const size_t index_contract_add_count = sizeof index_contract_add_tests / sizeof index_contract_add_tests[0];
