#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * Reads a stream of server-sent events, in pieces of any size.
 *
 * Memory:  one event, at most the maximum given, and a line of it.
 * Source:  HTML Standard 9.2.6 ("Interpreting an event stream").
 */
typedef struct WorkerSse {
    PacsBuffer line;
    PacsBuffer data, id, type; /* of the event that is being read; id stays from event to event */
    bool has_data;
    bool was_cr;      /* a line feed that follows belongs to the line break */
    bool is_begun;    /* the byte order mark has been passed over */
    bool is_complete; /* an event was handed out: the next begins with the next reading */
} WorkerSse;

void worker_sse_init(WorkerSse *sse, size_t max_bytes);
void worker_sse_clear(WorkerSse *sse);
/** Forget what was read of an event: the stream begins anew. */
void worker_sse_reset(WorkerSse *sse);

typedef struct WorkerSseEvent {
    const char *id;   /* of the last event that had one; "" */
    const char *type; /* "": none was given */
    PacsSlice data;   /* text NULL: an event without data, which only says where the stream stands */
} WorkerSseEvent;

/**
 * Read from `*bytes` up to the end of an event, or all of it: both are moved behind what was read. *ret_found: an event is
 * complete; it is borrowed until the next call.
 *
 * Errors: PACS_TOO_LARGE, PACS_NO_MEMORY: the stream is of no more use.
 */
PACS_CHECKED PacsStatus worker_sse_read(WorkerSse *sse, const char **bytes, size_t *size, bool *ret_found,
                                        WorkerSseEvent *ret_event, PacsError *err);
