#pragma once

#include "pacs/index/index.h"

/**
 * Searches: QIDO-RS, C-FIND and Orthanc's /tools/find ask here. A door says what it wants in DICOM's words (tags,
 * values, kinds of matching); how it is found is the back end's business, and no attribute needs another path.
 *
 * What can be asked. A term names any attribute, standard, private or inside sequences. The index looks for it
 *   1. among what it computes: UIDs of all levels, Modalities in Study, SOP Classes in Study, Numbers of ... Related
 *      ..., SOP Class UID, Rows and so on;
 *   2. among the tags it keeps of the resource and of those above it (main tags, ExtraMainDicomTags);
 *   3. in the DICOM JSON of the resource (of a study or series: of its first instance). That is slow, so it is
 *      done last, for what all other terms have let through, and for at most PACS_MAX_SEARCH_JSON resources a page:
 *      see PacsSearchPage.is_partial. pacs_search_is_indexed() tells beforehand whether a term comes to this.
 * A study is searched by, and shows, the patient's attributes as that study has them.
 *
 * Order: studies newest first (Study Date, Study Time, arrival; undated last), series and instances below them in
 *        order of arrival, patients at the place of their newest study that matches. A cursor continues behind
 *        the last row of a page; what arrives or goes meanwhile moves nothing that stays.
 *
 * Owner:   the query is borrowed for the call; a page lives in the arena.
 * Threads: any. No transaction outlives the call, and none is long.
 * Errors:  PACS_INVALID (a term no value can match by its form, a foreign cursor), PACS_TOO_LARGE (over a limit of
 *          PACS_MAX_SEARCH_*), and index.h's.
 * Source:  PS3.4 C.2.2.2 (matching), PS3.18 8.3.4 (QIDO-RS).
 */

typedef enum PacsMatch {
    /** Anything, absent values too: universal matching. As if the term were not there. */
    PACS_MATCH_ANY,
    /** Equal to one of `values` (single value and list matching; C.2.2.2.1, .2, .8 for UIDs). */
    PACS_MATCH_VALUES,
    /** As VALUES, but * stands for any run of characters, none too, and ? for one (C.2.2.2.4). A pattern of * alone
     *  is universal. There is no escape: to look for a * use VALUES. */
    PACS_MATCH_WILDCARD,
    /** Between `from` and `to`, both included, NULL for open (C.2.2.2.5). Both are dates (DA), times (TM) or date-times
     *  (DT) as DICOM writes them, or decimal numbers; less precise ones mean all they cover ("202611" the whole
     *  month, "10" as TM the whole hour). Absent values do not match. */
    PACS_MATCH_RANGE,
    /** Names loosely: every word of values[0] begins some part of one component group, in any order, without regard
     *  to case, diacritics and delimiters. Asks the same of attributes that are no names. */
    PACS_MATCH_FUZZY,
    /** Absent or without a value (C.2.2.2.7). */
    PACS_MATCH_EMPTY,
} PacsMatch;

/**
 * One condition; a query's terms hold all together. A resource's multi-valued attribute matches if one of its
 * values does. Padding and the spaces around values and patterns do not count.
 *
 * Person names (PN) match by any of their three component groups or by all of them as written ("A=B"); trailing
 * delimiters do not count.
 */
typedef struct PacsSearchTerm {
    PacsTag tag;
    const PacsTag *sequences; /* the sequences the attribute stands in, outermost first; NULL for none */
    size_t sequence_count;    /* at most PACS_MAX_SEQUENCE_DEPTH */
    PacsMatch match;
    const char *const *values; /* UTF-8 */
    size_t value_count;        /* at most PACS_MAX_SEARCH_VALUES */
    const char *from, *to;     /* RANGE */
    /** RANGE of a date and a time taken together: `tag` is the date, this the time, from and to are date-times
     *  ("20261121103000"). 0: `tag` alone. */
    PacsTag time_tag;
    /** Compare exactly. Otherwise case, diacritics and runs of white space do not count, and in names ^ counts as a
     *  space, so that senders who delimit differently are found alike. Never applies to UIDs: they are exact. */
    bool case_sensitive;
} PacsSearchTerm;

