#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/relay/relay_private.h"
#include "pacs/util/clock.h"
#include "pacs/util/crash_point.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"
#include "pacs/util/log.h"

#define NOTE_ROWS 2000 /* noted by one commit; a commit waits for the disk */

/* ---- Reports, within the producer's poll ---- */

void relay_on_report(void *context, void *record_context, PacsStatus status, const char *reason)
{
    EventsRelay *relay = context;
    const RelaySlot *slot = record_context;
    RelayRow *row = slot->row;

    row->in_flight &= ~slot->record;
    relay->on_their_way -= row->in_flight == 0;
    row->alone = row->alone && relay->sendings == row->sending;
    if (status != PACS_OK) {
        row->to_send |= slot->record;
        row->failure = status;
        row->failed = slot->record;
        (void)pacs_text_copy(row->reason, sizeof row->reason, reason);
    }
    if (row->in_flight == 0 && row->state == RELAY_SENT)
        relay_window_move(relay->window, row, RELAY_BACK);
}

/* ---- Dead rows ---- */

static void count(const EventsRelay *relay, const RelayRow *row, const char *result)
{
    pacs_metric_add(pacs_metric(relay->metrics.sent, row->type ? row->event.type : "unknown", result, NULL),
                    1);
}

/** Told before it is noted: twice rather than never. A note about such a note would never end. */
static PacsStatus tell_dead(const EventsRelay *relay, const RelayRow *row, const char *reason, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer data = PACS_BUFFER(PACS_MAX_EVENT_DATA);
    PacsJson json;

    if (strncmp(row->event.type, "relay.", 6) == 0)
        return PACS_OK;
    pacs_json_init(&json, &data, false);
    pacs_json_object_begin(&json);
    pacs_json_member_string(&json, "eventId", row->event.ce_id);
    pacs_json_member_string(&json, "eventType", row->event.type);
    pacs_json_member_string(&json, "key", row->event.key);
    pacs_json_member_string(&json, "lane", row->event.lane);
    pacs_json_member_u64(&json, "revision", row->event.revision);
    pacs_json_member_string(&json, "reason", reason);
    pacs_json_object_end(&json);
    PacsStatus status = pacs_buffer_check(&data, err);
    if (status != PACS_OK)
        return status;
    const PacsTold told = {.type = "relay.event-dead",
                           .key = row->event.ce_id, /* not the study's: what is behind that waits */
                           .traceparent = row->event.traceparent,
                           .data = pacs_buffer_text(&data)};
    return pacs_index_tell(relay->index, &told, err);
}

static void no_longer_suspect(EventsRelay *relay, RelayRow *row)
{
    relay->suspects -= row->suspect;
    row->suspect = false;
}

static void delay(EventsRelay *relay, RelayRow *row)
{
    row->due_ns = pacs_monotonic_ns() + relay_backoff_ns(row->attempts++);
    relay_window_move(relay->window, row, RELAY_DELAYED);
}

void relay_bury(EventsRelay *relay, RelayRow *row, const char *reason)
{
    const PacsFence fence = {.name = RELAY_LEASE, .epoch = relay->epoch};
    PacsError err = {0};

    PacsStatus status = tell_dead(relay, row, reason, &err);
    if (status == PACS_OK)
        status = pacs_index_mark_dead(relay->index, &fence, row->event.id, reason, &err);
    no_longer_suspect(relay, row);
    if (status != PACS_OK && status != PACS_NOT_FOUND) { /* not found: somebody has discarded it */
        delay(relay, row);
        relay_index_failed(relay, status, &err);
        return;
    }
    PACS_LOG(PACS_LOG_ERROR, "relay", "event-dead", PACS_F_TEXT("event", row->event.ce_id),
             PACS_F_TEXT("type", row->event.type), PACS_F_TEXT("reason", reason));
    count(relay, row, "dead");
    relay_leave_behind(relay, row, 0); /* what of its key the index lets go on is read again */
}

/* ---- What becomes of a row ---- */

void relay_begin_again(EventsRelay *relay, uint64_t pause_ns)
{
    const uint64_t due_ns = pacs_monotonic_ns() + pause_ns;

    if (!relay->left_behind || due_ns < relay->rescan_due_ns)
        relay->rescan_due_ns = due_ns;
    relay->left_behind = true;
}

void relay_leave_behind(EventsRelay *relay, RelayRow *row, uint64_t pause_ns)
{
    no_longer_suspect(relay, row);
    relay_begin_again(relay, pause_ns);
    relay_window_remove_key(relay->window, row);
}

