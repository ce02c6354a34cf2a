#include "dicomweb/qido_answer.h"

#include <stdlib.h>
#include <string.h>

#include "dicomweb/media_types.h"
#include "dicomweb/qido_row.h"
#include "pacs/dicom/dicom_xml.h"
#include "pacs/util/limits.h"

#define PAGE_ROWS 500     /* 1.5 MB of rows */
#define PAGE_ROWS_JSON 50 /* each brings its packed JSON: 100 kB where there are many frames */
#define FILL_SIZE (64u << 10)
#define TEXT_MAX ((size_t)PACS_MAX_INSTANCE_JSON * 8) /* one row in XML, every character an entity */

struct QidoAnswer {
    PacsSource base; /* first */
    PacsIndex *index;
    QidoForm form;
    QidoFields fields;
    PacsSearch search; /* of the page at hand */
    PacsArena *arena;  /* what the page at hand lives in */
    PacsSearchPage page;
    char *cursor;    /* of the next page; the page's own goes with its arena */
    size_t next_row; /* of the page */
    uint32_t limit;
    uint32_t left;     /* matches that may still be written */
    bool is_last_page; /* nothing is read after the page at hand */
    bool is_begun, is_done;
    QidoRowWriter writer;
    PacsJson json;    /* writes to text, or to match */
    PacsBuffer text;  /* written and not yet read */
    size_t sent;      /* of it */
    PacsBuffer match; /* XML: the match at hand as JSON */
};

/* ---- pages ---- */

