#include "tests/contract/index_contract_internal.h"

#include <jansson.h>

#include "pacs/util/hash.h"
#include "pacs/util/text.h"

/* Stability, and what is told of a study. */

/** The newest unsent event, parsed; all are marked sent, so that the next call sees the next ones. */
typedef struct Told {
    size_t count; /* of events since the last call */
    PacsArena *arena;
    PacsOutboxEvent last;
    json_t *data;
} Told;

static Told told(PacsIndex *index)
{
    Told told = {.arena = pacs_arena_new(INDEX_CONTRACT_ARENA)};
    PacsOutboxEvent *events = NULL;
    told.count = index_contract_events(index, told.arena, &events);
    for (size_t i = 0; i < told.count; i++)
        assert_int_equal(pacs_index_mark_sent(index, NULL, &events[i].id, 1, NULL), PACS_OK);
    if (told.count > 0) {
        told.last = events[told.count - 1];
        told.data = json_loads(told.last.data, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(told.data);
    }
    return told;
}

static void forget(Told *told)
{
    json_decref(told->data);
    pacs_arena_free(told->arena);
}

static const char *text_of(const Told *told, const char *key)
{
    return json_string_value(json_object_get(told->data, key));
}

static json_int_t number_of(const Told *told, const char *key)
{
    return json_integer_value(json_object_get(told->data, key));
}

static void discard(PacsIndex *index)
{
    Told all = told(index);
    forget(&all);
}

/* ---- Stability ---- */

static uint32_t stabilise(PacsIndex *index, int64_t before_ms, uint32_t limit)
{
    uint32_t count = 0;
    assert_int_equal(pacs_index_stabilise(index, before_ms, limit, &count, NULL), PACS_OK);
    return count;
}

static void what_is_old_enough_becomes_stable_at_three_levels(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    assert_int_equal(stabilise(index, INT64_MAX, 100), 3);
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_SERIES; level++)
        assert_true(index_contract_find(index, arena, level, added.ids[level])->is_stable);
    PACS_AUTO_FREE char *changes = index_contract_changes(index);
    assert_string_equal(changes,
                        "NewInstance NewSeries NewStudy NewPatient StableSeries StableStudy StablePatient");
    assert_int_equal(stabilise(index, INT64_MAX, 100), 0);
}

static void what_something_was_added_to_since_stays_unstable(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 1);
    object.add.received_ms = 5000;
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    assert_int_equal(stabilise(index, 5000, 100), 0);
    assert_int_equal(stabilise(index, 5001, 100), 3);
}

static void a_call_stabilises_no_more_than_its_limit(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (unsigned i = 0; i < 3; i++)
        index_contract_add(index, i, i, 1, 1);
    assert_int_equal(stabilise(index, INT64_MAX, 4), 4);
    assert_int_equal(stabilise(index, INT64_MAX, 100), 5);
}

static void a_new_instance_makes_its_ancestors_unstable_again(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsIndexAdded other = index_contract_add(index, 1, 1, 2, 1);
    index_contract_stabilise(index);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 2);
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_SERIES; level++)
        assert_false(index_contract_find(index, arena, level, added.ids[level])->is_stable);
    assert_true(
        index_contract_find(index, arena, PACS_LEVEL_SERIES, other.ids[PACS_LEVEL_SERIES])->is_stable);
    assert_int_equal(stabilise(index, INT64_MAX, 100), 3);
}

/* ---- Events ---- */

static void the_first_instance_of_a_study_tells_that_it_is_received(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    Told first = told(index);
    assert_int_equal(first.count, 1);
    assert_string_equal(first.last.type, "study.received");
    assert_string_equal(first.last.key, "1.2.840.1");
    assert_int_equal(first.last.revision, 1);
    assert_int_equal(strlen(first.last.ce_id), 36);
    assert_int_equal(first.last.ce_id[14], '7');
    assert_string_equal(text_of(&first, "studyInstanceUid"), "1.2.840.1");
    assert_string_equal(text_of(&first, "accessionNumber"), "A123");
    assert_string_equal(text_of(&first, "callingAet"), "CT_ROOM");
    assert_string_equal(text_of(&first, "calledAet"), "LIGHTBOX");
    assert_string_equal(text_of(&first, "modality"), "CT");
    assert_int_equal(number_of(&first, "changeSeq"), 4);
    json_t *ids = json_array_get(json_object_get(first.data, "orthancIds"), 0);
    assert_string_equal(json_string_value(json_object_get(ids, "study")), added.ids[PACS_LEVEL_STUDY]);
    assert_string_equal(json_string_value(json_object_get(ids, "patient")), added.ids[PACS_LEVEL_PATIENT]);
    forget(&first);
    index_contract_add(index, 1, 1, 2, 1);
    Told second = told(index);
    assert_int_equal(second.count, 0);
    forget(&second);
}

