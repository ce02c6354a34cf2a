/* The relay, from an outbox in SQLite to librdkafka's mock brokers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/contract/topics.h"
#include "events/relay/relay.h"
#include "pacs/index/index_write.h"
#include "pacs/util/clock.h"
#include "pacs/util/log.h"
#include "tests/support/indexed_object.h"
#include "tests/support/kafka_mock.h"
#include "tests/support/temporary.h"

#define STUDY_TOPIC "imaging.study.events.v1"
#define STATE_TOPIC "imaging.study.state.v1"
#define AUDIT_TOPIC "imaging.audit.v1"
#define OPS_TOPIC "imaging.ops.v1"
#define DEADLINE_NS (60ull * 1000 * 1000 * 1000)
#define ARENA_MAX (256u << 20)

static KafkaMock mock;
static EventsSettings settings;
static EventsTopicMode modes[1];
static PacsIndex *index_;
static PacsMetrics *metrics;
static PacsArena *arena;
static EventsRelay *relay;
static char *folder;
static EventsKafkaProperty quick = {"topic.metadata.propagation.max.ms", "1"};

static void make_topics(void)
{
    const EventsTopic *topic;
    const char *lane;

    for (size_t i = 0; (topic = events_topic_at(i)); i++) {
        for (size_t j = 0; (lane = events_lane_at(j)); j++) {
            char name[EVENTS_TOPIC_SIZE];
            assert_int_equal(events_topic_name(topic, NULL, lane, name, NULL), PACS_OK);
            if (j == 0 || topic->has_lanes)
                kafka_mock_make_topic(&mock, name, 4);
        }
    }
}

static int set_up(void **state)
{
    char path[4096];

    (void)state;
    kafka_mock_start(&mock, 3);
    make_topics();
    settings = (EventsSettings){.source = "/lightbox/test",
                                .public_root = "https://pacs.example/dicom-web",
                                .viewer_url = "",
                                .kafka = kafka_mock_settings(&mock)};
    settings.kafka.properties = &quick;
    settings.kafka.property_count = 1;
    folder = temporary_folder_new();
    (void)snprintf(path, sizeof path, "%s/index.db", folder);
    metrics = pacs_metrics_new();
    arena = pacs_arena_new(ARENA_MAX);
    pacs_log_setup(PACS_LOG_ERROR, PACS_LOG_AS_TEXT, 2);
    relay = NULL;
    return pacs_index_sqlite_open(&(PacsIndexSqliteOptions){.path = path}, NULL, &index_, NULL) == PACS_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    events_relay_free(relay);
    pacs_index_free(index_);
    temporary_folder_free(folder);
    pacs_metrics_free(metrics);
    pacs_arena_free(arena);
    kafka_mock_stop(&mock);
    return 0;
}

static EventsRelayOptions options(void)
{
    return (EventsRelayOptions){.settings = &settings, .hold_ms = 50};
}

static void start_with(EventsRelayOptions with)
{
    PacsError err = {0};

    if (events_relay_new(&with, index_, metrics, &relay, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static void start(void)
{
    start_with(options());
}

/* ---- What happens ---- */

static void tell_in(const char *key, unsigned number)
{
    char data[64];
    PacsError err = {0};

    (void)snprintf(data, sizeof data, "{\"number\":%u}", number);
    if (pacs_index_tell(index_, &(PacsTold){.type = "access.recorded", .key = key, .data = data}, &err) !=
        PACS_OK)
        fail_msg("%s", err.text);
}

static void receive(unsigned study, unsigned instance)
{
    IndexedObject object;
    PacsIndexAdded added;

    indexed_object_init(&object, 1, study, 1, instance);
    assert_int_equal(pacs_index_add(index_, &object.add, &added, NULL), PACS_OK);
}

static void arrive(void)
{
    uint32_t count;

    assert_int_equal(pacs_index_stabilise(index_, pacs_now_ms() + 1000, 1000, &count, NULL), PACS_OK);
}

