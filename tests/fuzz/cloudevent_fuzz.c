#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "events/contract/cloudevent.h"
#include "pacs/util/limits.h"

/* A record: lines "name: value" up to an empty line, then its value. What is understood has to survive being written as
 * headers and read again. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADERS_MAX (PACS_MAX_CLOUD_EVENT_HEADERS + 2)

typedef struct Record {
    EventsHeader headers[HEADERS_MAX];
    size_t count;
    PacsSlice value;
} Record;

static void add_header(Record *record, char *line, size_t size)
{
    char *colon = memchr(line, ':', size);
    if (!colon || record->count == HEADERS_MAX)
        return;
    *colon = '\0';
    const char *value = colon + 1 < line + size && colon[1] == ' ' ? colon + 2 : colon + 1;
    record->headers[record->count++] = (EventsHeader){
        line, {value < line + size ? value : "", (size_t)(line + size - value)}};
}

static void split(char *text, size_t size, Record *record)
{
    char *at = text;
    char *end = text + size;
    while (at < end && *at != '\n') {
        char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            break;
        add_header(record, at, (size_t)(line_end - at));
        at = line_end + 1;
    }
    at += at < end && *at == '\n';
    record->value = (PacsSlice){at, (size_t)(end - at)};
}

static void require_same(const char *a, const char *b)
{
    if ((a == NULL) != (b == NULL) || (a && strcmp(a, b) != 0))
        abort();
}

static void read_back(const EventsCloudEvent *event, PacsArena *arena)
{
    EventsHeader headers[EVENTS_HEADERS_MAX];
    EventsCloudEvent again = {0};
    const size_t count = events_cloudevent_format_binary(event, headers);
    if (event->datacontenttype && strncasecmp(event->datacontenttype, "application/cloudevents", 23) == 0)
        return; /* it would be read as the structured form */
    if (events_cloudevent_parse(headers, count, event->data, arena, &again, NULL) != PACS_OK)
        abort();
    require_same(event->id, again.id);
    require_same(event->source, again.source);
    require_same(event->type, again.type);
    require_same(event->subject, again.subject);
    require_same(event->time, again.time);
    require_same(event->sequence, again.sequence);
    require_same(event->traceparent, again.traceparent);
    if (event->data.size != again.data.size || event->data.text != again.data.text)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size > 0 ? size : 1);
    PacsArena *arena = pacs_arena_new((size_t)8 * PACS_MAX_CLOUD_EVENT);
    Record record = {.count = 0};
    EventsCloudEvent event = {0};
    PacsError err = {0};
    if (!text || !arena)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    split(text, size, &record);
    const PacsStatus status = events_cloudevent_parse(record.headers, record.count, record.value, arena,
                                                      &event, &err);
    if (status != err.status || (status != PACS_OK) != (event.id == NULL) || status == PACS_CORRUPT)
        abort();
    if (status == PACS_OK)
        read_back(&event, arena);
    pacs_arena_free(arena);
    free(text);
    return 0;
}
