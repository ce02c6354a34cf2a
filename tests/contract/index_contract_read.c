#include "tests/contract/index_contract_internal.h"

/* ---- Single resources ---- */

static const char *tag_of(const PacsTagValue *tags, size_t count, PacsTag tag)
{
    for (size_t i = 0; i < count; i++)
        if (tags[i].tag == tag)
            return tags[i].value;
    return "";
}

static void a_study_comes_with_its_tags_and_its_patients(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    const PacsResource *study = index_contract_find(index, arena, PACS_LEVEL_STUDY,
                                                    added.ids[PACS_LEVEL_STUDY]);
    assert_string_equal(study->id, added.ids[PACS_LEVEL_STUDY]);
    assert_string_equal(study->parent_id, added.ids[PACS_LEVEL_PATIENT]);
    assert_string_equal(tag_of(study->tags, study->tag_count, PACS_TAG_ACCESSION_NUMBER), "A123");
    assert_string_equal(tag_of(study->patient_tags, study->patient_tag_count, PACS_TAG_PATIENT_NAME),
                        "Nguyễn^Văn1");
    assert_false(study->is_stable);
    assert_int_equal(study->size_bytes, 1000);
    assert_int_equal(study->label_count, 0);
}

static void a_study_keeps_the_patients_name_it_came_with(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded later;
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    indexed_object_init(&object, 1, 2, 1, 1);
    indexed_object_set(&object, PACS_LEVEL_PATIENT, PACS_TAG_PATIENT_NAME, "Married^Name");
    assert_int_equal(pacs_index_add(index, &object.add, &later, NULL), PACS_OK);

    const PacsResource *study = index_contract_find(index, arena, PACS_LEVEL_STUDY,
                                                    later.ids[PACS_LEVEL_STUDY]);
    assert_string_equal(study->parent_id, first.ids[PACS_LEVEL_PATIENT]);
    assert_string_equal(tag_of(study->patient_tags, study->patient_tag_count, PACS_TAG_PATIENT_NAME),
                        "Married^Name");
    const PacsResource *patient = index_contract_find(index, arena, PACS_LEVEL_PATIENT, study->parent_id);
    assert_string_equal(tag_of(patient->tags, patient->tag_count, PACS_TAG_PATIENT_NAME), "Nguyễn^Văn1");
}

static void an_instance_has_a_number_and_no_children(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 17);
    const PacsResource *instance = index_contract_find(index, arena, PACS_LEVEL_INSTANCE,
                                                       added.ids[PACS_LEVEL_INSTANCE]);
    assert_int_equal(instance->index_in_series, 17);
    assert_int_equal(instance->instance_count, 1);
    assert_int_equal(instance->child_count, 0);
    assert_true(instance->is_stable);
    assert_string_equal(instance->parent_id, added.ids[PACS_LEVEL_SERIES]);
}

static void children_come_in_the_order_of_their_arrival(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    char expected[3][PACS_ORTHANC_ID_SIZE];
    const unsigned order[] = {5, 1, 3};
    PacsIndexAdded added;
    for (size_t i = 0; i < 3; i++) {
        added = index_contract_add(index, 1, 1, 1, order[i]);
        memcpy(expected[i], added.ids[PACS_LEVEL_INSTANCE], sizeof expected[i]);
    }
    const PacsResource *series = index_contract_find(index, arena, PACS_LEVEL_SERIES,
                                                     added.ids[PACS_LEVEL_SERIES]);
    assert_int_equal(series->child_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(series->child_ids[i], expected[i]);
}

static void parts_that_are_not_asked_for_are_left_out(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    PacsResource *study = NULL;
    assert_int_equal(
        pacs_index_find(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY], 0, arena, &study, NULL),
        PACS_OK);
    assert_null(study->child_ids);
    assert_int_equal(study->tag_count, 0);
    assert_int_equal(study->child_count, 1);
}

static void an_id_of_another_level_or_no_id_is_not_found(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    assert_false(index_contract_has(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_SERIES]));
    assert_false(index_contract_has(index, PACS_LEVEL_STUDY, "nonsense"));
    assert_false(index_contract_has(index, PACS_LEVEL_STUDY, "00000000-00000000-00000000-00000000-00000000"));
}

