#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pacs/util/source.h"

/* Gives two bytes, then fails once and would go on. */
typedef struct Flaky {
    PacsSource base;
    int calls;
    bool *freed;
} Flaky;

static PacsStatus flaky_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    Flaky *flaky = (Flaky *)self;
    assert_true(size >= 2);
    if (++flaky->calls == 2)
        return pacs_fail(err, PACS_UNAVAILABLE, "gone");
    memcpy(bytes, "xy", 2);
    *ret_size = 2;
    return PACS_OK;
}

static void flaky_free(PacsSource *self)
{
    *((Flaky *)self)->freed = true;
}

static const PacsSourceOps flaky_ops = {.read = flaky_read, .free = flaky_free};

static int file_with(const char *text)
{
    char path[] = "/tmp/source_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)unlink(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void memory_is_read_to_its_end(void **state)
{
    (void)state;
    PACS_AUTO(PacsSource) source = NULL;
    char bytes[4] = "";
    size_t got = 99;
    assert_int_equal(pacs_source_memory("abcde", 5, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read(source, bytes, 3, &got, NULL), PACS_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(bytes, "abc", 3);
    assert_int_equal(pacs_source_read(source, bytes, 3, &got, NULL), PACS_OK);
    assert_int_equal(got, 2);
    assert_memory_equal(bytes, "de", 2);
    assert_int_equal(pacs_source_read(source, bytes, 3, &got, NULL), PACS_OK);
    assert_int_equal(got, 0);
}

static void a_part_of_a_file_is_read(void **state)
{
    (void)state;
    PACS_AUTO(PacsSource) source = NULL;
    char bytes[8] = "";
    size_t got;
    assert_int_equal(pacs_source_fd(file_with("0123456789"), 2, 5, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, 5, NULL), PACS_OK);
    assert_string_equal(bytes, "23456");
    assert_int_equal(pacs_source_read(source, bytes, 5, &got, NULL), PACS_OK);
    assert_int_equal(got, 0);
}

static void a_file_that_is_too_short_is_corrupt(void **state)
{
    (void)state;
    PACS_AUTO(PacsSource) source = NULL;
    char bytes[8];
    assert_int_equal(pacs_source_fd(file_with("0123"), 2, 5, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, 5, NULL), PACS_CORRUPT);
}

static void the_descriptor_is_closed_with_the_source(void **state)
{
    (void)state;
    PacsSource *source = NULL;
    int fd = file_with("0123");
    assert_int_equal(pacs_source_fd(fd, 0, 4, &source, NULL), PACS_OK);
    pacs_source_free(source);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void an_impossible_range_is_refused_and_the_descriptor_closed(void **state)
{
    (void)state;
    PacsSource *source = NULL;
    int fd = file_with("0123");
    assert_int_equal(pacs_source_fd(fd, 10, UINT64_MAX - 5, &source, NULL), PACS_INVALID);
    assert_null(source);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void a_file_that_cannot_be_read_is_unavailable(void **state)
{
    (void)state;
    PACS_AUTO(PacsSource) source = NULL;
    char byte;
    size_t got;
    assert_int_equal(pacs_source_fd(open("/tmp", O_RDONLY | O_CLOEXEC), 0, 1, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read(source, &byte, 1, &got, NULL), PACS_UNAVAILABLE);
}

static void a_stream_that_ends_early_is_corrupt(void **state)
{
    (void)state;
    PACS_AUTO(PacsSource) source = NULL;
    char bytes[8];
    PacsError err = {0};
    assert_int_equal(pacs_source_memory("abc", 3, &source, NULL), PACS_OK);
    assert_int_equal(pacs_source_read_all(source, bytes, 4, &err), PACS_CORRUPT);
    assert_string_equal(err.text, "the stream ends after 3 of 4 bytes");
}

static void a_failure_repeats_itself(void **state)
{
    (void)state;
    bool freed = false;
    Flaky flaky = {.base.ops = &flaky_ops, .freed = &freed};
    char bytes[4];
    size_t got;
    PacsError err = {0};
    assert_int_equal(pacs_source_read(&flaky.base, bytes, 4, &got, NULL), PACS_OK);
    assert_int_equal(pacs_source_read(&flaky.base, bytes, 4, &got, NULL), PACS_UNAVAILABLE);
    assert_int_equal(pacs_source_read(&flaky.base, bytes, 4, &got, &err), PACS_UNAVAILABLE);
    assert_string_equal(err.text, "gone");
    assert_int_equal(flaky.calls, 2);
    pacs_source_free(&flaky.base);
    assert_true(freed);
}

static void nothing_can_be_freed(void **state)
{
    (void)state;
    pacs_source_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_read_to_its_end),
        cmocka_unit_test(a_part_of_a_file_is_read),
        cmocka_unit_test(a_file_that_is_too_short_is_corrupt),
        cmocka_unit_test(the_descriptor_is_closed_with_the_source),
        cmocka_unit_test(an_impossible_range_is_refused_and_the_descriptor_closed),
        cmocka_unit_test(a_file_that_cannot_be_read_is_unavailable),
        cmocka_unit_test(a_stream_that_ends_early_is_corrupt),
        cmocka_unit_test(a_failure_repeats_itself),
        cmocka_unit_test(nothing_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
