#include <string.h>

#include "pacs/index/index_sqlite_search.h"

/* Runs of letters by which texts are found. Three letters find a word; but the parts of names are few and common, and
 * "nguyen van an" has no three letters in a row that are rare, so names have runs of six besides. */

#define SHORT 3
#define LONG 6
#define WORD_MIN 2 /* letters that a word begins with: "yen" is in every Nguyen, but few are called so */
#define WORD_MAX 4

static bool is_name(IndexSearchColumn column)
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

size_t pacs_index_sqlite_gram_size(IndexSearchColumn column, PacsSlice run)
{
    return is_name(column) && count_letters(run, LONG) == LONG ? LONG : SHORT;
}

static size_t size_of_letters(PacsSlice text, size_t letters)
{
    size_t size = 0;
    while (letters-- > 0)
        size += character(text, size);
    return size;
}

PacsSlice pacs_index_sqlite_word_start(IndexSearchColumn column, PacsSlice word)
{
    const size_t letters = is_name(column) ? count_letters(word, WORD_MAX) : 0;
    return (PacsSlice){word.text, letters >= WORD_MIN ? size_of_letters(word, letters) : 0};
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

void pacs_index_sqlite_gram_token(const IndexSearchGram *gram, char ret_token[INDEX_SEARCH_TOKEN_SIZE])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (size_t i = 0; i < gram->text.size; i++)
        hash = (hash ^ (uint8_t)gram->text.text[i]) * 0x100000001B3u;
    hash ^= hash >> 30;
    ret_token[0] = (char)('a' + (int)gram->column + (gram->is_word ? SEARCH_COLUMN_COUNT : 0));
    for (size_t i = 1; i + 1 < INDEX_SEARCH_TOKEN_SIZE; i++, hash >>= 5)
        ret_token[i] = digits[hash & 31];
    ret_token[INDEX_SEARCH_TOKEN_SIZE - 1] = '\0';
}

typedef struct Tokens {
    IndexSearchGram gram; /* but for the text */
    PacsBuffer *out;
} Tokens;

static bool add_token(void *context, const char *text, size_t size)
{
    Tokens *tokens = context;
    char token[INDEX_SEARCH_TOKEN_SIZE];
    tokens->gram.text = (PacsSlice){text, size};
    pacs_index_sqlite_gram_token(&tokens->gram, token);
    return pacs_buffer_add_char(tokens->out, ' ') && pacs_buffer_add_text(tokens->out, token);
}

static void add_words(IndexSearchColumn column, PacsSlice text, PacsBuffer *out)
{
    Tokens tokens = {.gram = {.column = column, .is_word = true}, .out = out};
    PacsSlice word;
    while (pacs_match_next_word(&text, &word)) {
        const size_t letters = count_letters(word, WORD_MAX);
        for (size_t i = WORD_MIN; i <= letters; i++)
            (void)add_token(&tokens, word.text, size_of_letters(word, i)); /* `failed` is looked at once */
    }
}

void pacs_index_sqlite_add_tokens(IndexSearchColumn column, PacsSlice text, PacsBuffer *out)
{
    Tokens tokens = {.gram.column = column, .out = out};
    if (has_grams(column))
        pacs_index_sqlite_grams_of(text, SHORT, add_token, &tokens);
    if (!is_name(column))
        return;
    pacs_index_sqlite_grams_of(text, LONG, add_token, &tokens);
    add_words(column, text, out);
}

static bool has_word_start(PacsSlice text, PacsSlice start)
{
    PacsSlice word;
    while (pacs_match_next_word(&text, &word))
        if (word.size >= start.size && memcmp(word.text, start.text, start.size) == 0)
            return true;
    return false;
}

void pacs_index_sqlite_sample_grams(IndexSearchGrams *grams, const PacsSlice texts[SEARCH_COLUMN_COUNT])
{
    grams->sampled++;
    for (size_t i = 0; i < grams->count; i++) {
        IndexSearchGram *gram = &grams->items[i];
        const PacsSlice text = texts[gram->column];
        if (gram->is_word ? has_word_start(text, gram->text)
                          : memmem(text.text, text.size, gram->text.text, gram->text.size) != NULL)
            gram->hits++;
    }
}