static void the_level_of_an_id_is_found(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++) {
        PacsLevel found;
        assert_int_equal(pacs_index_find_level(index, added.ids[level], &found, NULL), PACS_OK);
        assert_int_equal(found, level);
    }
    PacsLevel found;
    assert_int_equal(pacs_index_find_level(index, "x", &found, NULL), PACS_NOT_FOUND);
}

static void ancestors_are_found_at_every_higher_level(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    char id[PACS_ORTHANC_ID_SIZE];
    for (PacsLevel above = PACS_LEVEL_PATIENT; above < PACS_LEVEL_INSTANCE; above++) {
        assert_int_equal(pacs_index_find_ancestor(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE],
                                                  above, id, NULL),
                         PACS_OK);
        assert_string_equal(id, added.ids[above]);
    }
    assert_int_equal(pacs_index_find_ancestor(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY],
                                              PACS_LEVEL_SERIES, id, NULL),
                     PACS_INVALID);
}

/* ---- The object and its parts ---- */

static void a_stored_object_is_described_as_it_was_added(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded added;
    PacsStoredObject *stored = NULL;
    indexed_object_init(&object, 1, 1, 1, 1);
    object.add.has_inflated = true;
    object.add.inflated_size_bytes = 77;
    memset(object.add.inflated_key.bytes, 0xEE, sizeof object.add.inflated_key.bytes);
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    assert_int_equal(pacs_index_find_object(index, added.ids[PACS_LEVEL_INSTANCE], arena, &stored, NULL),
                     PACS_OK);
    assert_int_equal(pacs_key_compare(&stored->key, &object.add.key), 0);
    assert_true(stored->has_inflated);
    assert_int_equal(pacs_key_compare(&stored->inflated_key, &object.add.inflated_key), 0);
    assert_int_equal(stored->inflated_size_bytes, 77);
    assert_int_equal(stored->size_bytes, 1000);
    assert_memory_equal(stored->sha256, object.add.sha256, sizeof stored->sha256);
    assert_int_equal(stored->dataset_offset, 300);
    assert_int_equal(stored->pixel_data_offset, 900);
    assert_int_equal(stored->pixel_data_tag, PACS_TAG_PIXEL_DATA);
    assert_string_equal(stored->sop_instance_uid, "1.2.840.1.1.1");
    assert_string_equal(stored->sop_class_uid, "1.2.840.10008.5.1.4.1.1.2");
    assert_string_equal(stored->transfer_syntax_uid, "1.2.840.10008.1.2.1");
    assert_int_equal(index_contract_statistics(index).size_bytes, 1077);
    assert_int_equal(index_contract_statistics(index).uncompressed_bytes, 1000);
}

static void an_object_is_found_by_uids_with_its_ready_made_parts(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded added;
    PacsStoredObject *stored = NULL, *by_id = NULL;
    PacsInstanceBlobs blobs;
    (void)index_contract_add(index, 1, 1, 1, 1);
    indexed_object_init(&object, 1, 1, 1, 2);
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    const PacsUidPath path = {.study_uid = object.instance.study_instance_uid,
                              .series_uid = object.instance.series_instance_uid,
                              .sop_instance_uid = object.instance.sop_instance_uid};
    assert_int_equal(pacs_index_find_object_at(index, &path, PACS_BLOB_JSON, arena, &stored, &blobs, NULL),
                     PACS_OK);
    assert_int_equal(pacs_index_find_object(index, added.ids[PACS_LEVEL_INSTANCE], arena, &by_id, NULL),
                     PACS_OK);
    assert_int_equal(pacs_key_compare(&stored->key, &by_id->key), 0);
    assert_string_equal(stored->sop_instance_uid, path.sop_instance_uid);
    assert_string_equal(stored->transfer_syntax_uid, by_id->transfer_syntax_uid);
    assert_int_equal(blobs.json_deflate_size, strlen("compressed 1.2.840.1.1.2"));
    assert_null(blobs.frame_table);

    PacsUidPath elsewhere = path;
    elsewhere.series_uid = "1.2.840.9";
    assert_int_equal(pacs_index_find_object_at(index, &elsewhere, 0, arena, &stored, &blobs, NULL),
                     PACS_NOT_FOUND);
}

