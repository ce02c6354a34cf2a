#pragma once

#ifdef __cplusplus
extern "C" { /* around the includes, too: the rooms below are C and say nothing of C++ */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"
#include "pacs/util/status.h"

/**
 * DCMTK's three builds of the IJG library: JPEG of 12 bits, and lossless JPEG of 2 to 16 bits. One frame in, one frame
 * out; its codec classes are called directly, without a data set around the frame.
 *
 * Shape:   samples by pixel, unsigned; bytes where the precision is at most 8, else words in the machine's order. They are
 *          as they are in the codestream: signs and unused bits are the caller's.
 * Threads: any, at once. Some 30 kB of stack.
 * Errors:  PACS_INVALID with the library's words (broken, or pixels missing; a missing end marker alone is none),
 *          PACS_NO_MEMORY, PACS_TOO_LARGE.
 */
typedef struct PacsBridgeJpeg {
    uint16_t rows;
    uint16_t columns;
    uint16_t samples_per_pixel; /* 1 or 3 */
    uint8_t precision;          /* 2 to 16: up to 8, up to 12, and up to 16 are different builds */
    bool has_odd_scan; /* to decode: sequential, but the scan does not say 0 to 63: warned of, and harmless */
} PacsBridgeJpeg;

/** `image` is what the codestream's header says: the caller has read it. `out_size` is the size of exactly that. */
PACS_CHECKED PacsStatus pacs_bridge_jpeg_decode(const uint8_t *bytes, size_t size,
                                                const PacsBridgeJpeg *image, bool ybr_to_rgb, uint8_t *out,
                                                size_t out_size, PacsError *err);

typedef enum PacsBridgeJpegColour {
    PACS_BRIDGE_GREY,
    PACS_BRIDGE_RGB,
    PACS_BRIDGE_YBR,
} PacsBridgeJpegColour;

typedef struct PacsBridgeJpegOptions {
    PacsBridgeJpegColour colour; /* of the samples; lossy RGB becomes YBR */
    uint8_t predictor;           /* lossless: the selection value, 1 to 7; 0: lossy, of 12 bits */
    uint8_t quality;             /* lossy: 1 to 100; colours at half the columns */
} PacsBridgeJpegOptions;

/** The codestream's precision is 8, 12 or 16: the next one above image->precision. Added to `out`. */
PACS_CHECKED PacsStatus pacs_bridge_jpeg_encode(const PacsBridgeJpeg *image,
                                                const PacsBridgeJpegOptions *options, const uint8_t *samples,
                                                PacsBuffer *out, PacsError *err);

#ifdef __cplusplus
}
#endif
