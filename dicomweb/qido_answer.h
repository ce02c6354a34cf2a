#pragma once

#include "dicomweb/qido_fields.h"
#include "dicomweb/qido_query.h"
#include "pacs/index/index_search.h"
#include "pacs/util/auto.h"
#include "pacs/util/source.h"

/**
 * The body of a search's answer, as a stream: a page of the index at a time, each match written when the client has
 * taken those before it. So an answer of 50,000 instances costs the memory of one page, and its first bytes leave when
 * the first page is there.
 *
 * JSON: one array. XML: a part of multipart/related for each match (PS3.18 8.7.4).
 *
 * What is searched by DICOM JSON, bounded and slow, gets one page: headers have to say before the first byte whether
 * it was all.
 */
typedef enum QidoForm { QIDO_AS_JSON, QIDO_AS_XML } QidoForm;

/** Line ends in an XML part's text are character references, so no text can look like a boundary. */
#define QIDO_BOUNDARY "lightbox-qido-match"

typedef struct QidoAnswer QidoAnswer;

/**
 * Make the first page. query and fields are borrowed for the call; what they point to, root and index have to outlive
 * the answer (the request's arena does).
 * Errors:  of the search: PACS_INVALID (a value or cursor that means nothing), PACS_UNAVAILABLE, ...
 */
PACS_CHECKED PacsStatus qido_answer_new(PacsIndex *index, const QidoQuery *query, const QidoFields *fields,
                                        QidoForm form, const char *root, QidoAnswer **ret_answer,
                                        PacsError *err);
void qido_answer_free(QidoAnswer *answer);
PACS_DEFINE_AUTO(QidoAnswer, qido_answer_free);

/** The first page, whose total is that of the search; valid until the body is read. */
const PacsSearchPage *qido_answer_page(const QidoAnswer *answer);
/** Matches that the first page gives to the answer: its rows, up to the limit. */
uint64_t qido_answer_first_count(const QidoAnswer *answer);
/** How many matches the whole answer may have: the limit asked for, or the server's. */
uint32_t qido_answer_limit(const QidoAnswer *answer);
/** False: further pages follow the first one. */
bool qido_answer_is_one_page(const QidoAnswer *answer);

/** The body up to `size` bytes or a little more; *ret_done if that was all of it. Valid until the next read. */
PACS_CHECKED PacsStatus qido_answer_fill(QidoAnswer *answer, size_t size, PacsBuffer **ret_text,
                                         bool *ret_done, PacsError *err);
/** The body from here on, as a stream that owns the answer. */
PacsSource *qido_answer_source(QidoAnswer *answer);
