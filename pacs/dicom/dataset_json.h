#pragma once

#include "pacs/dicom/dataset_writer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * From DICOM JSON to a data set: one object into a writer, which the caller finishes.
 *
 * Shape:   what PS3.18 F.2 allows and what writers make of it: members in any order ("vr" last), no "vr" where
 *          the dictionary has one, numbers as text and text that is a number, names as plain text, null items.
 *          The grammar has been checked (pacs/util/json_items.h).
 * Memory:  one value beside the writer's. No recursion.
 * Errors:  PACS_INVALID naming the tag, PACS_TOO_LARGE, as the writer.
 */
PACS_CHECKED PacsStatus pacs_dataset_json_read(PacsSlice object, PacsDatasetWriter *writer, PacsError *err);
