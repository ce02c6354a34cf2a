/* What ingest promises to every door: all or nothing, bytes as they came, one rule for duplicates. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pacs/retrieve/retrieve.h"
#include "pacs/util/arena.h"
#include "pacs/util/clock.h"
#include "tests/support/archive.h"
#include "tests/support/index_failing.h"
#include "tests/support/object.h"
#include "tests/support/store_failing.h"

static void set_overwrite(TestArchive *archive, PacsOverwrite overwrite)
{
    PacsIngestOptions options = {.overwrite = overwrite};

    pacs_ingest_free(archive->ingest);
    assert_int_equal(pacs_ingest_new(&options, archive->store, archive->index, NULL, &archive->ingest, NULL),
                     PACS_OK);
}

static uint64_t instance_count(const TestArchive *archive)
{
    PacsStatistics statistics;

    assert_int_equal(pacs_index_statistics(archive->index, &statistics, NULL), PACS_OK);
    return statistics.instances;
}

static void assert_nothing_stored(const TestArchive *archive)
{
    assert_int_equal(instance_count(archive), 0);
    assert_int_equal(test_archive_object_count(archive), 0);
}

static void assert_stored_bytes(const TestArchive *archive, const char *instance_id,
                                const PacsBuffer *expected)
{
    PACS_AUTO(PacsRetrieve) retrieve = NULL;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PacsRetrievedFile file;

    assert_int_equal(pacs_retrieve_new(archive->store, archive->index, &retrieve, NULL), PACS_OK);
    assert_int_equal(pacs_retrieve_file(retrieve, instance_id, arena, &file, NULL), PACS_OK);
    assert_int_equal(file.size_bytes, expected->size);

    PACS_AUTO(PacsSource) source = file.source;
    uint8_t bytes[4096];
    assert_true(expected->size <= sizeof bytes);
    assert_int_equal(pacs_source_read_all(source, bytes, expected->size, NULL), PACS_OK);
    assert_memory_equal(bytes, expected->bytes, expected->size);
}

static void a_file_is_stored_as_it_came(void **state)
{
    TestArchive *archive = *state;
    TestObject object = test_object(1, 1, 1);
    PacsIngested ingested;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    test_object_file(&object, &file);

    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &ingested, NULL), PACS_OK);

    assert_int_equal(ingested.added.result, PACS_ADD_NEW);
    assert_string_equal(ingested.sop_instance_uid, object.sop_instance_uid);
    assert_int_equal(ingested.size_bytes, file.size);
    assert_stored_bytes(archive, ingested.added.ids[PACS_LEVEL_INSTANCE], &file);
}

static void the_result_does_not_depend_on_the_pieces(void **state)
{
    TestArchive *archive = *state;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    for (unsigned piece = 1; piece < 40; piece++) {
        TestObject object = test_object(1, 1, piece);
        PacsIngested ingested;

        pacs_buffer_reset(&file);
        test_object_file(&object, &file);
        assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, piece, &ingested, NULL),
                         PACS_OK);
        assert_stored_bytes(archive, ingested.added.ids[PACS_LEVEL_INSTANCE], &file);
    }
    assert_int_equal(instance_count(archive), 39);
}

static void bytes_put_into_room_or_handed_over_as_blocks_are_stored_alike(void **state)
{
    TestArchive *archive = *state;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    for (unsigned way = 1; way <= 2; way++) {
        TestObject object = test_object(1, 1, way);
        const PacsUploadRequest request = {.size_hint = 0};
        PacsIngested ingested;
        PACS_AUTO(PacsUpload) upload = NULL;
        uint8_t *block = pacs_blocks_take(NULL), *room = NULL;
        size_t size = 0;

        pacs_buffer_reset(&file);
        test_object_file(&object, &file);
        assert_int_equal(pacs_ingest_begin(archive->ingest, &request, &upload, NULL), PACS_OK);
        if (way == 1)
            assert_int_equal(pacs_upload_room(upload, &room, &size, NULL), PACS_OK);
        if (size >= file.size) { /* a store without room takes blocks */
            memcpy(room, file.bytes, file.size);
            assert_int_equal(pacs_upload_filled(upload, file.size, NULL), PACS_OK);
        } else {
            memcpy(block, file.bytes, file.size);
            assert_int_equal(pacs_upload_feed_block(upload, &block, file.size, NULL), PACS_OK);
        }
        pacs_blocks_put(NULL, block);
        assert_int_equal(pacs_upload_finish(upload, &ingested, NULL), PACS_OK);
        assert_int_equal(ingested.size_bytes, file.size);
        assert_stored_bytes(archive, ingested.added.ids[PACS_LEVEL_INSTANCE], &file);
    }
}

