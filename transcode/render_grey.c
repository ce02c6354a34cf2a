#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "transcode/processor.h"
#include "transcode/render_private.h"

/**
 * Rows of one sample a pixel: grey, palette, supplemental palette.
 *
 * Up to 16 bits go through a table of all words that occur, so that a pixel costs two loads whatever lies between stored
 * value and tone. Longer ones are worked out one by one.
 */

#define WORDS 65536
#define CHECKED 256 /* words at a time */

/* ---- Colours ---- */

static uint8_t channel(const TranscodeLut *lut, double value, bool has_low_bytes_only)
{
    const double index = value - lut->first_mapped;
    const uint16_t entry = !(index > 0) ? lut->values[0]
                                        : lut->values[index >= lut->count ? lut->count - 1 : (uint32_t)index];
    const uint32_t most = has_low_bytes_only ? 255 : (1u << lut->bits) - 1;

    return (uint8_t)(((entry > most ? most : entry) * 255 + most / 2) / most);
}

/* Entries of 16 bits of which nobody filled the high byte: seen from several makers. */
static bool has_low_bytes_only(const TranscodePalette *palette)
{
    const TranscodeLut *luts[] = {&palette->red, &palette->green, &palette->blue};

    for (size_t i = 0; i < 3; i++)
        for (uint32_t entry = 0; entry < luts[i]->count; entry++)
            if (luts[i]->bits <= 8 || luts[i]->values[entry] > 255)
                return false;
    return true;
}

static uint32_t pack(uint8_t red, uint8_t green, uint8_t blue)
{
    return red | (uint32_t)green << 8 | (uint32_t)blue << 16;
}

static uint32_t color_of(const RenderRows *rows, double stored)
{
    const TranscodeRendering *rendering = rows->rendering;
    const TranscodePalette *palette = rendering->palette;

    if (isnan(stored) || (rendering->is_palette_supplemental && stored < palette->red.first_mapped)) {
        const uint8_t tone = render_tone_of(&rows->tone, stored);
        return pack(tone, tone, tone);
    }
    return pack(channel(&palette->red, stored, rows->has_low_bytes_only),
                channel(&palette->green, stored, rows->has_low_bytes_only),
                channel(&palette->blue, stored, rows->has_low_bytes_only));
}

static void put_color(uint8_t *to, uint32_t color)
{
    to[0] = (uint8_t)color;
    to[1] = (uint8_t)(color >> 8);
    to[2] = (uint8_t)(color >> 16);
}

/* ---- Words of 16 bits ---- */

static void render_ramp(const RenderRamp *ramp, const RenderWord16 *words, size_t count, uint8_t *to)
{
#ifdef __x86_64__
    render_ramp_v3(ramp, words, count, to);
#else
    (void)ramp, (void)words, (void)count, (void)to; /* prepare_ramp() never chooses it */
#endif
}

typedef struct Words {
    uint16_t low, high;
} Words;

/* Smallest and largest word of a part of the frame, as signed ones where they are. */
static Words words_of(const TranscodeFrame *frame, uint32_t x, uint32_t y, uint32_t columns, uint32_t rows)
{
    const uint16_t flip = frame->layout.is_signed ? 0 : 0x8000;
    int16_t low = INT16_MAX;
    int16_t high = INT16_MIN;

    for (uint32_t end = y + rows; y < end; y++) {
        const RenderWord16 *words = (const RenderWord16 *)frame->bytes + (size_t)y * frame->layout.columns +
                                    x;
        for (uint32_t i = 0; i < columns; i++) {
            const int16_t word = (int16_t)(words[i] ^ flip);
            if (word < low)
                low = word;
            if (word > high)
                high = word;
        }
    }
    return (Words){(uint16_t)low ^ flip, (uint16_t)high ^ flip};
}

static Words words_shown(const RenderRows *rows)
{
    const RenderGeometry *shown = &rows->geometry;

    return words_of(rows->frame, shown->x, shown->y, shown->columns, shown->rows);
}

/* ---- The range of a frame's values ---- */

typedef struct Range {
    double smallest, largest; /* after the modality LUT */
} Range;

static void include(Range *range, const RenderTone *tone, double stored)
{
    if (!isfinite(stored) || render_tone_is_padding(tone, stored))
        return;
    const double value = render_tone_modality(tone, stored);
    range->smallest = fmin(range->smallest, value);
    range->largest = fmax(range->largest, value);
}

/* Of words whose lowest bits are the value. */
static uint16_t value_mask(const TranscodeLayout *layout)
{
    return (uint16_t)((1u << layout->bits_stored) - 1);
}

static uint16_t value_sign(const TranscodeLayout *layout)
{
    return (uint16_t)(layout->is_signed ? 1u << (layout->bits_stored - 1) : 0);
}