static void ready_made_parts_come_back_when_they_are_asked_for(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    const char *id = added.ids[PACS_LEVEL_INSTANCE];
    PacsInstanceBlobs blobs;
    assert_int_equal(pacs_index_find_blobs(index, id, PACS_BLOB_JSON, arena, &blobs, NULL), PACS_OK);
    assert_int_equal(blobs.json_deflate_size, strlen("compressed 1.2.840.1.1.1"));
    assert_memory_equal(blobs.json_deflate, "compressed 1.2.840.1.1.1", blobs.json_deflate_size);
    assert_int_equal(blobs.json_size, 4000);
    assert_int_equal(blobs.json_crc32, 0xCAFEBABE);
    assert_int_equal(blobs.frame_table_size, 0);
    assert_int_equal(pacs_index_find_blobs(index, id, PACS_BLOB_FRAMES | PACS_BLOB_BULK, arena, &blobs, NULL),
                     PACS_OK);
    assert_int_equal(blobs.frame_table_size, 6);
    assert_memory_equal(blobs.frame_table, "frames", 6);
    assert_int_equal(blobs.bulk_table_size, 0);
}

static void a_path_of_uids_finds_the_resource_it_names(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    const PacsUidPath paths[] = {
        {.study_uid = "1.2.840.1"},
        {.study_uid = "1.2.840.1", .series_uid = "1.2.840.1.1"},
        {.study_uid = "1.2.840.1", .series_uid = "1.2.840.1.1", .sop_instance_uid = "1.2.840.1.1.1"}};
    for (size_t i = 0; i < 3; i++) {
        PacsUidMatch *matches = NULL;
        size_t count = 0;
        assert_int_equal(pacs_index_find_uids(index, &paths[i], arena, &matches, &count, NULL), PACS_OK);
        assert_int_equal(count, 1);
        assert_string_equal(matches[0].id, added.ids[pacs_uid_path_level(&paths[i])]);
    }
}

static void a_path_whose_uids_do_not_belong_together_names_nothing(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 2, 1, 1);
    const PacsUidPath path = {.study_uid = "1.2.840.2", .series_uid = "1.2.840.1.1"};
    PacsUidMatch *matches = NULL;
    size_t count = 0;
    PacsError err = {0};
    assert_int_equal(pacs_index_find_uids(index, &path, arena, &matches, &count, &err), PACS_NOT_FOUND);
    assert_string_equal(err.text, "no Series has this UID");
}