static void a_failure_is_for_good_whichever_way_bytes_come(void **state)
{
    TestArchive *archive = *state;
    const PacsUploadRequest request = {.size_hint = 0};
    PACS_AUTO(PacsUpload) upload = NULL;
    uint8_t *block = pacs_blocks_take(NULL), *room = NULL;
    size_t size = 0;

    memset(block, 'x', PACS_BLOCK_BYTES);
    assert_int_equal(pacs_ingest_begin(archive->ingest, &request, &upload, NULL), PACS_OK);
    assert_int_equal(pacs_upload_feed_block(upload, &block, 1000, NULL), PACS_INVALID);
    assert_int_equal(pacs_upload_feed_block(upload, &block, 1000, NULL), PACS_INVALID);
    assert_int_equal(pacs_upload_room(upload, &room, &size, NULL), PACS_INVALID);
    assert_int_equal(pacs_upload_filled(upload, 1, NULL), PACS_INVALID);
    assert_int_equal(pacs_upload_feed(upload, "x", 1, NULL), PACS_INVALID);
    pacs_blocks_put(NULL, block);
    pacs_upload_free(PACS_STEAL(upload));
    assert_nothing_stored(archive);
}

static PacsStatus push_announced(TestArchive *archive, const TestObject *object,
                                 const PacsFileMeta *announced, const char *expected_study_uid,
                                 PacsIngested *ret_ingested, PacsError *err)
{
    PacsOrigin origin = {.door = PACS_ORIGIN_DICOM, .calling_aet = "CT1", .called_aet = "LIGHTBOX"};
    PacsUploadRequest request = {
        .origin = &origin, .announced = announced, .expected_study_uid = expected_study_uid};
    PACS_AUTO(PacsUpload) upload = NULL;
    PACS_AUTO_BUFFER PacsBuffer dataset = PACS_BUFFER(1 << 16);
    test_object_dataset(object, &dataset);

    PacsStatus status = pacs_ingest_begin(archive->ingest, &request, &upload, err);
    if (status == PACS_OK)
        status = pacs_upload_feed(upload, dataset.bytes, dataset.size, err);
    return status == PACS_OK ? pacs_upload_finish(upload, ret_ingested, err) : status;
}

static PacsFileMeta announcement(const TestObject *object)
{
    return (PacsFileMeta){.sop_class_uid = object->sop_class_uid,
                          .sop_instance_uid = object->sop_instance_uid,
                          .transfer_syntax_uid = "1.2.840.10008.1.2.1"};
}

static void a_data_set_from_the_network_becomes_a_file(void **state)
{
    TestArchive *archive = *state;
    TestObject object = test_object(1, 1, 1);
    PacsFileMeta announced = announcement(&object);
    PacsIngested ingested;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    test_object_file(&object, &file);

    assert_int_equal(push_announced(archive, &object, &announced, NULL, &ingested, NULL), PACS_OK);
    assert_stored_bytes(archive, ingested.added.ids[PACS_LEVEL_INSTANCE], &file);
}

static void another_instance_than_announced_is_refused(void **state)
{
    TestArchive *archive = *state;
    TestObject object = test_object(1, 1, 1);
    PacsFileMeta announced = announcement(&object);
    PacsIngested ingested;
    PacsError err = {0};

    announced.sop_instance_uid = "2.25.9";
    assert_int_equal(push_announced(archive, &object, &announced, NULL, &ingested, &err), PACS_MISMATCH);
    assert_non_null(strstr(err.text, "2.25.9"));
    assert_nothing_stored(archive);
}

static void another_class_than_announced_is_refused(void **state)
{
    TestArchive *archive = *state;
    TestObject object = test_object(1, 1, 1);
    PacsFileMeta announced = announcement(&object);
    PacsIngested ingested;

    announced.sop_class_uid = "1.2.840.10008.5.1.4.1.1.4";
    assert_int_equal(push_announced(archive, &object, &announced, NULL, &ingested, NULL), PACS_MISMATCH);
    assert_nothing_stored(archive);
}

