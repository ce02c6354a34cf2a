/* The query of a search: the first byte chooses level and strictness, the rest is what stands behind the '?'. What is
 * understood is within the bounds that the index relies on. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dicomweb/qido_query.h"
#include "pacs/http/query.h"
#include "pacs/util/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_term(const PacsSearchTerm *term)
{
    if (term->sequence_count > PACS_MAX_SEQUENCE_DEPTH || term->value_count > PACS_MAX_SEARCH_VALUES)
        abort();
    if ((term->match == PACS_MATCH_RANGE) != (term->from || term->to) || term->match == PACS_MATCH_ANY)
        abort();
    if (term->match != PACS_MATCH_RANGE && term->value_count == 0)
        abort();
    for (size_t i = 0; i < term->value_count; i++) {
        if (!term->values[i] || term->values[i][0] == '\0')
            abort();
    }
}

static void check(const QidoQuery *query)
{
    if (query->term_count > PACS_MAX_SEARCH_TERMS || query->limit > PACS_MAX_QIDO_ROWS ||
        query->offset > PACS_MAX_QIDO_OFFSET)
        abort();
    for (size_t i = 0; i < query->term_count; i++)
        check_term(&query->terms[i]);
    for (size_t i = 1; i < query->shown_count; i++) {
        if (qido_path_compare(&query->shown[i - 1], &query->shown[i]) >= 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(64u << 20);
    const PacsUidPath path = {.study_uid = "1.2.3"};
    PacsHttpPair *pairs = NULL;
    QidoQuery query;
    size_t count = 0;

    if (!arena || size == 0)
        return 0;
    PacsLevel level = PACS_LEVEL_STUDY + data[0] % 3;
    bool strict = data[0] & 0x80;
    PacsSlice text = {(const char *)data + 1, size - 1};
    if (pacs_http_query_parse(arena, text, &pairs, &count, NULL) == PACS_OK &&
        qido_query_parse(level, &path, pairs, count, strict, arena, &query, NULL) == PACS_OK)
        check(&query);
    return 0;
}
