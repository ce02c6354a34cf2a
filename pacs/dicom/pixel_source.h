#pragma once

#include "pacs/dicom/frame_table.h"
#include "pacs/util/source.h"

/**
 * A native frame on its way out, as explicit little endian has it: words swapped, a frame that begins inside a byte
 * moved to its own first bit, and what lies behind its last bit cleared.
 */

/** Whether the frame's run is not already that. */
bool pacs_pixel_source_needed(const PacsFrame *frame);
/** Bytes that leave. */
uint64_t pacs_pixel_source_size(const PacsFrame *frame);
/** *Takes* run: the bytes of the frame's run, from its first on. */
PACS_CHECKED PacsStatus pacs_pixel_source(const PacsFrame *frame, PacsSource *run, PacsSource **ret_source,
                                          PacsError *err);
