#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/status.h"

/**
 * The topics that events are sent to, with what a broker has to keep of them, and the lanes.
 *
 * One topic carries all events of one kind of thing, so that the order of those about one key is kept. A study is in
 * one lane for ever; where a topic has lanes, each but the normal one is a topic of its own:
 * "imaging.study.events.v1", "imaging.study.events.v1.vip".
 *
 * Partitions may not be added later: the same key would then stand in another one. More of them is a topic v2.
 *
 * Owner:   static; entries live for ever.
 * Threads: any.
 */
typedef struct EventsTopic {
    const char *name; /* without prefix and lane */
    bool has_lanes;
    const char *cleanup_policy;    /* "delete" or "compact" */
    int64_t retention_ms;          /* -1: for ever */
    int64_t min_compaction_lag_ms; /* 0: the broker's default, as below */
    int64_t delete_retention_ms;   /* how long a tombstone is seen */
} EventsTopic;

#define EVENTS_TOPIC_PARTITIONS 12 /* as many readers at once as any scaler starts (10), and two to spare */
#define EVENTS_TOPIC_REPLICATION 3
#define EVENTS_TOPIC_MIN_INSYNC 2
#define EVENTS_DLQ_RETENTION_MS (30ll * 24 * 60 * 60 * 1000) /* a month to look at what could not be read */

extern const EventsTopic events_topic_study;
extern const EventsTopic events_topic_study_state; /* compacted: the latest event of each study */
extern const EventsTopic events_topic_report;
extern const EventsTopic events_topic_worklist;
extern const EventsTopic events_topic_patient;
extern const EventsTopic events_topic_audit;
extern const EventsTopic events_topic_ops;

/** All of them, one after the other; NULL past the last. */
const EventsTopic *events_topic_at(size_t index);

#define EVENTS_LANE_NORMAL "normal"

/** "normal", "vip", "svip1", "svip2"; NULL past the last. */
const char *events_lane_at(size_t index);
bool events_lane_is_known(const char *lane);

#define EVENTS_TOPIC_SIZE 250 /* a broker takes 249 characters; and a NUL */

/**
 * The name on the broker: prefix, name, and the lane where the topic has lanes. prefix and lane may be NULL ("",
 * "normal").
 *
 * Errors: PACS_INVALID (a lane that is unknown), PACS_TOO_LARGE.
 */
PACS_CHECKED PacsStatus events_topic_name(const EventsTopic *topic, const char *prefix, const char *lane,
                                          char ret_name[EVENTS_TOPIC_SIZE], PacsError *err);

/** Where a consumer group puts what it cannot read: "<topic as on the broker>.<group>.dlq". */
PACS_CHECKED PacsStatus events_topic_dlq_name(const char *topic, const char *group,
                                              char ret_name[EVENTS_TOPIC_SIZE], PacsError *err);
