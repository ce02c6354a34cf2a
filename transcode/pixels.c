#include "transcode/pixels.h"

#include <endian.h>
#include <string.h>

void transcode_pixels_interleave(const TranscodeLayout *planar, const uint8_t *in, uint8_t *out)
{
    const size_t pixels = (size_t)planar->rows * planar->columns;
    const size_t step = planar->samples_per_pixel;
    const size_t word = transcode_sample_size(planar);

    for (size_t k = 0; k < step; k++)
        if (word == 1)
            for (size_t i = 0; i < pixels; i++)
                out[i * step + k] = in[k * pixels + i];
        else
            for (size_t i = 0; i < pixels; i++)
                memcpy(out + (i * step + k) * word, in + (k * pixels + i) * word, word);
}

void transcode_pixels_unshare(const TranscodeLayout *layout_422, const uint8_t *in, uint8_t *out)
{
    const size_t word = transcode_sample_size(layout_422);
    const uint32_t columns = layout_422->columns;

    for (uint32_t row = 0; row < layout_422->rows; row++)
        for (uint32_t column = 0; column < columns; column += 2, in += 4 * word)
            for (uint32_t i = 0; i < 2 && column + i < columns; i++, out += 3 * word) {
                memcpy(out, in + i * word, word);
                memcpy(out + word, in + 2 * word, 2 * word);
            }
}

void transcode_pixels_take(const TranscodeLayout *layout, const uint8_t *in, size_t size, uint8_t *out)
{
    const uint32_t shift = layout->high_bit + 1u - layout->bits_stored;
    const uint32_t mask = (1u << layout->bits_stored) - 1;

    if (layout->bits_allocated == 8) {
        for (size_t i = 0; i < size; i++)
            out[i] = (uint8_t)(in[i] >> shift & mask);
        return;
    }
    for (size_t i = 0; i + 2 <= size; i += 2) {
        const uint32_t word = (uint32_t)in[i] | (uint32_t)in[i + 1] << 8;
        const uint16_t sample = htole16((uint16_t)(word >> shift & mask));

        memcpy(out + i, &sample, sizeof sample);
    }
}

void transcode_pixels_widen(uint8_t *samples, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        const uint8_t value = samples[i];

        samples[2 * i] = value;
        samples[2 * i + 1] = 0;
    }
}

void transcode_pixels_limit(const TranscodeLayout *layout, uint8_t *samples, size_t size)
{
    const uint32_t largest = (1u << layout->bits_stored) - 1;

    if (layout->is_signed || layout->bits_stored == layout->bits_allocated ||
        layout->high_bit + 1u != layout->bits_stored)
        return;
    if (layout->bits_allocated == 8) {
        for (size_t i = 0; i < size; i++)
            samples[i] = samples[i] > largest ? (uint8_t)largest : samples[i];
        return;
    }
    for (size_t i = 0; i + 2 <= size; i += 2) {
        uint16_t word;

        memcpy(&word, samples + i, sizeof word);
        word = htole16(le16toh(word) > largest ? (uint16_t)largest : le16toh(word));
        memcpy(samples + i, &word, sizeof word);
    }
}

PacsStatus transcode_pixels_check(const TranscodeHeader *header, const TranscodeLayout *native,
                                  PacsError *err)
{
    if (header->rows != native->rows || header->columns != native->columns)
        return pacs_fail(err, PACS_INVALID,
                         "the codestream has %u rows and %u columns, the attributes say %u and %u",
                         header->rows, header->columns, native->rows, native->columns);
    if (header->components != native->samples_per_pixel)
        return pacs_fail(err, PACS_INVALID, "the codestream has %u samples a pixel, the attributes say %u",
                         header->components, native->samples_per_pixel);
    if (header->precision == 0 || header->precision > native->bits_allocated)
        return pacs_fail(err, PACS_INVALID,
                         "the codestream has samples of %u bits, the attributes allocate %u",
                         header->precision, native->bits_allocated);
    return PACS_OK;
}
