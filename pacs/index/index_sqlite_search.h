#pragma once

#include "pacs/index/index_search_prepare.h"
#include "pacs/index/index_sqlite.h"
#include "pacs/util/limits.h"

/**
 * Searching in SQLite; for index_sqlite_search*.c.
 *
 * Every search, of whatever level, walks studies in the order of answers (study_search.key, newest first), tests each
 * and goes down to its series and instances. Which studies it walks is the plan:
 *
 *   UIDS     those that have the UIDs asked for, or their series and instances
 *   EQUAL    those of a patient id, accession number or birth date, by a B-tree
 *   NEWEST   all, between two dates if there are such
 *   NAME     those of patients whose names, or whose names' words, begin in a certain way, by a B-tree
 *   GRAM     those whose texts have the runs of letters (grams) that what is looked for has
 *
 * A word that many studies have fills a page soonest by NEWEST, a rare one by NAME or GRAM. Which it is, is not looked
 * up but tried: NEWEST runs for INDEX_SEARCH_TRIAL studies. If the page is not full then, and nothing but a name is
 * looked for, NAME looks through all that begin so, if that should be few; else GRAM goes on where NEWEST stopped, with
 * the grams that were rarest in the trial. So the commonest name and one that nobody
 * has cost alike.
 *
 * Work is done in slices: a snapshot each, which ends after some milliseconds, so that a search never holds up the log.
 */
#define INDEX_SEARCH_TRIAL 2000 /* studies: 0.3 ms */

/** Columns of study_search with texts, in their order there. */
typedef enum IndexSearchColumn {
    SEARCH_PATIENT_NAME,
    SEARCH_PATIENT_ID,
    SEARCH_BIRTH_DATE,
    SEARCH_SEX,
    SEARCH_ACCESSION_NUMBER,
    SEARCH_STUDY_ID,
    SEARCH_STUDY_DESCRIPTION,
    SEARCH_REFERRING_PHYSICIAN,
    SEARCH_INSTITUTION_NAME,
    SEARCH_MODALITIES,
    SEARCH_COLUMN_COUNT,
} IndexSearchColumn;

typedef enum IndexSearchPath {
    INDEX_SEARCH_UIDS,
    INDEX_SEARCH_EQUAL,
    INDEX_SEARCH_NEWEST,
    INDEX_SEARCH_NAME,
    INDEX_SEARCH_GRAM,
} IndexSearchPath;

/* ---- Grams ---- */

#define INDEX_SEARCH_GRAMS 128     /* of all terms: a pattern has some 10 */
#define INDEX_SEARCH_CONDITIONS 32 /* terms and words of names */
#define INDEX_SEARCH_TOKEN_SIZE 8

typedef struct IndexSearchGram {
    IndexSearchColumn column;
    bool is_word; /* the text begins a word; else it stands anywhere */
    PacsSlice text;
    uint64_t hits; /* of grams.sampled studies */
} IndexSearchGram;

/** To fulfil a condition one of its ways must be there with all its grams. */
typedef struct IndexSearchWay {
    size_t first, count;
} IndexSearchWay;
typedef struct IndexSearchCondition {
    size_t first, count; /* of ways */
} IndexSearchCondition;

typedef struct IndexSearchGrams {
    IndexSearchGram items[INDEX_SEARCH_GRAMS];
    size_t count;
    IndexSearchWay ways[INDEX_SEARCH_GRAMS];
    size_t way_count;
    IndexSearchCondition conditions[INDEX_SEARCH_CONDITIONS]; /* all must hold */
    size_t condition_count;
    uint64_t sampled;
} IndexSearchGrams;

/* ---- Names ---- */

#define INDEX_SEARCH_STARTS 8 /* more words of a name than anybody types */

