#include "pacs/rest/rest_private.h"

/** Alive: this thread answers. Asks neither disk nor index, so that a slow disk does not get the process
 * killed. */
void rest_livez(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    (void)context;
    (void)request;
    pacs_http_reply_text(reply, "text/plain", "ok\n");
}

void rest_readyz(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};

    PacsStatus status = PACS_OK;
    if (atomic_load(&rest->draining))
        status = pacs_fail(&err, PACS_UNAVAILABLE, "shutting down");
    if (status == PACS_OK)
        status = pacs_index_check(rest->index, &err);
    if (status == PACS_OK && !rest->options.read_only)
        status = pacs_store_check(rest->store, &err);
    if (status == PACS_OK) {
        pacs_http_reply_text(reply, "text/plain", "ready\n");
        return;
    }
    pacs_http_reply_code(reply, 503);
    pacs_http_reply_text(reply, "text/plain", pacs_arena_printf(pacs_http_arena(request), "%s\n", err.text));
}

void rest_metrics(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(REST_MAX_ANSWER);

    if (pacs_metrics_format(rest->metrics, &text, &err) != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
    else
        pacs_http_reply_buffer(reply, "text/plain; version=0.0.4; charset=utf-8", &text);
}
