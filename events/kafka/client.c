#include "events/kafka/client.h"

#include <string.h>

#include "pacs/util/log.h"

#define TROUBLE_MAX 512 /* librdkafka's texts */

static PacsStatus set_property(rd_kafka_conf_t *conf, const char *name, const char *value, PacsError *err)
{
    char text[TROUBLE_MAX];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return PACS_OK;
    if (strstr(name, "password")) /* the text would repeat it */
        return pacs_fail(err, PACS_INVALID, "librdkafka does not take the value of '%s'", name);
    return pacs_fail(err, PACS_INVALID, "librdkafka does not take '%s': %s", name, text);
}

static PacsStatus set_connection(rd_kafka_conf_t *conf, const EventsKafkaSettings *settings, PacsError *err)
{
    const bool with_sasl = strncmp(settings->security_protocol, "SASL_", 5) == 0;
    const EventsKafkaProperty properties[] = {
        {"bootstrap.servers", settings->brokers},
        {"client.id", settings->client_id},
        {"security.protocol", settings->security_protocol},
        {"sasl.mechanisms", with_sasl ? settings->sasl_mechanism : ""},
        {"sasl.username", with_sasl ? settings->sasl_username : ""},
        {"sasl.password", with_sasl ? settings->sasl_password : ""},
        {"ssl.ca.location", settings->ca_location},
        {"ssl.certificate.location", settings->certificate_location},
        {"ssl.key.location", settings->key_location},
    };

    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        PacsStatus status = properties[i].value[0]
                                ? set_property(conf, properties[i].name, properties[i].value, err)
                                : PACS_OK;
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

static PacsStatus set_properties(rd_kafka_conf_t *conf, const EventsKafkaProperty *properties, size_t count,
                                 PacsError *err)
{
    for (size_t i = 0; i < count; i++) {
        PacsStatus status = set_property(conf, properties[i].name, properties[i].value, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    PACS_LOG(PACS_LOG_DEBUG, "kafka", "librdkafka", PACS_F_TEXT("facility", facility),
             PACS_F_TEXT("text", text));
}

PacsStatus events_kafka_conf_new(const EventsKafkaSettings *settings, const EventsKafkaProperty *own,
                                 size_t own_count, rd_kafka_conf_t **ret_conf, PacsError *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (!conf)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for Kafka's settings");
    rd_kafka_conf_set_log_cb(conf, log_line);
    PacsStatus status = set_properties(conf, own, own_count, err);
    if (status == PACS_OK)
        status = set_connection(conf, settings, err);
    if (status == PACS_OK)
        status = set_properties(conf, settings->properties, settings->property_count, err);
    if (status != PACS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *ret_conf = conf;
    return PACS_OK;
}

PacsStatus events_kafka_open(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_rk, PacsError *err)
{
    char text[TROUBLE_MAX];
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);

    if (!rk) {
        rd_kafka_conf_destroy(conf); /* not taken */
        return pacs_fail(err, PACS_INVALID, "no client of Kafka: %s", text);
    }
    *ret_rk = rk;
    return PACS_OK;
}

PacsStatus events_kafka_status(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PACS_OK;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return PACS_TOO_LARGE;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return PACS_INVALID;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        return PACS_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return PACS_REFUSED;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__DESTROY:
        return PACS_CANCELLED;
    default: /* timeouts, brokers that are away, everything new */
        return PACS_UNAVAILABLE;
    }
}
