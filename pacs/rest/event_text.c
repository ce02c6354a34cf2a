#include "pacs/rest/event_text.h"

#include <inttypes.h>

#include "pacs/util/json.h"
#include "pacs/util/limits.h"

#define RETRY_MS 3000 /* a restart takes about as long */

/** A line each: a line break inside would end the field. */
static void add_data(PacsBuffer *out, const PacsBuffer *text)
{
    PacsSlice rest = {pacs_buffer_text(text), text->size};
    PacsSlice line;

    while (pacs_slice_split(&rest, '\n', &line)) {
        pacs_buffer_add_text(out, "data: ");
        pacs_buffer_add(out, line.text, line.size);
        pacs_buffer_add_char(out, '\n');
    }
}

PacsStatus rest_event_text(const EventsComposeOptions *options, const PacsOutboxEvent *event,
                           PacsArena *arena, PacsBuffer *out, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer json = PACS_BUFFER((size_t)2 * PACS_MAX_CLOUD_EVENT);
    const EventsFacts facts = {.ce_id = event->ce_id,
                               .type = event->type,
                               .key = event->key,
                               .lane = event->lane,
                               .traceparent = event->traceparent,
                               .data = event->data,
                               .revision = event->revision,
                               .time_ms = event->time_ms};
    EventsCloudEvent cloud;

    PacsStatus status = events_compose(options, &facts, arena, &cloud, err);
    if (status == PACS_OK)
        status = events_cloudevent_format_structured(&cloud, &json, err);
    if (status != PACS_OK)
        return status;
    pacs_buffer_add_format(out, "id: %" PRId64 "\nevent: %s\n", event->id, cloud.type);
    add_data(out, &json);
    pacs_buffer_add_char(out, '\n');
    return pacs_buffer_check(out, err);
}

void rest_event_text_begin(PacsBuffer *out, int64_t position)
{
    pacs_buffer_add_format(out, "retry: %d\nid: %" PRId64 "\n\n", RETRY_MS, position);
}

void rest_event_text_heartbeat(PacsBuffer *out, int64_t position)
{
    pacs_buffer_add_format(out, ":\nid: %" PRId64 "\n\n", position);
}

void rest_event_text_reset(PacsBuffer *out, int64_t asked, int64_t position)
{
    pacs_buffer_add_format(
        out, "id: %" PRId64 "\nevent: reset\ndata: {\"asked\":%" PRId64 ",\"position\":%" PRId64 "}\n\n",
        position, asked, position);
}