static PacsOutboxDepth depth(void)
{
    PacsOutboxDepth now = {0};

    assert_int_equal(pacs_index_outbox_depth(index_, &now, NULL), PACS_OK);
    return now;
}

static bool all_are_sent(void)
{
    return depth().unsent == 0;
}

static bool one_is_dead(void)
{
    return depth().dead == 1;
}

static void await(bool (*holds)(void))
{
    const uint64_t start_ns = pacs_monotonic_ns();

    while (!holds()) {
        assert_true(pacs_monotonic_ns() - start_ns < DEADLINE_NS);
        (void)sched_yield();
    }
}

static uint64_t sent_count(const char *type, const char *result)
{
    return pacs_metric_value(pacs_metric(
        pacs_metrics_family(metrics, PACS_COUNTER, "imaging_events_sent_total", "", "type,result"), type,
        result, NULL));
}

static KafkaMockRecord *read_topic(const char *topic, size_t *ret_count)
{
    return kafka_mock_read(&mock, topic, arena, ret_count);
}

/** Of each key every number from 1 on, in its order; again only as a repetition of what was there. */
static void assert_in_order(const KafkaMockRecord *records, size_t count, unsigned keys, unsigned each)
{
    unsigned *seen = calloc(keys + 1, sizeof *seen);

    for (size_t i = 0; i < count; i++) {
        const unsigned key = (unsigned)strtoul(records[i].key, NULL, 10);
        const unsigned number = (unsigned)strtoull(kafka_mock_header(&records[i], "ce_sequence"), NULL, 10);
        assert_true(key <= keys && number <= seen[key] + 1);
        if (number == seen[key] + 1)
            seen[key]++;
    }
    for (unsigned key = 1; key <= keys; key++)
        assert_int_equal(seen[key], each);
    free(seen);
}

static void tell_many(unsigned keys, unsigned each)
{
    for (unsigned number = 1; number <= each; number++) {
        for (unsigned key = 1; key <= keys; key++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%u", key);
            tell_in(text, number);
        }
    }
}

/* ---- What is sent ---- */

static void events_go_out_with_their_facts_and_are_noted_as_sent(void **state)
{
    (void)state;
    size_t count = 0;

    receive(7, 1);
    start();
    await(all_are_sent);
    const KafkaMockRecord *record = read_topic(STUDY_TOPIC, &count);
    assert_int_equal(count, 1);
    assert_string_equal(record->key, "1.2.840.7");
    assert_string_equal(kafka_mock_header(record, "ce_type"), "org.sapoche.imaging.study.received.v1");
    assert_string_equal(kafka_mock_header(record, "ce_source"), "/lightbox/test");
    assert_string_equal(kafka_mock_header(record, "ce_sequence"), "00000000000000000001");
    assert_string_equal(kafka_mock_header(record, "content-type"), "application/json");
    assert_non_null(strstr(record->value, "https://pacs.example/dicom-web/studies/1.2.840.7"));
    assert_int_equal(sent_count("study.received", "delivered"), 1);
}

static void an_event_that_comes_later_is_sent_at_once(void **state)
{
    (void)state;
    start();
    await(all_are_sent);
    receive(7, 1);
    await(all_are_sent);
    arrive();
    await(all_are_sent);
    size_t count = 0;
    (void)read_topic(STUDY_TOPIC, &count);
    assert_int_equal(count, 2);
}

static void the_state_of_a_study_is_its_latest_event_and_a_tombstone_in_the_end(void **state)
{
    (void)state;
    PacsRemaining remaining;
    IndexedObject object;
    PacsIndexAdded added;
    size_t count = 0;

    indexed_object_init(&object, 1, 7, 1, 1);
    assert_int_equal(pacs_index_add(index_, &object.add, &added, NULL), PACS_OK);
    arrive();
    assert_int_equal(
        pacs_index_delete(index_, PACS_LEVEL_STUDY, added.ids[PACS_LEVEL_STUDY], &remaining, NULL), PACS_OK);
    start();
    await(all_are_sent);
    const KafkaMockRecord *states = read_topic(STATE_TOPIC, &count);
    assert_int_equal(count, 3);
    assert_string_equal(kafka_mock_header(&states[1], "ce_type"), "org.sapoche.imaging.study.arrived.v1");
    assert_non_null(states[1].value);
    assert_null(states[2].value);
    assert_string_equal(states[2].key, "1.2.840.7");
    (void)read_topic(STUDY_TOPIC, &count);
    assert_int_equal(count, 3);
}

