#include <string.h>

#include "pacs/index/index_sqlite_search.h"
#include "pacs/util/limits.h"

/* Which studies a search walks. Nothing here asks the database. */

static const struct {
    PacsTag tag;
    PacsLevel level;
    PacsValueKind kind;
    const char *fts; /* its name in study_trigram; NULL: not there */
    bool has_btree;
} columns[SEARCH_COLUMN_COUNT] = {
    [SEARCH_PATIENT_NAME] = {PACS_TAG_PATIENT_NAME, PACS_LEVEL_PATIENT, PACS_VALUE_NAME, "patient_name",
                             false},
    [SEARCH_PATIENT_ID] = {PACS_TAG_PATIENT_ID, PACS_LEVEL_PATIENT, PACS_VALUE_TEXT, "patient_id", true},
    [SEARCH_BIRTH_DATE] = {PACS_TAG_PATIENT_BIRTH_DATE, PACS_LEVEL_PATIENT, PACS_VALUE_DATE, NULL, true},
    [SEARCH_SEX] = {PACS_TAG_PATIENT_SEX, PACS_LEVEL_PATIENT, PACS_VALUE_TEXT, NULL, false},
    [SEARCH_ACCESSION_NUMBER] = {PACS_TAG_ACCESSION_NUMBER, PACS_LEVEL_STUDY, PACS_VALUE_TEXT,
                                 "accession_number", true},
    [SEARCH_STUDY_ID] = {PACS_TAG_STUDY_ID, PACS_LEVEL_STUDY, PACS_VALUE_TEXT, "study_id", false},
    [SEARCH_STUDY_DESCRIPTION] = {PACS_TAG_STUDY_DESCRIPTION, PACS_LEVEL_STUDY, PACS_VALUE_TEXT,
                                  "study_description", false},
    [SEARCH_REFERRING_PHYSICIAN] = {PACS_TAG_REFERRING_PHYSICIAN_NAME, PACS_LEVEL_STUDY, PACS_VALUE_NAME,
                                    "referring_physician", false},
    [SEARCH_INSTITUTION_NAME] = {PACS_TAG_INSTITUTION_NAME, PACS_LEVEL_STUDY, PACS_VALUE_TEXT,
                                 "institution_name", false},
    [SEARCH_MODALITIES] = {PACS_TAG_MODALITIES_IN_STUDY, PACS_LEVEL_STUDY, PACS_VALUE_TEXT, "modalities",
                           false},
};

static bool find_column(const PacsPreparedTerm *term, IndexSearchColumn *ret_column)
{
    if (term->source == PACS_TERM_MODALITIES_IN_STUDY) {
        *ret_column = SEARCH_MODALITIES;
        return true;
    }
    for (unsigned i = 0; term->source == PACS_TERM_KEPT && i < SEARCH_COLUMN_COUNT; i++)
        if (columns[i].tag == term->term->tag && columns[i].level == term->level) {
            *ret_column = (IndexSearchColumn)i;
            return true;
        }
    return false;
}

/* ---- What keys and texts decide ---- */

/** The texts of the column are what the term compares: folded, and a name's groups one by one. */
static bool is_decided_by_text(const PacsPreparedTerm *term)
{
    const PacsMatcher *matcher = &term->matcher;
    if (matcher->case_sensitive || matcher->match == PACS_MATCH_RANGE)
        return false;
    for (size_t i = 0; matcher->kind == PACS_VALUE_NAME && i < matcher->pattern_count; i++)
        if (memchr(matcher->patterns[i].text.text, '=', matcher->patterns[i].text.size))
            return false;
    return true;
}

static void narrow(IndexSearchPlan *plan, int64_t oldest, int64_t below)
{
    if (oldest > plan->oldest)
        plan->oldest = oldest;
    if (below < plan->below)
        plan->below = below;
}

#define UNDATED_BELOW (pacs_search_key_of_second(0, 0)) /* least key of a dated study */

