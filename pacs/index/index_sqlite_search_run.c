#include "pacs/index/index_sqlite_search.h"

#include <stdlib.h>

#include "pacs/util/limits.h"

/* The walk: studies from the source, down to the level asked for, each tested; in slices of one snapshot. */

#define WORK_GRAM 8       /* a study that grams lead to costs what so many studies passed over cost */
#define WORK_ROW 16       /* a row read costs what so many studies passed over cost */
#define WORK_JSON 64      /* its JSON, and more for a long one */
#define SLICE_WORK 100000 /* some 10 ms */

static bool is_full(const IndexSearchRun *run)
{
    return run->found >= run->wanted;
}

static bool must_pause(const IndexSearchRun *run)
{
    return is_full(run) || run->work >= run->slice_end || run->json_examined >= PACS_MAX_SEARCH_JSON;
}

static PacsSearchPosition end_of_study(int64_t key)
{
    return (PacsSearchPosition){.key = key, .series = INT64_MAX, .instance = INT64_MAX};
}

static PacsSearchPosition before_study(int64_t key)
{
    return end_of_study(key < INT64_MAX ? key + 1 : key);
}

/* ---- One resource ---- */

PacsStatus pacs_index_sqlite_search_json(IndexSearchRun *run, IndexSearchCursor *cursor, PacsError *err)
{
    PacsInstanceBlobs blobs;
    if (!run->json_arena)
        run->json_arena = pacs_arena_new(2 * (size_t)PACS_MAX_INSTANCE_JSON);
    if (!run->json_arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
    pacs_arena_reset(run->json_arena);
    pacs_buffer_reset(&run->json);
    PacsStatus status = pacs_index_sqlite_cursor_json(cursor, run->search->search->level, run->json_arena,
                                                      &blobs, err);
    if (status == PACS_OK)
        status = pacs_index_unpack_json(&blobs, &run->json, err);
    run->work += WORK_JSON + run->json.size / 64;
    return status;
}

static PacsStatus test_json(IndexSearchRun *run, IndexSearchCursor *cursor, bool *ret_matches, PacsError *err)
{
    run->json_examined++;
    const PacsStatus status = pacs_index_sqlite_search_json(run, cursor, err);
    return status == PACS_OK
               ? pacs_search_json_matches(run->search, &cursor->facts,
                                          (PacsSlice){pacs_buffer_text(&run->json), run->json.size},
                                          ret_matches, err)
               : status;
}

/** The cursor stands on a resource whose kept values match. */
static PacsStatus offer(IndexSearchRun *run, IndexSearchCursor *cursor, bool needs_json, PacsError *err)
{
    bool matches = true;
    PacsStatus status = needs_json ? test_json(run, cursor, &matches, err) : PACS_OK;
    if (status != PACS_OK || !matches)
        return status;
    run->found++;
    return run->accept(run, cursor, err);
}

/** Has the resource of this level where the cursor stands the values asked for? */
static bool holds(IndexSearchRun *run, const IndexSearchCursor *cursor, PacsLevel level, bool *needs_json)
{
    run->rows_examined++;
    run->work += WORK_ROW;
    return pacs_search_facts_match(run->search, level, &cursor->facts, needs_json);
}

/* ---- Instances and series ---- */

static PacsStatus walk_instances(IndexSearchRun *run, IndexSearchCursor *cursor,
                                 const PacsSearchPosition *study, bool needs_json, PacsError *err)
{
    const int64_t series = cursor->rows[PACS_LEVEL_SERIES];
    const bool resumes = run->at.key == study->key && run->at.series == series;
    bool has = false;
    PacsStatus status = pacs_index_sqlite_cursor_instances(cursor, resumes ? run->at.instance : 0,
                                                           study->instance, err);
    while (status == PACS_OK && !must_pause(run)) {
        status = pacs_index_sqlite_cursor_next_instance(cursor, &has, err);
        if (status != PACS_OK)
            return status;
        run->at = (PacsSearchPosition){study->key, series,
                                       has ? cursor->rows[PACS_LEVEL_INSTANCE]
                                           : (study->instance ? study->instance : INT64_MAX)};
        if (!has)
            return PACS_OK;
        bool json = needs_json;
        if (holds(run, cursor, PACS_LEVEL_INSTANCE, &json))
            status = offer(run, cursor, json, err);
    }
    return status;
}

static PacsStatus visit_series(IndexSearchRun *run, IndexSearchCursor *cursor,
                               const PacsSearchPosition *study, bool needs_json, PacsError *err)
{
    const int64_t series = cursor->rows[PACS_LEVEL_SERIES];
    const bool matches = holds(run, cursor, PACS_LEVEL_SERIES, &needs_json);
    if (matches && run->search->search->level == PACS_LEVEL_INSTANCE)
        return walk_instances(run, cursor, study, needs_json, err);
    run->at = (PacsSearchPosition){study->key, series, INT64_MAX};
    return matches ? offer(run, cursor, needs_json, err) : PACS_OK;
}

static PacsStatus walk_series(IndexSearchRun *run, IndexSearchCursor *cursor, const PacsSearchPosition *study,
                              bool needs_json, PacsError *err)
{
    const int64_t begun = run->search->search->level == PACS_LEVEL_INSTANCE
                              ? 1
                              : 0; /* it may have more instances */
    const int64_t after = run->at.key == study->key ? run->at.series - begun : 0;
    bool has = false;
    PacsStatus status = pacs_index_sqlite_cursor_series(cursor, after, study->series, err);
    while (status == PACS_OK && !must_pause(run)) {
        status = pacs_index_sqlite_cursor_next_series(cursor, &has, err);
        if (status == PACS_OK && !has) {
            if (study->series == 0) /* else the source may have more of this study */
                run->at = end_of_study(study->key);
            return PACS_OK;
        }
        if (status == PACS_OK)
            status = visit_series(run, cursor, study, needs_json, err);
    }
    return status;
}

/* ---- Patients: at the place of their newest study that matches ---- */

static PacsStatus study_matches(IndexSearchRun *run, IndexSearchCursor *cursor, int64_t key,
                                bool *ret_matches, PacsError *err)
{
    bool needs_json = false;
    PacsStatus status = pacs_index_sqlite_cursor_study(cursor, key, ret_matches, err);
    if (status != PACS_OK || !*ret_matches)
        return status;
    *ret_matches = holds(run, cursor, PACS_LEVEL_STUDY, &needs_json);
    return *ret_matches && needs_json ? test_json(run, cursor, ret_matches, err) : PACS_OK;
}

static PacsStatus next_newer(IndexSearchRun *run, PacsSqlite *db, int64_t patient, int64_t key,
                             int64_t *ret_newer, PacsError *err)
{
    static const char sql[] =
        "SELECT min(key), count(*) FROM (SELECT search_key(study_date, study_time, id) AS key"
        " FROM study WHERE patient = ?1) WHERE key > ?2";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(db, &rows, err, sql, pacs_sql_i64(patient), pacs_sql_i64(key));
    if (status == PACS_OK)
        status = pacs_sqlite_step(db, rows, &has_row, err);
    if (status == PACS_OK) {
        *ret_newer = sqlite3_column_int64(rows, 0); /* 0: none */
        run->work += 1 + (uint64_t)sqlite3_column_int64(rows, 1);
    }
    return status;
}

static PacsStatus has_newer_match(IndexSearchRun *run, IndexSearchCursor *cursor, int64_t key, bool *ret_has,
                                  PacsError *err)
{
    const int64_t patient = cursor->rows[PACS_LEVEL_PATIENT];
    PacsStatus status = PACS_OK;
    *ret_has = false;
    for (int64_t newer = key; status == PACS_OK && !*ret_has;) {
        status = next_newer(run, cursor->db, patient, newer, &newer, err);
        if (status != PACS_OK || newer == 0)
            return status;
        status = study_matches(run, cursor, newer, ret_has, err);
    }
    return status;
}

static PacsStatus visit_patient(IndexSearchRun *run, IndexSearchCursor *cursor, int64_t key, bool needs_json,
                                PacsError *err)
{
    bool counted = false;
    bool has = true;
    PacsStatus status = PACS_OK;
    if (cursor->facts.patient_studies > 1) {
        status = has_newer_match(run, cursor, key, &counted, err);
        if (status == PACS_OK && !counted)
            status = pacs_index_sqlite_cursor_study(cursor, key, &has, err);
    }
    return status == PACS_OK && has && !counted ? offer(run, cursor, needs_json, err) : status;
}

/* ---- Studies ---- */

static PacsStatus visit_study(IndexSearchRun *run, IndexSearchCursor *cursor, const PacsSearchPosition *study,
                              PacsError *err)
{
    const PacsLevel level = run->search->search->level;
    bool has = false;
    bool needs_json = false;
    if (run->counts_only && run->plan.is_decided && level == PACS_LEVEL_STUDY) {
        run->at = end_of_study(study->key);
        run->work += run->plan.filter.count == 0; /* else it is counted with what the filter examined */
        run->found++;
        return PACS_OK;
    }
    PacsStatus status = pacs_index_sqlite_cursor_study(cursor, study->key, &has, err);
    if (status == PACS_OK && has && holds(run, cursor, PACS_LEVEL_STUDY, &needs_json)) {
        if (level >= PACS_LEVEL_SERIES)
            return walk_series(run, cursor, study, needs_json, err);
        run->at = end_of_study(study->key);
        return level == PACS_LEVEL_PATIENT ? visit_patient(run, cursor, study->key, needs_json, err)
                                           : offer(run, cursor, needs_json, err);
    }
    run->at = end_of_study(study->key);
    return status;
}

/** What a study costs that the filter was asked about: those of grams stand here and there. */
static uint64_t study_work(const IndexSearchRun *run)
{
    return run->plan.path == INDEX_SEARCH_GRAM ? WORK_GRAM : 1;
}

static bool is_on_trial(const IndexSearchRun *run)
{
    const IndexSearchPlan *plan = &run->plan;
    return plan->path == INDEX_SEARCH_NEWEST && !plan->is_chosen &&
           (plan->grams.condition_count > 0 || plan->names.start_count > 0);
}

/** A word may be rare: then those that have its grams are walked from here on. */
static PacsStatus end_trial(IndexSearchRun *run, PacsError *err)
{
    if (!is_on_trial(run) || run->plan.filter.examined <= INDEX_SEARCH_TRIAL)
        return PACS_OK;
    run->plan.filter.grams = NULL;
    run->plan.filter.names = NULL;
    PacsStatistics all;
    const PacsStatus status = pacs_index_sqlite_statistics(&run->index->base, &all, err);
    return status == PACS_OK ? pacs_index_sqlite_search_choose(&run->plan, all.studies, run->arena, err)
                             : status;
}

static void allow_slice(IndexSearchRun *run)
{
    IndexSearchFilter *filter = &run->plan.filter;
    const uint64_t left = run->allowed > run->work ? run->allowed - run->work : 0;
    const uint64_t work = left < SLICE_WORK ? left + 1 : SLICE_WORK;
    const uint64_t rows = work / study_work(run) + 1;
    filter->stop_after = filter->examined +
                         (is_on_trial(run) && rows > INDEX_SEARCH_TRIAL ? INDEX_SEARCH_TRIAL : rows);
    run->slice_end = run->work + work;
}

static PacsStatus walk_studies(IndexSearchRun *run, IndexSearchCursor *cursor, PacsError *err)
{
    IndexSearchFilter *filter = &run->plan.filter;
    PacsStatus status = PACS_OK;
    while (status == PACS_OK && !must_pause(run)) {
        PacsSearchPosition study;
        status = pacs_index_sqlite_source_next(&run->source, &run->at, &study, &run->at_end, err);
        if (status != PACS_OK)
            break;
        run->at_end = !run->at_end; /* it said whether there is one */
        if (run->at_end)
            return PACS_OK;
        if (filter->examined > filter->stop_after) {
            if (run->at.key != study.key)
                run->at = before_study(study.key);
            return PACS_OK;
        }
        status = visit_study(run, cursor, &study, err);
    }
    return status;
}

static PacsStatus run_slice(IndexSearchRun *run, PacsError *err)
{
    INDEX_AUTO_READER IndexReader reader = {0};
    const uint64_t examined = run->plan.filter.examined;
    PacsStatus status = pacs_index_sqlite_read_begin(run->index, true, &reader, err);
    if (status != PACS_OK)
        return status;
    IndexSearchCursor cursor = {.db = reader.connection};
    pacs_index_sqlite_source_begin(&run->source, reader.connection);
    allow_slice(run);
    status = walk_studies(run, &cursor, err);
    pacs_index_sqlite_cursor_end(&cursor);
    pacs_index_sqlite_source_end(&run->source);
    run->work += (run->plan.filter.examined - examined) * study_work(run);
    return status;
}

PacsStatus pacs_index_sqlite_search_begin(IndexSearchRun *run, PacsArena *arena, PacsError *err)
{
    const PacsStatus status = pacs_index_sqlite_search_plan(run->search, arena, &run->plan, err);
    run->json = PACS_BUFFER(PACS_MAX_INSTANCE_JSON);
    run->arena = arena;
    run->plan.filter.grams = is_on_trial(run) ? &run->plan.grams : NULL;
    run->plan.filter.names = is_on_trial(run) && run->plan.names.start_count > 0 ? &run->plan.names : NULL;
    run->source = (IndexSearchSource){.search = run->search, .plan = &run->plan};
    return status;
}

PacsStatus pacs_index_sqlite_search_run(IndexSearchRun *run, PacsError *err)
{
    PacsStatus status = PACS_OK;
    run->is_partial = false;
    while (status == PACS_OK && !is_full(run) && !run->at_end && !run->is_partial) {
        status = run_slice(run, err);
        if (status == PACS_OK)
            status = end_trial(run, err);
        run->is_partial = !is_full(run) && !run->at_end &&
                          (run->work > run->allowed || run->json_examined >= PACS_MAX_SEARCH_JSON);
    }
    return status;
}

void pacs_index_sqlite_search_end(IndexSearchRun *run)
{
    pacs_index_sqlite_source_clear(&run->source);
    pacs_buffer_clear(&run->json);
    pacs_arena_free(run->json_arena);
}