static void a_study_uid_under_two_patients_finds_both(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    const PacsIndexAdded second = index_contract_add(index, 2, 1, 1, 1);
    const PacsUidPath path = {.study_uid = "1.2.840.1"};
    PacsUidMatch *matches = NULL;
    size_t count = 0;
    assert_int_equal(pacs_index_find_uids(index, &path, arena, &matches, &count, NULL), PACS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(matches[0].id, first.ids[PACS_LEVEL_STUDY]);
    assert_string_equal(matches[1].id, second.ids[PACS_LEVEL_STUDY]);
}

static void objects_are_listed_below_each_level(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    static const struct {
        PacsUidPath path;
        size_t count;
    } cases[] = {
        {{.study_uid = "1.2.840.1"}, 4},
        {{.study_uid = "1.2.840.1", .series_uid = "1.2.840.1.2"}, 1},
        {{.study_uid = "1.2.840.1", .series_uid = "1.2.840.1.1", .sop_instance_uid = "1.2.840.1.1.2"}, 1}};

    /* Out of order: series stay together, and within each the order of arrival counts. */
    index_contract_add(index, 1, 1, 1, 3);
    index_contract_add(index, 1, 1, 2, 1);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    index_contract_add(index, 1, 2, 1, 1);
    for (size_t i = 0; i < 3; i++) {
        PacsListedObject *objects = NULL;
        size_t count = 0;
        assert_int_equal(pacs_index_list_objects(index, &cases[i].path, arena, &objects, &count, NULL),
                         PACS_OK);
        assert_int_equal(count, cases[i].count);
        static const char *const uids[] = {"1.2.840.1.1.3", "1.2.840.1.1.1", "1.2.840.1.1.2",
                                           "1.2.840.1.2.1"};
        for (size_t j = 0; i == 0 && j < count; j++)
            assert_string_equal(objects[j].sop_instance_uid, uids[j]);
        assert_string_equal(objects[count - 1].series_uid, i < 2 ? "1.2.840.1.2" : "1.2.840.1.1");
        assert_int_equal(objects[0].size_bytes, 1000);
    }
}

static void objects_of_two_patients_are_told_apart(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsUidPath path = {.study_uid = "1.2.840.1"};
    PacsListedObject *objects = NULL;
    size_t count = 0;

    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 2, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    assert_int_equal(pacs_index_list_objects(index, &path, arena, &objects, &count, NULL), PACS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(objects[1].patient_index, 0);
    assert_int_equal(objects[2].patient_index, 1);
}

static void objects_of_what_is_not_there_are_not_found(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsUidPath path = {.study_uid = "1.2.840.2", .series_uid = "1.2.840.1.1"};
    PacsListedObject *objects = NULL;
    size_t count = 0;
    PacsError err = {0};

    index_contract_add(index, 1, 1, 1, 1);
    assert_int_equal(pacs_index_list_objects(index, &path, arena, &objects, &count, &err), PACS_NOT_FOUND);
    assert_string_equal(err.text, "no Series has this UID");
}

static void every_key_that_a_row_names_is_known(void **state)
{
    PacsIndex *index = index_contract_index(state);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 1);
    object.add.has_inflated = true;
    memset(object.add.inflated_key.bytes, 0xEE, sizeof object.add.inflated_key.bytes);
    PacsKey unknown = object.add.key;
    unknown.bytes[0] ^= 0xFF;
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    const PacsKey *const keys[] = {&object.add.key, &object.add.inflated_key, &unknown};
    for (size_t i = 0; i < 3; i++) {
        bool known = i == 2;
        assert_int_equal(pacs_index_has_key(index, keys[i], &known, NULL), PACS_OK);
        assert_int_equal(known, i < 2);
    }
}

/* ---- Metadata ---- */

static const char *metadata_of(PacsIndex *index, PacsArena *arena, PacsLevel level, const char *id,
                               uint32_t number, size_t *ret_count)
{
    PacsMetadataValue *values = NULL;
    assert_int_equal(pacs_index_read_metadata(index, level, id, arena, &values, ret_count, NULL), PACS_OK);
    const char *value = NULL;
    for (size_t i = 0; i < *ret_count; i++) {
        assert_true(i == 0 || values[i - 1].number < values[i].number);
        if (values[i].number == number)
            value = values[i].value;
    }
    return value;
}

static void levels_have_as_many_metadata_as_orthancs(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    const size_t expected[] = {2, 2, 4, 10};
    for (PacsLevel level = PACS_LEVEL_PATIENT; level <= PACS_LEVEL_INSTANCE; level++) {
        size_t count = 0;
        metadata_of(index, arena, level, added.ids[level], 0, &count);
        assert_int_equal(count, expected[level]);
    }
}

static void metadata_of_a_series_have_its_sequences(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded added;
    size_t count = 0;
    indexed_object_init(&object, 1, 1, 1, 1);
    indexed_object_set(&object, PACS_LEVEL_SERIES, PACS_TAG_REQUEST_ATTRIBUTES_SEQUENCE,
                       "{\"vr\":\"SQ\",\"Value\":[{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"S1\"]}}]}");
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    assert_string_equal(
        metadata_of(index, arena, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES], 16, &count),
        "{\"Sequences\":{\"0040,0275\":{\"Name\":\"RequestAttributesSequence\",\"Type\":\"Sequence\",\"Value\":["
        "{\"0040,0009\":{\"Name\":\"ScheduledProcedureStepID\",\"Type\":\"String\",\"Value\":\"S1\"}}]}},\"Version\":1}");
    assert_int_equal(count, 4);
    const PacsIndexAdded plain = index_contract_add(index, 2, 2, 2, 2);
    assert_string_equal(
        metadata_of(index, arena, PACS_LEVEL_SERIES, plain.ids[PACS_LEVEL_SERIES], 16, &count),
        "{\"Sequences\":{},\"Version\":1}");
}

