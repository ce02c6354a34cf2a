#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/contract/topics.h"
#include "events/kafka/producer.h"
#include "pacs/util/arena.h"
#include "pacs/util/clock.h"
#include "workers/loop/source.h"

#define BURY_MS 30000 /* until a dead letter that nobody has taken is offered anew */
#define BURY_ARENA_MAX (2u << 20)
#define OWN_HEADERS 7
#define NS_PER_MS 1000000u

/** Partitions of a consumer group; dead letters go to a topic beside each topic. */
typedef struct SourceKafka {
    WorkerSource base;
    EventsConsumer *consumer;
    const EventsKafkaSettings *kafka;
    char *group;

    EventsProducer *producer; /* of dead letters; NULL until there is one */
    bool is_reported;
    PacsError report;
} SourceKafka;

static SourceKafka *self_of(WorkerSource *source)
{
    return (SourceKafka *)source; /* base is the first member */
}

static PacsStatus kafka_poll(WorkerSource *source, uint32_t timeout_ms, const WorkerRecord **ret_record,
                             PacsError *err)
{
    return events_consumer_poll(self_of(source)->consumer, timeout_ms, ret_record, err);
}

static void kafka_done(WorkerSource *source)
{
    events_consumer_done(self_of(source)->consumer);
}

static bool kafka_trouble(WorkerSource *source, PacsError *ret_trouble)
{
    EventsConsumer *consumer = self_of(source)->consumer;
    if (events_consumer_trouble(consumer, ret_trouble))
        return true;
    if (events_consumer_is_member(consumer))
        return false;
    (void)pacs_fail(ret_trouble, PACS_UNAVAILABLE, "not yet a member of the consumer group");
    return true;
}

static void kafka_lag(WorkerSource *source, EventsLag *lag, void *context)
{
    events_consumer_lag(self_of(source)->consumer, lag, context);
}

/* ---- Dead letters ---- */

static void on_delivered(void *context, void *record_context, PacsStatus status, const char *reason)
{
    SourceKafka *self = context;
    (void)record_context;
    self->is_reported = true;
    self->report = (PacsError){0};
    if (status != PACS_OK)
        (void)pacs_fail(&self->report, status, "a dead letter: %s", reason);
}

/** The instance may be done for (a fatal error): then another takes its place. */
static PacsStatus find_producer(SourceKafka *self, PacsError *err)
{
    if (self->producer && events_producer_is_fatal(self->producer, NULL)) {
        events_producer_free(self->producer);
        self->producer = NULL;
    }
    return self->producer ? PACS_OK
                          : events_producer_new(self->kafka, on_delivered, self, &self->producer, err);
}

static EventsHeader text_header(const char *name, const char *value)
{
    return (EventsHeader){.name = name, .value = pacs_slice(value)};
}

static EventsHeader number_header(const char *name, int64_t value, PacsArena *arena)
{
    const char *text = pacs_arena_printf(arena, "%" PRId64, value);
    return text_header(name, text ? text : "");
}

/** The record's own headers as they came, and behind them where it came from and why it is here. */
static PacsStatus make_headers(const WorkerRecord *record, const WorkerDeath *death, PacsArena *arena,
                               EventsRecord *letter, PacsError *err)
{
    const size_t count = record->header_count;
    EventsHeader *headers = pacs_arena_array(arena, count + OWN_HEADERS, sizeof *headers);
    if (!headers)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a dead letter");
    if (count > 0)
        memcpy(headers, record->headers, count * sizeof *headers);
    const EventsHeader own[OWN_HEADERS] = {
        text_header("dlq-original-topic", record->topic),
        number_header("dlq-original-partition", record->partition, arena),
        number_header("dlq-original-offset", record->offset, arena),
        number_header("dlq-original-timestamp", record->timestamp_ms, arena),
        text_header("dlq-error-class", death->error_class),
        text_header("dlq-error", death->reason),
        number_header("dlq-attempts", death->attempts, arena),
    };
    memcpy(headers + count, own, sizeof own);
    letter->headers = headers;
    letter->header_count = count + OWN_HEADERS;
    return PACS_OK;
}

static PacsStatus send_and_wait(SourceKafka *self, const EventsRecord *letter, PacsError *err)
{
    const uint64_t until = pacs_monotonic_ns() + (uint64_t)BURY_MS * NS_PER_MS;
    self->is_reported = false;
    const PacsStatus status = events_producer_send(self->producer, letter, err);
    if (status != PACS_OK)
        return status;
    while (!self->is_reported && pacs_monotonic_ns() < until)
        events_producer_poll(self->producer, 100);
    if (!self->is_reported) {
        events_producer_purge(self->producer);
        return pacs_fail(err, PACS_UNAVAILABLE, "nobody took a dead letter within %d ms", BURY_MS);
    }
    if (self->report.status != PACS_OK && err)
        *err = self->report;
    return self->report.status;
}

static PacsStatus kafka_bury(WorkerSource *source, const WorkerRecord *record, const WorkerDeath *death,
                             PacsError *err)
{
    SourceKafka *self = self_of(source);
    char topic[EVENTS_TOPIC_SIZE];
    EventsRecord letter = {
        .topic = topic, .key = record->key.text, .key_size = record->key.size, .value = record->value};
    PACS_AUTO(PacsArena) arena = pacs_arena_new(BURY_ARENA_MAX);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a dead letter");
    PacsStatus status = events_topic_dlq_name(record->topic, self->group, topic, err);
    if (status == PACS_OK)
        status = find_producer(self, err);
    if (status == PACS_OK)
        status = make_headers(record, death, arena, &letter, err);
    return status == PACS_OK ? send_and_wait(self, &letter, err) : status;
}

/* ---- Life ---- */

static PacsStatus kafka_close(WorkerSource *source, uint32_t deadline_ms, PacsError *err)
{
    SourceKafka *self = self_of(source);
    events_producer_free(self->producer);
    self->producer = NULL;
    const PacsStatus status = self->consumer ? events_consumer_close(self->consumer, deadline_ms, err)
                                             : PACS_OK;
    if (status != PACS_OK)
        return status;
    free(self->group);
    free(self);
    return PACS_OK;
}

static const WorkerSourceOps kafka_ops = {.name = "kafka",
                                          .poll = kafka_poll,
                                          .done = kafka_done,
                                          .bury = kafka_bury,
                                          .trouble = kafka_trouble,
                                          .lag = kafka_lag,
                                          .close = kafka_close};

PacsStatus worker_source_kafka_open(const WorkerKafkaOptions *options, WorkerSource **ret_source,
                                    PacsError *err)
{
    SourceKafka *self = calloc(1, sizeof *self);
    if (!self)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a source");
    self->base.ops = &kafka_ops;
    self->kafka = options->kafka;
    self->group = strdup(options->consumer.group);
    const PacsStatus status = self->group ? events_consumer_open(options->kafka, &options->consumer,
                                                                 &self->consumer, err)
                                          : pacs_fail(err, PACS_NO_MEMORY, "no memory for a source");
    if (status != PACS_OK) {
        free(self->group);
        free(self);
        return status;
    }
    *ret_source = &self->base;
    return PACS_OK;
}
