#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "events/contract/cloudevent.h"
#include "events/contract/cloudevent_attributes.h"
#include "pacs/util/json_items.h"
#include "pacs/util/json_read.h"
#include "pacs/util/limits.h"

static const EventsAttribute *find_attribute(PacsSlice name, bool is_header)
{
    for (size_t i = 0; i < EVENTS_ATTRIBUTE_COUNT; i++) {
        const EventsAttribute *attribute = &events_attributes[i];
        const bool is_content_type = is_header && strcmp(attribute->header, "content-type") == 0;
        if (is_content_type ? pacs_slice_equal_case(name, attribute->header)
                            : pacs_slice_equal(name, is_header ? attribute->header : attribute->name))
            return attribute;
    }
    return NULL;
}

/* ---- values ---- */

/** Source: CloudEvents 1.0.2, 3.1: strings hold no control characters (C0, DEL, C1) and nothing that is no Unicode. */
static bool is_attribute_text(PacsSlice text)
{
    while (text.size > 0) {
        uint32_t code = 0;
        const size_t size = pacs_utf8_next(text.text, text.size, &code);
        if (size == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0))
            return false;
        text = (PacsSlice){text.text + size, text.size - size};
    }
    return true;
}

/** True if `text` begins as `shape` says: 0 is any digit, other characters are themselves (T also t). */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; shape++, text++) {
        const bool fits = *shape == '0' ? *text >= '0' && *text <= '9'
                                        : toupper((unsigned char)*text) == *shape;
        if (!fits)
            return false;
    }
    return true;
}

/** Source: RFC 3339 5.6, date-time. */
static bool is_time(const char *text)
{
    if (!has_shape(text, "0000-00-00T00:00:00"))
        return false;
    text += strlen("0000-00-00T00:00:00");
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (text[0] == 'Z' || text[0] == 'z')
        return text[1] == '\0';
    return (text[0] == '+' || text[0] == '-') && has_shape(text + 1, "00:00") && text[6] == '\0';
}

static PacsStatus set_attribute(EventsCloudEvent *event, const EventsAttribute *attribute, PacsSlice value,
                                PacsArena *arena, PacsError *err)
{
    const char **member = events_attribute_of(event, attribute);
    if (*member)
        return pacs_fail(err, PACS_INVALID, "the event has %s twice", attribute->name);
    if (value.size > PACS_MAX_CLOUD_EVENT_ATTRIBUTE)
        return pacs_fail(err, PACS_TOO_LARGE, "the event's %s has %zu bytes: %d at most", attribute->name,
                         value.size, PACS_MAX_CLOUD_EVENT_ATTRIBUTE);
    if (!is_attribute_text(value))
        return pacs_fail(err, PACS_INVALID, "the event's %s is not text (UTF-8 without control characters)",
                         attribute->name);
    *member = pacs_arena_strndup(arena, value.size > 0 ? value.text : "", value.size);
    return *member ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
}

static PacsStatus check_version(PacsSlice version, PacsError *err)
{
    if (!version.text)
        return pacs_fail(err, PACS_INVALID, "no specversion: this is no CloudEvent");
    if (!pacs_slice_equal(version, "1.0"))
        return pacs_fail(err, PACS_UNSUPPORTED, "the event's specversion is not 1.0");
    return PACS_OK;
}

static PacsStatus check_event(const EventsCloudEvent *event, PacsError *err)
{
    const char *missing = !event->id || !event->id[0]           ? "id"
                          : !event->source || !event->source[0] ? "source"
                          : !event->type || !event->type[0]     ? "type"
                                                                : NULL;
    if (missing)
        return pacs_fail(err, PACS_INVALID, "the event has no %s", missing);
    if (event->time && !is_time(event->time))
        return pacs_fail(err, PACS_INVALID,
                         "the event's time is not written as 2026-11-21T06:47:00Z (RFC 3339)");
    if (event->data.size > PACS_MAX_CLOUD_EVENT)
        return pacs_fail(err, PACS_TOO_LARGE, "the event's data has %zu bytes: %u at most", event->data.size,
                         PACS_MAX_CLOUD_EVENT);
    return PACS_OK;
}

/* ---- structured ---- */

typedef struct Document {
    PacsArena *arena;
    EventsCloudEvent event;
    PacsSlice version;     /* text NULL until it was there */
    PacsSlice data;        /* of "data", raw */
    PacsJsonToken data_as; /* what it begins with */
    PacsSlice base64;
} Document;

/** An escaped string's text, in the arena. */
static PacsStatus unescape(const Document *document, PacsSlice escaped, PacsSlice *ret_text, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_CLOUD_EVENT);
    const PacsStatus status = pacs_json_unescape(escaped, &text, err);
    if (status != PACS_OK)
        return pacs_fail(err, PACS_INVALID, "the event has a string with a broken escape");
    const char *copy = pacs_arena_strndup(document->arena, pacs_buffer_text(&text), text.size);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    *ret_text = (PacsSlice){copy, text.size};
    return PACS_OK;
}

