#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "events/kafka/settings.h"
#include "pacs/dicom/tag.h"

/** The section Events of the configuration. */

typedef struct EventsTextList {
    const char *const *items;
    size_t count;
} EventsTextList;

/** An attribute that a rule asks for; any of the patterns. */
typedef struct EventsLaneTag {
    PacsTag tag;
    EventsTextList values;
} EventsLaneTag;

/**
 * When an instance that begins a study brings it into a lane: everything that is given must match, of a list any.
 * Texts are patterns with * and ?; an empty list asks for nothing. The first rule that matches counts.
 */
typedef struct EventsLaneRule {
    const char *lane; /* "normal", "vip", "svip1", "svip2" */
    EventsTextList calling_aets, called_aets, modalities;
    const EventsLaneTag *tags;
    size_t tag_count;
} EventsLaneRule;

/** How the events of a topic are written; by its name without prefix and lane. */
typedef struct EventsTopicMode {
    const char *topic;
    bool structured;
} EventsTopicMode;

typedef struct EventsSettings {
    const char *source;      /* ce_source */
    const char *public_root; /* what URLs in events begin with; "": they are left out */
    const char *viewer_url;  /* with {StudyInstanceUID} in it; "": left out */
    EventsTextList phi_fields;
    const EventsLaneRule *lanes;
    size_t lane_count;

    bool structured; /* content mode where `topic_modes` says nothing */
    const EventsTopicMode *topic_modes;
    size_t topic_mode_count;

    uint64_t retention_days;
    uint64_t max_outbox_rows;  /* 0: no limit; both with Kafka only */
    uint64_t max_outbox_age_s; /* 0: no limit */
    const char *log_sink;      /* a file of JSON lines, "-" for standard output; "": none */
    EventsKafkaSettings kafka;
} EventsSettings;

/**
 * Read it. `server_name` makes the default of Source.
 *
 * Owner:  texts are borrowed from the configuration, what is made lives in the arena.
 * Errors: PACS_INVALID naming the key and what was expected.
 */
PACS_CHECKED PacsStatus events_settings_read(const PacsConfig *config, const char *server_name,
                                             PacsArena *arena, EventsSettings *ret_settings,
                                             PacsConfigWarning *warn, PacsError *err);

/** Whether events go to Kafka: then rows wait until they are sent, and count as a backlog. */
bool events_settings_has_kafka(const EventsSettings *settings);

/** Whether the events of this topic (without prefix and lane) are written in structured mode. */
bool events_settings_is_structured(const EventsSettings *settings, const char *topic);
