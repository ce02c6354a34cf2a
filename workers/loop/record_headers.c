#include "workers/loop/record_headers.h"

#include <string.h>

#define NO_VALUE UINT32_MAX

PacsStatus worker_headers_format(const WorkerRecord *record, PacsBuffer *out, PacsError *err)
{
    for (size_t i = 0; i < record->header_count; i++) {
        const EventsHeader *header = &record->headers[i];
        const uint32_t size = header->value.text ? (uint32_t)header->value.size : NO_VALUE;
        const uint8_t length[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16),
                                   (uint8_t)(size >> 24)};
        (void)pacs_buffer_add(out, header->name, strlen(header->name) + 1);
        (void)pacs_buffer_add(out, length, sizeof length);
        if (header->value.text)
            (void)pacs_buffer_add(out, header->value.text, header->value.size);
    }
    return pacs_buffer_check(out, err);
}

/** The next header, or false at the end and for what is none. */
static bool next_header(const uint8_t **at, const uint8_t *end, EventsHeader *ret_header)
{
    const uint8_t *nul = memchr(*at, 0, (size_t)(end - *at));
    if (!nul || end - nul - 1 < 4)
        return false;
    const uint8_t *length = nul + 1;
    const uint32_t size = (uint32_t)length[0] | ((uint32_t)length[1] << 8) | ((uint32_t)length[2] << 16) |
                          ((uint32_t)length[3] << 24);
    const uint8_t *value = length + 4;
    if (size != NO_VALUE && (size_t)(end - value) < size)
        return false;
    ret_header->name = (const char *)*at;
    ret_header->value = size == NO_VALUE ? (PacsSlice){0} : (PacsSlice){(const char *)value, size};
    *at = value + (size == NO_VALUE ? 0 : size);
    return true;
}

static size_t count_headers(const uint8_t *at, const uint8_t *end)
{
    EventsHeader header;
    size_t count = 0;
    while (at < end && next_header(&at, end, &header))
        count++;
    return count;
}

PacsStatus worker_headers_parse(const uint8_t *bytes, size_t size, PacsArena *arena, WorkerRecord *record,
                                PacsError *err)
{
    const uint8_t *at = bytes;
    const size_t count = size ? count_headers(bytes, bytes + size) : 0;
    EventsHeader *headers = pacs_arena_array(arena, count + 1, sizeof *headers);
    if (!headers)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the headers of a record");
    for (size_t i = 0; i < count; i++)
        (void)next_header(&at, bytes + size, &headers[i]); /* as when they were counted */
    if (size && at != bytes + size)
        return pacs_fail(err, PACS_CORRUPT, "the headers of a kept record cannot be read");
    record->headers = headers;
    record->header_count = count;
    return PACS_OK;
}
