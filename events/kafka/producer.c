#include "events/kafka/producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/kafka/client.h"

#define TOPICS_MAX 64 /* handles kept; the contract has a dozen topics, four lanes each */
#define FATAL_TEXT_MAX 256

typedef struct Topic {
    char *name;
    rd_kafka_topic_t *handle;
} Topic;

struct EventsProducer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *reports;
    EventsDelivered *delivered;
    void *context;

    Topic topics[TOPICS_MAX];
    size_t topic_count;

    PacsError fatal; /* PACS_OK: none */
    PacsError trouble;
    rd_kafka_resp_err_t trouble_code,
        told_code; /* told once, until it is another one or a record gets through */
};

/* ---- Callbacks, within poll ---- */

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    EventsProducer *producer = opaque;

    (void)rk;
    if (!message->err)
        producer->trouble_code = producer->told_code = RD_KAFKA_RESP_ERR_NO_ERROR;
    producer->delivered(producer->context, message->_private, events_kafka_status(message->err),
                        message->err ? rd_kafka_err2str(message->err) : "");
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    EventsProducer *producer = opaque;

    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        char text[FATAL_TEXT_MAX];
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(rk, text, sizeof text);
        (void)pacs_fail(&producer->fatal, PACS_CANCELLED, "%s: %s", rd_kafka_err2name(cause), text);
        return;
    }
    producer->trouble_code = (rd_kafka_resp_err_t)code;
    (void)pacs_fail(&producer->trouble, PACS_UNAVAILABLE, "%s", reason);
}

/* ---- Opening ---- */

/** The promises of the relay, and defaults that an operator may change. Source: librdkafka CONFIGURATION.md. */
static PacsStatus open_client(EventsProducer *producer, const EventsKafkaSettings *settings, PacsError *err)
{
    char delivery_ms[24];
    rd_kafka_conf_t *conf = NULL;
    const EventsKafkaProperty own[] = {
        {"enable.idempotence", "true"}, /* acks=all, retries without end */
        /* A broker takes any sequence number as the first of a producer it does not know yet. With more on their way the
         * first request to a new partition could be refused for a moment, the second be taken, and the first, sent again, be
         * answered as a duplicate, which librdkafka calls delivered: one record lost. */
        {"max.in.flight.requests.per.connection", "1"},
        {"delivery.timeout.ms", delivery_ms},
        {"partitioner", "murmur2_random"}, /* as Java clients place keys */
        {"allow.auto.create.topics",
         "false"}, /* a misspelt topic is an error, not a topic of one partition */
        {"linger.ms", "5"},
        {"compression.type", "lz4"},
        {"message.max.bytes", "1000000"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "65536"},
        {"socket.keepalive.enable", "true"},
        {"socket.nagle.disable",
         "true"}, /* linger.ms gathers; the rest of a segment is not to wait for an answer */
        {"reconnect.backoff.max.ms", "5000"},
        {"topic.metadata.propagation.max.ms", "10000"}, /* then a topic that is not there is an error */
    };

    (void)snprintf(delivery_ms, sizeof delivery_ms, "%" PRIu64, settings->delivery_timeout_s * 1000);
    PacsStatus status = events_kafka_conf_new(settings, own, sizeof own / sizeof *own, &conf, err);
    if (status != PACS_OK)
        return status;
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return events_kafka_open(RD_KAFKA_PRODUCER, conf, &producer->rk, err);
}

PacsStatus events_producer_new(const EventsKafkaSettings *settings, EventsDelivered *delivered, void *context,
                               EventsProducer **ret_producer, PacsError *err)
{
    PACS_AUTO(EventsProducer) producer = calloc(1, sizeof *producer);
    if (!producer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a producer");

    producer->delivered = delivered;
    producer->context = context;
    PacsStatus status = open_client(producer, settings, err);
    if (status != PACS_OK)
        return status;
    producer->reports = rd_kafka_queue_get_main(producer->rk);
    *ret_producer = PACS_STEAL(producer);
    return PACS_OK;
}

void events_producer_wake(EventsProducer *producer, int fd)
{
    static const uint64_t one = 1;

    rd_kafka_queue_io_event_enable(producer->reports, fd, &one, sizeof one);
}

/* ---- Topics ---- */

static Topic *find_topic(EventsProducer *producer, const char *name)
{
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(producer->topics[i].name, name) == 0)
            return &producer->topics[i];
    }
    return NULL;
}

