#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "workers/loop/sse.h"

/* A stream of server-sent events. The first byte is the size of the pieces it comes in: whatever they are, the events are the
 * same. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX 4096

static void read_all(const char *text, size_t size, size_t piece, PacsBuffer *out)
{
    WorkerSse sse;
    PacsStatus status = PACS_OK;
    worker_sse_init(&sse, MAX);
    for (size_t at = 0; status == PACS_OK && at < size; at += piece) {
        const char *bytes = text + at;
        size_t left = size - at < piece ? size - at : piece;
        bool found = true;
        while (status == PACS_OK && (left > 0 || found)) {
            WorkerSseEvent event;
            status = worker_sse_read(&sse, &bytes, &left, &found, &event, NULL);
            if (status != PACS_OK || !found)
                continue;
            (void)pacs_buffer_add_format(out, "%s|%s|", event.id, event.type);
            (void)pacs_buffer_add(out, event.data.text ? event.data.text : "", event.data.size);
        }
    }
    worker_sse_clear(&sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PACS_AUTO_BUFFER PacsBuffer whole = PACS_BUFFER(1u << 20);
    PACS_AUTO_BUFFER PacsBuffer pieces = PACS_BUFFER(1u << 20);
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    read_all(text, size - 1, size, &whole);
    read_all(text, size - 1, (size_t)data[0] + 1, &pieces);
    if (whole.size != pieces.size || (whole.size > 0 && memcmp(whole.bytes, pieces.bytes, whole.size) != 0))
        abort();
    return 0;
}
