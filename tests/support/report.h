#pragma once

#include "workers/imaging-report/document.h"

/** A report, its study and one picture, as the tests of reports use them. All of it is in the arena. */
typedef struct SampleReport {
    Report report;
    ReportStudy study;
    ReportUids uids;
    ReportLayout layout;
    ReportPicture picture;
} SampleReport;

/** Members of the event's data: {"issuedAt": ..., `more`}. `more` begins with a comma or is "". */
PacsStatus sample_report_parse(ReportKind kind, const char *more, PacsArena *arena, Report *ret_report,
                               PacsError *err);
void sample_report_init(SampleReport *sample, PacsArena *arena);
