#include "workers/imaging-report/tables.h"

#include <string.h>

static const char *kind_name(ReportKind kind)
{
    static const char *const names[] = {
        [REPORT_FINALISED] = "finalised", [REPORT_AMENDED] = "amended", [REPORT_CANCELLED] = "cancelled"};
    return names[kind];
}

/* ---- Reports ---- */

static PacsStatus read_documents(WorkerTransaction *transaction, const char *study_uid, const char *report_id,
                                 PacsArena *arena, ReportState *state, PacsError *err)
{
    WorkerRows rows = {0};

    const PacsStatus status = WORKER_QUERY(
        transaction, arena, &rows, err,
        "SELECT sop_class_uid, sop_uid, series_uid, version, issued_ms FROM report_document "
        "WHERE study_uid = $1 AND report_id = $2 AND withdrawn_ms IS NULL ORDER BY issued_ms DESC, version DESC, sop_class_uid",
        pacs_sql_text(study_uid), pacs_sql_text(report_id));
    if (status != PACS_OK)
        return status;
    state->documents = pacs_arena_array(arena, rows.count + 1, sizeof *state->documents);
    if (!state->documents)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for %zu documents", rows.count);
    state->document_count = rows.count;
    for (size_t i = 0; i < rows.count; i++) {
        state->documents[i] = (ReportPredecessor){.sop_class_uid = worker_row_text(&rows, i, 0),
                                                  .sop_instance_uid = worker_row_text(&rows, i, 1),
                                                  .series_instance_uid = worker_row_text(&rows, i, 2)};
        if (worker_row_i64(&rows, i, 3) == worker_row_i64(&rows, 0, 3) &&
            worker_row_i64(&rows, i, 4) == worker_row_i64(&rows, 0, 4))
            state->latest_count = i + 1;
    }
    return PACS_OK;
}

PacsStatus report_state_read(WorkerTransaction *transaction, const char *study_uid, const char *report_id,
                             PacsArena *arena, ReportState *ret_state, PacsError *err)
{
    WorkerRows rows = {0};
    ReportState state = {0};

    const PacsStatus status = WORKER_QUERY(
        transaction, arena, &rows, err,
        "SELECT version, issued_ms FROM report WHERE study_uid = $1 AND report_id = $2",
        pacs_sql_text(study_uid), pacs_sql_text(report_id));
    if (status != PACS_OK)
        return status;
    if (rows.count > 0)
        state = (ReportState){.is_known = true,
                              .version = (uint64_t)worker_row_i64(&rows, 0, 0),
                              .issued_ms = worker_row_i64(&rows, 0, 1)};
    *ret_state = state;
    return read_documents(transaction, study_uid, report_id, arena, ret_state, err);
}

static PacsStatus keep_event(WorkerTransaction *transaction, const ReportTold *told, PacsError *err)
{
    return WORKER_RUN(
        transaction, NULL, err,
        "INSERT INTO report_event (event_source, event_id, study_uid, report_id, kind, version, outcome, data, "
        "told_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (event_source, event_id) DO NOTHING",
        pacs_sql_text(told->event_source), pacs_sql_text(told->event_id),
        pacs_sql_text(told->report->study_instance_uid), pacs_sql_text(told->report->report_id),
        pacs_sql_text(kind_name(told->report->kind)), pacs_sql_u64(told->report->version),
        pacs_sql_text(told->outcome), pacs_sql_bytes(told->data.text, told->data.size),
        pacs_sql_i64(told->now_ms));
}

PacsStatus report_state_write(WorkerTransaction *transaction, const ReportTold *told, PacsError *err)
{
    const PacsStatus status = keep_event(transaction, told, err);

    if (status != PACS_OK || strcmp(told->outcome, "stale") == 0)
        return status;
    return WORKER_RUN(
        transaction, NULL, err,
        "INSERT INTO report (study_uid, report_id, kind, version, issued_ms, event_source, event_id, told_ms) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (study_uid, report_id) DO UPDATE SET kind = excluded.kind, "
        "version = excluded.version, issued_ms = excluded.issued_ms, event_source = excluded.event_source, "
        "event_id = excluded.event_id, told_ms = excluded.told_ms",
        pacs_sql_text(told->report->study_instance_uid), pacs_sql_text(told->report->report_id),
        pacs_sql_text(kind_name(told->report->kind)), pacs_sql_u64(told->report->version),
        pacs_sql_i64(told->report->issued_at.ms), pacs_sql_text(told->event_source),
        pacs_sql_text(told->event_id), pacs_sql_i64(told->now_ms));
}

