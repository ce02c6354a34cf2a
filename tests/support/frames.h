#pragma once

#include "transcode/codec.h"

/**
 * Native frames for tests of codecs, and what every lossless codec must do with them.
 */
typedef enum TestPattern {
    TEST_NOISE,    /* every bit of bits_stored */
    TEST_EXTREMES, /* smallest and largest value in turn */
    TEST_SMOOTH,   /* a slope with some noise: what lossy codecs are for */
    TEST_RUBBISH,  /* every bit of bits_allocated, also those nobody stored anything in */
} TestPattern;

/** 8 or 16 bits allocated, by pixel; grey, or RGB for 3 samples. */
TranscodeLayout test_layout(uint32_t rows, uint32_t columns, uint16_t samples, uint16_t allocated,
                            uint16_t stored, bool is_signed);

/** The frame's bytes, of the size its layout says: the caller's to free. */
uint8_t *test_frame(const TranscodeLayout *layout, TestPattern pattern, size_t *ret_size);

/** A sample as its layout means it: unused bits do not count. */
int32_t test_sample(const TranscodeLayout *layout, const uint8_t *native, size_t index);

/** Asserts that the frame goes through the syntax; returns the largest difference of two samples. `out` holds the
 *  codestream after, where it is not NULL. */
uint32_t test_round_trip(const TranscodeTarget *target, const TranscodeLayout *layout, const uint8_t *native,
                         PacsBuffer *out);

/** Asserts that frames of all depths, signs and awkward sizes come back bit for bit. */
void test_lossless(const char *transfer_syntax_uid);
/** Asserts that a codestream of this syntax tells it by its own headers. */
void test_names_itself(const char *transfer_syntax_uid);
/** Asserts that a codestream of 16 rows and 24 columns is refused where the attributes say 24 and 16, and that both are
 *  told. */
void test_refuses_another_size(const char *transfer_syntax_uid);
