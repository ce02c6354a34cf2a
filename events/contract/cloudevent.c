#include "events/contract/cloudevent.h"

#include <string.h>
#include <strings.h>

#include "events/contract/cloudevent_attributes.h"
#include "pacs/util/json.h"

#define ATTRIBUTE(member)                                                                                    \
    {                                                                                                        \
        .header = "ce_" #member, .name = #member, .offset = offsetof(EventsCloudEvent, member)               \
    }

const EventsAttribute events_attributes[EVENTS_ATTRIBUTE_COUNT] = {
    ATTRIBUTE(id),
    ATTRIBUTE(source),
    ATTRIBUTE(type),
    ATTRIBUTE(subject),
    ATTRIBUTE(time),
    ATTRIBUTE(dataschema),
    {.header = "content-type",
     .name = "datacontenttype",
     .offset = offsetof(EventsCloudEvent, datacontenttype)},
    ATTRIBUTE(partitionkey),
    ATTRIBUTE(sequence),
    ATTRIBUTE(lane),
    ATTRIBUTE(correlationid),
    ATTRIBUTE(causationid),
    ATTRIBUTE(dataclassification),
    ATTRIBUTE(dataregulation),
    ATTRIBUTE(datacategory),
    ATTRIBUTE(dataref),
    ATTRIBUTE(traceparent),
    ATTRIBUTE(tracestate),
};

static const char *value_of(const EventsCloudEvent *event, const EventsAttribute *attribute)
{
    return *(const char *const *)(const void *)((const char *)event + attribute->offset);
}

static void add_header(EventsHeader *headers, size_t *count, const char *name, const char *value)
{
    if (value)
        headers[(*count)++] = (EventsHeader){name, pacs_slice(value)};
}

size_t events_cloudevent_format_binary(const EventsCloudEvent *event,
                                       EventsHeader ret_headers[EVENTS_HEADERS_MAX])
{
    size_t count = 0;
    add_header(ret_headers, &count, "ce_specversion", "1.0");
    for (size_t i = 0; i < EVENTS_ATTRIBUTE_COUNT; i++)
        add_header(ret_headers, &count, events_attributes[i].header, value_of(event, &events_attributes[i]));
    add_header(ret_headers, &count, "traceparent", event->traceparent);
    add_header(ret_headers, &count, "tracestate", event->tracestate);
    return count;
}

bool events_content_type_is_json(const char *content_type)
{
    if (!content_type)
        return true;
    const PacsSlice type = pacs_slice_trim(
        (PacsSlice){content_type, strcspn(content_type, ";")}); /* without its parameters */
    return pacs_slice_equal_case(type, "application/json") || pacs_slice_equal_case(type, "text/json") ||
           (type.size > 5 && strncasecmp(type.text + type.size - 5, "+json", 5) == 0);
}

static void write_data(const EventsCloudEvent *event, PacsJson *json, PacsBuffer *out)
{
    if (events_content_type_is_json(event->datacontenttype)) {
        pacs_json_key(json, "data");
        pacs_json_raw(json, event->data.text, event->data.size);
        return;
    }
    pacs_json_key(json, "data_base64");
    pacs_json_raw(json, "\"", 1);
    pacs_base64_format(out, event->data.text, event->data.size);
    pacs_buffer_add_char(out, '"');
}

PacsStatus events_cloudevent_format_structured(const EventsCloudEvent *event, PacsBuffer *out, PacsError *err)
{
    PacsJson json;
    pacs_json_init(&json, out, false);
    pacs_json_object_begin(&json);
    pacs_json_member_string(&json, "specversion", "1.0");
    for (size_t i = 0; i < EVENTS_ATTRIBUTE_COUNT; i++) {
        const char *value = value_of(event, &events_attributes[i]);
        if (value)
            pacs_json_member_string(&json, events_attributes[i].name, value);
    }
    if (event->data.text)
        write_data(event, &json, out);
    pacs_json_object_end(&json);
    return pacs_buffer_check(out, err);
}

PacsStatus events_cloudevent_revision(const EventsCloudEvent *event, uint64_t *ret_revision, PacsError *err)
{
    if (!event->sequence || pacs_parse_u64(pacs_slice(event->sequence), UINT64_MAX, ret_revision, NULL))
        return pacs_fail(err, PACS_INVALID, "the event's sequence is no decimal number");
    return PACS_OK;
}
