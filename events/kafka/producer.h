#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "events/contract/cloudevent.h"
#include "events/kafka/settings.h"

/**
 * One idempotent producer of librdkafka: records of one partition arrive in the order they were sent, once, as long as the
 * instance lives and none of them fails.
 *
 * What a status means, of events_producer_send() and in a report:
 *   PACS_OK           the brokers have it, as many as acks=all asks for
 *   PACS_UNAVAILABLE  nobody took it in time: send it again; whether it is there is not known
 *   PACS_TOO_LARGE, PACS_INVALID   the broker will not have what was sent. It judges batches: believe it of a record that
 *                     was sent alone
 *   PACS_NOT_FOUND    no such topic; PACS_REFUSED: not for us to write to
 *   PACS_CANCELLED    the instance is done (fatal error, purged): send it again with another
 *
 * Threads: one at a time. Nothing here waits for a broker but what says so.
 */
typedef struct EventsProducer EventsProducer;

typedef struct EventsRecord {
    const char *topic; /* with its prefix and lane */
    const char *key;   /* NULL: none */
    size_t key_size;   /* 0: up to its NUL */
    const EventsHeader *headers;
    size_t header_count;
    PacsSlice value; /* text NULL: no value, a tombstone */
    void *context;   /* comes back with the report */
} EventsRecord;

/** Called within events_producer_poll() and events_producer_close(), once for each record that was taken. `reason` is
 *  librdkafka's, borrowed for the call. */
typedef void EventsDelivered(void *context, void *record_context, PacsStatus status, const char *reason);

/**
 * Errors: PACS_INVALID (settings that librdkafka refuses). Brokers need not be there.
 */
PACS_CHECKED PacsStatus events_producer_new(const EventsKafkaSettings *settings, EventsDelivered *delivered,
                                            void *context, EventsProducer **ret_producer, PacsError *err);

/** Write an 8-byte 1 to `fd` (an eventfd) whenever there is something to poll for. fd is borrowed. */
void events_producer_wake(EventsProducer *producer, int fd);

/** Learn about a topic before its first record is due, which would wait for that. */
PACS_CHECKED PacsStatus events_producer_prepare(EventsProducer *producer, const char *topic, PacsError *err);

/** Take a record: everything is copied. Errors: see above; PACS_UNAVAILABLE here means that the queue is full: poll. */
PACS_CHECKED PacsStatus events_producer_send(EventsProducer *producer, const EventsRecord *record,
                                             PacsError *err);

/** Hand out reports for at most timeout_ms. */
void events_producer_poll(EventsProducer *producer, uint32_t timeout_ms);

/** Whether the instance is done; *ret_reason, if asked for, is borrowed from the producer. */
bool events_producer_is_fatal(const EventsProducer *producer, const char **ret_reason);

/**
 * Ask the brokers whether a topic can be written to, as far as they tell: PACS_OK, PACS_NOT_FOUND, PACS_REFUSED, or
 * PACS_UNAVAILABLE after timeout_ms.
 */
PACS_CHECKED PacsStatus events_producer_find_topic(EventsProducer *producer, const char *topic,
                                                   uint32_t timeout_ms, PacsError *err);

/** The last trouble with the brokers, told once: false if there is nothing new. */
bool events_producer_trouble(EventsProducer *producer, PacsError *ret_trouble);

/** Give up what is queued or on its way: each record gets its report (PACS_CANCELLED) before this returns. */
void events_producer_purge(EventsProducer *producer);

/** Purges. */
void events_producer_free(EventsProducer *producer);
PACS_DEFINE_AUTO(EventsProducer, events_producer_free);
