#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pacs/http/http.h"
#include "pacs/util/arena.h"
#include "pacs/util/auto.h"
#include "pacs/util/metrics.h"
#include "pacs/util/status.h"

/**
 * Finds the route of a request: mounts by their prefix, routes by method and pattern (http.h says how
 * patterns match). Built before the first request, read only afterwards.
 */
typedef struct PacsHttpRouter PacsHttpRouter;

#define PACS_HTTP_MAX_SEGMENTS 24 /* of a path; deeper ones match {*rest} only up to here */
#define PACS_HTTP_ALLOW_SIZE 64   /* "GET, HEAD, POST, PUT, DELETE, OPTIONS" and a NUL */

/** What account.c counts one route's requests with, kept after the first: looking a series up takes
 * a lock. */
typedef struct PacsHttpRouteCounters {
    _Atomic(PacsMetric *) seconds;
    _Atomic(PacsMetric *) answered_200; /* with the route's own method: nearly all requests are such */
} PacsHttpRouteCounters;

/** The segments of a path, decoded one by one. */
typedef struct PacsHttpPath {
    const char *segments[PACS_HTTP_MAX_SEGMENTS];
    size_t count;
} PacsHttpPath;

typedef struct PacsHttpMatch {
    const PacsHttpMount *mount;      /* of the longest matching prefix, else the first; never NULL */
    const PacsHttpRoute *route;      /* NULL: none */
    PacsHttpRouteCounters *counters; /* of the route; the router's */
    PacsHttpPair captures[PACS_HTTP_MAX_CAPTURES];
    size_t capture_count;
    char allow[PACS_HTTP_ALLOW_SIZE]; /* no route, but other methods have one here: these; else "" */
} PacsHttpMatch;

PACS_CHECKED PacsStatus pacs_http_router_new(PacsHttpRouter **ret_router, PacsError *err);
void pacs_http_router_free(PacsHttpRouter *router);
PACS_DEFINE_AUTO(PacsHttpRouter, pacs_http_router_free);

/** The mount is copied; routes, patterns and context are borrowed. A bad pattern is our mistake: assert. */
PACS_CHECKED PacsStatus pacs_http_router_mount(PacsHttpRouter *router, const PacsHttpMount *mount,
                                               PacsError *err);

/**
 * Split and decode an undecoded path. A slash at the end is dropped.
 * Errors: PACS_INVALID ("." and "..", bad escapes, an empty segment), PACS_TOO_LARGE (too many segments).
 */
PACS_CHECKED PacsStatus pacs_http_path_parse(PacsArena *arena, const char *path, PacsHttpPath *ret_path,
                                             PacsError *err);

/** method PACS_HTTP_METHOD_COUNT: one we do not know. PACS_NO_MEMORY only. */
PACS_CHECKED PacsStatus pacs_http_router_match(const PacsHttpRouter *router, PacsArena *arena,
                                               const PacsHttpPath *path, PacsHttpMethod method,
                                               PacsHttpMatch *ret_match, PacsError *err);
/** The mount that answers for a path that could not even be parsed. */
const PacsHttpMount *pacs_http_router_mount_of(const PacsHttpRouter *router, const char *path);
