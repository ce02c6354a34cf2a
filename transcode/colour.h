#pragma once

#include "transcode/codec.h"

/**
 * Native frames of three samples a pixel become RGB: YBR_FULL and YBR_PARTIAL, also where two columns share their colour
 * (422), and RGB by plane. YBR_ICT, YBR_RCT and XYB count as RGB: decoders undo them, and writers forget to say so.
 *
 * Shape:   out is RGB by pixel in the words of the frame (8 or 16 bits allocated), samples in the lowest bits_stored
 *          bits, unsigned.
 * Threads: any, at once.
 * Errors:  PACS_UNSUPPORTED (grey, palette, HSV, 4 samples, 32 bits), PACS_INVALID (the frame is too short).
 * Source:  PS3.3 C.7.6.3.1.2: offsets grow with bits_stored, factors do not. Rounded; off by
 *          one level at most beyond 12 bits.
 */

/** Layout of what comes out. */
PACS_CHECKED PacsStatus transcode_colour_layout(const TranscodeLayout *native, TranscodeLayout *ret_rgb,
                                                PacsError *err);

/** out_size is what transcode_layout_size() says of that layout. */
PACS_CHECKED PacsStatus transcode_colour_to_rgb(const TranscodeFrame *native, uint8_t *out, size_t out_size,
                                                PacsError *err);