/** The handle asks for the topic's leaders as soon as it is made. */
static PacsStatus open_topic(EventsProducer *producer, const char *name, rd_kafka_topic_t **ret_handle,
                             PacsError *err)
{
    Topic *known = find_topic(producer, name);

    if (!known) {
        if (producer->topic_count == TOPICS_MAX)
            return pacs_fail(err, PACS_INTERNAL, "more than %d topics", TOPICS_MAX);
        Topic topic = {.name = strdup(name), .handle = rd_kafka_topic_new(producer->rk, name, NULL)};
        if (!topic.name || !topic.handle) {
            free(topic.name);
            if (topic.handle)
                rd_kafka_topic_destroy(topic.handle);
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for the topic '%s'", name);
        }
        known = &producer->topics[producer->topic_count++];
        *known = topic;
    }
    *ret_handle = known->handle;
    return PACS_OK;
}

PacsStatus events_producer_prepare(EventsProducer *producer, const char *topic, PacsError *err)
{
    rd_kafka_topic_t *handle;

    return open_topic(producer, topic, &handle, err);
}

static PacsStatus fail_topic(const char *topic, rd_kafka_resp_err_t code, PacsError *err)
{
    return pacs_fail(err, events_kafka_status(code), "topic '%s': %s", topic, rd_kafka_err2str(code));
}

PacsStatus events_producer_find_topic(EventsProducer *producer, const char *topic, uint32_t timeout_ms,
                                      PacsError *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle;

    PacsStatus status = open_topic(producer, topic, &handle, err);
    if (status != PACS_OK)
        return status;
    rd_kafka_resp_err_t code = rd_kafka_metadata(producer->rk, 0, handle, &metadata, (int)timeout_ms);
    if (code)
        return fail_topic(topic, code, err);
    if (metadata->topic_cnt != 1)
        code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    else if (metadata->topics[0].err)
        code = metadata->topics[0].err;
    rd_kafka_metadata_destroy(metadata);
    return code ? fail_topic(topic, code, err) : PACS_OK;
}

/* ---- Records ---- */

static rd_kafka_headers_t *make_headers(const EventsRecord *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    for (size_t i = 0; headers && i < record->header_count; i++) {
        const EventsHeader *header = &record->headers[i];
        if (rd_kafka_header_add(headers, header->name, -1, header->value.text, (ssize_t)header->value.size)) {
            rd_kafka_headers_destroy(headers);
            return NULL;
        }
    }
    return headers;
}

PacsStatus events_producer_send(EventsProducer *producer, const EventsRecord *record, PacsError *err)
{
    rd_kafka_topic_t *topic;

    PacsStatus status = open_topic(producer, record->topic, &topic, err);
    if (status != PACS_OK)
        return status;
    rd_kafka_headers_t *headers = make_headers(record);
    if (!headers)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a record's headers");
    const size_t key_size = record->key && !record->key_size ? strlen(record->key) : record->key_size;
    rd_kafka_resp_err_t code;
    code = __extension__ rd_kafka_producev(/* whose macros are statement expressions */
                                           producer->rk, RD_KAFKA_V_RKT(topic),
                                           RD_KAFKA_V_KEY(record->key, key_size),
                                           RD_KAFKA_V_VALUE((void *)record->value.text, record->value.size),
                                           RD_KAFKA_V_HEADERS(headers),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                           RD_KAFKA_V_OPAQUE(record->context), RD_KAFKA_V_END);
    if (code) {
        rd_kafka_headers_destroy(headers); /* theirs only with the record */
        return fail_topic(record->topic, code, err);
    }
    return PACS_OK;
}

void events_producer_poll(EventsProducer *producer, uint32_t timeout_ms)
{
    (void)rd_kafka_poll(producer->rk, (int)timeout_ms); /* how many were served is of no use */
}

/* ---- State ---- */

bool events_producer_is_fatal(const EventsProducer *producer, const char **ret_reason)
{
    if (ret_reason)
        *ret_reason = producer->fatal.text;
    return producer->fatal.status != PACS_OK;
}

bool events_producer_trouble(EventsProducer *producer, PacsError *ret_trouble)
{
    if (producer->trouble_code == producer->told_code)
        return false;
    producer->told_code = producer->trouble_code;
    *ret_trouble = producer->trouble;
    return true;
}

/* ---- The end ---- */

#define FLUSH_STEP_MS 100

void events_producer_purge(EventsProducer *producer)
{
    (void)rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    /* Purged records are reported by the threads of their brokers, a moment later. */
    while (rd_kafka_flush(producer->rk, FLUSH_STEP_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT)
        (void)rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void events_producer_free(EventsProducer *producer)
{
    if (!producer)
        return;
    if (producer->rk)
        events_producer_purge(producer);
    if (producer->reports)
        rd_kafka_queue_destroy(producer->reports);
    for (size_t i = 0; i < producer->topic_count; i++) {
        rd_kafka_topic_destroy(producer->topics[i].handle);
        free(producer->topics[i].name);
    }
    if (producer->rk)
        rd_kafka_destroy(producer->rk);
    free(producer);
}