static void a_study_of_a_lane_goes_to_the_lanes_topic(void **state)
{
    (void)state;
    IndexedObject object;
    PacsIndexAdded added;
    size_t count = 0;

    indexed_object_init(&object, 1, 7, 1, 1);
    object.add.lane = "vip";
    assert_int_equal(pacs_index_add(index_, &object.add, &added, NULL), PACS_OK);
    start();
    await(all_are_sent);
    const KafkaMockRecord *record = read_topic(STUDY_TOPIC ".vip", &count);
    assert_int_equal(count, 1);
    assert_string_equal(kafka_mock_header(record, "ce_lane"), "vip");
    (void)read_topic(STUDY_TOPIC, &count);
    assert_int_equal(count, 0);
}

static void a_topic_may_be_written_in_structured_mode(void **state)
{
    (void)state;
    size_t count = 0;

    modes[0] = (EventsTopicMode){.topic = STUDY_TOPIC, .structured = true};
    settings.topic_modes = modes;
    settings.topic_mode_count = 1;
    receive(7, 1);
    start();
    await(all_are_sent);
    const KafkaMockRecord *record = read_topic(STUDY_TOPIC, &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(kafka_mock_header(record, "content-type"), "application/cloudevents+json"));
    assert_non_null(strstr(record->value, "\"specversion\":\"1.0\""));
    assert_string_equal(kafka_mock_header(read_topic(STATE_TOPIC, &count), "content-type"),
                        "application/json");
}

static void a_prefix_stands_in_front_of_every_topic(void **state)
{
    (void)state;
    size_t count = 0;

    settings.kafka.topic_prefix = "test.";
    kafka_mock_make_topic(&mock, "test." AUDIT_TOPIC, 1);
    tell_in("1", 1);
    start();
    await(all_are_sent);
    (void)read_topic("test." AUDIT_TOPIC, &count);
    assert_int_equal(count, 1);
}

/* ---- Order, whatever fails ---- */

#define KEYS 50
#define EACH 20

static void keys_keep_their_order_while_requests_fail(void **state)
{
    (void)state;
    const rd_kafka_resp_err_t failures[] = {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                                            RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR};
    size_t count = 0;

    tell_many(KEYS, EACH);
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        kafka_mock_fail_produce(&mock, failures[i], 2);
    start();
    await(all_are_sent);
    const KafkaMockRecord *records = read_topic(AUDIT_TOPIC, &count);
    assert_in_order(records, count, KEYS, EACH);
}

static uint64_t fatal_count(void)
{
    return pacs_metric_value(pacs_metric(
        pacs_metrics_family(metrics, PACS_COUNTER, "imaging_producer_fatal_total", "", NULL), NULL));
}

static void a_producer_that_is_done_is_replaced_and_nothing_is_lost(void **state)
{
    (void)state;
    size_t count = 0;

    start();
    tell_in("1", 1);
    await(all_are_sent);
    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1);
    for (unsigned number = 2; number <= EACH; number++)
        tell_in("1", number);
    await(all_are_sent);
    assert_true(fatal_count() >= 1);
    const KafkaMockRecord *records = read_topic(AUDIT_TOPIC, &count);
    assert_in_order(records, count, 1, EACH);
}

