#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * A pull stream: what is read out of Lightbox flows through one of these, so that a 4 GB object costs the
 * memory of a 4 kB one. (What comes in is pushed, by the peer's pace: see pacs/ingest/ingest.h.)
 *
 * Threads: one at a time.
 * Errors:  sticky: after a failure every further read fails the same way (pacs_source_read() sees to it, so
 *          ops need not).
 */
typedef struct PacsSource PacsSource;

typedef struct PacsSourceOps {
    /** Up to `size` bytes into `bytes`; *ret_size 0 means the end. Required. */
    PacsStatus (*read)(PacsSource *self, void *bytes, size_t size, size_t *ret_size, PacsError *err);
    /** Frees self too. Required. */
    void (*free)(PacsSource *self);
} PacsSourceOps;

struct PacsSource {
    const PacsSourceOps *ops;
    PacsError failure; /* of the first failed read; starts as {0} (PACS_OK) */
};

/** As the slot: up to `size` bytes (at least 1), perhaps fewer; *ret_size 0 means the end. */
PACS_CHECKED PacsStatus pacs_source_read(PacsSource *source, void *bytes, size_t size, size_t *ret_size,
                                         PacsError *err);
/** Exactly `size` bytes, or PACS_CORRUPT if the stream ends before. */
PACS_CHECKED PacsStatus pacs_source_read_all(PacsSource *source, void *bytes, size_t size, PacsError *err);
void pacs_source_free(PacsSource *source);
PACS_DEFINE_AUTO(PacsSource, pacs_source_free);

/** `size` bytes of fd from `offset` by pread. *Takes* fd (closed on free and on failure).
 *  Reads fail with PACS_CORRUPT if the file is shorter than that. */
PACS_CHECKED PacsStatus pacs_source_fd(int fd, uint64_t offset, uint64_t size, PacsSource **ret_source,
                                       PacsError *err);
/** Reads `bytes`, which the caller keeps alive. */
PACS_CHECKED PacsStatus pacs_source_memory(const void *bytes, size_t size, PacsSource **ret_source,
                                           PacsError *err);