static void another_study_than_expected_is_refused(void **state)
{
    TestArchive *archive = *state;
    TestObject object = test_object(1, 1, 1);
    PacsFileMeta announced = announcement(&object);
    PacsIngested ingested;

    assert_int_equal(push_announced(archive, &object, &announced, "2.25.77", &ingested, NULL), PACS_MISMATCH);
    assert_nothing_stored(archive);
}

static void bytes_that_are_no_dicom_leave_nothing(void **state)
{
    TestArchive *archive = *state;
    static const char text[] =
        "Dear radiologist, please find enclosed no DICOM at all. Kind regards, the scanner.";
    PacsIngested ingested;
    PacsError err = {0};

    assert_int_equal(test_archive_push(archive->ingest, text, sizeof text - 1, 0, &ingested, &err),
                     PACS_INVALID);
    assert_true(err.text[0] != '\0');
    assert_nothing_stored(archive);
}

static void an_empty_upload_is_refused(void **state)
{
    TestArchive *archive = *state;
    PacsIngested ingested;

    assert_int_equal(test_archive_push(archive->ingest, "", 0, 0, &ingested, NULL), PACS_INVALID);
    assert_nothing_stored(archive);
}

static void a_truncated_file_leaves_nothing(void **state)
{
    TestArchive *archive = *state;
    TestObject object = test_object(1, 1, 1);
    PacsIngested ingested;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    test_object_file(&object, &file);

    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size - 5, 0, &ingested, NULL),
                     PACS_INVALID);
    assert_nothing_stored(archive);
}

static void an_upload_that_is_given_up_leaves_nothing(void **state)
{
    TestArchive *archive = *state;
    PacsUpload *upload = NULL;

    assert_int_equal(pacs_ingest_begin(archive->ingest, &(PacsUploadRequest){0}, &upload, NULL), PACS_OK);
    assert_int_equal(pacs_upload_feed(upload, "some bytes", 10, NULL), PACS_OK);
    pacs_upload_free(upload);
    assert_nothing_stored(archive);
}

static void a_failure_is_sticky(void **state)
{
    TestArchive *archive = *state;
    uint8_t junk[512];
    PacsIngested ingested;
    PacsError first = {0}, second = {0};
    PACS_AUTO(PacsUpload) upload = NULL;

    memset(junk, 0xEE, sizeof junk);
    assert_int_equal(pacs_ingest_begin(archive->ingest, &(PacsUploadRequest){0}, &upload, NULL), PACS_OK);
    PacsStatus status = PACS_OK;
    for (int i = 0; i < 4 && status == PACS_OK; i++)
        status = pacs_upload_feed(upload, junk, sizeof junk, &first);
    assert_int_equal(status, PACS_INVALID);
    assert_int_equal(pacs_upload_feed(upload, junk, sizeof junk, &second), PACS_INVALID);
    assert_string_equal(first.text, second.text);
    assert_int_equal(pacs_upload_finish(upload, &ingested, &second), PACS_INVALID);
    assert_string_equal(first.text, second.text);
}

static void push_twice(TestArchive *archive, bool change, PacsIngested *ret_second)
{
    TestObject object = test_object(1, 1, 1);
    PacsIngested first;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_object_file(&object, &file);
    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &first, NULL), PACS_OK);
    if (change) {
        pacs_buffer_reset(&file);
        object.patient_name = "Other^Name";
        test_object_file(&object, &file);
    }
    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, ret_second, NULL), PACS_OK);
    assert_string_equal(first.added.ids[PACS_LEVEL_INSTANCE], ret_second->added.ids[PACS_LEVEL_INSTANCE]);
    assert_int_equal(instance_count(archive), 1);
}

static void collect_garbage(TestArchive *archive)
{
    bool left = true;

    assert_int_equal(pacs_ingest_collect_garbage(archive->ingest, 1000, &left, NULL), PACS_OK);
    assert_false(left);
}

static void never_keeps_the_first(void **state)
{
    TestArchive *archive = *state;
    PacsIngested second;

    push_twice(archive, true, &second);
    assert_int_equal(second.added.result, PACS_ADD_DUPLICATE);
    assert_int_equal(test_archive_object_count(archive), 1);
}

static void always_keeps_the_newest(void **state)
{
    TestArchive *archive = *state;
    PacsIngested second;

    set_overwrite(archive, PACS_OVERWRITE_ALWAYS);
    push_twice(archive, false, &second);
    assert_int_equal(second.added.result, PACS_ADD_REPLACED);
    collect_garbage(archive);
    assert_int_equal(test_archive_object_count(archive), 1);
}

