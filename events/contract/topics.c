#include "events/contract/topics.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS (60ll * 60 * 1000)
#define DAY_MS (24 * HOUR_MS)

#define EVENT_RETENTION_MS (14 * DAY_MS) /* how long a copy outlives an erasure, and a consumer may be away */

const EventsTopic events_topic_study = {.name = "imaging.study.events.v1",
                                        .has_lanes = true,
                                        .cleanup_policy = "delete",
                                        .retention_ms = EVENT_RETENTION_MS};
const EventsTopic events_topic_study_state = {.name = "imaging.study.state.v1",
                                              .cleanup_policy = "compact",
                                              .retention_ms = -1,
                                              .min_compaction_lag_ms = HOUR_MS,
                                              .delete_retention_ms = 7 * DAY_MS};
const EventsTopic events_topic_report = {.name = "imaging.report.events.v1",
                                         .has_lanes = true,
                                         .cleanup_policy = "delete",
                                         .retention_ms = EVENT_RETENTION_MS};
const EventsTopic events_topic_worklist = {
    .name = "imaging.worklist.events.v1", .cleanup_policy = "delete", .retention_ms = EVENT_RETENTION_MS};
const EventsTopic events_topic_patient = {
    .name = "imaging.patient.events.v1", .cleanup_policy = "delete", .retention_ms = EVENT_RETENTION_MS};
const EventsTopic events_topic_audit = {
    .name = "imaging.audit.v1", .cleanup_policy = "delete", .retention_ms = 400 * DAY_MS};
const EventsTopic events_topic_ops = {
    .name = "imaging.ops.v1", .cleanup_policy = "delete", .retention_ms = EVENT_RETENTION_MS};

static const EventsTopic *const topics[] = {
    &events_topic_study,   &events_topic_study_state, &events_topic_report, &events_topic_worklist,
    &events_topic_patient, &events_topic_audit,       &events_topic_ops,
};

static const char *const lanes[] = {EVENTS_LANE_NORMAL, "vip", "svip1", "svip2"};

const EventsTopic *events_topic_at(size_t index)
{
    return index < sizeof topics / sizeof topics[0] ? topics[index] : NULL;
}

const char *events_lane_at(size_t index)
{
    return index < sizeof lanes / sizeof lanes[0] ? lanes[index] : NULL;
}

bool events_lane_is_known(const char *lane)
{
    for (size_t i = 0; i < sizeof lanes / sizeof lanes[0]; i++)
        if (strcmp(lanes[i], lane) == 0)
            return true;
    return false;
}

static PacsStatus check_length(int length, PacsError *err)
{
    if (length < 0 || length >= EVENTS_TOPIC_SIZE)
        return pacs_fail(err, PACS_TOO_LARGE, "a topic's name has at most %d characters",
                         EVENTS_TOPIC_SIZE - 1);
    return PACS_OK;
}

PacsStatus events_topic_name(const EventsTopic *topic, const char *prefix, const char *lane,
                             char ret_name[EVENTS_TOPIC_SIZE], PacsError *err)
{
    if (lane && !events_lane_is_known(lane))
        return pacs_fail(err, PACS_INVALID, "no lane '%.32s': normal, vip, svip1 or svip2", lane);
    const bool is_normal = !topic->has_lanes || !lane || strcmp(lane, EVENTS_LANE_NORMAL) == 0;
    return check_length(snprintf(ret_name, EVENTS_TOPIC_SIZE, "%s%s%s%s", prefix ? prefix : "", topic->name,
                                 is_normal ? "" : ".", is_normal ? "" : lane),
                        err);
}

PacsStatus events_topic_dlq_name(const char *topic, const char *group, char ret_name[EVENTS_TOPIC_SIZE],
                                 PacsError *err)
{
    return check_length(snprintf(ret_name, EVENTS_TOPIC_SIZE, "%s.%s.dlq", topic, group), err);
}
