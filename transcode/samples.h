#pragma once

#include "transcode/layout.h"

/**
 * Samples in the words of native frames, as codecs want and give them. The layout says how wide the words are (8, 16 or
 * 32 bits), their sign, and that one component's samples are samples_per_pixel words apart.
 *
 * Threads: any; all are pure loops, written once per kind of word so that compilers vectorise them.
 */

/**
 * How many bits of a word a codestream must keep so that every word comes back as it was: bits_stored, or all
 * bits_allocated where a word has more in it than its sign (overlays in the unused bits, rubbish, samples that begin
 * further up).
 */
uint16_t transcode_samples_precision(const TranscodeLayout *layout, const uint8_t *native, size_t size);

/** Smallest and largest sample of the frame, as its words say. */
void transcode_samples_range(const TranscodeLayout *layout, const uint8_t *native, size_t size,
                             int64_t *ret_smallest, int64_t *ret_largest);

/** In place: what is above `precision` bits becomes the sign, or 0 where the attributes have none, whatever the
 *  codestream thought of signs. `count` words, one after the other. */
void transcode_samples_extend(const TranscodeLayout *layout, uint32_t precision, uint8_t *native,
                              size_t count);

/** `count` samples of the component that begins at `native`. */
void transcode_samples_to_ints(const TranscodeLayout *layout, const uint8_t *native, size_t count,
                               int32_t *ret_values);

/** The way back, with the low `precision` bits of each value (1 to 32), extended as above. */
void transcode_samples_from_ints(const TranscodeLayout *layout, uint32_t precision, const int32_t *values,
                                 size_t count, uint8_t *ret_native);

/** Words of another width: `step` is in words of `bits` (8, 16 or 32). Unsigned; what does not fit is cut off. */
typedef struct TranscodeWords {
    uint32_t bits;
    size_t step;
} TranscodeWords;
void transcode_samples_convert(const uint8_t *from, TranscodeWords from_words, uint8_t *to,
                               TranscodeWords to_words, size_t count);
