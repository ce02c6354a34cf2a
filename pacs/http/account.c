#include <stdio.h>

#include "pacs/http/exchange.h"
#include "pacs/util/clock.h"
#include "pacs/util/log.h"

/**
 * One log record and the counters of each request. The path and the query stay out of both: they may hold a
 * patient's name or number. The route's pattern says what was asked; the request id ties it to the client's
 * log.
 */

static const char *route_of(const PacsHttpExchange *exchange)
{
    const PacsHttpRoute *route = exchange->request.match.route;

    return route ? route->pattern : "none";
}

/* A method we do not know could be anything, so it is no label. */
static const char *method_of(const PacsHttpExchange *exchange)
{
    return exchange->request.method == PACS_HTTP_METHOD_COUNT ? "other" : exchange->request.method_name;
}

static PacsLogLevel level_of(const PacsHttpExchange *exchange)
{
    const PacsHttpRoute *route = exchange->request.match.route;

    if (exchange->reply.code >= 500)
        return PACS_LOG_WARNING;
    return route && (route->flags & PACS_HTTP_MUTATES) ? PACS_LOG_INFO : PACS_LOG_DEBUG;
}

void pacs_http_account_begin(PacsHttpExchange *exchange)
{
    pacs_metric_shift(exchange->request.site->in_flight, 1);
}

static void observe_duration(const PacsHttpExchange *exchange, uint64_t duration_ns)
{
    PacsHttpRouteCounters *counters = exchange->request.match.counters;
    PacsMetric *metric = counters ? atomic_load_explicit(&counters->seconds, memory_order_acquire) : NULL;

    if (!metric)
        metric = pacs_metric(exchange->request.site->seconds, route_of(exchange), NULL);
    if (counters)
        atomic_store_explicit(&counters->seconds, metric, memory_order_release);
    pacs_metric_observe_ns(metric, duration_ns);
}

static void count_answer(const PacsHttpExchange *exchange, const char *code)
{
    const PacsHttpRequest *request = &exchange->request;
    PacsHttpRouteCounters *counters = request->match.counters;
    bool is_usual = counters && !request->is_head && exchange->is_answered && exchange->reply.code == 200;
    PacsMetric *metric = is_usual ? atomic_load_explicit(&counters->answered_200, memory_order_acquire)
                                  : NULL;

    if (!metric)
        metric = pacs_metric(request->site->requests, route_of(exchange), method_of(exchange), code, NULL);
    if (is_usual)
        atomic_store_explicit(&counters->answered_200, metric, memory_order_release);
    pacs_metric_add(metric, 1);
}

void pacs_http_account_end(PacsHttpExchange *exchange, bool is_whole)
{
    const PacsHttpRequest *request = &exchange->request;
    uint64_t duration_ns = pacs_monotonic_ns() - exchange->started_ns;
    char code[12];

    (void)snprintf(code, sizeof code, "%u", exchange->is_answered ? exchange->reply.code : 499u);
    pacs_metric_shift(request->site->in_flight, -1);
    count_answer(exchange, code);
    observe_duration(exchange, duration_ns);
    PACS_LOG(level_of(exchange), "http", "request", PACS_F_TEXT("request_id", request->id),
             PACS_F_TEXT("method", method_of(exchange)), PACS_F_TEXT("route", route_of(exchange)),
             PACS_F_TEXT("code", code), PACS_F_BOOL("whole", is_whole),
             PACS_F_TEXT("user", request->user[0] ? request->user : NULL),
             PACS_F_TEXT("peer", request->remote_address), PACS_F_DOUBLE("ms", (double)duration_ns / 1e6));
}
