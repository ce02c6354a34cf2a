#pragma once

#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/config_section.h"

/**
 * How a Kafka cluster is reached and how our topics are to be there: the same section for whoever speaks to it (the
 * relay, the workers).
 */
typedef struct EventsKafkaProperty {
    const char *name, *value;
} EventsKafkaProperty;

typedef struct EventsKafkaSettings {
    const char *brokers; /* "host:port,host:port"; "": there is no Kafka */
    const char *client_id;

    const char *security_protocol; /* "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL" */
    const char *sasl_mechanism;    /* "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" */
    const char *sasl_username, *sasl_password;
    const char *ca_location;          /* file or folder of PEM; "": the system's */
    const char *certificate_location; /* of this client, PEM; "": none */
    const char *key_location;         /* its key; "": none */

    const char *topic_prefix;                                     /* in front of every topic's name */
    uint64_t partitions, replication_factor, min_insync_replicas; /* 0: as the table of topics says */
    uint64_t delivery_timeout_s;
    EventsKafkaProperty *properties; /* of librdkafka, as they are */
    size_t property_count;
} EventsKafkaSettings;

/**
 * Read the section at `path` ("Events.Kafka").
 *
 * Owner:  texts are borrowed from the configuration, lists live in the arena.
 * Errors: PACS_INVALID naming the key: wrong types and ranges, credentials that the protocol would not use or that it
 *         lacks, raw properties that order and delivery depend on.
 */
PACS_CHECKED PacsStatus events_kafka_settings_read(const PacsConfig *config, const char *path,
                                                   PacsArena *arena, EventsKafkaSettings *ret_settings,
                                                   PacsConfigWarning *warn, PacsError *err);
