#include <string.h>

#include "pacs/rest/resource_json.h"
#include "pacs/rest/rest_private.h"

/** Lists, single resources, children, parents, deletion: the same five handlers for all four levels. */

typedef struct ListAnswer {
    PacsJson json;
    PacsOrthancTagFormat format;
    bool expand;
    const PacsHttpRequest *request; /* a client that left needs no list */
} ListAnswer;

static PacsStatus add_to_list(void *context, const PacsResource *resource, PacsError *err)
{
    ListAnswer *answer = context;

    if (pacs_http_cancelled(answer->request))
        return pacs_fail(err, PACS_CANCELLED, "the client left");
    if (answer->expand)
        rest_write_resource(&answer->json, resource, answer->format);
    else
        pacs_json_string(&answer->json, resource->id);
    if (answer->json.out->failed)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "the list is too long for one answer: page with since and limit");
    return PACS_OK;
}

static PacsResourceParts parts_of(bool expand)
{
    return expand ? PACS_WITH_ALL : 0;
}

void rest_list(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    uint64_t since = 0, limit = 0;
    ListAnswer answer = {.format = rest_tag_format(request, PACS_ORTHANC_TAGS_SIMPLE),
                         .expand = rest_query_flag(request, "expand"),
                         .request = request};
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);

    pacs_json_init(&answer.json, &body, true);
    pacs_json_array_begin(&answer.json);
    PacsStatus status = rest_query_u64(request, "since", INT64_MAX, &since, &err);
    if (status == PACS_OK)
        status = rest_query_u64(request, "limit", INT64_MAX, &limit, &err);
    if (status == PACS_OK)
        status = pacs_index_list(rest->index, rest_path_level(request), since, limit, parts_of(answer.expand),
                                 add_to_list, &answer, &err);
    if (status != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_array_end(&answer.json);
    rest_reply_json(rest, request, reply, &body);
}

/** A well-formed id that nothing has, and a malformed one, are the same to a client: not here. */
static void reply_with_resource(PacsRest *rest, PacsHttpRequest *request, PacsHttpReply *reply,
                                PacsLevel level, const char *id)
{
    PacsError err = {0};
    PacsResource *resource = NULL;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);
    PacsJson json;

    if (pacs_index_find(rest->index, level, id, PACS_WITH_ALL, pacs_http_arena(request), &resource, &err) !=
        PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_init(&json, &body, true);
    rest_write_resource(&json, resource, rest_tag_format(request, PACS_ORTHANC_TAGS_SIMPLE));
    rest_reply_json(rest, request, reply, &body);
}

void rest_one(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_with_resource(context, request, reply, rest_path_level(request), pacs_http_capture(request, "id"));
}

/** The last segment of a path like "/studies/{id}/series". */
static const char *last_segment(const PacsHttpRequest *request)
{
    const char *path = pacs_http_path(request);
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/')
        size--;
    const char *copy = pacs_arena_strndup(pacs_http_arena(request), path, size);
    const char *slash = copy ? strrchr(copy, '/') : NULL;
    return slash ? slash + 1 : "";
}

static PacsLevel level_below(const PacsHttpRequest *request)
{
    const char *segment = last_segment(request);
    int level = PACS_LEVEL_PATIENT;

    while (level < PACS_LEVEL_INSTANCE && strcmp(rest_level_path((PacsLevel)level), segment) != 0)
        level++;
    return (PacsLevel)level;
}

static PacsLevel level_above(const PacsHttpRequest *request)
{
    static const char *const singular[] = {
        [PACS_LEVEL_PATIENT] = "patient", [PACS_LEVEL_STUDY] = "study", [PACS_LEVEL_SERIES] = "series"};
    const char *segment = last_segment(request);
    int level = PACS_LEVEL_PATIENT;

    while (level < PACS_LEVEL_SERIES && strcmp(singular[level], segment) != 0)
        level++;
    return (PacsLevel)level;
}

void rest_below(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    bool expand = !pacs_http_query(request, "expand") ||
                  rest_query_flag(request, "expand"); /* Orthanc's default */
    ListAnswer answer = {
        .format = rest_tag_format(request, PACS_ORTHANC_TAGS_SIMPLE), .expand = expand, .request = request};
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(REST_MAX_ANSWER);

    pacs_json_init(&answer.json, &body, true);
    pacs_json_array_begin(&answer.json);
    PacsStatus status = pacs_index_list_below(rest->index, rest_path_level(request),
                                              pacs_http_capture(request, "id"), level_below(request),
                                              parts_of(expand), add_to_list, &answer, &err);
    if (status != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_array_end(&answer.json);
    rest_reply_json(rest, request, reply, &body);
}

void rest_above(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    PacsLevel above = level_above(request);
    char id[PACS_ORTHANC_ID_SIZE];

    if (pacs_index_find_ancestor(rest->index, rest_path_level(request), pacs_http_capture(request, "id"),
                                 above, id, &err) != PACS_OK)
        rest_reply_failure(rest, request, reply, &err);
    else
        reply_with_resource(rest, request, reply, above, id);
}

void rest_delete(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    PacsRest *rest = context;
    PacsError err = {0};
    PacsRemaining remaining;
    PACS_AUTO_BUFFER PacsBuffer body = PACS_BUFFER(4096);
    PacsJson json;

    if (pacs_ingest_delete(rest->ingest, rest_path_level(request), pacs_http_capture(request, "id"),
                           &remaining, &err) != PACS_OK) {
        rest_reply_failure(rest, request, reply, &err);
        return;
    }
    pacs_json_init(&json, &body, true);
    pacs_json_object_begin(&json);
    pacs_json_key(&json, "RemainingAncestor");
    if (remaining.exists)
        rest_write_reference(&json, remaining.level, remaining.id);
    else
        pacs_json_null(&json);
    pacs_json_object_end(&json);
    rest_reply_json(rest, request, reply, &body);
}
