#include <string.h>

#include "events/relay/relay_private.h"
#include "pacs/util/clock.h"
#include "pacs/util/log.h"

#define PROBE_TIMEOUT_MS 1000
#define HOLD_MAX_NS (30 * UINT64_C(1000000000))

/* ---- The table ---- */

static PacsStatus add_topic(EventsRelay *relay, const EventsTopic *topic, const char *lane, PacsError *err)
{
    if (relay->topic_count == RELAY_TOPICS_MAX)
        return pacs_fail(err, PACS_INTERNAL, "more than %d topics", RELAY_TOPICS_MAX);
    RelayTopic *row = &relay->topics[relay->topic_count++];
    *row = (RelayTopic){.topic = topic,
                        .lane = lane,
                        .structured = events_settings_is_structured(relay->settings, topic->name)};
    return events_topic_name(topic, relay->settings->kafka.topic_prefix, lane, row->name, err);
}

PacsStatus relay_topics_init(EventsRelay *relay, PacsError *err)
{
    const EventsTopic *topic;
    const char *lane;

    for (size_t i = 0; (topic = events_topic_at(i)); i++) {
        for (size_t j = 0; (lane = events_lane_at(j)); j++) {
            PacsStatus status = j == 0 || topic->has_lanes ? add_topic(relay, topic, lane, err) : PACS_OK;
            if (status != PACS_OK)
                return status;
        }
    }
    return PACS_OK;
}

static const RelayTopic *find_topic(const EventsRelay *relay, const EventsTopic *topic, const char *lane)
{
    for (size_t i = 0; i < relay->topic_count; i++) {
        const RelayTopic *row = &relay->topics[i];
        if (row->topic == topic && (!topic->has_lanes || strcmp(row->lane, lane) == 0))
            return row;
    }
    return NULL;
}

RelayTopic *relay_topic_of(EventsRelay *relay, const RelayRow *row, unsigned record)
{
    const EventsTopic *topic = record == RELAY_EVENT ? row->type->topic : row->type->state_topic;

    return (RelayTopic *)find_topic(relay, topic, row->event.lane);
}

/* ---- Topics that are missing or forbidden ---- */

bool relay_topics_hold(const EventsRelay *relay, const EventsType *type, const char *lane)
{
    if (relay->held_count == 0 || !type)
        return false;
    const RelayTopic *event = find_topic(relay, type->topic, lane);
    const RelayTopic *state = type->state_topic ? find_topic(relay, type->state_topic, lane) : NULL;
    return (event && event->held) || (state && state->held);
}

void relay_topic_hold(EventsRelay *relay, RelayTopic *topic, const char *reason)
{
    const uint32_t doublings = topic->hold_count < 16 ? topic->hold_count : 16;
    uint64_t pause_ns = ((uint64_t)relay->hold_ms * 1000000) << doublings;

    if (pause_ns > HOLD_MAX_NS)
        pause_ns = HOLD_MAX_NS;
    if (topic->hold_count == 0)
        PACS_LOG(PACS_LOG_ERROR, "relay", "topic-held", PACS_F_TEXT("topic", topic->name),
                 PACS_F_TEXT("reason", reason));
    if (!topic->held)
        relay->held_count++;
    topic->held = true;
    topic->hold_count++;
    topic->held_at_sending = relay->sendings;
    topic->held_until_ns = pacs_monotonic_ns() + pause_ns;
    pacs_metric_set(relay->metrics.held, (int64_t)relay->held_count);
}

/** What it held back is read again. Whether it may be written to shows when something of that has arrived. */
static void let_go(EventsRelay *relay, RelayTopic *topic)
{
    if (!topic->held)
        return;
    topic->held = false;
    relay->held_count--;
    relay->left_behind = true;
    relay->rescan_due_ns = 0;
    pacs_metric_set(relay->metrics.held, (int64_t)relay->held_count);
}

void relay_topic_worked(EventsRelay *relay, RelayTopic *topic, const RelayRow *row)
{
    if (topic->hold_count == 0 || row->sending <= topic->held_at_sending)
        return;
    let_go(relay, topic);
    topic->hold_count = 0;
    PACS_LOG(PACS_LOG_INFO, "relay", "topic-back", PACS_F_TEXT("topic", topic->name));
}

void relay_topics_probe(EventsRelay *relay, uint64_t now_ns)
{
    for (size_t i = 0; relay->held_count > 0 && i < relay->topic_count; i++) {
        RelayTopic *topic = &relay->topics[i];
        PacsError err = {0};

        if (!topic->held || now_ns < topic->held_until_ns)
            continue;
        if (events_producer_find_topic(relay->producer, topic->name, PROBE_TIMEOUT_MS, &err) == PACS_OK)
            let_go(relay, topic);
        else
            relay_topic_hold(relay, topic, err.text);
    }
}
