#include "workers/imaging-report/pdf_source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pacs/util/hash.h"
#include "pacs/util/limits.h"
#include "workers/http_client/http_client.h"

#define SOURCES_MAX 32
#define TAIL 1024 /* bytes in which a PDF's end mark stands (PDF 32000-1, H.3) */

typedef struct Source {
    char *place; /* without a slash at its end */
    WorkerHttpClient *client;
} Source;

struct ReportPdfSources {
    Source items[SOURCES_MAX];
    size_t count;
};

/* ---- Addresses ---- */

/** "https://HOST:443" and "https://host" are one. */
typedef struct Origin {
    bool is_https;
    PacsSlice host; /* in brackets if it is IPv6 */
    uint64_t port;
    const char *path; /* behind it: "" or from its slash on */
} Origin;

static bool is_host(PacsSlice host)
{
    for (size_t i = 0; i < host.size; i++)
        if (!isalnum((unsigned char)host.text[i]) && !strchr("-._[]:", host.text[i]))
            return false;
    return host.size > 0;
}

static bool parse_origin(const char *url, Origin *ret_origin)
{
    Origin origin = {.is_https = strncasecmp(url, "https://", 8) == 0};

    if (!origin.is_https && strncasecmp(url, "http://", 7) != 0)
        return false;
    const char *host = url + (origin.is_https ? 8 : 7);
    const size_t size = strcspn(host, "/?#\\@"); /* names and passwords in front of an @ are none of ours */
    if (host[size] && host[size] != '/')
        return false;
    const char *bracket = memchr(host, ']', size);
    const char *name_end = bracket ? bracket : host;
    const char *colon = memchr(name_end, ':', size - (size_t)(name_end - host));
    origin.host = (PacsSlice){host, colon ? (size_t)(colon - host) : size};
    origin.port = origin.is_https ? 443 : 80;
    if (colon && pacs_parse_u64((PacsSlice){colon + 1, (size_t)(host + size - colon) - 1}, 65535,
                                &origin.port, NULL) != PACS_OK)
        return false;
    origin.path = host + size;
    *ret_origin = origin;
    return is_host(origin.host);
}

/* A segment "..", or a separator, written with percent signs: servers do not agree what that is. */
static bool is_plain_path(const char *path)
{
    static const char *const refused[] = {"%2e", "%2f", "%5c", "%00", "%25"};

    const size_t size = strcspn(path, "?");
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)path[i] <= ' ' || (unsigned char)path[i] >= 0x7F || path[i] == '\\' ||
            path[i] == '#')
            return false;
        for (size_t r = 0; r < sizeof refused / sizeof refused[0]; r++)
            if (strncasecmp(path + i, refused[r], 3) == 0)
                return false;
        if (path[i] == '/' && path[i + 1] == '.' && (path[i + 2] == '.' || strchr("/?", path[i + 2])))
            return false;
    }
    return true;
}

static bool is_plain_query(const char *query)
{
    for (; *query; query++)
        if ((unsigned char)*query <= ' ' || (unsigned char)*query >= 0x7F || *query == '#')
            return false;
    return true;
}

const char *report_pdf_path_below(const char *place, const char *url)
{
    Origin allowed, asked;

    if (!parse_origin(place, &allowed) || !parse_origin(url, &asked) || allowed.is_https != asked.is_https ||
        allowed.port != asked.port || allowed.host.size != asked.host.size ||
        strncasecmp(allowed.host.text, asked.host.text, asked.host.size) != 0)
        return NULL;
    size_t size = strlen(allowed.path);
    while (size > 0 && allowed.path[size - 1] == '/')
        size--;
    if (strncmp(allowed.path, asked.path, size) != 0 || asked.path[size] != '/' ||
        !is_plain_path(asked.path) || !is_plain_query(asked.path))
        return NULL;
    return asked.path + size;
}

/* ---- The list ---- */

static const char *text_of(const json_t *row, const char *member)
{
    return json_string_value(json_object_get(row, member));
}

static PacsStatus check_row(const json_t *row, PacsError *err)
{
    static const char *const texts[] = {"Url", "BearerToken", "Username", "Password", "CaLocation"};
    const char *member;
    json_t *value;
    Origin origin;

    if (!json_is_object(row) || !text_of(row, "Url") || !parse_origin(text_of(row, "Url"), &origin) ||
        !is_plain_path(origin.path))
        return pacs_fail(err, PACS_INVALID,
                         "ImagingReport.PdfSources: each is to have a 'Url' (http://host[:port]/folder)");
    json_object_foreach((json_t *)row, member, value)
    {
        bool is_known = strcmp(member, "PrivateAddresses") == 0 && json_is_boolean(value);
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            is_known = is_known || (strcmp(member, texts[i]) == 0 && json_is_string(value));
        if (!is_known)
            return pacs_fail(err, PACS_INVALID,
                             "ImagingReport.PdfSources: '%s' is unknown or has no such value", member);
    }
    return PACS_OK;
}