static void a_stable_study_tells_that_it_has_arrived(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    index_contract_add(index, 1, 1, 2, 3);
    discard(index);
    index_contract_stabilise(index);
    Told arrived = told(index);
    assert_int_equal(arrived.count, 1);
    assert_string_equal(arrived.last.type, "study.arrived");
    assert_int_equal(arrived.last.revision, 2);
    assert_int_equal(number_of(&arrived, "revision"), 2);
    assert_int_equal(number_of(&arrived, "instancesCount"), 3);
    assert_int_equal(number_of(&arrived, "seriesCount"), 2);
    assert_int_equal(number_of(&arrived, "sizeBytes"), 3000);
    assert_string_equal(text_of(&arrived, "studyDate"), "20261121");
    assert_string_equal(text_of(&arrived, "bodyPart"), "CHEST");
    assert_string_equal(text_of(&arrived, "instanceAvailability"), "ONLINE");
    json_t *series = json_array_get(json_object_get(arrived.data, "series"), 0);
    assert_string_equal(json_string_value(json_object_get(series, "uid")), "1.2.840.1.1");
    assert_int_equal(json_integer_value(json_object_get(series, "instances")), 2);
    assert_int_equal(json_array_size(json_object_get(arrived.data, "modalitiesInStudy")), 1);
    assert_int_equal(json_array_size(json_object_get(arrived.data, "sopClassesInStudy")), 1);
    forget(&arrived);
}

static void a_manifest_is_the_digest_of_uids_and_digests(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 2);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_stabilise(index);
    Told arrived = told(index);
    char lines[512];
    uint8_t digest[PACS_SHA256_SIZE];
    char hex[2 * PACS_SHA256_SIZE + 1];
    PACS_AUTO(PacsSha256) hash = NULL;
    const int size = snprintf(lines, sizeof lines, "1.2.840.1.1.1 %s\n1.2.840.1.1.2 %s\n",
                              "0101010101010101010101010101010101010101010101010101010101010101",
                              "0202020202020202020202020202020202020202020202020202020202020202");
    assert_int_equal(pacs_sha256_new(&hash, NULL), PACS_OK);
    assert_int_equal(pacs_sha256_add(hash, lines, (size_t)size, NULL), PACS_OK);
    assert_int_equal(pacs_sha256_finish(hash, digest, NULL), PACS_OK);
    pacs_hex_format(digest, sizeof digest, hex);
    assert_string_equal(text_of(&arrived, "manifestSha256"), hex);
    forget(&arrived);
}

static void late_instances_tell_that_the_study_is_updated(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 2, 1);
    index_contract_stabilise(index);
    discard(index);
    index_contract_add(index, 1, 1, 2, 2);
    index_contract_stabilise(index);
    Told updated = told(index);
    assert_int_equal(updated.count, 1);
    assert_string_equal(updated.last.type, "study.updated");
    assert_string_equal(text_of(&updated, "reason"), "instances-added");
    assert_int_equal(number_of(&updated, "revision"), 3);
    assert_int_equal(number_of(&updated, "previousRevision"), 2);
    json_t *changed = json_object_get(updated.data, "changedSeries");
    assert_int_equal(json_array_size(changed), 1);
    assert_string_equal(json_string_value(json_array_get(changed, 0)), "1.2.840.1.2");
    forget(&updated);
}

static void a_deleted_study_is_told_of_with_its_last_counts(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 2, 1);
    discard(index);
    index_contract_delete(index, PACS_LEVEL_PATIENT, added.ids[PACS_LEVEL_PATIENT]);
    Told deleted = told(index);
    assert_int_equal(deleted.count, 1);
    assert_string_equal(deleted.last.type, "study.deleted");
    assert_int_equal(number_of(&deleted, "instancesCount"), 2);
    assert_int_equal(number_of(&deleted, "seriesCount"), 2);
    assert_string_equal(text_of(&deleted, "instanceAvailability"), "UNAVAILABLE");
    forget(&deleted);
}

static void a_study_that_lost_instances_is_updated(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 2, 1);
    discard(index);
    index_contract_delete(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE]);
    Told updated = told(index);
    assert_string_equal(updated.last.type, "study.updated");
    assert_string_equal(text_of(&updated, "reason"), "instances-deleted");
    assert_int_equal(number_of(&updated, "instancesCount"), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(updated.data, "changedSeries"), 0)),
                        "1.2.840.1.2");
    forget(&updated);
}

static void revisions_go_on_when_a_deleted_study_comes_again(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    index_contract_stabilise(index);
    index_contract_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    discard(index);
    index_contract_add(index, 1, 1, 1, 1);
    Told received = told(index);
    assert_string_equal(received.last.type, "study.received");
    assert_int_equal(received.last.revision, 4);
    forget(&received);
    index_contract_stabilise(index);
    Told arrived = told(index);
    assert_string_equal(arrived.last.type, "study.arrived");
    forget(&arrived);
}

