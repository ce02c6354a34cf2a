#include <stdlib.h>
#include <string.h>

#include "transcode/colour.h"
#include "transcode/render_private.h"

/** Rows of three samples a pixel, by colour.h, and of the retired HSV, ARGB and CMYK. */

/* ---- RGB and YBR ---- */

static void copy_row(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    memcpy(to, rows->frame->bytes + ((size_t)y * rows->frame->layout.columns + rows->geometry.x) * 3,
           (size_t)rows->geometry.columns * 3);
}

/* One row as a frame of its own; samples by plane are gathered first. */
static TranscodeFrame row_frame(const RenderRows *rows, uint32_t y)
{
    const TranscodeFrame *frame = rows->frame;
    TranscodeFrame row = *frame;

    row.layout.rows = 1;
    row.size = rows->row_size;
    if (!frame->layout.is_planar) {
        row.bytes = frame->bytes + (size_t)y * row.size;
        return row;
    }
    const size_t plane = row.size / 3;
    for (size_t i = 0; i < 3; i++)
        memcpy(rows->gathered + i * plane, frame->bytes + (i * frame->layout.rows + y) * plane, plane);
    row.bytes = rows->gathered;
    return row;
}

static void convert_row(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    const TranscodeFrame row = row_frame(rows, y);
    const size_t word = row.layout.bits_allocated / 8;
    const size_t first = (size_t)rows->geometry.x * 3;
    const size_t count = (size_t)rows->geometry.columns * 3;

    pacs_ignore(transcode_colour_to_rgb(&row, rows->scratch, (size_t)row.layout.columns * 3 * word,
                                        NULL)); /* render_colour_init() asked the same of the whole frame */
    if (word == 1) {
        for (size_t i = 0; i < count; i++)
            to[i] = rows->table[rows->scratch[first + i]];
    } else {
        const RenderWord16 *words = (const RenderWord16 *)rows->scratch + first;
        for (size_t i = 0; i < count; i++)
            to[i] = rows->table[words[i]];
    }
}

/* From bits_stored bits to 8. */
static PacsStatus prepare_levels(RenderRows *rows, PacsError *err)
{
    const uint32_t most = (1u << rows->frame->layout.bits_stored) - 1;

    rows->table = malloc(most + 1);
    if (!rows->table)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a table of levels");
    for (uint32_t level = 0; level <= most; level++)
        rows->table[level] = (uint8_t)((level * 255 + most / 2) / most);
    return PACS_OK;
}

static PacsStatus prepare_rgb(RenderRows *rows, PacsError *err)
{
    TranscodeLayout row = rows->frame->layout;
    TranscodeLayout rgb;

    row.rows = 1;
    PacsStatus status = transcode_colour_layout(&row, &rgb, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&row, &rows->row_size, err);
    if (status == PACS_OK)
        status = transcode_layout_size(&rgb, &rows->rgb_size, err);
    if (status == PACS_OK)
        status = prepare_levels(rows, err);
    if (status != PACS_OK)
        return status;
    rows->scratch = malloc(rows->rgb_size);
    rows->gathered = malloc(rows->row_size);
    if (!rows->scratch || !rows->gathered)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a row of colours");
    const bool is_plain = row.photometric == TRANSCODE_RGB && row.bits_stored == 8 &&
                          row.bits_allocated == 8 && !row.is_planar;
    rows->make = is_plain ? copy_row : convert_row;
    return PACS_OK;
}

/* ---- Retired ones ---- */

/* Sample of a pixel in 8 bits, whatever the words are. */
static uint8_t sample(const RenderRows *rows, uint32_t x, uint32_t y, uint32_t number)
{
    const TranscodeLayout *layout = &rows->frame->layout;
    const uint64_t pixels = (uint64_t)layout->rows * layout->columns;
    const uint64_t pixel = (uint64_t)y * layout->columns + x;
    const uint64_t index = layout->is_planar ? number * pixels + pixel
                                             : pixel * layout->samples_per_pixel + number;
    const uint8_t *bytes = rows->frame->bytes;
    const uint32_t word = layout->bits_allocated == 8
                              ? bytes[index]
                              : bytes[2 * index] | (uint32_t)bytes[2 * index + 1] << 8;
    const uint32_t shifted = word >> (layout->high_bit + 1u - layout->bits_stored);

    return rows->table[shifted & ((1u << layout->bits_stored) - 1)];
}

static void hsv_pixel(const uint8_t *samples, uint8_t *rgb)
{
    const unsigned hue = samples[0] * 6u; /* sextants of 255 */
    const unsigned value = samples[2];
    const unsigned part = hue % 255;
    const unsigned p = value * (255 - samples[1]) / 255;
    const unsigned q = value * (255 * 255 - samples[1] * part) / (255 * 255);
    const unsigned t = value * (255 * 255 - samples[1] * (255 - part)) / (255 * 255);
    const unsigned sextants[6][3] = {{value, t, p}, {q, value, p}, {p, value, t},
                                     {p, q, value}, {t, p, value}, {value, p, q}};

    for (size_t i = 0; i < 3; i++)
        rgb[i] = (uint8_t)sextants[hue / 255 % 6][i];
}

static void cmyk_pixel(const uint8_t *samples, uint8_t *rgb)
{
    for (size_t i = 0; i < 3; i++)
        rgb[i] = samples[i] + samples[3] > 255 ? 0 : (uint8_t)(255 - samples[i] - samples[3]);
}

/* Alpha is drawn over the image in the palette's colours; without a palette nobody knows in which. */
static void argb_pixel(const uint8_t *samples, uint8_t *rgb)
{
    memcpy(rgb, samples + 1, 3);
}

static void retired_row(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    const TranscodeLayout *layout = &rows->frame->layout;
    uint8_t samples[4] = {0};

    for (uint32_t x = rows->geometry.x; x < rows->geometry.x + rows->geometry.columns; x++, to += 3) {
        for (uint32_t i = 0; i < layout->samples_per_pixel; i++)
            samples[i] = sample(rows, x, y, i);
        if (layout->photometric == TRANSCODE_HSV)
            hsv_pixel(samples, to);
        else if (layout->photometric == TRANSCODE_CMYK)
            cmyk_pixel(samples, to);
        else
            argb_pixel(samples, to);
    }
}

static PacsStatus prepare_retired(RenderRows *rows, PacsError *err)
{
    const TranscodeLayout *layout = &rows->frame->layout;
    const uint16_t samples = layout->photometric == TRANSCODE_HSV ? 3 : 4;

    if (layout->samples_per_pixel != samples || (layout->bits_allocated != 8 && layout->bits_allocated != 16))
        return pacs_fail(err, PACS_UNSUPPORTED, "%u samples of %u bits in %s", layout->samples_per_pixel,
                         layout->bits_allocated, transcode_photometric_name(layout->photometric));
    rows->make = retired_row;
    return prepare_levels(rows, err);
}

PacsStatus render_colour_init(RenderRows *rows, PacsError *err)
{
    rows->source_channels = 3;
    switch (rows->frame->layout.photometric) {
    case TRANSCODE_HSV:
    case TRANSCODE_ARGB:
    case TRANSCODE_CMYK:
        return prepare_retired(rows, err);
    default:
        return prepare_rgb(rows, err);
    }
}
