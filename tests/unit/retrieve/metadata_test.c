/* Metadata of series and studies: complete before, while and after it is made ready. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/bulk_uri.h"
#include "pacs/lifecycle/append.h"
#include "pacs/lifecycle/lifecycle.h"
#include "pacs/retrieve/metadata.h"
#include "pacs/util/gzip.h"
#include "pacs/util/limits.h"
#include "tests/support/archive.h"
#include "tests/support/object.h"

#define ROOT "/dicom-web"
#define TEXT_MAX (64u << 20)

typedef struct Fixture {
    TestArchive archive;
    PacsRetrieve *retrieve;
    PacsAppender *appender;
} Fixture;

static int open_fixture(void **state)
{
    static Fixture fixture;

    test_archive_open(&fixture.archive, PACS_OVERWRITE_ALWAYS);
    assert_int_equal(pacs_retrieve_new(fixture.archive.store, fixture.archive.index, &fixture.retrieve, NULL),
                     PACS_OK);
    assert_int_equal(pacs_appender_new(fixture.archive.index, ROOT, NULL, &fixture.appender, NULL), PACS_OK);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    Fixture *fixture = *state;

    pacs_appender_free(fixture->appender);
    pacs_retrieve_free(fixture->retrieve);
    test_archive_close(&fixture->archive);
    return 0;
}

static void push_object(Fixture *fixture, const TestObject *object, PacsIngested *ret_ingested)
{
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_object_file(object, &file);
    assert_int_equal(test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, ret_ingested, NULL),
                     PACS_OK);
}

static PacsIngested push(Fixture *fixture, unsigned series, unsigned instance)
{
    TestObject object = test_object(1, series, instance);
    PacsIngested ingested;

    push_object(fixture, &object, &ingested);
    return ingested;
}

static void append_all(PacsAppender *appender)
{
    bool more = true;

    while (more)
        assert_int_equal(pacs_appender_step(appender, &more, NULL), PACS_OK);
}

/* ---- What is answered, and what is to be ---- */

static void read_to_end(PacsSource *source, size_t step, PacsBuffer *out)
{
    PacsError err = {0};

    for (size_t got = 1; got > 0; out->size += got) {
        assert_int_equal(pacs_buffer_reserve(out, step, NULL), PACS_OK);
        if (pacs_source_read(source, out->bytes + out->size, step, &got, &err) != PACS_OK)
            fail_msg("%s", err.text);
    }
    (void)pacs_buffer_text(out);
}

static const PacsUidPath the_study = {.study_uid = "2.25.1000.1"};
static const PacsUidPath the_series = {.study_uid = "2.25.1000.1", .series_uid = "2.25.1000.1.1"};

