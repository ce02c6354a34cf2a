#include "pacs/index/index_sqlite_report.h"
#include "pacs/util/limits.h"

/* ---- A report comes ---- */

static PacsStatus insert_report(IndexSqlite *index, const PacsReportFacts *report,
                                const IndexParents *parents, PacsError *err)
{
    static const char sql[] =
        "INSERT INTO report (instance, study_uid, title_scheme, title_code, verification, completion,"
        " content_date, content_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    return PACS_SQL_RUN(index->writer, err, sql, pacs_sql_i64(index->totals.last_instance),
                        pacs_sql_i64(parents->study_uid), pacs_sql_text(report->title_scheme),
                        pacs_sql_text(report->title_code), pacs_sql_text(report->verification),
                        pacs_sql_text(report->completion), pacs_sql_text(report->content_date),
                        pacs_sql_text(report->content_time));
}

/** The newest other document of the study that has the same title and kind: this one takes its place, though it does not
 *  say so. */
static PacsStatus find_same_title(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                  const IndexParents *parents, PacsArena *arena, const char **ret_uid,
                                  PacsError *err)
{
    static const char sql[] =
        "SELECT i.sop_instance_uid FROM report r JOIN instance i ON i.id = r.instance"
        " JOIN series s ON s.id = i.series WHERE r.study_uid = ?1 AND r.title_code = ?2 AND r.title_scheme IS ?3"
        " AND i.sop_class_uid = ?4 AND i.id <> ?5 ORDER BY i.id DESC LIMIT 1";
    const PacsReportFacts *report = prepared->add->report;
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    const PacsStatus status = PACS_SQL_FIRST(
        index->writer, &rows, err, sql, pacs_sql_i64(parents->study_uid), pacs_sql_text(report->title_code),
        pacs_sql_text(report->title_scheme), pacs_sql_text(prepared->instance->sop_class_uid),
        pacs_sql_i64(index->totals.last_instance));
    if (status == PACS_NOT_FOUND)
        return PACS_OK;
    return status == PACS_OK ? pacs_sqlite_text(rows, 0, arena, ret_uid, err) : status;
}

PacsStatus pacs_index_sqlite_add_report(IndexSqlite *index, const PacsPreparedAdd *prepared,
                                        const IndexParents *parents, bool replaced, PacsError *err)
{
    PACS_AUTO(PacsArena) arena = pacs_arena_new(PACS_MAX_INDEX_ADD_ARENA);
    PacsEventReport document = {.series_instance_uid = prepared->instance->series_instance_uid,
                                .sop_instance_uid = prepared->instance->sop_instance_uid,
                                .sop_class_uid = prepared->instance->sop_class_uid,
                                .facts = *prepared->add->report};
    PacsReportFacts *facts = &document.facts;
    const char *former = replaced ? document.sop_instance_uid : NULL;
    if (!arena)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory to index a report");
    PacsStatus status = insert_report(index, facts, parents, err);
    if (status == PACS_OK && !former && facts->predecessor_count == 0)
        status = find_same_title(index, prepared, parents, arena, &former, err);
    if (status != PACS_OK)
        return status;
    if (former && facts->predecessor_count == 0) {
        facts->predecessors = &former;
        facts->predecessor_count = 1;
    }
    const IndexEventExtra extra = {.report = &document};
    return pacs_index_sqlite_write_event(
        index, parents->study_uid, facts->predecessor_count > 0 ? PACS_REPORT_AMENDED : PACS_REPORT_AVAILABLE,
        &extra, err);
}

/* ---- Reports go ---- */

static PacsStatus read_document(sqlite3_stmt *rows, PacsArena *arena, PacsEventReport *document,
                                PacsError *err)
{
    const char **const texts[] = {
        &document->series_instance_uid, &document->sop_instance_uid,   &document->sop_class_uid,
        &document->facts.title_scheme,  &document->facts.title_code,   &document->facts.verification,
        &document->facts.completion,    &document->facts.content_date, &document->facts.content_time};
    PacsStatus status = PACS_OK;
    for (int i = 0; status == PACS_OK && i < 9; i++)
        status = pacs_sqlite_text(rows, i, arena, texts[i], err);
    return status;
}

#define WITHDRAW_STEP 64 /* documents in memory at a time */

/** Of those below the target the next after the instance `*last`. */
static PacsStatus list_documents(IndexSqlite *index, const IndexDeletion *target, int64_t study_uid,
                                 int64_t *last, PacsArena *arena, PacsEventReport *documents,
                                 size_t *ret_count, PacsError *err)
{
    static const char sql[] =
        "SELECT s.series_uid, i.sop_instance_uid, i.sop_class_uid, r.title_scheme, r.title_code, r.verification,"
        " r.completion, r.content_date, r.content_time, i.id FROM report r JOIN instance i ON i.id = r.instance"
        " JOIN series s ON s.id = i.series JOIN study st ON st.id = s.study WHERE r.study_uid = ?1"
        " AND st.patient = ?2 AND ?3 IN (0, st.id) AND ?4 IN (0, s.id) AND ?5 IN (0, i.id) AND r.instance > ?6"
        " ORDER BY r.instance LIMIT ?7";
    PACS_AUTO_STATEMENT sqlite3_stmt *rows = NULL;
    size_t count = 0;
    PacsStatus status = PACS_SQL_QUERY(
        index->writer, &rows, err, sql, pacs_sql_i64(study_uid),
        pacs_sql_i64(target->rows[PACS_LEVEL_PATIENT]), pacs_sql_i64(target->rows[PACS_LEVEL_STUDY]),
        pacs_sql_i64(target->rows[PACS_LEVEL_SERIES]), pacs_sql_i64(target->rows[PACS_LEVEL_INSTANCE]),
        pacs_sql_i64(*last), pacs_sql_i64(WITHDRAW_STEP));
    while (count < WITHDRAW_STEP && pacs_sqlite_next(index->writer, rows, &status, err)) {
        *last = sqlite3_column_int64(rows, 9);
        status = read_document(rows, arena, &documents[count++], err);
    }
    *ret_count = count;
    return status;
}

PacsStatus pacs_index_sqlite_withdraw_reports(IndexSqlite *index, const IndexDeletion *target,
                                              int64_t study_uid, PacsArena *arena, PacsError *err)
{
    size_t count = WITHDRAW_STEP;
    int64_t last = 0;
    PacsStatus status = PACS_OK;
    while (status == PACS_OK && count == WITHDRAW_STEP) {
        PacsEventReport documents[WITHDRAW_STEP] = {0};
        status = list_documents(index, target, study_uid, &last, arena, documents, &count, err);
        for (size_t i = 0; status == PACS_OK && i < count; i++)
            status = pacs_index_sqlite_write_event(index, study_uid, PACS_REPORT_WITHDRAWN,
                                                   &(IndexEventExtra){.report = &documents[i]}, err);
    }
    return status;
}
