#pragma once

#include <stddef.h>

#include "events/contract/topics.h"

/**
 * Every type of event that Lightbox sends, as a table: a new type is a row here, a schema in schemas/ and an example.
 *
 * Names:   inside the house the short name ("study.arrived"); on the wire
 *          "org.sapoche.imaging.study.arrived.v1". A change that old consumers would misread is a new
 *          version, sent beside the old one for a release; additions are not.
 * Owner:   static; entries live for ever.
 * Threads: any.
 */

/** What the compacted topic of the aggregate keeps after an event of this type. */
typedef enum EventsState {
    EVENTS_STATE_NONE,      /* nothing: the event is sent to its own topic alone */
    EVENTS_STATE_KEPT,      /* the event itself, as the latest about its key */
    EVENTS_STATE_TOMBSTONE, /* a record without a value: the key is gone */
} EventsState;

/** What an event is about, which decides the addresses added to its data (events/contract/compose.h). */
typedef enum EventsSubject {
    EVENTS_ABOUT_STUDY,  /* retrieveUrl, viewerUrl; its key is the Study Instance UID */
    EVENTS_ABOUT_REPORT, /* contentUrl as well */
    EVENTS_ABOUT_GONE,   /* a study or report that is no longer there: no addresses */
    EVENTS_ABOUT_HOUSE,  /* the service itself */
} EventsSubject;

typedef struct EventsType {
    const char *name;    /* "study.arrived" */
    const char *ce_type; /* "org.sapoche.imaging.study.arrived.v1" */
    const char *
        dataschema; /* "https://schemas.sapoche.org/imaging/v1/study.arrived.json": a name, nobody fetches it */
    const char *schema_file; /* "study.arrived.json", in events/contract/schemas/ */
    const EventsTopic *topic;
    const EventsTopic *state_topic; /* NULL where state is EVENTS_STATE_NONE */
    EventsState state;
    EventsSubject subject;
} EventsType;

/** NULL: no such type. */
const EventsType *events_type_find(const char *name);
const EventsType *events_type_find_ce(const char *ce_type);

/** All of them. */
const EventsType *events_types(size_t *ret_count);
