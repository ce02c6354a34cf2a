#include <string.h>

#include "pacs/index/index_sqlite.h"
#include "pacs/util/limits.h"

/**
 * Deletion. What is deleted is gone for every reader with the commit: rows of patients, studies and series,
 * changes and counters. Rows of instances follow at once where they are few; where they are many, the series
 * is noted in `doomed` and the writer removes its instances a few at a time between other writes (100,000 of
 * them take seconds, and nobody else could store meanwhile). Their keys count as known until then.
 */
#define DELETE_AT_ONCE 512 /* instances: some 10 ms */
#define PURGE_STEP 128     /* instances: some 5 ms that others wait */

/** The way from a patient down to what is to be deleted; rows below `level` are 0. */
typedef struct Target {
    PacsLevel level;
    int64_t rows[PACS_LEVEL_COUNT];
    int64_t children[PACS_LEVEL_COUNT]; /* of each row but the instance's */
    int64_t study_uid;                  /* of the study on the way; 0 for a patient */
} Target;

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

static PacsStatus load_target(PacsSqlite *db, PacsLevel level, int64_t row, Target *ret_target,
                              PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(db, &rows, err, target_sql[level], pacs_sql_i64(row));
    if (status == PACS_OK)
        status = pacs_sqlite_step(db, rows, &has_row, err);
    if (status != PACS_OK)
        return status;
    if (!has_row)
        return pacs_fail(err, PACS_CORRUPT, "a %s of the index has lost its ancestors",
                         pacs_level_name(level));
    *ret_target = (Target){.level = level, .study_uid = sqlite3_column_int64(rows, 7)};
    for (int i = PACS_LEVEL_PATIENT; i <= PACS_LEVEL_INSTANCE; i++) {
        ret_target->rows[i] = sqlite3_column_int64(rows, 2 * i);
        ret_target->children[i] = i < PACS_LEVEL_INSTANCE ? sqlite3_column_int64(rows, 2 * i + 1) : 0;
    }
    return PACS_OK;
}

/** Ancestors that would be left without children go too. */
static void climb(Target *target)
{
    while (target->level > PACS_LEVEL_PATIENT && target->children[target->level - 1] <= 1)
        target->level--;
}

/* ---- Instances ---- */

/** What hangs on instances of a series between two keys; each statement has (series, first, last). */
static const char *const purge_sql[] = {
    "INSERT OR IGNORE INTO garbage SELECT object_key FROM instance WHERE series = ? AND id BETWEEN ? AND ?",
    "INSERT OR IGNORE INTO garbage SELECT inflated_key FROM instance WHERE series = ? AND id BETWEEN ? AND ?"
    " AND inflated_key IS NOT NULL",
    "INSERT OR IGNORE INTO garbage SELECT object_key FROM attachment WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM attachment WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM metadata WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM label WHERE level = 3 AND resource IN"
    " (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM change WHERE seq IN (SELECT c.seq FROM instance i JOIN change c ON c.resource = i.id AND c.level = 3"
    " WHERE i.series = ? AND i.id BETWEEN ? AND ?)",
    "DELETE FROM instance_blob WHERE id IN (SELECT id FROM instance WHERE series = ? AND id BETWEEN ? AND ?)",
    "DELETE FROM instance WHERE series = ? AND id BETWEEN ? AND ?",
};

static PacsStatus purge_range(IndexSqlite *index, int64_t series, int64_t first, int64_t last, PacsError *err)
{
    PacsStatus status = PACS_OK;
    for (size_t i = 0; status == PACS_OK && i < sizeof purge_sql / sizeof purge_sql[0]; i++)
        status = PACS_SQL_RUN(index->writer, err, purge_sql[i], pacs_sql_i64(series), pacs_sql_i64(first),
                              pacs_sql_i64(last));
    return status;
}

PacsStatus pacs_index_sqlite_purge_instance(IndexSqlite *index, int64_t series, int64_t instance,
                                            PacsError *err)
{
    return purge_range(index, series, instance, instance, err);
}

PacsStatus pacs_index_sqlite_purge_series(IndexSqlite *index, int64_t series, uint32_t max, bool *ret_done,
                                          PacsError *err)
{
    static const char bound[] = "SELECT id FROM instance WHERE series = ? ORDER BY id LIMIT 1 OFFSET ?";
    int64_t next = 0; /* the first that stays */
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &next, err, bound, pacs_sql_i64(series),
                                        pacs_sql_i64(max));
    if (status != PACS_OK && status != PACS_NOT_FOUND)
        return status;
    *ret_done = status == PACS_NOT_FOUND;
    return purge_range(index, series, 0, *ret_done ? INT64_MAX : next - 1, err);
}

