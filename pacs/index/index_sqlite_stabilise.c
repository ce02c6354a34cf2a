#include "pacs/index/index_sqlite_delete.h"
#include "pacs/util/clock.h"
#include "pacs/util/limits.h"

/* What nothing was added to for a while is stable; a study that is tells the world. */

typedef struct StabiliseArguments {
    int64_t before_ms;
    uint32_t limit;
    uint32_t count;
} StabiliseArguments;

typedef struct Rule {
    PacsLevel level;
    PacsChangeType change;
    const char *find; /* the oldest unstable rows last updated before a time */
    const char *mark;
} Rule;

/* In Orthanc's order. The partial indexes hold the unstable rows alone. */
static const Rule rules[] = {
    {PACS_LEVEL_SERIES, PACS_CHANGE_STABLE_SERIES,
     "SELECT id FROM series WHERE stable = 0 AND last_update_ms < ? ORDER BY id LIMIT 1",
     "UPDATE series SET stable = 1 WHERE id = ?"},
    {PACS_LEVEL_STUDY, PACS_CHANGE_STABLE_STUDY,
     "SELECT id FROM study WHERE stable = 0 AND last_update_ms < ? ORDER BY id LIMIT 1",
     "UPDATE study SET stable = 1 WHERE id = ?"},
    {PACS_LEVEL_PATIENT, PACS_CHANGE_STABLE_PATIENT,
     "SELECT id FROM patient WHERE stable = 0 AND last_update_ms < ? ORDER BY id LIMIT 1",
     "UPDATE patient SET stable = 1 WHERE id = ?"},
};

typedef struct StudyState {
    int64_t study_uid;
    bool arrived;
    bool all_stable; /* every patient's study of the UID */
} StudyState;

/* The plus keeps SQLite to the few studies of the UID, away from the index of all unstable ones. */
static PacsStatus load_state(IndexSqlite *index, int64_t study, StudyState *ret_state, PacsError *err)
{
    static const char sql[] = "SELECT u.id, u.arrived,"
                              " NOT EXISTS (SELECT 1 FROM study o WHERE o.study_uid = u.id AND +o.stable = 0)"
                              " FROM study st JOIN study_uid u ON u.id = st.study_uid WHERE st.id = ?";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    PacsStatus status = PACS_SQL_FIRST(index->writer, &rows, err, sql, pacs_sql_i64(study));
    if (status == PACS_NOT_FOUND)
        return pacs_fail(err, PACS_CORRUPT, "a study of the index has lost its UID");
    if (status == PACS_OK)
        *ret_state = (StudyState){.study_uid = sqlite3_column_int64(rows, 0),
                                  .arrived = sqlite3_column_int(rows, 1) != 0,
                                  .all_stable = sqlite3_column_int(rows, 2) != 0};
    return status;
}

/** All of the UID is told, and is the state that consumers know from now on. */
static PacsStatus tell_state(IndexSqlite *index, const StudyState *state, const char *reason, PacsError *err)
{
    const IndexEventExtra extra = {.reason = state->arrived ? "instances-added" : reason};
    PacsStatus status = pacs_index_sqlite_write_event(
        index, state->study_uid, state->arrived ? PACS_STUDY_UPDATED : PACS_STUDY_ARRIVED, &extra, err);
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, "UPDATE study_uid SET arrived = 1 WHERE id = ?",
                              pacs_sql_i64(state->study_uid));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err,
                              "UPDATE series SET changed = 0 WHERE changed = 1"
                              " AND study IN (SELECT id FROM study WHERE study_uid = ?)",
                              pacs_sql_i64(state->study_uid));
    return status;
}

/** Once per UID, when the last of its studies is stable: that one was not, so something came since the last
 * event. */
static PacsStatus tell_study(IndexSqlite *index, int64_t study, PacsError *err)
{
    StudyState state = {0};
    const PacsStatus status = load_state(index, study, &state, err);
    return status == PACS_OK && state.all_stable ? tell_state(index, &state, "stable-age", err) : status;
}

static PacsStatus stabilise_next(IndexSqlite *index, const Rule *rule, int64_t before_ms, int64_t now_ms,
                                 PacsError *err)
{
    int64_t row = 0;
    PacsStatus status = PACS_SQL_NUMBER(index->writer, &row, err, rule->find, pacs_sql_i64(before_ms));
    if (status == PACS_OK)
        status = PACS_SQL_RUN(index->writer, err, rule->mark, pacs_sql_i64(row));
    if (status == PACS_OK)
        status = pacs_index_sqlite_log_change(index, rule->change, rule->level, row, now_ms, err);
    if (status == PACS_OK && rule->level == PACS_LEVEL_STUDY)
        status = tell_study(index, row, err);
    return status;
}

