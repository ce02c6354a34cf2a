#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * What a report needs to know of its study, from the DICOM JSON (PS3.18 F.2) that a DICOMweb server gives of one of its
 * instances: patient and study as they are shown, and as they go into the documents.
 *
 * Owner: everything is in the arena it was read into; "" where there was none.
 */
typedef struct ReportStudy {
    const char *study_instance_uid;
    /* As DICOM has them. */
    const char *patient_name, *patient_id, *birth_date, *sex;
    const char *study_date, *study_time, *study_description, *accession_number;
    const char *referring_physician;
    const char *modality; /* of the instance */
    const char *body_part;
    bool has_zone; /* Timezone Offset From UTC: dates and times of the documents are in it */
    int32_t zone_minutes;
    /** DICOM JSON, one object: the attributes of the patient and study modules, those that must not be missing too. */
    PacsSlice modules;
    /** One item of Referenced Request Sequence (0040,A370) as DICOM JSON; empty where the study names no order. */
    PacsSlice request;
} ReportStudy;

/**
 * Read the answer to .../metadata: an array of at least one data set.
 *
 * Errors: PACS_UNSUPPORTED (no DICOM JSON, or of another study than `study_instance_uid`), PACS_NO_MEMORY.
 */
PACS_CHECKED PacsStatus report_study_parse(PacsSlice json, const char *study_instance_uid, PacsArena *arena,
                                           ReportStudy *ret_study, PacsError *err);
