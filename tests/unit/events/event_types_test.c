#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "events/contract/event_types.h"

static void a_type_is_found_by_either_name(void **state)
{
    (void)state;
    const EventsType *type = events_type_find("study.arrived");

    assert_non_null(type);
    assert_string_equal(type->ce_type, "org.sapoche.imaging.study.arrived.v1");
    assert_ptr_equal(events_type_find_ce(type->ce_type), type);
    assert_ptr_equal(type->topic, &events_topic_study);
}

static void what_is_no_type_is_not_found(void **state)
{
    (void)state;
    assert_null(events_type_find("study.arrive"));
    assert_null(events_type_find_ce("study.arrived"));
}

static void every_type_is_whole_and_there_once(void **state)
{
    (void)state;
    size_t count;
    const EventsType *types = events_types(&count);

    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(events_type_find(types[i].name), &types[i]);
        assert_ptr_equal(events_type_find_ce(types[i].ce_type), &types[i]);
        assert_non_null(types[i].topic);
        assert_int_equal(types[i].state != EVENTS_STATE_NONE, types[i].state_topic != NULL);
        assert_memory_equal(types[i].schema_file, types[i].name, strlen(types[i].name));
    }
}

static void a_deleted_study_leaves_a_tombstone(void **state)
{
    (void)state;
    assert_int_equal(events_type_find("study.deleted")->state, EVENTS_STATE_TOMBSTONE);
    assert_int_equal(events_type_find("study.updated")->state, EVENTS_STATE_KEPT);
    assert_int_equal(events_type_find("report.available")->state, EVENTS_STATE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_is_found_by_either_name),
        cmocka_unit_test(what_is_no_type_is_not_found),
        cmocka_unit_test(every_type_is_whole_and_there_once),
        cmocka_unit_test(a_deleted_study_leaves_a_tombstone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
