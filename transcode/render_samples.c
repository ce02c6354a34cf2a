#include <string.h>

#include "transcode/render_private.h"

/** Stored values out of words (PS3.5 8.1.1): bits_stored bits below high_bit, the rest is not the image's. */

int32_t render_sample_of_word(const TranscodeLayout *layout, uint32_t word)
{
    const unsigned shift = layout->high_bit + 1u - layout->bits_stored;
    const uint32_t mask = (1u << layout->bits_stored) - 1;
    const uint32_t value = (word >> shift) & mask;

    if (layout->is_signed && value > mask >> 1)
        return (int32_t)value - (int32_t)mask - 1;
    return (int32_t)value;
}

static double sample_of_long_word(const TranscodeLayout *layout, uint64_t word)
{
    const unsigned above = 64u - 1 - layout->high_bit;
    const unsigned unused = 64u - layout->bits_stored;

    word <<= above;
    return layout->is_signed ? (double)((int64_t)word >> unused) : (double)(word >> unused);
}

static void read_8(const TranscodeLayout *layout, const uint8_t *words, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = render_sample_of_word(layout, words[i]);
}

static void read_16(const TranscodeLayout *layout, const uint8_t *words, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = render_sample_of_word(layout, words[2 * i] | (uint32_t)words[2 * i + 1] << 8);
}

static void read_32(const TranscodeLayout *layout, const uint8_t *words, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        float value;
        memcpy(&word, words + 4 * i, 4);
        memcpy(&value, words + 4 * i, 4);
        to[i] = layout->is_float ? (double)value : sample_of_long_word(layout, word);
    }
}

static void read_64(const TranscodeLayout *layout, const uint8_t *words, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, words + 8 * i, 8);
        if (layout->is_float)
            memcpy(&to[i], &word, 8);
        else
            to[i] = sample_of_long_word(layout, word);
    }
}

static void read_bits(const uint8_t *bits, uint64_t first, size_t count, double *to)
{
    for (uint64_t i = first; i < first + count; i++)
        *to++ = bits[i / 8] >> (i % 8) & 1;
}

void render_samples_read(const TranscodeFrame *frame, uint64_t first, size_t count, double *ret_values)
{
    const TranscodeLayout *layout = &frame->layout;
    const uint8_t *words = frame->bytes + first * layout->bits_allocated / 8;

    switch (layout->bits_allocated) {
    case 1:
        read_bits(frame->bytes, first, count, ret_values);
        break;
    case 8:
        read_8(layout, words, count, ret_values);
        break;
    case 16:
        read_16(layout, words, count, ret_values);
        break;
    case 32:
        read_32(layout, words, count, ret_values);
        break;
    default:
        read_64(layout, words, count, ret_values);
    }
}
