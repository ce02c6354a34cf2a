#include "events/kafka/consumer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events/kafka/client.h"
#include "pacs/util/clock.h"

#define SLOW_MS 1000
#define MAX_BUSY_MS 300000
#define SERVE_MS 100   /* between two looks at the group, while the caller is busy */
#define COMMIT_MS 1000 /* offsets are committed as often: what is lost of them is handed out again */
#define COMMIT_TIMEOUT_MS 3000
#define TROUBLE_MS                                                                                           \
    20000 /* a connection that fails says so with each attempt, every 5 s at least: silence means that it is back */
#define NS_PER_MS 1000000u

struct EventsConsumer {
    rd_kafka_t *rk;
    rd_kafka_topic_partition_list_t *topics;
    uint32_t slow_ms, max_busy_ms;

    /* Of the message that is handed out. */
    rd_kafka_message_t *held;
    EventsMessage message;
    EventsHeader *headers;
    size_t header_room;
    bool is_done;

    rd_kafka_message_t *early; /* arrived before its pause took effect: it is the next */
    bool is_dirty;             /* offsets are stored that are not committed */
    uint64_t committed_ns;

    /* Everything above and below, and the handle's polls: one thread at a time. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t keeper;
    bool has_keeper;
    uint64_t busy_since_ns; /* 0: the caller has no message */
    bool is_paused;
    bool is_closing;
    atomic_bool is_member;

    pthread_mutex_t trouble_lock;
    PacsError trouble; /* status PACS_OK: none */
    uint64_t trouble_ns;
};

/* ---- Trouble ---- */

static void set_trouble(EventsConsumer *consumer, PacsStatus status, const char *text)
{
    pthread_mutex_lock(&consumer->trouble_lock);
    consumer->trouble = (PacsError){0};
    if (status != PACS_OK)
        (void)pacs_fail(&consumer->trouble, status, "%s", text);
    consumer->trouble_ns = pacs_monotonic_ns();
    pthread_mutex_unlock(&consumer->trouble_lock);
}

bool events_consumer_trouble(EventsConsumer *consumer, PacsError *ret_trouble)
{
    pthread_mutex_lock(&consumer->trouble_lock);
    const uint64_t age_ns = pacs_monotonic_ns() - consumer->trouble_ns;
    const bool is_over = consumer->trouble.status == PACS_UNAVAILABLE &&
                         age_ns > (uint64_t)TROUBLE_MS * NS_PER_MS;
    const bool has = consumer->trouble.status != PACS_OK && !is_over;
    if (has)
        *ret_trouble = consumer->trouble;
    pthread_mutex_unlock(&consumer->trouble_lock);
    return has;
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    char text[256];
    const char *why = reason;
    PacsStatus status = events_kafka_status((rd_kafka_resp_err_t)code);
    if (code == RD_KAFKA_RESP_ERR__FATAL && rd_kafka_fatal_error(rk, text, sizeof text))
        why = text;
    set_trouble(opaque, status, why);
}

/* ---- Partitions come and go ---- */

/* What cannot be committed is handed out again, and whoever keeps an inbox finds that he has had it. */

static void commit(EventsConsumer *consumer)
{
    if (consumer->is_dirty)
        (void)rd_kafka_commit(consumer->rk, NULL, 1);
    consumer->is_dirty = false;
    consumer->committed_ns = pacs_monotonic_ns();
}

