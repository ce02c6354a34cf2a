#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pacs/util/auto.h"
#include "pacs/util/status.h"

/**
 * Bytes that have to wait for others, kept in a file without a name: appended at the end, read anywhere, gone when it
 * is freed and when the process dies.
 *
 * Threads: one at a time.
 * Errors:  PACS_UNAVAILABLE (the folder), PACS_NO_SPACE, PACS_TOO_LARGE (over the maximum).
 */
typedef struct PacsSpool PacsSpool;

/** The file is made with the first byte. `folder` is borrowed. */
PACS_CHECKED PacsStatus pacs_spool_new(const char *folder, uint64_t max_bytes, PacsSpool **ret_spool,
                                       PacsError *err);
void pacs_spool_free(PacsSpool *spool);
PACS_DEFINE_AUTO(PacsSpool, pacs_spool_free);

PACS_CHECKED PacsStatus pacs_spool_write(PacsSpool *spool, const void *bytes, size_t size, PacsError *err);
/** Bytes written so far: where the next ones go. */
uint64_t pacs_spool_size(const PacsSpool *spool);
/** Exactly `size` bytes, which have been written (assert). */
PACS_CHECKED PacsStatus pacs_spool_read(const PacsSpool *spool, uint64_t offset, void *bytes, size_t size,
                                        PacsError *err);
/** These bytes are not read again: their room on the disk may be used for others, and they no longer count. */
void pacs_spool_forget(PacsSpool *spool, uint64_t offset, uint64_t size);
