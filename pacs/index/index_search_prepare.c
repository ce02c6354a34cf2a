#include "pacs/index/index_search_prepare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/dicom/dictionary.h"
#include "pacs/index/index_tags.h"
#include "pacs/util/limits.h"

/* ---- Where a term's values are ---- */

/** Attributes that are no kept tags of their level, by the highest level of a search that knows them. */
static const struct {
    PacsTag tag;
    PacsLevel from, to; /* levels of searches */
    PacsLevel level;    /* whose facts decide */
    PacsTermSource source;
} computed[] = {
    {PACS_TAG_STUDY_INSTANCE_UID, PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, PACS_LEVEL_STUDY,
     PACS_TERM_STUDY_UID},
    {PACS_TAG_SERIES_INSTANCE_UID, PACS_LEVEL_SERIES, PACS_LEVEL_INSTANCE, PACS_LEVEL_SERIES,
     PACS_TERM_SERIES_UID},
    {PACS_TAG_SOP_INSTANCE_UID, PACS_LEVEL_INSTANCE, PACS_LEVEL_INSTANCE, PACS_LEVEL_INSTANCE,
     PACS_TERM_SOP_INSTANCE_UID},
    {PACS_TAG_MODALITIES_IN_STUDY, PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, PACS_LEVEL_STUDY,
     PACS_TERM_MODALITIES_IN_STUDY},
    {PACS_TAG_MODALITY, PACS_LEVEL_PATIENT, PACS_LEVEL_STUDY, PACS_LEVEL_STUDY,
     PACS_TERM_MODALITIES_IN_STUDY},
    {PACS_TAG_SOP_CLASSES_IN_STUDY, PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, PACS_LEVEL_STUDY,
     PACS_TERM_SOP_CLASSES_IN_STUDY},
    {PACS_TAG_SOP_CLASS_UID, PACS_LEVEL_PATIENT, PACS_LEVEL_STUDY, PACS_LEVEL_STUDY,
     PACS_TERM_SOP_CLASSES_IN_STUDY},
    {PACS_TAG_SOP_CLASS_UID, PACS_LEVEL_SERIES, PACS_LEVEL_SERIES, PACS_LEVEL_SERIES,
     PACS_TERM_SOP_CLASSES_IN_SERIES},
    {PACS_TAG_SOP_CLASS_UID, PACS_LEVEL_INSTANCE, PACS_LEVEL_INSTANCE, PACS_LEVEL_INSTANCE,
     PACS_TERM_SOP_CLASS},
    {PACS_TAG_AVAILABLE_TRANSFER_SYNTAX_UID, PACS_LEVEL_INSTANCE, PACS_LEVEL_INSTANCE, PACS_LEVEL_INSTANCE,
     PACS_TERM_TRANSFER_SYNTAX},
    {PACS_TAG_INSTANCE_AVAILABILITY, PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, PACS_LEVEL_STUDY,
     PACS_TERM_AVAILABILITY},
    {PACS_TAG_NUMBER_OF_PATIENT_RELATED_STUDIES, PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, PACS_LEVEL_STUDY,
     PACS_TERM_PATIENT_STUDIES},
    {PACS_TAG_NUMBER_OF_STUDY_RELATED_SERIES, PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, PACS_LEVEL_STUDY,
     PACS_TERM_STUDY_SERIES},
    {PACS_TAG_NUMBER_OF_STUDY_RELATED_INSTANCES, PACS_LEVEL_PATIENT, PACS_LEVEL_INSTANCE, PACS_LEVEL_STUDY,
     PACS_TERM_STUDY_INSTANCES},
    {PACS_TAG_NUMBER_OF_SERIES_RELATED_INSTANCES, PACS_LEVEL_SERIES, PACS_LEVEL_INSTANCE, PACS_LEVEL_SERIES,
     PACS_TERM_SERIES_INSTANCES},
};

/** Kept at the level of the search or above; of the lowest level that has it. */
static bool find_main_level(PacsLevel level, PacsTag tag, PacsLevel *ret_level)
{
    const int lowest = level == PACS_LEVEL_PATIENT ? PACS_LEVEL_STUDY : (int)level;
    for (int l = lowest; l >= PACS_LEVEL_PATIENT; l--)
        if (pacs_main_tags_contain((PacsLevel)l, tag)) {
            *ret_level = (PacsLevel)l;
            return true;
        }
    return false;
}