static void metadata_of_an_instance_from_the_network_say_so(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 5);
    object.add.received_ms = 1795243620000;
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    static const char *const expected[] = {
        [1] = "5",
        [2] = "20261121T064700",
        [3] = "CT_ROOM",
        [8] = "DicomProtocol",
        [9] = "1.2.840.10008.1.2.1",
        [10] = "1.2.840.10008.5.1.4.1.1.2",
        [11] = "192.0.2.7",
        [12] = "LIGHTBOX",
        [14] = "900",
    };
    size_t count = 0;
    for (uint32_t number = 1; number < sizeof expected / sizeof expected[0]; number++) {
        const char *value = metadata_of(index, arena, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE],
                                        number, &count);
        if (expected[number])
            assert_string_equal(value, expected[number]);
        else
            assert_null(value);
    }
    assert_string_equal(metadata_of(index, arena, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES], 7, &count),
                        "20261121T064700");
    assert_string_equal(metadata_of(index, arena, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES], 3, &count),
                        "CT_ROOM");
}

static void metadata_of_an_uploaded_instance_name_its_user(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 5);
    object.origin = (PacsOrigin){.door = PACS_ORIGIN_REST, .remote_ip = "192.0.2.9", .http_user = "alice"};
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    size_t count = 0;
    const char *id = added.ids[PACS_LEVEL_INSTANCE];
    assert_string_equal(metadata_of(index, arena, PACS_LEVEL_INSTANCE, id, 8, &count), "RestApi");
    assert_string_equal(metadata_of(index, arena, PACS_LEVEL_INSTANCE, id, 13, &count), "alice");
    assert_string_equal(metadata_of(index, arena, PACS_LEVEL_INSTANCE, id, 3, &count), "");
    assert_null(metadata_of(index, arena, PACS_LEVEL_INSTANCE, id, 12, &count));
    assert_int_equal(count, 10);
}

static void an_unusual_vr_of_the_pixel_data_is_metadata(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 5);
    object.instance.pixel_data_vr = PACS_VR_OB; /* with 16 bits explicit VR has OW */
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    size_t count = 0;
    assert_string_equal(
        metadata_of(index, arena, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE], 17, &count), "OB");
}

static void an_expected_number_is_metadata_of_its_series(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    IndexedObject object;
    PacsIndexAdded added;
    indexed_object_init(&object, 1, 1, 1, 5);
    indexed_object_set(&object, PACS_LEVEL_SERIES, PACS_TAG_CARDIAC_NUMBER_OF_IMAGES, "12");
    assert_int_equal(pacs_index_add(index, &object.add, &added, NULL), PACS_OK);
    size_t count = 0;
    assert_string_equal(metadata_of(index, arena, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES], 4, &count),
                        "12");
    assert_int_equal(count, 5);
}

/* ---- Lists ---- */

typedef struct Seen {
    PacsIndex *index;
    size_t count;
    char first[PACS_ORTHANC_ID_SIZE], last[PACS_ORTHANC_ID_SIZE];
    size_t stop_at; /* fail then; 0: never */
} Seen;

static PacsStatus see(void *context, const PacsResource *resource, PacsError *err)
{
    Seen *seen = context;
    if (seen->count++ == 0)
        memcpy(seen->first, resource->id, sizeof seen->first);
    memcpy(seen->last, resource->id, sizeof seen->last);
    if (seen->index) /* a visitor may ask the index */
        assert_true(index_contract_has(seen->index, resource->level, resource->id));
    return seen->count == seen->stop_at ? pacs_fail(err, PACS_CANCELLED, "enough") : PACS_OK;
}

