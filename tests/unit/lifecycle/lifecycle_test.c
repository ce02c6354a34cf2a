/* What happens by the clock, seen from outside: stability, events, bytes of deleted objects. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "pacs/lifecycle/lifecycle.h"
#include "pacs/util/arena.h"
#include "pacs/util/clock.h"
#include "tests/support/archive.h"

#define DEADLINE_NS (20ull * 1000 * 1000 * 1000)

/** Wait until `holds` is true, for as long as a slow machine may need. */
static void await(TestArchive *archive, bool (*holds)(TestArchive *archive))
{
    uint64_t start = pacs_monotonic_ns();

    while (!holds(archive)) {
        assert_true(pacs_monotonic_ns() - start < DEADLINE_NS);
        (void)sched_yield();
    }
}

static bool has_arrived(TestArchive *archive)
{
    PacsOutboxEvent *events = NULL;
    size_t count = 0;
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);

    assert_int_equal(pacs_index_read_outbox(archive->index, 0, 10, arena, &events, &count, NULL), PACS_OK);
    return count == 2 && strcmp(events[1].type, "study.arrived") == 0;
}

static bool has_no_objects(TestArchive *archive)
{
    return test_archive_object_count(archive) == 0;
}

static void a_study_arrives_when_nothing_came_for_the_stable_age(void **state)
{
    TestArchive *archive = *state;
    PACS_AUTO(PacsLifecycle) lifecycle = NULL;

    (void)test_archive_push_object(archive, 1);
    assert_false(has_arrived(archive));
    assert_int_equal(pacs_lifecycle_new(&(PacsLifecycleOptions){.stable_age_s = 1, .tick_ms = 10},
                                        archive->index, archive->ingest, NULL, &lifecycle, NULL),
                     PACS_OK);
    await(archive, has_arrived);
}

static void bytes_of_deleted_objects_go(void **state)
{
    TestArchive *archive = *state;
    PacsIngested ingested = test_archive_push_object(archive, 1);
    PacsRemaining remaining;
    PACS_AUTO(PacsLifecycle) lifecycle = NULL;

    assert_int_equal(pacs_ingest_delete(archive->ingest, PACS_LEVEL_STUDY,
                                        ingested.added.ids[PACS_LEVEL_STUDY], &remaining, NULL),
                     PACS_OK);
    assert_int_equal(pacs_lifecycle_new(&(PacsLifecycleOptions){.stable_age_s = 60, .tick_ms = 10},
                                        archive->index, archive->ingest, NULL, &lifecycle, NULL),
                     PACS_OK);
    await(archive, has_no_objects);
}

static bool has_one_object(TestArchive *archive)
{
    return test_archive_object_count(archive) == 1;
}

static void what_a_power_loss_brought_back_goes_again(void **state)
{
    static const char end[] = "ffffffffffffffffffffffffffffffff"; /* all is settled */
    TestArchive *archive = *state;
    PacsStoreWriter *writer = NULL;
    PACS_AUTO(PacsLifecycle) lifecycle = NULL;

    (void)test_archive_push_object(archive, 1);
    assert_int_equal(pacs_store_create(archive->store, 0, &writer, NULL), PACS_OK);
    assert_int_equal(pacs_store_commit(writer, NULL), PACS_OK);
    pacs_store_writer_free(writer);
    assert_int_equal(pacs_index_write_setting(archive->index, "sweep.from", end, NULL), PACS_OK);
    assert_int_equal(pacs_lifecycle_new(&(PacsLifecycleOptions){.stable_age_s = 60, .tick_ms = 10},
                                        archive->index, archive->ingest, NULL, &lifecycle, NULL),
                     PACS_OK);
    await(archive, has_one_object);
}

/* ---- Events ---- */

static size_t events_left(const TestArchive *archive)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(1 << 20);
    PacsEventPage page;

    assert_int_equal(pacs_index_read_events(archive->index, &(PacsEventQuery){.max = 10}, arena, &page, NULL),
                     PACS_OK);
    return page.count;
}

