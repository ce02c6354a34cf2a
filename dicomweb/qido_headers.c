#include "dicomweb/qido_headers.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "pacs/util/limits.h"

#define LINK_MAX ((size_t)8 << 10) /* half of what a reply's headers may have; a longer query has no link */

/* ---- Warning ---- */

static void warn(PacsHttpReply *reply, const char *root, const char *text)
{
    PACS_AUTO_BUFFER PacsBuffer value = PACS_BUFFER(PACS_MAX_HTTP_REPLY_HEADERS);

    (void)pacs_buffer_add_format(&value, "299 %s: %s", root, text);
    if (!value.failed) /* a warning is not worth failing for */
        pacs_http_reply_add_header(reply, "Warning", pacs_buffer_text(&value));
}

static const struct {
    QidoNote note;
    const char *text;
} notes[] = {
    {QIDO_NOTE_UNKNOWN_PARAMETER, "Parameters that name no attribute were not used for matching."},
    {QIDO_NOTE_UNKNOWN_ATTRIBUTE, "The includefield parameter names attributes that are not known."},
    {QIDO_NOTE_NOT_MATCHED, "Attributes that are only returned were not used for matching."},
};

static void warn_of_notes(PacsHttpReply *reply, const QidoQuery *query, const char *root)
{
    char text[128];

    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        if (query->notes & notes[i].note)
            warn(reply, root, notes[i].text);
    if (query->notes & QIDO_NOTE_LIMITED) {
        (void)snprintf(text, sizeof text, "The limit was reduced to %d results.", PACS_MAX_QIDO_ROWS);
        warn(reply, root, text);
    }
}

/* ---- what comes next ---- */

/** Matches in front of the answer's end that a client can count; behind a cursor nobody knows. */
static uint64_t counted(const QidoQuery *query, const QidoAnswer *answer)
{
    uint64_t given = qido_answer_is_one_page(answer) ? qido_answer_first_count(answer)
                                                     : qido_answer_limit(answer);
    return query->offset + given;
}

static bool has_more(const QidoQuery *query, const QidoAnswer *answer)
{
    const PacsSearchPage *page = qido_answer_page(answer);

    if (!page->next)
        return false;
    if (qido_answer_is_one_page(answer) || query->cursor)
        return true;
    /* An estimate may be short of it: better a link to nothing than matches that nobody hears of. */
    return page->total > counted(query, answer) / (page->total_is_estimate ? 2 : 1);
}

static void warn_of_more(PacsHttpReply *reply, const QidoQuery *query, const QidoAnswer *answer,
                         const char *root)
{
    const PacsSearchPage *page = qido_answer_page(answer);
    uint64_t before = counted(query, answer);
    char text[160] = "There are additional results that can be requested";

    if (page->is_partial)
        (void)snprintf(text, sizeof text,
                       "Attributes that are not indexed were compared for a part of the archive only. "
                       "The search can be continued by the next link");
    else if (query->count != PACS_COUNT_NONE && !query->cursor && page->total > before)
        (void)snprintf(text, sizeof text, "There are %s%" PRIu64 " additional results that can be requested",
                       page->total_is_estimate ? "about " : "", page->total - before);
    warn(reply, root, text);
}

/** Everything but unreserved characters percent-encoded. */
static void add_encoded(PacsBuffer *out, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            (void)pacs_buffer_add_char(out, *text); /* checked once, at the end */
        else
            (void)pacs_buffer_add_format(out, "%%%02X", (unsigned char)*text);
    }
}

static void add_parameter(PacsBuffer *out, const char *name, const char *value)
{
    (void)pacs_buffer_add_char(out, memchr(out->bytes, '?', out->size) ? '&' : '?');
    add_encoded(out, name);
    (void)pacs_buffer_add_char(out, '=');
    add_encoded(out, value);
}

/** The query as it was asked, from elsewhere on. */
static void link_next(const PacsHttpRequest *request, PacsHttpReply *reply, const QidoQuery *query,
                      const QidoAnswer *answer, const char *target)
{
    PACS_AUTO_BUFFER PacsBuffer link = PACS_BUFFER(LINK_MAX);
    bool by_cursor = qido_answer_is_one_page(answer);
    char offset[24];

    (void)pacs_buffer_add_format(&link, "<%s", target);
    for (size_t i = 0; i < pacs_http_query_count(request); i++) {
        const PacsHttpPair pair = pacs_http_query_at(request, i);
        PacsSlice name = pacs_slice(pair.name);
        if (!pacs_slice_equal_case(name, "offset") && !pacs_slice_equal_case(name, "cursor"))
            add_parameter(&link, pair.name, pair.value);
    }
    if (by_cursor) {
        add_parameter(&link, "cursor", qido_answer_page(answer)->next);
    } else {
        (void)snprintf(offset, sizeof offset, "%" PRIu64, counted(query, answer));
        add_parameter(&link, "offset", offset);
        if (query->cursor)
            add_parameter(&link, "cursor", query->cursor);
    }
    (void)pacs_buffer_add_text(&link, ">; rel=\"next\"");
    if (!link.failed)
        pacs_http_reply_add_header(reply, "Link", pacs_buffer_text(&link));
}

void qido_reply_headers(const PacsHttpRequest *request, PacsHttpReply *reply, const QidoQuery *query,
                        const QidoAnswer *answer, const char *root, const char *target)
{
    const PacsSearchPage *page = qido_answer_page(answer);
    char total[24];

    if (query->count != PACS_COUNT_NONE) {
        (void)snprintf(total, sizeof total, "%" PRIu64, page->total);
        pacs_http_reply_header(reply, "X-Total-Count", total);
        if (page->total_is_estimate)
            pacs_http_reply_header(reply, "X-Total-Count-Estimated", "true");
    }
    pacs_http_reply_header(reply, "Cache-Control", "private, no-cache");
    warn_of_notes(reply, query, root);
    if (!has_more(query, answer))
        return;
    warn_of_more(reply, query, answer, root);
    link_next(request, reply, query, answer, target);
}
