#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/contract/event_types.h"
#include "pacs/index/index_outbox.h"

/* Private to the relay: the part of the outbox that it has in hand. */

/**
 * Rows from their reading until they are noted as sent. Bounded in number and bytes, whatever waits in the outbox.
 *
 * Order is kept by key: of the rows of one key the first alone may be on its way, the next is ready when that has arrived.
 * So no failure and no retry, of whatever row, can put a later event of a key in front of an earlier one; rows of different
 * keys do not wait for each other.
 *
 * Threads: one at a time.
 */
typedef struct RelayWindow RelayWindow;

/** The two records of a row, as bits: the event, and what the compacted topic keeps of it. */
enum { RELAY_EVENT = 1, RELAY_STATE = 2 };

typedef enum RelayRowState {
    RELAY_BEHIND,  /* another of its key comes first */
    RELAY_READY,   /* may be sent */
    RELAY_SENT,    /* on its way */
    RELAY_BACK,    /* all its records have been reported, or failed at once */
    RELAY_DELAYED, /* failed, to be ready again at due_ns */
    RELAY_ARRIVED, /* the brokers have it: to be noted */
} RelayRowState;

typedef struct RelayRow RelayRow;

/** What a report of the producer is about. */
typedef struct RelaySlot {
    RelayRow *row;
    unsigned record; /* RELAY_EVENT or RELAY_STATE */
} RelaySlot;

struct RelayRow {
    PacsOutboxEvent event;  /* its texts are the row's own */
    const EventsType *type; /* NULL: of a later version */
    RelayRowState state;
    unsigned to_send, in_flight; /* records */
    uint64_t sending;            /* the number of its last one */
    bool alone;                  /* nothing else was on its way at any moment of it */
    bool suspect;                /* refused together with others: to be tried alone */
    PacsStatus failure;          /* of the record that failed last; PACS_OK: none */
    unsigned failed;             /* that record */
    char reason[96];
    uint32_t attempts;
    uint64_t due_ns;
    RelaySlot slots[2];

    size_t bytes;
    RelayRow *next_id, *next_of_key; /* of the two tables */
    RelayRow *previous, *next;       /* in the list of its state */
};

/** A list of rows in the order they came to it. */
typedef struct RelayList {
    RelayRow *first, *last;
    size_t count;
} RelayList;

PACS_CHECKED PacsStatus relay_window_new(size_t max_rows, size_t max_bytes, RelayWindow **ret_window,
                                         PacsError *err);
void relay_window_free(RelayWindow *window);
PACS_DEFINE_AUTO(RelayWindow, relay_window_free);

/** How many more rows it is to be given: 0 while it is full. One is always taken, however large. */
size_t relay_window_room(const RelayWindow *window);
bool relay_window_has(const RelayWindow *window, int64_t id);

/** A copy of an event that the window does not have yet; ids of one key rise. Errors: PACS_NO_MEMORY. */
PACS_CHECKED PacsStatus relay_window_add(RelayWindow *window, const PacsOutboxEvent *event, PacsError *err);

/** Rows of a state; RELAY_BEHIND has no list. Borrowed, as the rows are. */
const RelayList *relay_window_list(const RelayWindow *window, RelayRowState state);
/** Into another state, at the end of its list. The next of a key is ready once the one before it has arrived. */
void relay_window_move(RelayWindow *window, RelayRow *row, RelayRowState state);

/** It is settled: the row is freed. The next of its key is ready. */
void relay_window_remove(RelayWindow *window, RelayRow *row);
/** Of all rows of this row's key, the row too: no longer in hand, they are read again when their time comes. None of
 *  them is on its way but this one. */
void relay_window_remove_key(RelayWindow *window, RelayRow *row);
/** All of them; nothing is on its way. */
void relay_window_clear(RelayWindow *window);

size_t relay_window_rows(const RelayWindow *window);
size_t relay_window_bytes(const RelayWindow *window);