PacsStatus pacs_index_sqlite_purge_some(IndexSqlite *index, bool *ret_left, PacsError *err)
{
    int64_t series = 0;
    bool done = false;
    PacsStatus status = pacs_sqlite_number(index->writer, "SELECT min(series) FROM doomed WHERE series > 0",
                                           NULL, 0, &series, err);
    if (status == PACS_OK && series != 0)
        status = pacs_index_sqlite_purge_series(index, series, PURGE_STEP, &done, err);
    if (status == PACS_OK && done)
        status = PACS_SQL_RUN(index->writer, err, "DELETE FROM doomed WHERE series = ?",
                              pacs_sql_i64(series));
    *ret_left = series != 0;
    return status;
}

/* ---- Rows of any level ---- */

/** What hangs on a resource; each statement has (level, row). */
static const char *const forget_sql[] = {
    "INSERT OR IGNORE INTO garbage SELECT object_key FROM attachment WHERE level = ? AND resource = ?",
    "DELETE FROM attachment WHERE level = ? AND resource = ?",
    "DELETE FROM metadata WHERE level = ? AND resource = ?",
    "DELETE FROM label WHERE level = ? AND resource = ?",
    "DELETE FROM change WHERE level = ? AND resource = ?",
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
static PacsStatus list_rows(IndexSqlite *index, const char *sql, int64_t parent, PacsArena *arena,
                            int64_t **ret_rows, size_t *ret_count, PacsError *err)
{
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    int64_t *list = NULL;
    size_t count = 0;
    size_t capacity = 0;
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, sql, pacs_sql_i64(parent));
    while (status == PACS_OK && (status = pacs_sqlite_step(index->writer, rows, &has_row, err)) == PACS_OK &&
           has_row) {
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
    bool has_row = false;
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, sql, pacs_sql_i64(series));
    if (status == PACS_OK)
        status = pacs_sqlite_step(index->writer, rows, &has_row, err);
    if (status != PACS_OK || !has_row)
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
        status = delete_row(index, PACS_LEVEL_SERIES, series, err);
    if (status != PACS_OK)
        return status;
    add_loss(sum, &loss);
    if (sum->instances <= DELETE_AT_ONCE)
        return purge_range(index, series, 0, INT64_MAX, err);
    index->purging = true; /* stays so if this is undone: then there is nothing to purge, and it ends */
    return PACS_SQL_RUN(index->writer, err, "INSERT INTO doomed (series) VALUES (?)", pacs_sql_i64(series));
}