/** Keys of a range of days or microseconds; with a zone its ends are not known to the hour. */
static void narrow_to_range(IndexSearchPlan *plan, const PacsMatcher *matcher)
{
    const bool days = matcher->kind == PACS_VALUE_DATE;
    const int64_t unit_us = days ? PACS_MATCH_DAY_US : 1;
    const int64_t slack_us = matcher->zone.known ? 2 * PACS_MATCH_DAY_US : 0;
    int64_t oldest = UNDATED_BELOW;
    int64_t below = INT64_MAX;
    if (matcher->has_from) {
        const int64_t us = matcher->from * unit_us - slack_us;
        oldest = pacs_search_key_of_second(us / PACS_MATCH_DAY_US, us % PACS_MATCH_DAY_US / 1000000);
    }
    if (matcher->has_to) {
        const int64_t us = (matcher->to + 1) * unit_us + slack_us + 999999;
        below = pacs_search_key_of_second(us / PACS_MATCH_DAY_US, us % PACS_MATCH_DAY_US / 1000000);
    }
    narrow(plan, oldest, below);
}

static void narrow_to_days(IndexSearchPlan *plan, const PacsMatcher *matcher)
{
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < matcher->pattern_count; i++) {
        int64_t day;
        int64_t end;
        if (!pacs_match_parse_date(matcher->patterns[i].text, &day, &end))
            continue; /* what is no date is compared as it is written, and found among the undated alone */
        first = day < first ? day : first;
        last = day > last ? day : last;
    }
    if (first > last)
        narrow(plan, 0, UNDATED_BELOW);
    else
        narrow(plan, pacs_search_key_of_second(first, 0), pacs_search_key_of_second(last + 1, 0));
}

/** True if keys alone decide the term. */
static bool use_key(IndexSearchPlan *plan, const PacsPreparedTerm *term)
{
    const PacsMatcher *matcher = &term->matcher;
    const PacsTag time_tag = term->term->time_tag;
    if (term->source != PACS_TERM_KEPT || term->term->tag != PACS_TAG_STUDY_DATE ||
        (time_tag && time_tag != PACS_TAG_STUDY_TIME))
        return false;
    if (matcher->match == PACS_MATCH_RANGE) {
        narrow_to_range(plan, matcher);
        return !matcher->zone.known && !time_tag;
    }
    if (matcher->match != PACS_MATCH_VALUES)
        return false;
    narrow_to_days(plan, matcher);
    return matcher->pattern_count == 1;
}

/* ---- Trigrams ---- */

#define TRIGRAM_PATTERNS 8 /* of one term: lists of more are not worth it */
#define TRIGRAMS_MAX 12    /* of one pattern: those of a word are nearly as good as all */

/** One word of FTS5's query language. */
static void add_token(PacsBuffer *out, const char *text, size_t size)
{
    (void)pacs_buffer_add_char(out, '"'); /* `failed` is looked at once, at the end */
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            (void)pacs_buffer_add_char(out, '"');
        (void)pacs_buffer_add_char(out, text[i]);
    }
    (void)pacs_buffer_add_char(out, '"');
}

static size_t character(PacsSlice text, size_t at)
{
    uint32_t code_point;
    const size_t size = at < text.size ? pacs_utf8_next(text.text + at, text.size - at, &code_point) : 0;
    return size;
}

/** All runs of three characters of a text without wildcards; returns how many. */
static size_t add_trigrams(PacsBuffer *out, PacsSlice text, size_t count)
{
    for (size_t at = 0, step; count < TRIGRAMS_MAX; at += step) {
        step = character(text, at);
        const size_t second = character(text, at + step);
        const size_t third = character(text, at + step + second);
        if (step == 0 || second == 0 || third == 0)
            break;
        if (count++ > 0)
            (void)pacs_buffer_add_text(out, " AND ");
        add_token(out, text.text + at, step + second + third);
    }
    return count;
}

