#pragma once

#include "workers/loop/mapping.h"

/* Private to the room: one field of a row, as the message has it. */

/**
 * The value that `field` (a pointer, or an object of Pointer, Header, Value, Default, As, Zone, Map, Items) finds in a message;
 * the caller's to json_decref(). *ret_value is NULL where there is none.
 *
 * Shape:  `message` is NULL where the record is no JSON and nobody has asked for it yet.
 * Errors: PACS_INVALID naming `name`.
 */
PACS_CHECKED PacsStatus mapping_field_read(const json_t *field, const char *name, const WorkerRecord *record,
                                           const json_t *message, json_t **ret_value, PacsError *err);

/** PACS_INVALID naming the field: not what mapping_field_read() takes. */
PACS_CHECKED PacsStatus mapping_field_check(const json_t *field, const char *name, PacsError *err);

/** A header's value as text, borrowed; an empty slice with NULL text: none. */
PacsSlice mapping_header(const WorkerRecord *record, const char *name);
