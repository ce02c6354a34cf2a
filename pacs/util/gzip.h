#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/buffer.h"
#include "pacs/util/source.h"
#include "pacs/util/status.h"

/**
 * One gzip member (RFC 1952) put together from runs of raw deflate (RFC 1951) that were made apart: header,
 * runs and short texts in any order, the end. A run ends on a byte without ending the stream (a sync flush),
 * so that joined runs inflate as one. A run that was made with a dictionary needs exactly that text in front
 * of it.
 */

/** What the trailer says of all text so far; starts as {0}. */
typedef struct PacsGzipSum {
    uint64_t size;
    uint32_t crc32;
} PacsGzipSum;

/** The sum of a text and another behind it. */
PacsGzipSum pacs_gzip_sum_join(PacsGzipSum before, PacsGzipSum behind);
PacsGzipSum pacs_gzip_sum_of(const void *text, size_t size);

#define PACS_GZIP_HEADER_SIZE 10
#define PACS_GZIP_TEXT_SIZE(text_size) (5u + (text_size)) /* of a text below 64 KiB */
#define PACS_GZIP_END_SIZE (2u + 8u)

/* Each fails by `failed` of the buffer, as additions to it do. */
void pacs_gzip_begin(PacsBuffer *out);
/** A text below 64 KiB, not compressed. */
void pacs_gzip_text(PacsBuffer *out, PacsGzipSum *sum, const char *text);
void pacs_gzip_end(PacsBuffer *out, const PacsGzipSum *sum);

/**
 * Makes such runs.
 *
 * Memory:  256 KiB, kept from run to run.
 * Threads: one at a time.
 */
typedef struct PacsDeflater PacsDeflater;

/** level: zlib's, 1 to 9. */
PACS_CHECKED PacsStatus pacs_deflater_new(int level, PacsDeflater **ret_deflater, PacsError *err);
void pacs_deflater_free(PacsDeflater *deflater);
PACS_DEFINE_AUTO(PacsDeflater, pacs_deflater_free);

/** How far back deflate can refer: of a longer dictionary the end counts. */
#define PACS_DEFLATE_WINDOW (32u << 10)

/** Begin a run with the text in front of it; size 0 for one that stands alone. */
PACS_CHECKED PacsStatus pacs_deflater_begin(PacsDeflater *deflater, const void *dictionary, size_t size,
                                            PacsError *err);
PACS_CHECKED PacsStatus pacs_deflater_add(PacsDeflater *deflater, const void *text, size_t size,
                                          PacsBuffer *out, PacsError *err);
/** End the run: all that was added can be inflated from `out`. It may be gone on with. */
PACS_CHECKED PacsStatus pacs_deflater_flush(PacsDeflater *deflater, PacsBuffer *out, PacsError *err);

/**
 * The text of a gzip member, inflated while it is read; *takes* source, on failure too.
 * Errors: as source; PACS_CORRUPT (not gzip, cut off, or the sum is wrong: known only at the end).
 */
PACS_CHECKED PacsStatus pacs_source_gunzip(PacsSource *source, PacsSource **ret_source, PacsError *err);
