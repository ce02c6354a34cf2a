#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "events/kafka/settings.h"
#include "pacs/util/arena.h"

/**
 * librdkafka's cluster of mock brokers, in this process: speaks the protocol over sockets, can be told to fail, and keeps no
 * promise of durability.
 */
typedef struct KafkaMock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    int broker_count;
} KafkaMock;

void kafka_mock_start(KafkaMock *mock, int broker_count);
void kafka_mock_stop(KafkaMock *mock);

/** Settings of a client of it: what is not said is as the configuration's defaults, delivery within 5 seconds. */
EventsKafkaSettings kafka_mock_settings(const KafkaMock *mock);

void kafka_mock_make_topic(KafkaMock *mock, const char *topic, int partitions);
/** All brokers, as if their machines were switched off and on. */
void kafka_mock_set_up(KafkaMock *mock, bool up);
/** The next `count` produce requests fail. */
void kafka_mock_fail_produce(KafkaMock *mock, rd_kafka_resp_err_t code, size_t count);

typedef struct KafkaMockHeader {
    const char *name, *value;
} KafkaMockHeader;

typedef struct KafkaMockRecord {
    int32_t partition;
    const char *key;
    const char *value; /* NULL: a tombstone */
    KafkaMockHeader *headers;
    size_t header_count;
} KafkaMockRecord;

/** All that a topic has, partition by partition, each in its order. In the arena. */
KafkaMockRecord *kafka_mock_read(const KafkaMock *mock, const char *topic, PacsArena *arena,
                                 size_t *ret_count);

/** "" if it is not there. */
const char *kafka_mock_header(const KafkaMockRecord *record, const char *name);
