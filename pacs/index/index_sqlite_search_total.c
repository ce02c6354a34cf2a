#include "pacs/index/index_sqlite_search.h"

#include <stdlib.h>

/* How many there are in all. The walk of the page goes on and counts: as far as 10,000, or as little work allows. What
 * is behind that is estimated from the share of all studies that was walked. Exact counts are spared where samples
 * leave no doubt that there are more than 10,000. */

#define QUICK_WORK 3000 /* so many studies walked: 0.8 ms */

static PacsStatus count(IndexSearchRun *run, IndexSearchCursor *cursor, PacsError *err)
{
    (void)run;
    (void)cursor;
    (void)err;
    return PACS_OK;
}

static PacsStatus count_on(IndexSearchRun *run, uint64_t passed, PacsError *err)
{
    const bool is_quick = run->search->search->count == PACS_COUNT_QUICK;
    run->accept = count;
    run->counts_only = true;
    run->wanted = passed <= PACS_SEARCH_EXACT_TOTAL ? PACS_SEARCH_EXACT_TOTAL + 1 - passed : 0;
    run->allowed = run->work + (is_quick ? QUICK_WORK : PACS_MAX_SEARCH_WORK);
    return pacs_index_sqlite_search_run(run, err);
}

/* ---- The share of studies that was walked ---- */

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

#define KEYS 63

