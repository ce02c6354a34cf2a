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

/* ---- Lanes and traces ---- */

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define OTHER_TRACE "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static PacsIndexAdded add_in(PacsIndex *index, unsigned series, unsigned instance, const char *lane,
                             const char *traceparent)
{
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, series, instance);
    object.add.lane = lane;
    object.add.traceparent = traceparent;
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    return added;
}

static void a_study_stays_in_the_lane_of_its_first_instance(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = add_in(index, 1, 1, "vip", NULL);
    Told received = told(index);
    assert_string_equal(received.last.lane, "vip");
    assert_string_equal(text_of(&received, "lane"), "vip");
    forget(&received);
    (void)add_in(index, 1, 2, "svip1", NULL);
    index_contract_stabilise(index);
    Told arrived = told(index);
    assert_string_equal(arrived.last.lane, "vip");
    forget(&arrived);
    index_contract_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    (void)add_in(index, 1, 3, NULL, NULL);
    Told again = told(index);
    assert_int_equal(again.count, 2); /* deleted, received */
    assert_string_equal(again.last.lane, "vip");
    forget(&again);
}

static void without_a_lane_a_study_goes_the_usual_way(void **state)
{
    PacsIndex *index = index_contract_index(state);
    (void)add_in(index, 1, 1, NULL, NULL);
    Told received = told(index);
    assert_string_equal(received.last.lane, "normal");
    assert_null(received.last.traceparent);
    forget(&received);
}

static void events_go_on_with_the_trace_of_what_came_last(void **state)
{
    PacsIndex *index = index_contract_index(state);
    (void)add_in(index, 1, 1, NULL, TRACE);
    Told received = told(index);
    assert_string_equal(received.last.traceparent, TRACE);
    forget(&received);
    index_contract_stabilise(index);
    Told arrived = told(index);
    assert_string_equal(arrived.last.traceparent, TRACE);
    forget(&arrived);
    (void)add_in(index, 1, 2, NULL, OTHER_TRACE);
    (void)add_in(index, 2, 1, NULL, NULL); /* of no trace: the last one stays */
    index_contract_stabilise(index);
    Told updated = told(index);
    assert_string_equal(updated.last.traceparent, OTHER_TRACE);
    forget(&updated);
}

/* ---- Somebody says that a study is there ---- */

static void arrive(PacsIndex *index, const PacsIndexAdded *added)
{
    PacsError err = {0};
    if (pacs_index_arrive(index, added->ids[PACS_LEVEL_STUDY], "explicit", &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static void a_study_arrives_when_somebody_says_so(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    discard(index);
    arrive(index, &added);
    Told arrived = told(index);
    assert_int_equal(arrived.count, 1);
    assert_string_equal(arrived.last.type, "study.arrived");
    assert_string_equal(text_of(&arrived, "stableReason"), "explicit");
    assert_int_equal(strlen(text_of(&arrived, "manifestSha256")), 64);
    forget(&arrived);
    PACS_AUTO_FREE char *changes = index_contract_changes(index);
    assert_string_equal(changes, "NewInstance NewSeries NewStudy NewPatient StableSeries StableStudy");
}

static void a_study_that_has_arrived_does_not_arrive_again(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    arrive(index, &added);
    discard(index);
    arrive(index, &added);
    index_contract_stabilise(index); /* the patient alone is left to be */
    Told nothing = told(index);
    assert_int_equal(nothing.count, 0);
    forget(&nothing);
}

static void what_came_after_the_arrival_is_an_update(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    arrive(index, &added);
    discard(index);
    (void)index_contract_add(index, 1, 1, 2, 1);
    arrive(index, &added);
    Told updated = told(index);
    assert_int_equal(updated.count, 1);
    assert_string_equal(updated.last.type, "study.updated");
    assert_string_equal(text_of(&updated, "reason"), "instances-added");
    assert_int_equal(json_array_size(json_object_get(updated.data, "changedSeries")), 1);
    forget(&updated);
    (void)index_contract_add(index, 1, 1, 2, 2);
    index_contract_stabilise(index);
    Told again = told(index);
    assert_int_equal(again.count, 1);
    forget(&again);
}

static void what_is_not_there_cannot_arrive(void **state)
{
    PacsIndex *index = index_contract_index(state);
    assert_int_equal(
        pacs_index_arrive(index, "00000000-00000000-00000000-00000000-00000000", "explicit", NULL),
        PACS_NOT_FOUND);
    assert_int_equal(pacs_index_arrive(index, "nonsense", "explicit", NULL), PACS_NOT_FOUND);
}

/* ---- Facts beside the main tags ---- */

static void events_name_the_issuer_and_the_referring_physicians_id(void **state)
{
    static const char json[] =
        "{\"00080051\":{\"vr\":\"SQ\",\"Value\":[{\"00400031\":{\"vr\":\"UT\",\"Value\":[\"HOSPITAL\"]}}]},"
        "\"00080090\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Canary^Name\"}]},"
        "\"00080096\":{\"vr\":\"SQ\",\"Value\":[{\"00401101\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\","
        "\"Value\":[\"D-4711\"]}}]}}]}}";
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(4096);
    IndexedObject object;
    PacsIndexAdded added;
    assert_true(pacs_buffer_add_text(&text, json));
    indexed_object_init(&object, 1, 1, 1, 1);
    object.instance.json = &text;
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    Told received = told(index);
    assert_string_equal(text_of(&received, "accessionIssuer"), "HOSPITAL");
    assert_string_equal(text_of(&received, "referringPhysicianRef"), "D-4711");
    assert_null(strstr(received.last.data, "Canary"));
    forget(&received);
}

static void what_the_operator_names_of_a_patient_is_in_events(void **state)
{
    static const char *const names[] = {"patientName", "birthDate", "studyDescription"};
    PacsPhiFields fields = 0;
    assert_int_equal(pacs_phi_fields_parse(names, 3, &fields, NULL), PACS_OK);
    PacsIndex *index = index_contract_reopen_with(state, fields);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_stabilise(index);
    Told arrived = told(index);
    assert_string_equal(text_of(&arrived, "patientName"), "Nguyễn^Văn1");
    assert_string_equal(text_of(&arrived, "birthDate"), "19700102");
    assert_string_equal(text_of(&arrived, "studyDescription"), "Thorax of somebody");
    assert_null(text_of(&arrived, "patientId"));
    assert_null(strstr(arrived.last.data, "ller"));
    forget(&arrived);
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
    INDEX_TEST(a_study_stays_in_the_lane_of_its_first_instance),
    INDEX_TEST(without_a_lane_a_study_goes_the_usual_way),
    INDEX_TEST(events_go_on_with_the_trace_of_what_came_last),
    INDEX_TEST(a_study_arrives_when_somebody_says_so),
    INDEX_TEST(a_study_that_has_arrived_does_not_arrive_again),
    INDEX_TEST(what_came_after_the_arrival_is_an_update),
    INDEX_TEST(what_is_not_there_cannot_arrive),
    INDEX_TEST(events_name_the_issuer_and_the_referring_physicians_id),
    INDEX_TEST(what_the_operator_names_of_a_patient_is_in_events),
};
const size_t index_contract_event_count = sizeof index_contract_event_tests /
                                          sizeof index_contract_event_tests[0];
