#include "dicomweb/qido_query.h"

#include <stdlib.h>
#include <string.h>

#include "dicomweb/qido_match.h"
#include "pacs/util/limits.h"

/** A match key: an attribute and all that was given for it. */
typedef struct Key {
    QidoPath path;
    const char *value;
} Key;

typedef struct Parser {
    QidoQuery *query;
    PacsArena *arena;
    bool strict;
    QidoMatching matching;
    uint32_t seen; /* bit per parameter of `parameters` that must not be repeated */
    Key keys[PACS_MAX_SEARCH_TERMS];
    size_t key_count;
    QidoPath *shown;
    size_t shown_count;
    size_t shown_room;
} Parser;

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the query");
}

/* ---- parameters with names of their own ---- */

static PacsStatus parse_flag(const char *name, const char *value, bool *ret_flag, PacsError *err)
{
    PacsSlice text = pacs_slice(value);

    if (text.size > 0 && !pacs_slice_equal_case(text, "true") && !pacs_slice_equal_case(text, "false"))
        return pacs_fail(err, PACS_INVALID, "%s is to be true or false", name);
    *ret_flag = pacs_slice_equal_case(text, "true");
    return PACS_OK;
}

static PacsStatus parse_limit(Parser *parser, const char *value, PacsError *err)
{
    uint64_t limit;

    if (value[0] == '\0')
        return PACS_OK;
    if (pacs_parse_u64(pacs_slice(value), UINT64_MAX, &limit, NULL) != PACS_OK)
        return pacs_fail(err, PACS_INVALID, "limit is to be a number of results");
    if (limit == 0 && !parser->strict) /* Orthanc's word for "no limit" */
        return PACS_OK;
    if (limit > PACS_MAX_QIDO_ROWS) {
        limit = PACS_MAX_QIDO_ROWS;
        parser->query->notes |= QIDO_NOTE_LIMITED;
    }
    parser->query->limit = (uint32_t)limit;
    parser->query->has_limit = true;
    return PACS_OK;
}

static PacsStatus parse_offset(Parser *parser, const char *value, PacsError *err)
{
    if (value[0] == '\0')
        return PACS_OK;
    if (pacs_parse_u64(pacs_slice(value), PACS_MAX_QIDO_OFFSET, &parser->query->offset, NULL) != PACS_OK)
        return pacs_fail(err, PACS_INVALID,
                         "offset is to be a number of results, at most %u: beyond, follow Link: rel=next",
                         PACS_MAX_QIDO_OFFSET);
    return PACS_OK;
}

static PacsStatus parse_cursor(Parser *parser, const char *value, PacsError *err)
{
    (void)err;
    parser->query->cursor = value[0] != '\0' ? value : NULL;
    return PACS_OK;
}

/** Ours: how well X-Total-Count is to count. */
static PacsStatus parse_total(Parser *parser, const char *value, PacsError *err)
{
    static const struct {
        const char *name;
        PacsSearchCount count;
    } words[] = {{"", PACS_COUNT_QUICK},
                 {"quick", PACS_COUNT_QUICK},
                 {"exact", PACS_COUNT_EXACT},
                 {"none", PACS_COUNT_NONE}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!pacs_slice_equal_case(pacs_slice(value), words[i].name))
            continue;
        parser->query->count = words[i].count;
        return PACS_OK;
    }
    return pacs_fail(err, PACS_INVALID, "total is to be quick, exact or none");
}

static PacsStatus parse_fuzzymatching(Parser *parser, const char *value, PacsError *err)
{
    return parse_flag("fuzzymatching", value, &parser->matching.fuzzy, err);
}

static PacsStatus parse_emptyvaluematching(Parser *parser, const char *value, PacsError *err)
{
    return parse_flag("emptyvaluematching", value, &parser->matching.empty, err);
}

/** Lists are matched with it and without it. */
static PacsStatus parse_multiplevaluematching(Parser *parser, const char *value, PacsError *err)
{
    bool wanted = false;

    (void)parser;
    return parse_flag("multiplevaluematching", value, &wanted, err);
}

static PacsStatus show(Parser *parser, const QidoPath *path, PacsError *err)
{
    if (parser->shown_count == parser->shown_room) {
        size_t room = parser->shown_room * 2 + 32;
        QidoPath *more = pacs_arena_array(parser->arena, room, sizeof *more);
        if (!more)
            return no_memory(err);
        if (parser->shown_count > 0)
            memcpy(more, parser->shown, parser->shown_count * sizeof *more);
        parser->shown = more;
        parser->shown_room = room;
    }
    parser->shown[parser->shown_count++] = *path;
    return PACS_OK;
}

