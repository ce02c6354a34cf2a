#include "events/contract/event_types.h"

#include <string.h>

#define NAMED(short_name)                                                                                    \
    .name = short_name, .ce_type = "org.sapoche.imaging." short_name ".v1",                                  \
    .dataschema = "https://schemas.sapoche.org/imaging/v1/" short_name ".json",                              \
    .schema_file = short_name ".json"

#define STUDY_STATE(kept) .state_topic = &events_topic_study_state, .state = (kept)

static const EventsType types[] = {
    {NAMED("study.received"), .topic = &events_topic_study, STUDY_STATE(EVENTS_STATE_KEPT)},
    {NAMED("study.arrived"), .topic = &events_topic_study, STUDY_STATE(EVENTS_STATE_KEPT)},
    {NAMED("study.updated"), .topic = &events_topic_study, STUDY_STATE(EVENTS_STATE_KEPT)},
    {NAMED("study.deleted"), .topic = &events_topic_study, STUDY_STATE(EVENTS_STATE_TOMBSTONE),
     .subject = EVENTS_ABOUT_GONE},
    {NAMED("report.available"), .topic = &events_topic_report, .subject = EVENTS_ABOUT_REPORT},
    {NAMED("report.amended"), .topic = &events_topic_report, .subject = EVENTS_ABOUT_REPORT},
    {NAMED("report.withdrawn"), .topic = &events_topic_report, .subject = EVENTS_ABOUT_GONE},
    {NAMED("access.recorded"), .topic = &events_topic_audit, .subject = EVENTS_ABOUT_HOUSE},
    {NAMED("ingest.rejected"), .topic = &events_topic_ops, .subject = EVENTS_ABOUT_HOUSE},
    {NAMED("relay.event-dead"), .topic = &events_topic_ops, .subject = EVENTS_ABOUT_HOUSE},
};

const EventsType *events_types(size_t *ret_count)
{
    *ret_count = sizeof types / sizeof types[0];
    return types;
}

const EventsType *events_type_find(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

const EventsType *events_type_find_ce(const char *ce_type)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].ce_type, ce_type) == 0)
            return &types[i];
    return NULL;
}
