#include <stdlib.h>
#include <string.h>

#include "pacs/index/index_sqlite_search.h"

/* Studies to look at, in the order of answers, by whichever path the plan has. */

#define TEST                                                                                                 \
    "search_test(?3, patient_name, patient_id, birth_date, sex, accession_number, study_id,"                 \
    " study_description, referring_physician, institution_name, modalities)"
#define EQUAL_AT_A_TIME 256 /* studies of one patient id; of many values: their share of EQUAL_TOTAL */
#define EQUAL_TOTAL 65536

/* ---- Running statements ---- */

/** A row's columns cost more to unpack than to test, so those that nobody asks about are left alone. */
static const char *newest_sql(const IndexSearchFilter *filter)
{
    static const char untested[] = "SELECT key FROM study_search WHERE key < ?1 AND key >= ?2 AND ?3 IS NULL"
                                   " ORDER BY key DESC";
    static const char by_name[] = "SELECT key FROM study_search WHERE key < ?1 AND key >= ?2"
                                  " AND search_test(?3, patient_name) ORDER BY key DESC";
    static const char by_all[] = "SELECT key FROM study_search WHERE key < ?1 AND key >= ?2 AND " TEST
                                 " ORDER BY key DESC";
    bool only_name = true;
    for (size_t i = 0; i < filter->count; i++)
        only_name = only_name && filter->tests[i].column == SEARCH_PATIENT_NAME;
    return filter->count == 0 ? untested : only_name ? by_name : by_all;
}

static PacsStatus begin_rows(IndexSearchSource *source, int64_t below, PacsError *err)
{
    /* The names of tables in the first WHERE and in ORDER BY tell SQLite to let FTS5 do the sorting. */
    static const char gram[] = "SELECT q.key FROM study_gram CROSS JOIN study_search q"
                               " ON q.key = study_gram.rowid WHERE study_gram MATCH ?4"
                               " AND study_gram.rowid < ?1 AND study_gram.rowid >= ?2 AND"
                               " search_test(?3, q.patient_name, q.patient_id, q.birth_date, q.sex,"
                               " q.accession_number, q.study_id, q.study_description, q.referring_physician,"
                               " q.institution_name, q.modalities) ORDER BY study_gram.rowid DESC";
    IndexSearchFilter *filter = &source->plan->filter;
    const bool is_gram = source->plan->path == INDEX_SEARCH_GRAM;
    const PacsSqlValue values[] = {pacs_sql_i64(below), pacs_sql_i64(source->plan->oldest), pacs_sql_null(),
                                   pacs_sql_text(source->plan->gram_query)};
    PacsStatus status = pacs_sqlite_query(source->db, &source->rows, is_gram ? gram : newest_sql(filter),
                                          values, is_gram ? 4 : 3, err);
    if (status == PACS_OK && filter->count > 0)
        status = pacs_index_sqlite_bind_filter(source->rows, 3, filter, err);
    return status;
}

/** Rows of the study where `after` stands may still have to come. */
static int64_t keys_below(const IndexSearchSource *source, const PacsSearchPosition *after)
{
    const bool inside = source->search->search->level > PACS_LEVEL_STUDY && after->series < INT64_MAX;
    const int64_t below = inside && after->key < INT64_MAX ? after->key + 1 : after->key;
    return below < source->plan->below ? below : source->plan->below;
}

static PacsStatus next_row(IndexSearchSource *source, const PacsSearchPosition *after,
                           PacsSearchPosition *ret_next, bool *ret_has, PacsError *err)
{
    PacsStatus status = source->rows ? PACS_OK : begin_rows(source, keys_below(source, after), err);
    if (status == PACS_OK)
        status = pacs_sqlite_step(source->db, source->rows, ret_has, err);
    if (status == PACS_OK && *ret_has)
        *ret_next = (PacsSearchPosition){.key = sqlite3_column_int64(source->rows, 0)};
    return status;
}

/* ---- Sets ---- */

