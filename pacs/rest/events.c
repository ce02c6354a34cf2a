#include <string.h>

#include "events/contract/event_types.h"
#include "pacs/dicom/uid.h"
#include "pacs/index/index_outbox.h"
#include "pacs/rest/rest_private.h"
#include "pacs/util/clock.h"

/* What happened, as it happens; and events that could not be sent. */

#define DEAD_LIMIT 1000

/* ---- GET /events ---- */

/** Where to go on: where the client says it was when its connection ended, else what it asks for. */
static PacsStatus parse_position(const PacsHttpRequest *request, int64_t *ret_after_id, PacsError *err)
{
    const char *last = pacs_http_header(request, "Last-Event-ID");
    uint64_t id = 0;

    if (last && last[0]) {
        if (pacs_parse_u64(pacs_slice(last), INT64_MAX, &id, NULL) != PACS_OK)
            return pacs_fail(err, PACS_INVALID,
                             "Last-Event-ID is to be the id of an event that came from here");
    } else if (pacs_http_query(request, "since")) {
        const PacsStatus status = rest_query_u64(request, "since", INT64_MAX, &id, err);
        if (status != PACS_OK)
            return status;
    } else {
        *ret_after_id = -1;
        return PACS_OK;
    }
    *ret_after_id = (int64_t)id;
    return PACS_OK;
}

static PacsStatus parse_interest(const PacsHttpRequest *request, RestEventInterest *interest, PacsError *err)
{
    const char *type = pacs_http_query(request, "type");

    interest->study_uid = pacs_http_query(request, "study");
    if (interest->study_uid && !pacs_uid_acceptable(pacs_slice(interest->study_uid)))
        return pacs_fail(err, PACS_INVALID, "'study' is to be a Study Instance UID");
    if (type) {
        const EventsType *found = events_type_find(type);
        if (!found)
            found = events_type_find_ce(type);
        if (!found)
            return pacs_fail(err, PACS_INVALID, "'type' is to be a type of event, as study.arrived");
        interest->type = found->name;
    }
    return parse_position(request, &interest->after_id, err);
}

void rest_events(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    RestEventInterest interest = {0};
    PacsHttpFeed *feed = NULL;

    PacsStatus status = parse_interest(request, &interest, &err);
    if (status == PACS_OK)
        status = rest_event_hub_listen(rest->event_hub, &interest, &feed, &err);
    if (status != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_http_reply_header(reply, "Cache-Control", "no-store");
    pacs_http_reply_header(reply, "X-Accel-Buffering", "no"); /* nginx passes on what it has */
    pacs_http_reply_feed(reply, "text/event-stream", feed);
}

/* ---- Events that could not be sent ---- */

static void write_dead(PacsJson *json, const PacsOutboxEvent *event)
{
    char time[32];

    pacs_time_format_rfc3339(event->time_ms, time);
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "id", event->ce_id);
    pacs_json_member_string(json, "type", event->type);
    pacs_json_member_string(json, "key", event->key);
    pacs_json_member_string(json, "lane", event->lane);
    pacs_json_member_u64(json, "revision", event->revision);
    pacs_json_member_string(json, "time", time);
    pacs_json_member_string(json, "reason", event->dead_reason);
    pacs_json_member_i64(json, "position", event->id);
    pacs_json_object_end(json);
}

void rest_dead_events(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    uint64_t since = 0, limit = DEAD_LIMIT;
    PacsOutboxEvent *events = NULL;
    size_t count = 0;
    PacsJson json;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);

    PacsStatus status = rest_query_u64(request, "since", INT64_MAX, &since, &err);
    if (status == PACS_OK)
        status = rest_query_u64(request, "limit", DEAD_LIMIT, &limit, &err);
    if (status == PACS_OK)
        status = pacs_index_list_dead(rest->index, (int64_t)since, limit > 0 ? limit : DEAD_LIMIT,
                                      pacs_http_arena(request), &events, &count, &err);
    if (status != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_init(&json, &body, true);
    pacs_json_array_begin(&json);
    for (size_t i = 0; i < count; i++)
        write_dead(&json, &events[i]);
    pacs_json_array_end(&json);
    rest_reply_json(rest, request, reply, &body);
}

static void reply_settled(const PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                          PacsStatus status, const PacsError *err)
{
    if (status != PACS_OK)
        rest_reply_failure(rest, request, reply, err);
    else
        pacs_http_reply_text(reply, "application/json", "{}");
}

void rest_retry_event(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};

    reply_settled(rest, request, reply,
                  pacs_index_retry_dead(rest->index, pacs_http_capture(request, "ce_id"), &err), &err);
}

void rest_discard_event(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};

    reply_settled(rest, request, reply,
                  pacs_index_discard_dead(rest->index, pacs_http_capture(request, "ce_id"), &err), &err);
}

/** POST /studies/{id}/arrive: whoever knows that nothing more is to come need not wait for StableAge. */
void rest_arrive(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};

    reply_settled(rest, request, reply,
                  pacs_index_arrive(rest->index, pacs_http_capture(request, "id"), "explicit", &err), &err);
}
