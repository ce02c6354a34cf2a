#pragma once

#include "pacs/util/buffer.h"

/**
 * Baseline JPEG of one component, in strips that know nothing of each other (restart intervals), so that several threads
 * can each write some of a picture.
 *
 *     jpeg_grey_init(&grey, width, height, quality);
 *     status = jpeg_grey_write_head(&grey, NULL, 0, out, &err);
 *     for (strip = 0; strip < grey.strip_count; strip++)
 *         status = jpeg_grey_write_strip(&grey, strip, &rows, out, &err);
 *     status = jpeg_grey_write_end(out, &err);
 *
 * Strips depend on the picture's size alone, and every byte is the one that libjpeg writes by its slow integer transform
 * with as many rows to a restart interval: the same arithmetic, its quality scale and the tables of annex K.
 *
 * Source: T.81 annexes A, B, F.1, K; JFIF 1.01. C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT
 *         algorithms with 11 multiplications", ICASSP 1989.
 */
#define JPEG_BLOCK 8
#define JPEG_COEFFICIENTS 64

/** How coefficients are rounded, row by row. */
typedef struct JpegQuantisers {
    float reciprocals[JPEG_COEFFICIENTS];
    float halves[JPEG_COEFFICIENTS]; /* what rounding adds, in units of the quantiser */
} JpegQuantisers;

typedef struct JpegGrey {
    uint32_t width, height;
    uint32_t across, down; /* blocks */
    uint32_t strip_down;   /* rows of blocks in a strip; the last one may have fewer */
    uint32_t strip_count;
    uint8_t steps[JPEG_COEFFICIENTS]; /* quantisers as the file has them */
    JpegQuantisers quantisers;
} JpegGrey;

/** Where rows come from. Returns row y: `scratch`, which has room for it, or where it stands anyway. Called for the rows
 *  of a strip from top to bottom. */
typedef struct JpegRows {
    const uint8_t *(*read)(void *context, uint32_t y, uint8_t *scratch);
    void *context;
} JpegRows;

/** Sides from 1 to 65,500; quality from 1 to 100. */
void jpeg_grey_init(JpegGrey *grey, uint32_t width, uint32_t height, uint32_t quality);
/** `icc_profile` may be NULL. */
PACS_CHECKED PacsStatus jpeg_grey_write_head(const JpegGrey *grey, const uint8_t *icc_profile,
                                             size_t icc_profile_size, PacsBuffer *out, PacsError *err);
/** A strip from 0, with the marker that stands between it and the one before. Any thread; several at once. */
PACS_CHECKED PacsStatus jpeg_grey_write_strip(const JpegGrey *grey, uint32_t strip, const JpegRows *rows,
                                              PacsBuffer *out, PacsError *err);
PACS_CHECKED PacsStatus jpeg_grey_write_end(PacsBuffer *out, PacsError *err);
