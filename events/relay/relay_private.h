#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "events/contract/topics.h"
#include "events/kafka/producer.h"
#include "events/relay/relay.h"
#include "events/relay/window.h"
#include "pacs/util/arena.h"

/* Private to the relay: its parts, and what they say to each other. All of it is its thread's but `stop` and `wake_fd`. */

#define RELAY_LEASE "relay"
#define RELAY_NOTE_AFTER_NS UINT64_C(50000000) /* what arrives within this shares a commit */
#define RELAY_RESCAN_HELD_NS                                                                                 \
    UINT64_C(60000000000) /* what a held topic holds back is passed over this seldom */
#define RELAY_INDEX_PAUSE_NS UINT64_C(1000000000) /* after the index has failed */

/** A topic as it is on the broker. */
typedef struct RelayTopic {
    char name[EVENTS_TOPIC_SIZE];
    const EventsTopic *topic;
    const char *lane;
    bool structured;
    bool held;           /* missing or forbidden: what goes to it stays in the outbox */
    uint32_t hold_count; /* in a row; 0 once something has arrived */
    uint64_t held_until_ns;
    uint64_t held_at_sending; /* what was sent up to then tells nothing new about it */
} RelayTopic;

#define RELAY_TOPICS_MAX 32

typedef struct RelayMetrics {
    PacsMetricFamily *sent; /* imaging_events_sent_total{type,result} */
    PacsMetric *latency;    /* imaging_event_latency_seconds */
    PacsMetric *fatal;      /* imaging_producer_fatal_total */
    PacsMetric *leader;     /* imaging_relay_leader */
    PacsMetric *rows;       /* imaging_relay_window_rows */
    PacsMetric *bytes;      /* imaging_relay_window_bytes */
    PacsMetric *held;       /* imaging_relay_topics_held */
} RelayMetrics;

struct EventsRelay {
    const EventsSettings *settings;
    PacsIndex *index;
    RelayMetrics metrics;
    uint32_t lease_ms, hold_ms;

    char holder[37]; /* a UUID: who has the duty */
    bool leads;
    uint64_t epoch;
    uint64_t lease_due_ns;

    EventsProducer *producer; /* NULL: to be made, at producer_due_ns */
    uint64_t producer_due_ns;
    uint32_t producer_failures; /* in a row */

    RelayTopic topics[RELAY_TOPICS_MAX];
    size_t topic_count, held_count;

    RelayWindow *window;
    size_t read_rows;      /* asked of the outbox at a time, once there is room for them */
    uint32_t on_their_way; /* rows with a record in flight */
    uint64_t sendings;     /* of rows, so far */
    uint32_t suspects;     /* rows to be tried alone: nothing else is sent before them */
    int64_t after_id;      /* where reading goes on */
    bool at_end;           /* nothing was behind that */
    bool left_behind;      /* rows in front of it were passed over: begin at 0 again, at rescan_due_ns */
    uint64_t rescan_due_ns;
    uint64_t arrived_since_ns; /* the oldest that is to be noted as sent */

    PacsArena *arena;      /* of one read, or of one row being sent */
    PacsBuffer structured; /* one event */
    PacsStatus told;       /* last trouble with the index that was logged */

    atomic_bool written; /* events came to the outbox, or back to it */
    int wake_fd;         /* eventfd: events were written, reports came, stop */
    atomic_bool stop;
    _Atomic uint64_t stop_by_ns;
    pthread_t thread;
    bool started;
};

/** The pause after the n-th failure in a row: 100 ms, doubled each time up to half a minute. */
uint64_t relay_backoff_ns(uint32_t failures);

/* ---- relay_topics.c ---- */

PACS_CHECKED PacsStatus relay_topics_init(EventsRelay *relay, PacsError *err);
/** Where a record of a row goes. NULL: its lane is not known. */
RelayTopic *relay_topic_of(EventsRelay *relay, const RelayRow *row, unsigned record);
/** Whether a topic that an event goes to is held. */
bool relay_topics_hold(const EventsRelay *relay, const EventsType *type, const char *lane);
void relay_topic_hold(EventsRelay *relay, RelayTopic *topic, const char *reason);
void relay_topic_worked(EventsRelay *relay, RelayTopic *topic, const RelayRow *row);
/** Look for held topics whose time has come; what they held back is read again. */
void relay_topics_probe(EventsRelay *relay, uint64_t now_ns);

/* ---- relay_send.c: rows to records ---- */

/** Send what is ready, as far as the producer takes it. */
void relay_send_ready(EventsRelay *relay);

/* ---- relay_settle.c: reports, and what follows from them ---- */

void relay_on_report(void *context, void *record_context, PacsStatus status, const char *reason);
/** What has come back arrives, is tried again or is dead. May write to the index. */
void relay_settle_back(EventsRelay *relay);
/** It can never be sent. */
void relay_bury(EventsRelay *relay, RelayRow *row, const char *reason);
/** What waited long enough is ready. */
void relay_wake_delayed(EventsRelay *relay, uint64_t now_ns);
/** Note what has arrived as sent, if it is time. */
void relay_note_arrived(EventsRelay *relay, uint64_t now_ns);
/** Let go of a row and of those of its key: they are read again in `pause_ns`. */
void relay_leave_behind(EventsRelay *relay, RelayRow *row, uint64_t pause_ns);
/** Read the outbox from its beginning in `pause_ns`, or earlier if that was due. */
void relay_begin_again(EventsRelay *relay, uint64_t pause_ns);

/* ---- relay.c ---- */

/** The index did not do what it was asked: lose the lease if that is why; told once. */
void relay_index_failed(EventsRelay *relay, PacsStatus status, const PacsError *err);
