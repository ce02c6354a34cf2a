#include "pacs/index/index_lease.h"
#include "pacs/index/index_series_metadata.h"
#include "tests/contract/index_contract_internal.h"

/* Ready-made metadata: what there is to append, appending, giving up; leases. */

#define ROOT "/dicom-web"

/** Series 1 of study `study`, whoever's it is. */
static size_t find_all(PacsIndex *index, PacsArena *arena, const char *study, const char *series,
                       PacsSeriesMetadata **ret_series)
{
    const PacsUidPath path = {.study_uid = study, .series_uid = series};
    size_t count = 0;
    PacsError err = {0};
    if (pacs_index_find_series_metadata(index, &path, arena, ret_series, &count, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return count;
}

static PacsSeriesMetadata *find_one(PacsIndex *index, PacsArena *arena, const char *series)
{
    PacsSeriesMetadata *found = NULL;
    assert_int_equal(find_all(index, arena, "1.2.840.1", series, &found), 1);
    return found;
}

static PacsUnappended unappended(PacsIndex *index, PacsArena *arena)
{
    PacsUnappended found;
    assert_int_equal(pacs_index_find_unappended(index, 16, arena, &found, NULL), PACS_OK);
    return found;
}

/** Append `size` bytes that tell their place to a series, as if they were all it has. */
static void append(PacsIndex *index, const PacsSeriesMetadata *series, int64_t mark, size_t size)
{
    PACS_AUTO_FREE uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((series->stream.deflate_size + i) % 251);
    const PacsMetadataAppend one = {.series = series,
                                    .deflate = bytes,
                                    .deflate_size = size,
                                    .appended_to = series->last_instance,
                                    .instance_count = series->instance_count,
                                    .text_size = series->stream.text_size + 10,
                                    .crc32 = 0xDEADBEEF};
    assert_int_equal(pacs_index_append_metadata(index, ROOT, mark, &one, 1, NULL), PACS_OK);
}

static void append_all(PacsIndex *index)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsUnappended found = unappended(index, arena);
    for (size_t i = 0; i < found.count; i++)
        append(index, &found.series[i], found.mark, 1000);
}

static void expect_bytes(PacsIndex *index, const PacsMetadataStream *stream, uint64_t offset, size_t size)
{
    PACS_AUTO_FREE uint8_t *bytes = malloc(size + 1);
    assert_int_equal(pacs_index_read_metadata_stream(index, stream->id, offset, bytes, size, NULL), PACS_OK);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], (offset + i) % 251);
}

/* ---- What there is to append ---- */

static void what_came_is_unappended_until_it_is_appended(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    assert_false(unappended(index, arena).any);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 2, 1);
    index_contract_add(index, 1, 1, 1, 2);
    const PacsUnappended found = unappended(index, arena);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.series[0].series_instance_uid, "1.2.840.1.1");
    assert_string_equal(found.series[0].study_instance_uid, "1.2.840.1");
    assert_int_equal(found.series[0].instance_count, 2);
    assert_int_equal(found.series[0].stream.id, 0);
    append(index, &found.series[0], found.mark, 100);
    append(index, &found.series[1], found.mark, 100);
    assert_false(unappended(index, arena).any);

    index = index_contract_reopen(state);
    assert_false(unappended(index, arena).any);
    const PacsSeriesMetadata *series = find_one(index, arena, "1.2.840.1.1");
    assert_string_equal(series->stream.root, ROOT);
    assert_int_equal(series->stream.appended_to, series->last_instance);
    assert_int_equal(series->stream.instance_count, 2);
    assert_int_equal(series->stream.deflate_size, 100);
    assert_int_equal(series->stream.text_size, 10);
    assert_int_equal(series->stream.crc32, 0xDEADBEEF);
}

static void what_was_left_out_is_found_again(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    PacsUnappended found = unappended(index, arena);
    const PacsMetadataAppend nothing = {.series = &found.series[0]};
    assert_int_equal(pacs_index_append_metadata(index, ROOT, found.mark, &nothing, 1, NULL), PACS_OK);
    found = unappended(index, arena);
    assert_int_equal(found.count, 1);
    const PacsMetadataAppend given_up = {.series = &found.series[0],
                                         .appended_to = found.series[0].last_instance};
    assert_int_equal(pacs_index_append_metadata(index, ROOT, found.mark, &given_up, 1, NULL), PACS_OK);
    assert_false(unappended(index, arena).any);
    index_contract_add(index, 1, 1, 1, 2); /* another chance */
    assert_int_equal(unappended(index, arena).count, 1);
}

