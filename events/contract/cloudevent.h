#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * One event and its two forms on the wire: binary (attributes as headers, the data as the record's value) and structured
 * (one JSON document).
 *
 * Shape:   attributes are UTF-8 text without control characters; NULL: absent. data.text NULL: no data at all.
 * Owner:   the struct borrows everything; who made it says from what.
 * Source:  CloudEvents 1.0.2 (core, JSON format, Kafka protocol binding) and its extensions correlation,
 *          data classification, distributed tracing, partitioning, sequence and dataref; `lane` is ours.
 */
typedef struct EventsCloudEvent {
    const char *id; /* these three are always there; (source, id) names an event once and for all */
    const char *source;
    const char *type;

    const char *subject;
    const char *time; /* RFC 3339 */
    const char *dataschema;
    const char *datacontenttype;
    const char *partitionkey;
    const char *sequence; /* ours: the revision of the key, 20 digits, so that they sort as text too */
    const char *lane;
    const char *correlationid;
    const char *causationid;
    const char *dataclassification;
    const char *dataregulation;
    const char *datacategory;
    const char *dataref; /* where the data can be had in full, with a token */
    const char *traceparent;
    const char *tracestate;

    PacsSlice data;
} EventsCloudEvent;

/** A header of a record: name of letters, any value. Borrowed. */
typedef struct EventsHeader {
    const char *name;
    PacsSlice value;
} EventsHeader;

#define EVENTS_HEADERS_MAX 24 /* specversion, every attribute above, traceparent and tracestate once more */

#define EVENTS_STRUCTURED_TYPE "application/cloudevents+json; charset=UTF-8"

/**
 * The headers of the binary form; the record's value is event->data. Trace context stands twice: as ce_traceparent, and
 * plain, where tracing libraries look for it. Headers borrow from the event; nothing is copied.
 */
size_t events_cloudevent_format_binary(const EventsCloudEvent *event,
                                       EventsHeader ret_headers[EVENTS_HEADERS_MAX]);

/** The structured form, added to `out`. Data whose type is JSON must be valid JSON: it is written as it is; other
 *  data goes as base64. Errors: the buffer's. */
PACS_CHECKED PacsStatus events_cloudevent_format_structured(const EventsCloudEvent *event, PacsBuffer *out,
                                                            PacsError *err);

/**
 * Read a record of either form: structured if its content-type begins with "application/cloudevents", else binary.
 * Attributes that we do not know are passed over. Data stays as the bytes that came.
 *
 * Owner:   attributes are in the arena, data is borrowed from value (base64 data is in the arena).
 * Errors:  PACS_INVALID naming the attribute and what was expected, PACS_UNSUPPORTED (another version, a batch,
 *          another format than JSON), PACS_TOO_LARGE.
 */
PACS_CHECKED PacsStatus events_cloudevent_parse(const EventsHeader *headers, size_t header_count,
                                                PacsSlice value, PacsArena *arena,
                                                EventsCloudEvent *ret_event, PacsError *err);

/** The structured form alone: what a server-sent event carries. */
PACS_CHECKED PacsStatus events_cloudevent_parse_structured(PacsSlice json, PacsArena *arena,
                                                           EventsCloudEvent *ret_event, PacsError *err);

/** sequence as a number. PACS_INVALID where it is absent or none. */
PACS_CHECKED PacsStatus events_cloudevent_revision(const EventsCloudEvent *event, uint64_t *ret_revision,
                                                   PacsError *err);

/** "application/json", "application/x+json", with parameters or without. NULL counts as JSON, as the standard has it. */
bool events_content_type_is_json(const char *content_type);