static void if_changed_keeps_equal_bytes(void **state)
{
    TestArchive *archive = *state;
    PacsIngested second;

    set_overwrite(archive, PACS_OVERWRITE_IF_CHANGED);
    push_twice(archive, false, &second);
    assert_int_equal(second.added.result, PACS_ADD_DUPLICATE);
}

static void if_changed_replaces_other_bytes(void **state)
{
    TestArchive *archive = *state;
    PacsIngested second;

    set_overwrite(archive, PACS_OVERWRITE_IF_CHANGED);
    push_twice(archive, true, &second);
    assert_int_equal(second.added.result, PACS_ADD_REPLACED);
    collect_garbage(archive);
    assert_int_equal(test_archive_object_count(archive), 1);
}

static void one_sop_instance_uid_under_two_patients_is_kept_and_reported(void **state)
{
    TestArchive *archive = *state;
    TestObject object = test_object(1, 1, 1);
    PacsIngested first, second;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_object_file(&object, &file);
    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &first, NULL), PACS_OK);
    pacs_buffer_reset(&file);
    object.patient_id = "P2";
    test_object_file(&object, &file);
    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &second, NULL), PACS_OK);

    assert_false(first.added.uid_collision);
    assert_true(second.added.uid_collision);
    assert_true(second.added.study_uid_collision);
    assert_string_not_equal(first.added.ids[PACS_LEVEL_INSTANCE], second.added.ids[PACS_LEVEL_INSTANCE]);
    assert_int_equal(instance_count(archive), 2);
}

static void a_read_only_server_takes_nothing(void **state)
{
    TestArchive *archive = *state;
    PacsIngestOptions options = {.read_only = true};
    PacsUpload *upload = NULL;
    PacsRemaining remaining;

    pacs_ingest_free(archive->ingest);
    assert_int_equal(pacs_ingest_new(&options, archive->store, archive->index, NULL, &archive->ingest, NULL),
                     PACS_OK);
    assert_int_equal(pacs_ingest_begin(archive->ingest, &(PacsUploadRequest){0}, &upload, NULL),
                     PACS_REFUSED);
    assert_int_equal(pacs_ingest_delete(archive->ingest, PACS_LEVEL_STUDY,
                                        "00000000-00000000-00000000-00000000-00000000", &remaining, NULL),
                     PACS_REFUSED);
}

static void deletion_removes_rows_at_once_and_bytes_after(void **state)
{
    TestArchive *archive = *state;
    PacsIngested ingested;
    PacsRemaining remaining;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    for (unsigned instance = 1; instance <= 300; instance++) {
        TestObject object = test_object(1, 1, instance);
        pacs_buffer_reset(&file);
        test_object_file(&object, &file);
        assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &ingested, NULL),
                         PACS_OK);
    }
    assert_int_equal(pacs_ingest_delete(archive->ingest, PACS_LEVEL_PATIENT,
                                        ingested.added.ids[PACS_LEVEL_PATIENT], &remaining, NULL),
                     PACS_OK);
    assert_false(remaining.exists);
    assert_int_equal(instance_count(archive), 0);
    assert_int_equal(test_archive_object_count(archive), 300);
    collect_garbage(archive);
    assert_int_equal(test_archive_object_count(archive), 0);
}

/** An ingest over the archive whose store and index fail on demand. */
typedef struct Failing {
    PacsStore *store;
    PacsIndex *index;
    PacsIngest *ingest;
} Failing;

static Failing open_failing(TestArchive *archive)
{
    PacsIngestOptions options = {.overwrite = PACS_OVERWRITE_NEVER};
    Failing failing = {.store = store_failing_new(archive->store),
                       .index = index_failing_new(archive->index)};

    assert_int_equal(pacs_ingest_new(&options, failing.store, failing.index, NULL, &failing.ingest, NULL),
                     PACS_OK);
    return failing;
}

static void close_failing(Failing *failing)
{
    pacs_ingest_free(failing->ingest);
    pacs_index_free(failing->index);
    pacs_store_free(failing->store);
}

static PacsStatus push_failing(Failing *failing, PacsError *err)
{
    TestObject object = test_object(1, 1, 1);
    PacsIngested ingested;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);

    test_object_file(&object, &file);
    return test_archive_push(failing->ingest, file.bytes, file.size, 64, &ingested, err);
}