typedef struct Values {
    int32_t smallest, largest;
} Values;

/* Of a whole frame. The words' lowest bits are the value, whatever stands above them; loops over words of one size, which
 * vectorise. */
static Values values_of(const TranscodeFrame *frame)
{
    const TranscodeLayout *layout = &frame->layout;
    const RenderWord16 *words = (const RenderWord16 *)frame->bytes;
    const uint16_t mask = value_mask(layout), sign = value_sign(layout);
    const uint16_t flip = layout->is_signed ? 0 : 0x8000;
    int16_t smallest = INT16_MAX;
    int16_t largest = INT16_MIN;

    for (size_t i = 0, count = (size_t)layout->rows * layout->columns; i < count; i++) {
        const int16_t value = (int16_t)((uint16_t)(((words[i] & mask) ^ sign) - sign) ^ flip);
        if (value < smallest)
            smallest = value;
        if (value > largest)
            largest = value;
    }
    const int32_t base = layout->is_signed ? 0 : 0x8000;
    return (Values){smallest + base, largest + base};
}

/* Smallest and largest value tell it all where they are no padding, which is quicker to find than what occurs. False: they
 * do not. */
static bool include_extremes(Range *range, const RenderRows *rows)
{
    const TranscodeLayout *layout = &rows->frame->layout;

    if (layout->bits_allocated != 16 || layout->high_bit != layout->bits_stored - 1 ||
        rows->rendering->modality_lut)
        return false;
    const Values values = values_of(rows->frame);
    if (render_tone_is_padding(&rows->tone, values.smallest) ||
        render_tone_is_padding(&rows->tone, values.largest))
        return false;
    include(range, &rows->tone, values.smallest);
    include(range, &rows->tone, values.largest);
    return true;
}

static void include_words(Range *range, const RenderRows *rows, uint64_t pixels)
{
    const TranscodeLayout *layout = &rows->frame->layout;
    const uint8_t *bytes = rows->frame->bytes;
    bool *occurs = (bool *)rows->table; /* it is filled afterwards */

    memset(occurs, 0, WORDS);
    if (layout->bits_allocated == 8)
        for (uint64_t i = 0; i < pixels; i++)
            occurs[bytes[i]] = true;
    else
        for (uint64_t i = 0; i < pixels; i++)
            occurs[bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8] = true;
    for (uint32_t word = 0; word < WORDS; word++)
        if (occurs[word])
            include(range, &rows->tone, render_sample_of_word(layout, word));
}

static void include_values(Range *range, const RenderRows *rows)
{
    const TranscodeLayout *layout = &rows->frame->layout;

    for (uint64_t row = 0; row < layout->rows; row++) {
        render_samples_read(rows->frame, row * layout->columns, layout->columns, rows->values);
        for (uint32_t i = 0; i < layout->columns; i++)
            include(range, &rows->tone, rows->values[i]);
    }
}

static void set_range(RenderRows *rows)
{
    const TranscodeLayout *layout = &rows->frame->layout;
    Range range = {INFINITY, -INFINITY};

    if (layout->bits_stored == 1) {
        include(&range, &rows->tone, 0); /* a mask may be all set, or empty */
        include(&range, &rows->tone, layout->is_signed ? -1 : 1);
    } else if (include_extremes(&range, rows)) {
        /* that is all there is to know */
    } else if (layout->bits_allocated <= 16) {
        include_words(&range, rows, (uint64_t)layout->rows * layout->columns);
    } else {
        include_values(&range, rows);
    }
    if (range.smallest <= range.largest)
        render_tone_set_range(&rows->tone, range.smallest, range.largest);
    else
        render_tone_set_range(&rows->tone, 0, 1); /* nothing but padding */
}

/* ---- Rows by table ---- */

static void tones_of_8(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    const uint8_t *words = rows->frame->bytes + (size_t)y * rows->frame->layout.columns + rows->geometry.x;

    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        to[i] = rows->table[words[i]];
}

static void tones_of_16(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    const RenderWord16 *words = (const RenderWord16 *)rows->frame->bytes +
                                (size_t)y * rows->frame->layout.columns + rows->geometry.x;
    const uint8_t *table = rows->table;

    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        to[i] = table[words[i]];
}

static void tones_by_ramp(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    const RenderWord16 *words = (const RenderWord16 *)rows->frame->bytes +
                                (size_t)y * rows->frame->layout.columns + rows->geometry.x;

    render_ramp(&rows->ramp, words, rows->geometry.columns, to);
}

static void colors_of_8(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    const uint8_t *words = rows->frame->bytes + (size_t)y * rows->frame->layout.columns + rows->geometry.x;

    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        put_color(to + 3 * (size_t)i, rows->colors[words[i]]);
}

