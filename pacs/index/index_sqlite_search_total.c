#include "pacs/index/index_sqlite_search.h"

/* How many there are in all: counted as far as 10,000. Beyond it is estimated: from samples where these leave no doubt
 * that there are more, else from the part of the time that was walked to count so many. */

static PacsStatus all_of_level(IndexSqlite *index, PacsLevel level, uint64_t *ret_total, PacsError *err)
{
    PacsStatistics statistics;
    const PacsStatus status = pacs_index_sqlite_statistics(&index->base, &statistics, err);
    if (status != PACS_OK)
        return status;
    const uint64_t totals[PACS_LEVEL_COUNT] = {statistics.patients, statistics.studies, statistics.series,
                                               statistics.instances};
    *ret_total = totals[level];
    return PACS_OK;
}

static PacsStatus count(IndexSearchRun *run, IndexSearchCursor *cursor, PacsError *err)
{
    (void)run;
    (void)cursor;
    (void)err;
    return PACS_OK;
}

/** Keys of the newest and the oldest study that the plan walks. */
static PacsStatus find_ends(IndexSqlite *index, const IndexSearchPlan *plan, int64_t *ret_newest,
                            int64_t *ret_oldest, PacsError *err)
{
    static const char newest[] = "SELECT max(key) FROM study_search WHERE key < ?1 AND key >= ?2";
    static const char oldest[] = "SELECT min(key) FROM study_search WHERE key < ?1 AND key >= ?2";
    INDEX_AUTO_READER IndexReader reader = {0};
    PacsStatus status = pacs_index_sqlite_read_begin(index, false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(reader.connection, ret_newest, err, newest, pacs_sql_i64(plan->below),
                                 pacs_sql_i64(plan->oldest));
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(reader.connection, ret_oldest, err, oldest, pacs_sql_i64(plan->below),
                                 pacs_sql_i64(plan->oldest));
    return status;
}

/** If all of the time had as many as the part that was walked. */
static PacsStatus estimate(IndexSqlite *index, const IndexSearchRun *run, uint64_t most, uint64_t *ret_total,
                           PacsError *err)
{
    int64_t newest = 0;
    int64_t oldest = 0;
    const PacsStatus status = find_ends(index, &run->plan, &newest, &oldest, err);
    if (status != PACS_OK)
        return status;
    const double walked = (double)(newest - run->at.key);
    const double all = (double)(newest - oldest);
    double total = (double)run->found;
    if (walked > 0 && all > walked)
        total *= all / walked;
    if (total > (double)most)
        total = (double)most;
    *ret_total = total > (double)run->found ? (uint64_t)total : run->found;
    return PACS_OK;
}

/* ---- Samples: runs of studies at even distances in time ---- */

#define RUNS 128
#define RUN_LENGTH 32
#define DOUBT 3 /* standard deviations */

typedef struct Sample {
    double weight, weighted_hits; /* a run stands for as many studies as its time is dense with them */
    uint64_t hits;
} Sample;

static PacsStatus sample_run(PacsSqlite *db, IndexSearchFilter *filter, int64_t from, Sample *sample,
                             PacsError *err)
{
    static const char sql[] =
        "SELECT key, search_test(?3, patient_name, patient_id, birth_date, sex, accession_number, study_id,"
        " study_description, referring_physician, institution_name, modalities) FROM study_search WHERE key >= ?1"
        " ORDER BY key LIMIT ?2";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    int64_t last = from;
    uint64_t hits = 0;
    PacsStatus status = PACS_SQL_QUERY(db, &rows, err, sql, pacs_sql_i64(from), pacs_sql_i64(RUN_LENGTH),
                                       pacs_sql_null());
    if (status == PACS_OK)
        status = pacs_index_sqlite_bind_filter(rows, 3, filter, err);
    while (status == PACS_OK && (status = pacs_sqlite_step(db, rows, &has_row, err)) == PACS_OK && has_row) {
        last = sqlite3_column_int64(rows, 0);
        hits += sqlite3_column_int(rows, 1) ? 1 : 0;
    }
    const double weight = 1 / ((double)(last - from) + 1);
    sample->hits += hits;
    sample->weight += weight;
    sample->weighted_hits += weight * (double)hits / RUN_LENGTH;
    return status;
}

/** *ret_total 0: the samples leave doubt. */
static PacsStatus estimate_by_samples(IndexSqlite *index, IndexSearchPlan *plan, uint64_t studies,
                                      uint64_t *ret_total, PacsError *err)
{
    int64_t newest = 0;
    int64_t oldest = 0;
    Sample sample = {0};
    PacsStatus status = find_ends(index, plan, &newest, &oldest, err);
    INDEX_AUTO_READER IndexReader reader = {0};
    if (status == PACS_OK)
        status = pacs_index_sqlite_read_begin(index, true, &reader, err);
    for (int i = 0; status == PACS_OK && i < RUNS; i++)
        status = sample_run(reader.connection, &plan->filter, oldest + (newest - oldest) / RUNS * i, &sample,
                            err);
    *ret_total = 0;
    if (status != PACS_OK || sample.hits == 0)
        return status;
    const double total = (double)studies * sample.weighted_hits / sample.weight;
    const double margin = 1 - PACS_SEARCH_EXACT_TOTAL / total; /* against a deviation of 1 / sqrt(hits) */
    if (margin > 0 && margin * margin * (double)sample.hits > DOUBT * DOUBT)
        *ret_total = (uint64_t)total;
    return PACS_OK;
}

/** Worth it where the archive has many more studies than are counted, and texts alone decide. */
static PacsStatus try_samples(IndexSqlite *index, const PacsPreparedSearch *search, uint64_t studies,
                              PacsArena *arena, uint64_t *ret_total, PacsError *err)
{
    IndexSearchPlan plan;
    *ret_total = 0;
    if (search->search->level != PACS_LEVEL_STUDY || studies < (uint64_t)4 * PACS_SEARCH_EXACT_TOTAL)
        return PACS_OK;
    const PacsStatus status = pacs_index_sqlite_search_plan(search, arena, &plan, err);
    if (status != PACS_OK || plan.path != INDEX_SEARCH_NEWEST || !plan.is_decided || plan.oldest > 0 ||
        plan.below < INT64_MAX)
        return status;
    return estimate_by_samples(index, &plan, studies, ret_total, err);
}

/* ---- The total ---- */

static PacsStatus count_all(IndexSqlite *index, const PacsPreparedSearch *search, uint64_t most,
                            PacsArena *arena, PacsSearchPage *page, PacsError *err)
{
    IndexSearchRun run = {
        .index = index,
        .search = search,
        .accept = count,
        .counts_only = true,
        .wanted = PACS_SEARCH_EXACT_TOTAL + 1,
        .at = {INT64_MAX, INT64_MAX, INT64_MAX},
    };
    PacsStatus status = pacs_index_sqlite_search_run(&run, arena, err);
    page->total = run.found;
    page->total_is_estimate = !run.at_end;
    if (status == PACS_OK && !run.at_end)
        status = estimate(index, &run, most, &page->total, err);
    pacs_index_sqlite_search_end(&run);
    return status;
}

PacsStatus pacs_index_sqlite_search_total(IndexSqlite *index, const PacsPreparedSearch *search,
                                          PacsArena *arena, PacsSearchPage *page, PacsError *err)
{
    uint64_t most = 0;
    PacsStatus status = all_of_level(index, search->search->level, &most, err);
    if (status != PACS_OK)
        return status;
    page->total = most;
    if (search->term_count == 0)
        return PACS_OK;
    if (!search->continues && search->search->offset == 0 && !page->next) {
        page->total = page->count;
        return PACS_OK;
    }
    status = try_samples(index, search, most, arena, &page->total, err);
    page->total_is_estimate = true;
    return status == PACS_OK && page->total == 0 ? count_all(index, search, most, arena, page, err) : status;
}