static PacsStatus take_data(Document *document, PacsJsonReader *reader, PacsError *err)
{
    if (document->data.text)
        return pacs_fail(err, PACS_INVALID, "the event has data twice");
    const char *start = reader->at + strspn(reader->at, " \t\r\n:");
    PacsJsonReader first = *reader;
    PacsSlice ignored;
    PacsStatus status = pacs_json_next(&first, &document->data_as, &ignored, err);
    if (status == PACS_OK)
        status = pacs_json_skip(reader, err);
    document->data = (PacsSlice){start, (size_t)(reader->at - start)};
    return status;
}

/** A string, or a number or truth value as it is written; nothing for null. */
static PacsStatus take_text(Document *document, PacsJsonReader *reader, PacsSlice name, PacsSlice *ret_text,
                            PacsError *err)
{
    PacsJsonToken token;
    PacsSlice text;
    PacsStatus status = pacs_json_next(reader, &token, &text, err);
    if (status != PACS_OK)
        return status;
    switch (token) {
    case PACS_JSON_STRING:
        return unescape(document, text, ret_text, err);
    case PACS_JSON_NUMBER:
        *ret_text = text;
        return PACS_OK;
    case PACS_JSON_TRUE:
    case PACS_JSON_FALSE:
        *ret_text = pacs_slice(token == PACS_JSON_TRUE ? "true" : "false");
        return PACS_OK;
    case PACS_JSON_NULL:
        return PACS_OK;
    default:
        return pacs_fail(err, PACS_INVALID, "the event's %.*s is not a string", (int)name.size, name.text);
    }
}

static PacsStatus take_member(Document *document, PacsJsonReader *reader, PacsSlice name, PacsError *err)
{
    const EventsAttribute *attribute = find_attribute(name, false);
    const bool is_version = pacs_slice_equal(name, "specversion");
    const bool is_base64 = pacs_slice_equal(name, "data_base64");
    if (pacs_slice_equal(name, "data"))
        return take_data(document, reader, err);
    if (!attribute && !is_version && !is_base64)
        return pacs_json_skip(reader, err);

    PacsSlice text = {NULL, 0};
    const PacsStatus status = take_text(document, reader, name, &text, err);
    if (status != PACS_OK || !text.text)
        return status;
    if (attribute)
        return set_attribute(&document->event, attribute, text, document->arena, err);
    PacsSlice *member = is_version ? &document->version : &document->base64;
    if (member->text)
        return pacs_fail(err, PACS_INVALID, "the event has %.*s twice", (int)name.size, name.text);
    *member = text;
    return PACS_OK;
}

static PacsStatus decode_base64(Document *document, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer bytes = PACS_BUFFER(PACS_MAX_CLOUD_EVENT);
    if (pacs_base64_parse(document->base64, &bytes, NULL) != PACS_OK)
        return pacs_fail(err, PACS_INVALID, "the event's data_base64 is not base64");
    const char *copy = pacs_arena_strndup(document->arena, pacs_buffer_text(&bytes), bytes.size);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for an event");
    document->event.data = (PacsSlice){copy, bytes.size};
    return PACS_OK;
}

/** Which of the two members the data is, and in which form it stands there. Source: CloudEvents JSON format 3.1.1. */
static PacsStatus settle_data(Document *document, PacsError *err)
{
    if (document->data.text && document->base64.text)
        return pacs_fail(err, PACS_INVALID, "the event has data and data_base64: one of them is expected");
    if (document->base64.text)
        return decode_base64(document, err);
    if (!document->data.text)
        return PACS_OK;
    if (events_content_type_is_json(document->event.datacontenttype)) {
        document->event.data = document->data;
        return PACS_OK;
    }
    if (document->data_as != PACS_JSON_STRING)
        return pacs_fail(err, PACS_INVALID,
                         "the event's data is not a string, as its datacontenttype demands");
    const PacsSlice inside = {document->data.text + 1, document->data.size - 2}; /* its quotes */
    return unescape(document, inside, &document->event.data, err);
}

static PacsStatus take_document(void *context, PacsSlice object, PacsError *err)
{
    (void)context;
    (void)object;
    (void)err;
    return PACS_OK;
}

/** Every byte held against the grammar, so that what walks over the text afterwards may trust it. */
static PacsStatus check_json(PacsSlice json, PacsError *err)
{
    if (json.size > PACS_MAX_CLOUD_EVENT)
        return pacs_fail(err, PACS_TOO_LARGE, "the event has %zu bytes: %u at most", json.size,
                         PACS_MAX_CLOUD_EVENT);
    if (!pacs_utf8_valid(json.text, json.size))
        return pacs_fail(err, PACS_INVALID, "the event is not UTF-8");
    PACS_AUTO(PacsJsonItems) items = NULL;
    PacsStatus status = pacs_json_items_new(PACS_MAX_CLOUD_EVENT, take_document, NULL, &items, err);
    if (status == PACS_OK && json.size > 0)
        status = pacs_json_items_feed(items, (const uint8_t *)json.text, json.size, err);
    return status == PACS_OK ? pacs_json_items_finish(items, err) : status;
}

