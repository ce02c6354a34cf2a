#pragma once

#include <stdbool.h>

#include "pacs/dicom/vr.h"
#include "pacs/util/buffer.h"
#include "pacs/util/text.h"

/**
 * One value from text to the bytes of its VR, added to `out`; what pacs/dicom/dataset_writer.c writes.
 * Both return NULL, or what is wrong, to be read behind the tag. Whether `out` took it the caller checks.
 */

/** A text VR. Sets *beyond_ascii if the text is. */
const char *dataset_value_text(PacsVr vr, PacsSlice text, PacsBuffer *out, bool *beyond_ascii);

/** A VR of numbers or AT; an empty text adds nothing. */
const char *dataset_value_number(PacsVr vr, PacsSlice text, PacsBuffer *out);
