/* The producer against librdkafka's mock brokers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "events/kafka/producer.h"
#include "pacs/util/clock.h"
#include "tests/support/kafka_mock.h"

#define TOPIC "study.events"
#define DEADLINE_NS (60ull * 1000 * 1000 * 1000)
#define ARENA_MAX (64u << 20)

typedef struct Reports {
    size_t count, by_status[PACS_INTERNAL + 1];
    void *last;
} Reports;

static KafkaMock mock;
static Reports reports;
static PacsArena *arena;

static int set_up(void **state)
{
    (void)state;
    kafka_mock_start(&mock, 3);
    kafka_mock_make_topic(&mock, TOPIC, 4);
    reports = (Reports){0};
    arena = pacs_arena_new(ARENA_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pacs_arena_free(arena);
    kafka_mock_stop(&mock);
    return 0;
}

static void count_report(void *context, void *record_context, PacsStatus status, const char *reason)
{
    (void)context;
    (void)reason;
    reports.count++;
    reports.by_status[status]++;
    reports.last = record_context;
}

static EventsProducer *open_producer(const EventsKafkaSettings *settings)
{
    EventsProducer *producer = NULL;
    PacsError err = {0};

    if (events_producer_new(settings, count_report, NULL, &producer, &err) != PACS_OK)
        fail_msg("%s", err.text);
    return producer;
}

static PacsStatus send_to(EventsProducer *producer, const char *topic, const char *key, const char *value)
{
    const EventsHeader headers[] = {{"ce_id", PACS_SLICE("id-1")},
                                    {"content-type", PACS_SLICE("application/json")}};

    return events_producer_send(producer,
                                &(EventsRecord){.topic = topic,
                                                .key = key,
                                                .headers = headers,
                                                .header_count = 2,
                                                .value = value ? pacs_slice(value) : (PacsSlice){0},
                                                .context = &reports},
                                NULL);
}

static void await_reports(EventsProducer *producer, size_t count)
{
    const uint64_t start = pacs_monotonic_ns();

    while (reports.count < count) {
        assert_true(pacs_monotonic_ns() - start < DEADLINE_NS);
        events_producer_poll(producer, 100);
    }
}

static void a_record_arrives_as_it_was_sent(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);
    size_t count = 0;

    assert_int_equal(send_to(producer, TOPIC, "1.2.3", "{\"a\":1}"), PACS_OK);
    await_reports(producer, 1);
    assert_int_equal(reports.by_status[PACS_OK], 1);
    assert_ptr_equal(reports.last, &reports);

    KafkaMockRecord *records = kafka_mock_read(&mock, TOPIC, arena, &count);
    assert_int_equal(count, 1);
    assert_string_equal(records[0].key, "1.2.3");
    assert_string_equal(records[0].value, "{\"a\":1}");
    assert_string_equal(kafka_mock_header(&records[0], "ce_id"), "id-1");
    assert_string_equal(kafka_mock_header(&records[0], "content-type"), "application/json");
}

static void a_record_without_value_is_a_tombstone(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);
    size_t count = 0;

    assert_int_equal(send_to(producer, TOPIC, "1.2.3", NULL), PACS_OK);
    await_reports(producer, 1);
    KafkaMockRecord *records = kafka_mock_read(&mock, TOPIC, arena, &count);
    assert_int_equal(count, 1);
    assert_null(records[0].value);
}

/* What kafka-clients' BuiltInPartitioner gives for these keys: toPositive(murmur2(key)) % 4. */
static void keys_stand_where_java_clients_look_for_them(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);
    size_t count = 0;

    assert_int_equal(send_to(producer, TOPIC, "21", "x"), PACS_OK); /* murmur2 of "21" is -973932308 */
    await_reports(producer, 1);
    KafkaMockRecord *records = kafka_mock_read(&mock, TOPIC, arena, &count);
    assert_int_equal(count, 1);
    assert_int_equal(records[0].partition, (-973932308 & 0x7FFFFFFF) % 4);
}

static void errors_that_pass_need_nobody(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);

    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 1);
    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR__TRANSPORT, 1);
    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, 1);
    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_to(producer, TOPIC, "1.2.3", "x"), PACS_OK);
    await_reports(producer, 100);
    assert_int_equal(reports.by_status[PACS_OK], 100);
}

static void what_is_not_delivered_in_time_is_said(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    settings.delivery_timeout_s = 1;
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);
    PacsError trouble = {0};

    kafka_mock_set_up(&mock, false);
    assert_int_equal(send_to(producer, TOPIC, "1.2.3", "x"), PACS_OK);
    await_reports(producer, 1);
    assert_int_equal(reports.by_status[PACS_UNAVAILABLE], 1);
    assert_true(events_producer_trouble(producer, &trouble));
    assert_int_equal(trouble.status, PACS_UNAVAILABLE);
}