static PacsStatus parse_includefield(Parser *parser, const char *value, PacsError *err)
{
    PacsSlice rest = pacs_slice(value);
    PacsSlice part;

    while (pacs_slice_split(&rest, ',', &part)) {
        QidoPath path;
        part = pacs_slice_trim(part);
        if (part.size == 0)
            continue;
        if (pacs_slice_equal_case(part, "all")) {
            parser->query->shows_all = true;
            continue;
        }
        PacsStatus status = qido_path_parse(part, parser->arena, &path, err);
        if (status == PACS_INVALID && !parser->strict) {
            parser->query->notes |= QIDO_NOTE_UNKNOWN_ATTRIBUTE;
            continue;
        }
        if (status != PACS_OK)
            return pacs_fail_context(err, status, "includefield: ");
        status = show(parser, &path, err);
        if (status != PACS_OK)
            return status;
    }
    return PACS_OK;
}

/** `accept` is negotiation's (dicomweb/accept.h). */
static PacsStatus pass_over(Parser *parser, const char *value, PacsError *err)
{
    (void)parser;
    (void)value;
    (void)err;
    return PACS_OK;
}

static const struct {
    const char *name;
    PacsStatus (*parse)(Parser *parser, const char *value, PacsError *err);
    bool may_repeat;
} parameters[] = {
    {"includefield", parse_includefield, true},
    {"limit", parse_limit, false},
    {"offset", parse_offset, false},
    {"cursor", parse_cursor, false},
    {"total", parse_total, false},
    {"fuzzymatching", parse_fuzzymatching, false},
    {"emptyvaluematching", parse_emptyvaluematching, false},
    {"multiplevaluematching", parse_multiplevaluematching, false},
    {"accept", pass_over, true},
};

/* ---- match keys ---- */

static Key *find_key(Parser *parser, const QidoPath *path)
{
    for (size_t i = 0; i < parser->key_count; i++) {
        if (qido_path_compare(&parser->keys[i].path, path) == 0)
            return &parser->keys[i];
    }
    return NULL;
}

/** A key given twice asks for either value, where a list of them can. */
static PacsStatus repeat_key(Parser *parser, Key *key, const char *value, PacsError *err)
{
    char buffer[PACS_TAG_HEX_SIZE];

    if (value[0] == '\0' || key->value[0] == '\0') { /* universal, and then no more */
        key->value = key->value[0] != '\0' ? key->value : value;
        return PACS_OK;
    }
    if (!qido_match_is_list(key->path.tag))
        return pacs_fail(err, PACS_INVALID, "%s is given twice", qido_path_name(&key->path, buffer));
    key->value = pacs_arena_printf(parser->arena, "%s\\%s", key->value, value);
    return key->value ? PACS_OK : no_memory(err);
}

static PacsStatus add_key(Parser *parser, const char *name, const char *value, PacsError *err)
{
    QidoPath path;

    PacsStatus status = qido_path_parse(pacs_slice(name), parser->arena, &path, err);
    if (status == PACS_INVALID && !parser->strict) {
        parser->query->notes |= QIDO_NOTE_UNKNOWN_PARAMETER;
        return PACS_OK;
    }
    if (status != PACS_OK)
        return pacs_fail_context(err, status, "a parameter of the query: ");
    Key *key = find_key(parser, &path);
    if (key)
        return repeat_key(parser, key, value, err);
    if (parser->key_count == PACS_MAX_SEARCH_TERMS)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %d attributes to match", PACS_MAX_SEARCH_TERMS);
    parser->keys[parser->key_count++] = (Key){path, value};
    return PACS_OK;
}

static PacsStatus parse_parameter(Parser *parser, const PacsHttpPair *parameter, PacsError *err)
{
    if (parameter->name[0] == '\0')
        return PACS_OK;
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (!pacs_slice_equal_case(pacs_slice(parameter->name), parameters[i].name))
            continue;
        if (!parameters[i].may_repeat && (parser->seen & 1u << i))
            return pacs_fail(err, PACS_INVALID, "%s is given twice", parameters[i].name);
        parser->seen |= 1u << i;
        return parameters[i].parse(parser, parameter->value, err);
    }
    return add_key(parser, parameter->name, parameter->value, err);
}

/* ---- keys to terms ---- */

/** Attributes that answers have and that nothing is searched by. */
static bool is_only_shown(PacsTag tag)
{
    return tag == PACS_TAG_SPECIFIC_CHARACTER_SET || tag == PACS_TAG_RETRIEVE_URL ||
           tag == PACS_TAG_INSTANCE_AVAILABILITY;
}

