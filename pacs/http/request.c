#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pacs/http/exchange.h"
#include "pacs/http/query.h"
#include "pacs/http/range.h"
#include "pacs/util/hash.h"
#include "pacs/util/limits.h"

#define REQUEST_ID_MAX 128

static const char *const method_names[PACS_HTTP_METHOD_COUNT] = {"GET", "POST", "PUT", "DELETE", "OPTIONS"};

/* ---- What doors ask ---- */

PacsHttpMethod pacs_http_method(const PacsHttpRequest *request)
{
    return request->method;
}

const char *pacs_http_method_name(const PacsHttpRequest *request)
{
    return request->method_name;
}

bool pacs_http_is_head(const PacsHttpRequest *request)
{
    return request->is_head;
}

const char *pacs_http_path(const PacsHttpRequest *request)
{
    return request->path;
}

const char *pacs_http_capture(const PacsHttpRequest *request, const char *name)
{
    const PacsHttpMatch *match = &request->match;
    size_t i = 0;

    while (i < match->capture_count && strcmp(match->captures[i].name, name) != 0)
        i++;
    assert(i < match->capture_count); /* the route's pattern has such a capture */
    return i < match->capture_count ? match->captures[i].value : "";
}

const char *pacs_http_query(const PacsHttpRequest *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}

size_t pacs_http_query_count(const PacsHttpRequest *request)
{
    return request->query_count;
}

PacsHttpPair pacs_http_query_at(const PacsHttpRequest *request, size_t index)
{
    assert(index < request->query_count);
    return request->query[index];
}

const char *pacs_http_find_header(const PacsHttpPair *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

const char *pacs_http_header(const PacsHttpRequest *request, const char *name)
{
    const char *joined = NULL;

    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0)
            continue;
        const char *value = request->headers[i].value;
        joined = joined ? pacs_arena_printf(request->arena, "%s, %s", joined, value) : value;
        if (!joined)
            return value; /* no memory: better the last line than none */
    }
    return joined;
}

const char *pacs_http_remote_address(const PacsHttpRequest *request)
{
    return request->remote_address;
}

bool pacs_http_is_loopback(const PacsHttpRequest *request)
{
    return request->is_loopback;
}

const char *pacs_http_user(const PacsHttpRequest *request)
{
    return request->user;
}

const char *pacs_http_request_id(const PacsHttpRequest *request)
{
    return request->id;
}

PacsArena *pacs_http_arena(const PacsHttpRequest *request)
{
    return request->arena;
}

PacsSlice pacs_http_body(const PacsHttpRequest *request)
{
    return request->body;
}

bool pacs_http_cancelled(const PacsHttpRequest *request)
{
    return request->gone && atomic_load_explicit(request->gone, memory_order_relaxed);
}

bool pacs_http_accepts_gzip(const PacsHttpRequest *request)
{
    return pacs_http_coding_accepted(pacs_http_header(request, "Accept-Encoding"), "gzip");
}

/* ---- From the wire's fields to these ---- */

static void set_method(PacsHttpRequest *request, const char *name)
{
    request->is_head = strcmp(name, "HEAD") == 0;
    request->method = request->is_head ? PACS_HTTP_GET : PACS_HTTP_METHOD_COUNT;
    request->method_name = name;
    for (size_t i = 0; i < PACS_HTTP_METHOD_COUNT; i++) {
        if (strcasecmp(name, method_names[i]) == 0) {
            request->method = (PacsHttpMethod)i;
            request->method_name = method_names[i];
        }
    }
}

/* Clients that can only say GET and POST fake the other verbs (COMPAT.md section 2). */
static void override_method(PacsHttpRequest *request)
{
    const char *wanted = NULL;

    if (request->method == PACS_HTTP_GET && !request->is_head)
        wanted = pacs_http_query(request, "_method");
    else if (request->method == PACS_HTTP_POST)
        wanted = pacs_http_find_header(request->headers, request->header_count, "X-HTTP-Method-Override");
    if (wanted && wanted[0] != '\0')
        set_method(request, wanted);
}

/* Ids go into logs and replies: only harmless characters, so that nobody writes there what they like. */
static bool is_good_id(const char *id)
{
    size_t size = strlen(id);

    return size > 0 && size <= REQUEST_ID_MAX &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:+/=-") == size;
}

static PacsStatus set_id(PacsHttpRequest *request, PacsError *err)
{
    const char *sent = pacs_http_find_header(request->headers, request->header_count, "X-Request-Id");
    char minted[37];

    if (sent && is_good_id(sent)) {
        request->id = sent;
        return PACS_OK;
    }
    PacsStatus status = pacs_uuid7(minted, err);
    if (status != PACS_OK)
        return status;
    const char *id = pacs_arena_strdup(request->arena, minted);
    if (!id)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the request");
    request->id = id;
    return PACS_OK;
}

/*
 * The length of the body, and none of the doubts that make a proxy in front see other requests than we do
 * (RFC 9112 6.3: request smuggling).
 */
static PacsStatus set_content_length(PacsHttpRequest *request, PacsError *err)
{
    const char *coding = NULL, *length = NULL;

    request->must_close = true;
    for (size_t i = 0; i < request->header_count; i++) {
        const PacsHttpPair *header = &request->headers[i];
        bool is_coding = strcasecmp(header->name, "Transfer-Encoding") == 0;

        if (!is_coding && strcasecmp(header->name, "Content-Length") != 0)
            continue;
        if (coding || length)
            return pacs_fail(err, PACS_INVALID, "more than one Content-Length or Transfer-Encoding");
        *(is_coding ? &coding : &length) = header->value;
    }
    request->content_length = coding ? PACS_HTTP_UNKNOWN_SIZE : 0;
    if (coding && strcasecmp(coding, "chunked") != 0)
        return pacs_fail(err, PACS_INVALID, "the only Transfer-Encoding is chunked");
    if (length && pacs_parse_u64(pacs_slice(length), INT64_MAX, &request->content_length, NULL) != PACS_OK)
        return pacs_fail(err, PACS_INVALID, "Content-Length is not a number");
    request->must_close = false;
    return PACS_OK;
}

PacsStatus pacs_http_request_parse(PacsHttpRequest *request, PacsHttpPath *ret_path, PacsError *err)
{
    PacsSlice path, query;

    pacs_http_target_split(pacs_slice(request->target), &path, &query);
    const char *path_text = pacs_arena_strndup(request->arena, path.text, path.size);
    if (!path_text)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the request");
    request->path = path_text;
    set_method(request, request->sent_method);
    PacsStatus status = set_id(request, err);
    if (status == PACS_OK)
        status = set_content_length(request, err);
    if (status == PACS_OK)
        status = pacs_http_query_parse(request->arena, query, &request->query, &request->query_count, err);
    if (status == PACS_OK)
        override_method(request);
    if (status == PACS_OK)
        status = pacs_http_path_parse(request->arena, request->path, ret_path, err);
    return status;
}