static void a_record_over_the_brokers_limit_is_too_large(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);

    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 1);
    assert_int_equal(send_to(producer, TOPIC, "1.2.3", "x"), PACS_OK);
    await_reports(producer, 1);
    assert_int_equal(reports.by_status[PACS_TOO_LARGE], 1);
    assert_false(events_producer_is_fatal(producer, NULL));
}

static void a_fatal_error_ends_the_instance_and_reports_everything(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);
    const char *reason = NULL;

    assert_int_equal(send_to(producer, TOPIC, "1.2.3", "x"), PACS_OK);
    await_reports(producer, 1);
    kafka_mock_fail_produce(&mock, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1);
    for (int i = 0; i < 20; i++)
        assert_int_equal(send_to(producer, TOPIC, "1.2.3", "x"), PACS_OK);
    await_reports(producer, 21);
    assert_true(events_producer_is_fatal(producer, &reason));
    assert_non_null(strstr(reason, "OUT_OF_ORDER_SEQUENCE_NUMBER"));
    assert_int_equal(reports.by_status[PACS_OK], 1);
    assert_int_equal(reports.by_status[PACS_CANCELLED] + reports.by_status[PACS_UNAVAILABLE], 20);
    assert_int_equal(send_to(producer, TOPIC, "1.2.3", "x"), PACS_CANCELLED);
}

static void what_is_purged_is_reported(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);

    kafka_mock_set_up(&mock, false);
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_to(producer, TOPIC, "1.2.3", "x"), PACS_OK);
    events_producer_purge(producer);
    assert_int_equal(reports.by_status[PACS_CANCELLED], 10);
}

static void a_topic_that_is_not_there_is_found_out(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    EventsKafkaProperty quickly = {"topic.metadata.propagation.max.ms", "1"};
    settings.properties = &quickly;
    settings.property_count = 1;
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);

    rd_kafka_mock_topic_set_error(mock.cluster, "absent", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    rd_kafka_mock_topic_set_error(mock.cluster, "secret", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(events_producer_find_topic(producer, TOPIC, 10000, NULL), PACS_OK);
    assert_int_equal(events_producer_find_topic(producer, "absent", 10000, NULL), PACS_NOT_FOUND);
    assert_int_equal(events_producer_find_topic(producer, "secret", 10000, NULL), PACS_REFUSED);
    PacsStatus status = send_to(producer, "absent", "1.2.3", "x");
    if (status == PACS_OK) {
        await_reports(producer, 1);
        assert_int_equal(reports.by_status[PACS_NOT_FOUND], 1);
    } else {
        assert_int_equal(status, PACS_NOT_FOUND);
    }
}

static void a_full_queue_takes_no_more(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    EventsKafkaProperty small = {"queue.buffering.max.messages", "10"};
    settings.properties = &small;
    settings.property_count = 1;
    PACS_AUTO(EventsProducer) producer = open_producer(&settings);
    PacsStatus status = PACS_OK;
    size_t taken = 0;

    kafka_mock_set_up(&mock, false);
    while ((status = send_to(producer, TOPIC, "1.2.3", "x")) == PACS_OK)
        taken++;
    assert_int_equal(status, PACS_UNAVAILABLE);
    assert_int_equal(taken, 10);
}

static void a_property_that_librdkafka_does_not_know_is_named(void **state)
{
    (void)state;
    EventsKafkaSettings settings = kafka_mock_settings(&mock);
    EventsKafkaProperty wrong = {"linger.minutes", "10"};
    EventsProducer *producer = NULL;
    PacsError err = {0};
    settings.properties = &wrong;
    settings.property_count = 1;

    assert_int_equal(events_producer_new(&settings, count_report, NULL, &producer, &err), PACS_INVALID);
    assert_non_null(strstr(err.text, "linger.minutes"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_record_arrives_as_it_was_sent),
        TEST(a_record_without_value_is_a_tombstone),
        TEST(keys_stand_where_java_clients_look_for_them),
        TEST(errors_that_pass_need_nobody),
        TEST(what_is_not_delivered_in_time_is_said),
        TEST(a_record_over_the_brokers_limit_is_too_large),
        TEST(a_fatal_error_ends_the_instance_and_reports_everything),
        TEST(what_is_purged_is_reported),
        TEST(a_topic_that_is_not_there_is_found_out),
        TEST(a_full_queue_takes_no_more),
        TEST(a_property_that_librdkafka_does_not_know_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
