#include <string.h>

#include "pacs/index/index_search_prepare.h"
#include "pacs/util/limits.h"

/* ---- The order of studies ---- */

#define ROW_BITS 27
#define SECOND_MAX ((INT64_C(1) << 36) - 1)
#define FIRST_DAY 365243 /* 1000-01-01 */
#define DAY_SECONDS 86400

int64_t pacs_search_key_of_second(int64_t day, int64_t second)
{
    int64_t seconds = (day - FIRST_DAY) * DAY_SECONDS + second + 1; /* 0 is for the undated */
    if (seconds < 1)
        seconds = 1;
    if (seconds > SECOND_MAX)
        seconds = SECOND_MAX;
    return seconds << ROW_BITS;
}

int64_t pacs_search_key(const char *study_date, const char *study_time, int64_t row)
{
    int64_t day;
    int64_t us = 0;
    int64_t last;
    const int64_t low = row & ((INT64_C(1) << ROW_BITS) - 1);
    if (!study_date || !pacs_match_parse_date(pacs_slice(study_date), &day, &last))
        return low;
    if (study_time)
        (void)pacs_match_parse_time(pacs_slice(study_time), &us, &last); /* unknown: the day's begin */
    return pacs_search_key_of_second(day, us / 1000000) | low;
}

/* ---- Texts to search in ---- */

static bool add_part(PacsValueKind kind, PacsSlice part, PacsBuffer *out)
{
    const char *pad = kind == PACS_VALUE_NAME ? " " : "";
    const size_t before = out->size;
    if (!pacs_buffer_add_text(out, pad))
        return false;
    const size_t start = out->size;
    if (!pacs_match_normalise(kind, false, part, out))
        return false;
    if (out->size > start)
        return pacs_buffer_add_text(out, pad) && pacs_buffer_add_char(out, '\\');
    out->size = before; /* an empty group or value */
    out->bytes[before] = '\0';
    return true;
}

bool pacs_search_text(PacsValueKind kind, const char *value, PacsBuffer *out)
{
    PacsSlice rest = pacs_slice(value);
    PacsSlice part;
    if (!pacs_buffer_add_char(out, '\\'))
        return false;
    while (rest.text && pacs_slice_split(&rest, '\\', &part)) {
        PacsSlice group = part;
        if (kind == PACS_VALUE_NAME)
            while (pacs_slice_split(&part, '=', &group)) {
                if (!add_part(kind, group, out))
                    return false;
            }
        else if (!add_part(kind, group, out))
            return false;
    }
    return true;
}

/** The one word that tells most rows apart without a look at their values; NULL if the matcher has none. */
static const PacsPattern *only_word(const PacsMatcher *matcher)
{
    const PacsPattern *pattern = matcher->patterns;
    if (matcher->match == PACS_MATCH_FUZZY || matcher->pattern_count != 1)
        return NULL;
    return pattern->shape != PACS_PATTERN_ANY && pattern->literal.size > 0 ? pattern : NULL;
}

/** Wherever it stands it stands in one value: it has no delimiter, and is not on the edge of a name's padding. */
static bool stands_in_one_value(const PacsPattern *pattern)
{
    const PacsSlice word = pattern->literal;
    return pattern->shape == PACS_PATTERN_CONTAINS && word.text[0] != ' ' &&
           word.text[word.size - 1] != ' ' && !memchr(word.text, '\\', word.size);
}

static bool has_word(const PacsPattern *pattern, PacsSlice text)
{
    PacsSlice word = pattern->literal;
    if (word.text[word.size - 1] == ' ') /* which a name's end need not have */
        word.size--;
    return memmem(text.text, text.size, word.text, word.size) != NULL;
}

bool pacs_search_text_matches(const PacsMatcher *matcher, PacsSlice text)
{
    PacsSlice part;
    if (matcher->match == PACS_MATCH_EMPTY)
        return text.size <= 1; /* its first delimiter */
    const PacsPattern *word = only_word(matcher);
    if (word && !has_word(word, text))
        return false;
    if (word && stands_in_one_value(word))
        return true;
    while (text.text && pacs_slice_split(&text, '\\', &part)) {
        if (part.size > 2 && part.text[0] == ' ') { /* a name's; nothing else begins with a space */
            part.text++;
            part.size -= 2;
        }
        if (part.size > 0 && pacs_matcher_test_normal(matcher, part))
            return true;
    }
    return false;
}
