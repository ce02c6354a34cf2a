#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "pacs/util/status.h"

/**
 * The server's word to its associations that it is stopping. Once given it is never taken back.
 *
 * Threads: any.
 */
typedef struct PacsDrain {
    int wake_fd;                  /* readable from the beginning of the drain on, never read */
    _Atomic uint64_t deadline_ns; /* of pacs_monotonic_ns(); 0: not draining */
} PacsDrain;

PACS_CHECKED PacsStatus pacs_drain_init(PacsDrain *drain, PacsError *err);
void pacs_drain_clear(PacsDrain *drain);

/** After deadline_ns nothing is waited for any more. The first call's deadline stands. */
void pacs_drain_begin(PacsDrain *drain, uint64_t deadline_ns);