static PacsStatus delete_study(IndexSqlite *index, int64_t study, PacsArena *arena, Loss *sum, PacsError *err)
{
    int64_t *series = NULL;
    size_t count = 0;
    PacsStatus status = list_rows(index, "SELECT id FROM series WHERE study = ?", study, arena, &series,
                                  &count, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = delete_series(index, series[i], sum, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err,
                              "UPDATE study_uid SET study_count = study_count - 1"
                              " WHERE id = (SELECT study_uid FROM study WHERE id = ?)",
                              pacs_sql_i64(study));
    sum->studies++;
    return status == PACS_OK ? delete_row(index, PACS_LEVEL_STUDY, study, err) : status;
}

static PacsStatus delete_patient(IndexSqlite *index, int64_t patient, PacsArena *arena, Loss *sum,
                                 PacsError *err)
{
    int64_t *studies = NULL;
    size_t count = 0;
    PacsStatus status = list_rows(index, "SELECT id FROM study WHERE patient = ?", patient, arena, &studies,
                                  &count, err);
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

static PacsStatus delete_instance(IndexSqlite *index, const Target *target, Loss *sum, PacsError *err)
{
    static const char loss_sql[] = "SELECT size_bytes, inflated_size_bytes FROM instance WHERE id = ?";
    const int64_t series = target->rows[PACS_LEVEL_SERIES];
    const int64_t instance = target->rows[PACS_LEVEL_INSTANCE];
    {
        PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
        bool has_row = false;
        PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, loss_sql, pacs_sql_i64(instance));
        if (status == PACS_OK)
            status = pacs_sqlite_step(index->writer, rows, &has_row, err);
        if (status != PACS_OK)
            return status;
        add_loss(sum, &(Loss){.instances = 1,
                              .size_bytes = sqlite3_column_int64(rows, 0),
                              .inflated_bytes = sqlite3_column_int64(rows, 1)});
    }
    const PacsStatus status = pacs_index_sqlite_purge_instance(index, series, instance, err);
    return status == PACS_OK ? refresh_sop_classes(index, series, err) : status;
}

/* ---- Counters ---- */

/** What stays above counts less. Each statement has (row, children gone, instances, bytes, inflated bytes).
 */
static PacsStatus count_less(IndexSqlite *index, const Target *target, const Loss *loss, PacsError *err)
{
    static const char *const sql[] = {
        [PACS_LEVEL_PATIENT] =
            "UPDATE patient SET study_count = study_count - ?2,"
            " instance_count = instance_count - ?3, size_bytes = size_bytes - ?4 WHERE id = ?1",
        [PACS_LEVEL_STUDY] =
            "UPDATE study SET series_count = series_count - ?2,"
            " instance_count = instance_count - ?3, size_bytes = size_bytes - ?4 WHERE id = ?1",
        [PACS_LEVEL_SERIES] =
            "UPDATE series SET inflated_bytes = inflated_bytes - ?2,"
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

static PacsStatus delete_target(IndexSqlite *index, const Target *target, PacsArena *arena, PacsError *err)
{
    Loss loss = {0};
    PacsStatus status = PACS_OK;
    pacs_index_sqlite_forget(index);
    switch (target->level) {
    case PACS_LEVEL_PATIENT:
        status = delete_patient(index, target->rows[PACS_LEVEL_PATIENT], arena, &loss, err);
        break;
    case PACS_LEVEL_STUDY:
        status = delete_study(index, target->rows[PACS_LEVEL_STUDY], arena, &loss, err);
        break;
    case PACS_LEVEL_SERIES:
        status = delete_series(index, target->rows[PACS_LEVEL_SERIES], &loss, err);
        break;
    case PACS_LEVEL_INSTANCE:
        status = delete_instance(index, target, &loss, err);
        break;
    }
    return status == PACS_OK ? count_less(index, target, &loss, err) : status;
}

PacsStatus pacs_index_sqlite_delete_replaced(IndexSqlite *index, int64_t instance, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_DELETE_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to replace an instance");
    Target target;
    PacsStatus status = load_target(index->writer, PACS_LEVEL_INSTANCE, instance, &target, err);
    if (status != PACS_OK)
        return status;
    climb(&target);
    return delete_target(index, &target, arena, err);
}

/* ---- Events and answer ---- */

/** The Study UIDs that a deletion touches, and whether the UID's last study goes with it. */
typedef struct Touched {
    int64_t study_uid;
    bool vanishes;
} Touched;

static PacsStatus list_touched(IndexSqlite *index, const Target *target, PacsArena *arena,
                               Touched **ret_touched, size_t *ret_count, PacsError *err)
{
    static const char of_patient[] = "SELECT study_uid FROM study WHERE patient = ?";
    int64_t *study_uids = NULL;
    size_t count = 1;
    PacsStatus status = PACS_OK;
    if (target->level == PACS_LEVEL_PATIENT)
        status = list_rows(index, of_patient, target->rows[PACS_LEVEL_PATIENT], arena, &study_uids, &count,
                           err);
    Touched *touched = pacs_arena_array(arena, count + 1, sizeof *touched);
    if (status == PACS_OK && !touched)
        status = pacs_fail(err, PACS_NO_MEMORY, "no memory for the events of a deletion");
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        int64_t studies = 0;
        touched[i].study_uid = study_uids ? study_uids[i] : target->study_uid;
        status = PACS_SQL_NUMBER(index->writer, &studies, err,
                                 "SELECT study_count FROM study_uid WHERE id = ?",
                                 pacs_sql_i64(touched[i].study_uid));
        touched[i].vanishes = target->level <= PACS_LEVEL_STUDY && studies == 1;
    }
    *ret_touched = touched;
    *ret_count = count;
    return status;
}

/** UIDs of the series that lose instances by the deletion of a study, series or instance. */
static PacsStatus list_changed_series(IndexSqlite *index, const Target *target, int64_t study_uid,
                                      PacsArena *arena, IndexEventExtra *extra, PacsError *err)
{
    static const char of_one[] = "SELECT series_uid FROM series WHERE id = ?1 AND ?2 = ?2";
    static const char of_patient[] = "SELECT s.series_uid FROM series s JOIN study st ON st.id = s.study"
                                     " WHERE st.patient = ?1 AND st.study_uid = ?2 LIMIT 2048";
    const bool one = target->level >= PACS_LEVEL_SERIES;
    const size_t max = 2048; /* more do not fit in an event */
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    const char **uids = pacs_arena_array(arena, max, sizeof *uids);
    if (!uids)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the events of a deletion");
    PacsStatus status = PACS_SQL_QUERY(
        index->writer, &rows, err, one ? of_one : of_patient,
        pacs_sql_i64(target->rows[one ? PACS_LEVEL_SERIES : PACS_LEVEL_PATIENT]), pacs_sql_i64(study_uid));
    size_t count = 0;
    while (status == PACS_OK && count < max &&
           (status = pacs_sqlite_step(index->writer, rows, &has_row, err)) == PACS_OK && has_row)
        status = pacs_sqlite_text(rows, 0, arena, &uids[count++], err);
    extra->changed_series = uids;
    extra->changed_series_count = count;
    return status;
}

/** Before the rows go: a study that vanishes is told of with its last counts, the others' series are noted.
 */
static PacsStatus tell_before(IndexSqlite *index, const Target *target, const Touched *touched,
                              PacsArena *arena, IndexEventExtra *extra, PacsError *err)
{
    if (touched->vanishes)
        return pacs_index_sqlite_write_event(index, touched->study_uid, PACS_STUDY_DELETED,
                                             &(IndexEventExtra){0}, err);
    *extra = (IndexEventExtra){.reason = "instances-deleted"};
    return list_changed_series(index, target, touched->study_uid, arena, extra, err);
}

static PacsStatus tell_after(IndexSqlite *index, const Touched *touched, const IndexEventExtra *extra,
                             PacsError *err)
{
    if (!touched->vanishes)
        return pacs_index_sqlite_write_event(index, touched->study_uid, PACS_STUDY_UPDATED, extra, err);
    /* The UID keeps its revision; sent again, the study is received and arrives anew. */
    return PACS_SQL_RUN(index->writer, err, "UPDATE study_uid SET arrived = 0, pending = 0 WHERE id = ?",
                        pacs_sql_i64(touched->study_uid));
}

static PacsStatus delete_and_tell(IndexSqlite *index, const Target *target, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_DELETE_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to delete");
    Touched *touched = NULL;
    size_t count = 0;
    PacsStatus status = list_touched(index, target, arena, &touched, &count, err);
    IndexEventExtra *extras = pacs_arena_array(arena, count + 1, sizeof *extras);
    if (status == PACS_OK && !extras)
        status = pacs_fail(err, PACS_NO_MEMORY, "no memory for the events of a deletion");
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = tell_before(index, target, &touched[i], arena, &extras[i], err);
    if (status == PACS_OK)
        status = delete_target(index, target, arena, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = tell_after(index, &touched[i], &extras[i], err);
    return status;
}

typedef struct DeleteArguments {
    PacsLevel level;
    const PacsOrthancId *id;
    PacsRemaining remaining;
} DeleteArguments;

static PacsStatus load_remaining(IndexSqlite *index, const Target *target, PacsRemaining *ret_remaining,
                                 PacsError *err)
{
    static const char *const sql[] = {
        [PACS_LEVEL_PATIENT] = "SELECT orthanc_id FROM patient WHERE id = ?",
        [PACS_LEVEL_STUDY] = "SELECT orthanc_id FROM study WHERE id = ?",
        [PACS_LEVEL_SERIES] = "SELECT orthanc_id FROM series WHERE id = ?",
    };
    *ret_remaining = (PacsRemaining){.exists = target->level > PACS_LEVEL_PATIENT};
    if (!ret_remaining->exists)
        return PACS_OK;
    ret_remaining->level = (PacsLevel)(target->level - 1);
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    bool has_row = false;
    PacsOrthancId id;
    PacsStatus status = PACS_SQL_QUERY(index->writer, &rows, err, sql[ret_remaining->level],
                                       pacs_sql_i64(target->rows[ret_remaining->level]));
    if (status == PACS_OK)
        status = pacs_sqlite_step(index->writer, rows, &has_row, err);
    if (status == PACS_OK)
        status = pacs_sqlite_fixed(rows, 0, id.bytes, sizeof id.bytes, err);
    if (status == PACS_OK)
        pacs_index_id_format(&id, ret_remaining->id);
    return status;
}

static PacsStatus delete_resource(IndexSqlite *index, void *arguments, PacsError *err)
{
    DeleteArguments *delete = arguments;
    int64_t row = 0;
    Target target;
    PacsStatus status = pacs_index_sqlite_row_of(index->writer, delete->level, delete->id, &row, err);
    if (status == PACS_OK)
        status = load_target(index->writer, delete->level, row, &target, err);
    if (status != PACS_OK)
        return status;
    climb(&target);
    status = load_remaining(index, &target, &delete->remaining, err);
    return status == PACS_OK ? delete_and_tell(index, &target, err) : status;
}

PacsStatus pacs_index_sqlite_delete(PacsIndex *self, PacsLevel level, const PacsOrthancId *id,
                                    PacsRemaining *ret_remaining, PacsError *err)
{
    DeleteArguments arguments = {.level = level, .id = id};
    const PacsStatus status = pacs_index_sqlite_write(pacs_index_sqlite(self), delete_resource, &arguments,
                                                      err);
    if (status == PACS_OK)
        *ret_remaining = arguments.remaining;
    return status;
}