static bool has_unindexed_term(const QidoQuery *query)
{
    for (size_t i = 0; i < query->term_count; i++) {
        if (!pacs_search_is_indexed(query->level, &query->terms[i]))
            return true;
    }
    return false;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/** Whether there is more behind several pages only a total tells before the first of them leaves. */
static PacsSearchCount count_of(const QidoQuery *query, bool has_pages)
{
    return has_pages && query->count == PACS_COUNT_NONE ? PACS_COUNT_QUICK : query->count;
}

static void plan(QidoAnswer *answer, const QidoQuery *query, const QidoFields *fields)
{
    uint32_t rows = fields->needs_json ? PAGE_ROWS_JSON : PAGE_ROWS;

    answer->limit = query->has_limit ? query->limit : PACS_MAX_QIDO_ROWS;
    if (has_unindexed_term(query)) {
        answer->is_last_page = true;
        answer->limit = rows = smaller(answer->limit, fields->needs_json ? PAGE_ROWS : PACS_MAX_SEARCH_JSON);
    }
    answer->left = answer->limit;
    answer->search = (PacsSearch){.level = query->level,
                                  .terms = query->terms,
                                  .term_count = query->term_count,
                                  .timezone = query->timezone,
                                  .limit = answer->left > 0 ? smaller(rows, answer->left) : 1,
                                  .offset = query->offset,
                                  .cursor = query->cursor,
                                  .count = count_of(query, answer->limit > rows),
                                  .want_json = fields->needs_json};
}

static PacsStatus read_page(QidoAnswer *answer, PacsError *err)
{
    PacsStatus status = pacs_index_search(answer->index, &answer->search, answer->arena, &answer->page, err);
    if (status != PACS_OK)
        return status;
    if (answer->page.count > answer->left) /* a limit of 0 */
        answer->page.count = answer->left;
    answer->next_row = 0;
    if (!answer->page.next || answer->left <= answer->page.count)
        answer->is_last_page = true; /* nothing, or nothing wanted, follows this page */
    return PACS_OK;
}

static PacsStatus next_page(QidoAnswer *answer, PacsError *err)
{
    free(answer->cursor);
    answer->cursor = strdup(answer->page.next);
    if (!answer->cursor)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search's next page");
    pacs_arena_reset(answer->arena);
    answer->search.cursor = answer->cursor;
    answer->search.offset = 0;
    answer->search.count = PACS_COUNT_NONE;
    answer->search.limit = smaller(answer->search.limit, answer->left);
    return read_page(answer, err);
}

/* ---- text ---- */

static PacsStatus write_xml(QidoAnswer *answer, const PacsSearchRow *row, PacsError *err)
{
    pacs_buffer_reset(&answer->match);
    pacs_json_init(&answer->json, &answer->match, false);
    PacsStatus status = qido_row_write(&answer->writer, row, &answer->json, err);
    if (status == PACS_OK)
        status = pacs_buffer_check(&answer->match, err);
    if (status != PACS_OK)
        return status;
    (void)pacs_buffer_add_text(&answer->text,
                               "--" QIDO_BOUNDARY "\r\nContent-Type: " DICOMWEB_TYPE_XML "\r\n\r\n");
    status = pacs_dicom_xml_write((PacsSlice){pacs_buffer_text(&answer->match), answer->match.size}, "",
                                  &answer->text, err);
    (void)pacs_buffer_add_text(&answer->text, "\r\n");
    return status;
}

static PacsStatus write_match(QidoAnswer *answer, PacsError *err)
{
    const PacsSearchRow *row = &answer->page.rows[answer->next_row++];

    answer->left--;
    PacsStatus status = answer->form == QIDO_AS_XML
                            ? write_xml(answer, row, err)
                            : qido_row_write(&answer->writer, row, &answer->json, err);
    return status == PACS_OK ? pacs_buffer_check(&answer->text, err) : status;
}

static void begin(QidoAnswer *answer)
{
    answer->is_begun = true;
    if (answer->form == QIDO_AS_XML)
        return;
    pacs_json_init(&answer->json, &answer->text, false);
    pacs_json_array_begin(&answer->json);
}

static PacsStatus end(QidoAnswer *answer, PacsError *err)
{
    answer->is_done = true;
    if (answer->form == QIDO_AS_JSON)
        pacs_json_array_end(&answer->json);
    else
        (void)pacs_buffer_add_text(&answer->text, "--" QIDO_BOUNDARY "--\r\n");
    return pacs_buffer_check(&answer->text, err);
}

/** One more match, the next page, or the end. */
static PacsStatus step(QidoAnswer *answer, PacsError *err)
{
    if (answer->next_row < answer->page.count)
        return write_match(answer, err);
    return answer->is_last_page ? end(answer, err) : next_page(answer, err);
}

PacsStatus qido_answer_fill(QidoAnswer *answer, size_t size, PacsBuffer **ret_text, bool *ret_done,
                            PacsError *err)
{
    PacsStatus status = PACS_OK;

    pacs_buffer_drop_front(&answer->text, answer->sent);
    answer->sent = 0;
    if (!answer->is_begun)
        begin(answer);
    while (status == PACS_OK && !answer->is_done && answer->text.size < size)
        status = step(answer, err);
    if (status != PACS_OK)
        return status;
    *ret_text = &answer->text;
    *ret_done = answer->is_done;
    return PACS_OK;
}

/* ---- the stream ---- */

static PacsStatus answer_read(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err)
{
    QidoAnswer *answer = (QidoAnswer *)self;

    if (answer->sent == answer->text.size && !answer->is_done) {
        PacsBuffer *text;
        bool done;
        PacsStatus status = qido_answer_fill(answer, FILL_SIZE, &text, &done, err);
        if (status != PACS_OK)
            return status;
    }
    size_t count = answer->text.size - answer->sent;
    if (count > size)
        count = size;
    if (count > 0)
        memcpy(bytes, answer->text.bytes + answer->sent, count);
    answer->sent += count;
    *ret_size = count;
    return PACS_OK;
}

static void answer_free(PacsSource *self)
{
    qido_answer_free((QidoAnswer *)self);
}

static const PacsSourceOps answer_ops = {.read = answer_read, .free = answer_free};

PacsSource *qido_answer_source(QidoAnswer *answer)
{
    return &answer->base;
}

/* ---- making and asking ---- */

void qido_answer_free(QidoAnswer *answer)
{
    if (!answer)
        return;
    qido_row_writer_clear(&answer->writer);
    pacs_buffer_clear(&answer->text);
    pacs_buffer_clear(&answer->match);
    pacs_arena_free(answer->arena);
    free(answer->cursor);
    free(answer);
}

PacsStatus qido_answer_new(PacsIndex *index, const QidoQuery *query, const QidoFields *fields, QidoForm form,
                           const char *root, QidoAnswer **ret_answer, PacsError *err)
{
    PACS_AUTO(QidoAnswer) answer = calloc(1, sizeof *answer);
    if (!answer)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    *answer = (QidoAnswer){.base.ops = &answer_ops, .index = index, .form = form, .fields = *fields};
    qido_row_writer_init(&answer->writer, &answer->fields, root);
    pacs_buffer_init(&answer->text, TEXT_MAX);
    pacs_buffer_init(&answer->match, PACS_MAX_INSTANCE_JSON);
    answer->arena = pacs_arena_new(PACS_MAX_HTTP_REQUEST_ARENA);
    if (!answer->arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    plan(answer, query, fields);
    PacsStatus status = read_page(answer, err);
    if (status == PACS_OK)
        *ret_answer = PACS_STEAL(answer);
    return status;
}

const PacsSearchPage *qido_answer_page(const QidoAnswer *answer)
{
    return &answer->page;
}

uint64_t qido_answer_first_count(const QidoAnswer *answer)
{
    return answer->page.count;
}

uint32_t qido_answer_limit(const QidoAnswer *answer)
{
    return answer->limit;
}

bool qido_answer_is_one_page(const QidoAnswer *answer)
{
    return answer->is_last_page;
}
