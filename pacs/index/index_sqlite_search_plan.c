#include <stdlib.h>
#include <string.h>

#include "pacs/index/index_sqlite_search.h"
#include "pacs/util/limits.h"

/* Which studies a search walks. Nothing here asks the database. */

static const struct {
    PacsTag tag;
    PacsLevel level;
    PacsValueKind kind;
    bool has_grams;
    bool has_btree;
} columns[SEARCH_COLUMN_COUNT] = {
    [SEARCH_PATIENT_NAME] = {PACS_TAG_PATIENT_NAME, PACS_LEVEL_PATIENT, PACS_VALUE_NAME, true, false},
    [SEARCH_PATIENT_ID] = {PACS_TAG_PATIENT_ID, PACS_LEVEL_PATIENT, PACS_VALUE_TEXT, true, true},
    [SEARCH_BIRTH_DATE] = {PACS_TAG_PATIENT_BIRTH_DATE, PACS_LEVEL_PATIENT, PACS_VALUE_DATE, false, true},
    [SEARCH_SEX] = {PACS_TAG_PATIENT_SEX, PACS_LEVEL_PATIENT, PACS_VALUE_TEXT, false, false},
    [SEARCH_ACCESSION_NUMBER] = {PACS_TAG_ACCESSION_NUMBER, PACS_LEVEL_STUDY, PACS_VALUE_TEXT, true, true},
    [SEARCH_STUDY_ID] = {PACS_TAG_STUDY_ID, PACS_LEVEL_STUDY, PACS_VALUE_TEXT, true, false},
    [SEARCH_STUDY_DESCRIPTION] = {PACS_TAG_STUDY_DESCRIPTION, PACS_LEVEL_STUDY, PACS_VALUE_TEXT, true, false},
    [SEARCH_REFERRING_PHYSICIAN] = {PACS_TAG_REFERRING_PHYSICIAN_NAME, PACS_LEVEL_STUDY, PACS_VALUE_NAME,
                                    true, false},
    [SEARCH_INSTITUTION_NAME] = {PACS_TAG_INSTITUTION_NAME, PACS_LEVEL_STUDY, PACS_VALUE_TEXT, true, false},
    [SEARCH_MODALITIES] = {PACS_TAG_MODALITIES_IN_STUDY, PACS_LEVEL_STUDY, PACS_VALUE_TEXT, true, false},
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
    if (matcher->match == PACS_MATCH_EMPTY)
        narrow(plan, 0, UNDATED_BELOW); /* and some that are no dates */
    if (matcher->match != PACS_MATCH_VALUES)
        return false;
    narrow_to_days(plan, matcher);
    return matcher->pattern_count == 1;
}

/* ---- Grams: what a text that matches must have ---- */

static bool add_gram(void *context, const char *text, size_t size)
{
    IndexSearchGrams *grams = context;
    if (grams->count == INDEX_SEARCH_GRAMS)
        return false;
    grams->items[grams->count++].text = (PacsSlice){text, size};
    return true;
}

/** One way in which a term can hold: all grams of a run of letters. False if the run is too short to have any. */
static bool add_run(IndexSearchGrams *grams, IndexSearchColumn column, PacsSlice run, size_t first)
{
    const size_t before = grams->count;
    pacs_index_sqlite_grams_of(run, pacs_index_sqlite_gram_size(column, run), add_gram, grams);
    for (size_t i = before; i < grams->count; i++)
        grams->items[i].column = column;
    grams->ways[grams->way_count].count = grams->count - first;
    return grams->count > before;
}

/** A pattern as it stands in the column's text, with what delimits values where it is anchored. */
static bool add_pattern(IndexSearchGrams *grams, IndexSearchColumn column, const PacsPattern *pattern,
                        bool wildcards, PacsArena *arena)
{
    const bool padded = columns[column].kind == PACS_VALUE_NAME;
    const size_t first = grams->count;
    const char *text = pacs_arena_printf(arena, "%s%.*s%s", padded ? "\\ " : "\\", (int)pattern->text.size,
                                         pattern->text.text, padded ? " \\" : "\\");
    if (!text || grams->way_count == INDEX_SEARCH_GRAMS)
        return false;
    grams->ways[grams->way_count] = (IndexSearchWay){.first = first};
    bool added = false;
    for (const char *at = text; *at != '\0';) {
        const size_t length = wildcards ? strcspn(at, "*?") : strlen(at);
        const bool is_only_anchor = length <= (padded ? 2u : 1u); /* of a star at either end */
        if (!is_only_anchor)
            added |= add_run(grams, column, (PacsSlice){at, length}, first);
        at += length;
        at += wildcards ? strspn(at, "*?") : 0;
    }
    grams->way_count += added ? 1 : 0;
    return added;
}

