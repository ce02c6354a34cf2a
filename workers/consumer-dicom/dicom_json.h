#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "pacs/util/arena.h"

/** Values of a data set in the DICOM JSON Model (PS3.18 F.2), where `tag` is "00080060". Texts go into the arena; what is absent,
 *  empty or of another kind is NULL, or false. */

const char *dicom_json_text(const json_t *item, const char *tag, PacsArena *arena);
/** All values of a tag, joined by backslashes. */
const char *dicom_json_texts(const json_t *item, const char *tag, PacsArena *arena);
/** IS is written as a number or, by some, as a text. */
bool dicom_json_number(const json_t *item, const char *tag, int64_t *ret_number);
/** Item `index` of a sequence; NULL behind the last. */
const json_t *dicom_json_item(const json_t *item, const char *tag, size_t index);