/** A pattern as it stands in the column's text, with what delimits values where it is anchored. */
static size_t add_pattern(PacsBuffer *out, const PacsPattern *pattern, bool wildcards, bool padded,
                          PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    const char *begin = padded ? "\\ " : "\\";
    const char *end = padded ? " \\" : "\\";
    size_t count = 0;
    (void)pacs_buffer_add_text(&text, begin);
    for (size_t i = 0; i < pattern->text.size; i++) {
        const char c = pattern->text.text[i];
        if (!wildcards || (c != '*' && c != '?')) {
            (void)pacs_buffer_add_char(&text, c);
            continue;
        }
        if (i > 0 || c == '?')
            count = add_trigrams(out, (PacsSlice){pacs_buffer_text(&text), text.size}, count);
        pacs_buffer_reset(&text);
    }
    if (text.size > 0 && (!wildcards || pattern->text.text[pattern->text.size - 1] != '*'))
        (void)pacs_buffer_add_text(&text, end);
    (void)err;
    return add_trigrams(out, (PacsSlice){pacs_buffer_text(&text), text.size}, count);
}

/** Where a part of a name can begin: behind one of these. */
static size_t add_word(PacsBuffer *out, PacsSlice word)
{
    static const char before[] = " -,.'";
    char text[8];
    size_t size = 0;
    if (add_trigrams(out, word, 0) > 0)
        return 1;
    for (size_t characters = 0; characters < 2; characters++) {
        const size_t step = character(word, size);
        if (step == 0)
            return 0; /* a single letter */
        size += step;
    }
    if (size + 1 > sizeof text)
        return 0;
    for (size_t i = 0; before[i]; i++) {
        text[0] = before[i];
        memcpy(text + 1, word.text, size);
        (void)pacs_buffer_add_text(out, i > 0 ? " OR " : "(");
        add_token(out, text, size + 1);
    }
    (void)pacs_buffer_add_char(out, ')');
    return 1;
}

static bool add_words(PacsBuffer *out, const PacsMatcher *matcher)
{
    size_t used = 0;
    for (size_t i = 0; i < matcher->pattern_count && i < TRIGRAM_PATTERNS; i++) {
        PACS_AUTO_BUFFER PacsBuffer word = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
        if (add_word(&word, matcher->patterns[i].text) == 0)
            continue;
        (void)pacs_buffer_add_text(out, used++ > 0 ? " AND " : "");
        (void)pacs_buffer_add(out, word.bytes, word.size);
    }
    return used > 0;
}

/** One of the patterns; all must have trigrams, for a value may match any. */
static bool add_patterns(PacsBuffer *out, const PacsMatcher *matcher, bool padded, PacsError *err)
{
    if (matcher->pattern_count > TRIGRAM_PATTERNS)
        return false;
    for (size_t i = 0; i < matcher->pattern_count; i++) {
        (void)pacs_buffer_add_text(out, i > 0 ? " OR (" : "(");
        if (add_pattern(out, &matcher->patterns[i], matcher->match == PACS_MATCH_WILDCARD, padded, err) == 0)
            return false;
        (void)pacs_buffer_add_char(out, ')');
    }
    return true;
}

static void add_trigram_term(PacsBuffer *out, const PacsPreparedTerm *term, IndexSearchColumn column,
                             PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer expression = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    const bool added = term->matcher.match == PACS_MATCH_FUZZY
                           ? add_words(&expression, &term->matcher)
                           : add_patterns(&expression, &term->matcher,
                                          columns[column].kind == PACS_VALUE_NAME, err);
    if (added)
        (void)pacs_buffer_add_format(out, "%s%s : (%s)", out->size > 0 ? " AND " : "", columns[column].fts,
                                     pacs_buffer_text(&expression));
}

/* ---- The plan ---- */

static bool is_driver_of_uids(const PacsPreparedTerm *term)
{
    return term->matcher.match == PACS_MATCH_VALUES && term->source >= PACS_TERM_STUDY_UID &&
           term->source <= PACS_TERM_SOP_INSTANCE_UID;
}

