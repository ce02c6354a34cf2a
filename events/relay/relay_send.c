#include "events/contract/compose.h"
#include "events/relay/relay_private.h"
#include "pacs/util/crash_point.h"
#include "pacs/util/limits.h"

/* ---- One record ---- */

static PacsStatus compose(EventsRelay *relay, const RelayRow *row, EventsCloudEvent *ret_event,
                          PacsError *err)
{
    const EventsSettings *settings = relay->settings;
    const EventsComposeOptions options = {
        .source = settings->source, .public_root = settings->public_root, .viewer_url = settings->viewer_url};
    const EventsFacts facts = {.ce_id = row->event.ce_id,
                               .type = row->event.type,
                               .key = row->event.key,
                               .lane = row->event.lane,
                               .traceparent = row->event.traceparent,
                               .data = row->event.data,
                               .revision = row->event.revision,
                               .time_ms = row->event.time_ms};

    pacs_arena_reset(relay->arena);
    return events_compose(&options, &facts, relay->arena, ret_event, err);
}

/** Headers and value of the structured form. Trace context stands in a header too, where tracing libraries look for it. */
static PacsStatus format_structured(EventsRelay *relay, const EventsCloudEvent *event, EventsHeader *headers,
                                    EventsRecord *record, PacsError *err)
{
    pacs_buffer_reset(&relay->structured);
    PacsStatus status = events_cloudevent_format_structured(event, &relay->structured, err);
    if (status != PACS_OK)
        return status;
    headers[record->header_count++] = (EventsHeader){"content-type", PACS_SLICE(EVENTS_STRUCTURED_TYPE)};
    if (event->traceparent)
        headers[record->header_count++] = (EventsHeader){"traceparent", pacs_slice(event->traceparent)};
    record->value = (PacsSlice){pacs_buffer_text(&relay->structured), relay->structured.size};
    return PACS_OK;
}

static PacsStatus send_record(EventsRelay *relay, RelayRow *row, RelaySlot *slot,
                              const EventsCloudEvent *event, PacsError *err)
{
    EventsHeader headers[EVENTS_HEADERS_MAX];
    EventsRecord record = {.key = row->event.key, .headers = headers, .context = slot};
    const RelayTopic *topic = relay_topic_of(relay, row, slot->record);
    const bool is_tombstone = slot->record == RELAY_STATE && row->type->state == EVENTS_STATE_TOMBSTONE;
    PacsStatus status = PACS_OK;

    if (!topic)
        return pacs_fail(err, PACS_INVALID, "lane '%.32s' has no topic", row->event.lane);
    record.topic = topic->name;
    if (topic->structured && !is_tombstone) {
        status = format_structured(relay, event, headers, &record, err);
    } else {
        record.header_count = events_cloudevent_format_binary(event, headers);
        record.value = is_tombstone ? (PacsSlice){0} : event->data;
    }
    return status == PACS_OK ? events_producer_send(relay->producer, &record, err) : status;
}

/* ---- One row ---- */

/** It failed before it was on its way; what of it is there already comes back first. */
static void fail_at_once(EventsRelay *relay, RelayRow *row, unsigned record, const PacsError *err)
{
    row->failure = err->status;
    row->failed = record;
    row->alone = true; /* nobody else had a part in it */
    (void)pacs_text_copy(row->reason, sizeof row->reason, err->text);
    relay_window_move(relay->window, row, row->in_flight ? RELAY_SENT : RELAY_BACK);
}

/** False if the producer takes no more. */
static bool send_row(EventsRelay *relay, RelayRow *row)
{
    EventsCloudEvent event;
    PacsError err = {0};

    if (compose(relay, row, &event, &err) != PACS_OK) {
        relay_bury(relay, row, err.text);
        return true;
    }
    if (row->in_flight == 0) {
        row->alone = relay->on_their_way == 0;
        row->sending = ++relay->sendings;
        row->failure = PACS_OK;
    }
    for (size_t i = 0; i < 2; i++) {
        RelaySlot *slot = &row->slots[i];
        if (!(row->to_send & slot->record))
            continue;
        PacsStatus status = send_record(relay, row, slot, &event, &err);
        if (status == PACS_UNAVAILABLE || status == PACS_CANCELLED)
            return false;
        if (status != PACS_OK) {
            fail_at_once(relay, row, slot->record, &err);
            return true;
        }
        relay->on_their_way += row->in_flight == 0;
        row->in_flight |= slot->record;
        row->to_send &= ~slot->record;
    }
    relay_window_move(relay->window, row, RELAY_SENT);
    PACS_CRASH_POINT("after-produce-before-ack");
    return true;
}

/* ---- All that is ready ---- */

/** While there are suspects, one of them at a time and nothing beside it. NULL: not now. */
static RelayRow *next_row(const EventsRelay *relay)
{
    RelayRow *row = relay_window_list(relay->window, RELAY_READY)->first;

    if (relay->suspects == 0)
        return row;
    if (relay->on_their_way > 0)
        return NULL;
    while (row && !row->suspect)
        row = row->next;
    return row;
}

void relay_send_ready(EventsRelay *relay)
{
    RelayRow *row;

    while (!events_producer_is_fatal(relay->producer, NULL) && (row = next_row(relay))) {
        if (row->in_flight == 0 && relay_topics_hold(relay, row->type, row->event.lane))
            relay_leave_behind(relay, row, RELAY_RESCAN_HELD_NS);
        else if (!send_row(relay, row))
            return;
    }
}