static void many_series_are_found_a_few_at_a_time(void **state)
{
    PacsIndex *index = index_contract_index(state);
    for (unsigned i = 1; i <= 40; i++)
        index_contract_add(index, 1, 1, i, 1);
    for (int steps = 0; steps < 3; steps++)
        append_all(index);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsSeriesMetadata *series = NULL;
    assert_false(unappended(index, arena).any);
    assert_int_equal(find_all(index, arena, "1.2.840.1", NULL, &series), 40);
    for (size_t i = 0; i < 40; i++)
        assert_int_not_equal(series[i].stream.id, 0);
}

/* ---- Bytes ---- */

static void appended_bytes_are_read_back_from_anywhere(void **state)
{
    static const size_t sizes[] = {100, 40000, 1, 9000, 60000, 16384};
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    uint64_t total = 0;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        index_contract_add(index, 1, 1, 1, i + 1);
        const PacsUnappended found = unappended(index, arena);
        append(index, &found.series[0], found.mark, sizes[i]);
        total += sizes[i];
    }
    const PacsMetadataStream *stream = &find_one(index, arena, "1.2.840.1.1")->stream;
    assert_int_equal(stream->deflate_size, total);
    expect_bytes(index, stream, 0, total);
    for (uint64_t offset = 0; offset < total; offset += 5000)
        expect_bytes(index, stream, offset, total - offset < 20000 ? total - offset : 20000);
    uint8_t byte;
    assert_int_equal(pacs_index_read_metadata_stream(index, stream->id, total, &byte, 1, NULL),
                     PACS_UNAVAILABLE);
}

/* ---- Giving up ---- */

static void without_an_appended_instance_the_stream_begins_anew(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    append_all(index);
    const PacsSeriesMetadata *before = find_one(index, arena, "1.2.840.1.1");
    index_contract_delete(index, PACS_LEVEL_INSTANCE, first.ids[PACS_LEVEL_INSTANCE]);

    const PacsSeriesMetadata *after = find_one(index, arena, "1.2.840.1.1");
    assert_int_equal(after->stream.id, 0);
    assert_int_equal(after->removals, before->removals + 1);
    assert_int_equal(after->instance_count, 1);
    expect_bytes(index, &before->stream, 0, 1000); /* for answers under way */
    assert_int_equal(unappended(index, arena).count, 1);
    append_all(index);
    assert_int_not_equal(find_one(index, arena, "1.2.840.1.1")->stream.id, before->stream.id);
    assert_false(unappended(index, arena).any);
}

static void an_instance_that_was_not_appended_may_go_without_harm(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    append_all(index);
    const PacsIndexAdded second = index_contract_add(index, 1, 1, 1, 2);
    index_contract_delete(index, PACS_LEVEL_INSTANCE, second.ids[PACS_LEVEL_INSTANCE]);
    const PacsSeriesMetadata *series = find_one(index, arena, "1.2.840.1.1");
    assert_int_not_equal(series->stream.id, 0);
    assert_int_equal(series->stream.instance_count, series->instance_count);
    assert_int_equal(series->removals, 1);
}

static void a_replaced_instance_is_a_removal(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    append_all(index);
    const PacsSeriesMetadata *before = find_one(index, arena, "1.2.840.1.1");
    IndexedObject again;
    PacsIndexAdded added;
    indexed_object_init(&again, 1, 1, 1, 1);
    again.add.overwrite = PACS_OVERWRITE_ALWAYS;
    assert_int_equal(pacs_index_add(index, &again.add, &added, NULL), PACS_OK);
    const PacsSeriesMetadata *after = find_one(index, arena, "1.2.840.1.1");
    assert_int_equal(after->stream.id, 0);
    assert_int_equal(after->removals, before->removals + 1);
    assert_int_equal(after->instance_count, 2);
    assert_true(after->last_instance > before->last_instance);
}

static void what_changed_meanwhile_is_not_appended_to(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    const PacsUnappended found = unappended(index, arena);
    index_contract_delete(index, PACS_LEVEL_INSTANCE, first.ids[PACS_LEVEL_INSTANCE]);
    append(index, &found.series[0], found.mark, 100);
    assert_int_equal(find_one(index, arena, "1.2.840.1.1")->stream.id, 0);
    assert_int_equal(unappended(index, arena).count, 1); /* it stays to be done */

    append_all(index);
    append(index, &found.series[0], found.mark, 100); /* a second one at the same work comes too late */
    assert_int_equal(find_one(index, arena, "1.2.840.1.1")->stream.deflate_size, 1000);
}

