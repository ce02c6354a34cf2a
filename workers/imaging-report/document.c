#include "workers/imaging-report/document.h"

#include <string.h>

#include "pacs/dicom/part10.h"
#include "pacs/util/hash.h"
#include "pacs/util/limits.h"
#include "workers/imaging-report/codes.h"
#include "workers/imaging-report/document_private.h"

PacsStatus report_uids_derive(const char *event_source, const char *event_id, const char *study_uid,
                              const char *report_id, ReportUids *ret_uids, PacsError *err)
{
    /* Each is derived from what it stands for; newlines keep "a" + "bc" apart from "ab" + "c". */
    const struct {
        const char *kind, *of, *in;
        char *uid;
    } names[] = {
        {"report-pdf-series", report_id, study_uid, ret_uids->pdf_series},
        {"report-pdf", event_id, event_source, ret_uids->pdf},
        {"report-sr-series", report_id, study_uid, ret_uids->sr_series},
        {"report-sr", event_id, event_source, ret_uids->sr},
    };
    PACS_AUTO_BUFFER PacsBuffer name = PACS_BUFFER(PACS_MAX_REPORT_EVENT);
    PacsStatus status = PACS_OK;

    for (size_t i = 0; status == PACS_OK && i < sizeof names / sizeof names[0]; i++) {
        pacs_buffer_reset(&name);
        (void)pacs_buffer_add_format(&name, "lightbox %s\n%s\n%s", names[i].kind, names[i].in, names[i].of);
        status = pacs_buffer_check(&name, err);
        if (status == PACS_OK)
            status = pacs_derive_uid(pacs_buffer_text(&name), names[i].uid, err);
    }
    return status;
}

/* ---- What both kinds of document share ---- */

void document_put_equipment(Elements *e, const ReportDocument *document)
{
    elements_put(e, PACS_TAG_MANUFACTURER, PACS_VR_LO, "Lightbox");
    elements_put(e, PACS_TAG_MANUFACTURER_MODEL_NAME, PACS_VR_LO, "imaging-report");
    elements_put(e, PACS_TAG(0x0018, 0x1020), PACS_VR_LO, PACS_VERSION); /* Software Versions */
    if (*document->organization)
        elements_put_line(e, PACS_TAG_INSTITUTION_NAME, PACS_VR_LO, document->organization, 64);
}

/* In the zone that the study's own dates are in, where it names one. */
void document_put_content_date(Elements *e, const ReportDocument *document)
{
    const ReportMoment *issued = &document->report->issued_at;
    const ReportMoment there = document->study->has_zone
                                   ? report_moment_in_zone(issued, document->study->zone_minutes)
                                   : *issued;
    char date[REPORT_DA_SIZE], time[REPORT_TM_SIZE];

    report_moment_format_da(&there, date);
    report_moment_format_tm(&there, time);
    elements_put(e, PACS_TAG_CONTENT_DATE, PACS_VR_DA, date);
    elements_put(e, PACS_TAG_CONTENT_TIME, PACS_VR_TM, time);
}

const char *document_verification(const ReportDocument *document)
{
    return *document->report->verifier.name ? "VERIFIED" : "UNVERIFIED";
}

/* Series after series, each named once: members that share one follow each other. */
static void put_series(Elements *e, const char *series_uid, bool is_first)
{
    if (is_first)
        elements_begin(e, PACS_TAG_REFERENCED_SERIES_SEQUENCE);
    else {
        elements_end(e); /* of the objects of the series before */
        elements_next(e);
    }
    elements_put(e, PACS_TAG_SERIES_INSTANCE_UID, PACS_VR_UI, series_uid);
    elements_begin(e, PACS_TAG_REFERENCED_SOP_SEQUENCE);
}

