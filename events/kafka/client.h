#pragma once

#include <librdkafka/rdkafka.h>

#include "events/kafka/settings.h"

/* Private to events/kafka: what producer, consumer and administration share. Nobody else includes librdkafka. */

/**
 * A configuration of librdkafka: `own` (what the caller cannot do without, and its defaults), the connection of the
 * settings, the operator's raw properties, each over the former. What librdkafka logs becomes debug records of ours.
 *
 * Owner:  the caller's, until rd_kafka_new() takes it.
 * Errors: PACS_INVALID naming the property, PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus events_kafka_conf_new(const EventsKafkaSettings *settings,
                                              const EventsKafkaProperty *own, size_t own_count,
                                              rd_kafka_conf_t **ret_conf, PacsError *err);

/** A producer or consumer of that configuration, which is taken. */
PACS_CHECKED PacsStatus events_kafka_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_rk,
                                          PacsError *err);

/**
 * What an error of librdkafka means to us: PACS_UNAVAILABLE (again later), PACS_TOO_LARGE and PACS_INVALID (this record
 * never), PACS_NOT_FOUND and PACS_REFUSED (this topic not now), PACS_CANCELLED (this instance is done).
 */
PacsStatus events_kafka_status(rd_kafka_resp_err_t code);
