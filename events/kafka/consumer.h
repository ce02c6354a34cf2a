#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/kafka/message.h"
#include "events/kafka/settings.h"
#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A member of a consumer group that hands out one message at a time and moves the group's offset only behind messages
 * that the caller is done with.
 *
 * Order:    of each partition. What was not done when the member left, or died, is handed out again, to whoever has the
 *           partition then: a message may come twice, none is passed over.
 * Slowness: while the caller is busy with a message for longer than `slow_ms`, a thread of the consumer's pauses the
 *           partitions and goes on serving the group, so that work of minutes costs no rebalance. After `max_busy_ms` it
 *           stops doing so, and the group takes the partitions away: a caller that hangs does not hold them for ever.
 * Threads:  one caller; events_consumer_lag() from any.
 */
typedef struct EventsConsumer EventsConsumer;

typedef struct EventsConsumerOptions {
    const char *group;
    const char *
        instance_id; /* static membership: the same after a restart, so that none rebalances; NULL or "": none */
    const char *const *topics; /* with prefix and lane */
    size_t topic_count;
    uint32_t slow_ms;     /* 0: 1,000 */
    uint32_t max_busy_ms; /* 0: 300,000; also the group's max.poll.interval.ms behind it */
} EventsConsumerOptions;

/** Brokers need not be there. Errors: PACS_INVALID (settings that librdkafka refuses), PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus events_consumer_open(const EventsKafkaSettings *settings,
                                             const EventsConsumerOptions *options,
                                             EventsConsumer **ret_consumer, PacsError *err);

/**
 * The next message, or *ret_message NULL after timeout_ms. It is the consumer's, and lives until the next poll. One that
 * the caller was not done with is handed out once more.
 *
 * Errors: PACS_CANCELLED (this instance is done: another one took its instance_id), PACS_NO_MEMORY. Brokers that are away
 *         are no error here: events_consumer_trouble().
 */
PACS_CHECKED PacsStatus events_consumer_poll(EventsConsumer *consumer, uint32_t timeout_ms,
                                             const EventsMessage **ret_message, PacsError *err);

/** The caller is done with the message that was handed out last: its offset is committed soon. */
void events_consumer_done(EventsConsumer *consumer);

/** The last trouble with the brokers, while there is one: PACS_UNAVAILABLE, PACS_NOT_FOUND (a topic), PACS_REFUSED. */
bool events_consumer_trouble(EventsConsumer *consumer, PacsError *ret_trouble);

/** Whether the group has given us partitions, or told us that there are none for us. */
bool events_consumer_is_member(EventsConsumer *consumer);

/** Messages of an assigned partition that wait, as far as is known. */
typedef void EventsLag(void *context, const char *topic, int32_t partition, int64_t lag);
void events_consumer_lag(EventsConsumer *consumer, EventsLag *lag, void *context);

/**
 * Commit, leave the group, free. PACS_UNAVAILABLE: the brokers did not let go within deadline_ms; the consumer is then left
 * behind as it is, and the process should end by _exit().
 */
PACS_CHECKED PacsStatus events_consumer_close(EventsConsumer *consumer, uint32_t deadline_ms, PacsError *err);