static void a_full_disk_refuses_at_every_step_and_leaves_nothing(void **state)
{
    static const StoreFailingSlot slots[] = {STORE_FAILING_CREATE, STORE_FAILING_WRITE, STORE_FAILING_COMMIT};
    TestArchive *archive = *state;
    Failing failing = open_failing(archive);

    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        store_failing_arm(failing.store, slots[i], 1, PACS_NO_SPACE);
        assert_int_equal(push_failing(&failing, NULL), PACS_NO_SPACE);
        assert_nothing_stored(archive);
    }
    assert_int_equal(push_failing(&failing, NULL), PACS_OK);
    close_failing(&failing);
}

static void an_index_that_fails_takes_the_bytes_back(void **state)
{
    static const PacsStatus statuses[] = {PACS_UNAVAILABLE, PACS_NO_SPACE, PACS_INTERNAL};
    TestArchive *archive = *state;
    Failing failing = open_failing(archive);

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        index_failing_arm(failing.index, INDEX_FAILING_ADD, 1, statuses[i]);
        assert_int_equal(push_failing(&failing, NULL), statuses[i]);
        assert_nothing_stored(archive);
    }
    close_failing(&failing);
}

static void bytes_stay_where_nobody_knows_whether_a_row_names_them(void **state)
{
    TestArchive *archive = *state;
    Failing failing = open_failing(archive);
    uint64_t removed = 0;

    index_failing_arm(failing.index, INDEX_FAILING_ADD, 1, PACS_UNAVAILABLE);
    assert_int_equal(pacs_ingest_sweep(archive->ingest, &removed, NULL), PACS_OK); /* as every start does */
    index_failing_arm(failing.index, INDEX_FAILING_HAS_KEY, 1, PACS_UNAVAILABLE);
    assert_int_equal(push_failing(&failing, NULL), PACS_UNAVAILABLE);
    assert_int_equal(test_archive_object_count(archive), 1);
    assert_int_equal(pacs_ingest_sweep(archive->ingest, &removed, NULL), PACS_OK);
    assert_int_equal(removed, 1);
    close_failing(&failing);
}

static void garbage_that_cannot_be_removed_is_tried_again(void **state)
{
    TestArchive *archive = *state;
    Failing failing = open_failing(archive);
    PacsRemaining remaining;
    PacsIngested ingested;
    bool left = false;
    PACS_AUTO_BUFFER PacsBuffer file = PACS_BUFFER(1 << 16);
    TestObject object = test_object(1, 1, 1);
    test_object_file(&object, &file);

    assert_int_equal(test_archive_push(archive->ingest, file.bytes, file.size, 0, &ingested, NULL), PACS_OK);
    assert_int_equal(pacs_ingest_delete(archive->ingest, PACS_LEVEL_STUDY,
                                        ingested.added.ids[PACS_LEVEL_STUDY], &remaining, NULL),
                     PACS_OK);
    store_failing_arm(failing.store, STORE_FAILING_REMOVE, 1, PACS_UNAVAILABLE);
    assert_int_equal(pacs_ingest_collect_garbage(failing.ingest, 10, &left, NULL), PACS_UNAVAILABLE);
    assert_int_equal(test_archive_object_count(archive), 1);
    assert_int_equal(pacs_ingest_collect_garbage(failing.ingest, 10, &left, NULL), PACS_OK);
    assert_int_equal(test_archive_object_count(archive), 0);
    close_failing(&failing);
}

/* ---- Backlog ---- */

static void tell(const TestArchive *archive, const char *key)
{
    const PacsTold told = {.type = "access.recorded", .key = key, .data = "{}"};

    assert_int_equal(pacs_index_tell(archive->index, &told, NULL), PACS_OK);
}

static bool admits(const TestArchive *archive, int64_t now_ms)
{
    PacsOutboxDepth depth;

    assert_int_equal(pacs_ingest_watch_backlog(archive->ingest, now_ms, &depth, NULL), PACS_OK);
    const PacsStatus status = pacs_ingest_admit(archive->ingest, NULL);
    assert_true(status == PACS_OK || status == PACS_UNAVAILABLE);
    return status == PACS_OK;
}

