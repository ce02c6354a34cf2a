#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/util/clock.h"

static void assert_times(int64_t ms, const char *orthanc, const char *rfc3339)
{
    char text[32];
    pacs_time_format_orthanc(ms, text);
    assert_string_equal(text, orthanc);
    pacs_time_format_rfc3339(ms, text);
    assert_string_equal(text, rfc3339);
}

static void times_are_written_in_utc(void **state)
{
    (void)state;
    assert_times(0, "19700101T000000", "1970-01-01T00:00:00.000Z");
    assert_times(1795243620123, "20261121T064700", "2026-11-21T06:47:00.123Z");
    assert_times(951782400000, "20000229T000000", "2000-02-29T00:00:00.000Z");
}

static void times_before_1970_run_forward_too(void **state)
{
    (void)state;
    assert_times(-1, "19691231T235959", "1969-12-31T23:59:59.999Z");
    assert_times(-1000, "19691231T235959", "1969-12-31T23:59:59.000Z");
}

static void impossible_times_stay_within_the_text(void **state)
{
    (void)state;
    assert_times(INT64_MAX, "99991231T235959", "9999-12-31T23:59:59.999Z");
    assert_times(INT64_MIN, "10000101T000000", "1000-01-01T00:00:00.000Z");
}

static void one_run_of_the_machine_has_one_id(void **state)
{
    (void)state;
    char first[PACS_BOOT_ID_SIZE];
    char second[PACS_BOOT_ID_SIZE];
    pacs_boot_id(first);
    pacs_boot_id(second);
    assert_true(first[0] != '\0' && !strpbrk(first, " \n"));
    assert_string_equal(first, second);
}

static void the_clocks_run(void **state)
{
    (void)state;
    assert_true(pacs_now_ms() > 1700000000000); /* after 2023 */
    uint64_t before = pacs_monotonic_ns();
    assert_true(pacs_monotonic_ns() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_in_utc),
        cmocka_unit_test(times_before_1970_run_forward_too),
        cmocka_unit_test(impossible_times_stay_within_the_text),
        cmocka_unit_test(one_run_of_the_machine_has_one_id),
        cmocka_unit_test(the_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
