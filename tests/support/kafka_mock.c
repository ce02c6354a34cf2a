#include "tests/support/kafka_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCE_REQUEST 0
#define DEADLINE_MS 20000
#define ERROR_TEXT_MAX 256

void kafka_mock_start(KafkaMock *mock, int broker_count)
{
    char text[ERROR_TEXT_MAX];

    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    *mock = (KafkaMock){.broker_count = broker_count};
    rd_kafka_conf_set_log_cb(conf, NULL);
    mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(mock->rk);
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, broker_count);
    assert_non_null(mock->cluster);
}

void kafka_mock_stop(KafkaMock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
}

EventsKafkaSettings kafka_mock_settings(const KafkaMock *mock)
{
    return (EventsKafkaSettings){.brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster),
                                 .client_id = "test",
                                 .security_protocol = "PLAINTEXT",
                                 .sasl_mechanism = "PLAIN",
                                 .sasl_username = "",
                                 .sasl_password = "",
                                 .ca_location = "",
                                 .certificate_location = "",
                                 .key_location = "",
                                 .topic_prefix = "",
                                 .delivery_timeout_s = 5};
}

void kafka_mock_make_topic(KafkaMock *mock, const char *topic, int partitions)
{
    assert_int_equal(
        rd_kafka_mock_topic_create(mock->cluster, topic, partitions, mock->broker_count < 3 ? 1 : 3), 0);
}

void kafka_mock_set_up(KafkaMock *mock, bool up)
{
    for (int32_t id = 1; id <= mock->broker_count; id++)
        assert_int_equal(up ? rd_kafka_mock_broker_set_up(mock->cluster, id)
                            : rd_kafka_mock_broker_set_down(mock->cluster, id),
                         0);
}

void kafka_mock_fail_produce(KafkaMock *mock, rd_kafka_resp_err_t code, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rd_kafka_mock_push_request_errors(mock->cluster, PRODUCE_REQUEST, 1, code);
}

/* ---- Reading what arrived ---- */

static rd_kafka_t *open_consumer(const KafkaMock *mock)
{
    char text[ERROR_TEXT_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const properties[][2] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock->cluster)},
        {"group.id", "test"},
        {"enable.partition.eof", "true"},
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"},
    };

    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        assert_int_equal(rd_kafka_conf_set(conf, properties[i][0], properties[i][1], text, sizeof text),
                         RD_KAFKA_CONF_OK);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    assert_non_null(consumer);
    (void)rd_kafka_poll_set_consumer(consumer);
    return consumer;
}

static int assign_all(rd_kafka_t *consumer, const char *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer, topic, NULL);

    assert_int_equal(rd_kafka_metadata(consumer, 0, handle, &metadata, DEADLINE_MS), 0);
    const int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);

    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(count);
    for (int partition = 0; partition < count; partition++)
        rd_kafka_topic_partition_list_add(all, topic, partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(consumer, all), 0);
    rd_kafka_topic_partition_list_destroy(all);
    return count;
}

static void copy_headers(const rd_kafka_message_t *message, PacsArena *arena, KafkaMockRecord *record)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(message, &headers) != 0)
        return;
    record->headers = pacs_arena_array(arena, rd_kafka_header_cnt(headers) + 1, sizeof *record->headers);
    while (rd_kafka_header_get_all(headers, record->header_count, &name, &value, &size) == 0)
        record->headers[record->header_count++] = (KafkaMockHeader){
            .name = pacs_arena_strdup(arena, name), .value = pacs_arena_strndup(arena, value, size)};
}

static KafkaMockRecord copy_record(const rd_kafka_message_t *message, PacsArena *arena)
{
    KafkaMockRecord record = {.partition = message->partition,
                              .key = pacs_arena_strndup(arena, message->key, message->key_len)};

    if (message->payload)
        record.value = pacs_arena_strndup(arena, message->payload, message->len);
    copy_headers(message, arena, &record);
    return record;
}

#define RECORDS_MAX 100000

static int by_partition(const void *a, const void *b)
{
    const KafkaMockRecord *const *left = a, *const *right = b;

    if ((*left)->partition != (*right)->partition)
        return (*left)->partition < (*right)->partition ? -1 : 1;
    return *left < *right ? -1 : *left > *right; /* as they were read */
}

static KafkaMockRecord *sort(KafkaMockRecord *records, size_t count, PacsArena *arena)
{
    const KafkaMockRecord **order = pacs_arena_array(arena, count + 1, sizeof *order);
    KafkaMockRecord *sorted = pacs_arena_array(arena, count + 1, sizeof *sorted);

    for (size_t i = 0; i < count; i++)
        order[i] = &records[i];
    qsort(order, count, sizeof *order, by_partition);
    for (size_t i = 0; i < count; i++)
        sorted[i] = *order[i];
    return sorted;
}

KafkaMockRecord *kafka_mock_read(const KafkaMock *mock, const char *topic, PacsArena *arena,
                                 size_t *ret_count)
{
    rd_kafka_t *consumer = open_consumer(mock);
    KafkaMockRecord *records = pacs_arena_array(arena, RECORDS_MAX, sizeof *records);
    size_t count = 0;

    assert_non_null(records);
    for (int left = assign_all(consumer, topic); left > 0;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, DEADLINE_MS);
        assert_non_null(message);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            left--;
        else if (!message->err && count < RECORDS_MAX)
            records[count++] = copy_record(message, arena);
        rd_kafka_message_destroy(message);
    }
    assert_int_equal(rd_kafka_consumer_close(consumer), 0);
    rd_kafka_destroy(consumer);
    *ret_count = count;
    return sort(records, count, arena);
}

const char *kafka_mock_header(const KafkaMockRecord *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++) {
        if (strcmp(record->headers[i].name, name) == 0)
            return record->headers[i].value;
    }
    return "";
}
