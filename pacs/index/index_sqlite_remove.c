#include <string.h>

#include "pacs/index/index_sqlite_delete.h"
#include "pacs/index/index_sqlite_search.h"
#include "pacs/index/index_sqlite_stream.h"
#include "pacs/util/limits.h"

/* Removes rows of patients, studies and series, and counts what stays. */

#define DELETE_AT_ONCE 512 /* instances: some 10 ms */

/** What goes with a subtree. */
typedef struct Loss {
    int64_t studies, series, instances;
    int64_t size_bytes;     /* as received */
    int64_t inflated_bytes; /* stored beside */
} Loss;

/* ---- Finding ---- */

static const char *const target_sql[PACS_LEVEL_COUNT] = {
    [PACS_LEVEL_PATIENT] = "SELECT p.id, p.study_count, 0, 0, 0, 0, 0, 0 FROM patient p WHERE p.id = ?",
    [PACS_LEVEL_STUDY] = "SELECT p.id, p.study_count, st.id, st.series_count, 0, 0, 0, st.study_uid"
                         " FROM study st JOIN patient p ON p.id = st.patient WHERE st.id = ?",
    [PACS_LEVEL_SERIES] =
        "SELECT p.id, p.study_count, st.id, st.series_count, s.id, s.instance_count, 0, st.study_uid"
        " FROM series s JOIN study st ON st.id = s.study JOIN patient p ON p.id = st.patient"
        " WHERE s.id = ?",
    [PACS_LEVEL_INSTANCE] =
        "SELECT p.id, p.study_count, st.id, st.series_count, s.id, s.instance_count, i.id, st.study_uid"
        " FROM instance i JOIN series s ON s.id = i.series JOIN study st ON st.id = s.study"
        " JOIN patient p ON p.id = st.patient WHERE i.id = ?",
};

PacsStatus pacs_index_sqlite_load_target(PacsSqlite *db, PacsLevel level, int64_t row,
                                         IndexDeletion *ret_target, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = PACS_SQL_FIRST(db, &rows, err, target_sql[level], pacs_sql_i64(row));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_CORRUPT, "a %s of the index has lost its ancestors",
                         pacs_level_name(level));
    if (status != PACS_OK)
        return status;
    *ret_target = (IndexDeletion){.level = level, .study_uid = sqlite3_column_int64(rows, 7)};
    for (int i = PACS_LEVEL_PATIENT; i <= PACS_LEVEL_INSTANCE; i++) {
        ret_target->rows[i] = sqlite3_column_int64(rows, 2 * i);
        ret_target->children[i] = i < PACS_LEVEL_INSTANCE ? sqlite3_column_int64(rows, 2 * i + 1) : 0;
    }
    return PACS_OK;
}

/* ---- Rows of any level ---- */

/** What hangs on a resource; each statement has (level, row). */
static const char *const forget_sql[] = {
    "INSERT OR IGNORE INTO garbage SELECT object_key FROM attachment WHERE level = ? AND resource = ?",
    "DELETE FROM attachment WHERE level = ? AND resource = ?",
    "DELETE FROM metadata WHERE level = ? AND resource = ?",
    "DELETE FROM label WHERE level = ? AND resource = ?",
    "DELETE FROM change WHERE level = ? AND resource = ? AND type <> 1",
};

static PacsStatus delete_row(IndexSqlite *index, PacsLevel level, int64_t row, PacsError *err)
{
    static const char *const delete_sql[] = {
        [PACS_LEVEL_PATIENT] = "DELETE FROM patient WHERE id = ?",
        [PACS_LEVEL_STUDY] = "DELETE FROM study WHERE id = ?",
        [PACS_LEVEL_SERIES] = "DELETE FROM series WHERE id = ?",
    };
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < sizeof forget_sql / sizeof forget_sql[0]; i++)
        status = PACS_SQL_RUN(index->writer, err, forget_sql[i], pacs_sql_i64(level), pacs_sql_i64(row));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, delete_sql[level], pacs_sql_i64(row));
    return status;
}

