#pragma once

#include "transcode/jpeg_grey.h"

/**
 * The inner loop of jpeg_grey.c: rows of blocks to bits. Built twice from jpeg_blocks.inc, for every processor and for those
 * that have the instructions of x86-64-v3; both write the same.
 */

#define JPEG_LENGTHS 32   /* a code in the tables is its bits times this, plus how many they are */
#define JPEG_AC_MOST 1023 /* of 8 bits no coefficient is further from 0, */
#define JPEG_DC_MOST 2047 /* nor two first ones from each other */

/** What coefficients become, with the bits of their values (T.81 F.1.2.1, F.1.2.2). */
typedef struct JpegTables {
    uint8_t order[JPEG_COEFFICIENTS]; /* of coefficients in the file: which of the row by row ones */
    uint64_t places[JPEG_BLOCK]
                   [256]; /* set bits of one row of coefficients, as bits in the order of the file */
    uint32_t dc[2 * JPEG_DC_MOST + 1];     /* by the difference, + JPEG_DC_MOST */
    uint32_t ac[16][2 * JPEG_AC_MOST + 1]; /* by the zeros before it and the value, + JPEG_AC_MOST */
    uint32_t sixteen_zeros, end_of_block;
} JpegTables;

#define JPEG_BLOCK_BYTES 208 /* most of a block: 20 bits, then 63 times 26 */
#define JPEG_BITS_SLACK 8    /* written behind the last byte that counts */

/** Made once: the same for all pictures. */
const JpegTables *jpeg_tables(void);

/** What has been made of a strip: whole bytes, not stuffed yet, and the bits behind them. */
typedef struct JpegBits {
    uint64_t held;  /* its lowest `count` bits */
    uint32_t count; /* below 8 between two calls */
    int32_t dc;     /* of the block before */
    uint8_t *at;    /* where the next byte goes; there is room */
} JpegBits;

/** `count` blocks side by side, from eight rows. */
typedef void JpegBlocks(const JpegQuantisers *quantisers, const JpegTables *tables,
                        const uint8_t *const rows[JPEG_BLOCK], uint32_t count, JpegBits *bits);

JpegBlocks jpeg_blocks_plain;
#ifdef __x86_64__
JpegBlocks jpeg_blocks_v3;
#endif
