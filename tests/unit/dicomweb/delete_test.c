/* DELETE by UIDs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/support/dicomweb_fixture.h"

static uint64_t instances(DicomwebFixture *fixture)
{
    PacsStatistics statistics;

    assert_int_equal(pacs_index_statistics(fixture->archive.index, &statistics, NULL), PACS_OK);
    return statistics.instances;
}

/** Two series of two instances. */
static void push_four(DicomwebFixture *fixture)
{
    for (unsigned i = 0; i < 4; i++) {
        const TestObject object = test_object(1, 1 + i / 2, 1 + i % 2);
        dicomweb_fixture_push(fixture, &object);
    }
}

static void delete_at(DicomwebFixture *fixture, PacsLevel level, uint32_t expected_code)
{
    const TestObject object = test_object(1, 1, 1);
    char target[320];

    if (level == PACS_LEVEL_STUDY)
        (void)snprintf(target, sizeof target, "/dicom-web/studies/%s", object.study_instance_uid);
    else if (level == PACS_LEVEL_SERIES)
        (void)snprintf(target, sizeof target, "/dicom-web/studies/%s/series/%s", object.study_instance_uid,
                       object.series_instance_uid);
    else
        (void)snprintf(target, sizeof target, "/dicom-web/studies/%s/series/%s/instances/%s",
                       object.study_instance_uid, object.series_instance_uid, object.sop_instance_uid);
    dicomweb_fixture_ask(fixture, "DELETE", target, expected_code);
}

static void each_level_deletes_what_it_names(void **state)
{
    static const struct {
        PacsLevel level;
        uint64_t left;
    } cases[] = {{PACS_LEVEL_INSTANCE, 3}, {PACS_LEVEL_SERIES, 2}, {PACS_LEVEL_STUDY, 0}};
    DicomwebFixture *fixture = *state;

    for (size_t i = 0; i < 3; i++) {
        push_four(fixture);
        delete_at(fixture, cases[i].level, 204);
        assert_int_equal(instances(fixture), cases[i].left);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    DicomwebFixture *fixture = *state;

    delete_at(fixture, PACS_LEVEL_STUDY, 404);
    push_four(fixture);
    delete_at(fixture, PACS_LEVEL_INSTANCE, 204);
    delete_at(fixture, PACS_LEVEL_INSTANCE, 404);
    assert_int_equal(instances(fixture), 3);
}

static void a_series_of_another_study_is_not_found_and_stays(void **state)
{
    DicomwebFixture *fixture = *state;

    push_four(fixture);
    dicomweb_fixture_ask(fixture, "DELETE", "/dicom-web/studies/1.2.3/series/1.2.3.4", 404);
    assert_int_equal(instances(fixture), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dicomweb_fixture_open, dicomweb_fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_level_deletes_what_it_names),
        TEST(what_is_not_there_is_not_found),
        TEST(a_series_of_another_study_is_not_found_and_stays),
    };
    return cmocka_run_group_tests_name("dicomweb delete", tests, NULL, NULL);
}
