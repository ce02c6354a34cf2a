#include "dicomweb/accept.h"
#include "dicomweb/dicomweb_private.h"
#include "dicomweb/qido_answer.h"
#include "dicomweb/qido_headers.h"
#include "dicomweb/url.h"

/* QIDO-RS: searches for studies, series and instances (PS3.18 10.6). */

#define WHOLE_ANSWER (1u << 20) /* what fits into this leaves with a Content-Length */

typedef struct Search {
    Dicomweb *dicomweb;
    PacsHttpRequest *request;
    PacsHttpReply *reply;
    PacsUidPath path; /* what is searched in */
    const DicomwebOffer *offer;
    QidoQuery query;
    QidoFields fields;
    const char *root;
} Search;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
}

static PacsStatus read_query(Search *search, PacsLevel level, PacsError *err)
{
    PacsArena *arena = pacs_http_arena(search->request);
    size_t count = pacs_http_query_count(search->request);
    PacsHttpPair *pairs = pacs_arena_array(arena, count + 1, sizeof *pairs);
    search->root = dicomweb_public_root(&search->dicomweb->options, search->request);

    if (!pairs || !search->root)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        pairs[i] = pacs_http_query_at(search->request, i);
    PacsStatus status = qido_query_parse(level, &search->path, pairs, count, search->dicomweb->options.strict,
                                         arena, &search->query, err);
    if (status == PACS_OK)
        status = qido_fields_choose(&search->query, &search->path, arena, &search->fields, err);
    return status;
}

/** "http://host/dicom-web/studies/1.2/series" */
static const char *target(const Search *search)
{
    static const char *const names[] = {"", "/studies", "/series", "/instances"};
    const PacsUidPath *path = &search->path;
    bool in_study = path->study_uid != NULL;
    bool in_series = path->series_uid != NULL;

    return pacs_arena_printf(pacs_http_arena(search->request), "%s%s%s%s%s%s", search->root,
                             in_study ? "/studies/" : "", in_study ? path->study_uid : "",
                             in_series ? "/series/" : "", in_series ? path->series_uid : "",
                             names[search->query.level]);
}

/** Multipart needs a part (RFC 2046 5.1.1), and strict clients know 204 from PS3.18 10.6.3. */
static bool is_no_content(const Search *search, const QidoAnswer *answer)
{
    return qido_answer_first_count(answer) == 0 &&
           (search->offer->is_multipart || search->dicomweb->options.strict);
}

/** *Takes* answer. */
static PacsStatus reply_body(const Search *search, QidoAnswer *answer, PacsError *err)
{
    PACS_AUTO(QidoAnswer) own = answer;
    const char *type = dicomweb_content_type(search->offer, QIDO_BOUNDARY, pacs_http_arena(search->request));
    PacsBuffer *text;
    bool done;

    if (is_no_content(search, answer)) {
        pacs_http_reply_code(search->reply, 204);
        return PACS_OK;
    }
    PacsStatus status = type ? qido_answer_fill(answer, WHOLE_ANSWER, &text, &done, err) : no_memory(err);
    if (status != PACS_OK)
        return status;
    if (done)
        pacs_http_reply_buffer(search->reply, type, text);
    else
        pacs_http_reply_source(search->reply, type, qido_answer_source(PACS_STEAL(own)),
                               PACS_HTTP_UNKNOWN_SIZE);
    return PACS_OK;
}

static PacsStatus reply_matches(Search *search, PacsError *err)
{
    QidoForm form = search->offer->is_multipart ? QIDO_AS_XML : QIDO_AS_JSON;
    PACS_AUTO(QidoAnswer) answer = NULL;
    const char *resource = target(search);

    if (!resource)
        return no_memory(err);
    PacsStatus status = qido_answer_new(search->dicomweb->index, &search->query, &search->fields, form,
                                        search->root, &answer, err);
    if (status != PACS_OK)
        return status;
    qido_reply_headers(search->request, search->reply, &search->query, answer, search->root, resource);
    return reply_body(search, PACS_STEAL(answer), err);
}

static void reply_search(Dicomweb *dicomweb, PacsLevel level, PacsUidPath path, PacsHttpRequest *request,
                         PacsHttpReply *reply)
{
    static const DicomwebOffer offers[] = {{.media_type = DICOMWEB_TYPE_JSON},
                                           {.media_type = DICOMWEB_TYPE_XML, .is_multipart = true}};
    Search search = {.dicomweb = dicomweb, .request = request, .reply = reply, .path = path};
    PacsError err = {0};

    search.offer = dicomweb_negotiate(request, reply, offers, sizeof offers / sizeof offers[0]);
    if (!search.offer)
        return;
    PacsStatus status = read_query(&search, level, &err);
    if (status == PACS_OK)
        status = reply_matches(&search, &err);
    if (status != PACS_OK)
        dicomweb_reply_failure(request, reply, &err);
}

/* ---- routes ---- */

void dicomweb_search_studies(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_search(context, PACS_LEVEL_STUDY, (PacsUidPath){0}, request, reply);
}

void dicomweb_search_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_search(context, PACS_LEVEL_SERIES, (PacsUidPath){0}, request, reply);
}

void dicomweb_search_instances(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_search(context, PACS_LEVEL_INSTANCE, (PacsUidPath){0}, request, reply);
}

void dicomweb_search_study_series(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_search(context, PACS_LEVEL_SERIES, dicomweb_path(request, PACS_LEVEL_STUDY), request, reply);
}

void dicomweb_search_study_instances(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_search(context, PACS_LEVEL_INSTANCE, dicomweb_path(request, PACS_LEVEL_STUDY), request, reply);
}

void dicomweb_search_series_instances(void *context, PacsHttpRequest *request, PacsHttpReply *reply)
{
    reply_search(context, PACS_LEVEL_INSTANCE, dicomweb_path(request, PACS_LEVEL_SERIES), request, reply);
}
