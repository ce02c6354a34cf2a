#include "pacs/index/index_sqlite_search.h"

/* How many there are in all: counted as far as 10,000, beyond estimated from the part of the time that was walked. */

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
    IndexSearchRun run = {
        .index = index,
        .search = search,
        .accept = count,
        .counts_only = true,
        .wanted = PACS_SEARCH_EXACT_TOTAL + 1,
        .at = {INT64_MAX, INT64_MAX, INT64_MAX},
    };
    status = pacs_index_sqlite_search_run(&run, arena, err);
    page->total = run.found;
    page->total_is_estimate = !run.at_end;
    if (status == PACS_OK && !run.at_end)
        status = estimate(index, &run, most, &page->total, err);
    pacs_index_sqlite_search_end(&run);
    return status;
}
