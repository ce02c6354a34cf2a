#include "dicomweb/url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_SIZE 255 /* of a host: DNS */
#define PREFIX_MAX_SIZE 1024

/* ---- What may be believed ---- */

static bool is_port(PacsSlice text)
{
    uint64_t port;

    return pacs_parse_u64(text, 65535, &port, NULL) == PACS_OK && port > 0 && text.size <= 5;
}

static bool all(PacsSlice text, const char *punctuation)
{
    for (size_t i = 0; i < text.size; i++)
        if (!isalnum((unsigned char)text.text[i]) && (!text.text[i] || !strchr(punctuation, text.text[i])))
            return false;
    return true;
}

/** name, 192.0.2.1 or [2001:db8::1], and perhaps a port. *ret_has_port */
static bool is_host(PacsSlice text, bool *ret_has_port)
{
    bool is_literal = text.size > 0 && text.text[0] == '[';
    const char *end = is_literal ? memchr(text.text, ']', text.size) : NULL;
    size_t size = text.size;

    if (text.size == 0 || text.size > NAME_MAX_SIZE || (is_literal && !end))
        return false;
    if (is_literal) {
        size = (size_t)(end - text.text) + 1;
    } else {
        const char *colon = memchr(text.text, ':', text.size);
        size = colon ? (size_t)(colon - text.text) : text.size;
    }
    PacsSlice name = is_literal ? (PacsSlice){text.text + 1, size - 2} : (PacsSlice){text.text, size};
    *ret_has_port = size < text.size;
    return name.size > 0 && all(name, is_literal ? ":." : "-._") &&
           (!*ret_has_port ||
            (text.text[size] == ':' && is_port((PacsSlice){text.text + size + 1, text.size - size - 1})));
}

static bool is_scheme(PacsSlice text)
{
    return pacs_slice_equal_case(text, "http") || pacs_slice_equal_case(text, "https");
}

/** Of the segments of a path (RFC 3986 3.3) what a proxy's prefix is made of; no empty or dotted segment. */
static bool is_prefix(PacsSlice text)
{
    PacsSlice segment;

    if (text.size < 2 || text.size > PREFIX_MAX_SIZE || text.text[0] != '/' || !all(text, "/-._~%+:@"))
        return false;
    text = (PacsSlice){text.text + 1, text.size - 1};
    while (pacs_slice_split(&text, '/', &segment))
        if (segment.size == 0 || pacs_slice_equal(segment, ".") || pacs_slice_equal(segment, ".."))
            return false;
    return true;
}

/* ---- What the proxies say ---- */

/** The outermost value of a header that may be a list. Empty if there is none. */
static PacsSlice first_of(const PacsHttpRequest *request, const char *name)
{
    PacsSlice rest = pacs_slice(pacs_http_header(request, name));
    PacsSlice first = {"", 0};

    (void)pacs_slice_split(&rest, ',', &first); /* nothing gives nothing */
    return pacs_slice_trim(first);
}

/** `name` of the outermost element of Forwarded: `for=192.0.2.60;proto=http;host="example.org:8080", for=...` */
static PacsSlice forwarded(const PacsHttpRequest *request, const char *name)
{
    PacsSlice element = first_of(request, "Forwarded");
    PacsSlice pair, key;

    while (pacs_slice_split(&element, ';', &pair)) {
        if (!pacs_slice_split(&pair, '=', &key) || !pair.text ||
            !pacs_slice_equal_case(pacs_slice_trim(key), name))
            continue;
        PacsSlice value = pacs_slice_trim(pair);
        if (value.size >= 2 && value.text[0] == '"' && value.text[value.size - 1] == '"')
            value = (PacsSlice){value.text + 1, value.size - 2};
        return value;
    }
    return (PacsSlice){"", 0};
}

static const char *scheme_of(const PacsHttpRequest *request)
{
    PacsSlice scheme = forwarded(request, "proto");

    if (!is_scheme(scheme))
        scheme = first_of(request, "X-Forwarded-Proto");
    return is_scheme(scheme) && scheme.size == 5 ? "https" : "http";
}

/** ":8443" where X-Forwarded-Port says something that the scheme does not, else "". */
static const char *port_of(const PacsHttpRequest *request, const char *scheme)
{
    PacsSlice port = first_of(request, "X-Forwarded-Port");

    if (!is_port(port) || pacs_slice_equal(port, strcmp(scheme, "https") == 0 ? "443" : "80"))
        return "";
    return pacs_arena_printf(pacs_http_arena(request), ":%.*s", (int)port.size, port.text);
}

/** "https://pacs.example.org:8443" */
static const char *origin_of(const PacsHttpRequest *request)
{
    const char *scheme = scheme_of(request);
    PacsSlice host = forwarded(request, "host");
    bool has_port = false;
    bool is_complete = is_host(host,
                               &has_port); /* Forwarded says port and all, the others may leave it out */

    if (!is_complete)
        host = first_of(request, "X-Forwarded-Host");
    if (!is_host(host, &has_port))
        host = pacs_slice(pacs_http_header(request, "Host"));
    if (!is_host(host, &has_port))
        host = PACS_SLICE("localhost"); /* HTTP/1.0, or rubbish */
    const char *port = is_complete || has_port ? "" : port_of(request, scheme);
    if (!port)
        return NULL;
    return pacs_arena_printf(pacs_http_arena(request), "%s://%.*s%s", scheme, (int)host.size, host.text,
                             port);
}

/* ---- Roots ---- */

static bool is_whole_url(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

/** `text` with one slash in front (unless it is a whole URL's) and none behind. */
static const char *tidy(PacsArena *arena, const char *text, bool with_slash)
{
    size_t size = strlen(text);

    while (with_slash && *text == '/') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == '/')
        size--;
    return pacs_arena_printf(arena, "%s%.*s", with_slash && size > 0 ? "/" : "", (int)size, text);
}

const char *dicomweb_configured_path(const DicomwebOptions *options, PacsArena *arena)
{
    const char *public_root = options->public_root;

    if (is_whole_url(public_root)) {
        const char *path = strchr(strstr(public_root, "://") + 3, '/');
        return tidy(arena, path ? path : "", true);
    }
    return public_root[0] ? tidy(arena, public_root, true) : options->root;
}

const char *dicomweb_public_path(const DicomwebOptions *options, const PacsHttpRequest *request)
{
    PacsArena *arena = pacs_http_arena(request);
    PacsSlice prefix = first_of(request, "X-Forwarded-Prefix");

    while (prefix.size > 1 && prefix.text[prefix.size - 1] == '/')
        prefix.size--;
    if (options->public_root[0] || !is_prefix(prefix))
        return dicomweb_configured_path(options, arena);
    return pacs_arena_printf(arena, "%.*s%s", (int)prefix.size, prefix.text, options->root);
}

const char *dicomweb_public_root(const DicomwebOptions *options, const PacsHttpRequest *request)
{
    if (is_whole_url(options->public_root))
        return tidy(pacs_http_arena(request), options->public_root, false);

    const char *origin = origin_of(request);
    const char *path = dicomweb_public_path(options, request);
    return origin && path ? pacs_arena_printf(pacs_http_arena(request), "%s%s", origin, path) : NULL;
}
