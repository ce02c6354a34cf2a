#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * A point in time with the zone it was written in, and DICOM's ways of writing it.
 *
 * Shape: the fields are local to offset_minutes.
 */
typedef struct ReportMoment {
    int64_t ms; /* since 1970-01-01 UTC */
    int32_t offset_minutes;
    int year, month, day, hour, minute, second;
} ReportMoment;

/** RFC 3339 with an offset: "2026-11-21T16:05:09.25+07:00". PACS_INVALID: anything else. */
PACS_CHECKED PacsStatus report_moment_parse(PacsSlice text, ReportMoment *ret_moment, PacsError *err);

/** The same point in time in another zone. */
ReportMoment report_moment_in_zone(const ReportMoment *moment, int32_t offset_minutes);

/** "+0700", "-0330" (DICOM's Timezone Offset From UTC) as minutes. False: none. */
bool report_zone_parse(const char *text, int32_t *ret_offset_minutes);

#define REPORT_DA_SIZE 9
#define REPORT_TM_SIZE 7
#define REPORT_DT_SIZE 20

void report_moment_format_da(const ReportMoment *moment, char out[REPORT_DA_SIZE]); /* "20261121" */
void report_moment_format_tm(const ReportMoment *moment, char out[REPORT_TM_SIZE]); /* "160509" */
void report_moment_format_dt(const ReportMoment *moment,
                             char out[REPORT_DT_SIZE]); /* "20261121160509+0700" */