static void a_list_has_everything_in_the_order_of_arrival(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    for (unsigned i = 2; i < 600; i++) /* more than any page */
        index_contract_add(index, 1, 1, 1, i);
    const PacsIndexAdded last = index_contract_add(index, 1, 1, 1, 600);
    Seen seen = {.index = index};
    assert_int_equal(pacs_index_list(index, PACS_LEVEL_INSTANCE, 0, 0, PACS_WITH_TAGS, see, &seen, NULL),
                     PACS_OK);
    assert_int_equal(seen.count, 600);
    assert_string_equal(seen.first, first.ids[PACS_LEVEL_INSTANCE]);
    assert_string_equal(seen.last, last.ids[PACS_LEVEL_INSTANCE]);
    Seen below = {0};
    assert_int_equal(pacs_index_list_below(index, PACS_LEVEL_PATIENT, first.ids[PACS_LEVEL_PATIENT],
                                           PACS_LEVEL_INSTANCE, 0, see, &below, NULL),
                     PACS_OK);
    assert_int_equal(below.count, 600);
    assert_string_equal(below.last, last.ids[PACS_LEVEL_INSTANCE]);
}

static void a_list_skips_since_and_stops_at_the_limit(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PacsIndexAdded added[5];
    for (unsigned i = 0; i < 5; i++)
        added[i] = index_contract_add(index, i, i, 1, 1);
    Seen seen = {0};
    assert_int_equal(pacs_index_list(index, PACS_LEVEL_STUDY, 1, 3, 0, see, &seen, NULL), PACS_OK);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.first, added[1].ids[PACS_LEVEL_STUDY]);
    assert_string_equal(seen.last, added[3].ids[PACS_LEVEL_STUDY]);
    Seen none = {0};
    assert_int_equal(pacs_index_list(index, PACS_LEVEL_STUDY, 5, 3, 0, see, &none, NULL), PACS_OK);
    assert_int_equal(pacs_index_list(index, PACS_LEVEL_STUDY, UINT64_MAX, 3, 0, see, &none, NULL), PACS_OK);
    assert_int_equal(none.count, 0);
}

static void a_walk_below_stays_below(void **state)
{
    PacsIndex *index = index_contract_index(state);
    const PacsIndexAdded mine = index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 2, 1);
    index_contract_add(index, 2, 2, 1, 1);
    const struct {
        PacsLevel level, below;
        size_t count;
    } walks[] = {
        {PACS_LEVEL_PATIENT, PACS_LEVEL_STUDY, 1},    {PACS_LEVEL_PATIENT, PACS_LEVEL_SERIES, 2},
        {PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, 2}, {PACS_LEVEL_STUDY, PACS_LEVEL_SERIES, 2},
        {PACS_LEVEL_STUDY, PACS_LEVEL_INSTANCE, 2},   {PACS_LEVEL_SERIES, PACS_LEVEL_INSTANCE, 1},
    };
    for (size_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        Seen seen = {0};
        assert_int_equal(pacs_index_list_below(index, walks[i].level, mine.ids[walks[i].level],
                                               walks[i].below, PACS_WITH_ALL, see, &seen, NULL),
                         PACS_OK);
        assert_int_equal(seen.count, walks[i].count);
    }
    Seen seen = {0};
    assert_int_equal(pacs_index_list_below(index, PACS_LEVEL_STUDY, mine.ids[PACS_LEVEL_SERIES],
                                           PACS_LEVEL_INSTANCE, 0, see, &seen, NULL),
                     PACS_NOT_FOUND);
}

static void a_visitor_that_fails_ends_the_walk(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (unsigned i = 1; i <= 5; i++)
        index_contract_add(index, 1, 1, 1, i);
    Seen seen = {.stop_at = 2};
    assert_int_equal(pacs_index_list(index, PACS_LEVEL_INSTANCE, 0, 0, 0, see, &seen, NULL), PACS_CANCELLED);
    assert_int_equal(seen.count, 2);
}

/* ---- Changes ---- */

