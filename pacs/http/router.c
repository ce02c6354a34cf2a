#include "pacs/http/router.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/http/query.h"

#define MAX_MOUNTS 8

typedef enum SegmentKind {
    SEGMENT_REST,
    SEGMENT_NAME,
    SEGMENT_LITERAL
} SegmentKind; /* the later, the better */

typedef struct Segment {
    SegmentKind kind;
    char *text; /* the literal, or the capture's name */
} Segment;

typedef struct CompiledRoute {
    const PacsHttpRoute *route;
    const PacsHttpMount *mount; /* in the router */
    PacsHttpRouteCounters counters;
    Segment segments[PACS_HTTP_MAX_SEGMENTS];
    size_t segment_count;
    char *pattern; /* prefix and pattern, cut up in place; segments point into it */
} CompiledRoute;

struct PacsHttpRouter {
    PacsHttpMount mounts[MAX_MOUNTS];
    size_t mount_count;
    CompiledRoute *routes;
    size_t route_count;
};

PacsStatus pacs_http_router_new(PacsHttpRouter **ret_router, PacsError *err)
{
    *ret_router = calloc(1, sizeof **ret_router);
    return *ret_router ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for the router");
}

void pacs_http_router_free(PacsHttpRouter *router)
{
    if (!router)
        return;
    for (size_t i = 0; i < router->route_count; i++)
        free(router->routes[i].pattern);
    free(router->routes);
    free(router);
}

/* ---- Patterns ---- */

static Segment compile_segment(char *text)
{
    size_t size = strlen(text);

    if (text[0] != '{')
        return (Segment){SEGMENT_LITERAL, text};
    assert(size > 2 && text[size - 1] == '}');
    text[size - 1] = '\0';
    if (text[1] == '*')
        return (Segment){SEGMENT_REST, text + 2};
    return (Segment){SEGMENT_NAME, text + 1};
}

static PacsStatus compile(CompiledRoute *compiled, const PacsHttpMount *mount, const PacsHttpRoute *route,
                          PacsError *err)
{
    size_t captures = 0;
    char *position, *part;

    assert((route->body == PACS_HTTP_BODY_STREAM) == (route->reader != NULL));
    assert((route->body == PACS_HTTP_BODY_STREAM) == (route->handle == NULL));
    *compiled = (CompiledRoute){.route = route, .mount = mount};
    if (asprintf(&compiled->pattern, "%s%s", mount->prefix, route->pattern) < 0) {
        compiled->pattern = NULL;
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the route '%s'", route->pattern);
    }
    for (part = strtok_r(compiled->pattern, "/", &position); part; part = strtok_r(NULL, "/", &position)) {
        assert(compiled->segment_count < PACS_HTTP_MAX_SEGMENTS);
        assert(compiled->segment_count == 0 ||
               compiled->segments[compiled->segment_count - 1].kind != SEGMENT_REST);
        compiled->segments[compiled->segment_count] = compile_segment(part);
        captures += compiled->segments[compiled->segment_count++].kind != SEGMENT_LITERAL;
        assert(captures <= PACS_HTTP_MAX_CAPTURES);
    }
    (void)captures; /* where assert is compiled out */
    return PACS_OK;
}

PacsStatus pacs_http_router_mount(PacsHttpRouter *router, const PacsHttpMount *mount, PacsError *err)
{
    if (router->mount_count == MAX_MOUNTS)
        return pacs_fail(err, PACS_INTERNAL, "more than %d mounts", MAX_MOUNTS);
    CompiledRoute *routes = reallocarray(router->routes, router->route_count + mount->route_count,
                                         sizeof *routes);
    if (!routes)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the routes");
    router->routes = routes;

    PacsHttpMount *ours = &router->mounts[router->mount_count++];
    *ours = *mount;
    for (size_t i = 0; i < mount->route_count; i++) {
        PacsStatus status = compile(&routes[router->route_count], ours, &mount->routes[i], err);
        if (status != PACS_OK)
            return status;
        router->route_count++;
    }
    return PACS_OK;
}

/* ---- Paths ---- */

static PacsStatus parse_segment(PacsArena *arena, PacsSlice part, const char **ret_segment, PacsError *err)
{
    PacsStatus status = pacs_http_percent_decode(arena, part, false, ret_segment, err);

    if (status != PACS_OK)
        return status;
    if ((*ret_segment)[0] == '\0')
        return pacs_fail(err, PACS_INVALID, "the path has an empty segment");
    if (strcmp(*ret_segment, ".") == 0 || strcmp(*ret_segment, "..") == 0)
        return pacs_fail(err, PACS_INVALID, "the path has a segment of dots");
    return PACS_OK;
}

