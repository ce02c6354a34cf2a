#pragma once

#include <stddef.h>

#include "pacs/util/arena.h"
#include "workers/imaging-report/report.h"

/** The words of a report that are ours, in its language, and how that language writes names and dates. */
typedef enum ReportWord {
    REPORT_WORD_REPORT, /* the title */
    REPORT_WORD_PATIENT,
    REPORT_WORD_PATIENT_ID,
    REPORT_WORD_BIRTH_DATE,
    REPORT_WORD_SEX,
    REPORT_WORD_MALE,
    REPORT_WORD_FEMALE,
    REPORT_WORD_OTHER,
    REPORT_WORD_ACCESSION,
    REPORT_WORD_STUDY_DATE,
    REPORT_WORD_EXAMINATION,
    REPORT_WORD_REFERRER,
    REPORT_WORD_CLINICAL_INFORMATION, /* these seven in the order of ReportSection */
    REPORT_WORD_TECHNIQUE,
    REPORT_WORD_COMPARISON,
    REPORT_WORD_FINDINGS,
    REPORT_WORD_IMPRESSION,
    REPORT_WORD_RECOMMENDATION,
    REPORT_WORD_ADDENDUM,
    REPORT_WORD_KEY_IMAGES,
    REPORT_WORD_IMAGE,
    REPORT_WORD_REPORTED_BY,
    REPORT_WORD_VERIFIED_BY,
    REPORT_WORD_NOT_VERIFIED,
    REPORT_WORD_AMENDED,
    REPORT_WORD_REASON,
    REPORT_WORD_VERSION,
    REPORT_WORD_PAGE,
    REPORT_WORD_DRAFT,
    REPORT_WORD_DRAFT_NOTE,
    REPORT_WORD_COUNT
} ReportWord;

const char *report_word(ReportLanguage language, ReportWord word);

/** A DICOM name as it is spoken: "Nguyễn^An^Văn" is "Nguyễn Văn An" in Vietnamese, "Doe^John^Q" is "Doe, John Q" in English.
 *  What has no ^ stays as it is. In the arena; "" if there is no memory. */
const char *report_person_name(ReportLanguage language, const char *name, PacsArena *arena);

/** "20261121" as 21/11/2026 or 21 Nov 2026; what is no date stays as it is. */
const char *report_date(ReportLanguage language, const char *da, PacsArena *arena);
/** "16:05", "" for what is no time of day. */
const char *report_time(const char *tm, PacsArena *arena);
const char *report_date_time(ReportLanguage language, const ReportMoment *moment, PacsArena *arena);
