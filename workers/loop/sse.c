#include "workers/loop/sse.h"

#include <string.h>

#include "pacs/util/text.h"

#define ID_MAX 256 /* an id of ours is a number */

void worker_sse_init(WorkerSse *sse, size_t max_bytes)
{
    *sse = (WorkerSse){0};
    pacs_buffer_init(&sse->line, max_bytes);
    pacs_buffer_init(&sse->data, max_bytes);
    pacs_buffer_init(&sse->id, ID_MAX);
    pacs_buffer_init(&sse->type, ID_MAX);
}

void worker_sse_clear(WorkerSse *sse)
{
    pacs_buffer_clear(&sse->line);
    pacs_buffer_clear(&sse->data);
    pacs_buffer_clear(&sse->id);
    pacs_buffer_clear(&sse->type);
}

static void begin_event(WorkerSse *sse)
{
    pacs_buffer_reset(&sse->data);
    pacs_buffer_reset(&sse->type);
    sse->has_data = false;
}

void worker_sse_reset(WorkerSse *sse)
{
    begin_event(sse);
    pacs_buffer_reset(&sse->line);
    pacs_buffer_reset(&sse->id);
    sse->was_cr = false;
    sse->is_begun = false;
}

static PacsStatus replace(PacsBuffer *buffer, PacsSlice value, PacsError *err)
{
    pacs_buffer_reset(buffer);
    (void)pacs_buffer_add(buffer, value.text, value.size);
    return pacs_buffer_check(buffer, err);
}

static PacsStatus add_data(WorkerSse *sse, PacsSlice value, PacsError *err)
{
    if (sse->has_data)
        (void)pacs_buffer_add_char(&sse->data, '\n');
    (void)pacs_buffer_add(&sse->data, value.text, value.size);
    sse->has_data = true;
    return pacs_buffer_check(&sse->data, err);
}

static PacsStatus take_field(WorkerSse *sse, PacsSlice line, PacsError *err)
{
    const char *colon = memchr(line.text, ':', line.size);
    const PacsSlice name = {line.text, colon ? (size_t)(colon - line.text) : line.size};
    PacsSlice value = {"", 0};
    if (colon) {
        const size_t skipped = name.size + 1 + (name.size + 1 < line.size && colon[1] == ' ');
        value = (PacsSlice){line.text + skipped, line.size - skipped};
    }
    if (pacs_slice_equal(name, "data"))
        return add_data(sse, value, err);
    if (pacs_slice_equal(name, "event"))
        return replace(&sse->type, value, err);
    if (pacs_slice_equal(name, "id") && !memchr(value.text, 0, value.size))
        return replace(&sse->id, value, err);
    return PACS_OK; /* retry, comments, what is not known yet */
}

/** The line without the byte order mark that a stream may begin with. */
static PacsSlice line_of(WorkerSse *sse)
{
    PacsSlice line = {pacs_buffer_text(&sse->line), sse->line.size};
    if (!sse->is_begun && line.size >= 3 && memcmp(line.text, "\xef\xbb\xbf", 3) == 0)
        line = (PacsSlice){line.text + 3, line.size - 3};
    sse->is_begun = true;
    return line;
}

static PacsStatus end_line(WorkerSse *sse, bool *ret_found, PacsError *err)
{
    const PacsSlice line = line_of(sse);
    *ret_found = line.size == 0;
    const PacsStatus status = line.size > 0 ? take_field(sse, line, err) : PACS_OK;
    pacs_buffer_reset(&sse->line);
    return status;
}

static WorkerSseEvent event_of(const WorkerSse *sse)
{
    return (WorkerSseEvent){.id = pacs_buffer_text(&sse->id),
                            .type = pacs_buffer_text(&sse->type),
                            .data = sse->has_data ? (PacsSlice){pacs_buffer_text(&sse->data), sse->data.size}
                                                  : (PacsSlice){0}};
}

/** Where the line ends: at a carriage return, a line feed, or both in this order. */
static size_t line_size(const char *bytes, size_t size)
{
    const char *feed = memchr(bytes, '\n', size);
    const size_t before_feed = feed ? (size_t)(feed - bytes) : size;
    const char *cr = memchr(bytes, '\r', before_feed);
    return cr ? (size_t)(cr - bytes) : before_feed;
}

PacsStatus worker_sse_read(WorkerSse *sse, const char **bytes, size_t *size, bool *ret_found,
                           WorkerSseEvent *ret_event, PacsError *err)
{
    PacsStatus status = PACS_OK;
    *ret_found = false;
    if (sse->is_complete) {
        begin_event(sse);
        sse->is_complete = false;
    }
    while (status == PACS_OK && *size > 0 && !*ret_found) {
        if (sse->was_cr && **bytes == '\n') {
            (*bytes)++, (*size)--;
            sse->was_cr = false;
            continue;
        }
        sse->was_cr = false;
        const size_t taken = line_size(*bytes, *size);
        (void)pacs_buffer_add(&sse->line, *bytes, taken);
        status = pacs_buffer_check(&sse->line, err);
        if (status != PACS_OK || taken == *size) {
            *bytes += taken, *size -= taken;
            continue;
        }
        sse->was_cr = (*bytes)[taken] == '\r';
        *bytes += taken + 1, *size -= taken + 1;
        status = end_line(sse, ret_found, err);
    }
    if (status == PACS_OK && *ret_found) {
        *ret_event = event_of(sse);
        sse->is_complete = true;
    }
    return status;
}
