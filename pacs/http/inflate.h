#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Content-Encoding gzip or deflate of a request body, inflated with bounds: at most `limit` bytes come out,
 * and above 16 MiB at most PACS_MAX_HTTP_INFLATE_RATIO times what went in. Several gzip members in a row are
 * one body.
 */
typedef struct PacsHttpInflate PacsHttpInflate;

PACS_CHECKED PacsStatus pacs_http_inflate_new(uint64_t limit, PacsHttpInflate **ret_inflate, PacsError *err);
void pacs_http_inflate_free(PacsHttpInflate *self);
PACS_DEFINE_AUTO(PacsHttpInflate, pacs_http_inflate_free);

/** Inflates all of `bytes`, handing pieces of 64 KiB at most to `take`, whose failure ends it.
 *  PACS_INVALID (not gzip, broken), PACS_TOO_LARGE (over a bound), or what take returned. */
PACS_CHECKED PacsStatus pacs_http_inflate_feed(PacsHttpInflate *self, const uint8_t *bytes, size_t size,
                                               PacsStatus (*take)(void *context, const uint8_t *bytes,
                                                                  size_t size, PacsError *err),
                                               void *context, PacsError *err);
/** PACS_INVALID if the stream has not ended properly. */
PACS_CHECKED PacsStatus pacs_http_inflate_end(const PacsHttpInflate *self, PacsError *err);
