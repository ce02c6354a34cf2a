#include "dicomweb/qido_match.h"

#include <string.h>

#include "pacs/util/limits.h"

static PacsStatus no_memory(PacsError *err)
{
    return pacs_fail(err, PACS_NO_MEMORY, "no memory for the query");
}

static PacsStatus malformed(const QidoPath *path, const char *expected, PacsError *err)
{
    char buffer[PACS_TAG_HEX_SIZE];
    return pacs_fail(err, PACS_INVALID, "%s is to be %s", qido_path_name(path, buffer), expected);
}

/* ---- lists ---- */

/** VRs whose values cannot contain a comma, so that one separates them, as PS3.18 has it for UIDs. */
static bool comma_separates(PacsVr vr)
{
    switch (vr) {
    case PACS_VR_UI:
    case PACS_VR_DA:
    case PACS_VR_TM:
    case PACS_VR_DT:
    case PACS_VR_AS:
    case PACS_VR_CS:
    case PACS_VR_DS:
    case PACS_VR_IS:
        return true;
    default:
        return !pacs_vr_info(vr)->text && vr != PACS_VR_UN;
    }
}

/** UN: private, and only objects know what it is; backslash separates whatever has several values. */
static bool backslash_separates(PacsVr vr)
{
    return pacs_vr_info(vr)->multi_valued || vr == PACS_VR_UN;
}

bool qido_match_is_list(PacsTag tag)
{
    return backslash_separates(pacs_dictionary_vr(tag));
}

static bool is_separator(PacsVr vr, char c)
{
    return (c == '\\' && backslash_separates(vr)) || (c == ',' && comma_separates(vr));
}

/** The values of a list, trimmed, empty ones left out. */
static PacsStatus split_values(PacsVr vr, PacsSlice text, PacsArena *arena, PacsSearchTerm *term,
                               PacsError *err)
{
    size_t room = 1;
    for (size_t i = 0; i < text.size; i++)
        room += is_separator(vr, text.text[i]);
    if (room > PACS_MAX_SEARCH_VALUES)
        return pacs_fail(err, PACS_TOO_LARGE, "a list of more than %d values", PACS_MAX_SEARCH_VALUES);
    const char **values = pacs_arena_array(arena, room, sizeof *values);
    if (!values)
        return no_memory(err);

    size_t count = 0;
    for (size_t start = 0, at = 0; at <= text.size; at++) {
        if (at < text.size && !is_separator(vr, text.text[at]))
            continue;
        PacsSlice value = pacs_slice_trim((PacsSlice){text.text + start, at - start});
        start = at + 1;
        if (value.size == 0)
            continue;
        values[count] = pacs_arena_strndup(arena, value.text, value.size);
        if (!values[count++])
            return no_memory(err);
    }
    term->values = values;
    term->value_count = count;
    return PACS_OK;
}

/* ---- moments and ranges ---- */

/** Digits at the start of a text. */
static size_t digits(PacsSlice text)
{
    size_t count = 0;
    while (count < text.size && text.text[count] >= '0' && text.text[count] <= '9')
        count++;
    return count;
}

/** ".123456" behind the seconds, at most six digits. */
static size_t fraction(PacsSlice text)
{
    if (text.size < 2 || text.text[0] != '.')
        return 0;
    size_t count = digits((PacsSlice){text.text + 1, text.size - 1});
    return count >= 1 && count <= 6 ? count + 1 : 0;
}

static PacsSlice after(PacsSlice text, size_t count)
{
    return (PacsSlice){text.text + count, text.size - count};
}

/** "+0700" (or " 0700") that is an offset from UTC: -1200 to +1400. A longer run of digits is none, and neither is
 *  what can only be a year ("2025-2026"). */
static size_t offset(PacsSlice text)
{
    uint64_t value;

    if (text.size < 5 || !strchr("+- ", text.text[0]) || text.text[0] == '\0' ||
        digits(after(text, 1)) != 4 ||
        pacs_parse_u64((PacsSlice){text.text + 1, 4}, 9999, &value, NULL) != PACS_OK)
        return 0;
    return value % 100 < 60 && value <= (text.text[0] == '-' ? 1200u : 1400u) ? 5 : 0;
}

/** How much of a text is a moment of this VR; 0 if nothing is. */
static size_t moment(PacsVr vr, PacsSlice text)
{
    size_t count = digits(text);

    switch (vr) {
    case PACS_VR_DA:
        return count == 4 || count == 6 || count == 8 ? count : 0;
    case PACS_VR_TM:
        if (count != 2 && count != 4 && count != 6)
            return 0;
        return count + (count == 6 ? fraction(after(text, count)) : 0);
    default:
        if (count < 4 || count > 14 || count % 2 == 1)
            return 0;
        if (count == 14)
            count += fraction(after(text, count));
        return count + offset(after(text, count));
    }
}