/** How the names that are looked for begin, or some of their words. One of them is walked by. */
typedef struct IndexSearchNames {
    const PacsMatcher *matcher;
    bool begins_group; /* the name itself begins so */
    struct {
        PacsSlice text;
        uint64_t hits;
    } starts[INDEX_SEARCH_STARTS];
    size_t start_count; /* 0: names are not looked for by this */
    uint64_t sampled;   /* studies that hits are of */
    uint64_t most;      /* names that are looked through */
} IndexSearchNames;

/** The terms that the texts of study_search decide, as the SQL function search_test() tests them. */
typedef struct IndexSearchFilter {
    struct {
        IndexSearchColumn column;
        const PacsMatcher *matcher;
    } tests[PACS_MAX_SEARCH_TERMS];
    size_t count;
    IndexSearchGrams *grams; /* to be counted in some of the rows, */
    IndexSearchNames *names; /* and how names begin; NULL: no */
    uint64_t examined;       /* rows it was asked about */
    uint64_t stop_after; /* of those: then it lets one through untested, so that the statement comes back */
} IndexSearchFilter;

typedef struct IndexSearchPlan {
    IndexSearchPath path;
    int64_t oldest, below;          /* keys: from `oldest`, less than `below` */
    const PacsPreparedTerm *driver; /* UIDS, EQUAL */
    IndexSearchColumn column;       /* EQUAL */
    const char *const *texts;       /* EQUAL: as the column has them */
    size_t text_count;
    IndexSearchNames names;
    IndexSearchGrams grams;
    const char *gram_query; /* GRAM: FTS5's query */
    IndexSearchFilter filter;
    bool is_chosen;  /* the trial is over, or nothing is to come behind it */
    bool is_decided; /* keys and filter decide every term: a study they let through matches */
} IndexSearchPlan;

/* ---- index_sqlite_search_plan.c ---- */

PACS_CHECKED PacsStatus pacs_index_sqlite_search_plan(const PacsPreparedSearch *search, PacsArena *arena,
                                                      IndexSearchPlan *ret_plan, PacsError *err);

/** After a trial, in an index of so many studies: go on by NAME if names are looked for and few begin so, by GRAM if a
 *  condition was rare enough. */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_choose(IndexSearchPlan *plan, uint64_t studies,
                                                        PacsArena *arena, PacsError *err);

/* ---- index_sqlite_search_gram.c ---- */

/** The beginning of a word that names are found by: up to four letters; nothing of a single letter, and of columns
 *  that are no names. */
PacsSlice pacs_index_sqlite_word_start(IndexSearchColumn column, PacsSlice word);
/** Letters of the grams that a run of text is looked for by. */
size_t pacs_index_sqlite_gram_size(IndexSearchColumn column, PacsSlice run);
typedef bool IndexGramVisitor(void *context, const char *text, size_t size);
/** All runs of `letters` characters; ends when the visitor returns false. */
void pacs_index_sqlite_grams_of(PacsSlice text, size_t letters, IndexGramVisitor *visit, void *context);
/** What stands for a gram in study_gram: a letter for its column and a hash, so that FTS5 has nothing to interpret. */
void pacs_index_sqlite_gram_token(const IndexSearchGram *gram, char ret_token[INDEX_SEARCH_TOKEN_SIZE]);
/** All tokens of a column's text, a space before each, added to `out`. */
void pacs_index_sqlite_add_tokens(IndexSearchColumn column, PacsSlice text, PacsBuffer *out);
/** Count the grams of this row. */
void pacs_index_sqlite_sample_grams(IndexSearchGrams *grams, const PacsSlice texts[SEARCH_COLUMN_COUNT]);

/* ---- index_sqlite_search_sql.c: functions that SQL calls ---- */

/** search_key(date, time, row), search_tag(tags, tag), search_text/name/date(value), search_grams(texts...),
 *  search_name_entry(text, number), search_test(filter, texts...). */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_functions(PacsSqlite *connection, PacsError *err);
