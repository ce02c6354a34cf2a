#pragma once

#include "workers/imaging-report/report.h"

/** The codes of PS3.16 that reports use. */

/** Document title (CID 7000) of a report: its own, else by the modality. */
ReportCode report_code_title(const Report *report, const char *modality);
/** Heading of a section (CID 7001) and concept of its text (CID 7002). */
const ReportCode *report_code_heading(ReportSection section);
const ReportCode *report_code_text(ReportSection section);
/** Language of the report (CID 5000). */
const ReportCode *report_code_language(ReportLanguage language);

extern const ReportCode report_code_key_images, report_code_best_illustration,
    report_code_language_of_content, report_code_observer_type, report_code_person,
    report_code_person_observer_name;
