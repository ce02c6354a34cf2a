#pragma once

#include "pacs/dicom/tag.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/buffer.h"
#include "pacs/util/json.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * Values of text as DICOM JSON writes them: one rule for what ingest makes of an object (scan_json.c) and for the
 * answers that doors put together.
 *
 * `scratch` is the caller's, born with at least the size of a value; what it holds is forgotten.
 * Errors:  of the scratch; the JSON's buffer remembers its own.
 * Source:  PS3.18 F.2.3 to F.2.5.
 */

/** One value, UTF-8 and trimmed, as the next item of an array: null if it is empty, a name as its component groups,
 *  a number (DS, IS and the binary VRs) as one, if it is one, else a string. */
PACS_CHECKED PacsStatus pacs_dicom_json_value(PacsJson *json, PacsVr vr, PacsSlice value, PacsBuffer *scratch,
                                              PacsError *err);

/** The element of a tag outside of sequences as it stands in an instance's DICOM JSON, `{"vr":"SQ","Value":[...]}`;
 *  ret_element->text NULL: it is not there. Borrowed from the text. Errors: PACS_CORRUPT (no JSON of ours). */
PACS_CHECKED PacsStatus pacs_dicom_json_find(PacsSlice json, PacsTag tag, PacsSlice *ret_element,
                                             PacsError *err);

/** A whole attribute as a member of the open object. `values` as the index keeps them (PacsTagValue): joined by
 *  backslash in VRs of several values; NULL or "" for an attribute without any. */
PACS_CHECKED PacsStatus pacs_dicom_json_attribute(PacsJson *json, PacsTag tag, PacsVr vr, const char *values,
                                                  PacsBuffer *scratch, PacsError *err);
