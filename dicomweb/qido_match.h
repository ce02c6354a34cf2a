#pragma once

#include "dicomweb/qido_path.h"
#include "pacs/index/index_search.h"

/** What the query says of all its keys. */
typedef struct QidoMatching {
    bool fuzzy; /* fuzzymatching=true */
    bool empty; /* emptyvaluematching=true */
} QidoMatching;

/**
 * From `StudyDate=20260101-` to a term of the index's search: what kind of matching a value asks for, by the VR of
 * its attribute.
 *
 *     UI                          one UID or several, separated by comma or backslash
 *     DA TM DT                    a moment, or a range a-b, -b, a-; several moments separated by backslash or comma
 *     CS IS DS AS, binary numbers one value or several, separated by comma or backslash (none can contain one)
 *     other text                  one value or several, separated by backslash; * and ? are wildcards
 *     PN                          the same, or loosely by the parts of names with fuzzymatching
 *     SQ, OB and the like         no value can be matched: only universal matching
 *     any, with empty matching    "" (two quotation marks): absent, or without a value
 *
 * An empty value and `*` match anything (PS3.4 C.2.2.2.3, .4). A space in front of a number is the '+' of a
 * timezone, which a query's encoding makes a space of.
 *
 * Errors:  PACS_INVALID naming the attribute and what was expected, PACS_TOO_LARGE (PACS_MAX_SEARCH_VALUES),
 *          PACS_NO_MEMORY. Values are never repeated: they may name a patient.
 * Source:  PS3.4 C.2.2.2, PS3.18 8.3.4.
 */
PACS_CHECKED PacsStatus qido_match_parse(const QidoPath *path, const char *value,
                                         const QidoMatching *matching, PacsArena *arena,
                                         PacsSearchTerm *ret_term, PacsError *err);

/** Whether values of a repeated key may be put together as one list, separated by backslash. */
bool qido_match_is_list(PacsTag tag);

/** Dates and times that are ranges together become ranges of moments: PS3.4 C.2.2.2.5 "combined date-time
 *  matching". The time's term goes; returns how many terms are left. */
PACS_CHECKED PacsStatus qido_match_combine(PacsSearchTerm *terms, size_t *count, PacsArena *arena,
                                           PacsError *err);

/** "+0700" of a TimezoneOffsetFromUTC, its '+' perhaps a space by now. Errors: PACS_INVALID. */
PACS_CHECKED PacsStatus qido_match_timezone(const char *value, PacsArena *arena, const char **ret_timezone,
                                            PacsError *err);
