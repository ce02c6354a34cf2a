#pragma once

#include <stddef.h>
#include <stdint.h>

#include "events/contract/cloudevent.h"

/**
 * One record as it came from a topic, before anybody looked into it: what a dead letter has to give back byte for byte.
 * Borrowed from whoever handed it out.
 */
typedef struct EventsMessage {
    const char *topic; /* read over HTTP: the path that was asked for */
    int32_t partition;
    int64_t offset; /* read over HTTP: the event's place in the outbox */
    int64_t timestamp_ms;
    PacsSlice key;               /* text NULL: none */
    PacsSlice value;             /* text NULL: none (a tombstone) */
    const EventsHeader *headers; /* a value of NULL: a header without one */
    size_t header_count;
} EventsMessage;
