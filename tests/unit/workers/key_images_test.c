#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workers/imaging-report/key_images.h"

static int make_arena(void **state)
{
    *state = pacs_arena_new(64u << 20);
    return *state ? 0 : -1;
}

static int free_arena(void **state)
{
    pacs_arena_free(*state);
    return 0;
}

#define SERIES(kind, count, text)                                                                            \
    {                                                                                                        \
        .series_instance_uid = "2.25.1", .modality = (kind), .instance_count = (count),                      \
        .description = (text)                                                                                \
    }

static void the_middle_of_each_main_series_stands_for_a_scan(void **state)
{
    const ReportSeries series[] = {SERIES("CT", 2, ""), SERIES("CT", 300, "LUNG"),
                                   SERIES("CT", 120, "Topogram 0.6"), SERIES("CT", 150, "MPR"),
                                   SERIES("SR", 1, "Dose")};
    uint32_t shares[5];

    (void)state;
    report_key_shares(series, 5, 4, shares);
    assert_int_equal(shares[0], 0); /* a scout by its size, another by its name */
    assert_int_equal(shares[1], 1);
    assert_int_equal(shares[2], 0);
    assert_int_equal(shares[3], 1);
    assert_int_equal(shares[4], 0);
    report_key_shares(series, 5, 1, shares);
    assert_int_equal(shares[1], 1); /* the largest comes first */
    assert_int_equal(shares[3], 0);
    report_key_shares(series, 5, 0, shares);
    assert_int_equal(shares[1], 0);
}

static void a_study_of_scouts_alone_shows_them(void **state)
{
    const ReportSeries series[] = {SERIES("CT", 2, "Scout"), SERIES("MR", 3, "")};
    uint32_t shares[2];

    (void)state;
    report_key_shares(series, 2, 4, shares);
    assert_int_equal(shares[0], 1);
    assert_int_equal(shares[1], 1);
}

static void views_of_an_xray_stand_for_themselves(void **state)
{
    const ReportSeries series[] = {SERIES("DX", 3, ""), SERIES("DX", 1, ""), SERIES("PR", 9, "")};
    uint32_t shares[3];

    (void)state;
    report_key_shares(series, 3, 4, shares);
    assert_int_equal(shares[0], 3);
    assert_int_equal(shares[1], 1);
    assert_int_equal(shares[2], 0);
    report_key_shares(series, 3, 3, shares);
    assert_int_equal(shares[0], 2);
    assert_int_equal(shares[1], 1);
    report_key_shares(series, 0, 3, shares); /* an empty study */
}

static void places_are_spread_evenly(void **state)
{
    (void)state;
    assert_int_equal(report_key_place(1, 1, 0), 0);
    assert_int_equal(report_key_place(5, 1, 0), 2);
    assert_int_equal(report_key_place(100, 2, 0), 25);
    assert_int_equal(report_key_place(100, 2, 1), 75);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(report_key_place(3, 3, i), i);
}

static void searches_are_read_in_the_order_of_their_numbers(void **state)
{
    ReportInstance *instances;
    ReportSeries *series;
    size_t count = 0;
    PacsError err = {0};

    assert_int_equal(
        report_instances_parse(
            PACS_SLICE(
                "[{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"2.25.9\"]},\"00200013\":{\"vr\":\"IS\",\"Value\":[10]}},"
                "{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"2.25.8\"]},\"00200013\":{\"vr\":\"IS\",\"Value\":[\"9\"]},"
                "\"00280008\":{\"vr\":\"IS\",\"Value\":[30]}},{}]"),
            *state, &instances, &count, &err),
        PACS_OK);
    assert_int_equal(count, 3);
    assert_string_equal(instances[0].sop_instance_uid, "2.25.8");
    assert_int_equal(instances[0].frame_count, 30);
    assert_string_equal(instances[1].sop_instance_uid, "2.25.9");
    assert_int_equal(instances[1].frame_count, 1);
    assert_string_equal(instances[2].sop_instance_uid, ""); /* what has no number comes last */
    assert_int_equal(report_series_parse(PACS_SLICE(""), *state, &series, &count, &err), PACS_OK); /* 204 */
    assert_int_equal(count, 0);
    assert_int_equal(report_series_parse(PACS_SLICE("{}"), *state, &series, &count, &err), PACS_UNSUPPORTED);
    assert_int_equal(report_series_parse(PACS_SLICE("<html>"), *state, &series, &count, &err),
                     PACS_UNSUPPORTED);
}

#define KEY_OBJECTS(title)                                                                                                     \
    "[{\"0040A043\":{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"" title                                \
    "\"]}}]},\"0040A730\":{\"vr\":\"SQ\",\"Value\":["                                                                          \
    "{\"0040A040\":{\"vr\":\"CS\",\"Value\":[\"TEXT\"]}},"                                                                     \
    "{\"0040A040\":{\"vr\":\"CS\",\"Value\":[\"IMAGE\"]},\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"vr\":\"UI\"," \
    "\"Value\":[\"2.25.7\"]},\"00081160\":{\"vr\":\"IS\",\"Value\":[4]}}]}},"                                                  \
    "{\"0040A040\":{\"vr\":\"CS\",\"Value\":[\"IMAGE\"]},\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"vr\":\"UI\"," \
    "\"Value\":[\"2.25.8\"]}}]}}]}}]"

static void key_objects_mark_images_once_and_in_their_order(void **state)
{
    ReportMark marks[4];
    size_t count = 0;
    PacsError err = {0};

    assert_int_equal(report_marks_add(PACS_SLICE(KEY_OBJECTS("113000")), *state, marks, 4, &count, &err),
                     PACS_OK);
    assert_int_equal(report_marks_add(PACS_SLICE(KEY_OBJECTS("113002")), *state, marks, 4, &count, &err),
                     PACS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(marks[0].sop_instance_uid, "2.25.7");
    assert_int_equal(marks[0].frame_number, 4);
    assert_string_equal(marks[1].sop_instance_uid, "2.25.8");
    assert_int_equal(marks[1].frame_number, 0);
}

static void what_rejects_images_marks_none(void **state)
{
    ReportMark marks[4];
    size_t count = 0;
    PacsError err = {0};

    assert_int_equal(report_marks_add(PACS_SLICE(KEY_OBJECTS("113001")), *state, marks, 4, &count, &err),
                     PACS_OK);
    assert_int_equal(report_marks_add(PACS_SLICE(KEY_OBJECTS("113037")), *state, marks, 4, &count, &err),
                     PACS_OK);
    assert_int_equal(report_marks_add(PACS_SLICE(KEY_OBJECTS("113030")), *state, marks, 4, &count, &err),
                     PACS_OK);
    assert_int_equal(count, 0);
}

static void marks_stop_at_their_maximum(void **state)
{
    ReportMark marks[1];
    size_t count = 0;
    PacsError err = {0};

    assert_int_equal(report_marks_add(PACS_SLICE(KEY_OBJECTS("113000")), *state, marks, 1, &count, &err),
                     PACS_OK);
    assert_int_equal(count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_middle_of_each_main_series_stands_for_a_scan),
        cmocka_unit_test(a_study_of_scouts_alone_shows_them),
        cmocka_unit_test(views_of_an_xray_stand_for_themselves),
        cmocka_unit_test(places_are_spread_evenly),
        cmocka_unit_test(searches_are_read_in_the_order_of_their_numbers),
        cmocka_unit_test(key_objects_mark_images_once_and_in_their_order),
        cmocka_unit_test(what_rejects_images_marks_none),
        cmocka_unit_test(marks_stop_at_their_maximum),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
