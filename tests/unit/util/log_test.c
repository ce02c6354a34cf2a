#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/util/log.h"

static int reader = -1;
static char record[PACS_LOG_RECORD_MAX + 2];

static void log_to_pipe(PacsLogLevel level, PacsLogFormat format)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    reader = ends[0];
    pacs_log_setup(level, format, ends[1]);
    /* The write end stays open until the process ends; each test has its own. */
}

/* What the log wrote, "" if nothing; cut from the time on, which is checked by its shape. */
static const char *written(void)
{
    ssize_t size = read(reader, record, sizeof record - 1);
    if (size < 0)
        size = 0;
    record[size] = '\0';
    return record;
}

static json_t *written_json(void)
{
    size_t size = strlen(written());
    assert_true(size > 0 && size <= PACS_LOG_RECORD_MAX);
    assert_int_equal(record[size - 1], '\n');
    assert_ptr_equal(strchr(record, '\n'), record + size - 1);
    json_t *document = json_loads(record, 0, NULL);
    assert_non_null(document);
    return document;
}

static const char *text_of(const json_t *document, const char *key)
{
    return json_string_value(json_object_get(document, key));
}

static void a_json_record_has_time_level_component_event_and_fields(void **state)
{
    (void)state;
    log_to_pipe(PACS_LOG_INFO, PACS_LOG_AS_JSON);
    PACS_LOG(PACS_LOG_WARNING, "dimse", "store", PACS_F_TEXT("uid", "1.2.3"), PACS_F_U64("bytes", INT64_MAX),
             PACS_F_I64("delta", -5), PACS_F_DOUBLE("ratio", 0.5), PACS_F_BOOL("last", true));
    json_t *document = written_json();
    assert_int_equal(strlen(text_of(document, "ts")), 24);
    assert_string_equal(text_of(document, "level"), "warning");
    assert_non_null(strstr(
        record, "\",\"level\":\"warning\",\"component\":\"dimse\",\"event\":\"store\",\"uid\":\"1.2.3\","
                "\"bytes\":9223372036854775807,\"delta\":-5,\"ratio\":0.5,\"last\":true}\n"));
    json_decref(document);
}

static void a_text_record_is_for_people(void **state)
{
    (void)state;
    log_to_pipe(PACS_LOG_INFO, PACS_LOG_AS_TEXT);
    PACS_LOG(PACS_LOG_INFO, "http", "request", PACS_F_TEXT("path", "/system"), PACS_F_TEXT("agent", "a b"),
             PACS_F_TEXT("empty", ""), PACS_F_TEXT("quoted", "say \"x\""), PACS_F_U64("status", 200),
             PACS_F_BOOL("ok", false));
    assert_string_equal(
        written() + 24,
        " INFO http request path=/system agent=\"a b\" empty=\"\" quoted=\"say \\\"x\\\"\" status=200 "
        "ok=false\n");
}

static void a_record_without_fields_is_whole(void **state)
{
    (void)state;
    log_to_pipe(PACS_LOG_INFO, PACS_LOG_AS_TEXT);
    pacs_log(PACS_LOG_ERROR, "main", "stopped", NULL, 0);
    assert_string_equal(written() + 24, " ERROR main stopped\n");
}

static void an_absent_text_is_left_out(void **state)
{
    (void)state;
    const char *none = NULL;
    log_to_pipe(PACS_LOG_INFO, PACS_LOG_AS_TEXT);
    PACS_LOG(PACS_LOG_INFO, "a", "b", PACS_F_TEXT("none", none), PACS_F_U64("n", 1));
    assert_string_equal(written() + 24, " INFO a b n=1\n");
    log_to_pipe(PACS_LOG_INFO, PACS_LOG_AS_JSON);
    PACS_LOG(PACS_LOG_INFO, "a", "b", PACS_F_TEXT("none", none));
    json_t *document = written_json();
    assert_null(json_object_get(document, "none"));
    json_decref(document);
}

static void levels_below_the_chosen_one_are_silent(void **state)
{
    (void)state;
    log_to_pipe(PACS_LOG_WARNING, PACS_LOG_AS_TEXT);
    PACS_LOG(PACS_LOG_INFO, "a", "b", PACS_F_U64("n", 1));
    pacs_log(PACS_LOG_TRACE, "a", "b", NULL, 0);
    assert_string_equal(written(), "");
    assert_false(pacs_log_enabled(PACS_LOG_INFO));
    assert_true(pacs_log_enabled(PACS_LOG_WARNING));
    pacs_log(PACS_LOG_WARNING, "a", "b", NULL, 0);
    assert_string_equal(written() + 24, " WARNING a b\n");
}

