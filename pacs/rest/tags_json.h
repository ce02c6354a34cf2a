#pragma once

#include "pacs/rest/resource_json.h"
#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

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
typedef struct RestTagsOptions {
    RestTagFormat format;
    uint32_t max_length;
    const char *ignore_length; /* tags or keywords separated by ';' or ','; NULL for none */
} RestTagsOptions;

#define REST_TAGS_MAX_LENGTH 256 /* Orthanc's */

PACS_CHECKED PacsStatus rest_write_instance_tags(PacsJson *json, const PacsBuffer *dicom_json,
                                                 PacsSlice bulk_table, const RestTagsOptions *options,
                                                 PacsError *err);