static void brokers_that_were_away_get_everything_in_order(void **state)
{
    (void)state;
    size_t count = 0;

    settings.kafka.delivery_timeout_s = 1; /* so that it runs out */
    kafka_mock_set_up(&mock, false);
    tell_many(KEYS, EACH);
    start();
    const uint64_t start_ns = pacs_monotonic_ns();
    while (sent_count("access.recorded", "retried") < KEYS) {
        assert_true(pacs_monotonic_ns() - start_ns < DEADLINE_NS);
        (void)sched_yield();
    }
    assert_int_equal(depth().unsent, KEYS * EACH);
    kafka_mock_set_up(&mock, true);
    await(all_are_sent);
    const KafkaMockRecord *records = read_topic(AUDIT_TOPIC, &count);
    assert_in_order(records, count, KEYS, EACH);
    assert_int_equal(depth().dead, 0);
}

/* ---- What cannot be sent ---- */

static PacsOutboxEvent only_dead(void)
{
    PacsOutboxEvent *events = NULL;
    size_t count = 0;

    assert_int_equal(pacs_index_list_dead(index_, 0, 10, arena, &events, &count, NULL), PACS_OK);
    assert_int_equal(count, 1);
    return events[0];
}

static void what_is_too_large_is_dead_and_told_and_holds_its_key_alone(void **state)
{
    (void)state;
    size_t count = 0;

    tell_in("1", 1);
    tell_in("1", 2);
    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    start();
    await(one_is_dead);
    tell_in("2", 1);
    await(all_are_sent);

    PacsOutboxEvent dead = only_dead();
    assert_string_equal(dead.key, "1");
    assert_non_null(strstr(dead.dead_reason, "large"));
    assert_int_equal(depth().parked, 1);
    const KafkaMockRecord *records = read_topic(AUDIT_TOPIC, &count);
    assert_int_equal(count, 1);
    assert_string_equal(records[0].key, "2");
    const KafkaMockRecord *ops = read_topic(OPS_TOPIC, &count);
    assert_int_equal(count, 1);
    assert_string_equal(kafka_mock_header(ops, "ce_type"), "org.sapoche.imaging.relay.event-dead.v1");
    assert_non_null(strstr(ops->value, dead.ce_id));
    assert_int_equal(sent_count("access.recorded", "dead"), 1);

    assert_int_equal(pacs_index_retry_dead(index_, dead.ce_id, NULL), PACS_OK);
    await(all_are_sent);
    records = read_topic(AUDIT_TOPIC, &count);
    assert_int_equal(count, 3);
    assert_int_equal(depth().dead + depth().parked, 0);
}

static void the_innocent_of_a_refused_batch_are_delivered(void **state)
{
    (void)state;
    size_t count = 0;
    EventsKafkaProperty linger = {"linger.ms", "200"}; /* all of them in one batch for each partition */

    settings.kafka.properties = &linger;
    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    tell_many(KEYS, 1);
    start();
    await(all_are_sent);
    assert_int_equal(depth().dead, 0);
    const KafkaMockRecord *records = read_topic(AUDIT_TOPIC, &count);
    assert_in_order(records, count, KEYS, 1);
}