static PacsMetadata *find(Fixture *fixture, const PacsUidPath *path, const char *root, PacsArena *arena)
{
    PacsMetadata *metadata = NULL;
    PacsError err = {0};

    if (pacs_retrieve_find_metadata(fixture->retrieve, path, root, arena, &metadata, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return metadata;
}

/** As gzip, as text, in large steps and in small: all the same text, of the announced size. */
static void answer(Fixture *fixture, const PacsUidPath *path, const char *root, PacsBuffer *out)
{
    static const size_t steps[] = {1 << 20, 7};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(16u << 20);
    const PacsMetadata *metadata = find(fixture, path, root, arena);

    for (int i = 0; i < 4; i++) {
        const bool as_gzip = i % 2;
        PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(TEXT_MAX);
        PACS_AUTO(PacsSource) source = NULL;
        uint64_t size = 0;
        assert_int_equal(
            pacs_retrieve_open_metadata(fixture->retrieve, metadata, as_gzip, &source, &size, NULL), PACS_OK);
        read_to_end(source, steps[i / 2], &body);
        if (metadata->slow_count == 0)
            assert_int_equal(size, body.size);
        else
            assert_true(size == PACS_METADATA_SIZE_UNKNOWN);

        PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(TEXT_MAX);
        if (as_gzip) {
            PacsSource *memory = NULL;
            PACS_AUTO(PacsSource) gunzip = NULL;
            assert_int_equal(pacs_source_memory(body.bytes, body.size, &memory, NULL), PACS_OK);
            assert_int_equal(pacs_source_gunzip(memory, &gunzip, NULL), PACS_OK);
            read_to_end(gunzip, 1 << 20, &text);
        }
        const PacsBuffer *got = as_gzip ? &text : &body;
        if (i == 0)
            assert_true(pacs_buffer_add(out, got->bytes, got->size));
        assert_int_equal(got->size, out->size);
        assert_memory_equal(got->bytes, out->bytes, got->size);
    }
}

typedef struct Expected {
    Fixture *fixture;
    const char *root;
    PacsBuffer *text;
} Expected;

static PacsStatus expect_instance(void *context, const PacsResource *instance, PacsError *err)
{
    Expected *expected = context;
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    PacsArena *arena = pacs_arena_new(1 << 20);
    char series[PACS_ORTHANC_ID_SIZE], study[PACS_ORTHANC_ID_SIZE];
    PacsIndex *index = expected->fixture->archive.index;
    PacsResource *above[2];

    assert_int_equal(pacs_retrieve_json(expected->fixture->retrieve, instance->id, &json, err), PACS_OK);
    assert_int_equal(
        pacs_index_find_ancestor(index, PACS_LEVEL_INSTANCE, instance->id, PACS_LEVEL_SERIES, series, err),
        PACS_OK);
    assert_int_equal(
        pacs_index_find_ancestor(index, PACS_LEVEL_INSTANCE, instance->id, PACS_LEVEL_STUDY, study, err),
        PACS_OK);
    assert_int_equal(pacs_index_find(index, PACS_LEVEL_SERIES, series, PACS_WITH_TAGS, arena, &above[0], err),
                     PACS_OK);
    assert_int_equal(pacs_index_find(index, PACS_LEVEL_STUDY, study, PACS_WITH_TAGS, arena, &above[1], err),
                     PACS_OK);
    PacsBulkRoot root = {.root = expected->root};
    for (size_t i = 0; i < above[1]->tag_count; i++)
        if (above[1]->tags[i].tag == PACS_TAG_STUDY_INSTANCE_UID)
            root.study_instance_uid = above[1]->tags[i].value;
    for (size_t i = 0; i < above[0]->tag_count; i++)
        if (above[0]->tags[i].tag == PACS_TAG_SERIES_INSTANCE_UID)
            root.series_instance_uid = above[0]->tags[i].value;
    for (size_t i = 0; i < instance->tag_count; i++)
        if (instance->tags[i].tag == PACS_TAG_SOP_INSTANCE_UID)
            root.sop_instance_uid = instance->tags[i].value;
    (void)pacs_buffer_add_char(expected->text, expected->text->size == 0 ? '[' : ',');
    assert_int_equal(pacs_bulk_uris_complete((const char *)json.bytes, json.size, &root, expected->text, err),
                     PACS_OK);
    pacs_arena_free(arena);
    return PACS_OK;
}

/** The answer is what the instances' own JSON says, in the order they came. */
static void expect_answer(Fixture *fixture, const PacsUidPath *path, const char *root)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(TEXT_MAX);
    PACS_AUTO_BUFFER PacsBuffer got = PACS_BUFFER(TEXT_MAX);
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    Expected expected = {fixture, root, &text};
    PacsUidMatch *matches = NULL;
    size_t count = 0;

    assert_int_equal(pacs_index_find_uids(fixture->archive.index, path, arena, &matches, &count, NULL),
                     PACS_OK);
    for (size_t i = 0; i < count; i++) {
        char(*series)[PACS_ORTHANC_ID_SIZE] = &matches[i].id;
        assert_int_equal(pacs_index_list_below(fixture->archive.index, pacs_uid_path_level(path), *series,
                                               PACS_LEVEL_INSTANCE, PACS_WITH_TAGS, expect_instance,
                                               &expected, NULL),
                         PACS_OK);
    }
    (void)pacs_buffer_add_char(&text, ']');
    answer(fixture, path, root, &got);
    assert_string_equal(pacs_buffer_text(&got), pacs_buffer_text(&text));
}

static size_t slow_count(Fixture *fixture, const PacsUidPath *path, const char *root)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);

    return find(fixture, path, root, arena)->slow_count;
}

/* ---- Tests ---- */

static void an_answer_is_complete_before_anything_is_ready(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 1; i <= 5; i++)
        (void)push(fixture, 1, i);
    assert_int_equal(slow_count(fixture, &the_series, ROOT), 5);
    expect_answer(fixture, &the_series, ROOT);
}

static void what_is_ready_is_the_same_text(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 1; i <= 5; i++)
        (void)push(fixture, 1, i);
    append_all(fixture->appender);
    assert_int_equal(slow_count(fixture, &the_series, ROOT), 0);
    expect_answer(fixture, &the_series, ROOT);
}