static const char *expected_moment(PacsVr vr)
{
    switch (vr) {
    case PACS_VR_DA:
        return "YYYYMMDD, YYYYMMDD-YYYYMMDD, YYYYMMDD- or -YYYYMMDD";
    case PACS_VR_TM:
        return "HHMMSS, HHMMSS-HHMMSS, HHMMSS- or -HHMMSS";
    default:
        return "YYYYMMDDHHMMSS.FFFFFF+ZZXX, or a range of such with - between, before or behind";
    }
}

/** A copy without the space that stands for a '+'. */
static PacsStatus copy_moment(PacsSlice text, PacsArena *arena, const char **ret_text, PacsError *err)
{
    char *copy = pacs_arena_strndup(arena, text.text, text.size);
    if (!copy)
        return no_memory(err);
    char *space = strchr(copy, ' ');
    if (space)
        *space = '+';
    *ret_text = copy;
    return PACS_OK;
}

/** "a", "a-b", "-b", "a-"; spaces around each part. */
static PacsStatus parse_range(const QidoPath *path, PacsVr vr, PacsSlice text, PacsArena *arena,
                              PacsSearchTerm *term, PacsError *err)
{
    size_t from = moment(vr, text);
    PacsSlice rest = pacs_slice_trim(after(text, from));
    bool is_range = rest.size > 0 && rest.text[0] == '-';
    PacsSlice to = is_range ? pacs_slice_trim(after(rest, 1)) : (PacsSlice){text.text, from};

    if (is_range ? moment(vr, to) != to.size || from + to.size == 0 : from == 0 || rest.size > 0)
        return malformed(path, expected_moment(vr), err);
    term->match = PACS_MATCH_RANGE;
    PacsStatus status = PACS_OK;
    if (from > 0)
        status = copy_moment((PacsSlice){text.text, from}, arena, &term->from, err);
    if (status == PACS_OK && to.size > 0)
        status = copy_moment(to, arena, &term->to, err);
    return status;
}

static PacsStatus parse_moments(const QidoPath *path, PacsVr vr, PacsSlice text, PacsArena *arena,
                                PacsSearchTerm *term, PacsError *err)
{
    if (!memchr(text.text, ',', text.size) && !memchr(text.text, '\\', text.size))
        return parse_range(path, vr, text, arena, term, err);
    PacsStatus status = split_values(vr, text, arena, term, err);
    for (size_t i = 0; status == PACS_OK && i < term->value_count; i++) {
        PacsSlice value = pacs_slice(term->values[i]);
        if (moment(vr, value) != value.size)
            status = malformed(path, "a list of moments, or one range", err);
    }
    return status;
}

/* ---- terms ---- */

static bool has_wildcard(PacsSlice text)
{
    return memchr(text.text, '*', text.size) || memchr(text.text, '?', text.size);
}

/** The words of a name: wildcards and lists mean nothing where every word may be a beginning. */
static PacsStatus parse_fuzzy(PacsSlice text, PacsArena *arena, PacsSearchTerm *term, PacsError *err)
{
    char *words = pacs_arena_strndup(arena, text.text, text.size);
    const char **values = pacs_arena_array(arena, 1, sizeof *values);
    if (!words || !values)
        return no_memory(err);
    for (char *at = words; *at; at++)
        if (strchr("*?\\", *at))
            *at = ' ';
    PacsSlice left = pacs_slice_trim(pacs_slice(words));
    values[0] = words;
    term->values = values;
    term->value_count = left.size > 0;
    term->match = PACS_MATCH_FUZZY;
    return PACS_OK;
}

static PacsStatus parse_values(const QidoPath *path, PacsVr vr, PacsSlice text, bool fuzzy, PacsArena *arena,
                               PacsSearchTerm *term, PacsError *err)
{
    if (vr == PACS_VR_SQ)
        return malformed(path, "empty: a sequence is matched by its attributes, Sequence.Attribute=value",
                         err);
    if (pacs_vr_info(vr)->bulk && vr != PACS_VR_UN)
        return malformed(path, "empty: binary values cannot be matched", err);
    if (fuzzy && vr == PACS_VR_PN)
        return parse_fuzzy(text, arena, term, err);
    bool wildcard = has_wildcard(text);
    if (!wildcard && (vr == PACS_VR_DA || vr == PACS_VR_TM || vr == PACS_VR_DT))
        return parse_moments(path, vr, text, arena, term, err);
    term->match = wildcard ? PACS_MATCH_WILDCARD : PACS_MATCH_VALUES;
    return split_values(vr, text, arena, term, err);
}