static void find_source(PacsLevel level, const PacsSearchTerm *term, PacsPreparedTerm *out)
{
    out->level = level == PACS_LEVEL_PATIENT ? PACS_LEVEL_STUDY : level;
    out->source = PACS_TERM_JSON;
    if (term->sequence_count > 0)
        return;
    for (size_t i = 0; i < sizeof computed / sizeof computed[0]; i++)
        if (computed[i].tag == term->tag && computed[i].from <= level && level <= computed[i].to) {
            out->source = computed[i].source;
            out->level = computed[i].level;
            return;
        }
    out->source = find_main_level(level, term->tag, &out->level) ? PACS_TERM_KEPT : PACS_TERM_KEPT_OR_JSON;
}

bool pacs_search_is_indexed(PacsLevel level, const PacsSearchTerm *term)
{
    PacsPreparedTerm found;
    find_source(level, term, &found);
    return found.source != PACS_TERM_JSON && found.source != PACS_TERM_KEPT_OR_JSON;
}

/** The other half of a moment. */
static PacsTag find_partner(PacsTag tag)
{
    static const PacsTag pairs[][2] = {
        {PACS_TAG_STUDY_DATE, PACS_TAG_STUDY_TIME},
        {PACS_TAG_SERIES_DATE, PACS_TAG_SERIES_TIME},
        {PACS_TAG_INSTANCE_CREATION_DATE, PACS_TAG_INSTANCE_CREATION_TIME},
        {PACS_TAG_PERFORMED_PROCEDURE_STEP_START_DATE, PACS_TAG_PERFORMED_PROCEDURE_STEP_START_TIME},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        for (size_t half = 0; half < 2; half++)
            if (pairs[i][half] == tag)
                return pairs[i][1 - half];
    return 0;
}

/* ---- Arguments ---- */

static PacsStatus check_value(const char *value, PacsError *err)
{
    if (value && strnlen(value, PACS_MAX_SEARCH_VALUE + 1) > PACS_MAX_SEARCH_VALUE)
        return pacs_fail(err, PACS_TOO_LARGE, "a value to search for has more than %d bytes",
                         PACS_MAX_SEARCH_VALUE);
    return PACS_OK;
}

static PacsStatus check_term(const PacsSearchTerm *term, size_t *values_left, PacsError *err)
{
    if (term->sequence_count > PACS_MAX_SEQUENCE_DEPTH)
        return pacs_fail(err, PACS_TOO_LARGE, "an attribute inside more than %d sequences is searched for",
                         PACS_MAX_SEQUENCE_DEPTH);
    if (term->value_count > *values_left)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %d values are searched for", PACS_MAX_SEARCH_VALUES);
    *values_left -= term->value_count;
    PacsStatus status = check_value(term->from, err);
    if (status == PACS_OK)
        status = check_value(term->to, err);
    for (size_t i = 0; status == PACS_OK && i < term->value_count; i++)
        status = check_value(term->values[i], err);
    return status;
}

static PacsStatus check_search(const PacsSearch *search, PacsError *err)
{
    size_t values_left = PACS_MAX_SEARCH_VALUES;
    PacsStatus status = PACS_OK;
    if (search->limit == 0)
        return pacs_fail(err, PACS_INVALID, "a page of no rows was asked for");
    if (search->limit > PACS_MAX_SEARCH_ROWS)
        return pacs_fail(err, PACS_TOO_LARGE,
                         "a page of %" PRIu32 " rows was asked for, at most %d are given", search->limit,
                         PACS_MAX_SEARCH_ROWS);
    if (search->term_count > PACS_MAX_SEARCH_TERMS)
        return pacs_fail(err, PACS_TOO_LARGE, "a search has %zu terms, at most %d are allowed",
                         search->term_count, PACS_MAX_SEARCH_TERMS);
    for (size_t i = 0; status == PACS_OK && i < search->term_count; i++)
        status = check_term(&search->terms[i], &values_left, err);
    return status;
}

/* ---- Cursors: a letter of the level and three numbers ---- */

static const char level_letters[PACS_LEVEL_COUNT] = {'p', 's', 'e', 'i'};

const char *pacs_search_cursor(PacsLevel level, const PacsSearchPosition *position, PacsArena *arena)
{
    return pacs_arena_printf(arena, "%c%" PRIx64 ".%" PRIx64 ".%" PRIx64, level_letters[level],
                             (uint64_t)position->key, (uint64_t)position->series,
                             (uint64_t)position->instance);
}

static bool parse_hex(PacsSlice text, int64_t *ret_number)
{
    uint64_t number = 0;
    if (text.size == 0 || text.size > 16)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, text.text[i]);
        if (!digit || *digit == '\0')
            return false;
        number = number << 4 | (uint64_t)(digit - digits);
    }
    *ret_number = (int64_t)number;
    return number <= INT64_MAX;
}