PacsStatus events_cloudevent_parse_structured(PacsSlice json, PacsArena *arena, EventsCloudEvent *ret_event,
                                              PacsError *err)
{
    Document document = {.arena = arena};
    PacsJsonReader reader = pacs_json_reader(json.text, json.size);
    PacsJsonToken token = PACS_JSON_END;
    PacsSlice name;
    PacsStatus status = check_json(json, err);
    if (status == PACS_OK)
        status = pacs_json_next(&reader, &token, &name, err);
    if (status == PACS_OK && token != PACS_JSON_OBJECT_BEGIN)
        return pacs_fail(err, PACS_INVALID, "the event is not one JSON object");
    while (status == PACS_OK) {
        status = pacs_json_next(&reader, &token, &name, err);
        if (status != PACS_OK || token != PACS_JSON_KEY)
            break;
        status = take_member(&document, &reader, name, err);
    }
    if (status == PACS_OK)
        status = check_version(document.version, err);
    if (status == PACS_OK)
        status = settle_data(&document, err);
    if (status == PACS_OK)
        status = check_event(&document.event, err);
    if (status == PACS_OK)
        *ret_event = document.event;
    return status;
}

/* ---- binary ---- */

static PacsStatus parse_binary(const EventsHeader *headers, size_t count, PacsSlice value, PacsArena *arena,
                               EventsCloudEvent *ret_event, PacsError *err)
{
    EventsCloudEvent event = {.data = value};
    PacsSlice version = {NULL, 0};
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        const PacsSlice name = pacs_slice(headers[i].name);
        const EventsAttribute *attribute = find_attribute(name, true);
        if (pacs_slice_equal(name, "ce_specversion"))
            version = headers[i].value.text ? headers[i].value : pacs_slice("");
        else if (attribute && headers[i].value.text)
            status = set_attribute(&event, attribute, headers[i].value, arena, err);
    }
    if (status == PACS_OK)
        status = check_version(version, err);
    if (status == PACS_OK)
        status = check_event(&event, err);
    if (status == PACS_OK)
        *ret_event = event;
    return status;
}

/* ---- either ---- */

static PacsSlice find_header(const EventsHeader *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (pacs_slice_equal_case(pacs_slice(headers[i].name), name) && headers[i].value.text)
            return headers[i].value;
    return (PacsSlice){NULL, 0};
}

static bool begins_with(PacsSlice text, const char *prefix)
{
    const size_t size = strlen(prefix);
    return text.size >= size && pacs_slice_equal_case((PacsSlice){text.text, size}, prefix);
}

/** What tracing libraries put beside the event stands in where the event itself has none. */
static PacsStatus take_trace(const EventsHeader *headers, size_t count, PacsArena *arena,
                             EventsCloudEvent *event, PacsError *err)
{
    static const char *const names[] = {"traceparent", "tracestate"};
    if (event->traceparent)
        return PACS_OK;
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < 2; i++) {
        const PacsSlice value = find_header(headers, count, names[i]);
        const EventsAttribute *attribute = find_attribute(pacs_slice(names[i]), false);
        if (value.text && !*events_attribute_of(event, attribute))
            status = set_attribute(event, attribute, value, arena, err);
    }
    return status;
}

static PacsStatus parse_form(const EventsHeader *headers, size_t count, PacsSlice value, PacsArena *arena,
                             EventsCloudEvent *ret_event, PacsError *err)
{
    const PacsSlice type = find_header(headers, count, "content-type");
    if (!begins_with(type, "application/cloudevents"))
        return parse_binary(headers, count, value, arena, ret_event, err);
    const char *semicolon = memchr(type.text, ';', type.size);
    const size_t size = semicolon ? (size_t)(semicolon - type.text) : type.size;
    if (!pacs_slice_equal_case(pacs_slice_trim((PacsSlice){type.text, size}), "application/cloudevents+json"))
        return pacs_fail(err, PACS_UNSUPPORTED, "the event's form is not application/cloudevents+json");
    return events_cloudevent_parse_structured(value.text ? value : pacs_slice(""), arena, ret_event, err);
}

PacsStatus events_cloudevent_parse(const EventsHeader *headers, size_t header_count, PacsSlice value,
                                   PacsArena *arena, EventsCloudEvent *ret_event, PacsError *err)
{
    if (header_count > PACS_MAX_CLOUD_EVENT_HEADERS)
        return pacs_fail(err, PACS_TOO_LARGE, "the event has %zu headers: %d at most", header_count,
                         PACS_MAX_CLOUD_EVENT_HEADERS);
    EventsCloudEvent event = {0};
    PacsStatus status = parse_form(headers, header_count, value, arena, &event, err);
    if (status == PACS_OK)
        status = take_trace(headers, header_count, arena, &event, err);
    if (status == PACS_OK)
        *ret_event = event;
    return status;
}
