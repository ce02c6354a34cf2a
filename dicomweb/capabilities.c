#include <string.h>

#include "dicomweb/accept.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/url.h"
#include "pacs/util/json.h"
#include "pacs/util/limits.h"

/**
 * What this server can do, for machines (PS3.18 8.9 and annex H): a WADL document, or the same as JSON. The table of
 * routes says what is there; the table below what it takes and gives.
 */

#define WADL_TYPE "application/vnd.sun.wadl+xml"
#define MAX_TYPES 6

#define METADATA_TYPES                                                                                       \
    {                                                                                                        \
        DICOMWEB_TYPE_JSON, "multipart/related; type=\"" DICOMWEB_TYPE_XML "\""                              \
    }
#define OBJECT_TYPES                                                                                         \
    {                                                                                                        \
        "multipart/related; type=\"" DICOMWEB_TYPE_DICOM "\"", DICOMWEB_TYPE_DICOM, DICOMWEB_TYPE_ZIP        \
    }
#define BULK_TYPES                                                                                           \
    {                                                                                                        \
        "multipart/related; type=\"" DICOMWEB_TYPE_BYTES "\"", "multipart/related; type=\"image/*\"",        \
            "multipart/related; type=\"video/*\"", DICOMWEB_TYPE_BYTES, "image/*", "video/*"                 \
    }
#define PICTURE_TYPES                                                                                        \
    {                                                                                                        \
        "image/jpeg", "image/png", "image/gif", "image/webp", "video/*", "application/pdf"                   \
    }
#define THUMBNAIL_TYPES                                                                                      \
    {                                                                                                        \
        "image/jpeg", "image/png", "image/gif", "image/webp"                                                 \
    }
#define STORE_TYPES                                                                                          \
    {                                                                                                        \
        "multipart/related; type=\"" DICOMWEB_TYPE_DICOM "\"",                                               \
            "multipart/related; type=\"" DICOMWEB_TYPE_JSON "\"",                                            \
            "multipart/related; type=\"" DICOMWEB_TYPE_XML "\""                                              \
    }

typedef struct Operation {
    const char *method;
    const char *end; /* of the route's pattern: "/series" is any search for series */
    const char *id;  /* as PS3.18 names the transaction */
    const char *gives[MAX_TYPES];
    const char *takes[MAX_TYPES];
} Operation;

/* The first that fits. */
static const Operation operations[] = {
    /* NOLINTBEGIN(bugprone-suspicious-missing-comma): parameters of a media type, written in two pieces */
    {"GET", "/metadata", "RetrieveMetadata", METADATA_TYPES, {0}},
    {"GET", "/frames/{frames}", "RetrieveFrames", BULK_TYPES, {0}},
    {"GET", "/bulkdata", "RetrieveBulkdata", BULK_TYPES, {0}},
    {"GET", "/bulkdata/{*path}", "RetrieveBulkdata", BULK_TYPES, {0}},
    {"GET", "/bulk/{*path}", "RetrieveBulkdata", BULK_TYPES, {0}},
    {"GET", "/pixeldata", "RetrievePixelData", BULK_TYPES, {0}},
    {"GET", "/rendered", "RetrieveRendered", PICTURE_TYPES, {0}},
    {"GET", "/thumbnail", "RetrieveThumbnail", THUMBNAIL_TYPES, {0}},
    {"GET", "/instances/{instance}", "RetrieveInstance", OBJECT_TYPES, {0}},
    {"GET", "/series/{series}", "RetrieveSeries", OBJECT_TYPES, {0}},
    {"GET", "/studies/{study}", "RetrieveStudy", OBJECT_TYPES, {0}},
    {"GET", "/instances", "SearchForInstances", METADATA_TYPES, {0}},
    {"GET", "/series", "SearchForSeries", METADATA_TYPES, {0}},
    {"GET", "/studies", "SearchForStudies", METADATA_TYPES, {0}},
    {"POST", "", "StoreInstances", {DICOMWEB_TYPE_JSON, DICOMWEB_TYPE_XML}, STORE_TYPES},
    {"DELETE", "/instances/{instance}", "DeleteInstance", {0}, {0}},
    {"DELETE", "/series/{series}", "DeleteSeries", {0}, {0}},
    {"DELETE", "/studies/{study}", "DeleteStudy", {0}, {0}},
    {"OPTIONS", "/", "RetrieveCapabilities", {WADL_TYPE, "application/json"}, {0}},
    {"GET", "/", "RetrieveCapabilities", {WADL_TYPE, "application/json"}, {0}},
    /* NOLINTEND(bugprone-suspicious-missing-comma) */
};

static const char *method_name(PacsHttpMethod method)
{
    static const char *const names[PACS_HTTP_METHOD_COUNT] = {"GET", "POST", "PUT", "DELETE", "OPTIONS"};

    return names[method];
}

static bool ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static const Operation *describe(const PacsHttpRoute *route)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (strcmp(operations[i].method, method_name(route->method)) == 0 &&
            ends_with(route->pattern, operations[i].end))
            return &operations[i];
    return NULL;
}

/** Routes of one path stand together in the documents, in the order of the first of each. */
static bool is_first_of_path(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(dicomweb_routes[i].pattern, dicomweb_routes[index].pattern) == 0)
            return false;
    return true;
}

/* ---- WADL ---- */