static PacsStatus add_source(ReportPdfSources *sources, const json_t *row, uint32_t timeout_ms,
                             PacsError *err)
{
    Source *source = &sources->items[sources->count];
    const PacsStatus status = check_row(row, err);

    if (status != PACS_OK)
        return status;
    source->place = strdup(text_of(row, "Url"));
    if (!source->place)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for ImagingReport.PdfSources");
    sources->count++; /* from here on it is freed with the list */
    for (size_t size = strlen(source->place); size > 0 && source->place[size - 1] == '/';)
        source->place[--size] = '\0';
    const WorkerHttpClientOptions options = {
        .base_url = source->place,
        .username = text_of(row, "Username"),
        .password = text_of(row, "Password"),
        .bearer_token = text_of(row, "BearerToken"),
        .ca_file = text_of(row, "CaLocation"),
        .public_addresses_only = !json_is_true(json_object_get(row, "PrivateAddresses")),
        .timeout_ms = timeout_ms};
    return worker_http_client_new(&options, &source->client, err);
}

PacsStatus report_pdf_sources_new(const json_t *list, uint32_t timeout_ms, ReportPdfSources **ret_sources,
                                  PacsError *err)
{
    PACS_AUTO(ReportPdfSources) sources = calloc(1, sizeof *sources);
    PacsStatus status = PACS_OK;

    if (!sources)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for ImagingReport.PdfSources");
    if (list && (!json_is_array(list) || json_array_size(list) > SOURCES_MAX))
        return pacs_fail(err, PACS_INVALID, "ImagingReport.PdfSources is to be a list of at most %d",
                         SOURCES_MAX);
    for (size_t i = 0; status == PACS_OK && i < json_array_size(list); i++)
        status = add_source(sources, json_array_get(list, i), timeout_ms, err);
    if (status == PACS_OK)
        *ret_sources = PACS_STEAL(sources);
    return status;
}

void report_pdf_sources_free(ReportPdfSources *sources)
{
    if (!sources)
        return;
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->items[i].place);
        worker_http_client_free(sources->items[i].client);
    }
    free(sources);
}

/* ---- What came ---- */

PacsStatus report_pdf_check(const void *bytes, size_t size, PacsError *err)
{
    const char *text = bytes;
    const size_t tail = size < TAIL ? size : TAIL;

    if (size == 0)
        return pacs_fail(err, PACS_INVALID, "the report's PDF is empty");
    if (size < 8 || memcmp(text, "%PDF-", 5) != 0 || !isdigit((unsigned char)text[5]))
        return pacs_fail(err, PACS_INVALID, "the report's PDF is no PDF: it does not begin as one");
    if (!memmem(text + size - tail, tail, "%%EOF", 5))
        return pacs_fail(err, PACS_INVALID, "the report's PDF of %zu bytes has no end: it is cut off", size);
    return PACS_OK;
}

static PacsStatus check_digest(const PacsBuffer *pdf, const char *expected, PacsError *err)
{
    PACS_AUTO(PacsSha256) hash = NULL;
    uint8_t digest[PACS_SHA256_SIZE], wanted[PACS_SHA256_SIZE];

    PacsStatus status = pacs_hex_parse(pacs_slice(expected), wanted, sizeof wanted, err);
    if (status == PACS_OK)
        status = pacs_sha256_new(&hash, err);
    if (status == PACS_OK)
        status = pacs_sha256_add(hash, pdf->bytes, pdf->size, err);
    if (status == PACS_OK)
        status = pacs_sha256_finish(hash, digest, err);
    if (status == PACS_OK && memcmp(digest, wanted, sizeof digest) != 0)
        status = pacs_fail(err, PACS_INVALID, "the report's PDF has another SHA-256 than its event says");
    return status;
}

PacsStatus report_pdf_fetch(ReportPdfSources *sources, const ReportPdfReference *reference, PacsBuffer *out,
                            PacsError *err)
{
    for (size_t i = 0; i < sources->count; i++) {
        const char *path = report_pdf_path_below(sources->items[i].place, reference->url);
        if (!path)
            continue;
        const WorkerHttpCall call = {.path = path, .accept = "application/pdf"};
        PacsStatus status = worker_http_call(sources->items[i].client, &call, out, NULL, err);
        if (status == PACS_OK)
            status = report_pdf_check(out->bytes, out->size, err);
        if (status == PACS_OK && *reference->sha256)
            status = check_digest(out, reference->sha256, err);
        return status;
    }
    return pacs_fail(err, PACS_INVALID,
                     "the report's PDF is at an address that no row of ImagingReport.PdfSources allows");
}
