#include <string.h>

#include "pacs/index/index_sqlite_search.h"

/* Runs of letters by which texts are found. Three letters find a word; but the parts of names are few and common, and
 * "nguyen van an" has no three letters in a row that are rare, so names have runs of six besides. */

#define SHORT 3
#define LONG 6

static bool has_long_grams(IndexSearchColumn column)
{
    return column == SEARCH_PATIENT_NAME || column == SEARCH_REFERRING_PHYSICIAN;
}

static bool has_grams(IndexSearchColumn column)
{
    return column != SEARCH_BIRTH_DATE && column != SEARCH_SEX;
}

/** Bytes of the character at `at`, 0 at the end. What is no UTF-8 does not come here, but must not stop us. */
static size_t character(PacsSlice text, size_t at)
{
    uint32_t code_point;
    if (at >= text.size)
        return 0;
    const size_t size = pacs_utf8_next(text.text + at, text.size - at, &code_point);
    return size > 0 ? size : 1;
}

static size_t count_letters(PacsSlice text, size_t max)
{
    size_t count = 0;
    for (size_t at = 0, step; count < max && (step = character(text, at)) > 0; at += step)
        count++;
    return count;
}

bool pacs_index_sqlite_has_long_gram(IndexSearchColumn column, PacsSlice run)
{
    return has_long_grams(column) && count_letters(run, LONG) == LONG;
}

size_t pacs_index_sqlite_gram_size(IndexSearchColumn column, PacsSlice run)
{
    return pacs_index_sqlite_has_long_gram(column, run) ? LONG : SHORT;
}

void pacs_index_sqlite_grams_of(PacsSlice text, size_t letters, IndexGramVisitor *visit, void *context)
{
    size_t end = 0;
    size_t count = 0;
    for (size_t start = 0; start < text.size; start += character(text, start), count--) {
        for (size_t step; count < letters && (step = character(text, end)) > 0; end += step)
            count++;
        if (count < letters || !visit(context, text.text + start, end - start))
            return;
    }
}

void pacs_index_sqlite_gram_token(IndexSearchColumn column, const char *text, size_t size,
                                  char ret_token[INDEX_SEARCH_TOKEN_SIZE])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001B3u;
    hash ^= hash >> 30;
    ret_token[0] = (char)('a' + (int)column);
    for (size_t i = 1; i + 1 < INDEX_SEARCH_TOKEN_SIZE; i++, hash >>= 5)
        ret_token[i] = digits[hash & 31];
    ret_token[INDEX_SEARCH_TOKEN_SIZE - 1] = '\0';
}

typedef struct Tokens {
    IndexSearchColumn column;
    PacsBuffer *out;
} Tokens;

static bool add_token(void *context, const char *text, size_t size)
{
    const Tokens *tokens = context;
    char token[INDEX_SEARCH_TOKEN_SIZE];
    pacs_index_sqlite_gram_token(tokens->column, text, size, token);
    return pacs_buffer_add_char(tokens->out, ' ') && pacs_buffer_add_text(tokens->out, token);
}

void pacs_index_sqlite_add_tokens(IndexSearchColumn column, PacsSlice text, PacsBuffer *out)
{
    Tokens tokens = {.column = column, .out = out};
    if (has_grams(column))
        pacs_index_sqlite_grams_of(text, SHORT, add_token, &tokens);
    if (has_long_grams(column))
        pacs_index_sqlite_grams_of(text, LONG, add_token, &tokens);
}

void pacs_index_sqlite_sample_grams(IndexSearchGrams *grams, const PacsSlice texts[SEARCH_COLUMN_COUNT])
{
    grams->sampled++;
    for (size_t i = 0; i < grams->count; i++) {
        IndexSearchGram *gram = &grams->items[i];
        const PacsSlice text = texts[gram->column];
        if (memmem(text.text, text.size, gram->text.text, gram->text.size))
            gram->hits++;
    }
}
