#include "workers/loop/health.h"

#include "pacs/util/limits.h"

#define METRICS_MAX (16u << 20)
#define POOL_THREADS 2 /* probes do not wait for anything */

static void answer_livez(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const WorkerProbes *probes = context;
    WorkerHealth health;
    (void)request;
    worker_loop_health(probes->loop, &health);
    pacs_http_reply_text(reply, "text/plain", health.is_alive ? "ok\n" : "an attempt hangs\n");
    pacs_http_reply_code(reply, health.is_alive ? 200 : 503);
}

static void answer_readyz(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const WorkerProbes *probes = context;
    WorkerHealth health;
    worker_loop_health(probes->loop, &health);
    pacs_http_reply_text(
        reply, "text/plain",
        health.is_ready ? "ok\n" : pacs_arena_printf(pacs_http_arena(request), "%s\n", health.why.text));
    pacs_http_reply_code(reply, health.is_ready ? 200 : 503);
}

static void answer_metrics(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    const WorkerProbes *probes = context;
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(METRICS_MAX);
    PacsError err = {0};
    if (pacs_metrics_format(probes->metrics, &text, &err) != PACS_OK)
        pacs_http_reply_error(request, reply, 500, &err);
    else
        pacs_http_reply_buffer(reply, "text/plain; version=0.0.4; charset=utf-8", &text);
}

#define PROBE(path, function)                                                                                \
    {                                                                                                        \
        .method = PACS_HTTP_GET, .pattern = (path), .handle = (function), .flags = PACS_HTTP_PUBLIC          \
    }

static const PacsHttpRoute routes[] = {
    PROBE("/livez", answer_livez),
    PROBE("/readyz", answer_readyz),
    PROBE("/metrics", answer_metrics),
};

PacsStatus worker_health_open(const WorkerProbes *probes, const char *address, uint16_t port,
                              PacsHttpServer **ret_server, PacsError *err)
{
    const PacsHttpServerOptions options = {.site = {.remote_access_allowed = true},
                                           .addresses = &address,
                                           .address_count = 1,
                                           .port = port,
                                           .io_threads = 1,
                                           .pool_threads = POOL_THREADS};
    const PacsHttpMount mount = {.prefix = "",
                                 .routes = routes,
                                 .route_count = sizeof routes / sizeof routes[0],
                                 .context = (void *)probes}; /* read only */
    PACS_AUTO(PacsHttpServer) server = NULL;
    PacsStatus status = pacs_http_server_open(&options, &server, err);
    if (status == PACS_OK)
        status = pacs_http_server_mount(server, &mount, err);
    if (status == PACS_OK)
        status = pacs_http_server_start(server, err);
    if (status == PACS_OK)
        *ret_server = PACS_STEAL(server);
    return status;
}