static void every_step_between_is_complete(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 1; i <= 40; i++) {
        (void)push(fixture, 1, i);
        if (i % 3 != 0)
            append_all(fixture->appender); /* pieces of one instance, and of two */
        expect_answer(fixture, &the_series, ROOT);
        assert_int_equal(slow_count(fixture, &the_series, ROOT), i % 3 == 0);
    }
}

static void pieces_are_compressed_against_what_went_before(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);

    for (unsigned i = 1; i <= 50; i++) {
        (void)push(fixture, 1, i);
        append_all(fixture->appender);
    }
    const PacsMetadataStream *stream = &find(fixture, &the_series, ROOT, arena)->series->stream;
    assert_int_equal(stream->instance_count, 50);
    assert_true(stream->deflate_size < stream->text_size / 8);
}

static void a_study_is_its_series_joined(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 0; i < 12; i++)
        (void)push(fixture, 1 + i % 3, 1 + i);
    append_all(fixture->appender);
    (void)push(fixture, 2, 100);
    (void)push(fixture, 4, 101);
    PACS_AUTO_BUFFER PacsBuffer got = PACS_BUFFER(TEXT_MAX);
    answer(fixture, &the_study, ROOT, &got);
    json_t *all = json_loads(pacs_buffer_text(&got), 0, NULL);
    assert_int_equal(json_array_size(all), 14);
    json_decref(all);
    for (unsigned series = 1; series <= 4; series++) {
        char uid[64];
        (void)snprintf(uid, sizeof uid, "2.25.1000.1.%u", series);
        const PacsUidPath path = {.study_uid = "2.25.1000.1", .series_uid = uid};
        expect_answer(fixture, &path, ROOT);
    }
}

static void a_uid_of_two_patients_answers_both(void **state)
{
    Fixture *fixture = *state;
    TestObject object = test_object(1, 1, 1);
    PacsIngested ingested;

    (void)push(fixture, 1, 1);
    object.patient_id = "P2";
    push_object(fixture, &object, &ingested);
    expect_answer(fixture, &the_study, ROOT);
    append_all(fixture->appender);
    expect_answer(fixture, &the_study, ROOT);
    expect_answer(fixture, &the_series, ROOT);
}

static void an_instance_is_an_array_of_one(void **state)
{
    const PacsUidPath path = {
        .study_uid = "2.25.1000.1", .series_uid = "2.25.1000.1.1", .sop_instance_uid = "2.25.1000.1.1.2"};
    Fixture *fixture = *state;
    PACS_AUTO_BUFFER PacsBuffer got = PACS_BUFFER(TEXT_MAX);

    for (unsigned i = 1; i <= 3; i++)
        (void)push(fixture, 1, i);
    answer(fixture, &path, ROOT, &got);
    json_t *all = json_loads(pacs_buffer_text(&got), 0, NULL);
    assert_int_equal(json_array_size(all), 1);
    assert_non_null(strstr(
        pacs_buffer_text(&got),
        "\"" ROOT "/studies/2.25.1000.1/series/2.25.1000.1.1/instances/2.25.1000.1.1.2/bulkdata/7FE00010\""));
    json_decref(all);
}

static void another_root_is_answered_too(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 1; i <= 5; i++)
        (void)push(fixture, 1, i);
    append_all(fixture->appender);
    expect_answer(fixture, &the_series, "https://pacs.example/proxy/dicom-web");
    assert_int_equal(slow_count(fixture, &the_series, "/proxy"), 5);
}

static void a_new_root_makes_all_ready_for_it(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsAppender) other = NULL;

    for (unsigned i = 1; i <= 5; i++)
        (void)push(fixture, 1, i);
    append_all(fixture->appender);
    pacs_appender_free(PACS_STEAL(fixture->appender));
    assert_int_equal(pacs_appender_new(fixture->archive.index, "/other", NULL, &other, NULL), PACS_OK);
    append_all(other);
    assert_int_equal(slow_count(fixture, &the_series, "/other"), 0);
    expect_answer(fixture, &the_series, "/other");
}