/** The lower the level the fewer there are; UIDs before values. */
static int driver_rank(const PacsPreparedTerm *term)
{
    IndexSearchColumn column;
    if (is_driver_of_uids(term))
        return 10 + (int)term->source;
    if (term->matcher.match == PACS_MATCH_VALUES && find_column(term, &column) && columns[column].has_btree)
        return column == SEARCH_BIRTH_DATE ? 1 : 2;
    return 0;
}

static void choose_driver(const PacsPreparedSearch *search, IndexSearchPlan *plan)
{
    int best = 0;
    for (size_t i = 0; i < search->term_count; i++) {
        const int rank = driver_rank(&search->terms[i]);
        if (rank <= best)
            continue;
        best = rank;
        plan->driver = &search->terms[i];
    }
    if (best >= 10)
        plan->path = INDEX_SEARCH_UIDS;
    else if (best > 0)
        plan->path = INDEX_SEARCH_EQUAL;
}

static PacsStatus list_texts(IndexSearchPlan *plan, PacsArena *arena, PacsError *err)
{
    const PacsSearchTerm *term = plan->driver->term;
    const char **texts = pacs_arena_array(arena, term->value_count, sizeof *texts);
    if (!texts)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    (void)find_column(plan->driver, &plan->column);
    for (size_t i = 0; i < term->value_count; i++) {
        PACS_AUTO_BUFFER PacsBuffer text = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
        (void)pacs_search_text(columns[plan->column].kind, term->values[i], &text);
        const PacsStatus status = pacs_buffer_check(&text, err);
        if (status != PACS_OK)
            return status;
        texts[i] = pacs_arena_strndup(arena, pacs_buffer_text(&text), text.size);
        if (!texts[i])
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    }
    plan->texts = texts;
    plan->text_count = term->value_count;
    return PACS_OK;
}

/** Give each term to keys, texts or nothing. */
static void use_terms(const PacsPreparedSearch *search, IndexSearchPlan *plan, PacsBuffer *trigrams,
                      PacsError *err)
{
    plan->is_decided = true;
    for (size_t i = 0; i < search->term_count; i++) {
        const PacsPreparedTerm *term = &search->terms[i];
        IndexSearchColumn column;
        if (use_key(plan, term))
            continue;
        if (!find_column(term, &column)) {
            plan->is_decided = plan->is_decided && plan->driver == term &&
                               term->source == PACS_TERM_STUDY_UID;
            continue;
        }
        if (!is_decided_by_text(term)) {
            plan->is_decided = false;
            continue;
        }
        plan->filter.tests[plan->filter.count].column = column;
        plan->filter.tests[plan->filter.count].matcher = &term->matcher;
        plan->filter.count++;
        if (columns[column].fts && plan->path == INDEX_SEARCH_NEWEST)
            add_trigram_term(trigrams, term, column, err);
    }
}

PacsStatus pacs_index_sqlite_search_plan(const PacsPreparedSearch *search, PacsArena *arena,
                                         IndexSearchPlan *ret_plan, PacsError *err)
{
    PACS_AUTO_BUFFER PacsBuffer trigrams = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    IndexSearchPlan plan = {.path = INDEX_SEARCH_NEWEST, .oldest = 0, .below = INT64_MAX};
    choose_driver(search, &plan);
    use_terms(search, &plan, &trigrams, err);
    plan.filter.stop_after = UINT64_MAX;
    PacsStatus status = pacs_buffer_check(&trigrams, err);
    if (status == PACS_OK && trigrams.size > 0) {
        plan.trigrams = pacs_arena_strndup(arena, pacs_buffer_text(&trigrams), trigrams.size);
        if (!plan.trigrams)
            status = pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    }
    if (status == PACS_OK && plan.path == INDEX_SEARCH_EQUAL)
        status = list_texts(&plan, arena, err);
    if (status == PACS_OK)
        *ret_plan = plan;
    return status;
}