static void a_deleted_series_leaves_nothing_behind(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    const PacsUnappended found = unappended(index, arena);
    append(index, &found.series[0], found.mark, 100000);
    const PacsMetadataStream stream = find_one(index, arena, "1.2.840.1.1")->stream;
    index_contract_delete(index, PACS_LEVEL_SERIES, added.ids[PACS_LEVEL_SERIES]);
    assert_false(unappended(index, arena).any);

    bool left = true;
    uint8_t byte;
    assert_int_equal(pacs_index_purge_metadata(index, 1, &left, NULL), PACS_OK); /* not that long ago */
    assert_false(left);
    assert_int_equal(pacs_index_read_metadata_stream(index, stream.id, 0, &byte, 1, NULL), PACS_OK);
    for (left = true; left;)
        assert_int_equal(pacs_index_purge_metadata(index, INT64_MAX, &left, NULL), PACS_OK);
    assert_int_equal(pacs_index_read_metadata_stream(index, stream.id, 0, &byte, 1, NULL), PACS_UNAVAILABLE);

    index_contract_add(index, 1, 1, 1, 1);
    assert_int_equal(find_one(index, arena, "1.2.840.1.1")->stream.id, 0);
    append_all(index);
    assert_int_not_equal(find_one(index, arena, "1.2.840.1.1")->stream.id, stream.id);
}

static void another_root_makes_all_anew(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    assert_int_equal(pacs_index_set_metadata_root(index, ROOT, NULL), PACS_OK);
    index_contract_add(index, 1, 1, 1, 1);
    append_all(index);
    assert_int_equal(pacs_index_set_metadata_root(index, ROOT, NULL), PACS_OK);
    assert_false(unappended(index, arena).any);
    assert_int_equal(pacs_index_set_metadata_root(index, "/other", NULL), PACS_OK);
    const PacsUnappended found = unappended(index, arena);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.series[0].stream.root, ROOT); /* the old one serves until then */
    PacsSeriesMetadata fresh = found.series[0];
    fresh.stream.deflate_size = 0;
    uint8_t bytes[] = {0, 1, 2};
    const PacsMetadataAppend one = {.series = &fresh,
                                    .restart = true,
                                    .deflate = bytes,
                                    .deflate_size = 3,
                                    .appended_to = fresh.last_instance,
                                    .instance_count = 1};
    assert_int_equal(pacs_index_append_metadata(index, "/other", found.mark, &one, 1, NULL), PACS_OK);
    const PacsSeriesMetadata *after = find_one(index, arena, "1.2.840.1.1");
    assert_string_equal(after->stream.root, "/other");
    assert_int_not_equal(after->stream.id, fresh.stream.id);
    expect_bytes(index, &after->stream, 0, 3);
    assert_false(unappended(index, arena).any);
}

/* ---- Finding and reading ---- */

static void a_path_names_all_series_of_its_uid(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    PacsSeriesMetadata *series = NULL;
    size_t count = 0;
    index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 2, 1);
    index_contract_add(index, 2, 1, 1, 1); /* another patient */
    index_contract_add(index, 1, 2, 1, 1);
    assert_int_equal(find_all(index, arena, "1.2.840.1", NULL, &series), 3);
    assert_int_equal(find_all(index, arena, "1.2.840.1", "1.2.840.1.1", &series), 2);
    assert_true(series[0].series < series[1].series);
    const PacsUidPath nowhere = {.study_uid = "1.2.840.2", .series_uid = "1.2.840.1.1"};
    assert_int_equal(pacs_index_find_series_metadata(index, &nowhere, arena, &series, &count, NULL),
                     PACS_NOT_FOUND);
}