static PacsStatus stabilise(IndexSqlite *index, void *arguments, PacsError *err)
{
    StabiliseArguments *call = arguments;
    const int64_t now_ms = pacs_now_ms();
    pacs_index_sqlite_forget(index);
    call->count = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        PacsStatus status = PACS_OK;
        while (status == PACS_OK && call->count < call->limit) {
            status = stabilise_next(index, &rules[i], call->before_ms, now_ms, err);
            call->count += status == PACS_OK ? 1 : 0;
        }
        if (status != PACS_OK && status != PACS_NOT_FOUND)
            return status;
    }
    return PACS_OK;
}

/** Most calls find nothing to do: those do not bother the writer. */
static PacsStatus is_due(IndexSqlite *index, int64_t before_ms, bool *ret_due, PacsError *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM series WHERE stable = 0 AND last_update_ms < ?1)"
                              " OR EXISTS (SELECT 1 FROM study WHERE stable = 0 AND last_update_ms < ?1)"
                              " OR EXISTS (SELECT 1 FROM patient WHERE stable = 0 AND last_update_ms < ?1)";
    INDEX_AUTO_READER IndexReader reader = {0};
    int64_t due = 0;
    PacsStatus status = pacs_index_sqlite_read_begin(index, false, &reader, err);
    if (status == PACS_OK)
        status = PACS_SQL_NUMBER(reader.connection, &due, err, sql, pacs_sql_i64(before_ms));
    *ret_due = due != 0;
    return status;
}

PacsStatus pacs_index_sqlite_stabilise(PacsIndex *self, int64_t before_ms, uint32_t limit,
                                       uint32_t *ret_count, PacsError *err)
{
    StabiliseArguments arguments = {.before_ms = before_ms, .limit = limit};
    bool due = false;
    PacsStatus status = is_due(pacs_index_sqlite(self), before_ms, &due, err);
    if (status == PACS_OK && due)
        status = pacs_index_sqlite_write(pacs_index_sqlite(self), stabilise, &arguments, err);
    if (status == PACS_OK)
        *ret_count = arguments.count;
    return status;
}

/* ---- Somebody says so ---- */

typedef struct ArriveArguments {
    const PacsOrthancId *study;
    const char *reason;
} ArriveArguments;

/** Unstable series or studies of a UID become stable. */
static PacsStatus settle_level(IndexSqlite *index, const Rule *rule, const char *find, int64_t study_uid,
                               PacsArena *arena, PacsError *err)
{
    const int64_t now_ms = pacs_now_ms();
    int64_t *rows = NULL;
    size_t count = 0;
    PacsStatus status = pacs_index_sqlite_list_rows(index, find, study_uid, arena, &rows, &count, err);
    for (size_t i = 0; status == PACS_OK && i < count; i++) {
        status = PACS_SQL_RUN(index->writer, err, rule->mark, pacs_sql_i64(rows[i]));
        if (status == PACS_OK)
            status = pacs_index_sqlite_log_change(index, rule->change, rule->level, rows[i], now_ms, err);
    }
    return status;
}

static PacsStatus settle(IndexSqlite *index, int64_t study_uid, PacsError *err)
{
    static const char series[] = "SELECT s.id FROM study st JOIN series s ON s.study = st.id"
                                 " WHERE st.study_uid = ? AND +s.stable = 0 ORDER BY s.id";
    static const char studies[] = "SELECT id FROM study WHERE study_uid = ? AND +stable = 0 ORDER BY id";
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_DELETE_ARENA);
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for the arrival of a study");
    const PacsStatus status = settle_level(index, &rules[0], series, study_uid, arena, err);
    return status == PACS_OK ? settle_level(index, &rules[1], studies, study_uid, arena, err) : status;
}

static PacsStatus is_news(IndexSqlite *index, const StudyState *state, bool *ret_news, PacsError *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM study st JOIN series s ON s.study = st.id"
                              " WHERE st.study_uid = ? AND s.changed <> 0)";
    int64_t changed = 0;
    const PacsStatus status = PACS_SQL_NUMBER(index->writer, &changed, err, sql,
                                              pacs_sql_i64(state->study_uid));
    *ret_news = !state->arrived || changed != 0;
    return status;
}

static PacsStatus arrive(IndexSqlite *index, void *arguments, PacsError *err)
{
    const ArriveArguments *call = arguments;
    StudyState state = {0};
    int64_t study = 0;
    bool is_new = false;
    PacsStatus status = pacs_index_sqlite_row_of(index->writer, PACS_LEVEL_STUDY, call->study, &study, err);
    if (status == PACS_OK)
        status = load_state(index, study, &state, err);
    if (status == PACS_OK)
        status = is_news(index, &state, &is_new, err);
    if (status != PACS_OK || !is_new)
        return status;
    pacs_index_sqlite_forget(index);
    status = settle(index, state.study_uid, err);
    return status == PACS_OK ? tell_state(index, &state, call->reason, err) : status;
}

PacsStatus pacs_index_sqlite_arrive(PacsIndex *self, const PacsOrthancId *study, const char *reason,
                                    PacsError *err)
{
    ArriveArguments arguments = {study, reason};
    return pacs_index_sqlite_write(pacs_index_sqlite(self), arrive, &arguments, err);
}
