#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/http/range.h"

/* Eight bytes of a body's size, then the text of a Range, If-None-Match and Accept-Encoding header. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t total, offset = 0, length = 0;

    if (size < sizeof total)
        return 0;
    memcpy(&total, data, sizeof total);
    char *header = strndup((const char *)data + sizeof total, size - sizeof total);
    if (!header)
        return 0;
    if (pacs_http_range_parse(header, total, &offset, &length) == PACS_HTTP_RANGE_PART &&
        (length == 0 || offset >= total || length > total - offset))
        abort(); /* a part lies within the body */
    bool named = pacs_http_if_none_match(header, "\"tag\"");
    if (named && !strstr(header, "\"tag\"") && !strchr(header, '*'))
        abort();
    if (pacs_http_if_range_matches(header, "\"tag\"") && strcmp(header, "\"tag\"") != 0)
        abort();
    (void)pacs_http_coding_accepted(header, "gzip"); /* any answer will do: it must come */
    free(header);
    return 0;
}
