#include <string.h>

#include "pacs/util/clock.h"
#include "workers/imaging-report/document.h"
#include "workers/imaging-report/reporter.h"
#include "workers/imaging-report/tables.h"

/*
 * The platform's word on a report: final, amended, cancelled.
 *
 * What goes into the archive is written while the event is prepared: instances are named after the event, so that writing them
 * again changes nothing. The tables follow in the transaction that notes the event as had.
 */

#define DOCUMENTS_MAX 2

typedef struct PreparedReport {
    Report report;
    const char *outcome;
    ReportUids uids;
    ReportPredecessor stored[DOCUMENTS_MAX];
    size_t stored_count;
} PreparedReport;

static ReportKind kind_of(const char *type)
{
    if (strcmp(type, worker_mapping_type("report.cancelled")) == 0)
        return REPORT_CANCELLED;
    return strcmp(type, worker_mapping_type("report.amended")) == 0 ? REPORT_AMENDED : REPORT_FINALISED;
}

static PacsStatus read_state(Reporter *reporter, const Report *report, PacsArena *arena,
                             ReportState *ret_state, PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    const PacsStatus status = worker_begin(reporter->database, &transaction, err);

    return status == PACS_OK ? report_state_read(transaction, report->study_instance_uid, report->report_id,
                                                 arena, ret_state, err)
                             : status;
}

/* An older word than the last one, or the same version told anew. */
static bool is_stale(const Report *report, const ReportState *state)
{
    return state->is_known &&
           !report_is_later(report->version, report->issued_at.ms, state->version, state->issued_ms);
}

/* ---- Final and amended ---- */

static PacsStatus make_pdf(Reporter *reporter, const Report *report, ReportSubject *subject, PacsError *err)
{
    const ReportPdf pdf = {.layout = &reporter->settings.layout,
                           .report = report,
                           .study = &subject->study,
                           .pictures = subject->pictures,
                           .picture_count = subject->picture_count};

    if (!*report->pdf.url)
        return report_pdf_write(&pdf, &reporter->pdf, err);
    for (size_t i = 0; i < subject->picture_count; i++)
        subject->pictures[i].jpeg = NULL; /* evidence, but not what this PDF was drawn from */
    return report_pdf_fetch(reporter->pdf_sources, &report->pdf, &reporter->pdf, err);
}

static bool has_text(const Report *report)
{
    for (int i = 0; i < REPORT_SECTION_COUNT; i++)
        if (*report->sections[i])
            return true;
    return false;
}

static PacsStatus make_documents(Reporter *reporter, PreparedReport *prepared, const ReportSubject *subject,
                                 const ReportState *state, PacsError *err)
{
    const ReportDocument document = {
        .report = &prepared->report,
        .study = &subject->study,
        .uids = &prepared->uids,
        .pictures = subject->pictures,
        .picture_count = subject->picture_count,
        .predecessors = state->documents,
        .predecessor_count = state->latest_count,
        .instance_number = prepared->report.version > 0 ? (uint32_t)prepared->report.version : 1,
        .organization = reporter->settings.layout.organization,
        .person_scheme = reporter->settings.person_scheme};

    PacsStatus status = report_document_write_pdf(
        &document, (PacsSlice){pacs_buffer_text(&reporter->pdf), reporter->pdf.size}, &reporter->pdf_object,
        err);
    prepared->stored[prepared->stored_count++] = (ReportPredecessor){REPORT_SOP_PDF, prepared->uids.pdf,
                                                                     prepared->uids.pdf_series};
    if (status != PACS_OK || !reporter->settings.has_structured_report || !has_text(&prepared->report))
        return status;
    prepared->stored[prepared->stored_count++] = (ReportPredecessor){
        REPORT_SOP_BASIC_TEXT_SR, prepared->uids.sr, prepared->uids.sr_series};
    return report_document_write_sr(&document, &reporter->sr_object, err);
}

