/* The consumer against librdkafka's mock brokers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "events/kafka/consumer.h"
#include "events/kafka/producer.h"
#include "pacs/util/clock.h"
#include "tests/support/kafka_mock.h"

#define TOPIC "study.events"
#define GROUP "consumer-dicom"
#define DEADLINE_NS (60ull * 1000 * 1000 * 1000)

static KafkaMock mock;
static EventsProducer *producer;
static size_t delivered;

static void count_delivered(void *context, void *record_context, PacsStatus status, const char *reason)
{
    (void)context;
    (void)record_context;
    (void)reason;
    assert_int_equal(status, PACS_OK);
    delivered++;
}

static int set_up(void **state)
{
    (void)state;
    kafka_mock_start(&mock, 1);
    kafka_mock_make_topic(&mock, TOPIC, 2);
    const EventsKafkaSettings settings = kafka_mock_settings(&mock);
    delivered = 0;
    return events_producer_new(&settings, count_delivered, NULL, &producer, NULL) == PACS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    events_producer_free(producer);
    kafka_mock_stop(&mock);
    return 0;
}

static void send_one(const char *key, const char *value)
{
    const EventsHeader headers[] = {{"ce_id", PACS_SLICE("id-1")}, {"empty", PACS_SLICE("")}};
    const size_t before = delivered;
    const uint64_t start = pacs_monotonic_ns();
    const EventsRecord record = {.topic = TOPIC,
                                 .key = key,
                                 .headers = headers,
                                 .header_count = 2,
                                 .value = value ? pacs_slice(value) : (PacsSlice){0}};
    assert_int_equal(events_producer_send(producer, &record, NULL), PACS_OK);
    while (delivered == before) {
        assert_true(pacs_monotonic_ns() - start < DEADLINE_NS);
        events_producer_poll(producer, 100);
    }
}

static EventsConsumer *join(uint32_t slow_ms)
{
    static const char *const topics[] = {TOPIC};
    static EventsKafkaProperty quick[] = {{"session.timeout.ms", "6000"},
                                          {"heartbeat.interval.ms", "100"},
                                          {"fetch.wait.max.ms", "20"},
                                          {"reconnect.backoff.max.ms", "200"}};
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    settings.properties = quick;
    settings.property_count = sizeof quick / sizeof quick[0];
    const EventsConsumerOptions options = {
        .group = GROUP, .topics = topics, .topic_count = 1, .slow_ms = slow_ms};
    EventsConsumer *consumer = NULL;
    PacsError err = {0};
    if (events_consumer_open(&settings, &options, &consumer, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return consumer;
}

static void leave(EventsConsumer *consumer)
{
    PacsError err = {0};
    if (events_consumer_close(consumer, 30000, &err) != PACS_OK)
        fail_msg("%s", err.text);
}

static const EventsMessage *next(EventsConsumer *consumer)
{
    const uint64_t start = pacs_monotonic_ns();
    const EventsMessage *message = NULL;
    while (!message) {
        assert_true(pacs_monotonic_ns() - start < DEADLINE_NS);
        assert_int_equal(events_consumer_poll(consumer, 100, &message, NULL), PACS_OK);
    }
    return message;
}

static void take(EventsConsumer *consumer, const char *expected)
{
    const EventsMessage *message = next(consumer);
    assert_true(pacs_slice_equal(message->value, expected));
    events_consumer_done(consumer);
}

static void a_message_comes_as_it_was_sent(void **state)
{
    (void)state;
    send_one("1.2.3", "{\"a\":1}");
    EventsConsumer *consumer = join(0);
    const EventsMessage *message = next(consumer);
    assert_string_equal(message->topic, TOPIC);
    assert_true(pacs_slice_equal(message->key, "1.2.3"));
    assert_true(pacs_slice_equal(message->value, "{\"a\":1}"));
    assert_int_equal(message->header_count, 2);
    assert_string_equal(message->headers[0].name, "ce_id");
    assert_true(pacs_slice_equal(message->headers[0].value, "id-1"));
    assert_non_null(message->headers[1].value.text);
    assert_int_equal(message->headers[1].value.size, 0);
    assert_true(message->timestamp_ms > 0);
    assert_true(events_consumer_is_member(consumer));
    events_consumer_done(consumer);
    send_one("1.2.3", NULL);
    assert_null(next(consumer)->value.text);
    leave(consumer);
}

static void what_was_done_does_not_come_again_and_the_rest_does(void **state)
{
    (void)state;
    send_one("k", "first");
    send_one("k", "second");
    send_one("k", "third");
    EventsConsumer *consumer = join(0);
    take(consumer, "first");
    assert_true(pacs_slice_equal(next(consumer)->value, "second")); /* not done */
    leave(consumer);
    consumer = join(0);
    take(consumer, "second");
    take(consumer, "third");
    leave(consumer);
}

