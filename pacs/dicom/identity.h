#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/dicom/tag.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * The four levels of DICOM's information model, Orthanc's ids for what stands at each, and the tags that the
 * index keeps of each.
 *
 * Threads: any; tables are static.
 * Source:  COMPAT facts: Orthanc Book "Orthanc identifiers"; main DICOM tags of Orthanc 1.12.5 and later.
 */
typedef enum PacsLevel {
    PACS_LEVEL_PATIENT,
    PACS_LEVEL_STUDY,
    PACS_LEVEL_SERIES,
    PACS_LEVEL_INSTANCE,
} PacsLevel;

#define PACS_LEVEL_COUNT 4

/** "Patient", "Study", "Series", "Instance", as Orthanc's `Type` has it. */
const char *pacs_level_name(PacsLevel level);

#define PACS_ORTHANC_ID_BYTES 20 /* the SHA-1 that an id is */
#define PACS_ORTHANC_ID_SIZE 45  /* five groups of eight hexadecimal digits, four dashes, a NUL */

/** What identifies an instance, as UTF-8. A slice of size 0 is an absent value. */
typedef struct PacsIdentity {
    PacsSlice patient_id;
    PacsSlice study_instance_uid;
    PacsSlice series_instance_uid;
    PacsSlice sop_instance_uid;
} PacsIdentity;

/**
 * Orthanc's id: SHA-1 of the PatientID and the UIDs down to `level`, joined by `|`. Spaces and NULs behind
 * each are left out, spaces in front are not, as in Orthanc. UIDs below `level` are not looked at. A missing PatientID counts as "".
 * Errors: PACS_INVALID if a UID down to `level` is missing, PACS_INTERNAL.
 */
PACS_CHECKED PacsStatus pacs_orthanc_id(const PacsIdentity *identity, PacsLevel level,
                                        char ret_id[PACS_ORTHANC_ID_SIZE], PacsError *err);

/** The text of the id that a digest is. */
void pacs_orthanc_id_format(const uint8_t digest[PACS_ORTHANC_ID_BYTES], char ret_id[PACS_ORTHANC_ID_SIZE]);

/** True if the text has the form of an id: lower-case hexadecimal digits, dashes in their places. */
bool pacs_orthanc_id_valid(PacsSlice id);

/**
 * The tags of a level that Orthanc's index keeps by default (MainDicomTags), sorted by tag. A study's patient
 * tags are not repeated here: its resource shows them as PatientMainDicomTags.
 */
const PacsTag *pacs_main_tags(PacsLevel level, size_t *ret_count);

/** What a configuration adds to them (ExtraMainDicomTags), by PacsLevel. */
typedef struct PacsExtraTags {
    const PacsTag *tags[PACS_LEVEL_COUNT];
    size_t count[PACS_LEVEL_COUNT];
} PacsExtraTags;

/** "0010,0010;0010,0020": all tags of a level, sorted, each once, as Orthanc's MainDicomTagsSignature has them; added to
 *  `out`. */
PACS_CHECKED PacsStatus pacs_main_tags_signature(PacsLevel level, const PacsExtraTags *extra, PacsBuffer *out,
                                                 PacsError *err);

/** True if the tag is one of pacs_main_tags(level). */
bool pacs_main_tags_contain(PacsLevel level, PacsTag tag);
