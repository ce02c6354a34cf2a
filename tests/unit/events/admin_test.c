/* The topics as they are to be; what a cluster makes of them is tests/integration/test_topics.py's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "events/kafka/admin.h"

#define ARENA_MAX (1u << 20)

static PacsArena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = pacs_arena_new(ARENA_MAX);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_arena_free(arena);
    return 0;
}

static const EventsTopicPlan *plan_of(const EventsKafkaSettings *settings, const char *name)
{
    EventsTopicPlan *plan = NULL;
    size_t count = 0;

    assert_int_equal(events_topics_plan(settings, arena, &plan, &count, NULL), PACS_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(plan[i].name, name) == 0)
            return &plan[i];
    }
    return NULL;
}

static const char *config_of(const EventsTopicPlan *plan, const char *name)
{
    for (size_t i = 0; i < plan->config_count; i++) {
        if (strcmp(plan->configs[i].name, name) == 0)
            return plan->configs[i].value;
    }
    return "";
}

static void topics_are_as_the_contract_has_them(void **state)
{
    (void)state;
    const EventsKafkaSettings settings = {.topic_prefix = ""};
    const EventsTopicPlan *study = plan_of(&settings, "imaging.study.events.v1");
    const EventsTopicPlan *kept = plan_of(&settings, "imaging.study.state.v1");

    assert_non_null(study);
    assert_int_equal(study->partitions, 12);
    assert_int_equal(study->replicas, 3);
    assert_string_equal(config_of(study, "cleanup.policy"), "delete");
    assert_string_equal(config_of(study, "retention.ms"), "1209600000");
    assert_string_equal(config_of(study, "min.insync.replicas"), "2");
    assert_non_null(kept);
    assert_string_equal(config_of(kept, "cleanup.policy"), "compact");
    assert_string_equal(config_of(kept, "delete.retention.ms"), "604800000");
}

static void lanes_have_topics_of_their_own(void **state)
{
    (void)state;
    const EventsKafkaSettings settings = {.topic_prefix = "test."};

    assert_non_null(plan_of(&settings, "test.imaging.study.events.v1.svip2"));
    assert_non_null(plan_of(&settings, "test.imaging.report.events.v1.vip"));
    assert_null(plan_of(&settings, "test.imaging.audit.v1.vip"));
}

static void numbers_are_the_operators(void **state)
{
    (void)state;
    const EventsKafkaSettings settings = {
        .topic_prefix = "", .partitions = 3, .replication_factor = 5, .min_insync_replicas = 4};
    const EventsTopicPlan *study = plan_of(&settings, "imaging.study.events.v1");

    assert_int_equal(study->partitions, 3);
    assert_int_equal(study->replicas, 5);
    assert_string_equal(config_of(study, "min.insync.replicas"), "4");
}

static void one_replica_is_enough_where_there_is_one(void **state)
{
    (void)state;
    const EventsKafkaSettings settings = {.topic_prefix = "", .replication_factor = 1};

    assert_string_equal(config_of(plan_of(&settings, "imaging.ops.v1"), "min.insync.replicas"), "1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(topics_are_as_the_contract_has_them),
        TEST(lanes_have_topics_of_their_own),
        TEST(numbers_are_the_operators),
        TEST(one_replica_is_enough_where_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