static PacsChangePage changes(PacsIndex *index, PacsArena *arena, PacsChangeQuery query)
{
    PacsChangePage page;
    PacsError err = {0};
    if (pacs_index_read_changes(index, &query, arena, &page, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return page;
}

static void changes_are_logged_from_the_instance_up(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    const PacsChangePage page = changes(index, arena, (PacsChangeQuery){.since = -1, .to = -1, .limit = 100});
    assert_int_equal(page.count, 4);
    assert_true(page.done);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(page.changes[i].type, PACS_CHANGE_NEW_INSTANCE + (int)i);
        assert_int_equal(page.changes[i].level, PACS_LEVEL_INSTANCE - (int)i);
        assert_string_equal(page.changes[i].id, added.ids[page.changes[i].level]);
        assert_int_equal(page.changes[i].seq, i + 1);
    }
    assert_int_equal(page.first_seq, 1);
    assert_int_equal(page.last_seq, 4);
}

static void changes_page_forwards_from_since(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 7; i++)
        index_contract_add(index, 1, 1, 1, i); /* 10 changes */
    PacsChangePage page = changes(index, arena, (PacsChangeQuery){.since = 2, .to = -1, .limit = 3});
    assert_int_equal(page.first_seq, 3);
    assert_int_equal(page.last_seq, 5);
    assert_false(page.done);
    page = changes(index, arena, (PacsChangeQuery){.since = 7, .to = -1, .limit = 3});
    assert_int_equal(page.last_seq, 10);
    assert_true(page.done);
    page = changes(index, arena, (PacsChangeQuery){.since = 10, .to = -1, .limit = 3});
    assert_int_equal(page.count, 0);
    assert_int_equal(page.last_seq, 10);
    assert_true(page.done);
}

static void changes_page_backwards_from_to(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 7; i++)
        index_contract_add(index, 1, 1, 1, i);
    PacsChangePage page = changes(index, arena, (PacsChangeQuery){.since = -1, .to = 8, .limit = 3});
    assert_int_equal(page.first_seq, 6);
    assert_int_equal(page.last_seq, 8);
    assert_false(page.done);
    page = changes(index, arena, (PacsChangeQuery){.since = -1, .to = 3, .limit = 3});
    assert_int_equal(page.first_seq, 1);
    assert_true(page.done);
    page = changes(index, arena, (PacsChangeQuery){.since = 2, .to = 5, .limit = 100});
    assert_int_equal(page.first_seq, 3);
    assert_int_equal(page.last_seq, 5);
    assert_true(page.done);
}

static void changes_are_filtered_by_type(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 2, 2, 1, 1);
    const uint32_t mask = 1u << PACS_CHANGE_NEW_STUDY | 1u << PACS_CHANGE_NEW_SERIES;
    const PacsChangePage page = changes(
        index, arena, (PacsChangeQuery){.since = -1, .to = -1, .limit = 100, .type_mask = mask});
    assert_int_equal(page.count, 4);
    assert_int_equal(page.changes[0].type, PACS_CHANGE_NEW_SERIES);
    assert_int_equal(page.changes[3].seq, 7);
}

static void the_last_change_is_the_newest(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    const PacsChangePage page = changes(
        index, arena, (PacsChangeQuery){.since = -1, .to = -1, .limit = 100, .last_only = true});
    assert_int_equal(page.count, 1);
    assert_int_equal(page.changes[0].seq, 4);
}

static void sequence_numbers_go_on_after_changes_were_cleared(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    assert_int_equal(pacs_index_clear_changes(index, NULL), PACS_OK);
    index = index_contract_reopen(state);
    PacsChangePage page = changes(index, arena, (PacsChangeQuery){.since = -1, .to = -1, .limit = 100});
    assert_int_equal(page.count, 0);
    assert_int_equal(page.last_seq, 4);
    index_contract_add(index, 1, 1, 1, 2);
    page = changes(index, arena, (PacsChangeQuery){.since = -1, .to = -1, .limit = 100});
    assert_int_equal(page.first_seq, 5);
}

static void a_page_of_no_changes_is_refused(void **state)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsChangePage page;
    const PacsChangeQuery query = {.since = -1, .to = -1, .limit = 0};
    assert_int_equal(pacs_index_read_changes(index_contract_index(state), &query, arena, &page, NULL),
                     PACS_INVALID);
}