static void no_value_can_start_a_line_or_steer_a_terminal(void **state)
{
    (void)state;
    static const char nasty[] = "a\nb\rc\x1B[31m\x7F\xC2\x9B\xE2\x80\xA8\xFF";
    for (int format = PACS_LOG_AS_TEXT; format <= PACS_LOG_AS_JSON; format++) {
        log_to_pipe(PACS_LOG_INFO, (PacsLogFormat)format);
        PACS_LOG(PACS_LOG_INFO, "a", "b", PACS_F_TEXT("x", nasty));
        size_t size = strlen(written());
        assert_true(size > 0);
        for (size_t i = 0; i + 1 < size; i++)
            assert_true((unsigned char)record[i] >= 0x20 && record[i] != 0x7F);
        assert_non_null(strstr(record, "a\\nb\\rc\\u001b[31m\\u007f\\u009b\\u2028\xEF\xBF\xBD"));
    }
}

static void a_long_value_is_cut_between_characters_and_the_record_says_so(void **state)
{
    (void)state;
    char text[3001];
    for (size_t i = 0; i < 3000; i += 3)
        memcpy(text + i, "\xE4\xB8\xAD", 3);
    text[3000] = '\0';
    log_to_pipe(PACS_LOG_INFO, PACS_LOG_AS_JSON);
    PACS_LOG(PACS_LOG_INFO, "a", "b", PACS_F_TEXT("x", text), PACS_F_U64("n", 1));
    json_t *document = written_json();
    size_t size = strlen(text_of(document, "x"));
    assert_int_equal(size % 3, 0);
    assert_in_range(size, 500, 512);
    assert_null(strstr(record, "\xEF\xBF\xBD"));
    assert_true(json_is_true(json_object_get(document, "cut")));
    assert_int_equal(json_integer_value(json_object_get(document, "n")), 1);
    json_decref(document);
}

static void a_record_that_is_too_long_loses_fields_but_stays_whole(void **state)
{
    (void)state;
    char text[513];
    memset(text, 1, 512); /* six characters each once escaped */
    text[512] = '\0';
    for (int format = PACS_LOG_AS_TEXT; format <= PACS_LOG_AS_JSON; format++) {
        log_to_pipe(PACS_LOG_INFO, (PacsLogFormat)format);
        PACS_LOG(PACS_LOG_INFO, "a", "b", PACS_F_TEXT("x", text), PACS_F_TEXT("y", text), PACS_F_U64("n", 1));
        size_t size = strlen(written());
        assert_in_range(size, 3000, PACS_LOG_RECORD_MAX);
        assert_ptr_equal(strchr(record, '\n'), record + size - 1);
        assert_null(strstr(record, format == PACS_LOG_AS_JSON ? "\"y\"" : " y="));
        assert_non_null(
            strstr(record, format == PACS_LOG_AS_JSON ? "\"n\":1,\"cut\":true}\n" : " n=1 cut=true\n"));
    }
}

static void logging_keeps_errno(void **state)
{
    (void)state;
    pacs_log_setup(PACS_LOG_INFO, PACS_LOG_AS_TEXT, -1);
    errno = ENOSPC;
    pacs_log(PACS_LOG_INFO, "a", "b", NULL, 0);
    assert_int_equal(errno, ENOSPC);
}

static void *log_many(void *argument)
{
    for (int i = 0; i < 50; i++)
        PACS_LOG(PACS_LOG_INFO, "a", "b", PACS_F_TEXT("who", argument), PACS_F_I64("i", i));
    return NULL;
}

static void records_of_several_threads_do_not_mix(void **state)
{
    (void)state;
    char path[] = "/tmp/log_test_XXXXXX";
    int fd = mkostemp(path, O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)unlink(path);
    pacs_log_setup(PACS_LOG_INFO, PACS_LOG_AS_JSON, fd);
    pthread_t threads[3];
    static char names[3][6] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    FILE *file = fdopen(fd, "r");
    assert_non_null(file);
    int lines = 0;
    for (char line[PACS_LOG_RECORD_MAX]; fgets(line, sizeof line, file); lines++) {
        json_t *document = json_loads(line, 0, NULL);
        assert_non_null(document);
        json_decref(document);
    }
    assert_int_equal(lines, 150);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_record_has_time_level_component_event_and_fields),
        cmocka_unit_test(a_text_record_is_for_people),
        cmocka_unit_test(a_record_without_fields_is_whole),
        cmocka_unit_test(an_absent_text_is_left_out),
        cmocka_unit_test(levels_below_the_chosen_one_are_silent),
        cmocka_unit_test(no_value_can_start_a_line_or_steer_a_terminal),
        cmocka_unit_test(a_long_value_is_cut_between_characters_and_the_record_says_so),
        cmocka_unit_test(a_record_that_is_too_long_loses_fields_but_stays_whole),
        cmocka_unit_test(logging_keeps_errno),
        cmocka_unit_test(records_of_several_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
