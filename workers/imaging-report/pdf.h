#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "workers/imaging-report/report.h"
#include "workers/imaging-report/study.h"

/** A picture of an instance, as it stands in a report. */
typedef struct ReportPicture {
    const char *sop_class_uid, *sop_instance_uid, *series_instance_uid;
    uint32_t frame_number; /* from 1 */
    bool has_many_frames;  /* then the frame is named where the instance is */
    const char *caption;   /* "CT Thorax, image 57" */
    const void *jpeg;      /* PACS-rendered; NULL: not drawn */
    size_t jpeg_size;
    uint32_t width, height; /* pixels */
} ReportPicture;

typedef enum ReportPaper { REPORT_A4, REPORT_LETTER } ReportPaper;

/** How an organisation's reports look. */
typedef struct ReportLayout {
    const char *organization; /* "": no letterhead */
    const char *address;      /* lines below it */
    const char *font;         /* family */
    ReportPaper paper;
} ReportLayout;

typedef struct ReportPdf {
    const ReportLayout *layout;
    const Report *report; /* of a draft: study, language and issued_at; the sections are left open */
    const ReportStudy *study;
    const ReportPicture *pictures;
    size_t picture_count;
    bool is_draft;
} ReportPdf;

/**
 * Lay a report out and add it to `out` as PDF.
 *
 * Shape:   fonts embedded as subsets, pictures as the JPEGs they came as, an outline of the sections; the same report gives
 *          the same bytes (its date is issued_at).
 * Threads: any, at once. May take some 100 ms.
 * Errors:  PACS_TOO_LARGE, PACS_NO_MEMORY, PACS_INTERNAL.
 */
PACS_CHECKED PacsStatus report_pdf_write(const ReportPdf *pdf, PacsBuffer *out, PacsError *err);

/** PACS_UNSUPPORTED: the letters of Vietnamese and English cannot be set in this font, or in those that stand in for it. */
PACS_CHECKED PacsStatus report_pdf_check_font(const char *font, PacsError *err);
