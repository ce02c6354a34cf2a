#pragma once

#include "pacs/util/arena.h"
#include "pacs/util/buffer.h"
#include "workers/loop/record.h"

/**
 * A record's headers as one value of a table: for each its name, a NUL, 4 bytes of length (little endian; all ones: no
 * value), the value.
 */
PACS_CHECKED PacsStatus worker_headers_format(const WorkerRecord *record, PacsBuffer *out, PacsError *err);
/** Headers are in the arena, names and values borrowed from `bytes`. PACS_CORRUPT. */
PACS_CHECKED PacsStatus worker_headers_parse(const uint8_t *bytes, size_t size, PacsArena *arena,
                                             WorkerRecord *record, PacsError *err);
