#pragma once

#include "pacs/index/index.h"
#include "pacs/index/index_lease.h"

#define PACS_LANE_NORMAL "normal" /* of what no rule puts into another */

/**
 * The outbox: events written in the transaction that changes what they tell of, in commit order (contract: events/contract).
 * It is a log, whose rows never change until they are purged by age, and beside it the lists of those that are not sent:
 *
 *     unsent   to be sent by the relay
 *     dead     cannot be sent (too large for the broker ...): a person retries or discards them
 *     parked   behind a dead one of the same key: unsent again once that is settled
 *
 * Without a relay everything stays unsent until it is purged; readers of the log (pacs_index_read_events()) do not care.
 */
typedef struct PacsOutboxEvent {
    int64_t id;              /* commit order; never twice */
    const char *ce_id;       /* UUIDv7, minted with the row */
    const char *type;        /* short name: "study.arrived"; what stands before the dot is its aggregate */
    const char *key;         /* Study Instance UID: what order is kept by */
    const char *lane;        /* "normal", "vip", "svip1", "svip2" */
    uint64_t revision;       /* of the key within the aggregate: rises by one with each event */
    const char *traceparent; /* W3C; NULL: of no trace */
    const char *data;        /* JSON object: the facts of that moment, without envelope or links */
    int64_t time_ms;
    const char *dead_reason; /* NULL but in the list of the dead */
} PacsOutboxEvent;

/**
 * Unsent events behind `after_id`, oldest first, at most `max`; fewer if the arena is full, but one in any case. Ids in
 * front of a position come back when a dead event is retried or discarded: begin at 0 now and then.
 */
PACS_CHECKED PacsStatus pacs_index_read_outbox(PacsIndex *index, int64_t after_id, size_t max,
                                               PacsArena *arena, PacsOutboxEvent **ret_events,
                                               size_t *ret_count, PacsError *err);

/** Every event that is retained, sent or not; NULL: any. */
typedef struct PacsEventQuery {
    int64_t after_id;
    const char *study_uid; /* those that have it as key */
    const char *type;
    size_t max;
} PacsEventQuery;

typedef struct PacsEventPage {
    PacsOutboxEvent *events;
    size_t count;
    int64_t next_after_id; /* where to go on: events in front of it that are not here did not match */
    bool done;             /* nothing is behind that yet */
} PacsEventPage;

/** Oldest first. A page may have fewer than `max`, and even none, before it is `done`: an arena has its limit, and so has
 *  what one call looks through for a type. */
PACS_CHECKED PacsStatus pacs_index_read_events(PacsIndex *index, const PacsEventQuery *query,
                                               PacsArena *arena, PacsEventPage *ret_page, PacsError *err);

/** What there is to read: a reader whose position is below `purged_id` has missed something. Both 0: nothing yet. */
typedef struct PacsEventBounds {
    int64_t purged_id; /* newest id that was purged */
    int64_t last_id;   /* newest id given out */
} PacsEventBounds;
PACS_CHECKED PacsStatus pacs_index_event_bounds(PacsIndex *index, PacsEventBounds *ret_bounds,
                                                PacsError *err);
PACS_CHECKED PacsStatus pacs_index_last_event(PacsIndex *index, int64_t *ret_id, PacsError *err);

/* ---- The relay's notes. With a fence: PACS_REFUSED, and nothing is noted, if another has its lease by now. ---- */

/** Ids that are not among the unsent are passed over. Thousands of them in one call; ascending ones are quickest. */
PACS_CHECKED PacsStatus pacs_index_mark_sent(PacsIndex *index, const PacsFence *fence, const int64_t *ids,
                                             size_t count, PacsError *err);
/** The event cannot be sent; unsent ones of its key behind it are parked. PACS_NOT_FOUND: it is not unsent. */
PACS_CHECKED PacsStatus pacs_index_mark_dead(PacsIndex *index, const PacsFence *fence, int64_t id,
                                             const char *reason, PacsError *err);

/* ---- Dead events, by ce_id: PACS_NOT_FOUND if it is none ---- */

PACS_CHECKED PacsStatus pacs_index_list_dead(PacsIndex *index, int64_t after_id, size_t max, PacsArena *arena,
                                             PacsOutboxEvent **ret_events, size_t *ret_count, PacsError *err);
/** Unsent again, and what is parked behind it. */
PACS_CHECKED PacsStatus pacs_index_retry_dead(PacsIndex *index, const char *ce_id, PacsError *err);
/** Never to be sent: it stays in the log alone; what is parked behind it is unsent again. */
PACS_CHECKED PacsStatus pacs_index_discard_dead(PacsIndex *index, const char *ce_id, PacsError *err);

/* ---- The rest ---- */

typedef struct PacsOutboxDepth {
    uint64_t unsent;
    uint64_t parked;
    uint64_t dead;
    int64_t oldest_ms; /* time of the oldest unsent one; 0 if none */
} PacsOutboxDepth;

/** Counted as they come and go: takes the same time with a million of them. */
PACS_CHECKED PacsStatus pacs_index_outbox_depth(PacsIndex *index, PacsOutboxDepth *ret_depth, PacsError *err);

/**
 * Remove the oldest events written before `before_ms`, at most `limit`. Without `include_unsent` those that
 * are unsent, parked or dead stay, and what was sent out of order behind an unsent one stays until that is sent.
 */
PACS_CHECKED PacsStatus pacs_index_purge_outbox(PacsIndex *index, int64_t before_ms, bool include_unsent,
                                                uint32_t limit, uint32_t *ret_count, PacsError *err);

/** An event that tells of no change to the index: "access.recorded", "ingest.rejected", "relay.event-dead". */
typedef struct PacsTold {
    const char *type;
    const char *key;
    const char *lane;        /* NULL: "normal" */
    const char *traceparent; /* NULL: none */
    const char *data;        /* JSON object; "revision" is not in it */
} PacsTold;

/** In a transaction of its own. Errors: PACS_INVALID (a type that the index writes itself; no key; no object),
 *  PACS_TOO_LARGE (data over PACS_MAX_EVENT_DATA). */
PACS_CHECKED PacsStatus pacs_index_tell(PacsIndex *index, const PacsTold *told, PacsError *err);

/**
 * `listener` is called after every commit that wrote events or gave some back to the unsent, by the thread that committed: it
 * must not block, nor call the index. Several commits may be one call. Unlisten returns when no call is under way any more.
 */
typedef void PacsEventListener(void *context);
PACS_CHECKED PacsStatus pacs_index_listen(PacsIndex *index, PacsEventListener *listener, void *context,
                                          PacsError *err);
void pacs_index_unlisten(PacsIndex *index, PacsEventListener *listener, void *context);
