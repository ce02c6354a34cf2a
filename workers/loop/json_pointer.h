#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "pacs/util/status.h"

/** JSON pointers (RFC 6901): "" is the whole, "/a/0/b~1c" the member "b/c" of the first item of "a". */

#define WORKER_POINTER_MAX 512 /* bytes */
#define WORKER_POINTER_DEPTH 16

/** True if it is one, within the maxima above. */
bool worker_pointer_valid(const char *pointer);

/** What it points at; NULL: nothing. Borrowed from `root`. */
json_t *worker_pointer_get(const json_t *root, const char *pointer);

/** Put `value` there; objects on the way are made, arrays are not gone into. *Takes* value, also on failure.
 *  PACS_INVALID: something other than an object is in the way, or the pointer is "". */
PACS_CHECKED PacsStatus worker_pointer_set(json_t *root, const char *pointer, json_t *value, PacsError *err);
