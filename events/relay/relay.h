#pragma once

#include <stdint.h>

#include "events/relay/settings.h"
#include "pacs/index/index_outbox.h"
#include "pacs/util/metrics.h"

/**
 * The outbox to Kafka. One thread of its own; of several relays over one index the one that has the lease works.
 *
 * Sent:    a row is noted as sent when the brokers have reported that they have it: at least once, and once
 *          unless something dies between the report and the note. Its ce_id stays the same.
 * Order:   by key. The rows of a key are sent one after the other, whatever fails in between.
 * Errors:  what passes is tried again, for ever. What the broker will not have (too large, malformed) is a dead row with its
 *          reason, and `relay.event-dead` to the operators; others of its key wait behind it. A topic that is
 *          missing or forbidden holds back what goes to it, after one dead row, until it is there. An instance
 *          of librdkafka that is done is replaced.
 * Memory:  a window of rows, whatever waits in the outbox.
 * Threads: any may call these functions; nothing here waits for a broker but events_relay_stop().
 */
typedef struct EventsRelay EventsRelay;

typedef struct EventsRelayOptions {
    const EventsSettings *settings; /* borrowed until the relay is freed */
    uint32_t window_rows;           /* these 0: the default */
    uint32_t window_bytes;
    uint32_t lease_ms;
    uint32_t hold_ms; /* first pause before a topic is looked for again */
} EventsRelayOptions;

/** Starts it. index and metrics outlive it. Errors: PACS_INVALID (librdkafka refuses a setting). */
PACS_CHECKED PacsStatus events_relay_new(const EventsRelayOptions *options, PacsIndex *index,
                                         PacsMetrics *metrics, EventsRelay **ret_relay, PacsError *err);

/** Send what still waits, for at most timeout_ms, then let another have the duty. Nothing is sent afterwards. */
void events_relay_stop(EventsRelay *relay, uint32_t timeout_ms);

/** Stops it at once, if it was not stopped. */
void events_relay_free(EventsRelay *relay);
PACS_DEFINE_AUTO(EventsRelay, events_relay_free);