static void a_message_that_was_not_done_is_handed_out_once_more(void **state)
{
    (void)state;
    send_one("k", "first");
    send_one("k", "second");
    EventsConsumer *consumer = join(0);
    assert_true(pacs_slice_equal(next(consumer)->value, "first"));
    assert_true(pacs_slice_equal(next(consumer)->value, "first"));
    events_consumer_done(consumer);
    take(consumer, "second");
    leave(consumer);
}

static void a_second_member_joins_while_the_first_is_busy(void **state)
{
    const EventsMessage *message = NULL;
    const uint64_t start = pacs_monotonic_ns();
    (void)state;
    send_one("k", "slow");
    EventsConsumer *busy = join(1);
    assert_true(pacs_slice_equal(next(busy)->value, "slow"));
    /* The first holds its message and does not poll: its keeper answers for it, or the second would wait for ever. */
    EventsConsumer *second = join(0);
    while (!events_consumer_is_member(second)) {
        assert_true(pacs_monotonic_ns() - start < DEADLINE_NS);
        assert_int_equal(events_consumer_poll(second, 100, &message, NULL), PACS_OK);
    }
    events_consumer_done(busy);
    leave(second);
    leave(busy);
}

static void messages_that_come_while_the_caller_is_busy_are_not_lost(void **state)
{
    (void)state;
    send_one("k", "slow");
    EventsConsumer *consumer = join(1);
    assert_true(pacs_slice_equal(next(consumer)->value, "slow"));
    for (int i = 0; i < 20; i++) { /* each takes a round trip: the keeper has paused meanwhile */
        char value[24];
        (void)snprintf(value, sizeof value, "value %d", i);
        send_one("k", value);
    }
    events_consumer_done(consumer);
    for (int i = 0; i < 20; i++) {
        char value[24];
        (void)snprintf(value, sizeof value, "value %d", i);
        take(consumer, value);
    }
    leave(consumer);
}

static void brokers_that_go_and_come_back_are_a_trouble_that_ends(void **state)
{
    const EventsMessage *message = NULL;
    PacsError trouble = {0};
    const uint64_t start = pacs_monotonic_ns();
    (void)state;
    send_one("k", "before");
    EventsConsumer *consumer = join(0);
    take(consumer, "before");
    assert_false(events_consumer_trouble(consumer, &trouble));
    kafka_mock_set_up(&mock, false);
    while (!events_consumer_trouble(consumer, &trouble)) {
        assert_true(pacs_monotonic_ns() - start < DEADLINE_NS);
        assert_int_equal(events_consumer_poll(consumer, 50, &message, NULL), PACS_OK);
    }
    assert_int_equal(trouble.status, PACS_UNAVAILABLE);
    kafka_mock_set_up(&mock, true);
    send_one("k", "after");
    take(consumer, "after");
    assert_false(events_consumer_trouble(consumer, &trouble));
    leave(consumer);
}

static void closing_does_not_wait_for_brokers_that_are_gone(void **state)
{
    PacsError err = {0};
    (void)state;
    send_one("k", "value");
    EventsConsumer *consumer = join(0);
    take(consumer, "value");
    kafka_mock_set_up(&mock, false);
    const uint64_t start = pacs_monotonic_ns();
    pacs_ignore(
        events_consumer_close(consumer, 8000, &err)); /* let go, or left behind: both within the deadline */
    assert_true(pacs_monotonic_ns() - start < DEADLINE_NS);
    kafka_mock_set_up(&mock, true);
}

static void add_lag(void *context, const char *topic, int32_t partition, int64_t lag)
{
    (void)topic;
    (void)partition;
    *(int64_t *)context += lag;
}

static void what_waits_is_told_as_lag(void **state)
{
    int64_t lag = 0;
    (void)state;
    for (int i = 0; i < 5; i++)
        send_one("k", "value");
    EventsConsumer *consumer = join(0);
    take(consumer, "value");
    (void)next(consumer);
    events_consumer_lag(consumer, add_lag, &lag);
    assert_in_range(lag, 3, 4); /* the one that is handed out may count */
    leave(consumer);
}

static void a_group_that_librdkafka_refuses_is_told(void **state)
{
    static const char *const topics[] = {TOPIC};
    static EventsKafkaProperty wrong[] = {{"session.timeout.ms", "never"}};
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    const EventsConsumerOptions options = {.group = GROUP, .topics = topics, .topic_count = 1};
    EventsConsumer *consumer = NULL;
    PacsError err = {0};
    (void)state;
    settings.properties = wrong;
    settings.property_count = 1;
    assert_int_equal(events_consumer_open(&settings, &options, &consumer, &err), PACS_INVALID);
    assert_non_null(strstr(err.text, "session.timeout.ms"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_comes_as_it_was_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_done_does_not_come_again_and_the_rest_does, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_message_that_was_not_done_is_handed_out_once_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_second_member_joins_while_the_first_is_busy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_that_come_while_the_caller_is_busy_are_not_lost, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(brokers_that_go_and_come_back_are_a_trouble_that_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(closing_does_not_wait_for_brokers_that_are_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_is_told_as_lag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_that_librdkafka_refuses_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
