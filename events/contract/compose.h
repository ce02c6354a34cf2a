#pragma once

#include <stdint.h>

#include "events/contract/cloudevent.h"

/**
 * An event as it is sent, from what is kept of it: the facts of the moment it was written, and what depends on how the
 * server is reached today (its name as a source, the addresses).
 */
typedef struct EventsFacts {
    const char *ce_id;
    const char *type; /* "study.arrived" */
    const char *key;
    const char *lane;        /* NULL: normal */
    const char *traceparent; /* NULL: none */
    const char *data;        /* a JSON object */
    uint64_t revision;
    int64_t time_ms;
} EventsFacts;

typedef struct EventsComposeOptions {
    const char *source;      /* "/lightbox/ORTHANC" */
    const char *public_root; /* of DICOMweb: "https://pacs.example/dicom-web"; NULL or "": no addresses */
    const char *viewer_url;  /* with {StudyInstanceUID}, NULL or "": none */
} EventsComposeOptions;

/**
 * The whole event. retrieveUrl, viewerUrl and contentUrl are put in front of the members of its data.
 *
 * Owner:   the event borrows from facts, options and the arena.
 * Errors:  PACS_CORRUPT (a type nobody knows, data that is no object), PACS_TOO_LARGE, PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus events_compose(const EventsComposeOptions *options, const EventsFacts *facts,
                                       PacsArena *arena, EventsCloudEvent *ret_event, PacsError *err);
