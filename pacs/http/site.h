#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pacs/http/auth.h"
#include "pacs/http/buffers.h"
#include "pacs/http/cors.h"
#include "pacs/http/http.h"
#include "pacs/http/mapped_bodies.h"
#include "pacs/http/router.h"
#include "pacs/util/auto.h"
#include "pacs/util/blocks.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * What all requests of one server share, whatever carries them: routes, users, rights, counters. Set up
 * before the first request; afterwards only the atomics change.
 */
typedef struct PacsHttpSiteOptions {
    bool authentication;       /* only registered users get past PACS_HTTP_PUBLIC routes */
    const PacsHttpUser *users; /* borrowed during the call */
    size_t user_count;
    bool remote_access_allowed; /* false: 403 for peers other than loopback */
    bool read_only;             /* 403 for PACS_HTTP_MUTATES routes */
    bool compresses;            /* JSON and text as gzip, for clients that take it */
    /** Pages from elsewhere that may use this server (CORS): "https://viewer.example.org", "*" for all. Borrowed
     *  during the call. */
    const char *const *cors_origins;
    size_t cors_origin_count;
    PacsMetrics *metrics; /* NULL: none */
    PacsBlocks *blocks;   /* for bodies that come in; borrowed, outlives the site. NULL: none are kept */
} PacsHttpSiteOptions;

typedef struct PacsHttpSite {
    PacsHttpSiteOptions options;
    PacsHttpCors *cors;
    PacsHttpRouter *router;
    PacsHttpAuth *auth;
    PacsHttpBuffers *buffers;
    PacsHttpMappedBodies *mapped;
    PacsMetricFamily *requests;
    PacsMetricFamily *seconds;
    PacsMetric *in_flight;
    _Atomic uint64_t held_bytes; /* of request bodies, in memory */
} PacsHttpSite;

PACS_CHECKED PacsStatus pacs_http_site_new(const PacsHttpSiteOptions *options, PacsHttpSite **ret_site,
                                           PacsError *err);
void pacs_http_site_free(PacsHttpSite *site);
PACS_DEFINE_AUTO(PacsHttpSite, pacs_http_site_free);
