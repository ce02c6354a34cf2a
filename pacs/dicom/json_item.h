#pragma once

#include "pacs/dicom/tag.h"
#include "pacs/util/arena.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * A data set, or an item of one, in DICOM JSON of our own making (scan.h): its attributes by tag, without a tree of what
 * stands inside them. A sequence of 10,000 items costs a walk over its text and the one item that is looked into.
 *
 * Owner:   everything is borrowed from the text; the list of attributes lives in the arena.
 * Threads: any; an item is only read.
 * Errors:  PACS_CORRUPT (no DICOM JSON), PACS_NO_MEMORY.
 */
typedef struct PacsJsonAttribute {
    PacsTag tag;
    PacsSlice vr;            /* "US" */
    PacsSlice values;        /* what stands between [ and ]; empty: no value */
    PacsSlice inline_binary; /* base64 */
    PacsSlice bulk_path;     /* pacs/dicom/bulk_table.h */
} PacsJsonAttribute;

typedef struct PacsJsonItem {
    const PacsJsonAttribute *attributes;
    size_t count;
} PacsJsonItem;

/** `text` is one JSON object. */
PACS_CHECKED PacsStatus pacs_json_item_parse(PacsSlice text, PacsArena *arena, PacsJsonItem *ret_item,
                                             PacsError *err);

/** NULL where the item has none. */
const PacsJsonAttribute *pacs_json_item_find(const PacsJsonItem *item, PacsTag tag);

/** Up to `max` numbers of an attribute from its first on; how many. What is none (null, a word) becomes NaN. */
size_t pacs_json_item_numbers(const PacsJsonItem *item, PacsTag tag, double *values, size_t max);
/** The first value, where it is a finite number; else false and *ret_value as it was. */
bool pacs_json_item_number(const PacsJsonItem *item, PacsTag tag, double *ret_value);
/** The same for whole numbers from min to max. */
bool pacs_json_item_whole(const PacsJsonItem *item, PacsTag tag, int64_t min, int64_t max,
                          int64_t *ret_value);
/** Value `index` (from 0) of text, still escaped as JSON has it, without spaces around it; of a name its letters. Empty
 *  where there is none. */
PacsSlice pacs_json_item_text(const PacsJsonItem *item, PacsTag tag, size_t index);
/** The same, unescaped into the arena; NULL: no memory. */
const char *pacs_json_item_string(const PacsJsonItem *item, PacsTag tag, size_t index, PacsArena *arena);
bool pacs_json_item_is(const PacsJsonItem *item, PacsTag tag, const char *value); /* of the first value */

/** Item `index` (from 0) of a sequence. Errors: PACS_NOT_FOUND (there are not so many), as above. */
PACS_CHECKED PacsStatus pacs_json_item_of(const PacsJsonItem *item, PacsTag sequence, size_t index,
                                          PacsArena *arena, PacsJsonItem *ret_item, PacsError *err);

/** The items of a sequence one after the other: *cursor starts as {0}. False: no more, or no DICOM JSON; *ret_text is what
 *  pacs_json_item_parse() takes. */
bool pacs_json_item_next(const PacsJsonAttribute *sequence, PacsSlice *cursor, PacsSlice *ret_text);
