#include "pacs/index/index_match.h"

#include <stdlib.h>
#include <string.h>

#include "pacs/util/limits.h"

static PacsValueKind kind_of(PacsVr vr)
{
    switch (vr) {
    case PACS_VR_PN:
        return PACS_VALUE_NAME;
    case PACS_VR_UI:
        return PACS_VALUE_UID;
    case PACS_VR_DA:
        return PACS_VALUE_DATE;
    case PACS_VR_TM:
        return PACS_VALUE_TIME;
    case PACS_VR_DT:
        return PACS_VALUE_DATETIME;
    case PACS_VR_DS:
    case PACS_VR_FD:
    case PACS_VR_FL:
    case PACS_VR_IS:
    case PACS_VR_SL:
    case PACS_VR_SS:
    case PACS_VR_SV:
    case PACS_VR_UL:
    case PACS_VR_US:
    case PACS_VR_UV:
        return PACS_VALUE_NUMBER;
    default:
        return PACS_VALUE_TEXT;
    }
}

/* ---- The form that is compared ---- */

/** Without the padding of either end, NULs too. */
static PacsSlice trim(PacsSlice value)
{
    while (value.size > 0 && (value.text[value.size - 1] == ' ' || value.text[value.size - 1] == '\0'))
        value.size--;
    while (value.size > 0 && value.text[0] == ' ') {
        value.text++;
        value.size--;
    }
    return value;
}

/** One component group. Folded, its delimiters are spaces, which folding joins and trims. */
static bool normalise_group(bool case_sensitive, PacsSlice group, PacsBuffer *out)
{
    if (case_sensitive) {
        group = trim(group);
        while (group.size > 0 && (group.text[group.size - 1] == '^' || group.text[group.size - 1] == ' '))
            group.size--;
        return pacs_buffer_add(out, group.text, group.size);
    }
    PACS_AUTO_BUFFER PacsBuffer spaced = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    if (!pacs_buffer_add(&spaced, group.text, group.size))
        return false;
    for (size_t i = 0; i < spaced.size; i++)
        if (spaced.bytes[i] == '^' || spaced.bytes[i] == '\0')
            spaced.bytes[i] = ' ';
    return pacs_text_fold(out, pacs_buffer_text(&spaced), spaced.size);
}

static bool normalise_name(bool case_sensitive, PacsSlice name, PacsBuffer *out)
{
    const size_t start = out->size;
    PacsSlice group;
    bool done = true;
    for (bool first = true; done && pacs_slice_split(&name, '=', &group); first = false) {
        done = first || pacs_buffer_add_char(out, '=');
        done = done && normalise_group(case_sensitive, group, out);
    }
    while (done && out->size > start && out->bytes[out->size - 1] == '=')
        out->bytes[--out->size] = '\0'; /* groups that are not there */
    return done;
}

static bool add_without(PacsBuffer *out, PacsSlice value, char separator)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.text[i] != separator && !pacs_buffer_add_char(out, value.text[i]))
            return false;
    return true;
}

bool pacs_match_normalise(PacsValueKind kind, bool case_sensitive, PacsSlice value, PacsBuffer *out)
{
    switch (kind) {
    case PACS_VALUE_NAME:
        return normalise_name(case_sensitive, value, out);
    case PACS_VALUE_TEXT:
        if (!case_sensitive)
            return pacs_text_fold(out, trim(value).text, trim(value).size);
        break;
    case PACS_VALUE_DATE:
        return add_without(out, trim(value), '.'); /* "2026.11.21" of old */
    case PACS_VALUE_TIME:
        return add_without(out, trim(value), ':');
    default:
        break;
    }
    return pacs_buffer_add(out, trim(value).text, trim(value).size);
}

/* ---- Patterns ---- */