/** As the value of an attribute. */
static void add_escaped(PacsBuffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            (void)pacs_buffer_add_text(out, "&amp;");
        else if (*text == '<')
            (void)pacs_buffer_add_text(out, "&lt;");
        else if (*text == '"')
            (void)pacs_buffer_add_text(out, "&quot;");
        else
            (void)pacs_buffer_add_char(out, *text);
    }
}

static void add_types(PacsBuffer *out, const char *element, const char *const *types)
{
    if (!types[0])
        return;
    (void)pacs_buffer_add_format(out, "        <%s>\n", element);
    for (size_t i = 0; i < MAX_TYPES && types[i]; i++) {
        (void)pacs_buffer_add_text(out, "          <representation mediaType=\"");
        add_escaped(out, types[i]);
        (void)pacs_buffer_add_text(out, "\"/>\n");
    }
    (void)pacs_buffer_add_format(out, "        </%s>\n", element);
}

static void add_method(PacsBuffer *out, const PacsHttpRoute *route)
{
    const Operation *operation = describe(route);

    (void)pacs_buffer_add_format(out, "      <method name=\"%s\"", method_name(route->method));
    if (!operation) {
        (void)pacs_buffer_add_text(out, "/>\n");
        return;
    }
    (void)pacs_buffer_add_format(out, " id=\"%s\">\n", operation->id);
    add_types(out, "request", operation->takes);
    add_types(out, "response", operation->gives);
    (void)pacs_buffer_add_text(out, "      </method>\n");
}

static void add_wadl(PacsBuffer *out, const char *base)
{
    (void)pacs_buffer_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                    "<application xmlns=\"http://wadl.dev.java.net/2009/02\">\n"
                                    "  <resources base=\"");
    add_escaped(out, base);
    (void)pacs_buffer_add_text(out, "\">\n");
    for (size_t i = 0; i < dicomweb_route_count; i++) {
        if (!is_first_of_path(i))
            continue;
        (void)pacs_buffer_add_format(out, "    <resource path=\"%s\">\n", dicomweb_routes[i].pattern + 1);
        for (size_t j = i; j < dicomweb_route_count; j++)
            if (strcmp(dicomweb_routes[j].pattern, dicomweb_routes[i].pattern) == 0)
                add_method(out, &dicomweb_routes[j]);
        (void)pacs_buffer_add_text(out, "    </resource>\n");
    }
    (void)pacs_buffer_add_text(out, "  </resources>\n</application>\n");
}

/* ---- JSON ---- */

static void write_types(PacsJson *json, const char *key, const char *const *types)
{
    if (!types[0])
        return;
    pacs_json_key(json, key);
    pacs_json_array_begin(json);
    for (size_t i = 0; i < MAX_TYPES && types[i]; i++)
        pacs_json_string(json, types[i]);
    pacs_json_array_end(json);
}

static void write_method(PacsJson *json, const PacsHttpRoute *route)
{
    const Operation *operation = describe(route);

    pacs_json_object_begin(json);
    pacs_json_member_string(json, "name", method_name(route->method));
    if (operation) {
        pacs_json_member_string(json, "id", operation->id);
        write_types(json, "request", operation->takes);
        write_types(json, "response", operation->gives);
    }
    pacs_json_object_end(json);
}

static void write_resource(PacsJson *json, size_t index)
{
    pacs_json_object_begin(json);
    pacs_json_member_string(json, "path", dicomweb_routes[index].pattern + 1);
    pacs_json_key(json, "methods");
    pacs_json_array_begin(json);
    for (size_t i = index; i < dicomweb_route_count; i++)
        if (strcmp(dicomweb_routes[i].pattern, dicomweb_routes[index].pattern) == 0)
            write_method(json, &dicomweb_routes[i]);
    pacs_json_array_end(json);
    pacs_json_object_end(json);
}

static void add_json(PacsBuffer *out, const char *base)
{
    PacsJson json;

    pacs_json_init(&json, out, true);
    pacs_json_object_begin(&json);
    pacs_json_member_string(&json, "base", base);
    pacs_json_key(&json, "resources");
    pacs_json_array_begin(&json);
    for (size_t i = 0; i < dicomweb_route_count; i++)
        if (is_first_of_path(i))
            write_resource(&json, i);
    pacs_json_array_end(&json);
    pacs_json_object_end(&json);
}

/* ---- The answer ---- */

void dicomweb_capabilities(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    static const DicomwebOffer offers[] = {{.media_type = WADL_TYPE},
                                           {.media_type = "application/xml"},
                                           {.media_type = "application/json"},
                                           {.media_type = DICOMWEB_TYPE_JSON}};
    const Dicomweb *dicomweb = context;
    const char *base = dicomweb_public_root(&dicomweb->options, request);
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(PACS_MAX_CAPABILITIES);
    const DicomwebOffer *chosen = dicomweb_negotiate(request, reply, offers,
                                                     sizeof offers / sizeof offers[0]);

    if (!chosen)
        return;
    if (!base) {
        const PacsError err = {.status = PACS_NO_MEMORY, .text = "no memory for an answer"};
        dicomweb_reply_failure(request, reply, &err);
        return;
    }
    if (chosen < &offers[2])
        add_wadl(&body, base);
    else
        add_json(&body, base);
    if (pacs_http_method(request) == PACS_HTTP_OPTIONS)
        pacs_http_reply_header(reply, "Allow", "GET, HEAD, OPTIONS");
    pacs_http_reply_buffer(reply, chosen->media_type, &body);
}