static void a_deleted_instance_is_in_no_answer(void **state)
{
    Fixture *fixture = *state;
    PacsRemaining remaining;

    for (unsigned i = 1; i <= 5; i++) {
        const PacsIngested ingested = push(fixture, 1, i);
        append_all(fixture->appender);
        if (i != 2 && i != 4)
            continue;
        assert_int_equal(pacs_ingest_delete(fixture->archive.ingest, PACS_LEVEL_INSTANCE,
                                            ingested.added.ids[PACS_LEVEL_INSTANCE], &remaining, NULL),
                         PACS_OK);
        expect_answer(fixture, &the_series, ROOT);
    }
    append_all(fixture->appender);
    expect_answer(fixture, &the_series, ROOT);
    assert_int_equal(slow_count(fixture, &the_series, ROOT), 0);
}

static void a_replaced_instance_is_there_once(void **state)
{
    Fixture *fixture = *state;

    for (unsigned i = 1; i <= 3; i++)
        (void)push(fixture, 1, i);
    append_all(fixture->appender);
    assert_int_equal(push(fixture, 1, 2).added.result, PACS_ADD_REPLACED);
    expect_answer(fixture, &the_series, ROOT);
    append_all(fixture->appender);
    expect_answer(fixture, &the_series, ROOT);
}

static void an_answer_under_way_survives_a_deletion(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(TEXT_MAX);
    PACS_AUTO(PacsSource) source = NULL;
    PacsRemaining remaining;
    uint64_t size = 0;
    PacsIngested last;

    for (unsigned i = 1; i <= 30; i++)
        last = push(fixture, 1, i);
    append_all(fixture->appender);
    const PacsMetadata *metadata = find(fixture, &the_series, ROOT, arena);
    assert_int_equal(pacs_retrieve_open_metadata(fixture->retrieve, metadata, false, &source, &size, NULL),
                     PACS_OK);
    assert_int_equal(pacs_buffer_reserve(&body, 100, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, body.bytes, 100, NULL), PACS_OK);
    assert_int_equal(pacs_ingest_delete(fixture->archive.ingest, PACS_LEVEL_SERIES,
                                        last.added.ids[PACS_LEVEL_SERIES], &remaining, NULL),
                     PACS_OK);
    body.size = 100;
    read_to_end(source, 100, &body);
    assert_int_equal(body.size, size);
    json_t *all = json_loads(pacs_buffer_text(&body), 0, NULL);
    assert_int_equal(json_array_size(all), 30);
    json_decref(all);
}

static void one_that_changed_before_it_was_read_begins_anew(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(TEXT_MAX);
    PACS_AUTO(PacsSource) source = NULL;
    PacsRemaining remaining;
    uint64_t size = 0;

    (void)push(fixture, 1, 1);
    const PacsIngested second = push(fixture, 1, 2);
    const PacsMetadata *metadata = find(fixture, &the_series, ROOT, arena);
    assert_int_equal(pacs_retrieve_open_metadata(fixture->retrieve, metadata, false, &source, &size, NULL),
                     PACS_OK);
    assert_int_equal(pacs_ingest_delete(fixture->archive.ingest, PACS_LEVEL_INSTANCE,
                                        second.added.ids[PACS_LEVEL_INSTANCE], &remaining, NULL),
                     PACS_OK);
    (void)push(fixture, 1, 3);
    read_to_end(source, 1000, &body);
    json_t *all = json_loads(pacs_buffer_text(&body), 0, NULL);
    assert_int_equal(json_array_size(all), 2);
    json_decref(all);
}

static void the_revision_changes_with_the_content_and_only_then(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PacsRemaining remaining;

    const PacsIngested first = push(fixture, 1, 1);
    (void)push(fixture, 1, 2);
    const char *before = find(fixture, &the_series, ROOT, arena)->revision;
    append_all(fixture->appender);
    assert_string_equal(before, find(fixture, &the_series, ROOT, arena)->revision);
    assert_string_not_equal(before, find(fixture, &the_series, "/other", arena)->revision);
    (void)push(fixture, 1, 3);
    const char *after = find(fixture, &the_series, ROOT, arena)->revision;
    assert_string_not_equal(before, after);
    assert_int_equal(pacs_ingest_delete(fixture->archive.ingest, PACS_LEVEL_INSTANCE,
                                        first.added.ids[PACS_LEVEL_INSTANCE], &remaining, NULL),
                     PACS_OK);
    assert_string_not_equal(before, find(fixture, &the_series, ROOT, arena)->revision);
    assert_string_not_equal(after, find(fixture, &the_series, ROOT, arena)->revision);
}

