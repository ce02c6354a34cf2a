#include "pacs/http/cors.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define METHODS "GET, HEAD, POST, PUT, DELETE, OPTIONS"
#define PREFLIGHT_AGE_S "7200" /* the longest that browsers keep one */

/* What a page may read beside the few headers that it always may. */
static const char exposed[] =
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Location, Content-Range, ETag, Link, "
    "Location, Retry-After, Warning, X-Request-Id, X-Total-Count, X-Total-Count-Estimated";

struct PacsHttpCors {
    bool any;
    char **origins;
    size_t count;
};

static bool is_origin(const char *text)
{
    const char *host = strstr(text, "://");

    return host && host > text && host[3] != '\0' && !strpbrk(host + 3, "/?# ");
}

PacsStatus pacs_http_cors_new(const char *const *origins, size_t count, PacsHttpCors **ret_cors,
                              PacsError *err)
{
    PACS_AUTO(PacsHttpCors) cors = calloc(1, sizeof *cors);

    if (cors)
        cors->origins = calloc(count > 0 ? count : 1, sizeof *cors->origins);
    if (!cors || !cors->origins)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the HTTP server");
    for (size_t i = 0; i < count; i++) {
        const bool is_any = strcmp(origins[i], "*") == 0;
        if (!is_any && !is_origin(origins[i]))
            return pacs_fail(err, PACS_INVALID,
                             "'%s' is no origin: \"https://host\", \"http://host:port\" or \"*\"",
                             origins[i]);
        cors->any |= is_any;
        cors->origins[cors->count] = strdup(origins[i]);
        if (!cors->origins[cors->count++])
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for the HTTP server");
    }
    *ret_cors = PACS_STEAL(cors);
    return PACS_OK;
}

void pacs_http_cors_free(PacsHttpCors *cors)
{
    if (!cors)
        return;
    for (size_t i = 0; cors->origins && i < cors->count; i++)
        free(cors->origins[i]);
    free((void *)cors->origins);
    free(cors);
}

/* Scheme and host in any case; browsers write them small. */
static bool is_named(const PacsHttpCors *cors, const char *origin)
{
    for (size_t i = 0; i < cors->count; i++)
        if (strcasecmp(cors->origins[i], origin) == 0)
            return true;
    return false;
}

/* False: not a page's request, or not one of a page that may. */
static bool admit(const PacsHttpCors *cors, const PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *origin = pacs_http_header(request, "Origin");

    if (cors->count == 0)
        return false;
    if (!cors->any || cors->count > 1) /* caches must keep answers to different pages apart */
        pacs_http_reply_vary(reply, "Origin");
    if (!origin || !(cors->any || is_named(cors, origin)))
        return false;
    if (is_named(cors, origin)) {
        pacs_http_reply_header(reply, "Access-Control-Allow-Origin", origin);
        pacs_http_reply_header(reply, "Access-Control-Allow-Credentials", "true");
    } else {
        pacs_http_reply_header(reply, "Access-Control-Allow-Origin", "*");
    }
    return true;
}

bool pacs_http_cors_preflight(const PacsHttpCors *cors, const PacsHttpRequest *request, PacsHttpReply *reply)
{
    const char *headers = pacs_http_header(request, "Access-Control-Request-Headers");

    if (cors->count == 0 || pacs_http_method(request) != PACS_HTTP_OPTIONS ||
        !pacs_http_header(request, "Access-Control-Request-Method") || !admit(cors, request, reply))
        return false;
    pacs_http_reply_header(reply, "Access-Control-Allow-Methods", METHODS);
    if (headers)
        pacs_http_reply_header(reply, "Access-Control-Allow-Headers", headers);
    pacs_http_reply_header(reply, "Access-Control-Max-Age", PREFLIGHT_AGE_S);
    pacs_http_reply_code(reply, 204);
    return true;
}

void pacs_http_cors_mark(const PacsHttpCors *cors, const PacsHttpRequest *request, PacsHttpReply *reply)
{
    if (admit(cors, request, reply))
        pacs_http_reply_header(reply, "Access-Control-Expose-Headers", exposed);
}