static void a_path_of_an_instance_names_it_alone(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 3; i++)
        index_contract_add(index, 1, 1, 1, i);
    append_all(index);
    const PacsUidPath path = {
        .study_uid = "1.2.840.1", .series_uid = "1.2.840.1.1", .sop_instance_uid = "1.2.840.1.1.2"};
    PacsSeriesMetadata *series = NULL;
    PacsInstanceJson *json = NULL;
    size_t count = 0;
    assert_int_equal(pacs_index_find_series_metadata(index, &path, arena, &series, &count, NULL), PACS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(series->instance_count, 1);
    assert_int_equal(series->stream.id, 0);
    const PacsInstanceJsonQuery query = {.series = series,
                                         .after = series->after,
                                         .up_to = series->last_instance,
                                         .max_count = 10,
                                         .max_bytes = 1000};
    assert_int_equal(pacs_index_read_series_json(index, &query, arena, &json, &count, NULL), PACS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(json->sop_instance_uid, "1.2.840.1.1.2");
}

static void json_of_a_series_is_read_in_pages_of_either_order(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    for (unsigned i = 1; i <= 5; i++)
        index_contract_add(index, 1, 1, 1, i);
    const PacsSeriesMetadata *series = find_one(index, arena, "1.2.840.1.1");
    PacsInstanceJson *json = NULL;
    size_t count = 0;
    PacsInstanceJsonQuery query = {
        .series = series, .up_to = series->last_instance, .max_count = 2, .max_bytes = 1000};
    for (unsigned seen = 0; seen < 5; seen += (unsigned)count) {
        assert_int_equal(pacs_index_read_series_json(index, &query, arena, &json, &count, NULL), PACS_OK);
        assert_int_equal(count, seen == 4 ? 1 : 2);
        assert_memory_equal(json[0].json.json_deflate, "compressed 1.2.840.1.1.", 23);
        assert_int_equal(json[0].sop_instance_uid[12], '1' + seen);
        assert_int_equal(json[0].json.json_size, 4000);
        assert_int_equal(json[0].json.json_crc32, 0xCAFEBABE);
        query.after = json[count - 1].instance;
    }
    query = (PacsInstanceJsonQuery){.series = series,
                                    .up_to = series->last_instance,
                                    .newest_first = true,
                                    .max_count = 10,
                                    .max_bytes = 1};
    assert_int_equal(pacs_index_read_series_json(index, &query, arena, &json, &count, NULL), PACS_OK);
    assert_int_equal(count, 1); /* one at least */
    assert_string_equal(json->sop_instance_uid, "1.2.840.1.1.5");
}

static void json_of_a_series_that_lost_something_is_refused(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    const PacsIndexAdded first = index_contract_add(index, 1, 1, 1, 1);
    index_contract_add(index, 1, 1, 1, 2);
    const PacsSeriesMetadata *series = find_one(index, arena, "1.2.840.1.1");
    index_contract_delete(index, PACS_LEVEL_INSTANCE, first.ids[PACS_LEVEL_INSTANCE]);
    PacsInstanceJson *json = NULL;
    size_t count = 0;
    const PacsInstanceJsonQuery query = {
        .series = series, .up_to = series->last_instance, .max_count = 2, .max_bytes = 1000};
    assert_int_equal(pacs_index_read_series_json(index, &query, arena, &json, &count, NULL),
                     PACS_UNAVAILABLE);
}

/* ---- Generations ---- */

static void the_generation_rises_with_every_write_and_else_stays(void **state)
{
    PacsIndex *index = index_contract_index(state);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(INDEX_CONTRACT_ARENA);
    uint64_t before = 0;
    uint64_t after = 0;
    if (!pacs_index_generation(index, &before))
        return; /* others write too: nothing is promised */
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    assert_true(pacs_index_generation(index, &after));
    assert_true(after > before);
    before = after;
    (void)find_one(index, arena, "1.2.840.1.1");
    assert_true(pacs_index_generation(index, &after));
    assert_int_equal(after, before);
    index_contract_delete(index, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY]);
    assert_true(pacs_index_generation(index, &after));
    assert_true(after > before);
}

static void removals_rise_when_something_goes_and_not_when_something_comes(void **state)
{
    PacsIndex *index = index_contract_index(state);
    uint64_t before = 0;
    uint64_t after = 0;
    if (!pacs_index_removals(index, &before))
        return; /* others remove too: nothing is promised */
    const PacsIndexAdded added = index_contract_add(index, 1, 1, 1, 1);
    (void)index_contract_add(index, 1, 1, 1, 2);
    assert_true(pacs_index_removals(index, &after));
    assert_int_equal(after, before);
    index_contract_delete(index, PACS_LEVEL_INSTANCE, added.ids[PACS_LEVEL_INSTANCE]);
    assert_true(pacs_index_removals(index, &after));
    assert_true(after > before);
}

const struct CMUnitTest index_contract_metadata_tests[] = {
    INDEX_TEST(what_came_is_unappended_until_it_is_appended),
    INDEX_TEST(what_was_left_out_is_found_again),
    INDEX_TEST(many_series_are_found_a_few_at_a_time),
    INDEX_TEST(appended_bytes_are_read_back_from_anywhere),
    INDEX_TEST(without_an_appended_instance_the_stream_begins_anew),
    INDEX_TEST(an_instance_that_was_not_appended_may_go_without_harm),
    INDEX_TEST(a_replaced_instance_is_a_removal),
    INDEX_TEST(what_changed_meanwhile_is_not_appended_to),
    INDEX_TEST(a_deleted_series_leaves_nothing_behind),
    INDEX_TEST(another_root_makes_all_anew),
    INDEX_TEST(a_path_names_all_series_of_its_uid),
    INDEX_TEST(a_path_of_an_instance_names_it_alone),
    INDEX_TEST(json_of_a_series_is_read_in_pages_of_either_order),
    INDEX_TEST(json_of_a_series_that_lost_something_is_refused),
    INDEX_TEST(the_generation_rises_with_every_write_and_else_stays),
    INDEX_TEST(removals_rise_when_something_goes_and_not_when_something_comes),
};
const size_t index_contract_metadata_count = sizeof index_contract_metadata_tests /
                                             sizeof index_contract_metadata_tests[0];