#define INDEX_SEARCH_FILTER_TYPE "lightbox-search-filter" /* of the pointer that search_test() takes */
PACS_CHECKED PacsStatus pacs_index_sqlite_bind_filter(sqlite3_stmt *rows, int index,
                                                      IndexSearchFilter *filter, PacsError *err);

/* ---- index_sqlite_search_source.c: studies in the order of answers ---- */

/** What a walk goes through; kept from slice to slice. */
typedef struct IndexSearchSource {
    const PacsPreparedSearch *search;
    IndexSearchPlan *plan;
    PacsSqlite *db;     /* of the slice */
    sqlite3_stmt *rows; /* NEWEST, GRAM: the running statement */
    /* UIDS, EQUAL, NAME: what was collected, in the order of answers */
    PacsSearchPosition *set;
    size_t count, capacity, at;
    bool collected;
    int64_t complete_from; /* EQUAL: older ones are still to be collected */
} IndexSearchSource;

void pacs_index_sqlite_source_begin(IndexSearchSource *source, PacsSqlite *db);
/** The next study behind `after`, and of it only a series or instance where not 0. *ret_has false: no more. The filter
 *  has let it through, but may have stopped (filter.examined > filter.stop_after): then it is not tested. */
PACS_CHECKED PacsStatus pacs_index_sqlite_source_next(IndexSearchSource *source,
                                                      const PacsSearchPosition *after,
                                                      PacsSearchPosition *ret_next, bool *ret_has,
                                                      PacsError *err);
/** To what was collected. */
PACS_CHECKED PacsStatus pacs_index_sqlite_source_add(IndexSearchSource *source, PacsSearchPosition position,
                                                     PacsError *err);
void pacs_index_sqlite_source_end(IndexSearchSource *source); /* of the slice */
void pacs_index_sqlite_source_clear(IndexSearchSource *source);

/* ---- index_sqlite_search_name.c: names by their beginnings ---- */

/** What a matcher asks of a name's beginning, if anything. */
void pacs_index_sqlite_names_plan(IndexSearchNames *names, const PacsMatcher *matcher);
/** Count their beginnings in this text of study_search.patient_name. */
void pacs_index_sqlite_names_sample(IndexSearchNames *names, PacsSlice text);
/** Of several the one that was rarest; none if of so many studies too many begin so, as far as the sample can tell. */
void pacs_index_sqlite_names_choose(IndexSearchNames *names, uint64_t studies);
/** Add those that match to what the source has collected; *ret_all false: there are more than are looked through. */
PACS_CHECKED PacsStatus pacs_index_sqlite_names_collect(IndexSearchSource *source, int64_t below,
                                                        bool *ret_all, PacsError *err);
/** Entry `number`, from 0, of a text of study_search.patient_name, added to `out`; false: it has fewer. */
bool pacs_index_sqlite_name_entry(PacsSlice text, size_t number, PacsBuffer *out);
/** The study's row in study_search is there. */
PACS_CHECKED PacsStatus pacs_index_sqlite_names_add(IndexSqlite *index, int64_t study, PacsError *err);
PACS_CHECKED PacsStatus pacs_index_sqlite_names_remove(IndexSqlite *index, int64_t study, PacsError *err);

/* ---- index_sqlite_search_row.c: rows of the four levels ---- */

/** Where a search stands: rows of study, series and instance, as far as they are read. The texts are the
 *  statements', valid until the next row of that level. */
typedef struct IndexSearchCursor {
    PacsSqlite *db;
    sqlite3_stmt *study, *series, *instance;
    int64_t rows[PACS_LEVEL_COUNT];
    PacsSearchFacts facts;
} IndexSearchCursor;

PACS_CHECKED PacsStatus pacs_index_sqlite_cursor_study(IndexSearchCursor *cursor, int64_t key, bool *ret_has,
                                                       PacsError *err);
/** Begin with the series (instances) whose row is greater than `after`; `only` 0 or the one that is meant. */
PACS_CHECKED PacsStatus pacs_index_sqlite_cursor_series(IndexSearchCursor *cursor, int64_t after,
                                                        int64_t only, PacsError *err);
