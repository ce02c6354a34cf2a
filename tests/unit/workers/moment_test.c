#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "workers/imaging-report/moment.h"

static ReportMoment moment_of(const char *text)
{
    ReportMoment moment = {0};
    PacsError err = {0};

    if (report_moment_parse(pacs_slice(text), &moment, &err) != PACS_OK)
        fail_msg("%s: %s", text, err.text);
    return moment;
}

static void times_are_read_with_their_zone(void **state)
{
    (void)state;
    assert_int_equal(moment_of("1970-01-01T00:00:00Z").ms, 0);
    assert_int_equal(moment_of("2026-11-21T16:05:09+07:00").ms, moment_of("2026-11-21T09:05:09Z").ms);
    assert_int_equal(moment_of("2026-11-21T09:05:09Z").ms, INT64_C(1795251909000));
    assert_int_equal(moment_of("2026-11-21T09:05:09.25Z").ms, INT64_C(1795251909250));
    assert_int_equal(moment_of("2024-02-29T23:59:59-03:30").offset_minutes, -210);
    assert_int_equal(moment_of("0001-01-01T00:00:00Z").ms, INT64_C(-62135596800000));
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "2026-11-21",
                                        "2026-11-21T16:05:09",
                                        "2026-02-29T00:00:00Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-11-21T24:00:00Z",
                                        "2026-11-21T16:05:09.Z",
                                        "2026-11-21T16:05:09+0700",
                                        "2026-11-21T16:05:09Z ",
                                        "20261121160509Z"};
    ReportMoment moment;
    PacsError err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(report_moment_parse(pacs_slice(wrong[i]), &moment, &err), PACS_INVALID);
}

static void a_time_in_another_zone_is_the_same_time(void **state)
{
    (void)state;
    const ReportMoment late = moment_of("2026-12-31T20:30:00Z");
    const ReportMoment there = report_moment_in_zone(&late, 7 * 60);
    char date[REPORT_DA_SIZE], time[REPORT_TM_SIZE], both[REPORT_DT_SIZE];

    report_moment_format_da(&there, date);
    report_moment_format_tm(&there, time);
    report_moment_format_dt(&there, both);
    assert_string_equal(date, "20270101");
    assert_string_equal(time, "033000");
    assert_string_equal(both, "20270101033000+0700");
    assert_int_equal(there.ms, late.ms);
}

static void every_day_of_four_centuries_comes_back(void **state)
{
    (void)state;
    for (int64_t day = -140000; day < 20000; day += 7) {
        const ReportMoment moment = {.ms = day * 86400000};
        const ReportMoment utc = report_moment_in_zone(&moment, 0);
        char text[64];
        (void)snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", utc.year, utc.month, utc.day);
        assert_int_equal(moment_of(text).ms, moment.ms);
    }
}

static void zones_of_dicom_are_read(void **state)
{
    int32_t minutes = 0;

    (void)state;
    assert_true(report_zone_parse("+0700", &minutes));
    assert_int_equal(minutes, 420);
    assert_true(report_zone_parse("-0330", &minutes));
    assert_int_equal(minutes, -210);
    assert_false(report_zone_parse("", &minutes));
    assert_false(report_zone_parse("0700", &minutes));
    assert_false(report_zone_parse("+07:00", &minutes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_with_their_zone),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(a_time_in_another_zone_is_the_same_time),
        cmocka_unit_test(every_day_of_four_centuries_comes_back),
        cmocka_unit_test(zones_of_dicom_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
