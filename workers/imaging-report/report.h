#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"
#include "workers/imaging-report/moment.h"

/**
 * A report as the platform tells it: the data of report.finalised, report.amended and report.cancelled in its canonical form
 * (events/contract/schemas/report.finalised.json and its like), read and checked.
 *
 * Owner: everything is in the arena it was read into; texts are UTF-8 in normal form C, "" where there was none.
 */
typedef enum ReportKind { REPORT_FINALISED, REPORT_AMENDED, REPORT_CANCELLED } ReportKind;

typedef enum ReportLanguage { REPORT_VIETNAMESE, REPORT_ENGLISH } ReportLanguage;

/** In the order in which a report has them. */
typedef enum ReportSection {
    REPORT_CLINICAL_INFORMATION,
    REPORT_TECHNIQUE,
    REPORT_COMPARISON,
    REPORT_FINDINGS,
    REPORT_IMPRESSION,
    REPORT_RECOMMENDATION,
    REPORT_ADDENDUM,
    REPORT_SECTION_COUNT
} ReportSection;

typedef struct ReportPerson {
    const char *id;
    const char *name; /* as people write it, or as DICOM does (with ^); "": nobody */
} ReportPerson;

typedef struct ReportCode {
    const char *value, *scheme, *meaning; /* value "": none */
} ReportCode;

typedef struct ReportKeyImage {
    const char *sop_instance_uid;
    uint32_t frame_number; /* from 1 */
    const char *caption;
} ReportKeyImage;

/** A PDF that somebody else made. */
typedef struct ReportPdfReference {
    const char *url;    /* "": none; the report is laid out here */
    const char *sha256; /* 64 hex digits, "": not told */
} ReportPdfReference;

typedef struct Report {
    ReportKind kind;
    const char *study_instance_uid;
    const char *report_id; /* the platform's: the same for all versions */
    uint64_t version;      /* from 1; 0: not told, and issued_at decides */
    ReportMoment issued_at;
    ReportLanguage language;
    const char *title;         /* "": the word for a report in its language */
    ReportCode document_title; /* of CID 7000; value "": by modality */
    const char *sections[REPORT_SECTION_COUNT];
    ReportPerson author, verifier;
    ReportMoment verified_at; /* where there is a verifier */
    const char *reason;       /* of an amendment or cancellation */
    const ReportKeyImage *key_images;
    size_t key_image_count;
    bool has_key_images; /* told, if only that there are none */
    ReportPdfReference pdf;
} Report;

typedef struct ReportDefaults {
    ReportLanguage language; /* where the event names none */
} ReportDefaults;

/**
 * Read the canonical data.
 *
 * Errors: PACS_INVALID naming the member by its JSON pointer and what was expected, never its value; PACS_TOO_LARGE.
 */
PACS_CHECKED PacsStatus report_parse(PacsSlice json, ReportKind kind, const ReportDefaults *defaults,
                                     PacsArena *arena, Report *ret_report, PacsError *err);

/** True if `a` is a later word on the same report than `b`: by version where both have one, else by time. */
bool report_is_later(uint64_t a_version, int64_t a_issued_ms, uint64_t b_version, int64_t b_issued_ms);

/** "vi", "en" and their kin ("vi-VN"). False: another language. */
bool report_language_parse(const char *text, ReportLanguage *ret_language);
