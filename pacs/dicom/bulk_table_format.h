#pragma once

/**
 * The bytes of a bulk table, version 1: "LBB1", then a record for each value, in the order of the data set:
 * varint length of the path, the path, two letters of the VR, flags, varint offset, varint size; with the flag
 * BULK_TABLE_TEXT varint size and the text itself. The first record of a path counts, as the first of duplicate
 * elements does. Empty where there is nothing to record.
 */

#include "pacs/dicom/bulk_table.h"
#include "pacs/util/limits.h"
#include "pacs/util/text.h"

#define BULK_TABLE_MAGIC "LBB1"
#define BULK_TABLE_ENCAPSULATED 1
#define BULK_TABLE_BIG_ENDIAN 2
#define BULK_TABLE_TEXT 4
/* "gggggggg/item/" at every level, a tag, a NUL */
#define BULK_TABLE_PATH_MAX (PACS_MAX_SEQUENCE_DEPTH * 20 + 9)

/** Add a record. False if it did not fit; the buffer remembers why. */
bool bulk_table_add(PacsBuffer *out, const char *path, const PacsBulkValue *value);
bool bulk_table_add_text(PacsBuffer *out, const char *path, PacsVr vr, PacsSlice text);