static bool has_no_events(TestArchive *archive)
{
    return events_left(archive) == 0;
}

static bool has_one_event(TestArchive *archive)
{
    return events_left(archive) == 1;
}

/** As if they had been written two days ago. */
static void age_events(const TestArchive *archive)
{
    char path[128];
    sqlite3 *database = NULL;

    (void)snprintf(path, sizeof path, "%s/index.sqlite", archive->folder);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(database, 10000), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(database, "UPDATE outbox SET created_ms = created_ms - 172800000", NULL, NULL, NULL),
        SQLITE_OK);
    (void)sqlite3_close(database);
}

static bool metrics_say(PacsMetrics *metrics, const char *line)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(1u << 20);

    assert_int_equal(pacs_metrics_format(metrics, &text, NULL), PACS_OK);
    return strstr(pacs_buffer_text(&text), line) != NULL;
}

static void events_wait_only_for_who_sends_them(void **state)
{
    TestArchive *archive = *state;

    (void)test_archive_push_object(archive, 1);
    age_events(archive);
    for (int sent = 0; sent < 2; sent++) {
        const PacsLifecycleOptions options = {
            .stable_age_s = 60, .event_retention_days = 30, .events_are_sent = sent != 0};
        PACS_AUTO(PacsMetrics) metrics = pacs_metrics_new();
        PACS_AUTO(PacsLifecycle) lifecycle = NULL;
        assert_int_equal(
            pacs_lifecycle_new(&options, archive->index, archive->ingest, metrics, &lifecycle, NULL),
            PACS_OK);
        assert_true(metrics_say(metrics, "imaging_outbox_depth 1\n"));
        assert_int_equal(metrics_say(metrics, "imaging_outbox_oldest_seconds 0\n"), sent == 0);
    }
}

static void start_purging(TestArchive *archive, bool events_are_sent, PacsLifecycle **ret_lifecycle)
{
    const PacsLifecycleOptions options = {
        .stable_age_s = 60, .tick_ms = 10, .event_retention_days = 1, .events_are_sent = events_are_sent};

    assert_int_equal(pacs_lifecycle_new(&options, archive->index, archive->ingest, NULL, ret_lifecycle, NULL),
                     PACS_OK);
}

static void old_events_go_where_nobody_sends_them(void **state)
{
    TestArchive *archive = *state;
    PACS_AUTO(PacsLifecycle) lifecycle = NULL;

    (void)test_archive_push_object(archive, 1);
    age_events(archive);
    start_purging(archive, false, &lifecycle);
    await(archive, has_no_events);
}

static void old_events_wait_for_a_relay(void **state)
{
    TestArchive *archive = *state;
    PACS_AUTO(PacsLifecycle) lifecycle = NULL;
    const PacsTold told = {.type = "access.recorded", .key = "a", .data = "{}"};
    const int64_t first = 1;

    assert_int_equal(pacs_index_tell(archive->index, &told, NULL), PACS_OK);
    (void)test_archive_push_object(archive, 1);
    age_events(archive);
    assert_int_equal(pacs_index_mark_sent(archive->index, NULL, &first, 1, NULL), PACS_OK);
    start_purging(archive, true, &lifecycle);
    await(archive, has_one_event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_study_arrives_when_nothing_came_for_the_stable_age,
                                        test_archive_set_up, test_archive_tear_down),
        cmocka_unit_test_setup_teardown(bytes_of_deleted_objects_go, test_archive_set_up,
                                        test_archive_tear_down),
        cmocka_unit_test_setup_teardown(what_a_power_loss_brought_back_goes_again, test_archive_set_up,
                                        test_archive_tear_down),
        cmocka_unit_test_setup_teardown(old_events_go_where_nobody_sends_them, test_archive_set_up,
                                        test_archive_tear_down),
        cmocka_unit_test_setup_teardown(events_wait_only_for_who_sends_them, test_archive_set_up,
                                        test_archive_tear_down),
        cmocka_unit_test_setup_teardown(old_events_wait_for_a_relay, test_archive_set_up,
                                        test_archive_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