/** As above, but waits for the answer: for librdkafka's own way of waiting there is no deadline. */
static void commit_within(EventsConsumer *consumer, int timeout_ms)
{
    if (!consumer->is_dirty)
        return;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    if (rd_kafka_commit_queue(consumer->rk, NULL, queue, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_event_destroy(rd_kafka_queue_poll(queue, timeout_ms));
    rd_kafka_queue_destroy(queue);
    consumer->is_dirty = false;
}

static void drop_early(EventsConsumer *consumer)
{
    if (consumer->early)
        rd_kafka_message_destroy(consumer->early);
    consumer->early = NULL;
}

static void take_assignment(EventsConsumer *consumer, rd_kafka_topic_partition_list_t *partitions)
{
    (void)rd_kafka_assign(consumer->rk,
                          partitions); /* fails for a consumer that is closed or fatal: polls say so */
    if (consumer->is_paused)
        (void)rd_kafka_pause_partitions(consumer->rk, partitions);
    atomic_store(&consumer->is_member, true);
    set_trouble(consumer, PACS_OK, NULL);
}

static void give_back(EventsConsumer *consumer)
{
    if (!rd_kafka_assignment_lost(consumer->rk))
        commit_within(consumer, COMMIT_TIMEOUT_MS);
    drop_early(consumer);
    (void)rd_kafka_assign(consumer->rk, NULL);
}

/** Within poll, by whichever thread polls: the lock is held. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take_assignment(opaque, partitions);
    else
        give_back(opaque);
}

static void pause_all(EventsConsumer *consumer, bool pauses)
{
    rd_kafka_topic_partition_list_t *partitions = NULL;
    if (consumer->is_paused == pauses)
        return;
    consumer->is_paused = pauses;
    if (rd_kafka_assignment(consumer->rk, &partitions) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    (void)(pauses ? rd_kafka_pause_partitions(consumer->rk, partitions)
                  : rd_kafka_resume_partitions(consumer->rk, partitions));
    rd_kafka_topic_partition_list_destroy(partitions);
}

/* ---- The keeper ---- */

/** What comes in while the caller is busy: a rebalance is served within the poll, a message waits. */
static void serve_group(EventsConsumer *consumer)
{
    pause_all(consumer, true);
    rd_kafka_message_t *message = consumer->early ? NULL : rd_kafka_consumer_poll(consumer->rk, 0);
    if (!message)
        return;
    if (message->err)
        rd_kafka_message_destroy(message); /* told again, or by on_error() */
    else
        consumer->early = message;
}

static void wait_until_ns(EventsConsumer *consumer, uint64_t ns)
{
    const struct timespec until = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    (void)pthread_cond_timedwait(&consumer->changed, &consumer->lock, &until);
}

/** One turn with the lock held; waits inside. */
static void keep_once(EventsConsumer *consumer)
{
    const uint64_t now = pacs_monotonic_ns();
    const uint64_t since = consumer->busy_since_ns;
    const uint64_t slow_from = (since ? since : now) + (uint64_t)consumer->slow_ms * NS_PER_MS;
    if (now < slow_from) {
        wait_until_ns(consumer, slow_from);
        return;
    }
    if (now - since < (uint64_t)consumer->max_busy_ms * NS_PER_MS)
        serve_group(consumer);
    wait_until_ns(consumer, now + (uint64_t)SERVE_MS * NS_PER_MS);
}

static void *keep(void *context)
{
    EventsConsumer *consumer = context;
    pthread_mutex_lock(&consumer->lock);
    while (!consumer->is_closing)
        keep_once(consumer);
    pthread_mutex_unlock(&consumer->lock);
    return NULL;
}

/* ---- Opening ---- */

static PacsStatus open_handle(EventsConsumer *consumer, const EventsKafkaSettings *settings,
                              const EventsConsumerOptions *options, PacsError *err)
{
    char max_poll_ms[24];
    rd_kafka_conf_t *conf = NULL;
    const EventsKafkaProperty own[] = {
        {"group.id", options->group},
        {"enable.auto.commit", "false"}, /* offsets follow effects */
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"}, /* a group that is new, or was away too long, gets all there is */
        {"partition.assignment.strategy", "range,roundrobin"}, /* 2.0.2 loops with cooperative-sticky */
        {"isolation.level", "read_committed"},
        {"allow.auto.create.topics", "false"},
        {"max.poll.interval.ms", max_poll_ms},
        {"queued.max.messages.kbytes", "16384"}, /* per partition's broker thread: memory stays bounded */
        {"topic.metadata.refresh.interval.ms", "30000"}, /* a topic that is made later is found */
        {"socket.keepalive.enable", "true"},
        {"reconnect.backoff.max.ms", "5000"},
        {"group.instance.id", options->instance_id},
    };
    const size_t count = sizeof own / sizeof own[0] -
                         (options->instance_id && options->instance_id[0] ? 0 : 1);

    (void)snprintf(max_poll_ms, sizeof max_poll_ms, "%" PRIu32, consumer->max_busy_ms);
    const PacsStatus status = events_kafka_conf_new(settings, own, count, &conf, err);
    if (status != PACS_OK)
        return status;
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return events_kafka_open(RD_KAFKA_CONSUMER, conf, &consumer->rk, err);
}

static PacsStatus subscribe(EventsConsumer *consumer, const EventsConsumerOptions *options, PacsError *err)
{
    (void)rd_kafka_poll_set_consumer(consumer->rk);
    consumer->topics = rd_kafka_topic_partition_list_new((int)options->topic_count);
    for (size_t i = 0; i < options->topic_count; i++)
        (void)rd_kafka_topic_partition_list_add(consumer->topics, options->topics[i], RD_KAFKA_PARTITION_UA);
    const rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->rk, consumer->topics);
    if (code)
        return pacs_fail(err, PACS_INVALID, "cannot subscribe to the topics: %s", rd_kafka_err2str(code));
    return PACS_OK;
}

static PacsStatus start_keeper(EventsConsumer *consumer, PacsError *err)
{
    if (pthread_create(&consumer->keeper, NULL, keep, consumer) != 0)
        return pacs_fail(err, PACS_NO_MEMORY, "no thread for a consumer");
    consumer->has_keeper = true;
    return PACS_OK;
}

static EventsConsumer *new_consumer(const EventsConsumerOptions *options)
{
    EventsConsumer *consumer = calloc(1, sizeof *consumer);
    pthread_condattr_t monotonic;
    if (!consumer)
        return NULL;
    consumer->slow_ms = options->slow_ms ? options->slow_ms : SLOW_MS;
    consumer->max_busy_ms = options->max_busy_ms ? options->max_busy_ms : MAX_BUSY_MS;
    (void)pthread_mutex_init(&consumer->lock, NULL);
    (void)pthread_mutex_init(&consumer->trouble_lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&consumer->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return consumer;
}

static void stop_keeper(EventsConsumer *consumer)
{
    pthread_mutex_lock(&consumer->lock);
    consumer->is_closing = true;
    (void)pthread_cond_broadcast(&consumer->changed);
    pthread_mutex_unlock(&consumer->lock);
    if (consumer->has_keeper)
        (void)pthread_join(consumer->keeper, NULL);
    consumer->has_keeper = false;
}

static void free_consumer(EventsConsumer *consumer)
{
    if (consumer->topics)
        rd_kafka_topic_partition_list_destroy(consumer->topics);
    if (consumer->rk)
        rd_kafka_destroy_flags(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    (void)pthread_cond_destroy(&consumer->changed);
    (void)pthread_mutex_destroy(&consumer->lock);
    (void)pthread_mutex_destroy(&consumer->trouble_lock);
    free(consumer->headers);
    free(consumer);
}

PacsStatus events_consumer_open(const EventsKafkaSettings *settings, const EventsConsumerOptions *options,
                                EventsConsumer **ret_consumer, PacsError *err)
{
    EventsConsumer *consumer = new_consumer(options);
    if (!consumer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a consumer");
    PacsStatus status = open_handle(consumer, settings, options, err);
    if (status == PACS_OK)
        status = subscribe(consumer, options, err);
    if (status == PACS_OK)
        status = start_keeper(consumer, err);
    if (status != PACS_OK) {
        free_consumer(consumer);
        return status;
    }
    *ret_consumer = consumer;
    return PACS_OK;
}

/* ---- Messages ---- */

static void release_held(EventsConsumer *consumer)
{
    if (consumer->held)
        rd_kafka_message_destroy(consumer->held);
    consumer->held = NULL;
    consumer->busy_since_ns = 0;
}

static PacsStatus read_headers(EventsConsumer *consumer, PacsError *err)
{
    rd_kafka_headers_t *all = NULL;
    EventsMessage *message = &consumer->message;
    if (rd_kafka_message_headers(consumer->held, &all) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return PACS_OK; /* none */
    const size_t count = rd_kafka_header_cnt(all);
    if (count > consumer->header_room) {
        EventsHeader *grown = reallocarray(consumer->headers, count, sizeof *grown);
        if (!grown)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu headers", count);
        consumer->headers = grown;
        consumer->header_room = count;
    }
    for (size_t i = 0; i < count; i++) {
        const void *value = NULL;
        EventsHeader *header = &consumer->headers[i];
        (void)rd_kafka_header_get_all(all, i, &header->name, &value, &header->value.size);
        header->value.text = value;
    }
    message->headers = consumer->headers;
    message->header_count = count;
    return PACS_OK;
}

static PacsStatus hand_out(EventsConsumer *consumer, rd_kafka_message_t *taken, PacsError *err)
{
    consumer->held = taken;
    consumer->is_done = false;
    consumer->busy_since_ns = pacs_monotonic_ns();
    consumer->message = (EventsMessage){.topic = rd_kafka_topic_name(taken->rkt),
                                        .partition = taken->partition,
                                        .offset = taken->offset,
                                        .timestamp_ms = rd_kafka_message_timestamp(taken, NULL),
                                        .key = {taken->key, taken->key_len},
                                        .value = {taken->payload, taken->len}};
    return read_headers(consumer, err);
}

/** An error that came in place of a message. */
static PacsStatus read_trouble(EventsConsumer *consumer, const rd_kafka_message_t *message, PacsError *err)
{
    char text[256];
    const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(consumer->rk, text, sizeof text);
    if (fatal)
        return pacs_fail(err, PACS_CANCELLED, "the consumer cannot go on: %s: %s", rd_kafka_err2name(fatal),
                         text);
    if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        set_trouble(consumer, events_kafka_status(message->err), rd_kafka_message_errstr(message));
    return PACS_OK;
}

static PacsStatus poll_locked(EventsConsumer *consumer, uint32_t timeout_ms,
                              const EventsMessage **ret_message, PacsError *err)
{
    PacsStatus status = PACS_OK;
    if (consumer->held && !consumer->is_done) {
        consumer->busy_since_ns = pacs_monotonic_ns();
        *ret_message = &consumer->message;
        return PACS_OK;
    }
    release_held(consumer);
    pause_all(consumer, false);
    if (pacs_monotonic_ns() - consumer->committed_ns > (uint64_t)COMMIT_MS * NS_PER_MS)
        commit(consumer);
    rd_kafka_message_t *message = PACS_STEAL(consumer->early);
    if (!message)
        message = rd_kafka_consumer_poll(consumer->rk, (int)timeout_ms);
    *ret_message = NULL;
    if (!message)
        return PACS_OK;
    if (message->err) {
        status = read_trouble(consumer, message, err);
        rd_kafka_message_destroy(message);
        return status;
    }
    set_trouble(consumer, PACS_OK, NULL);
    status = hand_out(consumer, message, err);
    *ret_message = &consumer->message;
    return status;
}

PacsStatus events_consumer_poll(EventsConsumer *consumer, uint32_t timeout_ms,
                                const EventsMessage **ret_message, PacsError *err)
{
    pthread_mutex_lock(&consumer->lock);
    const PacsStatus status = poll_locked(consumer, timeout_ms, ret_message, err);
    pthread_mutex_unlock(&consumer->lock);
    return status;
}

/** If the partition is no longer ours, its offset is not ours to move: librdkafka refuses. Whoever has it now hands the
 *  message out again. */
static void store_offset(EventsConsumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consumer->message.topic, consumer->message.partition)->offset =
        consumer->message.offset + 1;
    if (rd_kafka_offsets_store(consumer->rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR)
        consumer->is_dirty = true;
    rd_kafka_topic_partition_list_destroy(list);
}

void events_consumer_done(EventsConsumer *consumer)
{
    pthread_mutex_lock(&consumer->lock);
    if (consumer->held && !consumer->is_done) {
        consumer->is_done = true;
        store_offset(consumer);
    }
    pthread_mutex_unlock(&consumer->lock);
}

bool events_consumer_is_member(EventsConsumer *consumer)
{
    return atomic_load(&consumer->is_member);
}

void events_consumer_lag(EventsConsumer *consumer, EventsLag *lag, void *context)
{
    rd_kafka_topic_partition_list_t *partitions = NULL;
    if (rd_kafka_assignment(consumer->rk, &partitions) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    (void)rd_kafka_position(consumer->rk, partitions); /* what has no position yet keeps its mark */
    for (int i = 0; i < partitions->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &partitions->elems[i];
        int64_t low = 0;
        int64_t high = 0;
        if (rd_kafka_get_watermark_offsets(consumer->rk, at->topic, at->partition, &low, &high) !=
                RD_KAFKA_RESP_ERR_NO_ERROR ||
            high < 0)
            continue; /* nothing fetched yet */
        const int64_t next = at->offset >= 0 ? at->offset : low;
        lag(context, at->topic, at->partition, high > next ? high - next : 0);
    }
    rd_kafka_topic_partition_list_destroy(partitions);
}

/* ---- Closing ---- */

/** Leaving is librdkafka's thread's work; it hands the partitions back through our queue, which is served here. */
static bool leave(EventsConsumer *consumer, uint32_t deadline_ms)
{
    const uint64_t until = pacs_monotonic_ns() + (uint64_t)deadline_ms * NS_PER_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer->rk, queue);
    if (error) { /* fatal instances are closed already */
        rd_kafka_error_destroy(error);
        rd_kafka_queue_destroy(queue);
        return true;
    }
    while (!rd_kafka_consumer_closed(consumer->rk) && pacs_monotonic_ns() < until) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, 50);
        if (message)
            rd_kafka_message_destroy(message); /* not done: the next holder's */
    }
    rd_kafka_queue_destroy(queue);
    return rd_kafka_consumer_closed(consumer->rk);
}

PacsStatus events_consumer_close(EventsConsumer *consumer, uint32_t deadline_ms, PacsError *err)
{
    stop_keeper(consumer);
    release_held(consumer);
    drop_early(consumer);
    if (!leave(consumer, deadline_ms))
        return pacs_fail(err, PACS_UNAVAILABLE,
                         "the brokers did not let the consumer go within %" PRIu32 " ms", deadline_ms);
    free_consumer(consumer);
    return PACS_OK;
}
