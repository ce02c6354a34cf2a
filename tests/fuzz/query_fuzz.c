#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/http/http_memory.h"
#include "pacs/http/query.h"
#include "pacs/http/router.h"
#include "pacs/util/log.h"

/* A request target: split, decoded, routed, and echoed by a handler, as it would be from the wire. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsBuffer all;
    pacs_buffer_init(&all, 1u << 20);

    (void)context;
    (void)pacs_buffer_add_text(&all, pacs_http_capture(request, "rest"));
    for (size_t i = 0; i < pacs_http_query_count(request); i++) {
        PacsHttpPair pair = pacs_http_query_at(request, i);
        if (!pacs_http_query(request, pair.name))
            abort(); /* what is listed can be found */
        (void)pacs_buffer_add_format(&all, "\n%s=%s", pair.name, pair.value);
    }
    pacs_http_reply_buffer(reply, "text/plain", &all);
}

static const PacsHttpRoute routes[] = {
    {.method = PACS_HTTP_GET, .pattern = "/a/{id}/{*rest}", .handle = echo},
    {.method = PACS_HTTP_PUT, .pattern = "/{*rest}", .handle = echo},
};

static PacsHttpMemory *server(void)
{
    static PacsHttpMemory *memory; /* one for all inputs: it holds no state of a request */
    const PacsHttpMount mount = {.prefix = "", .routes = routes, .route_count = 2};
    const PacsHttpSiteOptions options = {.remote_access_allowed = true};

    if (!memory && pacs_http_memory_new(&options, &mount, 1, &memory, NULL) != PACS_OK)
        abort();
    pacs_log_setup(PACS_LOG_ERROR, PACS_LOG_AS_TEXT, 2);
    return memory;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PacsHttpAnswer answer;
    char *target = strndup((const char *)data,
                           size); /* from the wire it comes without a NUL, and ends with one */

    if (!target)
        return 0;
    PacsHttpAsk ask = {.target = target};
    uint32_t code = pacs_http_perform(server(), &ask, &answer);
    if (code != 200 && code != 400 && code != 404 && code != 405 && code != 413)
        abort();
    pacs_http_answer_clear(&answer);
    free(target);
    return 0;
}