PacsStatus pacs_index_sqlite_source_add(IndexSearchSource *source, PacsSearchPosition position,
                                        PacsError *err)
{
    if (source->count == source->capacity) {
        const size_t capacity = source->capacity ? 2 * source->capacity : 64;
        PacsSearchPosition *longer = reallocarray(source->set, capacity, sizeof *longer);
        if (!longer)
            return pacs_fail(err, PACS_NO_MEMORY, "no memory for a search");
        source->set = longer;
        source->capacity = capacity;
    }
    source->set[source->count++] = position;
    return PACS_OK;
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_positions(const void *a, const void *b)
{
    const PacsSearchPosition *x = a;
    const PacsSearchPosition *y = b;
    int order = compare(y->key, x->key); /* newest first */
    if (order == 0)
        order = compare(x->series, y->series);
    return order != 0 ? order : compare(x->instance, y->instance);
}

static void sort_set(IndexSearchSource *source)
{
    size_t kept = 0;
    if (source->count > 1)
        qsort(source->set, source->count, sizeof *source->set, compare_positions);
    for (size_t i = 0; i < source->count; i++)
        if (kept == 0 || compare_positions(&source->set[kept - 1], &source->set[i]) != 0)
            source->set[kept++] = source->set[i];
    source->count = kept;
    source->at = 0;
}

static PacsStatus collect_uid(IndexSearchSource *source, const char *uid, PacsError *err)
{
    static const char of_study[] =
        "SELECT search_key(t.study_date, t.study_time, t.id), 0, 0 FROM study_uid u JOIN study t"
        " ON t.study_uid = u.id WHERE u.uid = ?";
    static const char of_series[] =
        "SELECT search_key(t.study_date, t.study_time, t.id), s.id, 0 FROM series s"
        " JOIN study t ON t.id = s.study WHERE s.series_uid = ?";
    static const char of_instance[] = "SELECT search_key(t.study_date, t.study_time, t.id), s.id, i.id"
                                      " FROM instance i JOIN series s ON s.id = i.series"
                                      " JOIN study t ON t.id = s.study WHERE i.sop_instance_uid = ?";
    const PacsTermSource term = source->plan->driver->source;
    const char *sql = term == PACS_TERM_STUDY_UID    ? of_study
                      : term == PACS_TERM_SERIES_UID ? of_series
                                                     : of_instance;
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(source->db, &rows, err, sql, pacs_sql_text(uid));
    while (status == PACS_OK && (status = pacs_sqlite_step(source->db, rows, &has_row, err)) == PACS_OK &&
           has_row)
        status = pacs_index_sqlite_source_add(source,
                                              (PacsSearchPosition){.key = sqlite3_column_int64(rows, 0),
                                                                   .series = sqlite3_column_int64(rows, 1),
                                                                   .instance = sqlite3_column_int64(rows, 2)},
                                              err);
    return status;
}

static PacsStatus collect_uids(IndexSearchSource *source, PacsError *err)
{
    const PacsMatcher *matcher = &source->plan->driver->matcher;
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < matcher->pattern_count; i++)
        status = collect_uid(source, matcher->patterns[i].text.text, err);
    sort_set(source);
    source->complete_from = INT64_MIN;
    return status;
}

/** At most `max` of the newest studies that have the text; older ones are collected later. */
static PacsStatus collect_equal(IndexSearchSource *source, const char *text, int64_t below, int64_t max,
                                PacsError *err)
{
    static const char *const sql[SEARCH_COLUMN_COUNT] = {
        [SEARCH_PATIENT_ID] =
            "SELECT key FROM study_search INDEXED BY study_search_patient_id"
            " WHERE patient_id = ?4 AND patient_id <> '\\' AND key < ?1 AND key >= ?2 AND " TEST
            " ORDER BY key DESC LIMIT ?5",
        [SEARCH_ACCESSION_NUMBER] =
            "SELECT key FROM study_search INDEXED BY study_search_accession_number WHERE accession_number = ?4"
            " AND accession_number <> '\\' AND key < ?1 AND key >= ?2 AND " TEST
            " ORDER BY key DESC LIMIT ?5",
        [SEARCH_BIRTH_DATE] =
            "SELECT key FROM study_search INDEXED BY study_search_birth_date"
            " WHERE birth_date = ?4 AND birth_date <> '\\' AND key < ?1 AND key >= ?2 AND " TEST
            " ORDER BY key DESC LIMIT ?5",
    };
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    int64_t count = 0;
    int64_t key = 0;
    PacsStatus status = PACS_SQL_QUERY(source->db, &rows, err, sql[source->plan->column], pacs_sql_i64(below),
                                       pacs_sql_i64(source->plan->oldest), pacs_sql_null(),
                                       pacs_sql_text(text), pacs_sql_i64(max));
    if (status == PACS_OK)
        status = pacs_index_sqlite_bind_filter(rows, 3, &source->plan->filter, err);
    while (status == PACS_OK && (status = pacs_sqlite_step(source->db, rows, &has_row, err)) == PACS_OK &&
           has_row) {
        key = sqlite3_column_int64(rows, 0);
        status = pacs_index_sqlite_source_add(source, (PacsSearchPosition){.key = key}, err);
        count++;
    }
    if (count == max && key > source->complete_from)
        source->complete_from = key; /* cut off: below this some are missing */
    return status;
}

