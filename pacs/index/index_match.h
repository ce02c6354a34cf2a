#pragma once

#include "pacs/dicom/vr.h"
#include "pacs/index/index_search.h"

/**
 * Does a value match? DICOM's rules for one attribute, without any database: patterns are brought into the form that
 * is compared once a search, values as they are met. For the index's files; doors say terms (index_search.h).
 *
 * Threads: a matcher is not changed by matching.
 * Source:  PS3.4 C.2.2.2.
 */
typedef enum PacsValueKind {
    PACS_VALUE_TEXT,
    PACS_VALUE_NAME,
    PACS_VALUE_UID,
    PACS_VALUE_NUMBER,
    PACS_VALUE_DATE,
    PACS_VALUE_TIME,
    PACS_VALUE_DATETIME,
} PacsValueKind;

/** A time zone's distance from UTC. */
typedef struct PacsZone {
    bool known;
    int32_t minutes;
} PacsZone;

/** "+0700"; anything else is not known. */
PacsZone pacs_zone_parse(const char *text);

/** What the text of a wildcard pattern allows to compare quickly. */
typedef enum PacsPatternShape {
    PACS_PATTERN_EXACT,
    PACS_PATTERN_PREFIX,
    PACS_PATTERN_CONTAINS,
    PACS_PATTERN_ANY
} PacsPatternShape;

typedef struct PacsPattern {
    PacsSlice text; /* in the form that is compared */
    PacsPatternShape shape;
    PacsSlice literal; /* of EXACT, PREFIX, CONTAINS: without the stars */
} PacsPattern;

typedef struct PacsMatcher {
    PacsValueKind kind;
    PacsMatch match;
    bool case_sensitive;
    bool single_valued;          /* backslash is a character (LT, ST, UT, UR) */
    const PacsPattern *patterns; /* VALUES: sorted by text; FUZZY: one a word */
    size_t pattern_count;
    /* RANGE: numbers as they are; dates in days, times and date-times in microseconds */
    bool has_from, has_to;
    double from_number, to_number;
    int64_t from, to;
    PacsZone zone; /* of the range */
} PacsMatcher;

/** What a range in another zone needs beside the value: the time that belongs to a date, the date of a time, and the
 *  zone they were written in. */
typedef struct PacsMatchContext {
    const char *partner; /* NULL: unknown */
    PacsZone zone;
} PacsMatchContext;

/**
 * `zone` is the query's ("" or NULL: none). Errors: PACS_INVALID (a range of something that has no order, limits that
 * are no dates, times or numbers), PACS_NO_MEMORY. The texts do not repeat values: they may be a patient's.
 */
PACS_CHECKED PacsStatus pacs_matcher_init(const PacsSearchTerm *term, PacsVr vr, const char *zone,
                                          PacsArena *arena, PacsMatcher *ret_matcher, PacsError *err);

/** True if the attribute matches. value: as the index keeps it, values joined by backslash; NULL or "" if absent. */
bool pacs_matcher_test(const PacsMatcher *matcher, const char *value, const PacsMatchContext *context);

/** As pacs_matcher_test() for one value alone, whatever is in it. */
bool pacs_matcher_test_value(const PacsMatcher *matcher, PacsSlice value, const PacsMatchContext *context);

/** As pacs_matcher_test() for a value in the form that is compared (pacs_match_normalise()); not for ranges. */
bool pacs_matcher_test_normal(const PacsMatcher *matcher, PacsSlice value);

/** The form in which values are compared, added to `out`: folded unless case_sensitive, names' groups joined by "=",
 *  without padding. False if `out` could not take it. */
bool pacs_match_normalise(PacsValueKind kind, bool case_sensitive, PacsSlice value, PacsBuffer *out);

/** index_match_wildcard.c: * and ? as PACS_MATCH_WILDCARD has them. */
bool pacs_match_wildcard(PacsSlice pattern, PacsSlice text);
PacsPattern pacs_pattern(PacsSlice text, bool wildcards);
bool pacs_pattern_matches(const PacsPattern *pattern, PacsSlice text);

/** The next word of a name, delimited as PACS_MATCH_FUZZY has it; false: there is none. */
bool pacs_match_next_word(PacsSlice *rest, PacsSlice *ret_word);

/* index_match_time.c: the span a date, time or date-time covers, as precise as it is written; false if it is none.
 * Dates in days, others in microseconds; from the year 0, of the day. ret_zone of a DT with an offset (may be NULL). */
bool pacs_match_parse_date(PacsSlice text, int64_t *ret_first, int64_t *ret_last);
bool pacs_match_parse_time(PacsSlice text, int64_t *ret_first, int64_t *ret_last);
bool pacs_match_parse_datetime(PacsSlice text, int64_t *ret_first, int64_t *ret_last, PacsZone *ret_zone);
#define PACS_MATCH_DAY_US 86400000000LL

typedef struct PacsJsonTest {
    const PacsMatcher *matcher;
    const PacsSearchTerm *term; /* which attribute, in which sequences */
} PacsJsonTest;

/**
 * index_match_json.c: the same over an instance's DICOM JSON, in sequences too: whether all tests hold, each for one of
 * its attribute's values. Those of one sequence have to hold in one and the same item of it (PS3.4 C.2.2.2.6); an
 * attribute is empty in an item, not in a sequence without items. At most PACS_MAX_SEARCH_TERMS.
 * Errors: PACS_CORRUPT (no JSON of ours).
 */
PACS_CHECKED PacsStatus pacs_match_json(const PacsJsonTest *tests, size_t count, PacsSlice json,
                                        PacsZone zone, bool *ret_matches, PacsError *err);
/** The first value of an attribute outside of sequences, added to `out`; nothing if it is absent. */
PACS_CHECKED PacsStatus pacs_match_json_find(PacsSlice json, PacsTag tag, PacsBuffer *out, PacsError *err);
