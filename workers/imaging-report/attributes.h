#pragma once

#include <jansson.h>
#include <stdint.h>

#include "pacs/util/arena.h"

/** Values of a data set in DICOM JSON as others sent it: whatever does not look as it should is not there. Inside the room. */

/** The first value as text, in the arena; of a name its letters. "" for none. */
const char *attribute_text(const json_t *data_set, const char *tag, PacsArena *arena);
/** The first value where it is a whole number from 0 to `max` (JSON number or text), else `otherwise`. */
int64_t attribute_number(const json_t *data_set, const char *tag, int64_t max, int64_t otherwise);
/** The first value, any; NULL for none. Borrowed. */
const json_t *attribute_first(const json_t *data_set, const char *tag);
/** All values; NULL for none. Borrowed. */
const json_t *attribute_values(const json_t *data_set, const char *tag);