/** How well a search is counted. */
typedef enum PacsSearchCount {
    PACS_COUNT_NONE,
    /** By some milliseconds of work at most: exact where that suffices (3,000 studies walked), else an estimate. */
    PACS_COUNT_QUICK,
    /** Exact up to PACS_SEARCH_EXACT_TOTAL, whatever it costs: a tenth of a second in a large archive. */
    PACS_COUNT_EXACT,
} PacsSearchCount;

typedef struct PacsSearch {
    PacsLevel level;
    const PacsSearchTerm
        *terms; /* parents too: { Study Instance UID, VALUES }; at most PACS_MAX_SEARCH_TERMS */
    size_t term_count;
    /** "+0700": ranges of dates and times are meant in this zone, and values compared by the zone of their study or
     *  series (Timezone Offset From UTC), where they have one. NULL: values are compared as they are written. */
    const char *timezone;
    uint32_t limit;        /* rows of a page: 1 to PACS_MAX_SEARCH_ROWS */
    uint64_t offset;       /* rows to skip first: costs what reading them costs, so cursors are better */
    const char *cursor;    /* PacsSearchPage.next of the page before; NULL for the first */
    PacsSearchCount count; /* of the whole search, whatever page this is */
    bool want_json;        /* fill PacsSearchRow.json, for attributes that are not in `tags` */
} PacsSearch;

/** One match, with all that an answer at its level says of it and of what is above. */
typedef struct PacsSearchRow {
    char ids[PACS_LEVEL_COUNT][PACS_ORTHANC_ID_SIZE]; /* "" below the level */
    const char *study_instance_uid;                   /* NULL below the level */
    const char *series_instance_uid;
    const char *sop_instance_uid;
    const PacsTagValue *tags[PACS_LEVEL_COUNT]; /* kept tags, tag order; none below the level */
    size_t tag_count[PACS_LEVEL_COUNT];

    /* Study and below. Lists are joined by backslash, each value once. */
    const char *modalities_in_study;
    const char *sop_classes_in_study;
    uint64_t patient_studies; /* Number of Patient Related Studies; patients too */
    uint64_t study_series, study_instances;
    /* Series and below. */
    const char *sop_classes_in_series;
    uint64_t series_instances;
    /* Instance. Pixel description: 0 where the object has none. */
    const char *sop_class_uid;
    const char *transfer_syntax_uid; /* as stored: Available Transfer Syntax UID */
    uint32_t rows, columns, bits_allocated, number_of_frames;

    uint64_t size_bytes;    /* of all objects of the resource */
    int64_t last_update_ms; /* of the resource */
    bool is_stable;

    /** With want_json: the DICOM JSON of the resource's first instance, packed as it is stored, because a page's could be
     *  gigabytes unpacked: pacs_index_unpack_json(). NULL without. */
    const PacsInstanceBlobs *json;
} PacsSearchRow;

typedef struct PacsSearchPage {
    PacsSearchRow *rows;
    size_t count;
    const char *next; /* cursor of the page behind this one; NULL: there is nothing more */
    /** A bound of work was reached (PACS_MAX_SEARCH_JSON of terms matched by DICOM JSON, else PACS_MAX_SEARCH_WORK): the
     *  page may have fewer rows than there are matches, even none, and `next` goes on behind what was looked at. Answers
     *  tell their client (Warning 299). */
    bool is_partial;
    /** With PacsSearch.count. An estimate is never below what was counted; of PACS_COUNT_EXACT it is more than
     *  PACS_SEARCH_EXACT_TOTAL. */
    uint64_t total;
    bool total_is_estimate;
    /** What it took, for metrics and tests. */
    uint64_t resources_examined, json_examined;
} PacsSearchPage;

#define PACS_SEARCH_EXACT_TOTAL 10000

PACS_CHECKED PacsStatus pacs_index_search(PacsIndex *index, const PacsSearch *search, PacsArena *arena,
                                          PacsSearchPage *ret_page, PacsError *err);

/** False if a term on this attribute is matched by DICOM JSON at this level. (Tags of ExtraMainDicomTags count as not
 *  indexed: whether a resource has them depends on when it came.) */
bool pacs_search_is_indexed(PacsLevel level, const PacsSearchTerm *term);
