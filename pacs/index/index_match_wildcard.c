#include <string.h>

#include "pacs/index/index_match.h"

/* Patterns with * and ?. Most are a word with stars around it, which memmem() finds fastest. */

static bool is_special(char c)
{
    return c == '*' || c == '?';
}

static bool has_special(PacsSlice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (is_special(text.text[i]))
            return true;
    return false;
}

PacsPattern pacs_pattern(PacsSlice text, bool wildcards)
{
    PacsPattern pattern = {.text = text, .shape = PACS_PATTERN_EXACT, .literal = text};
    if (!wildcards || !has_special(text))
        return pattern;
    PacsSlice literal = text;
    const bool open_end = literal.text[literal.size - 1] == '*';
    while (literal.size > 0 && literal.text[literal.size - 1] == '*')
        literal.size--;
    const bool open_start = literal.size > 0 && literal.text[0] == '*';
    while (literal.size > 0 && literal.text[0] == '*') {
        literal.text++;
        literal.size--;
    }
    pattern.literal = literal;
    const bool simple = open_end && !has_special(literal);
    pattern.shape = !simple                           ? PACS_PATTERN_ANY
                    : open_start || literal.size == 0 ? PACS_PATTERN_CONTAINS
                                                      : PACS_PATTERN_PREFIX;
    return pattern;
}

bool pacs_pattern_matches(const PacsPattern *pattern, PacsSlice text)
{
    const PacsSlice literal = pattern->literal;
    switch (pattern->shape) {
    case PACS_PATTERN_EXACT:
        return text.size == literal.size && memcmp(text.text, literal.text, text.size) == 0;
    case PACS_PATTERN_PREFIX:
        return text.size >= literal.size && memcmp(text.text, literal.text, literal.size) == 0;
    case PACS_PATTERN_CONTAINS:
        return literal.size == 0 || memmem(text.text, text.size, literal.text, literal.size) != NULL;
    case PACS_PATTERN_ANY:
        break;
    }
    return pacs_match_wildcard(pattern->text, text);
}

/** Bytes of the character at `at`; a byte that begins none counts as one. */
static size_t character_size(PacsSlice text, size_t at)
{
    uint32_t code_point;
    const size_t size = pacs_utf8_next(text.text + at, text.size - at, &code_point);
    return size > 0 ? size : 1;
}

/**
 * Going back to the last star alone is enough: what stood before it has matched, and a later star can begin wherever
 * an earlier one could. So the time is at most the product of both lengths, whatever the pattern.
 */
bool pacs_match_wildcard(PacsSlice pattern, PacsSlice text)
{
    size_t at_pattern = 0;
    size_t at_text = 0;
    size_t star = SIZE_MAX; /* behind the last star in the pattern */
    size_t star_text = 0;   /* where what follows it is tried next */
    while (at_text < text.size) {
        const char c = (char)(at_pattern < pattern.size ? pattern.text[at_pattern] : '\0');
        if (c == '*' && at_pattern < pattern.size) {
            star = ++at_pattern;
            star_text = at_text;
        } else if (c == '?' && at_pattern < pattern.size) {
            at_pattern++;
            at_text += character_size(text, at_text);
        } else if (at_pattern < pattern.size && c == text.text[at_text]) {
            at_pattern++;
            at_text++;
        } else if (star != SIZE_MAX) {
            at_pattern = star;
            star_text += character_size(text, star_text);
            at_text = star_text;
        } else {
            return false;
        }
    }
    while (at_pattern < pattern.size && pattern.text[at_pattern] == '*')
        at_pattern++;
    return at_pattern == pattern.size;
}
