#include "pacs/http/site.h"

#include <stdlib.h>

#include "pacs/util/limits.h"

PacsStatus pacs_http_site_new(const PacsHttpSiteOptions *options, PacsHttpSite **ret_site, PacsError *err)
{
    PACS_AUTO(PacsHttpSite) site = calloc(1, sizeof *site);

    if (site)
        site->buffers = pacs_http_buffers_new(PACS_MAX_HTTP_HELD_ANSWERS);
    if (site)
        site->mapped = pacs_http_mapped_bodies_new();
    if (!site || !site->buffers || !site->mapped)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the HTTP server");
    site->options = *options;
    site->options.users = NULL; /* the digests are in auth; nothing here may use the passwords */
    site->options.cors_origins = NULL;
    PacsStatus status = pacs_http_router_new(&site->router, err);
    if (status == PACS_OK)
        status = pacs_http_cors_new(options->cors_origins, options->cors_origin_count, &site->cors, err);
    if (status == PACS_OK)
        status = pacs_http_auth_new(options->users, options->user_count, &site->auth, err);
    if (status != PACS_OK)
        return status;

    site->requests = pacs_metrics_family(options->metrics, PACS_COUNTER, "imaging_http_requests_total",
                                         "HTTP requests answered", "route,method,code");
    site->seconds = pacs_metrics_family(options->metrics, PACS_HISTOGRAM, "imaging_http_request_seconds",
                                        "Time from a request's first line to the end of its answer", "route");
    site->in_flight = pacs_metric(pacs_metrics_family(options->metrics, PACS_GAUGE, "imaging_http_in_flight",
                                                      "HTTP requests being answered", NULL),
                                  NULL);
    *ret_site = PACS_STEAL(site);
    return PACS_OK;
}

void pacs_http_site_free(PacsHttpSite *site)
{
    if (!site)
        return;
    pacs_http_buffers_free(site->buffers);
    pacs_http_mapped_bodies_free(site->mapped);
    pacs_http_cors_free(site->cors);
    pacs_http_auth_free(site->auth);
    pacs_http_router_free(site->router);
    free(site);
}
