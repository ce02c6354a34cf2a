#pragma once

#include <stddef.h>

#include "events/contract/cloudevent.h"

/* Private to events/contract: the attributes as a table, for whoever goes over all of them. */

typedef struct EventsAttribute {
    const char *header; /* "ce_id"; "content-type" for datacontenttype */
    const char *name;   /* "id" */
    size_t offset;      /* of the member */
} EventsAttribute;

#define EVENTS_ATTRIBUTE_COUNT 18

extern const EventsAttribute events_attributes[EVENTS_ATTRIBUTE_COUNT];

/** The member of `event` that attribute speaks of. */
static inline const char **events_attribute_of(EventsCloudEvent *event, const EventsAttribute *attribute)
{
    return (const char **)(void *)((char *)event + attribute->offset);
}