void document_put_predecessors(Elements *e, const ReportDocument *document)
{
    const ReportPredecessor *list = document->predecessors;

    if (document->predecessor_count == 0)
        return;
    elements_begin(e, PACS_TAG(0x0040, 0xA360)); /* Predecessor Documents Sequence */
    elements_put(e, PACS_TAG_STUDY_INSTANCE_UID, PACS_VR_UI, document->study->study_instance_uid);
    for (size_t i = 0; i < document->predecessor_count; i++) {
        if (i == 0 || strcmp(list[i].series_instance_uid, list[i - 1].series_instance_uid) != 0)
            put_series(e, list[i].series_instance_uid, i == 0);
        else
            elements_next(e);
        elements_put_reference(e, list[i].sop_class_uid, list[i].sop_instance_uid);
    }
    elements_end(e);
    elements_end(e);
    elements_end(e);
}

static bool is_named_before(const ReportPicture *pictures, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(pictures[i].sop_instance_uid, pictures[index].sop_instance_uid) == 0)
            return true;
    return false;
}

static bool is_series_before(const ReportPicture *pictures, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(pictures[i].series_instance_uid, pictures[index].series_instance_uid) == 0)
            return true;
    return false;
}

void document_put_evidence(Elements *e, const ReportDocument *document)
{
    const ReportPicture *pictures = document->pictures;

    if (document->picture_count == 0)
        return;
    elements_begin(e, PACS_TAG_CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE);
    elements_put(e, PACS_TAG_STUDY_INSTANCE_UID, PACS_VR_UI, document->study->study_instance_uid);
    for (size_t s = 0; s < document->picture_count; s++) {
        if (is_series_before(pictures, s))
            continue;
        put_series(e, pictures[s].series_instance_uid, s == 0);
        elements_put_reference(e, pictures[s].sop_class_uid, pictures[s].sop_instance_uid);
        for (size_t i = s + 1; i < document->picture_count; i++) {
            if (strcmp(pictures[i].series_instance_uid, pictures[s].series_instance_uid) != 0 ||
                is_named_before(pictures, i))
                continue;
            elements_next(e);
            elements_put_reference(e, pictures[i].sop_class_uid, pictures[i].sop_instance_uid);
        }
    }
    elements_end(e);
    elements_end(e);
    elements_end(e);
}

/* ---- The object around the data set ---- */

PacsStatus document_write(const ReportDocument *document, const DocumentKind *kind, PacsSlice payload,
                          PacsBuffer *out, PacsError *err)
{
    PACS_AUTO(PacsDatasetWriter) writer = NULL;
    PacsDataset dataset;

    PacsStatus status = pacs_dataset_writer_new(kind->max_bytes, &writer, err);
    if (status != PACS_OK)
        return status;
    Elements e = {.writer = writer, .err = err};
    elements_put_json(&e, document->study->modules);
    elements_put(&e, PACS_TAG_SOP_CLASS_UID, PACS_VR_UI, kind->sop_class_uid);
    elements_put(&e, PACS_TAG_SOP_INSTANCE_UID, PACS_VR_UI, kind->sop_instance_uid);
    elements_put(&e, PACS_TAG_SERIES_INSTANCE_UID, PACS_VR_UI, kind->series_instance_uid);
    elements_put_number(&e, PACS_TAG_INSTANCE_NUMBER, PACS_VR_IS, document->instance_number);
    document_put_equipment(&e, document);
    document_put_content_date(&e, document);
    kind->put_modules(&e, document, payload);
    status = e.status == PACS_OK ? pacs_dataset_writer_finish(writer, &dataset, err) : e.status;
    const PacsFileMeta meta = {.sop_class_uid = kind->sop_class_uid,
                               .sop_instance_uid = kind->sop_instance_uid,
                               .transfer_syntax_uid = PACS_UID_EXPLICIT_LITTLE};
    if (status == PACS_OK)
        status = pacs_part10_format_header(&meta, out, err);
    if (status != PACS_OK)
        return status;
    (void)pacs_buffer_add(out, dataset.bytes, dataset.size);
    return pacs_buffer_check(out, err);
}