static int compare_slices(PacsSlice a, PacsSlice b)
{
    const size_t shorter = a.size < b.size ? a.size : b.size;
    const int order = memcmp(a.text, b.text, shorter);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_patterns(const void *a, const void *b)
{
    return compare_slices(((const PacsPattern *)a)->text, ((const PacsPattern *)b)->text);
}

static PacsStatus keep(PacsBuffer *text, bool wildcards, PacsArena *arena, PacsPattern *ret_pattern,
                       PacsError *err)
{
    const PacsStatus status = pacs_buffer_check(text, err);
    if (status != PACS_OK)
        return status;
    const char *copy = pacs_arena_strndup(arena, pacs_buffer_text(text), text->size);
    if (!copy)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    *ret_pattern = pacs_pattern((PacsSlice){copy, text->size}, wildcards);
    return PACS_OK;
}

/** "1" and "01.0" are the same number; what is none is compared as it is written. */
static bool parse_number(PacsSlice text, double *ret_number)
{
    char copy[64];
    char *end = NULL;
    const PacsSlice trimmed = trim(text);
    if (trimmed.size == 0 || trimmed.size >= sizeof copy || trimmed.text[0] == 'n' || trimmed.text[0] == 'i')
        return false;
    memcpy(copy, trimmed.text, trimmed.size);
    copy[trimmed.size] = '\0';
    *ret_number = strtod(copy, &end);
    return *end == '\0';
}

static bool is_lone_star(const PacsPattern *pattern)
{
    return pattern->shape == PACS_PATTERN_CONTAINS && pattern->literal.size == 0;
}

static PacsStatus init_values(const PacsSearchTerm *term, PacsMatcher *matcher, PacsArena *arena,
                              PacsError *err)
{
    PacsPattern *patterns = pacs_arena_array(arena, term->value_count + 1, sizeof *patterns);
    if (!patterns)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    for (size_t i = 0; i < term->value_count; i++) {
        PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
        (void)pacs_match_normalise(matcher->kind, matcher->case_sensitive, pacs_slice(term->values[i]),
                                   &text);
        const PacsStatus status = keep(&text, matcher->match == PACS_MATCH_WILDCARD, arena, &patterns[i],
                                       err);
        if (status != PACS_OK)
            return status;
        if (patterns[i].text.size == 0 ||
            is_lone_star(&patterns[i])) /* zero length is universal too (C.2.2.2.3) */
            matcher->match = PACS_MATCH_ANY;
    }
    qsort(patterns, term->value_count, sizeof *patterns, compare_patterns);
    matcher->patterns = patterns;
    matcher->pattern_count = term->value_count;
    if (term->value_count == 0)
        matcher->match = PACS_MATCH_ANY;
    return PACS_OK;
}

static bool is_word_end(char c)
{
    return strchr(" ^=,.-'\\", c) != NULL; /* NUL too */
}

bool pacs_match_next_word(PacsSlice *rest, PacsSlice *ret_word)
{
    while (rest->size > 0 && is_word_end(rest->text[0])) {
        rest->text++;
        rest->size--;
    }
    size_t size = 0;
    while (size < rest->size && !is_word_end(rest->text[size]))
        size++;
    *ret_word = (PacsSlice){rest->text, size};
    rest->text += size;
    rest->size -= size;
    return size > 0;
}

static PacsStatus init_words(const PacsSearchTerm *term, PacsMatcher *matcher, PacsArena *arena,
                             PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    PacsPattern all;
    PacsSlice word;
    if (term->value_count > 0)
        (void)pacs_match_normalise(PACS_VALUE_NAME, false, pacs_slice(term->values[0]), &text);
    const PacsStatus status = keep(&text, false, arena, &all, err);
    PacsPattern *patterns = pacs_arena_array(arena, text.size + 1, sizeof *patterns);
    if (status != PACS_OK)
        return status;
    if (!patterns)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    matcher->patterns = patterns;
    while (pacs_match_next_word(&all.text, &word)) {
        while (word.size > 0 && word.text[word.size - 1] == '*') /* "NGUY*" says no more than "NGUY" here */
            word.size--;
        if (word.size > 0)
            patterns[matcher->pattern_count++] = (PacsPattern){
                .text = word, .shape = PACS_PATTERN_PREFIX, .literal = word};
    }
    if (matcher->pattern_count == 0)
        matcher->match = PACS_MATCH_ANY;
    return PACS_OK;
}

/* ---- Ranges ---- */

static bool parse_span(PacsValueKind kind, PacsSlice text, int64_t *ret_first, int64_t *ret_last,
                       PacsZone *ret_zone)
{
    switch (kind) {
    case PACS_VALUE_DATE:
        return pacs_match_parse_date(text, ret_first, ret_last);
    case PACS_VALUE_TIME:
        return pacs_match_parse_time(text, ret_first, ret_last);
    default:
        return pacs_match_parse_datetime(text, ret_first, ret_last, ret_zone);
    }
}

static int64_t minutes_us(int32_t minutes)
{
    return minutes * 60000000LL;
}

/** A limit with an offset of its own is brought into the zone of the range. */
static int64_t shift_limit(PacsMatcher *matcher, int64_t us, PacsZone zone)
{
    if (!zone.known)
        return us;
    if (!matcher->zone.known)
        matcher->zone = (PacsZone){.known = true};
    return us - minutes_us(zone.minutes) + minutes_us(matcher->zone.minutes);
}

static PacsStatus init_limit(PacsMatcher *matcher, const char *text, bool is_from, PacsError *err)
{
    static const char *const names[] = {
        [PACS_VALUE_NUMBER] = "number",
        [PACS_VALUE_DATE] = "date",
        [PACS_VALUE_TIME] = "time",
        [PACS_VALUE_DATETIME] = "date and time",
    };
    int64_t first = 0;
    int64_t last = 0;
    PacsZone zone = {0};
    double number = 0;
    const bool parsed = matcher->kind == PACS_VALUE_NUMBER
                            ? parse_number(pacs_slice(text), &number)
                            : parse_span(matcher->kind, pacs_slice(text), &first, &last, &zone);
    if (!parsed)
        return pacs_fail(err, PACS_INVALID, "a limit of a range is no %s", names[matcher->kind]);
    if (is_from) {
        matcher->has_from = true;
        matcher->from = shift_limit(matcher, first, zone);
        matcher->from_number = number;
    } else {
        matcher->has_to = true;
        matcher->to = shift_limit(matcher, last, zone);
        matcher->to_number = number;
    }
    return PACS_OK;
}

static PacsStatus init_range(const PacsSearchTerm *term, PacsMatcher *matcher, PacsError *err)
{
    if (term->time_tag)
        matcher->kind = PACS_VALUE_DATETIME;
    if (matcher->kind == PACS_VALUE_TEXT || matcher->kind == PACS_VALUE_NAME ||
        matcher->kind == PACS_VALUE_UID)
        return pacs_fail(err, PACS_INVALID, "attribute %08X has no order that a range could have limits in",
                         term->tag);
    PacsStatus status = PACS_OK;
    if (term->from && term->from[0] != '\0')
        status = init_limit(matcher, term->from, true, err);
    if (status == PACS_OK && term->to && term->to[0] != '\0')
        status = init_limit(matcher, term->to, false, err);
    if (!matcher->has_from && !matcher->has_to)
        matcher->match = PACS_MATCH_ANY;
    return status;
}

/** The moment a date and the time that belongs to it mean, in the zone of the range. */
static bool moment(const PacsMatcher *matcher, PacsSlice date, PacsSlice time, PacsZone zone, int64_t *ret_us)
{
    int64_t day;
    int64_t us = 0;
    int64_t last;
    if (!pacs_match_parse_date(date, &day, &last))
        return false;
    if (trim(time).size > 0 && !pacs_match_parse_time(time, &us, &last))
        return false;
    *ret_us = day * PACS_MATCH_DAY_US + us;
    if (matcher->zone.known && zone.known)
        *ret_us += minutes_us(matcher->zone.minutes - zone.minutes);
    return true;
}

/** Where a value stands in the range's own unit. A date or time in another zone may be another one here. */
static bool place(const PacsMatcher *matcher, PacsSlice value, const PacsMatchContext *context,
                  int64_t *ret_place)
{
    int64_t last;
    int64_t us;
    PacsZone zone = context->zone;
    const PacsSlice partner = pacs_slice(context->partner);
    const bool moves = context->partner && matcher->zone.known && zone.known &&
                       zone.minutes != matcher->zone.minutes;
    switch (matcher->kind) {
    case PACS_VALUE_DATE:
        if (!moves || partner.size == 0)
            return pacs_match_parse_date(value, ret_place, &last);
        if (!moment(matcher, value, partner, zone, &us))
            return false;
        *ret_place = us / PACS_MATCH_DAY_US;
        return true;
    case PACS_VALUE_TIME:
        if (!moves || !moment(matcher, partner, value, zone, &us))
            return pacs_match_parse_time(value, ret_place, &last);
        *ret_place = us % PACS_MATCH_DAY_US;
        return true;
    default:
        if (context->partner) /* a date and a time taken together */
            return moment(matcher, value, partner, zone, ret_place);
        PacsZone own = {0};
        if (!pacs_match_parse_datetime(value, ret_place, &last, &own))
            return false;
        zone = own.known ? own : zone;
        if (matcher->zone.known && zone.known)
            *ret_place += minutes_us(matcher->zone.minutes - zone.minutes);
        return true;
    }
}

static bool test_range(const PacsMatcher *matcher, PacsSlice value, const PacsMatchContext *context)
{
    if (matcher->kind == PACS_VALUE_NUMBER) {
        double number;
        return parse_number(value, &number) && (!matcher->has_from || number >= matcher->from_number) &&
               (!matcher->has_to || number <= matcher->to_number);
    }
    int64_t at;
    return place(matcher, value, context, &at) && (!matcher->has_from || at >= matcher->from) &&
           (!matcher->has_to || at <= matcher->to);
}

/* ---- Testing ---- */

static bool has_pattern(const PacsMatcher *matcher, PacsSlice value)
{
    const PacsPattern key = {.text = value};
    return bsearch(&key, matcher->patterns, matcher->pattern_count, sizeof key, compare_patterns) != NULL;
}

static bool test_wildcards(const PacsMatcher *matcher, PacsSlice value)
{
    for (size_t i = 0; i < matcher->pattern_count; i++) {
        const PacsPattern *pattern = &matcher->patterns[i];
        if (pacs_pattern_matches(pattern, value))
            return true;
        /* "NGUYEN^*": components at the end may be missing, and their delimiters with them. */
        const PacsSlice head = pattern->literal;
        if (matcher->kind == PACS_VALUE_NAME && pattern->shape == PACS_PATTERN_PREFIX && head.size > 0 &&
            (head.text[head.size - 1] == ' ' || head.text[head.size - 1] == '^') &&
            head.size - 1 == value.size && memcmp(head.text, value.text, value.size) == 0)
            return true;
    }
    return false;
}

static bool has_word(PacsSlice group, PacsSlice start)
{
    PacsSlice word;
    while (pacs_match_next_word(&group, &word))
        if (word.size >= start.size && memcmp(word.text, start.text, start.size) == 0)
            return true;
    return false;
}

static bool test_words(const PacsMatcher *matcher, PacsSlice group)
{
    for (size_t i = 0; i < matcher->pattern_count; i++)
        if (!has_word(group, matcher->patterns[i].text))
            return false;
    return true;
}

static bool test_text(const PacsMatcher *matcher, PacsSlice value)
{
    switch (matcher->match) {
    case PACS_MATCH_VALUES:
        return has_pattern(matcher, value);
    case PACS_MATCH_WILDCARD:
        return test_wildcards(matcher, value);
    case PACS_MATCH_FUZZY:
        return test_words(matcher, value);
    default:
        return matcher->match == PACS_MATCH_ANY;
    }
}

bool pacs_matcher_test_normal(const PacsMatcher *matcher, PacsSlice value)
{
    if (matcher->match == PACS_MATCH_ANY)
        return true;
    if (matcher->kind != PACS_VALUE_NAME || !memchr(value.text, '=', value.size))
        return value.size > 0 && test_text(matcher, value);
    if (matcher->match != PACS_MATCH_FUZZY && test_text(matcher, value))
        return true;
    PacsSlice group;
    while (pacs_slice_split(&value, '=', &group))
        if (group.size > 0 && test_text(matcher, group))
            return true;
    return false;
}

/** Dates and numbers are equal as such, however they are written. */
static bool test_equal_kind(const PacsMatcher *matcher, PacsSlice value)
{
    double number;
    double asked;
    int64_t at;
    int64_t asked_at;
    int64_t last;
    PacsZone zone;
    const bool is_number = matcher->kind == PACS_VALUE_NUMBER;
    if (is_number ? !parse_number(value, &number) : !parse_span(matcher->kind, value, &at, &last, &zone))
        return false;
    for (size_t i = 0; i < matcher->pattern_count; i++) {
        const PacsSlice pattern = matcher->patterns[i].text;
        if (is_number ? parse_number(pattern, &asked) && asked == number
                      : parse_span(matcher->kind, pattern, &asked_at, &last, &zone) && asked_at == at)
            return true;
    }
    return false;
}

/** Nothing but padding and a name's delimiters. */
static bool is_empty(const PacsMatcher *matcher, PacsSlice value)
{
    const bool is_name = matcher->kind == PACS_VALUE_NAME;
    for (size_t i = 0; i < value.size; i++)
        if (value.text[i] != ' ' && value.text[i] != '\0' &&
            !(is_name && (value.text[i] == '^' || value.text[i] == '=')))
            return false;
    return true;
}

bool pacs_matcher_test_value(const PacsMatcher *matcher, PacsSlice value, const PacsMatchContext *context)
{
    if (matcher->match == PACS_MATCH_ANY)
        return true;
    if (matcher->match == PACS_MATCH_EMPTY)
        return is_empty(matcher, value);
    if (trim(value).size == 0)
        return false;
    if (matcher->match == PACS_MATCH_RANGE)
        return test_range(matcher, value, context);
    if (matcher->match == PACS_MATCH_VALUES && matcher->kind >= PACS_VALUE_NUMBER &&
        test_equal_kind(matcher, value))
        return true;
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    return pacs_match_normalise(matcher->kind, matcher->case_sensitive, value, &text) &&
           pacs_matcher_test_normal(matcher, (PacsSlice){pacs_buffer_text(&text), text.size});
}

static bool has_value(const PacsMatcher *matcher, PacsSlice values)
{
    PacsSlice one;
    while (values.text && pacs_slice_split(&values, '\\', &one))
        if (!is_empty(matcher, one))
            return true;
    return false;
}

bool pacs_matcher_test(const PacsMatcher *matcher, const char *value, const PacsMatchContext *context)
{
    if (matcher->match == PACS_MATCH_ANY)
        return true;
    PacsSlice rest = pacs_slice(value);
    PacsSlice one;
    if (matcher->match == PACS_MATCH_EMPTY)
        return !has_value(matcher, rest);
    if (matcher->single_valued)
        return pacs_matcher_test_value(matcher, rest, context);
    while (rest.text && pacs_slice_split(&rest, '\\', &one))
        if (pacs_matcher_test_value(matcher, one, context))
            return true;
    return false;
}

PacsStatus pacs_matcher_init(const PacsSearchTerm *term, PacsVr vr, const char *zone, PacsArena *arena,
                             PacsMatcher *ret_matcher, PacsError *err)
{
    PacsMatcher matcher = {
        .kind = kind_of(vr),
        .match = term->match,
        .case_sensitive = term->case_sensitive,
        .single_valued = vr != PACS_VR_NONE && pacs_vr_info(vr)->text && !pacs_vr_info(vr)->multi_valued,
        .zone = pacs_zone_parse(zone),
    };
    PacsStatus status = PACS_OK;
    switch (term->match) {
    case PACS_MATCH_ANY:
        break;
    case PACS_MATCH_VALUES:
    case PACS_MATCH_WILDCARD:
        status = init_values(term, &matcher, arena, err);
        break;
    case PACS_MATCH_RANGE:
        status = init_range(term, &matcher, err);
        break;
    case PACS_MATCH_EMPTY:
        break;
    case PACS_MATCH_FUZZY:
        matcher.kind = PACS_VALUE_NAME;
        matcher.case_sensitive = false;
        status = init_words(term, &matcher, arena, err);
        break;
    }
    if (status == PACS_OK)
        *ret_matcher = matcher;
    return status;
}
