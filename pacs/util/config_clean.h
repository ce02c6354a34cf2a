#pragma once

#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * Configuration text into plain JSON text, line by line the same, so that the parser's errors name the right
 * line: comments become a space, `${NAME}` and `${NAME:-default}` become the variable's value.
 *
 * Inside a JSON string the value is escaped, so that it stays inside. Outside (`"HttpPort": ${PORT:-8042}`)
 * it stands as it is and must be JSON. A variable that is neither set nor has a default is empty, as in
 * Orthanc; what does not look like a variable's name is left alone. A default ends at the first "}".
 *
 * Shape:  `environment` as execve() has it, or NULL.
 * Errors: PACS_INVALID with *ret_line (from 1) set: unfinished comment, comma before a closing bracket,
 * nesting deeper than PACS_MAX_CONFIG_DEPTH. PACS_TOO_LARGE from the buffer.
 */
PACS_CHECKED PacsStatus pacs_config_clean(PacsSlice text, const char *const *environment, PacsBuffer *out,
                                          uint64_t *ret_line, PacsError *err);

/** The value of an environment variable, NULL if it is not set. Borrowed from `environment` (may be NULL). */
const char *pacs_config_variable(const char *const *environment, PacsSlice name);

/** True if brackets nest no deeper than PACS_MAX_CONFIG_DEPTH. `text` is JSON without comments, or
 * no JSON. */
bool pacs_config_is_shallow(PacsSlice text);