PACS_CHECKED PacsStatus pacs_index_sqlite_cursor_next_series(IndexSearchCursor *cursor, bool *ret_has,
                                                             PacsError *err);
PACS_CHECKED PacsStatus pacs_index_sqlite_cursor_instances(IndexSearchCursor *cursor, int64_t after,
                                                           int64_t only, PacsError *err);
PACS_CHECKED PacsStatus pacs_index_sqlite_cursor_next_instance(IndexSearchCursor *cursor, bool *ret_has,
                                                               PacsError *err);
void pacs_index_sqlite_cursor_end(IndexSearchCursor *cursor);

/** The row where the cursor stands, copied into the arena. */
PACS_CHECKED PacsStatus pacs_index_sqlite_cursor_copy(IndexSearchCursor *cursor, PacsLevel level,
                                                      PacsArena *arena, PacsSearchRow *ret_row,
                                                      PacsError *err);
/** The DICOM JSON of the first instance of where the cursor stands, packed. */
PACS_CHECKED PacsStatus pacs_index_sqlite_cursor_json(IndexSearchCursor *cursor, PacsLevel level,
                                                      PacsArena *arena, PacsInstanceBlobs *ret_blobs,
                                                      PacsError *err);

/* ---- index_sqlite_search_run.c: the walk ---- */

typedef struct IndexSearchRun IndexSearchRun;

/** A match; `cursor` stands on it, unless the run asked for no rows. */
typedef PacsStatus IndexSearchAccept(IndexSearchRun *run, IndexSearchCursor *cursor, PacsError *err);

struct IndexSearchRun {
    IndexSqlite *index;
    const PacsPreparedSearch *search;
    IndexSearchAccept *accept;
    void *context;
    bool counts_only; /* accept() reads no rows */
    uint64_t wanted;  /* matches after which the run ends */
    uint64_t allowed; /* of `work`: the run ends there too, is_partial */

    uint64_t found;
    PacsSearchPosition at; /* the last resource looked at; with has_more the last one accepted */
    bool at_end;           /* nothing behind it */
    bool is_partial;       /* a bound was reached before `wanted` or the end */
    uint64_t work;         /* studies passed over and, many times that, rows and JSON read */
    uint64_t rows_examined, json_examined;

    IndexSearchPlan plan;
    IndexSearchSource source;
    PacsArena *arena;
    uint64_t slice_end; /* of `work` */
    PacsArena *json_arena;
    PacsBuffer json; /* of the resource, where a term asked for it */
};

/** The caller has set what stands first in the struct. */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_begin(IndexSearchRun *run, PacsArena *arena, PacsError *err);
/** Walk up to a bound; with greater bounds it goes on where it ended. */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_run(IndexSearchRun *run, PacsError *err);
void pacs_index_sqlite_search_end(IndexSearchRun *run);

/** The DICOM JSON of where the cursor stands, inflated into run->json. */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_json(IndexSearchRun *run, IndexSearchCursor *cursor,
                                                      PacsError *err);

/* ---- index_sqlite_search_total.c ---- */

/** `run`: that of the page, which is gone on with where it began with the first match; `passed`: matches in front
 *  of the page that it has not counted. */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_total(IndexSearchRun *run, uint64_t passed, PacsArena *arena,
                                                       PacsSearchPage *page, PacsError *err);

/* ---- index_sqlite_search_write.c: what a write changes of it ---- */

/** A study came, or one of its series came or went. */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_add(IndexSqlite *index, int64_t study, PacsError *err);
PACS_CHECKED PacsStatus pacs_index_sqlite_search_refresh(IndexSqlite *index, int64_t study, PacsError *err);
/** Before the study's row goes. */
PACS_CHECKED PacsStatus pacs_index_sqlite_search_remove(IndexSqlite *index, int64_t study, PacsError *err);
