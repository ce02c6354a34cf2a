/* What no row names goes: a crash's leftovers at start, what a power loss brought back little by little. */

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "pacs/util/arena.h"
#include "pacs/util/clock.h"
#include "tests/support/archive.h"

static void leave_an_orphan(TestArchive *archive)
{
    PacsStoreWriter *writer = NULL;

    assert_int_equal(pacs_store_create(archive->store, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_write(writer, "orphan", 6, NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    pacs_store_writer_free(writer);
}

static PacsStatus take_first(void *context, const PacsKey *key, uint64_t size_bytes, PacsError *err)
{
    (void)size_bytes;
    *(PacsKey *)context = *key;
    return pacs_fail(err, PACS_CANCELLED, "one is enough");
}

static PacsKey oldest_object(const TestArchive *archive)
{
    PacsKey key = {{0}};

    assert_int_equal(pacs_store_list(archive->store, NULL, take_first, &key, NULL), PACS_CANCELLED);
    return key;
}

static PacsKey settle_and_read_mark(TestArchive *archive)
{
    const char *hex = NULL;
    PacsKey mark = {{0}};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(4096);

    /* Twice: a key is trusted one call after it was seen. */
    assert_int_equal(pacs_ingest_settle(archive->ingest, NULL), PACS_OK);
    assert_int_equal(pacs_ingest_settle(archive->ingest, NULL), PACS_OK);
    assert_int_equal(pacs_index_read_setting(archive->index, "sweep.from", arena, &hex, NULL), PACS_OK);
    assert_int_equal(pacs_key_parse(hex, &mark, NULL), PACS_OK);
    return mark;
}

static void the_sweep_removes_what_no_row_names(void **state)
{
    TestArchive *archive = *state;
    uint64_t removed = 0;

    leave_an_orphan(archive);
    (void)test_archive_push_object(archive, 1);
    leave_an_orphan(archive);
    assert_int_equal(pacs_ingest_sweep(archive->ingest, &removed, NULL), PACS_OK);
    assert_int_equal(removed, 2);
    assert_int_equal(test_archive_object_count(archive), 1);
}

static void the_mark_never_passes_an_open_upload(void **state)
{
    TestArchive *archive = *state;
    PacsUpload *open = NULL;

    assert_int_equal(pacs_ingest_begin(archive->ingest, &(PacsUploadRequest){0}, &open, NULL), PACS_OK);
    PacsKey oldest = oldest_object(archive);
    (void)test_archive_push_object(archive, 1);
    PacsKey mark = settle_and_read_mark(archive);
    assert_true(pacs_key_compare(&mark, &oldest) <= 0);

    pacs_upload_free(open);
    (void)test_archive_push_object(archive, 2);
    mark = settle_and_read_mark(archive);
    assert_true(pacs_key_compare(&mark, &oldest) > 0);
}

/** Steps of the sweep of everything, each of one object, until nothing more happens. */
static void sweep_everything(TestArchive *archive)
{
    for (int step = 0; step < 10; step++)
        assert_int_equal(pacs_ingest_sweep_step(archive->ingest, 1, NULL), PACS_OK);
}

/** What stands in front of the mark: an orphan between two instances. */
static void leave_a_settled_orphan(TestArchive *archive)
{
    (void)test_archive_push_object(archive, 1);
    leave_an_orphan(archive);
    (void)test_archive_push_object(archive, 2);
    (void)test_archive_push_object(archive, 3);
    (void)settle_and_read_mark(archive);
}

static void what_a_power_loss_brought_back_is_swept_too(void **state)
{
    TestArchive *archive = *state;
    uint64_t removed = 0;

    leave_a_settled_orphan(archive);
    assert_int_equal(pacs_ingest_sweep(archive->ingest, &removed, NULL), PACS_OK);
    assert_int_equal(removed, 0); /* it is in front of the mark */
    sweep_everything(archive);
    assert_int_equal(test_archive_object_count(archive), 3);
}

static void a_step_of_the_sweep_looks_at_no_more_than_it_may(void **state)
{
    TestArchive *archive = *state;

    leave_a_settled_orphan(archive);
    assert_int_equal(pacs_ingest_sweep_step(archive->ingest, 1, NULL), PACS_OK);
    assert_int_equal(test_archive_object_count(archive), 4);
    assert_int_equal(pacs_ingest_sweep_step(archive->ingest, 1, NULL), PACS_OK);
    assert_int_equal(test_archive_object_count(archive), 3);
}

/** As if a sweep had begun so many milliseconds ago in that run of the machine. */
static void have_swept(TestArchive *archive, const char *boot_id, int64_t ago_ms, const char *next)
{
    char text[160];

    (void)snprintf(text, sizeof text, "%s %" PRId64 " %s", boot_id, pacs_now_ms() - ago_ms, next);
    assert_int_equal(pacs_index_write_setting(archive->index, "sweep.full", text, NULL), PACS_OK);
}

static void what_was_swept_lately_is_left_alone(void **state)
{
    TestArchive *archive = *state;
    char boot_id[PACS_BOOT_ID_SIZE];

    pacs_boot_id(boot_id);
    leave_a_settled_orphan(archive);
    have_swept(archive, boot_id, 1000, "-");
    sweep_everything(archive);
    assert_int_equal(test_archive_object_count(archive), 4);
}

static void everything_is_swept_after_a_start_of_the_machine(void **state)
{
    TestArchive *archive = *state;

    leave_a_settled_orphan(archive);
    have_swept(archive, "another-run", 1000, "-");
    sweep_everything(archive);
    assert_int_equal(test_archive_object_count(archive), 3);
}

static void everything_is_swept_every_week(void **state)
{
    TestArchive *archive = *state;
    char boot_id[PACS_BOOT_ID_SIZE];

    pacs_boot_id(boot_id);
    leave_a_settled_orphan(archive);
    have_swept(archive, boot_id, 8ll * 24 * 60 * 60 * 1000, "-");
    sweep_everything(archive);
    assert_int_equal(test_archive_object_count(archive), 3);
}

static void a_state_that_cannot_be_read_begins_a_sweep(void **state)
{
    TestArchive *archive = *state;

    leave_a_settled_orphan(archive);
    assert_int_equal(pacs_index_write_setting(archive->index, "sweep.full", "rubbish", NULL), PACS_OK);
    sweep_everything(archive);
    assert_int_equal(test_archive_object_count(archive), 3);
}

static void a_sweep_goes_on_where_it_was_after_a_restart(void **state)
{
    TestArchive *archive = *state;
    char boot_id[PACS_BOOT_ID_SIZE];

    pacs_boot_id(boot_id);
    leave_a_settled_orphan(archive);
    have_swept(archive, boot_id, 1000, "ffffffffffffffffffffffffffffffff");
    sweep_everything(archive);
    assert_int_equal(test_archive_object_count(archive), 4); /* the orphan had been passed before */
}

static void the_sweep_of_everything_ends_at_the_mark(void **state)
{
    TestArchive *archive = *state;
    PacsUpload *open = NULL;

    (void)test_archive_push_object(archive, 1);
    assert_int_equal(pacs_ingest_begin(archive->ingest, &(PacsUploadRequest){0}, &open, NULL), PACS_OK);
    (void)test_archive_push_object(archive, 2);
    (void)settle_and_read_mark(archive);
    unsigned before = test_archive_object_count(archive);
    sweep_everything(archive);
    assert_int_equal(test_archive_object_count(archive), before);
    pacs_upload_free(open);
}

static void a_new_index_does_not_empty_a_store(void **state)
{
    TestArchive *archive = *state;
    uint64_t removed = 0;

    leave_an_orphan(archive);
    assert_int_equal(pacs_ingest_sweep(archive->ingest, &removed, NULL), PACS_UNSUPPORTED);
    assert_int_equal(test_archive_object_count(archive), 1);
}

static void an_empty_archive_knows_its_crashs_leftovers(void **state)
{
    TestArchive *archive = *state;
    uint64_t removed = 0;

    assert_int_equal(pacs_ingest_sweep(archive->ingest, &removed, NULL), PACS_OK);
    leave_an_orphan(archive);
    assert_int_equal(pacs_ingest_sweep(archive->ingest, &removed, NULL), PACS_OK);
    assert_int_equal(removed, 1);
}

int main(void)
{
#define SWEEP_TEST(function)                                                                                 \
    cmocka_unit_test_setup_teardown(function, test_archive_set_up, test_archive_tear_down)
    const struct CMUnitTest tests[] = {
        SWEEP_TEST(the_sweep_removes_what_no_row_names),
        SWEEP_TEST(the_mark_never_passes_an_open_upload),
        SWEEP_TEST(what_a_power_loss_brought_back_is_swept_too),
        SWEEP_TEST(a_step_of_the_sweep_looks_at_no_more_than_it_may),
        SWEEP_TEST(what_was_swept_lately_is_left_alone),
        SWEEP_TEST(everything_is_swept_after_a_start_of_the_machine),
        SWEEP_TEST(everything_is_swept_every_week),
        SWEEP_TEST(a_state_that_cannot_be_read_begins_a_sweep),
        SWEEP_TEST(a_sweep_goes_on_where_it_was_after_a_restart),
        SWEEP_TEST(the_sweep_of_everything_ends_at_the_mark),
        SWEEP_TEST(a_new_index_does_not_empty_a_store),
        SWEEP_TEST(an_empty_archive_knows_its_crashs_leftovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
