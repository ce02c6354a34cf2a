#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/text.h"

typedef struct EventsHeader EventsHeader; /* events/contract/cloudevent.h */

/**
 * One message as it came, before anybody looked into it: what a dead letter has to give back byte for byte.
 * Borrowed from whoever handed it out.
 */
typedef struct WorkerRecord {
    const char *topic; /* with http as the source: the path that was read */
    int32_t partition;
    int64_t offset; /* with http: the event's place in the outbox */
    int64_t timestamp_ms;
    PacsSlice key;               /* text NULL: none */
    PacsSlice value;             /* text NULL: none (a tombstone) */
    const EventsHeader *headers; /* a value of NULL: a header without one */
    size_t header_count;
} WorkerRecord;
