/* What is made before anybody asks: seen where it is kept. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/lifecycle/prepare.h"
#include "pacs/retrieve/converted_frame.h"
#include "pacs/retrieve/pictures.h"
#include "pacs/util/clock.h"
#include "tests/support/archive.h"
#include "tests/support/index_failing.h"
#include "tests/support/object.h"

#define DEADLINE_NS (20ull * 1000 * 1000 * 1000)
#define MEMORY (16u << 20)

static TestArchive archive;
static TranscodeService *transcode;
static PacsRetrieve *retrieve;
static PacsMetrics *metrics;
static PacsPreparer *preparer;

static int set_up(void **state)
{
    (void)state;
    test_archive_open(&archive, PACS_OVERWRITE_NEVER);
    metrics = pacs_metrics_new();
    assert_int_equal(transcode_service_new(&(TranscodeServiceOptions){.memory_bytes = MEMORY, .workers = 2},
                                           NULL, &transcode, NULL),
                     PACS_OK);
    assert_int_equal(pacs_retrieve_new(archive.store, archive.index, &retrieve, NULL), PACS_OK);
    pacs_retrieve_set_transcode(retrieve, transcode);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_preparer_free(preparer);
    preparer = NULL;
    pacs_retrieve_free(retrieve);
    transcode_service_free(transcode);
    pacs_metrics_free(metrics);
    test_archive_close(&archive);
    return 0;
}

static void start(const PacsPrepareOptions *options)
{
    assert_int_equal(pacs_preparer_new(options, retrieve, archive.index, metrics, &preparer, NULL), PACS_OK);
}

static PacsUidPath path_of(const TestObject *object)
{
    return (PacsUidPath){.study_uid = object->study_instance_uid,
                         .series_uid = object->series_instance_uid,
                         .sop_instance_uid = object->sop_instance_uid};
}

static bool frame_is_there(unsigned number)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    const TestObject object = test_object(1, 1, number);
    const PacsUidPath path = path_of(&object);
    PacsRetrievedImage *image = NULL;

    assert_int_equal(pacs_retrieve_image(retrieve, &path, arena, &image, NULL), PACS_OK);
    const PacsFrameConversion conversion = {
        .image = image, .frame_number = 1, .target = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS}};
    PACS_AUTO(TranscodeResult) result = pacs_retrieve_find_converted(retrieve, &conversion);
    return result != NULL;
}

static bool thumbnail_is_there(unsigned number)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    const TestObject object = test_object(1, 1, number);
    const PacsUidPath path = path_of(&object);
    const PacsInstanceName name = {.path = &path};
    const PacsPictureWish wish = PACS_PICTURE_THUMBNAIL;
    PacsPicture *picture = NULL;

    assert_int_equal(pacs_picture_find(retrieve, &name, &wish, arena, &picture, NULL), PACS_OK);
    PACS_AUTO(TranscodeResult) result = pacs_picture_recall(retrieve, picture);
    return result != NULL;
}

static void await(bool (*holds)(unsigned number), unsigned number)
{
    const uint64_t begun = pacs_monotonic_ns();

    while (!holds(number)) {
        assert_true(pacs_monotonic_ns() - begun < DEADLINE_NS);
        (void)sched_yield();
    }
}

static void frames_of_what_arrives_are_ready_in_the_transfer_syntax_asked_for(void **state)
{
    (void)state;
    start(&(PacsPrepareOptions){.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS, .poll_ms = 1});
    (void)test_archive_push_object(&archive, 1);
    await(frame_is_there, 1);
}

static void small_frames_are_left_to_who_asks(void **state)
{
    (void)state;
    start(&(PacsPrepareOptions){.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS,
                                .minimum_frame_bytes = 33,
                                .makes_thumbnails = true,
                                .poll_ms = 1});
    (void)test_archive_push_object(&archive, 1); /* a frame of 32 bytes */
    assert_int_equal(pacs_index_stabilise(archive.index, INT64_MAX, 100, &(uint32_t){0}, NULL), PACS_OK);
    await(thumbnail_is_there, 1); /* which comes behind it in the feed */
    assert_false(frame_is_there(1));
}

static void a_series_that_is_stable_has_its_thumbnail(void **state)
{
    (void)state;
    start(&(PacsPrepareOptions){.makes_thumbnails = true, .poll_ms = 1});
    for (unsigned i = 1; i <= 3; i++)
        (void)test_archive_push_object(&archive, i);
    assert_int_equal(pacs_index_stabilise(archive.index, INT64_MAX, 100, &(uint32_t){0}, NULL), PACS_OK);
    await(thumbnail_is_there, 2); /* the middle one stands for the series */
    assert_false(thumbnail_is_there(1));
}

static void a_feed_that_could_not_be_read_is_asked_again_although_nothing_is_written(void **state)
{
    (void)state;
    PACS_AUTO(PacsIndex) failing = index_failing_new(archive.index);
    const PacsPrepareOptions options = {.transfer_syntax_uid = PACS_UID_RLE_LOSSLESS, .poll_ms = 1};

    assert_int_equal(pacs_preparer_new(&options, retrieve, failing, metrics, &preparer, NULL), PACS_OK);
    index_failing_arm(failing, INDEX_FAILING_READ_CHANGES, 1, PACS_UNAVAILABLE);
    (void)test_archive_push_object(&archive, 1);
    await(frame_is_there, 1);
    pacs_preparer_free(preparer);
    preparer = NULL;
}

static void a_preparer_ends_while_it_has_work(void **state)
{
    (void)state;
    start(&(PacsPrepareOptions){
        .transfer_syntax_uid = PACS_UID_RLE_LOSSLESS, .makes_thumbnails = true, .poll_ms = 1});
    for (unsigned i = 1; i <= 20; i++)
        (void)test_archive_push_object(&archive, i);
    pacs_preparer_free(preparer);
    preparer = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_of_what_arrives_are_ready_in_the_transfer_syntax_asked_for,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(small_frames_are_left_to_who_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_series_that_is_stable_has_its_thumbnail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_feed_that_could_not_be_read_is_asked_again_although_nothing_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_preparer_ends_while_it_has_work, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("prepare", tests, NULL, NULL);
}