static void colors_of_16(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    const RenderWord16 *words = (const RenderWord16 *)rows->frame->bytes +
                                (size_t)y * rows->frame->layout.columns + rows->geometry.x;

    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        put_color(to + 3 * (size_t)i, rows->colors[words[i]]);
}

/* ---- Rows value by value ---- */

static void read_row(const RenderRows *rows, uint32_t y)
{
    render_samples_read(rows->frame, (uint64_t)y * rows->frame->layout.columns + rows->geometry.x,
                        rows->geometry.columns, rows->values);
}

static void tones_of_values(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    read_row(rows, y);
    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        to[i] = render_tone_of(&rows->tone, rows->values[i]);
}

static void colors_of_values(const RenderRows *rows, uint32_t y, uint8_t *to)
{
    read_row(rows, y);
    for (uint32_t i = 0; i < rows->geometry.columns; i++)
        put_color(to + 3 * (size_t)i, color_of(rows, rows->values[i]));
}

/* ---- Tables ---- */

static void fill_table(RenderRows *rows, Words words)
{
    const TranscodeLayout *layout = &rows->frame->layout;

    for (uint32_t i = words.low, last = (uint32_t)words.high + (words.high < words.low ? WORDS : 0);
         i <= last; i++) {
        const uint32_t word = i % WORDS;
        const int32_t stored = render_sample_of_word(layout, word);
        if (rows->colors)
            rows->colors[word] = color_of(rows, stored);
        else
            rows->table[word] = render_tone_of(&rows->tone, stored);
    }
}

/* Whether the table says of all words what the ramp does: no padding between, nothing rounded otherwise. */
static bool is_ramp(const RenderRows *rows, Words words)
{
    const uint32_t last = (uint32_t)words.high + (words.high < words.low ? WORDS : 0);
    uint16_t some[CHECKED];
    uint8_t tones[CHECKED];

    for (uint32_t first = words.low; first <= last; first += CHECKED) {
        const uint32_t count = last - first < CHECKED ? last - first + 1 : CHECKED;
        for (uint32_t i = 0; i < count; i++)
            some[i] = (uint16_t)(first + i);
        render_ramp(&rows->ramp, some, count, tones);
        for (uint32_t i = 0; i < count; i++)
            if (tones[i] != rows->table[some[i]])
                return false;
    }
    return true;
}

/* Working tones out takes half the time of looking them up, where the processor does eight at once. */
static void prepare_ramp(RenderRows *rows, Words words)
{
    const TranscodeLayout *layout = &rows->frame->layout;

    if (!transcode_has_v3() || layout->high_bit != layout->bits_stored - 1 ||
        !render_tone_line(&rows->tone, &rows->ramp))
        return;
    rows->ramp.mask = value_mask(layout);
    rows->ramp.sign = value_sign(layout);
    if (is_ramp(rows, words))
        rows->make = tones_by_ramp;
}

static PacsStatus prepare_table(RenderRows *rows, PacsError *err)
{
    const bool is_8 = rows->frame->layout.bits_allocated == 8;

    rows->table = malloc(WORDS);
    rows->colors = rows->source_channels == 3 ? malloc(WORDS * sizeof *rows->colors) : NULL;
    if (!rows->table || (rows->source_channels == 3 && !rows->colors))
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a table of tones");
    if (render_tone_needs_range(&rows->tone))
        set_range(rows);
    const Words words = is_8 ? (Words){0, 255} : words_shown(rows);
    fill_table(rows, words);
    if (rows->source_channels == 3)
        rows->make = is_8 ? colors_of_8 : colors_of_16;
    else
        rows->make = is_8 ? tones_of_8 : tones_of_16;
    if (!is_8 && rows->source_channels == 1)
        prepare_ramp(rows, words);
    return PACS_OK;
}

static PacsStatus prepare_values(RenderRows *rows, PacsError *err)
{
    rows->values = malloc(rows->frame->layout.columns * sizeof *rows->values);
    if (!rows->values)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a row of values");
    if (render_tone_needs_range(&rows->tone))
        set_range(rows);
    rows->make = rows->source_channels == 3 ? colors_of_values : tones_of_values;
    return PACS_OK;
}

PacsStatus render_grey_init(RenderRows *rows, PacsError *err)
{
    const uint16_t bits = rows->frame->layout.bits_allocated;

    rows->source_channels = rows->rendering->palette ? 3 : 1;
    if (rows->rendering->palette)
        rows->has_low_bytes_only = has_low_bytes_only(rows->rendering->palette);
    return bits == 8 || bits == 16 ? prepare_table(rows, err) : prepare_values(rows, err);
}