static void a_missing_topic_holds_back_what_goes_to_it_and_nothing_else(void **state)
{
    (void)state;
    size_t count = 0;

    tell_in("1", 1);
    tell_in("2", 1);
    tell_in("3", 1);
    receive(7, 1);
    rd_kafka_mock_topic_set_error(mock.cluster, AUDIT_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    start();
    await(one_is_dead);
    const uint64_t start_ns = pacs_monotonic_ns();
    while (depth().unsent > 2) { /* the study, and what tells of the dead one, get through */
        assert_true(pacs_monotonic_ns() - start_ns < DEADLINE_NS);
        (void)sched_yield();
    }
    (void)read_topic(STUDY_TOPIC, &count);
    assert_int_equal(count, 1);
    assert_non_null(strstr(only_dead().dead_reason, AUDIT_TOPIC));

    rd_kafka_mock_topic_set_error(mock.cluster, AUDIT_TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
    await(all_are_sent);
    (void)read_topic(AUDIT_TOPIC, &count);
    assert_int_equal(count, 2);
    assert_int_equal(depth().dead, 1);
}

static void a_topic_that_may_not_be_written_to_is_tried_again_without_more_dead(void **state)
{
    (void)state;
    size_t count = 0;

    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    for (unsigned number = 1; number <= 3; number++)
        tell_in(number == 1 ? "1" : number == 2 ? "2" : "3", 1);
    start();
    await(one_is_dead);
    await(all_are_sent);
    assert_int_equal(depth().dead, 1);
    (void)read_topic(AUDIT_TOPIC, &count);
    assert_int_equal(count, 2);
}

/* ---- Duty, bounds, the end ---- */

static void a_relay_whose_lease_another_took_notes_nothing(void **state)
{
    (void)state;
    bool held = false;
    uint64_t epoch = 0;

    assert_int_equal(pacs_index_take_lease(index_, "relay", "another", 60000, &held, &epoch, NULL), PACS_OK);
    assert_true(held);
    start();
    tell_in("1", 1);
    PacsMetric *leader = pacs_metric(
        pacs_metrics_family(metrics, PACS_GAUGE, "imaging_relay_leader", "", NULL), NULL);
    assert_int_equal(pacs_metric_value(leader), 0);
    events_relay_stop(relay, 5000);
    assert_int_equal(depth().unsent, 1);
}

static void the_duty_is_taken_over_from_one_that_stops(void **state)
{
    (void)state;
    size_t count = 0;

    start();
    tell_in("1", 1);
    events_relay_stop(relay, 20000);
    assert_true(all_are_sent()); /* what waited was sent first */
    events_relay_free(relay);
    tell_in("1", 2);
    start();
    await(all_are_sent);
    const KafkaMockRecord *records = read_topic(AUDIT_TOPIC, &count);
    assert_int_equal(count, 2);
    assert_in_order(records, count, 1, 2);
}

static void the_window_is_bounded_while_nobody_takes_anything(void **state)
{
    (void)state;
    EventsRelayOptions small = options();
    size_t count = 0;

    small.window_rows = 40;
    kafka_mock_set_up(&mock, false);
    tell_many(KEYS, EACH);
    start_with(small);
    PacsMetric *rows = pacs_metric(
        pacs_metrics_family(metrics, PACS_GAUGE, "imaging_relay_window_rows", "", NULL), NULL);
    const uint64_t start_ns = pacs_monotonic_ns();
    while (pacs_metric_value(rows) < 30) {
        assert_true(pacs_monotonic_ns() - start_ns < DEADLINE_NS);
        (void)sched_yield();
    }
    assert_true(pacs_metric_value(rows) <= 40);
    kafka_mock_set_up(&mock, true);
    await(all_are_sent);
    const KafkaMockRecord *records = read_topic(AUDIT_TOPIC, &count);
    assert_in_order(records, count, KEYS, EACH);
    assert_true(pacs_metric_value(rows) <= 40);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(events_go_out_with_their_facts_and_are_noted_as_sent),
        TEST(an_event_that_comes_later_is_sent_at_once),
        TEST(the_state_of_a_study_is_its_latest_event_and_a_tombstone_in_the_end),
        TEST(a_study_of_a_lane_goes_to_the_lanes_topic),
        TEST(a_topic_may_be_written_in_structured_mode),
        TEST(a_prefix_stands_in_front_of_every_topic),
        TEST(keys_keep_their_order_while_requests_fail),
        TEST(a_producer_that_is_done_is_replaced_and_nothing_is_lost),
        TEST(brokers_that_were_away_get_everything_in_order),
        TEST(what_is_too_large_is_dead_and_told_and_holds_its_key_alone),
        TEST(the_innocent_of_a_refused_batch_are_delivered),
        TEST(a_missing_topic_holds_back_what_goes_to_it_and_nothing_else),
        TEST(a_topic_that_may_not_be_written_to_is_tried_again_without_more_dead),
        TEST(a_relay_whose_lease_another_took_notes_nothing),
        TEST(the_duty_is_taken_over_from_one_that_stops),
        TEST(the_window_is_bounded_while_nobody_takes_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