static int compare_keys(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/** Half of the studies are older than this, by the keys of some that stand at even distances in order of arrival. The
 *  oldest study would not do: studies without a date, or of the year 1900, are in every archive. */
static PacsStatus find_median(IndexSqlite *index, int64_t *ret_key, PacsError *err)
{
    static const char last_sql[] = "SELECT max(id) FROM study";
    static const char key_sql[] =
        "SELECT search_key(study_date, study_time, id) FROM study WHERE id >= ? ORDER BY id LIMIT 1";
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t last = 0;
    int64_t keys[KEYS];
    PacsStatus status = pacs_index_sqlite_read_begin(index, true, &reader, err);
    if (status == PACS_OK)
        status = pacs_sqlite_number(reader.connection, last_sql, NULL, 0, &last, err);
    for (int64_t i = 0; status == PACS_OK && i < KEYS; i++)
        status = PACS_SQL_NUMBER(reader.connection, &keys[i], err, key_sql,
                                 pacs_sql_i64(last / KEYS * i + last % KEYS * i / KEYS + 1));
    if (status != PACS_OK)
        return status;
    qsort(keys, KEYS, sizeof *keys, compare_keys);
    *ret_key = keys[KEYS / 2];
    return PACS_OK;
}

/** By time: of a range between its ends, else of the newer half of all. */
static PacsStatus share_of_time(const IndexSearchRun *run, double *ret_share, PacsError *err)
{
    const bool is_range = run->plan.oldest > 0 || run->plan.below < INT64_MAX;
    int64_t newest = 0;
    int64_t oldest = 0;
    PacsStatus status = find_ends(run->index, &run->plan, &newest, &oldest, err);
    if (status == PACS_OK && !is_range)
        status = find_median(run->index, &oldest, err);
    const double part = is_range ? 1 : 0.5;
    const double time = (double)(newest - oldest);
    const double share = time > 0 ? part * (double)(newest - run->at.key) / time : 1;
    *ret_share = share < part ? share : part;
    return status;
}

/** What walked all that is new is known by number. */
static PacsStatus share_walked(const IndexSearchRun *run, uint64_t studies, double *ret_share, PacsError *err)
{
    const IndexSearchPlan *plan = &run->plan;
    if (plan->path != INDEX_SEARCH_NEWEST || plan->filter.count == 0 || plan->oldest > 0 ||
        plan->below < INT64_MAX)
        return share_of_time(run, ret_share, err);
    *ret_share = (double)plan->filter.examined / (double)studies;
    return PACS_OK;
}

/** If all studies had as many as those that were walked. */
static PacsStatus estimate(const IndexSearchRun *run, const PacsStatistics *all, uint64_t most,
                           uint64_t *total, PacsError *err)
{
    double share = 1;
    const PacsStatus status = share_walked(run, all->studies, &share, err);
    if (status != PACS_OK || share <= 0)
        return status;
    const double estimated = (double)*total / share;
    if (estimated > (double)*total)
        *total = estimated < (double)most ? (uint64_t)estimated : most;
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
static PacsStatus estimate_by_samples(IndexSqlite *index, const IndexSearchPlan *plan, uint64_t studies,
                                      uint64_t *ret_total, PacsError *err)
{
    IndexSearchFilter filter = plan->filter;
    int64_t newest = 0;
    int64_t oldest = 0;
    Sample sample = {0};
    filter.grams = NULL;
    filter.names = NULL;
    filter.stop_after = UINT64_MAX;
    PacsStatus status = find_ends(index, plan, &newest, &oldest, err);
    INDEX_AUTO_READER IndexReader reader = {0};
    if (status == PACS_OK)
        status = pacs_index_sqlite_read_begin(index, true, &reader, err);
    for (int i = 0; status == PACS_OK && i < RUNS; i++)
        status = sample_run(reader.connection, &filter, oldest + (newest - oldest) / RUNS * i, &sample, err);
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
static PacsStatus try_samples(const IndexSearchRun *run, uint64_t studies, uint64_t *ret_total,
                              PacsError *err)
{
    const IndexSearchPlan *plan = &run->plan;
    *ret_total = 0;
    if (run->search->search->level != PACS_LEVEL_STUDY || studies < (uint64_t)4 * PACS_SEARCH_EXACT_TOTAL ||
        plan->path != INDEX_SEARCH_NEWEST || !plan->is_decided || plan->oldest > 0 || plan->below < INT64_MAX)
        return PACS_OK;
    return estimate_by_samples(run->index, plan, studies, ret_total, err);
}

/* ---- The total ---- */

#define GRAM_STUDIES 10000 /* in larger archives rare letters that meet rarely cost more than the page did */

/** What is walked by grams cannot be counted for little there: the page's own share of it tells. What is walked by date
 *  stays so. */
static bool can_count_on(IndexSearchRun *run, uint64_t studies)
{
    if (run->search->search->count == PACS_COUNT_EXACT || studies <= GRAM_STUDIES)
        return true;
    run->plan.is_chosen = true;
    run->plan.filter.grams = NULL;
    run->plan.filter.names = NULL;
    return run->plan.path != INDEX_SEARCH_GRAM;
}

static PacsStatus count_matches(IndexSearchRun *run, uint64_t passed, const PacsStatistics *all,
                                uint64_t most, PacsSearchPage *page, PacsError *err)
{
    PacsStatus status = PACS_OK;
    page->total_is_estimate = true;
    if (run->search->search->count == PACS_COUNT_EXACT && !run->at_end) {
        status = try_samples(run, all->studies, &page->total, err);
        if (status != PACS_OK || page->total > 0)
            return status;
    }
    if (can_count_on(run, all->studies))
        status = count_on(run, passed, err);
    if (status != PACS_OK)
        return status;
    page->total = passed + run->found;
    page->total_is_estimate = !run->at_end;
    return run->at_end ? PACS_OK : estimate(run, all, most, &page->total, err);
}

/** From the first match on: the page began behind a cursor. */
static PacsStatus count_anew(const IndexSearchRun *page_run, const PacsStatistics *all, uint64_t most,
                             PacsArena *arena, PacsSearchPage *page, PacsError *err)
{
    IndexSearchRun run = {
        .index = page_run->index,
        .search = page_run->search,
        .at = {INT64_MAX, INT64_MAX, INT64_MAX},
    };
    PacsStatus status = pacs_index_sqlite_search_begin(&run, arena, err);
    if (status == PACS_OK)
        status = count_matches(&run, 0, all, most, page, err);
    pacs_index_sqlite_search_end(&run);
    return status;
}

PacsStatus pacs_index_sqlite_search_total(IndexSearchRun *run, uint64_t passed, PacsArena *arena,
                                          PacsSearchPage *page, PacsError *err)
{
    PacsStatistics all;
    const PacsStatus status = pacs_index_sqlite_statistics(&run->index->base, &all, err);
    if (status != PACS_OK)
        return status;
    const uint64_t of_level[PACS_LEVEL_COUNT] = {all.patients, all.studies, all.series, all.instances};
    const uint64_t most = of_level[run->search->search->level];
    page->total = most;
    if (run->search->term_count == 0)
        return PACS_OK;
    return run->search->continues ? count_anew(run, &all, most, arena, page, err)
                                  : count_matches(run, passed, &all, most, page, err);
}