PacsStatus pacs_http_path_parse(PacsArena *arena, const char *path, PacsHttpPath *ret_path, PacsError *err)
{
    PacsSlice rest = pacs_slice(path), part;

    ret_path->count = 0;
    if (path[0] != '/')
        return pacs_fail(err, PACS_INVALID, "the path does not start with '/'");
    rest = (PacsSlice){rest.text + 1, rest.size - 1};
    if (rest.size > 0 && rest.text[rest.size - 1] == '/')
        rest.size--;
    if (rest.size == 0)
        return PACS_OK;
    while (pacs_slice_split(&rest, '/', &part)) {
        if (ret_path->count == PACS_HTTP_MAX_SEGMENTS)
            return pacs_fail(err, PACS_TOO_LARGE, "the path has more than %d segments",
                             PACS_HTTP_MAX_SEGMENTS);
        PacsStatus status = parse_segment(arena, part, &ret_path->segments[ret_path->count++], err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

/* ---- Matching ---- */

static bool matches(const CompiledRoute *route, const PacsHttpPath *path)
{
    for (size_t i = 0; i < route->segment_count; i++) {
        const Segment *segment = &route->segments[i];

        if (segment->kind == SEGMENT_REST)
            return true;
        if (i == path->count)
            return false;
        if (segment->kind == SEGMENT_LITERAL && strcmp(segment->text, path->segments[i]) != 0)
            return false;
    }
    return route->segment_count == path->count;
}

/* Both match the same path: the first segment in which they differ in kind decides. */
static bool is_better(const CompiledRoute *candidate, const CompiledRoute *best)
{
    for (size_t i = 0; best && i < candidate->segment_count && i < best->segment_count; i++)
        if (candidate->segments[i].kind != best->segments[i].kind)
            return candidate->segments[i].kind > best->segments[i].kind;
    return !best || candidate->segment_count < best->segment_count; /* "/a" beats "/a/{*rest}" */
}

static bool path_has_prefix(const char *path, const char *prefix)
{
    size_t size = strlen(prefix);

    return strncmp(path, prefix, size) == 0 && (path[size] == '/' || path[size] == '\0' || size == 0);
}

const PacsHttpMount *pacs_http_router_mount_of(const PacsHttpRouter *router, const char *path)
{
    const PacsHttpMount *best = NULL;

    assert(router->mount_count > 0);
    for (size_t i = 0; i < router->mount_count; i++) {
        const PacsHttpMount *mount = &router->mounts[i];

        if (path_has_prefix(path, mount->prefix) && (!best || strlen(mount->prefix) > strlen(best->prefix)))
            best = mount;
    }
    return best ? best : &router->mounts[0];
}

static void list_allowed(uint32_t methods, char *allow)
{
    static const char *const names[PACS_HTTP_METHOD_COUNT] = {"GET, HEAD", "POST", "PUT", "DELETE",
                                                              "OPTIONS"};
    size_t size = 0;

    allow[0] = '\0';
    for (unsigned int i = 0; i < PACS_HTTP_METHOD_COUNT; i++) {
        if (!(methods & (1u << i)))
            continue;
        if (size > 0)
            size += pacs_text_copy(allow + size, PACS_HTTP_ALLOW_SIZE - size, ", ") ? 2 : 0;
        size += pacs_text_copy(allow + size, PACS_HTTP_ALLOW_SIZE - size, names[i]) ? strlen(names[i]) : 0;
    }
}

static const char *join_rest(PacsArena *arena, const PacsHttpPath *path, size_t first)
{
    size_t size = 1;

    for (size_t i = first; i < path->count; i++)
        size += strlen(path->segments[i]) + 1;
    char *joined = pacs_arena_alloc(arena, size), *end = joined;
    for (size_t i = first; joined && i < path->count; i++) {
        if (i > first)
            *end++ = '/';
        end = stpcpy(end, path->segments[i]);
    }
    return joined;
}

static PacsStatus capture(const CompiledRoute *route, PacsArena *arena, const PacsHttpPath *path,
                          PacsHttpMatch *match, PacsError *err)
{
    for (size_t i = 0; i < route->segment_count; i++) {
        const Segment *segment = &route->segments[i];
        const char *value = NULL;

        if (segment->kind == SEGMENT_LITERAL)
            continue;
        value = segment->kind == SEGMENT_REST ? join_rest(arena, path, i) : path->segments[i];
        if (!value)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for the path");
        match->captures[match->capture_count++] = (PacsHttpPair){segment->text, value};
    }
    return PACS_OK;
}

PacsStatus pacs_http_router_match(const PacsHttpRouter *router, PacsArena *arena, const PacsHttpPath *path,
                                  PacsHttpMethod method, PacsHttpMatch *ret_match, PacsError *err)
{
    CompiledRoute *best = NULL;
    uint32_t allowed = 0;

    ret_match->route = NULL;
    ret_match->capture_count = 0;
    ret_match->allow[0] = '\0';
    for (size_t i = 0; i < router->route_count; i++) {
        CompiledRoute *candidate = &router->routes[i];

        if (!matches(candidate, path))
            continue;
        allowed |= 1u << candidate->route->method;
        if (candidate->route->method == method && is_better(candidate, best))
            best = candidate;
    }
    if (!best) {
        if (allowed) /* the server answers OPTIONS itself */
            list_allowed(allowed | 1u << PACS_HTTP_OPTIONS, ret_match->allow);
        return PACS_OK;
    }
    ret_match->mount = best->mount;
    ret_match->route = best->route;
    ret_match->counters = &best->counters;
    return capture(best, arena, path, ret_match, err);
}