PacsStatus report_document_add(WorkerTransaction *transaction, const ReportTold *told,
                               const ReportPredecessor *document, PacsError *err)
{
    return WORKER_RUN(
        transaction, NULL, err,
        "INSERT INTO report_document (sop_uid, study_uid, report_id, version, issued_ms, sop_class_uid, series_uid, "
        "stored_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (sop_uid) DO NOTHING",
        pacs_sql_text(document->sop_instance_uid), pacs_sql_text(told->report->study_instance_uid),
        pacs_sql_text(told->report->report_id), pacs_sql_u64(told->report->version),
        pacs_sql_i64(told->report->issued_at.ms), pacs_sql_text(document->sop_class_uid),
        pacs_sql_text(document->series_instance_uid), pacs_sql_i64(told->now_ms));
}

PacsStatus report_documents_withdraw(WorkerTransaction *transaction, const ReportTold *told, PacsError *err)
{
    return WORKER_RUN(
        transaction, NULL, err,
        "UPDATE report_document SET withdrawn_ms = $1 WHERE study_uid = $2 AND report_id = $3 AND "
        "withdrawn_ms IS NULL",
        pacs_sql_i64(told->now_ms), pacs_sql_text(told->report->study_instance_uid),
        pacs_sql_text(told->report->report_id));
}

PacsStatus report_has_report(WorkerTransaction *transaction, const char *study_uid, PacsArena *arena,
                             bool *ret_has, PacsError *err)
{
    WorkerRows rows = {0};

    const PacsStatus status = WORKER_QUERY(
        transaction, arena, &rows, err, "SELECT count(*) FROM report WHERE study_uid = $1 AND kind <> $2",
        pacs_sql_text(study_uid), pacs_sql_text(kind_name(REPORT_CANCELLED)));
    if (status == PACS_OK)
        *ret_has = worker_row_i64(&rows, 0, 0) > 0;
    return status;
}

/* ---- Drafts ---- */

static PacsStatus write_image(WorkerTransaction *transaction, const ReportDraft *draft, size_t place,
                              PacsError *err)
{
    const ReportPicture *picture = &draft->pictures[place];

    return WORKER_RUN(
        transaction, NULL, err,
        "INSERT INTO report_draft_image (study_uid, place, series_uid, sop_uid, frame, caption, jpeg) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        pacs_sql_text(draft->study_uid), pacs_sql_u64(place), pacs_sql_text(picture->series_instance_uid),
        pacs_sql_text(picture->sop_instance_uid), pacs_sql_u64(picture->frame_number),
        pacs_sql_text(picture->caption), pacs_sql_bytes(picture->jpeg, picture->jpeg_size));
}

PacsStatus report_draft_write(WorkerTransaction *transaction, const ReportDraft *draft, PacsError *err)
{
    PacsStatus status = report_draft_remove(transaction, draft->study_uid, err);

    if (status == PACS_OK)
        status = WORKER_RUN(
            transaction, NULL, err,
            "INSERT INTO report_draft (study_uid, revision, lane, pdf, made_ms) VALUES ($1, $2, $3, $4, $5)",
            pacs_sql_text(draft->study_uid), pacs_sql_u64(draft->revision), pacs_sql_text(draft->lane),
            pacs_sql_bytes(draft->pdf.text, draft->pdf.size), pacs_sql_i64(draft->now_ms));
    for (size_t i = 0; status == PACS_OK && i < draft->picture_count; i++)
        status = write_image(transaction, draft, i, err);
    return status;
}

PacsStatus report_draft_remove(WorkerTransaction *transaction, const char *study_uid, PacsError *err)
{
    const PacsStatus status = WORKER_RUN(transaction, NULL, err,
                                         "DELETE FROM report_draft_image WHERE study_uid = $1",
                                         pacs_sql_text(study_uid));

    return status == PACS_OK
               ? WORKER_RUN(transaction, NULL, err, "DELETE FROM report_draft WHERE study_uid = $1",
                            pacs_sql_text(study_uid))
               : status;
}
