#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "events/contract/topics.h"

static void the_normal_lane_is_the_topic_itself(void **state)
{
    (void)state;
    char name[EVENTS_TOPIC_SIZE];

    assert_int_equal(events_topic_name(&events_topic_study, NULL, NULL, name, NULL), PACS_OK);
    assert_string_equal(name, "imaging.study.events.v1");
    assert_int_equal(events_topic_name(&events_topic_study, "test.", "normal", name, NULL), PACS_OK);
    assert_string_equal(name, "test.imaging.study.events.v1");
}

static void another_lane_is_a_topic_of_its_own(void **state)
{
    (void)state;
    char name[EVENTS_TOPIC_SIZE];

    assert_int_equal(events_topic_name(&events_topic_report, "", "svip2", name, NULL), PACS_OK);
    assert_string_equal(name, "imaging.report.events.v1.svip2");
}

static void a_topic_without_lanes_is_one(void **state)
{
    (void)state;
    char name[EVENTS_TOPIC_SIZE];

    assert_int_equal(events_topic_name(&events_topic_study_state, NULL, "vip", name, NULL), PACS_OK);
    assert_string_equal(name, "imaging.study.state.v1");
}

static void an_unknown_lane_is_said(void **state)
{
    (void)state;
    PacsError err = {0};
    char name[EVENTS_TOPIC_SIZE];

    assert_int_equal(events_topic_name(&events_topic_study, NULL, "gold", name, &err), PACS_INVALID);
    assert_non_null(strstr(err.text, "'gold'"));
}

static void a_name_too_long_for_a_broker_is_said(void **state)
{
    (void)state;
    char prefix[EVENTS_TOPIC_SIZE];
    char name[EVENTS_TOPIC_SIZE];
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';

    assert_int_equal(events_topic_name(&events_topic_ops, prefix, NULL, name, NULL), PACS_TOO_LARGE);
    assert_int_equal(events_topic_dlq_name(prefix, "group", name, NULL), PACS_TOO_LARGE);
}

static void a_groups_dead_letters_have_a_topic(void **state)
{
    (void)state;
    char name[EVENTS_TOPIC_SIZE];

    assert_int_equal(events_topic_dlq_name("imaging.study.events.v1.vip", "consumer-dicom", name, NULL),
                     PACS_OK);
    assert_string_equal(name, "imaging.study.events.v1.vip.consumer-dicom.dlq");
}

static void only_the_state_is_compacted(void **state)
{
    (void)state;
    size_t count = 0;
    for (const EventsTopic *topic; (topic = events_topic_at(count)); count++)
        assert_int_equal(strcmp(topic->cleanup_policy, "compact") == 0, topic == &events_topic_study_state);
    assert_int_equal(count, 7);
}

static void lanes_are_known_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; events_lane_at(i); i++)
        assert_true(events_lane_is_known(events_lane_at(i)));
    assert_false(events_lane_is_known("VIP"));
    assert_false(events_lane_is_known(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normal_lane_is_the_topic_itself),
        cmocka_unit_test(another_lane_is_a_topic_of_its_own),
        cmocka_unit_test(a_topic_without_lanes_is_one),
        cmocka_unit_test(an_unknown_lane_is_said),
        cmocka_unit_test(a_name_too_long_for_a_broker_is_said),
        cmocka_unit_test(a_groups_dead_letters_have_a_topic),
        cmocka_unit_test(only_the_state_is_compacted),
        cmocka_unit_test(lanes_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