static void an_answer_is_recalled_until_something_is_written(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PACS_AUTO(PacsMetadataBody) first = NULL;
    PACS_AUTO(PacsMetadataBody) second = NULL;

    (void)push(fixture, 1, 1);
    append_all(fixture->appender);
    assert_null(pacs_retrieve_recall_metadata(fixture->retrieve, &the_series, ROOT, true));
    const PacsMetadata *metadata = find(fixture, &the_series, ROOT, arena);
    assert_int_equal(pacs_retrieve_read_metadata(fixture->retrieve, metadata, true, &first, NULL), PACS_OK);
    second = pacs_retrieve_recall_metadata(fixture->retrieve, &the_series, ROOT, true);
    assert_ptr_equal(first, second);
    assert_null(pacs_retrieve_recall_metadata(fixture->retrieve, &the_series, ROOT, false));
    assert_null(pacs_retrieve_recall_metadata(fixture->retrieve, &the_study, ROOT, true));

    (void)push(fixture, 2, 1); /* elsewhere: the index is asked, and the body is still good */
    assert_null(pacs_retrieve_recall_metadata(fixture->retrieve, &the_series, ROOT, true));
    PACS_AUTO(PacsMetadataBody) third = NULL;
    metadata = find(fixture, &the_series, ROOT, arena);
    assert_int_equal(pacs_retrieve_read_metadata(fixture->retrieve, metadata, true, &third, NULL), PACS_OK);
    assert_ptr_equal(first, third);

    (void)push(fixture, 1, 2);
    append_all(fixture->appender);
    PACS_AUTO(PacsMetadataBody) fourth = NULL;
    metadata = find(fixture, &the_series, ROOT, arena);
    assert_int_equal(pacs_retrieve_read_metadata(fixture->retrieve, metadata, true, &fourth, NULL), PACS_OK);
    assert_string_not_equal(first->revision, fourth->revision);
    assert_int_equal(metadata->instance_count, 2);
}

static void two_appenders_do_the_work_once(void **state)
{
    Fixture *fixture = *state;
    PACS_AUTO(PacsAppender) other = NULL;
    bool more = true;

    (void)push(fixture, 1, 1);
    append_all(fixture->appender);
    assert_int_equal(pacs_appender_new(fixture->archive.index, ROOT, NULL, &other, NULL), PACS_OK);
    (void)push(fixture, 1, 2);
    assert_int_equal(pacs_appender_step(other, &more, NULL), PACS_OK); /* the lease is the first one's */
    assert_false(more);
    assert_int_equal(slow_count(fixture, &the_series, ROOT), 1);
    pacs_appender_free(PACS_STEAL(fixture->appender));
    append_all(other);
    expect_answer(fixture, &the_series, ROOT);
    assert_int_equal(slow_count(fixture, &the_series, ROOT), 0);
}

/* ---- All at once ---- */

#define PUSHERS 3
#define PUSHED 60

typedef struct Pusher {
    Fixture *fixture;
    unsigned number;
    atomic_uint *acknowledged; /* of all pushers */
    atomic_uint *running;
} Pusher;

static PacsStatus push_named(Fixture *fixture, unsigned number, PacsIngested *ret_ingested)
{
    char uid[64];
    const TestObject object = {.sop_class_uid = "1.2.840.10008.5.1.4.1.1.2",
                               .sop_instance_uid = uid,
                               .study_instance_uid = "2.25.1000.1",
                               .series_instance_uid = "2.25.1000.1.1",
                               .patient_id = "P1",
                               .patient_name = "Invented^Name",
                               .modality = "CT",
                               .rows = 4,
                               .columns = 4};
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    (void)snprintf(uid, sizeof uid, "2.25.1000.1.1.%u", number);
    test_object_file(&object, &file);
    return test_archive_push(fixture->archive.ingest, file.bytes, file.size, 0, ret_ingested, NULL);
}

/** Adds; replaces every third, and deletes what does not count every fourth time. */
static void *push_many(void *argument)
{
    Pusher *pusher = argument;
    PacsIngested ingested;
    PacsRemaining remaining;

    for (unsigned i = 0; i < PUSHED; i++) {
        const unsigned number = 1 + pusher->number * 1000 + i;
        if (push_named(pusher->fixture, number, &ingested) != PACS_OK)
            break;
        atomic_fetch_add(pusher->acknowledged, 1);
        if (i % 3 == 0 && push_named(pusher->fixture, number, &ingested) != PACS_OK)
            break;
        if (i % 4 == 0 &&
            (push_named(pusher->fixture, number + 500000, &ingested) != PACS_OK ||
             pacs_ingest_delete(pusher->fixture->archive.ingest, PACS_LEVEL_INSTANCE,
                                ingested.added.ids[PACS_LEVEL_INSTANCE], &remaining, NULL) != PACS_OK))
            break;
    }
    atomic_fetch_sub(pusher->running, 1);
    return NULL;
}

