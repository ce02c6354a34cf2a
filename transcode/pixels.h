#pragma once

#include "transcode/layout.h"

/**
 * Pixels of native frames brought into the order that encoders take, and what decoders check first.
 *
 * Threads: any; pure loops over memory of the caller's.
 */

/** Planes to pixels: of the same size. */
void transcode_pixels_interleave(const TranscodeLayout *planar, const uint8_t *in, uint8_t *out);

/** YBR_FULL_422 to YBR_FULL, by pixel: each column gets the colour it shared. */
void transcode_pixels_unshare(const TranscodeLayout *layout_422, const uint8_t *in, uint8_t *out);

/** Words of 8 or 16 bits to samples in the lowest bits with 0 above, for lossy encoders. `out` may be `in`. */
void transcode_pixels_take(const TranscodeLayout *layout, const uint8_t *in, size_t size, uint8_t *out);

/** In place: `count` bytes at the front become words of 16 bits. */
void transcode_pixels_widen(uint8_t *samples, size_t count);

/** In place: unsigned samples of 8 or 16 bits that a lossy codestream of more bits brought above bits_stored become the
 *  largest value: cut off they would be small ones. */
void transcode_pixels_limit(const TranscodeLayout *layout, uint8_t *samples, size_t size);

/** What a codestream says of itself. */
typedef struct TranscodeHeader {
    uint32_t rows, columns;
    uint32_t components;
    uint32_t precision;
} TranscodeHeader;

/** PACS_INVALID, naming both, where codestream and attributes contradict each other: other rows, columns or samples,
 *  or samples that do not fit into bits_allocated. To call before anything is decoded or allocated. */
PACS_CHECKED PacsStatus transcode_pixels_check(const TranscodeHeader *header, const TranscodeLayout *native,
                                               PacsError *err);