PacsStatus qido_match_parse(const QidoPath *path, const char *value, const QidoMatching *matching,
                            PacsArena *arena, PacsSearchTerm *ret_term, PacsError *err)
{
    PacsVr vr = pacs_dictionary_vr(path->tag);
    PacsSlice text = pacs_slice_trim(pacs_slice(value));
    PacsSearchTerm term = {.tag = path->tag,
                           .sequences = path->depth > 0 ? path->sequences : NULL,
                           .sequence_count = path->depth,
                           .match = PACS_MATCH_VALUES};

    if (matching->empty && pacs_slice_equal(text, "\"\"")) {
        term.match = PACS_MATCH_EMPTY;
    } else if (text.size > 0 && !pacs_slice_equal(text, "*")) {
        PacsStatus status = parse_values(path, vr, text, matching->fuzzy, arena, &term, err);
        if (status != PACS_OK)
            return status;
    }
    if (term.match != PACS_MATCH_RANGE && term.match != PACS_MATCH_EMPTY && term.value_count == 0)
        term.match = PACS_MATCH_ANY;
    *ret_term = term;
    return PACS_OK;
}

PacsStatus qido_match_timezone(const char *value, PacsArena *arena, const char **ret_timezone, PacsError *err)
{
    PacsSlice text = pacs_slice(value);

    if (text.size != 5 || offset(text) != 5)
        return pacs_fail(err, PACS_INVALID,
                         "TimezoneOffsetFromUTC is to be +HHMM or -HHMM, the + sent as %%2B");
    return copy_moment(text, arena, ret_timezone, err);
}

/* ---- dates and times taken together ---- */

static const struct {
    PacsTag date, time;
} moments[] = {
    {PACS_TAG_STUDY_DATE, PACS_TAG_STUDY_TIME},
    {PACS_TAG_SERIES_DATE, PACS_TAG_SERIES_TIME},
    {PACS_TAG_ACQUISITION_DATE, PACS_TAG_ACQUISITION_TIME},
    {PACS_TAG_CONTENT_DATE, PACS_TAG_CONTENT_TIME},
    {PACS_TAG_INSTANCE_CREATION_DATE, PACS_TAG_INSTANCE_CREATION_TIME},
    {PACS_TAG_PERFORMED_PROCEDURE_STEP_START_DATE, PACS_TAG_PERFORMED_PROCEDURE_STEP_START_TIME},
};

/** A term of an attribute of the data set itself that was written with a '-' (of a single moment both ends are what
 *  was written). */
static PacsSearchTerm *find_range(PacsSearchTerm *terms, size_t count, PacsTag tag)
{
    for (size_t i = 0; i < count; i++) {
        PacsSearchTerm *term = &terms[i];
        bool is_range = term->match == PACS_MATCH_RANGE &&
                        (!term->from || !term->to || strcmp(term->from, term->to) != 0);
        if (term->tag == tag && term->sequence_count == 0 && is_range)
            return term;
    }
    return NULL;
}

/** "20261121" and "1030" to "202611211030"; a day that is not named stays open, a time that is not means the day. */
static PacsStatus join_moment(const char *date, const char *time, PacsArena *arena, const char **ret_moment,
                              PacsError *err)
{
    if (!date || !time || strlen(date) < 8) {
        *ret_moment = date;
        return PACS_OK;
    }
    *ret_moment = pacs_arena_printf(arena, "%s%s", date, time);
    return *ret_moment ? PACS_OK : no_memory(err);
}

PacsStatus qido_match_combine(PacsSearchTerm *terms, size_t *count, PacsArena *arena, PacsError *err)
{
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        PacsSearchTerm *date = find_range(terms, *count, moments[i].date);
        PacsSearchTerm *time = find_range(terms, *count, moments[i].time);
        if (!date || !time)
            continue;
        PacsStatus status = join_moment(date->from, time->from, arena, &date->from, err);
        if (status == PACS_OK)
            status = join_moment(date->to, time->to, arena, &date->to, err);
        if (status != PACS_OK)
            return status;
        date->time_tag = moments[i].time;
        size_t behind = *count - (size_t)(time - terms) - 1;
        memmove(time, time + 1, behind * sizeof *time);
        --*count;
    }
    return PACS_OK;
}