static void a_study_uid_of_two_patients_is_told_of_once_with_both(void **state)
{
    PacsIndex *index = index_contract_index(state);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsIndexAdded second = index_contract_add(index, 2, 1, 2, 2);
    discard(index);
    index_contract_stabilise(index);
    Told arrived = told(index);
    assert_int_equal(arrived.count, 1);
    assert_string_equal(arrived.last.type, "study.arrived");
    assert_int_equal(json_array_size(json_object_get(arrived.data, "orthancIds")), 2);
    assert_int_equal(json_array_size(json_object_get(arrived.data, "series")), 2);
    assert_int_equal(number_of(&arrived, "instancesCount"), 2);
    forget(&arrived);
    index_contract_delete(index, PACS_LEVEL_PATIENT, second.ids[PACS_LEVEL_PATIENT]);
    Told updated = told(index);
    assert_string_equal(updated.last.type, "study.updated");
    assert_int_equal(json_array_size(json_object_get(updated.data, "orthancIds")), 1);
    forget(&updated);
}

static void add_at(PacsIndex *index, unsigned patient, unsigned instance, int64_t received_ms)
{
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, patient, 1, instance, instance);
    object.add.received_ms = received_ms;
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
}

static void a_study_uid_arrives_when_the_last_of_its_patients_is_stable(void **state)
{
    PacsIndex *index = index_contract_index(state);
    add_at(index, 1, 1, 1000);
    add_at(index, 2, 2, 2000);
    discard(index);
    assert_int_equal(stabilise(index, 1500, 100), 3);
    Told early = told(index);
    assert_int_equal(early.count, 0);
    forget(&early);
    assert_int_equal(stabilise(index, 2500, 100), 3);
    Told arrived = told(index);
    assert_int_equal(arrived.count, 1);
    assert_int_equal(number_of(&arrived, "instancesCount"), 2);
    forget(&arrived);
}

static void events_say_nothing_of_who_the_patient_is(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 4711, 1, 1, 1);
    index_contract_add(index, 4711, 1, 1, 2);
    index_contract_stabilise(index);
    index_contract_delete(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE]);
    index_contract_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsOutboxEvent *events = NULL;
    assert_int_equal(index_contract_events(index, arena, &events), 4);
    static const char *const secrets[] = {"Nguy", "4711", "19700102", "Thorax", "ller"};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < sizeof secrets / sizeof secrets[0]; j++)
            assert_null(strstr(events[i].data, secrets[j]));
}

static void a_patient_has_one_reference_that_others_do_not_have(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsOutboxEvent *events = NULL;
    index_contract_add(index, 1, 1, 1, 1);
    index = index_contract_reopen(state);
    index_contract_add(index, 1, 2, 1, 1);
    index_contract_add(index, 2, 3, 1, 1);
    assert_int_equal(index_contract_events(index, arena, &events), 3);
    char refs[3][65];
    for (size_t i = 0; i < 3; i++) {
        json_t *data = json_loads(events[i].data, 0, NULL);
        const char *ref = json_string_value(json_object_get(data, "patientRef"));
        assert_int_equal(strlen(ref), 64);
        memcpy(refs[i], ref, sizeof refs[i]);
        json_decref(data);
    }
    assert_string_equal(refs[0], refs[1]);
    assert_string_not_equal(refs[0], refs[2]);
}

const struct CMUnitTest index_contract_event_tests[] = {
    INDEX_TEST(what_is_old_enough_becomes_stable_at_three_levels),
    INDEX_TEST(what_something_was_added_to_since_stays_unstable),
    INDEX_TEST(a_call_stabilises_no_more_than_its_limit),
    INDEX_TEST(a_new_instance_makes_its_ancestors_unstable_again),
    INDEX_TEST(the_first_instance_of_a_study_tells_that_it_is_received),
    INDEX_TEST(a_stable_study_tells_that_it_has_arrived),
    INDEX_TEST(a_manifest_is_the_digest_of_uids_and_digests),
    INDEX_TEST(late_instances_tell_that_the_study_is_updated),
    INDEX_TEST(a_deleted_study_is_told_of_with_its_last_counts),
    INDEX_TEST(a_study_that_lost_instances_is_updated),
    INDEX_TEST(revisions_go_on_when_a_deleted_study_comes_again),
    INDEX_TEST(a_study_uid_of_two_patients_is_told_of_once_with_both),
    INDEX_TEST(a_study_uid_arrives_when_the_last_of_its_patients_is_stable),
    INDEX_TEST(events_say_nothing_of_who_the_patient_is),
    INDEX_TEST(a_patient_has_one_reference_that_others_do_not_have),
};
const size_t index_contract_event_count = sizeof index_contract_event_tests /
                                          sizeof index_contract_event_tests[0];
