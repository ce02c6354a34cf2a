#pragma once

#include "transcode/codec.h"

/**
 * The main header of a JPEG 2000 codestream (of HTJ2K too), read before a library allocates what it asks for.
 *
 * Source: T.800 annex A, T.814 annex A.
 */

#define JPEG2000_MAX_COMPONENTS 4

typedef struct TranscodeJpeg2000Component {
    uint32_t precision;
    bool is_signed;
    uint32_t dx, dy;        /* one sample for so many columns and rows */
    uint32_t columns, rows; /* of samples */
} TranscodeJpeg2000Component;

typedef struct TranscodeJpeg2000 {
    const uint8_t *bytes; /* the codestream alone: boxes around it are left out; borrowed from the frame */
    size_t size;
    uint32_t x0, y0; /* of the image on the reference grid */
    uint32_t columns, rows;
    uint32_t component_count;
    TranscodeJpeg2000Component components[JPEG2000_MAX_COMPONENTS];
    uint32_t tile_count;
    size_t first_tile_part;  /* where the main header ends */
    bool is_high_throughput; /* HTJ2K */
} TranscodeJpeg2000;

/**
 * Read the header and hold it against the attributes.
 *
 * Errors: PACS_INVALID (no such header; other rows, columns or samples than the attributes; more bits than they
 *         allocate; components of which nothing is there), PACS_TOO_LARGE (tiles, precincts or code-blocks beyond reason),
 *         PACS_UNSUPPORTED (Part 2 codestreams of several frames, tiles beyond 32 bits).
 */
PACS_CHECKED PacsStatus transcode_jpeg2000_read(const TranscodeFrame *frame, const TranscodeLayout *native,
                                                TranscodeJpeg2000 *ret_header, PacsError *err);

/** For libraries that take what is cut off for zeros. Errors: PACS_INVALID (a tile or a part of one is not there). */
PACS_CHECKED PacsStatus transcode_jpeg2000_check_whole(const TranscodeJpeg2000 *header, PacsError *err);

/** Whether the frame's header says it is HTJ2K: syntaxes get mixed up. */
bool transcode_jpeg2000_is_high_throughput(const TranscodeFrame *frame);

/** One line of a component into the native rows it stands for: of subsampled ones each sample fills its block.
 *  `values` (the component's columns) are first cut to the precision, which lossy decoders may leave. */
void transcode_jpeg2000_put_line(const TranscodeJpeg2000 *header, const TranscodeLayout *native,
                                 uint32_t component, uint32_t line, int32_t *values, uint8_t *out);

/** Decompositions after which the lowest resolution has at most 64 rows and columns (PS3.5 10.18 asks it of one). */
uint32_t transcode_jpeg2000_decompositions(const TranscodeLayout *layout);

/** What a quality means: the peak signal-to-noise ratio of the frame in dB, over the range of the values that are in it,
 *  so that a 12 bit image in 16 bits is as good as one in 12. 90 is 52.5 dB, 1 is 30 dB. */
double transcode_jpeg2000_psnr(const TranscodeTarget *target);

/** From the smallest to the largest value of the frame; at least 1. */
double transcode_jpeg2000_range(const TranscodeFrame *native);