/** Children of a row, in an arena: they are deleted while the list is walked. */
PacsStatus pacs_index_sqlite_list_rows(IndexSqlite *index, const char *sql, int64_t parent, PacsArena *arena,
                                       int64_t **ret_rows, size_t *ret_count, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    int64_t *list = NULL;
    size_t count = 0;
    size_t capacity = 0;
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, sql, pacs_sql_i64(parent));
    while (pacs_sqlite_next(index->writer, rows, &status, err)) {
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            int64_t *longer = pacs_arena_array(arena, capacity, sizeof *longer);
            if (!longer)
                return pacs_fail(err, PACS_NO_MEMORY, "no memory for a list of %zu rows", capacity);
            if (count > 0)
                memcpy(longer, list, count * sizeof *list);
            list = longer;
        }
        list[count++] = sqlite3_column_int64(rows, 0);
    }
    *ret_rows = list;
    *ret_count = count;
    return status;
}

static PacsStatus load_series_loss(IndexSqlite *index, int64_t series, Loss *ret_loss, PacsError *err)
{
    static const char sql[] = "SELECT instance_count, size_bytes, inflated_bytes FROM series WHERE id = ?";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err, sql, pacs_sql_i64(series));
    if (status != PACS_OK)
        return status;
    *ret_loss = (Loss){.series = 1,
                       .instances = sqlite3_column_int64(rows, 0),
                       .size_bytes = sqlite3_column_int64(rows, 1),
                       .inflated_bytes = sqlite3_column_int64(rows, 2)};
    return PACS_OK;
}

static void add_loss(Loss *sum, const Loss *loss)
{
    sum->studies += loss->studies;
    sum->series += loss->series;
    sum->instances += loss->instances;
    sum->size_bytes += loss->size_bytes;
    sum->inflated_bytes += loss->inflated_bytes;
}