static PacsStatus store(Reporter *reporter, const WorkerDelivery *delivery, PreparedReport *prepared,
                        const ReportState *state, PacsError *err)
{
    ReportSubject subject;

    PacsStatus status = report_uids_derive(delivery->event->source, delivery->event->id,
                                           prepared->report.study_instance_uid, prepared->report.report_id,
                                           &prepared->uids, err);
    if (status == PACS_OK)
        status = report_subject_read(&reporter->archive, &prepared->report, &reporter->settings.pictures,
                                     delivery->arena, &reporter->jpegs, &subject, err);
    if (status == PACS_OK)
        status = make_pdf(reporter, &prepared->report, &subject, err);
    if (status == PACS_OK)
        status = make_documents(reporter, prepared, &subject, state, err);
    if (status != PACS_OK)
        return status;
    const PacsSlice objects[DOCUMENTS_MAX] = {
        {pacs_buffer_text(&reporter->pdf_object), reporter->pdf_object.size},
        {pacs_buffer_text(&reporter->sr_object), reporter->sr_object.size}};
    prepared->outcome = "stored";
    return report_archive_store(&reporter->archive, prepared->report.study_instance_uid, objects,
                                prepared->stored_count, err);
}

/* ---- Cancelled ---- */

static PacsStatus withdraw(Reporter *reporter, PreparedReport *prepared, const ReportState *state,
                           PacsError *err)
{
    PacsStatus status = PACS_OK;

    prepared->outcome = "withdrawn";
    for (size_t i = 0; status == PACS_OK && i < state->document_count; i++)
        status = report_archive_delete(&reporter->archive, prepared->report.study_instance_uid,
                                       state->documents[i].series_instance_uid,
                                       state->documents[i].sop_instance_uid, err);
    return status;
}

/* ---- The two steps ---- */

PacsStatus publish_prepare(void *context, const WorkerDelivery *delivery, void **ret_prepared, PacsError *err)
{
    Reporter *reporter = context;
    PreparedReport *prepared = pacs_arena_alloc(delivery->arena, sizeof *prepared);
    ReportState state;

    reporter_reset(reporter, delivery);
    if (!prepared)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a report");
    *ret_prepared = prepared;
    PacsStatus status = report_parse(delivery->event->data, kind_of(delivery->event->type),
                                     &reporter->settings.defaults, delivery->arena, &prepared->report, err);
    if (status == PACS_OK)
        status = read_state(reporter, &prepared->report, delivery->arena, &state, err);
    if (status != PACS_OK)
        return status;
    if (is_stale(&prepared->report, &state)) {
        prepared->outcome = "stale";
        return PACS_OK;
    }
    return prepared->report.kind == REPORT_CANCELLED ? withdraw(reporter, prepared, &state, err)
                                                     : store(reporter, delivery, prepared, &state, err);
}

static PacsStatus write_documents(WorkerTransaction *transaction, const PreparedReport *prepared,
                                  const ReportTold *told, PacsError *err)
{
    PacsStatus status = PACS_OK;

    for (size_t i = 0; status == PACS_OK && i < prepared->stored_count; i++)
        status = report_document_add(transaction, told, &prepared->stored[i], err);
    if (status == PACS_OK && prepared->report.kind == REPORT_CANCELLED)
        status = report_documents_withdraw(transaction, told, err);
    if (status == PACS_OK && prepared->report.kind != REPORT_CANCELLED) /* it has been read */
        status = report_draft_remove(transaction, prepared->report.study_instance_uid, err);
    return status;
}

PacsStatus publish_apply(void *context, const WorkerDelivery *delivery, void *prepared_report,
                         WorkerTransaction *transaction, PacsError *err)
{
    const Reporter *reporter = context;
    const PreparedReport *prepared = prepared_report;
    const ReportTold told = {.report = &prepared->report,
                             .event_source = delivery->event->source,
                             .event_id = delivery->event->id,
                             .data = delivery->event->data,
                             .outcome = prepared->outcome,
                             .now_ms = pacs_now_ms()};
    const bool is_old = strcmp(prepared->outcome, "stale") == 0;

    PacsStatus status = report_state_write(transaction, &told, err);
    if (status == PACS_OK && !is_old)
        status = write_documents(transaction, prepared, &told, err);
    if (status == PACS_OK)
        pacs_metric_add(is_old                                      ? reporter->stale
                        : prepared->report.kind == REPORT_CANCELLED ? reporter->withdrawn
                                                                    : reporter->stored,
                        1);
    return status;
}
