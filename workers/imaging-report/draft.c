#include <jansson.h>
#include <string.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/clock.h"
#include "workers/imaging-report/pdf.h"
#include "workers/imaging-report/reporter.h"
#include "workers/imaging-report/tables.h"

/* A study has arrived, or changed before anybody has read it: a draft with its key images. */

typedef struct PreparedDraft {
    bool is_wanted;
    const char *study_uid;
    ReportSubject subject;
} PreparedDraft;

/* The study an event of ours is about. */
static PacsStatus read_study_uid(const WorkerDelivery *delivery, const char **ret_uid, PacsError *err)
{
    json_t *data = json_loadb(delivery->event->data.text, delivery->event->data.size, 0, NULL);
    const char *told = json_string_value(json_object_get(data, "studyInstanceUid"));
    const char *uid = told && pacs_uid_acceptable(pacs_slice(told)) ? pacs_arena_strdup(delivery->arena, told)
                                                                    : NULL;

    json_decref(data);
    if (!uid)
        return pacs_fail(err, PACS_INVALID, "the data has no /studyInstanceUid that is a UID");
    *ret_uid = uid;
    return PACS_OK;
}

static PacsStatus is_reported(Reporter *reporter, const char *study_uid, PacsArena *arena, bool *ret_is,
                              PacsError *err)
{
    PACS_AUTO(WorkerTransaction) transaction = NULL;
    const PacsStatus status = worker_begin(reporter->database, &transaction, err);

    return status == PACS_OK ? report_has_report(transaction, study_uid, arena, ret_is, err) : status;
}

static ReportMoment moment_of(const EventsCloudEvent *event)
{
    ReportMoment moment = {0};

    if (!event->time || report_moment_parse(pacs_slice(event->time), &moment, NULL) != PACS_OK)
        moment = report_moment_in_zone(&(ReportMoment){.ms = pacs_now_ms()}, 0);
    return moment;
}

static PacsStatus make(Reporter *reporter, const WorkerDelivery *delivery, PreparedDraft *prepared,
                       PacsError *err)
{
    Report report = {.study_instance_uid = prepared->study_uid,
                     .report_id = "",
                     .title = "",
                     .reason = "",
                     .language = reporter->settings.defaults.language,
                     .issued_at = moment_of(delivery->event)};

    for (int i = 0; i < REPORT_SECTION_COUNT; i++)
        report.sections[i] = "";
    report.author = report.verifier = (ReportPerson){.id = "", .name = ""};
    const PacsStatus status = report_subject_read(&reporter->archive, &report, &reporter->settings.pictures,
                                                  delivery->arena, &reporter->jpegs, &prepared->subject, err);
    if (status != PACS_OK)
        return status;
    const ReportPdf pdf = {.layout = &reporter->settings.layout,
                           .report = &report,
                           .study = &prepared->subject.study,
                           .pictures = prepared->subject.pictures,
                           .picture_count = prepared->subject.picture_count,
                           .is_draft = true};
    return report_pdf_write(&pdf, &reporter->pdf, err);
}

PacsStatus draft_prepare(void *context, const WorkerDelivery *delivery, void **ret_prepared, PacsError *err)
{
    Reporter *reporter = context;
    PreparedDraft *prepared = pacs_arena_alloc(delivery->arena, sizeof *prepared);
    bool is_read = false;

    reporter_reset(reporter, delivery);
    if (!prepared)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a draft");
    PacsStatus status = read_study_uid(delivery, &prepared->study_uid, err);
    if (status == PACS_OK && reporter->settings.has_drafts)
        status = is_reported(reporter, prepared->study_uid, delivery->arena, &is_read, err);
    prepared->is_wanted = reporter->settings.has_drafts && !is_read;
    if (status == PACS_OK && prepared->is_wanted)
        status = make(reporter, delivery, prepared, err);
    if (status ==
        PACS_NOT_FOUND) { /* deleted since: its deletion is on its way, and so is whatever comes again */
        prepared->is_wanted = false;
        status = PACS_OK;
    }
    *ret_prepared = prepared;
    return status;
}

PacsStatus draft_apply(void *context, const WorkerDelivery *delivery, void *prepared_draft,
                       WorkerTransaction *transaction, PacsError *err)
{
    const Reporter *reporter = context;
    const PreparedDraft *prepared = prepared_draft;

    if (!prepared->is_wanted)
        return PACS_OK;
    const ReportDraft draft = {.study_uid = prepared->study_uid,
                               .revision = delivery->revision,
                               .lane = delivery->event->lane,
                               .pdf = {pacs_buffer_text(&reporter->pdf), reporter->pdf.size},
                               .pictures = prepared->subject.pictures,
                               .picture_count = prepared->subject.picture_count,
                               .now_ms = pacs_now_ms()};
    const PacsStatus status = report_draft_write(transaction, &draft, err);
    if (status == PACS_OK)
        pacs_metric_add(reporter->drafts, 1);
    return status;
}

PacsStatus draft_remove_apply(void *context, const WorkerDelivery *delivery, void *prepared,
                              WorkerTransaction *transaction, PacsError *err)
{
    const char *study_uid = NULL;
    const PacsStatus status = read_study_uid(delivery, &study_uid, err);

    (void)context;
    (void)prepared;
    return status == PACS_OK ? report_draft_remove(transaction, study_uid, err) : status;
}