/* ---- Settings and health ---- */

static void a_setting_is_read_back_as_it_was_written_last(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const char *value = NULL;
    assert_int_equal(pacs_index_read_setting(index, "sweep.from", arena, &value, NULL), PACS_NOT_FOUND);
    assert_int_equal(pacs_index_write_setting(index, "sweep.from", "one", NULL), PACS_OK);
    assert_int_equal(pacs_index_write_setting(index, "sweep.from", "two", NULL), PACS_OK);
    index = index_contract_reopen(state);
    assert_int_equal(pacs_index_read_setting(index, "sweep.from", arena, &value, NULL), PACS_OK);
    assert_string_equal(value, "two");
}

static void an_open_index_is_healthy_and_says_what_it_is(void **state)
{
    PacsIndex *index = index_contract_index(state);
    assert_int_equal(pacs_index_check(index, NULL), PACS_OK);
    assert_true(strlen(pacs_index_name(index)) > 0);
    assert_true(pacs_index_schema_version(index) > 0);
}

const struct CMUnitTest index_contract_read_tests[] = {
    INDEX_TEST(a_study_comes_with_its_tags_and_its_patients),
    INDEX_TEST(a_study_keeps_the_patients_name_it_came_with),
    INDEX_TEST(an_instance_has_a_number_and_no_children),
    INDEX_TEST(children_come_in_the_order_of_their_arrival),
    INDEX_TEST(parts_that_are_not_asked_for_are_left_out),
    INDEX_TEST(an_id_of_another_level_or_no_id_is_not_found),
    INDEX_TEST(the_level_of_an_id_is_found),
    INDEX_TEST(ancestors_are_found_at_every_higher_level),
    INDEX_TEST(a_stored_object_is_described_as_it_was_added),
    INDEX_TEST(ready_made_parts_come_back_when_they_are_asked_for),
    INDEX_TEST(an_object_is_found_by_uids_with_its_ready_made_parts),
    INDEX_TEST(a_path_of_uids_finds_the_resource_it_names),
    INDEX_TEST(a_path_whose_uids_do_not_belong_together_names_nothing),
    INDEX_TEST(a_study_uid_under_two_patients_finds_both),
    INDEX_TEST(objects_are_listed_below_each_level),
    INDEX_TEST(objects_of_two_patients_are_told_apart),
    INDEX_TEST(objects_of_what_is_not_there_are_not_found),
    INDEX_TEST(every_key_that_a_row_names_is_known),
    INDEX_TEST(levels_have_as_many_metadata_as_orthancs),
    INDEX_TEST(metadata_of_a_series_have_its_sequences),
    INDEX_TEST(metadata_of_an_instance_from_the_network_say_so),
    INDEX_TEST(metadata_of_an_uploaded_instance_name_its_user),
    INDEX_TEST(an_unusual_vr_of_the_pixel_data_is_metadata),
    INDEX_TEST(an_expected_number_is_metadata_of_its_series),
    INDEX_TEST(a_list_has_everything_in_the_order_of_arrival),
    INDEX_TEST(a_list_skips_since_and_stops_at_the_limit),
    INDEX_TEST(a_walk_below_stays_below),
    INDEX_TEST(a_visitor_that_fails_ends_the_walk),
    INDEX_TEST(changes_are_logged_from_the_instance_up),
    INDEX_TEST(changes_page_forwards_from_since),
    INDEX_TEST(changes_page_backwards_from_to),
    INDEX_TEST(changes_are_filtered_by_type),
    INDEX_TEST(the_last_change_is_the_newest),
    INDEX_TEST(sequence_numbers_go_on_after_changes_were_cleared),
    INDEX_TEST(a_page_of_no_changes_is_refused),
    INDEX_TEST(a_setting_is_read_back_as_it_was_written_last),
    INDEX_TEST(an_open_index_is_healthy_and_says_what_it_is),
};
const size_t index_contract_read_count = sizeof index_contract_read_tests /
                                         sizeof index_contract_read_tests[0];