/** A word begins a part of a name: by its first letters, and if it is long by all of them. Elsewhere by its letters. */
static bool add_word(IndexSearchGrams *grams, IndexSearchColumn column, PacsSlice word)
{
    const size_t first = grams->count;
    const PacsSlice start = pacs_index_sqlite_word_start(column, word);
    if (grams->way_count == INDEX_SEARCH_GRAMS || grams->count == INDEX_SEARCH_GRAMS)
        return false;
    grams->ways[grams->way_count] = (IndexSearchWay){.first = first, .count = 1};
    if (start.size > 0)
        grams->items[grams->count++] = (IndexSearchGram){.column = column, .is_word = true, .text = start};
    const bool added = start.size < word.size && add_run(grams, column, word, first);
    grams->way_count += added || start.size > 0 ? 1 : 0;
    return added || start.size > 0;
}

/** What follows is one condition; without a gram for each way to fulfil it, it is none. */
static void end_condition(IndexSearchGrams *grams, size_t first_way, size_t first_gram, bool complete)
{
    if (complete && grams->way_count > first_way && grams->condition_count < INDEX_SEARCH_CONDITIONS) {
        grams->conditions[grams->condition_count++] = (IndexSearchCondition){
            .first = first_way, .count = grams->way_count - first_way};
        return;
    }
    grams->way_count = first_way;
    grams->count = first_gram;
}

#define PATTERNS_MAX 8 /* of one term: for longer lists grams are not worth it */

static void add_conditions(IndexSearchGrams *grams, IndexSearchColumn column, const PacsMatcher *matcher,
                           PacsArena *arena)
{
    const bool is_fuzzy = matcher->match == PACS_MATCH_FUZZY;
    const size_t first_way = grams->way_count;
    const size_t first_gram = grams->count;
    bool complete = is_fuzzy || matcher->pattern_count <= PATTERNS_MAX;
    for (size_t i = 0; complete && i < matcher->pattern_count; i++) {
        const PacsPattern *pattern = &matcher->patterns[i];
        const size_t way = grams->way_count;
        const size_t gram = grams->count;
        if (is_fuzzy) /* every word is a condition of its own */
            end_condition(grams, way, gram, add_word(grams, column, pattern->text));
        else
            complete = add_pattern(grams, column, pattern, matcher->match == PACS_MATCH_WILDCARD, arena);
    }
    if (!is_fuzzy)
        end_condition(grams, first_way, first_gram, complete);
}

/* ---- Which of them are worth asking for ---- */

#define RARE_SHARE 8  /* a condition that more than one study in eight fulfils is tested, not asked for */
#define GRAMS_ASKED 3 /* of one way: the rarest are nearly as good as all */

/** What is seldom in the sample may be seldom or very rare: the sample cannot tell. */
static unsigned commonness(const IndexSearchGram *gram)
{
    unsigned bits = 0;
    for (uint64_t hits = gram->hits / 4; hits > 0; hits >>= 1)
        bits++;
    return bits;
}

/** From the nearest of those chosen: neighbours overlap and tell the same. */
static size_t distance(const IndexSearchGram *items, size_t chosen, size_t of)
{
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < chosen; i++) {
        const char *a = items[i].text.text;
        const char *b = items[of].text.text;
        const size_t between = a < b ? (size_t)(b - a) : (size_t)(a - b);
        least = between < least ? between : least;
    }
    return least;
}

static bool is_better(const IndexSearchGram *items, size_t chosen, size_t a, size_t b)
{
    if (chosen == 0)
        return items[a].hits < items[b].hits;
    const unsigned x = commonness(&items[a]);
    const unsigned y = commonness(&items[b]);
    return x != y ? x < y : distance(items, chosen, a) > distance(items, chosen, b);
}

/** The rarest stands first, behind it those that tell most beside it. */
static void choose_grams(IndexSearchGram *items, size_t count)
{
    for (size_t chosen = 0; chosen < count && chosen < GRAMS_ASKED; chosen++) {
        size_t best = chosen;
        for (size_t i = chosen + 1; i < count; i++)
            best = is_better(items, chosen, i, best) ? i : best;
        const IndexSearchGram gram = items[best];
        items[best] = items[chosen];
        items[chosen] = gram;
    }
}