static PacsStatus collect_equals(IndexSearchSource *source, int64_t below, PacsError *err)
{
    const size_t values = source->plan->text_count;
    const int64_t share = (int64_t)(EQUAL_TOTAL / values) + 1;
    PacsStatus status = PACS_OK;
    source->count = 0;
    source->complete_from = INT64_MIN;
    for (size_t i = 0; status == PACS_OK && i < values; i++)
        status = collect_equal(source, source->plan->texts[i], below,
                               share < EQUAL_AT_A_TIME ? share : EQUAL_AT_A_TIME, err);
    sort_set(source);
    while (source->count > 0 && source->set[source->count - 1].key < source->complete_from)
        source->count--;
    return status;
}

/** Where there are too many, those of the rarest letters are walked. */
static PacsStatus collect_names(IndexSearchSource *source, int64_t below, PacsError *err)
{
    bool is_all = false;
    const PacsStatus status = pacs_index_sqlite_names_collect(source, below, &is_all, err);
    if (status != PACS_OK)
        return status;
    sort_set(source);
    source->complete_from = INT64_MIN;
    if (!is_all)
        source->plan->path = source->plan->gram_query ? INDEX_SEARCH_GRAM : INDEX_SEARCH_NEWEST;
    return PACS_OK;
}

static PacsStatus collect(IndexSearchSource *source, const PacsSearchPosition *after, PacsError *err)
{
    const int64_t below = keys_below(source, after);
    source->collected = true;
    switch (source->plan->path) {
    case INDEX_SEARCH_UIDS:
        return collect_uids(source, err);
    case INDEX_SEARCH_NAME:
        return collect_names(source, below, err);
    default:
        return collect_equals(source, below, err);
    }
}

/** UIDs bring studies that the texts have not been asked about. */
static PacsStatus passes(IndexSearchSource *source, int64_t key, bool *ret_passes, PacsError *err)
{
    static const char sql[] = "SELECT key FROM study_search WHERE key = ?1 AND ?2 = ?2 AND " TEST;
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    *ret_passes = key >= source->plan->oldest && key < source->plan->below;
    if (!*ret_passes || source->plan->path != INDEX_SEARCH_UIDS || source->plan->filter.count == 0)
        return PACS_OK;
    PacsStatus status = PACS_SQL_QUERY(source->db, &rows, err, sql, pacs_sql_i64(key), pacs_sql_i64(0),
                                       pacs_sql_null());
    if (status == PACS_OK)
        status = pacs_index_sqlite_bind_filter(rows, 3, &source->plan->filter, err);
    return status == PACS_OK ? pacs_sqlite_step(source->db, rows, ret_passes, err) : status;
}

/** A set may name series or instances of the study where `after` stands, before and behind it. */
static bool lies_behind(const IndexSearchSource *source, const PacsSearchPosition *position,
                        const PacsSearchPosition *after)
{
    if (position->key != after->key)
        return position->key < after->key;
    if (source->search->search->level <= PACS_LEVEL_STUDY || after->series == INT64_MAX)
        return false;
    if (position->series == 0 || position->series != after->series)
        return position->series == 0 || position->series > after->series;
    return position->instance == 0 || position->instance > after->instance;
}

static PacsStatus next_of_set(IndexSearchSource *source, const PacsSearchPosition *after,
                              PacsSearchPosition *ret_next, bool *ret_has, PacsError *err)
{
    PacsStatus status = PACS_OK;
    *ret_has = false;
    while (status == PACS_OK && !*ret_has) {
        if (source->at == source->count && source->complete_from == INT64_MIN)
            return PACS_OK;
        if (source->at == source->count) {
            status = collect_equals(source, source->complete_from, err);
            continue;
        }
        const PacsSearchPosition position = source->set[source->at++];
        if (!lies_behind(source, &position, after))
            continue;
        status = passes(source, position.key, ret_has, err);
        *ret_next = position;
    }
    return status;
}

/* ---- Either ---- */

void pacs_index_sqlite_source_begin(IndexSearchSource *source, PacsSqlite *db)
{
    source->db = db;
    source->at = 0; /* the slice before may have ended inside of one of the set */
    source->rows = NULL;
}

static bool is_set(const IndexSearchSource *source)
{
    return source->plan->path != INDEX_SEARCH_NEWEST && source->plan->path != INDEX_SEARCH_GRAM;
}

PacsStatus pacs_index_sqlite_source_next(IndexSearchSource *source, const PacsSearchPosition *after,
                                         PacsSearchPosition *ret_next, bool *ret_has, PacsError *err)
{
    const PacsStatus status = is_set(source) && !source->collected ? collect(source, after, err) : PACS_OK;
    if (status != PACS_OK)
        return status;
    return is_set(source) ? next_of_set(source, after, ret_next, ret_has, err)
                          : next_row(source, after, ret_next, ret_has, err);
}

void pacs_index_sqlite_source_end(IndexSearchSource *source)
{
    pacs_auto_statement(&source->rows);
    source->rows = NULL;
}

void pacs_index_sqlite_source_clear(IndexSearchSource *source)
{
    free(source->set);
    source->set = NULL;
}
