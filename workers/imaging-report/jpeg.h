#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/status.h"

typedef struct ReportJpeg {
    uint32_t width, height;
    uint8_t components; /* 1 or 3 */
} ReportJpeg;

/**
 * What a JPEG says of itself, without decoding it: the picture goes into the PDF as it is.
 *
 * Errors: PACS_INVALID (no JPEG, cut off before its frame header, no rows), PACS_UNSUPPORTED (not 8 bits, other than 1 or 3
 *         components, lossless or arithmetic coding: what PDF readers cannot show).
 * Source: ITU-T T.81 annex B.
 */
PACS_CHECKED PacsStatus report_jpeg_read(const void *bytes, size_t size, ReportJpeg *ret_jpeg,
                                         PacsError *err);