static PacsStatus parse_cursor(const PacsSearch *search, PacsPreparedSearch *prepared, PacsError *err)
{
    int64_t *const numbers[] = {&prepared->after.key, &prepared->after.series, &prepared->after.instance};
    PacsSlice rest = pacs_slice(search->cursor);
    PacsSlice part;
    bool valid = rest.size > 0 && rest.size < 64 && rest.text[0] == level_letters[search->level];
    if (valid) {
        rest.text++;
        rest.size--;
    }
    for (size_t i = 0; valid && i < 3; i++)
        valid = pacs_slice_split(&rest, '.', &part) && parse_hex(part, numbers[i]);
    if (!valid || rest.text)
        return pacs_fail(err, PACS_INVALID, "the cursor is not one that a search of this level gave");
    prepared->continues = true;
    return PACS_OK;
}

/* ---- Preparing ---- */

static PacsStatus prepare_term(const PacsSearch *search, const PacsSearchTerm *term, PacsArena *arena,
                               PacsPreparedTerm *out, PacsError *err)
{
    *out = (PacsPreparedTerm){.term = term, .partner = find_partner(term->tag)};
    find_source(search->level, term, out);
    return pacs_matcher_init(term, pacs_dictionary_vr(term->tag), search->timezone, arena, &out->matcher,
                             err);
}

PacsStatus pacs_search_prepare(const PacsSearch *search, PacsArena *arena, PacsPreparedSearch *ret_prepared,
                               PacsError *err)
{
    PacsStatus status = check_search(search, err);
    if (status != PACS_OK)
        return status;
    PacsPreparedSearch prepared = {.search = search};
    PacsPreparedTerm *terms = pacs_arena_array(arena, search->term_count + 1, sizeof *terms);
    if (!terms)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    for (size_t i = 0; status == PACS_OK && i < search->term_count; i++) {
        PacsPreparedTerm *term = &terms[prepared.term_count];
        status = prepare_term(search, &search->terms[i], arena, term, err);
        if (status != PACS_OK || term->matcher.match == PACS_MATCH_ANY)
            continue;
        prepared.has_json_terms |= term->source == PACS_TERM_JSON || term->source == PACS_TERM_KEPT_OR_JSON;
        prepared.term_count++;
    }
    if (status == PACS_OK && search->cursor)
        status = parse_cursor(search, &prepared, err);
    if (status != PACS_OK)
        return status;
    prepared.terms = terms;
    *ret_prepared = prepared;
    return PACS_OK;
}

/* ---- Asking ---- */

static const char *kept(const PacsSearchFacts *facts, PacsLevel level, PacsTag tag)
{
    return facts->tags[level].bytes
               ? pacs_index_tags_find(facts->tags[level].bytes, facts->tags[level].size, tag)
               : NULL;
}

/** The lowest level's that has it. */
static const char *kept_anywhere(const PacsSearchFacts *facts, PacsTag tag)
{
    const char *value = NULL;
    for (int level = PACS_LEVEL_INSTANCE; !value && level >= PACS_LEVEL_PATIENT; level--)
        value = kept(facts, (PacsLevel)level, tag);
    return value;
}

static const char *format_number(char text[24], int64_t number)
{
    (void)snprintf(text, 24, "%" PRId64, number);
    return text;
}

