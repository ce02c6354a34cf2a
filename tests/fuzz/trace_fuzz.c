#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/util/trace.h"

/* The text of a traceparent header. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PacsTrace trace, again;
    char text[PACS_TRACEPARENT_SIZE];
    char *exact = malloc(size ? size : 1); /* so that a read behind the end shows */

    if (!exact)
        return 0;
    if (size > 0)
        memcpy(exact, data, size);
    if (pacs_trace_parse((PacsSlice){exact, size}, &trace)) {
        pacs_trace_format(&trace, text);
        if (!pacs_trace_parse(pacs_slice(text), &again) || memcmp(&trace, &again, sizeof trace) != 0)
            abort(); /* what we write we read */
    }
    free(exact);
    return 0;
}