static void set_limits(TestArchive *archive, uint64_t max_rows, uint64_t max_age_s)
{
    PacsIngestOptions options = {.max_outbox_rows = max_rows, .max_outbox_age_s = max_age_s};

    pacs_ingest_free(archive->ingest);
    assert_int_equal(pacs_ingest_new(&options, archive->store, archive->index, NULL, &archive->ingest, NULL),
                     PACS_OK);
}

static void too_many_unsent_events_close_the_way_in_until_some_are_sent(void **state)
{
    TestArchive *archive = *state;
    const int64_t id = 1;

    set_limits(archive, 2, 0);
    tell(archive, "a");
    tell(archive, "b");
    assert_true(admits(archive, pacs_now_ms()));
    tell(archive, "c");
    assert_false(admits(archive, pacs_now_ms()));
    assert_int_equal(pacs_index_mark_sent(archive->index, NULL, &id, 1, NULL), PACS_OK);
    assert_true(admits(archive, pacs_now_ms()));
}

static void an_event_that_waits_too_long_closes_the_way_in(void **state)
{
    TestArchive *archive = *state;

    set_limits(archive, 0, 60);
    assert_true(admits(archive, pacs_now_ms() + 1000000)); /* nothing waits */
    tell(archive, "a");
    assert_true(admits(archive, pacs_now_ms()));
    assert_false(admits(archive, pacs_now_ms() + 62000));
}

static void what_a_dead_event_holds_up_does_not_close_the_way_in(void **state)
{
    TestArchive *archive = *state;

    set_limits(archive, 1, 60);
    tell(archive, "a");
    tell(archive, "a");
    tell(archive, "a");
    assert_int_equal(pacs_index_mark_dead(archive->index, NULL, 1, "too large", NULL), PACS_OK);
    assert_true(admits(archive, pacs_now_ms() + 1000000));
}

static void an_upload_that_has_begun_goes_on(void **state)
{
    TestArchive *archive = *state;

    test_archive_set_backlog(archive, true);
    (void)test_archive_push_object(archive, 1);
}

int main(void)
{
#define ARCHIVE_TEST(function)                                                                               \
    cmocka_unit_test_setup_teardown(function, test_archive_set_up, test_archive_tear_down)
    const struct CMUnitTest tests[] = {
        ARCHIVE_TEST(a_file_is_stored_as_it_came),
        ARCHIVE_TEST(the_result_does_not_depend_on_the_pieces),
        ARCHIVE_TEST(bytes_put_into_room_or_handed_over_as_blocks_are_stored_alike),
        ARCHIVE_TEST(a_failure_is_for_good_whichever_way_bytes_come),
        ARCHIVE_TEST(a_data_set_from_the_network_becomes_a_file),
        ARCHIVE_TEST(another_instance_than_announced_is_refused),
        ARCHIVE_TEST(another_class_than_announced_is_refused),
        ARCHIVE_TEST(another_study_than_expected_is_refused),
        ARCHIVE_TEST(bytes_that_are_no_dicom_leave_nothing),
        ARCHIVE_TEST(an_empty_upload_is_refused),
        ARCHIVE_TEST(a_truncated_file_leaves_nothing),
        ARCHIVE_TEST(an_upload_that_is_given_up_leaves_nothing),
        ARCHIVE_TEST(a_failure_is_sticky),
        ARCHIVE_TEST(never_keeps_the_first),
        ARCHIVE_TEST(always_keeps_the_newest),
        ARCHIVE_TEST(if_changed_keeps_equal_bytes),
        ARCHIVE_TEST(if_changed_replaces_other_bytes),
        ARCHIVE_TEST(one_sop_instance_uid_under_two_patients_is_kept_and_reported),
        ARCHIVE_TEST(a_read_only_server_takes_nothing),
        ARCHIVE_TEST(deletion_removes_rows_at_once_and_bytes_after),
        ARCHIVE_TEST(a_full_disk_refuses_at_every_step_and_leaves_nothing),
        ARCHIVE_TEST(an_index_that_fails_takes_the_bytes_back),
        ARCHIVE_TEST(bytes_stay_where_nobody_knows_whether_a_row_names_them),
        ARCHIVE_TEST(garbage_that_cannot_be_removed_is_tried_again),
        ARCHIVE_TEST(too_many_unsent_events_close_the_way_in_until_some_are_sent),
        ARCHIVE_TEST(an_event_that_waits_too_long_closes_the_way_in),
        ARCHIVE_TEST(what_a_dead_event_holds_up_does_not_close_the_way_in),
        ARCHIVE_TEST(an_upload_that_has_begun_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
