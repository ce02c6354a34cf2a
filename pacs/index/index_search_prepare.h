#pragma once

#include "pacs/index/index_match.h"

/**
 * All of a search that needs no database: arguments checked, every term given the place where its values are, its
 * matcher made. A back end finds candidates as fast as it can and asks here whether each holds; so two back ends
 * cannot disagree on what matches.
 */

/** Where a term's values are found. */
typedef enum PacsTermSource {
    PACS_TERM_KEPT,         /* the tags kept of `level` */
    PACS_TERM_KEPT_OR_JSON, /* the tags kept of any level, else the DICOM JSON */
    PACS_TERM_JSON,
    /* Facts of a row; each has its place in PacsSearchFacts. */
    PACS_TERM_STUDY_UID,
    PACS_TERM_SERIES_UID,
    PACS_TERM_SOP_INSTANCE_UID,
    PACS_TERM_MODALITIES_IN_STUDY,
    PACS_TERM_SOP_CLASSES_IN_STUDY,
    PACS_TERM_SOP_CLASSES_IN_SERIES,
    PACS_TERM_SOP_CLASS,
    PACS_TERM_TRANSFER_SYNTAX,
    PACS_TERM_AVAILABILITY,
    PACS_TERM_PATIENT_STUDIES,
    PACS_TERM_STUDY_SERIES,
    PACS_TERM_STUDY_INSTANCES,
    PACS_TERM_SERIES_INSTANCES,
} PacsTermSource;

typedef struct PacsPreparedTerm {
    const PacsSearchTerm *term;
    PacsTermSource source;
    PacsLevel level; /* KEPT: whose tags; else the highest level whose facts decide it */
    PacsMatcher matcher;
    PacsTag partner; /* of a date in a range the time that belongs to it, of a time the date; 0: none */
} PacsPreparedTerm;

/** Where in the order of answers a resource stands: studies by key, newest first, then rows of series and instance. */
typedef struct PacsSearchPosition {
    int64_t key, series, instance;
} PacsSearchPosition;

typedef struct PacsPreparedSearch {
    const PacsSearch *search;
    const PacsPreparedTerm *terms; /* those that restrict anything */
    size_t term_count;
    bool has_json_terms;
    bool continues; /* behind `after` */
    PacsSearchPosition after;
} PacsPreparedSearch;

PACS_CHECKED PacsStatus pacs_search_prepare(const PacsSearch *search, PacsArena *arena,
                                            PacsPreparedSearch *ret_prepared, PacsError *err);

/** The token of a position, in the arena; NULL: no memory. */
const char *pacs_search_cursor(PacsLevel level, const PacsSearchPosition *position, PacsArena *arena);

/* ---- Asking whether a row holds ---- */

/** What a back end has read of a resource and of those above it; pointers are borrowed for the question. */
typedef struct PacsSearchFacts {
    struct {
        const void *bytes; /* index_tags.h; NULL where the level is not read */
        size_t size;
    } tags[PACS_LEVEL_COUNT];
    const char *study_uid, *series_uid, *sop_instance_uid;
    const char *modalities_in_study, *sop_classes_in_study, *sop_classes_in_series; /* joined by backslash */
    const char *sop_class_uid, *transfer_syntax_uid;
    int64_t patient_studies, study_series, study_instances, series_instances;
} PacsSearchFacts;

/**
 * True unless a term whose values are of `level` does not match. Terms of levels below are not looked at. What has to
 * be found in the DICOM JSON counts as matching here; *needs_json says (is set, never cleared) that there is such.
 */
bool pacs_search_facts_match(const PacsPreparedSearch *search, PacsLevel level, const PacsSearchFacts *facts,
                             bool *needs_json);

/** The terms that pacs_search_facts_match() left to the DICOM JSON of `facts`. */
PACS_CHECKED PacsStatus pacs_search_json_matches(const PacsPreparedSearch *search,
                                                 const PacsSearchFacts *facts, PacsSlice json,
                                                 bool *ret_matches, PacsError *err);

/* ---- Order and search texts ---- */

/**
 * Place of a study in the order of answers: later dates and times, then later rows, have greater numbers. 36 bits of
 * seconds since the year 1000 (0: undated; dates outside of 1000 to 3177 count as its ends), 27 bits of row.
 */
int64_t pacs_search_key(const char *study_date, const char *study_time, int64_t row);
/** Least key of that second of that day (days and seconds as index_match.h counts them). */
int64_t pacs_search_key_of_second(int64_t day, int64_t second);

/**
 * What is kept to search in: each value (of a name: each component group) in the form that is compared, a backslash
 * before and after it; names have a space at either end besides, so that " an" stands where a part begins.
 * False if `out` could not take it.
 */
bool pacs_search_text(PacsValueKind kind, const char *value, PacsBuffer *out);
/** True if a value of such a text matches. */
bool pacs_search_text_matches(const PacsMatcher *matcher, PacsSlice text);