static PacsStatus delete_series(IndexSqlite *index, int64_t series, Loss *sum, PacsError *err)
{
    Loss loss = {0};
    PacsStatus status = load_series_loss(index, series, &loss, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_drop_metadata(index, series, err);
    if (status == PACS_OK)
        status = delete_row(index, PACS_LEVEL_SERIES, series, err);
    if (status != PACS_OK)
        return status;
    add_loss(sum, &loss);
    if (sum->instances <= DELETE_AT_ONCE)
        return pacs_index_sqlite_purge_range(index, series, 0, INT64_MAX, err);
    index->purging = true; /* stays so if this is undone: then there is nothing to purge, and it ends */
    return PACS_SQL_RUN(index->writer, err, "INSERT INTO doomed (series) VALUES (?)", pacs_sql_i64(series));
}

static PacsStatus delete_study(IndexSqlite *index, int64_t study, PacsArena *arena, Loss *sum, PacsError *err)
{
    int64_t *series = NULL;
    size_t count = 0;
    PacsStatus status = pacs_index_sqlite_list_rows(index, "SELECT id FROM series WHERE study = ?", study,
                                                    arena, &series, &count, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = delete_series(index, series[i], sum, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err,
                              "UPDATE study_uid SET study_count = study_count - 1"
                              " WHERE id = (SELECT study_uid FROM study WHERE id = ?)",
                              pacs_sql_i64(study));
    if (status == PACS_OK)
        status = pacs_index_sqlite_search_remove(index, study, err);
    sum->studies++;
    return status == PACS_OK ? delete_row(index, PACS_LEVEL_STUDY, study, err) : status;
}

static PacsStatus delete_patient(IndexSqlite *index, int64_t patient, PacsArena *arena, Loss *sum,
                                 PacsError *err)
{
    int64_t *studies = NULL;
    size_t count = 0;
    PacsStatus status = pacs_index_sqlite_list_rows(index, "SELECT id FROM study WHERE patient = ?", patient,
                                                    arena, &studies, &count, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = delete_study(index, studies[i], arena, sum, err);
    return status == PACS_OK ? delete_row(index, PACS_LEVEL_PATIENT, patient, err) : status;
}

/** The SOP classes of a series that had several and lost an instance: which are left is looked up. */
static PacsStatus refresh_sop_classes(IndexSqlite *index, int64_t series, PacsError *err)
{
    static const char sql[] =
        "UPDATE series SET sop_classes = (SELECT group_concat(sop_class_uid, '\\') FROM"
        " (SELECT sop_class_uid FROM instance WHERE series = ?1 GROUP BY sop_class_uid ORDER BY min(id)))"
        " WHERE id = ?1 AND instr(sop_classes, '\\') > 0";
    return PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(series));
}

static PacsStatus delete_instance(IndexSqlite *index, const IndexDeletion *target, Loss *sum, PacsError *err)
{
    static const char loss_sql[] = "SELECT size_bytes, inflated_size_bytes FROM instance WHERE id = ?";
    const int64_t series = target->rows[PACS_LEVEL_SERIES];
    const int64_t instance = target->rows[PACS_LEVEL_INSTANCE];
    {
        PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
        const PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err, loss_sql, pacs_sql_i64(instance));
        if (status != PACS_OK)
            return status;
        add_loss(sum, &(Loss){.instances = 1,
                              .size_bytes = sqlite3_column_int64(rows, 0),
                              .inflated_bytes = sqlite3_column_int64(rows, 1)});
    }
    PacsStatus status = pacs_index_sqlite_purge_instance(index, series, instance, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_restart_metadata(index, series, instance, err);
    return status == PACS_OK ? refresh_sop_classes(index, series, err) : status;
}

/* ---- Counters ---- */

/** What stays above counts less. Each statement has (row, children gone, instances, bytes,
 * inflated bytes). */
static PacsStatus count_less(IndexSqlite *index, const IndexDeletion *target, const Loss *loss,
                             PacsError *err)
{
    static const char *const sql[] = {
        [PACS_LEVEL_PATIENT] =
            "UPDATE patient SET study_count = study_count - ?2,"
            " instance_count = instance_count - ?3, size_bytes = size_bytes - ?4 WHERE id = ?1",
        [PACS_LEVEL_STUDY] =
            "UPDATE study SET series_count = series_count - ?2,"
            " instance_count = instance_count - ?3, size_bytes = size_bytes - ?4 WHERE id = ?1",
        [PACS_LEVEL_SERIES] =
            "UPDATE series SET removals = removals + 1, inflated_bytes = inflated_bytes - ?2,"
            " instance_count = instance_count - ?3, size_bytes = size_bytes - ?4 WHERE id = ?1",
    };
    PacsStatus status = PACS_OK;
    for (int level = (int)target->level - 1; status == PACS_OK && level >= PACS_LEVEL_PATIENT; level--) {
        const int64_t children = level == (int)target->level - 1 ? 1 : 0;
        status = PACS_SQL_RUN(index->writer, err, sql[level], pacs_sql_i64(target->rows[level]),
                              pacs_sql_i64(level == PACS_LEVEL_SERIES ? loss->inflated_bytes : children),
                              pacs_sql_i64(loss->instances), pacs_sql_i64(loss->size_bytes));
    }
    index->totals.patients -= target->level == PACS_LEVEL_PATIENT ? 1 : 0;
    index->totals.studies -= loss->studies;
    index->totals.series -= loss->series;
    index->totals.instances -= loss->instances;
    index->totals.uncompressed_bytes -= loss->size_bytes;
    index->totals.size_bytes -= loss->size_bytes + loss->inflated_bytes;
    return status;
}

PacsStatus pacs_index_sqlite_delete_target(IndexSqlite *index, const IndexDeletion *target, PacsArena *arena,
                                           PacsError *err)
{
    Loss loss = {0};
    PacsStatus status = PACS_OK;
    pacs_index_sqlite_forget(index);
    index->removes = true;
    switch (target->level) {
    case PACS_LEVEL_PATIENT:
        status = delete_patient(index, target->rows[PACS_LEVEL_PATIENT], arena, &loss, err);
        break;
    case PACS_LEVEL_STUDY:
        status = delete_study(index, target->rows[PACS_LEVEL_STUDY], arena, &loss, err);
        break;
    case PACS_LEVEL_SERIES:
        status = delete_series(index, target->rows[PACS_LEVEL_SERIES], &loss, err);
        if (status == PACS_OK)
            status = pacs_index_sqlite_search_refresh(index, target->rows[PACS_LEVEL_STUDY], err);
        break;
    case PACS_LEVEL_INSTANCE:
        status = delete_instance(index, target, &loss, err);
        break;
    }
    return status == PACS_OK ? count_less(index, target, &loss, err) : status;
}
