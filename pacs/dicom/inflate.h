#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A deflated data set, pushed in as it arrives, pushed out inflated: raw deflate as PS3.5 A.5 has it, or in
 * a zlib wrapper, as some writers produce it.
 *
 * Memory: one window and one output buffer, whatever the claim.
 * Errors: PACS_INVALID (not deflate, or cut off), PACS_TOO_LARGE (PACS_MAX_INFLATED, PACS_MAX_INFLATE_RATIO).
 */
typedef struct PacsInflate PacsInflate;

typedef PacsStatus (*PacsInflateSink)(void *context, const uint8_t *bytes, size_t size, PacsError *err);

PACS_CHECKED PacsStatus pacs_inflate_new(PacsInflateSink sink, void *context, PacsInflate **ret_inflate,
                                         PacsError *err);
void pacs_inflate_free(PacsInflate *self);
PACS_DEFINE_AUTO(PacsInflate, pacs_inflate_free);

PACS_CHECKED PacsStatus pacs_inflate_feed(PacsInflate *self, const uint8_t *bytes, size_t size,
                                          PacsError *err);
PACS_CHECKED PacsStatus pacs_inflate_finish(PacsInflate *self, PacsError *err);
