/* The log sink: the outbox as lines of a file. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "events/relay/log_sink.h"
#include "pacs/index/index_write.h"
#include "pacs/util/clock.h"
#include "pacs/util/log.h"
#include "tests/support/temporary.h"

#define DEADLINE_NS (60ull * 1000 * 1000 * 1000)
#define PATH_SIZE 4096

static const EventsSettings settings = {.source = "/lightbox/test", .public_root = "", .viewer_url = ""};
static PacsIndex *index_;
static EventsLogSink *sink;
static char *folder;
static char path[PATH_SIZE];

static void open_index(void)
{
    char name[PATH_SIZE];

    (void)snprintf(name, sizeof name, "%s/index.db", folder);
    assert_int_equal(pacs_index_sqlite_open(&(PacsIndexSqliteOptions){.path = name}, NULL, &index_, NULL),
                     PACS_OK);
}

static int set_up(void **state)
{
    (void)state;
    pacs_log_setup(PACS_LOG_ERROR, PACS_LOG_AS_TEXT, 2);
    folder = temporary_folder_new();
    (void)snprintf(path, sizeof path, "%s/events.jsonl", folder);
    sink = NULL;
    open_index();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    events_log_sink_free(sink);
    pacs_index_free(index_);
    temporary_folder_free(folder);
    return 0;
}

static void start(void)
{
    PacsError err = {0};

    if (events_log_sink_new(&settings, path, index_, NULL, &sink, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static void stop(void)
{
    events_log_sink_stop(sink, 20000);
    events_log_sink_free(sink);
    sink = NULL;
}

static void tell(const char *key, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(
            pacs_index_tell(index_, &(PacsTold){.type = "access.recorded", .key = key, .data = "{\"a\":1}"},
                            NULL),
            PACS_OK);
}

/** The file as its lines; each must be a whole JSON document. */
static json_t *read_lines(const char *of)
{
    json_t *lines = json_array();
    char *line = NULL;
    size_t size = 0;
    FILE *in = fopen(of, "r");

    while (in && getline(&line, &size, in) > 0) {
        assert_non_null(strchr(line, '\n'));
        json_t *event = json_loads(line, 0, NULL);
        assert_non_null(event);
        assert_int_equal(json_array_append_new(lines, event), 0);
    }
    free(line);
    if (in)
        (void)fclose(in);
    return lines;
}

static size_t count_lines(const char *of)
{
    json_t *lines = read_lines(of);
    const size_t count = json_array_size(lines);

    json_decref(lines);
    return count;
}

static void await_lines(const char *of, size_t count)
{
    const uint64_t start_ns = pacs_monotonic_ns();

    while (count_lines(of) < count) {
        assert_true(pacs_monotonic_ns() - start_ns < DEADLINE_NS);
        (void)sched_yield();
    }
}

static void every_event_is_a_line_in_its_order(void **state)
{
    (void)state;
    tell("k", 3);
    start();
    stop();
    json_t *lines = read_lines(path);
    assert_int_equal(json_array_size(lines), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *event = json_array_get(lines, i);
        char sequence[32];
        (void)snprintf(sequence, sizeof sequence, "%020zu", i + 1);
        assert_string_equal(json_string_value(json_object_get(event, "sequence")), sequence);
        assert_string_equal(json_string_value(json_object_get(event, "specversion")), "1.0");
        assert_string_equal(json_string_value(json_object_get(event, "source")), "/lightbox/test");
        assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "data"), "a")), 1);
    }
    json_decref(lines);
}

static void what_comes_later_is_written_at_once(void **state)
{
    (void)state;
    start();
    tell("k", 1);
    await_lines(path, 1);
    tell("k", 2);
    await_lines(path, 3);
}

static void nothing_is_written_twice_after_a_restart(void **state)
{
    (void)state;
    tell("k", 2);
    start();
    stop();
    pacs_index_free(index_);
    open_index();
    tell("k", 1);
    start();
    stop();
    assert_int_equal(count_lines(path), 3);
}

static void rows_stay_unsent_for_a_kafka_that_comes_later(void **state)
{
    (void)state;
    PacsOutboxDepth depth;

    tell("k", 2);
    start();
    stop();
    assert_int_equal(pacs_index_outbox_depth(index_, &depth, NULL), PACS_OK);
    assert_int_equal(depth.unsent, 2);
}

static void a_line_that_was_cut_off_goes(void **state)
{
    (void)state;
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    assert_true(fputs("{\"whole\":1}\n{\"torn", out) >= 0);
    assert_int_equal(fclose(out), 0);
    tell("k", 1);
    start();
    stop();
    assert_int_equal(count_lines(path), 2);
}

static void a_file_that_was_renamed_is_left_and_another_begun(void **state)
{
    (void)state;
    char renamed[PATH_SIZE + 8];

    start();
    tell("k", 1);
    await_lines(path, 1);
    (void)snprintf(renamed, sizeof renamed, "%s.1", path);
    assert_int_equal(rename(path, renamed), 0);
    tell("k", 1);
    await_lines(path, 1);
    assert_int_equal(count_lines(renamed), 1);
}

static void a_file_is_not_for_everybody_to_read(void **state)
{
    (void)state;
    struct stat info;

    start();
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0007, 0);
}

static void a_place_that_cannot_be_written_to_is_named_at_the_start(void **state)
{
    (void)state;
    PacsError err = {0};

    assert_int_equal(
        events_log_sink_new(&settings, "/no/such/folder/events.jsonl", index_, NULL, &sink, &err),
        PACS_UNAVAILABLE);
    assert_non_null(strstr(err.text, "/no/such/folder"));
}

static void a_full_disk_is_tried_again_and_leaves_whole_lines(void **state)
{
    (void)state;
    EventsLogSink *to_full = NULL;
    PacsOutboxDepth depth;

    tell("k", 1);
    assert_int_equal(events_log_sink_new(&settings, "/dev/full", index_, NULL, &to_full, NULL), PACS_OK);
    events_log_sink_stop(to_full, 1000);
    events_log_sink_free(to_full);
    assert_int_equal(pacs_index_outbox_depth(index_, &depth, NULL), PACS_OK);
    start(); /* elsewhere, from where it had come */
    stop();
    assert_int_equal(count_lines(path), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_event_is_a_line_in_its_order),
        TEST(what_comes_later_is_written_at_once),
        TEST(nothing_is_written_twice_after_a_restart),
        TEST(rows_stay_unsent_for_a_kafka_that_comes_later),
        TEST(a_line_that_was_cut_off_goes),
        TEST(a_file_that_was_renamed_is_left_and_another_begun),
        TEST(a_file_is_not_for_everybody_to_read),
        TEST(a_place_that_cannot_be_written_to_is_named_at_the_start),
        TEST(a_full_disk_is_tried_again_and_leaves_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
