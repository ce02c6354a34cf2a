#pragma once

#include <stddef.h>

#include "pacs/util/status.h"
#include "pacs/util/text.h"

/**
 * A Content-Type taken apart: `multipart/related; type="application/dicom"; boundary=xyz`. Pure functions of
 * text; the header is the client's and may be anything.
 *
 * Source: RFC 9110 8.3.1 and 5.6 (parameters, quoted strings). Values with a slash in them are taken without
 *         quotes too, as many clients write them.
 */

/** "multipart/related": compare with pacs_slice_equal_case(). Borrowed from header; empty if there is none. */
PacsSlice pacs_media_type_name(const char *header);

/**
 * The first parameter of this name (in any case), unquoted, into `value`.
 * Errors: PACS_NOT_FOUND, PACS_INVALID (a quote that is not closed), PACS_TOO_LARGE (for `size`, with its
 * NUL).
 */
PACS_CHECKED PacsStatus pacs_media_type_parameter(const char *header, const char *name, char *value,
                                                  size_t size, PacsError *err);