/** It cannot be known of the next ones that they will fare better: they wait until the topic has been looked for. */
static void settle_topic(EventsRelay *relay, RelayRow *row)
{
    RelayTopic *topic = relay_topic_of(relay, row, row->failed);
    const bool is_first = topic->hold_count == 0;
    char reason[EVENTS_TOPIC_SIZE + sizeof row->reason + 16];

    (void)snprintf(reason, sizeof reason, "topic '%s': %s", topic->name, row->reason);
    if (!topic->held)
        relay_topic_hold(relay, topic, row->reason);
    if (is_first)
        relay_bury(relay, row, reason);
    else
        relay_leave_behind(relay, row, RELAY_RESCAN_HELD_NS);
}

/** The broker refuses a whole batch for one bad record, so that it is believed only of a record that came alone. */
static void settle_refused(EventsRelay *relay, RelayRow *row)
{
    if (row->alone) {
        relay_bury(relay, row, row->reason);
        return;
    }
    relay->suspects += !row->suspect;
    row->suspect = true;
    relay_window_move(relay->window, row, RELAY_READY);
}

static void settle_arrived(EventsRelay *relay, RelayRow *row)
{
    const int64_t took_ms = pacs_now_ms() - row->event.time_ms;

    no_longer_suspect(relay, row);
    relay->producer_failures = 0;
    for (size_t i = 0; i < 2; i++) {
        RelayTopic *topic = row->slots[i].record == RELAY_EVENT || row->type->state_topic
                                ? relay_topic_of(relay, row, row->slots[i].record)
                                : NULL;
        if (topic)
            relay_topic_worked(relay, topic, row);
    }
    count(relay, row, "delivered");
    pacs_metric_observe_ns(relay->metrics.latency, took_ms > 0 ? (uint64_t)took_ms * 1000000 : 0);
    if (relay_window_list(relay->window, RELAY_ARRIVED)->count == 0)
        relay->arrived_since_ns = pacs_monotonic_ns();
    relay_window_move(relay->window, row, RELAY_ARRIVED);
}

static void settle(EventsRelay *relay, RelayRow *row)
{
    const PacsStatus failure = row->failure;

    row->failure = PACS_OK;
    switch (failure) {
    case PACS_OK:
        settle_arrived(relay, row);
        break;
    case PACS_NOT_FOUND:
    case PACS_REFUSED:
        settle_topic(relay, row);
        break;
    case PACS_TOO_LARGE:
    case PACS_INVALID:
        settle_refused(relay, row);
        break;
    case PACS_CANCELLED: /* through no fault of its own */
        relay_window_move(relay->window, row, RELAY_READY);
        break;
    default:
        count(relay, row, "retried");
        delay(relay, row);
    }
}

void relay_settle_back(EventsRelay *relay)
{
    RelayRow *row;

    while ((row = relay_window_list(relay->window, RELAY_BACK)->first))
        settle(relay, row);
}

void relay_wake_delayed(EventsRelay *relay, uint64_t now_ns)
{
    RelayRow *next;

    for (RelayRow *row = relay_window_list(relay->window, RELAY_DELAYED)->first; row; row = next) {
        next = row->next;
        if (row->due_ns <= now_ns)
            relay_window_move(relay->window, row, RELAY_READY);
    }
}

/* ---- Noting what has arrived ---- */

static int by_number(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

/** The oldest of them; PACS_OK also if there were none. */
static PacsStatus note_some(EventsRelay *relay, PacsError *err)
{
    const PacsFence fence = {.name = RELAY_LEASE, .epoch = relay->epoch};
    const RelayList *arrived = relay_window_list(relay->window, RELAY_ARRIVED);
    int64_t ids[NOTE_ROWS];
    size_t n = 0;

    for (const RelayRow *row = arrived->first; row && n < NOTE_ROWS; row = row->next)
        ids[n++] = row->event.id;
    qsort(ids, n, sizeof *ids, by_number);
    PACS_CRASH_POINT("after-ack-before-mark");
    PacsStatus status = pacs_index_mark_sent(relay->index, &fence, ids, n, err);
    for (; status == PACS_OK && n > 0; n--)
        relay_window_remove(relay->window, arrived->first);
    return status;
}

void relay_note_arrived(EventsRelay *relay, uint64_t now_ns)
{
    const RelayList *arrived = relay_window_list(relay->window, RELAY_ARRIVED);
    PacsError err = {0};

    while (arrived->count >= NOTE_ROWS ||
           (arrived->count > 0 && now_ns >= relay->arrived_since_ns + RELAY_NOTE_AFTER_NS)) {
        PacsStatus status = note_some(relay, &err);
        if (status != PACS_OK) {
            relay->arrived_since_ns = now_ns + RELAY_INDEX_PAUSE_NS; /* and then again */
            relay_index_failed(relay, status, &err);
            return;
        }
    }
}