/** What a study has of its series and instances: many clients ask studies for the Modality. */
static PacsTag searched_tag(PacsLevel level, PacsTag tag)
{
    if (level == PACS_LEVEL_STUDY && tag == PACS_TAG_MODALITY)
        return PACS_TAG_MODALITIES_IN_STUDY;
    if (level == PACS_LEVEL_STUDY && tag == PACS_TAG_SOP_CLASS_UID)
        return PACS_TAG_SOP_CLASSES_IN_STUDY;
    return tag;
}

static PacsStatus add_term(Parser *parser, const Key *key, PacsError *err)
{
    QidoQuery *query = parser->query;
    QidoPath path = key->path;
    PacsSearchTerm term;

    if (path.depth == 0 && path.tag == PACS_TAG_TIMEZONE_OFFSET_FROM_UTC && key->value[0] != '\0')
        return qido_match_timezone(key->value, parser->arena, &query->timezone, err);
    if (path.depth == 0 && is_only_shown(path.tag)) {
        if (key->value[0] != '\0' && path.tag != PACS_TAG_SPECIFIC_CHARACTER_SET)
            query->notes |= QIDO_NOTE_NOT_MATCHED;
        return PACS_OK;
    }
    if (path.depth == 0)
        path.tag = searched_tag(query->level, path.tag);
    PacsStatus status = qido_match_parse(&path, key->value, &parser->matching, parser->arena, &term, err);
    if (status == PACS_OK && term.match != PACS_MATCH_ANY)
        query->terms[query->term_count++] = term;
    return status;
}

static PacsStatus add_parent(Parser *parser, PacsTag tag, const char *uid, PacsError *err)
{
    const char **values = pacs_arena_array(parser->arena, 1, sizeof *values);
    if (!values)
        return no_memory(err);
    values[0] = uid;
    parser->query->terms[parser->query->term_count++] = (PacsSearchTerm){
        .tag = tag, .match = PACS_MATCH_VALUES, .values = values, .value_count = 1};
    return PACS_OK;
}

static PacsStatus add_terms(Parser *parser, const PacsUidPath *path, PacsError *err)
{
    QidoQuery *query = parser->query;
    PacsStatus status = PACS_OK;

    query->terms = pacs_arena_array(parser->arena, parser->key_count + 2, sizeof *query->terms);
    if (!query->terms)
        return no_memory(err);
    if (path->study_uid)
        status = add_parent(parser, PACS_TAG_STUDY_INSTANCE_UID, path->study_uid, err);
    if (status == PACS_OK && path->series_uid)
        status = add_parent(parser, PACS_TAG_SERIES_INSTANCE_UID, path->series_uid, err);
    for (size_t i = 0; status == PACS_OK && i < parser->key_count; i++) {
        status = add_term(parser, &parser->keys[i], err);
        if (status == PACS_OK)
            status = show(parser, &parser->keys[i].path, err); /* PS3.18 10.6.3.3: keys are returned too */
    }
    if (status == PACS_OK)
        status = qido_match_combine(query->terms, &query->term_count, parser->arena, err);
    if (status == PACS_OK && query->term_count > PACS_MAX_SEARCH_TERMS)
        return pacs_fail(err, PACS_TOO_LARGE, "more than %d attributes to match", PACS_MAX_SEARCH_TERMS);
    return status;
}

static int compare_paths(const void *a, const void *b)
{
    return qido_path_compare(a, b);
}

static void sort_shown(Parser *parser)
{
    size_t count = 0;

    if (parser->shown_count > 0)
        qsort(parser->shown, parser->shown_count, sizeof *parser->shown, compare_paths);
    for (size_t i = 0; i < parser->shown_count; i++) {
        if (count == 0 || qido_path_compare(&parser->shown[count - 1], &parser->shown[i]) != 0)
            parser->shown[count++] = parser->shown[i];
    }
    parser->query->shown = parser->shown;
    parser->query->shown_count = count;
}

PacsStatus qido_query_parse(PacsLevel level, const PacsUidPath *path, const PacsHttpPair *pairs, size_t count,
                            bool strict, PacsArena *arena, QidoQuery *ret_query, PacsError *err)
{
    QidoQuery query = {.level = level, .count = PACS_COUNT_QUICK};
    Parser parser = {.query = &query, .arena = arena, .strict = strict};
    PacsStatus status = PACS_OK;

    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = parse_parameter(&parser, &pairs[i], err);
    if (status == PACS_OK)
        status = add_terms(&parser, path, err);
    if (status != PACS_OK)
        return status;
    sort_shown(&parser);
    *ret_query = query;
    return PACS_OK;
}
