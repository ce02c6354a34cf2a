#pragma once

#include "transcode/codec.h"

/**
 * A stored frame as bytes for the fuzz target, and back: 8 bytes that say what it is, then the codestream. Every byte means
 * something, so that any input is a frame.
 */
#define TRANSCODE_FUZZ_HEAD 8

typedef struct TranscodeFuzzHead {
    uint8_t syntax; /* of transcode_fuzz_syntaxes, modulo their number */
    uint8_t rows, columns;
    uint8_t samples;   /* 1, 3, 4 */
    uint8_t allocated; /* 8, 16, 32, 1 */
    uint8_t stored;
    uint8_t high_bit;
    uint8_t photometric; /* the highest bit: signed */
} TranscodeFuzzHead;

/** In this order for ever: the corpus counts on it. New ones go to the end. */
extern const char *const transcode_fuzz_syntaxes[];
extern const unsigned transcode_fuzz_syntax_count;

TranscodeFrame transcode_fuzz_frame(const uint8_t *data, size_t size);