static const char *fact(const PacsSearchFacts *facts, PacsTermSource source, char text[24])
{
    switch (source) {
    case PACS_TERM_STUDY_UID:
        return facts->study_uid;
    case PACS_TERM_SERIES_UID:
        return facts->series_uid;
    case PACS_TERM_SOP_INSTANCE_UID:
        return facts->sop_instance_uid;
    case PACS_TERM_MODALITIES_IN_STUDY:
        return facts->modalities_in_study;
    case PACS_TERM_SOP_CLASSES_IN_STUDY:
        return facts->sop_classes_in_study;
    case PACS_TERM_SOP_CLASSES_IN_SERIES:
        return facts->sop_classes_in_series;
    case PACS_TERM_SOP_CLASS:
        return facts->sop_class_uid;
    case PACS_TERM_TRANSFER_SYNTAX:
        return facts->transfer_syntax_uid;
    case PACS_TERM_AVAILABILITY:
        return "ONLINE";
    case PACS_TERM_PATIENT_STUDIES:
        return format_number(text, facts->patient_studies);
    case PACS_TERM_STUDY_SERIES:
        return format_number(text, facts->study_series);
    case PACS_TERM_STUDY_INSTANCES:
        return format_number(text, facts->study_instances);
    case PACS_TERM_SERIES_INSTANCES:
        return format_number(text, facts->series_instances);
    default:
        return NULL;
    }
}

static PacsZone zone_of(const PacsSearchFacts *facts)
{
    return pacs_zone_parse(kept_anywhere(facts, PACS_TAG_TIMEZONE_OFFSET_FROM_UTC));
}

/** What it takes to compare beside the value: nothing for most terms. */
static PacsMatchContext context_of(const PacsPreparedTerm *term, const PacsSearchFacts *facts)
{
    PacsMatchContext context = {0};
    if (term->matcher.match != PACS_MATCH_RANGE)
        return context;
    if (term->term->time_tag) {
        context.partner = kept_anywhere(facts, term->term->time_tag);
        context.partner = context.partner ? context.partner : "";
    } else if (term->matcher.zone.known && term->partner) {
        context.partner = kept_anywhere(facts, term->partner);
    }
    if (term->matcher.zone.known)
        context.zone = zone_of(facts);
    return context;
}

static bool term_matches(const PacsPreparedTerm *term, const PacsSearchFacts *facts, bool *needs_json)
{
    char number[24];
    const char *value = NULL;
    switch (term->source) {
    case PACS_TERM_JSON:
        *needs_json = true;
        return true;
    case PACS_TERM_KEPT_OR_JSON:
        value = kept_anywhere(facts, term->term->tag);
        if (!value) {
            *needs_json = true;
            return true;
        }
        break;
    case PACS_TERM_KEPT:
        value = kept(facts, term->level, term->term->tag);
        break;
    default:
        value = fact(facts, term->source, number);
        break;
    }
    const PacsMatchContext context = context_of(term, facts);
    return pacs_matcher_test(&term->matcher, value, &context);
}

/** Patients' tags are read with their study. */
static PacsLevel deciding_level(const PacsPreparedTerm *term)
{
    return term->level == PACS_LEVEL_PATIENT ? PACS_LEVEL_STUDY : term->level;
}

bool pacs_search_facts_match(const PacsPreparedSearch *search, PacsLevel level, const PacsSearchFacts *facts,
                             bool *needs_json)
{
    for (size_t i = 0; i < search->term_count; i++)
        if (deciding_level(&search->terms[i]) == level && !term_matches(&search->terms[i], facts, needs_json))
            return false;
    return true;
}

PacsStatus pacs_search_json_matches(const PacsPreparedSearch *search, const PacsSearchFacts *facts,
                                    PacsSlice json, bool *ret_matches, PacsError *err)
{
    PacsJsonTest tests[PACS_MAX_SEARCH_TERMS];
    size_t count = 0;
    for (size_t i = 0; i < search->term_count; i++) {
        const PacsPreparedTerm *term = &search->terms[i];
        bool needs_json = false;
        if (!term_matches(term, facts, &needs_json)) {
            *ret_matches = false;
            return PACS_OK;
        }
        if (needs_json)
            tests[count++] = (PacsJsonTest){&term->matcher, term->term};
    }
    return pacs_match_json(tests, count, json, zone_of(facts), ret_matches, err);
}
