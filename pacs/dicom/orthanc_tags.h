#pragma once

#include "pacs/dicom/tag.h"
#include "pacs/util/buffer.h"
#include "pacs/util/json.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/** How tags are written: Orthanc's three formats. */
typedef enum PacsOrthancTagFormat {
    PACS_ORTHANC_TAGS_SIMPLE, /* "PatientID": "X" */
    PACS_ORTHANC_TAGS_SHORT,  /* "0010,0020": "X" */
    PACS_ORTHANC_TAGS_FULL,   /* "0010,0020": {"Name": "PatientID", "Type": "String", "Value": "X"} */
} PacsOrthancTagFormat;

/**
 * An instance's tags in Orthanc's formats, from its ready-made DICOM JSON and its bulk table ({0}: none), which
 * knows what the object's Specific Character Set says.
 *
 * Values are text as in the data set, several joined by backslash. Binary values and numbers that are not there
 * are null with Type "Null", text longer than `max_length` is null with Type "TooLong" (0: no limit), unless
 * `ignore_length` names its tag. Texts of the dictionary that were sent as UN are shown with their padding.
 * Sequences nest. Private tags carry their PrivateCreator, retired ones "RETIRED_" in front of their name.
 * Errors: PACS_CORRUPT (the stored JSON is not ours), PACS_TOO_LARGE.
 * Source: shapes seen in Debian's Orthanc 1.10.1 and told of 1.13.
 */
typedef struct PacsOrthancTagsOptions {
    PacsOrthancTagFormat format;
    uint32_t max_length;
    const char *ignore_length; /* tags or keywords separated by ';' or ','; NULL for none */
} PacsOrthancTagsOptions;

#define PACS_ORTHANC_TAG_LENGTH 256 /* Orthanc's */

PACS_CHECKED PacsStatus pacs_orthanc_tags_write(PacsJson *json, const PacsBuffer *dicom_json,
                                                PacsSlice bulk_table, const PacsOrthancTagsOptions *options,
                                                PacsError *err);

/** One element, `{"vr":...}` as pacs_dicom_json_find() gives it, as a member of the object that is open. */
PACS_CHECKED PacsStatus pacs_orthanc_tags_write_element(PacsJson *json, PacsTag tag, PacsSlice element,
                                                        const PacsOrthancTagsOptions *options,
                                                        PacsError *err);
