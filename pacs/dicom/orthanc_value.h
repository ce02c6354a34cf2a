#pragma once

#include "pacs/dicom/charset.h"
#include "pacs/dicom/vr.h"
#include "pacs/util/json_read.h"

/**
 * Values of DICOM JSON as the texts that Orthanc shows: several values joined by backslash, the groups of a name
 * by `=`, floating point with 17 digits ("0.10000000000000001"), attribute tags with a comma ("3004,000c").
 *
 * Errors: PACS_CORRUPT (not the JSON of that VR), PACS_TOO_LARGE.
 */

/** Add the values of a "Value" array, from its bracket on, to `out`. */
PACS_CHECKED PacsStatus pacs_orthanc_read_values(PacsJsonReader *reader, PacsVr vr, PacsBuffer *out,
                                                 PacsError *err);

/** Add the text in the "InlineBinary" of a value that was sent as UN and is a text by the dictionary (`vr`), in
 *  the characters of its data set. `scratch` is used and left empty. */
PACS_CHECKED PacsStatus pacs_orthanc_read_unknown_text(PacsJsonReader *reader, const PacsCharset *charset,
                                                       PacsVr vr, PacsBuffer *scratch, PacsBuffer *out,
                                                       PacsError *err);
