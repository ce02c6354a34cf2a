#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * JSON from outside, taken as it arrives: an array of objects, or one object. Every byte is held against the
 * grammar (RFC 8259), and each object's text is handed on when it is complete; pacs/util/json_read.h may walk
 * over it then.
 *
 * Memory:  one object's text, at most the maximum given.
 * Threads: one at a time.
 * Errors:  PACS_INVALID naming the place, PACS_TOO_LARGE (an object over the maximum, nesting over
 *          PACS_JSON_DEPTH_MAX), or whatever the handler returned. Sticky. That strings are UTF-8 and
 *          surrogates come in pairs is not checked.
 */
typedef struct PacsJsonItems PacsJsonItems;

/** `object` is borrowed for the call. */
typedef PacsStatus (*PacsJsonItem)(void *context, PacsSlice object, PacsError *err);

PACS_CHECKED PacsStatus pacs_json_items_new(size_t max_bytes, PacsJsonItem handle, void *context,
                                            PacsJsonItems **ret_items, PacsError *err);
void pacs_json_items_free(PacsJsonItems *items);
PACS_DEFINE_AUTO(PacsJsonItems, pacs_json_items_free);

PACS_CHECKED PacsStatus pacs_json_items_feed(PacsJsonItems *items, const uint8_t *bytes, size_t size,
                                             PacsError *err);
/** Bytes of memory that are held between calls. */
size_t pacs_json_items_held(const PacsJsonItems *items);
PACS_CHECKED PacsStatus pacs_json_items_finish(PacsJsonItems *items, PacsError *err);