static uint64_t condition_hits(const IndexSearchGrams *grams, const IndexSearchCondition *condition)
{
    uint64_t hits = 0;
    for (size_t i = condition->first; i < condition->first + condition->count; i++)
        hits += grams->items[grams->ways[i].first].hits; /* the rarest stands first */
    return hits;
}

static void add_condition(PacsBuffer *query, const IndexSearchGrams *grams,
                          const IndexSearchCondition *condition)
{
    (void)pacs_buffer_add_text(query,
                               query->size > 0 ? " AND (" : "("); /* `failed` is looked at once, at the end */
    for (size_t w = 0; w < condition->count; w++) {
        const IndexSearchWay *way = &grams->ways[condition->first + w];
        (void)pacs_buffer_add_text(query, w > 0 ? " OR (" : "(");
        for (size_t i = 0; i < way->count && i < GRAMS_ASKED; i++) {
            const IndexSearchGram *gram = &grams->items[way->first + i];
            char token[INDEX_SEARCH_TOKEN_SIZE];
            pacs_index_sqlite_gram_token(gram, token);
            (void)pacs_buffer_add_format(query, "%s%s", i > 0 ? " AND " : "", token);
        }
        (void)pacs_buffer_add_char(query, ')');
    }
    (void)pacs_buffer_add_char(query, ')');
}

static PacsStatus choose_grams_to_ask(IndexSearchPlan *plan, PacsArena *arena, PacsError *err)
{
    IndexSearchGrams *grams = &plan->grams;
    PACS_AUTO_BUFFER PacsBuffer query = PACS_BUFFER(PACS_MAX_INDEXED_TAGS);
    for (size_t i = 0; i < grams->way_count; i++)
        choose_grams(grams->items + grams->ways[i].first, grams->ways[i].count);
    for (size_t i = 0; i < grams->condition_count; i++)
        if (condition_hits(grams, &grams->conditions[i]) * RARE_SHARE <= grams->sampled)
            add_condition(&query, grams, &grams->conditions[i]);
    const PacsStatus status = pacs_buffer_check(&query, err);
    if (status != PACS_OK || query.size == 0)
        return status;
    plan->gram_query = pacs_arena_strndup(arena, pacs_buffer_text(&query), query.size);
    return plan->gram_query ? PACS_OK : pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
}

PacsStatus pacs_index_sqlite_search_choose(IndexSearchPlan *plan, uint64_t studies, PacsArena *arena,
                                           PacsError *err)
{
    plan->is_chosen = true;
    pacs_index_sqlite_names_choose(&plan->names, studies);
    const PacsStatus status = choose_grams_to_ask(plan, arena, err);
    plan->path = plan->names.start_count > 0 ? INDEX_SEARCH_NAME
                 : plan->gram_query          ? INDEX_SEARCH_GRAM
                                             : INDEX_SEARCH_NEWEST;
    return status;
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
static void use_terms(const PacsPreparedSearch *search, IndexSearchPlan *plan, PacsArena *arena)
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
        if (columns[column].has_grams && plan->path == INDEX_SEARCH_NEWEST)
            add_conditions(&plan->grams, column, &term->matcher, arena);
    }
    /* Of other texts an entry of a name knows nothing: their studies would be looked up one by one. */
    if (plan->path == INDEX_SEARCH_NEWEST && plan->filter.count == 1 &&
        plan->filter.tests[0].column == SEARCH_PATIENT_NAME)
        pacs_index_sqlite_names_plan(&plan->names, plan->filter.tests[0].matcher);
}

PacsStatus pacs_index_sqlite_search_plan(const PacsPreparedSearch *search, PacsArena *arena,
                                         IndexSearchPlan *ret_plan, PacsError *err)
{
    *ret_plan = (IndexSearchPlan){.path = INDEX_SEARCH_NEWEST, .oldest = 0, .below = INT64_MAX};
    choose_driver(search, ret_plan);
    use_terms(search, ret_plan, arena);
    ret_plan->filter.stop_after = UINT64_MAX;
    return ret_plan->path == INDEX_SEARCH_EQUAL ? list_texts(ret_plan, arena, err) : PACS_OK;
}
