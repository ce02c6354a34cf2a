#include "pacs/index/index_sqlite_report.h"
#include "pacs/util/limits.h"

/* A deletion as callers ask for it: what goes, what is told of it, what is answered. */

/** Ancestors that would be left without children go too. */
static void climb(IndexDeletion *target)
{
    while (target->level > PACS_LEVEL_PATIENT && target->children[target->level - 1] <= 1)
        target->level--;
}

PacsStatus pacs_index_sqlite_delete_replaced(IndexSqlite *index, int64_t instance, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_DELETE_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to replace an instance");
    IndexDeletion target;
    PacsStatus status = pacs_index_sqlite_load_target(index->writer, PACS_LEVEL_INSTANCE, instance, &target,
                                                      err);
    if (status != PACS_OK)
        return status;
    climb(&target);
    return pacs_index_sqlite_delete_target(index, &target, arena, err);
}

/* ---- Events and answer ---- */

/** The Study UIDs that a deletion touches, and whether the UID's last study goes with it. */
typedef struct Touched {
    int64_t study_uid;
    bool vanishes;
} Touched;

static PacsStatus list_touched(IndexSqlite *index, const IndexDeletion *target, PacsArena *arena,
                               Touched **ret_touched, size_t *ret_count, PacsError *err)
{
    static const char of_patient[] = "SELECT study_uid FROM study WHERE patient = ?";
    int64_t *study_uids = NULL;
    size_t count = 1;
    PacsStatus status = PACS_OK;
    if (target->level == PACS_LEVEL_PATIENT)
        status = pacs_index_sqlite_list_rows(index, of_patient, target->rows[PACS_LEVEL_PATIENT], arena,
                                             &study_uids, &count, err);
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
static PacsStatus list_changed_series(IndexSqlite *index, const IndexDeletion *target, int64_t study_uid,
                                      PacsArena *arena, IndexEventExtra *extra, PacsError *err)
{
    static const char of_one[] = "SELECT series_uid FROM series WHERE id = ?1 AND ?2 = ?2";
    static const char of_patient[] = "SELECT s.series_uid FROM series s JOIN study st ON st.id = s.study"
                                     " WHERE st.patient = ?1 AND st.study_uid = ?2 LIMIT 2048";
    const bool one = target->level >= PACS_LEVEL_SERIES;
    const size_t max = 2048; /* more do not fit in an event */
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const char **uids = pacs_arena_array(arena, max, sizeof *uids);
    if (!uids)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the events of a deletion");
    PacsStatus status = PACS_SQL_QUERY(
        index->writer, &rows, err, one ? of_one : of_patient,
        pacs_sql_i64(target->rows[one ? PACS_LEVEL_SERIES : PACS_LEVEL_PATIENT]), pacs_sql_i64(study_uid));
    size_t count = 0;
    while (count < max && pacs_sqlite_next(index->writer, rows, &status, err))
        status = pacs_sqlite_text(rows, 0, arena, &uids[count++], err);
    extra->changed_series = uids;
    extra->changed_series_count = count;
    return status;
}

/** Before the rows go: reports are withdrawn, a study that vanishes is told of with its last counts, the others' series
 * are noted. */
static PacsStatus tell_before(IndexSqlite *index, const IndexDeletion *target, const Touched *touched,
                              PacsArena *arena, IndexEventExtra *extra, PacsError *err)
{
    const PacsStatus status = pacs_index_sqlite_withdraw_reports(index, target, touched->study_uid, arena,
                                                                 err);
    if (status != PACS_OK)
        return status;
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
    return PACS_SQL_RUN(index->writer, err, "UPDATE study_uid SET arrived = 0 WHERE id = ?",
                        pacs_sql_i64(touched->study_uid));
}

static PacsStatus delete_and_tell(IndexSqlite *index, const IndexDeletion *target, PacsError *err)
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
        status = pacs_index_sqlite_delete_target(index, target, arena, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++)
        status = tell_after(index, &touched[i], &extras[i], err);
    return status;
}

typedef struct DeleteArguments {
    PacsLevel level;
    const PacsOrthancId *id;
    PacsRemaining remaining;
} DeleteArguments;

static PacsStatus load_remaining(IndexSqlite *index, const IndexDeletion *target,
                                 PacsRemaining *ret_remaining, PacsError *err)
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
    PacsOrthancId id;
    PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err, sql[ret_remaining->level],
                                       pacs_sql_i64(target->rows[ret_remaining->level]));
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
    IndexDeletion target;
    PacsStatus status = pacs_index_sqlite_row_of(index->writer, delete->level, delete->id, &row, err);
    if (status == PACS_OK)
        status = pacs_index_sqlite_load_target(index->writer, delete->level, row, &target, err);
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
