#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/** A run of bytes of a stored object. */
typedef struct PacsRange {
    uint64_t offset; /* from the start of the object (of the inflated object where it is deflated) */
    uint64_t size;
} PacsRange;

/** Where one frame's bytes stand: one run for native and most encapsulated objects, more where a frame has
 *  several fragments (item headers are not part of the runs). */
typedef struct PacsFrame {
    PacsRange first;
    uint32_t run_count;
    uint8_t swap_size; /* unit of byte swapping to little endian: 1 where none is needed */
    uint8_t
        bit_offset; /* the frame begins so many bits into the run (after swapping), from the least significant:
                          * 1-bit frames inside a byte, others only inside a unit of swapping */
    uint64_t bits;  /* native: of the frame, from bit_offset on; 0 where it is encapsulated */
    uint64_t size_bytes; /* all runs together */
} PacsFrame;

/**
 * Look one frame up in a table made by a scan, without reading the rest of it into memory.
 *
 * Shape:  a table has the frames that can be served, which may be fewer or more than Number of Frames says.
 *         Video is one frame: one stream for all pictures. A fragment's padding byte belongs to its
 *         run, unless the object tells frames' true lengths (beside an extended offset table).
 * Units:  frame_number from 1.
 * Cost:   the same for every frame: at most 64 steps, and one for each run of the frame itself.
 * Errors: PACS_INVALID (no such frame: "frame 12 asked, instance has 10"), PACS_CORRUPT (not a table of
 * ours).
 */
PACS_CHECKED PacsStatus pacs_frame_table_count(const void *table, size_t size, uint32_t *ret_frames,
                                               PacsError *err);
PACS_CHECKED PacsStatus pacs_frame_table_find(const void *table, size_t size, uint32_t frame_number,
                                              PacsFrame *ret_frame, PacsError *err);
/** Run `run_index` (from 0) of that frame. */
PACS_CHECKED PacsStatus pacs_frame_table_run(const void *table, size_t size, uint32_t frame_number,
                                             uint32_t run_index, PacsRange *ret_range, PacsError *err);
