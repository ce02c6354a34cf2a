#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/uid.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "workers/imaging-report/pdf.h"
#include "workers/imaging-report/report.h"
#include "workers/imaging-report/study.h"

/**
 * A report as DICOM objects: the PDF for people (Encapsulated PDF), the text for programs (Basic Text SR, TID 2000).
 *
 * Source: PS3.3 A.45.1 and C.24 (Encapsulated PDF), A.35.1 and C.17 (Basic Text SR), PS3.16 TID 2000, CID 7000 to 7003.
 */
#define REPORT_SOP_PDF "1.2.840.10008.5.1.4.1.1.104.1"
#define REPORT_SOP_BASIC_TEXT_SR "1.2.840.10008.5.1.4.1.1.88.11"

/**
 * The names of a report's objects. An event's objects are named after it, so that an event that comes twice stores the same
 * instances; all versions of a report share a series for each kind of object.
 */
typedef struct ReportUids {
    char pdf_series[PACS_UID_SIZE], pdf[PACS_UID_SIZE];
    char sr_series[PACS_UID_SIZE], sr[PACS_UID_SIZE];
} ReportUids;

PACS_CHECKED PacsStatus report_uids_derive(const char *event_source, const char *event_id,
                                           const char *study_uid, const char *report_id, ReportUids *ret_uids,
                                           PacsError *err);

/** A document that this one takes the place of. */
typedef struct ReportPredecessor {
    const char *sop_class_uid, *sop_instance_uid, *series_instance_uid;
} ReportPredecessor;

typedef struct ReportDocument {
    const Report *report;
    const ReportStudy *study;
    const ReportUids *uids;
    const ReportPicture *pictures; /* key images: named as evidence, drawn or not */
    size_t picture_count;
    const ReportPredecessor *predecessors;
    size_t predecessor_count;
    uint32_t instance_number;  /* rises with the versions of a report */
    const char *organization;  /* that verifies */
    const char *person_scheme; /* coding scheme of the ids of persons: "99..." unless registered */
} ReportDocument;

/** Part 10 objects (explicit VR little endian), added to `out`; the same document gives the same bytes.
 *  Errors: PACS_TOO_LARGE, PACS_NO_MEMORY, PACS_INVALID (an attribute of the study that cannot be written). */
PACS_CHECKED PacsStatus report_document_write_pdf(const ReportDocument *document, PacsSlice pdf,
                                                  PacsBuffer *out, PacsError *err);
PACS_CHECKED PacsStatus report_document_write_sr(const ReportDocument *document, PacsBuffer *out,
                                                 PacsError *err);