static bool is_named_once(json_t *names, const json_t *instance)
{
    const json_t *element = json_object_get(instance, "00080018");
    const char *uid = json_string_value(json_array_get(json_object_get(element, "Value"), 0));
    bool is_new = uid && !json_object_get(names, uid);

    return is_new && json_object_set_new(names, uid, json_true()) == 0;
}

/** At least `acknowledged` that stay, each once. */
static void check_now(Fixture *fixture, unsigned acknowledged, bool as_gzip)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(TEXT_MAX);
    PacsSource *packed = NULL;
    PACS_AUTO(PacsSource) source = NULL;
    uint64_t size = 0;

    const PacsMetadata *metadata = find(fixture, &the_series, ROOT, arena);
    assert_int_equal(pacs_retrieve_open_metadata(fixture->retrieve, metadata, as_gzip, &packed, &size, NULL),
                     PACS_OK);
    if (as_gzip)
        assert_int_equal(pacs_source_gunzip(packed, &source, NULL), PACS_OK);
    else
        source = packed;
    read_to_end(source, 5000, &text);
    json_t *all = json_loads(pacs_buffer_text(&text), 0, NULL);
    json_t *names = json_object();
    size_t staying = 0;
    assert_true(json_is_array(all));
    for (size_t i = 0; i < json_array_size(all); i++) {
        assert_true(is_named_once(names, json_array_get(all, i)));
        const json_t *element = json_object_get(json_array_get(all, i), "00080018");
        const char *uid = json_string_value(json_array_get(json_object_get(element, "Value"), 0));
        staying += strtoul(strrchr(uid, '.') + 1, NULL, 10) < 500000;
    }
    assert_true(staying >= acknowledged);
    json_decref(names);
    json_decref(all);
}

static void answers_are_whole_while_all_happens_at_once(void **state)
{
    Fixture *fixture = *state;
    atomic_uint acknowledged = 0, running = PUSHERS;
    Pusher pushers[PUSHERS];
    pthread_t threads[PUSHERS];
    PACS_AUTO(PacsLifecycle) lifecycle = NULL;

    pacs_appender_free(PACS_STEAL(fixture->appender)); /* the lifecycle's thread appends here */
    assert_int_equal(push_named(fixture, 999999 / 2, &(PacsIngested){0}), PACS_OK);
    assert_int_equal(
        pacs_lifecycle_new(&(PacsLifecycleOptions){.stable_age_s = 60, .tick_ms = 1, .metadata_root = ROOT},
                           fixture->archive.index, fixture->archive.ingest, NULL, &lifecycle, NULL),
        PACS_OK);
    for (unsigned i = 0; i < PUSHERS; i++) {
        pushers[i] = (Pusher){fixture, i, &acknowledged, &running};
        assert_int_equal(pthread_create(&threads[i], NULL, push_many, &pushers[i]), 0);
    }
    for (bool as_gzip = false; atomic_load(&running) > 0; as_gzip = !as_gzip)
        check_now(fixture, atomic_load(&acknowledged), as_gzip);
    for (unsigned i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&acknowledged), PUSHERS * PUSHED);
    while (slow_count(fixture, &the_series, ROOT) > 0) /* bounded by the test's time limit */
        continue;
    check_now(fixture, PUSHERS * PUSHED, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_complete_before_anything_is_ready),
        TEST(what_is_ready_is_the_same_text),
        TEST(every_step_between_is_complete),
        TEST(pieces_are_compressed_against_what_went_before),
        TEST(a_study_is_its_series_joined),
        TEST(a_uid_of_two_patients_answers_both),
        TEST(an_instance_is_an_array_of_one),
        TEST(another_root_is_answered_too),
        TEST(a_new_root_makes_all_ready_for_it),
        TEST(a_deleted_instance_is_in_no_answer),
        TEST(a_replaced_instance_is_there_once),
        TEST(an_answer_under_way_survives_a_deletion),
        TEST(one_that_changed_before_it_was_read_begins_anew),
        TEST(the_revision_changes_with_the_content_and_only_then),
        TEST(an_answer_is_recalled_until_something_is_written),
        TEST(two_appenders_do_the_work_once),
        TEST(answers_are_whole_while_all_happens_at_once),
    };
    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
