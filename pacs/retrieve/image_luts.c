#include "pacs/retrieve/image_private.h"

#include <math.h>

/* Look-up tables (PS3.3 C.11.1, C.11.2) and palettes, segmented ones expanded (C.7.6.3.1.5, C.7.9.2). */

#define LUT_MAX 65536u /* entries: a descriptor has 16 bits, of which 0 means this */
#define SEGMENTS_MAX                                                                                         \
    (4 * (size_t)LUT_MAX) /* words of a segmented table: sensible ones are shorter than what they stand for */

typedef struct Descriptor {
    uint32_t count;
    int32_t first_mapped;
    uint16_t bits;
} Descriptor;

static bool read_descriptor(const PacsJsonItem *item, PacsTag tag, bool is_signed, Descriptor *ret_descriptor)
{
    double numbers[3];

    if (pacs_json_item_numbers(item, tag, numbers, 3) < 3)
        return false;
    for (size_t i = 0; i < 3; i++)
        if (!(numbers[i] >= -32768 && numbers[i] <= 65535))
            return false;
    const uint16_t count = (uint16_t)(int32_t)numbers[0]; /* SS of some senders: 40,000 is below 0 */
    int32_t first = (int32_t)numbers[1];
    if (is_signed && first > INT16_MAX) /* US of others, of which the sign is to be guessed */
        first -= 65536;
    const uint16_t bits = numbers[2] >= 1 && numbers[2] <= 16 ? (uint16_t)numbers[2] : 16;
    *ret_descriptor = (Descriptor){.count = count ? count : LUT_MAX, .first_mapped = first, .bits = bits};
    return true;
}

/** Tables of 8 bits stand in bytes or in words, whichever their writer thought right; what fits tells. */
static PacsStatus unpack_bytes(const PacsInstanceValues *values, const Descriptor *descriptor,
                               uint16_t **words, size_t *count, PacsError *err)
{
    if (descriptor->bits > 8 || *count >= descriptor->count || *count * 2 < descriptor->count)
        return PACS_OK;
    uint16_t *unpacked = pacs_arena_array(values->arena, descriptor->count, sizeof *unpacked);
    if (!unpacked)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a table");
    for (size_t i = 0; i < descriptor->count; i++)
        unpacked[i] = (uint8_t)((*words)[i / 2] >> (i % 2 * 8));
    *words = unpacked;
    *count = descriptor->count;
    return PACS_OK;
}

/** Entries larger than the descriptor has room for: it is the descriptor that lies, mostly 8 for 16. */
static uint16_t bits_needed(const uint16_t *values, size_t count, uint16_t bits)
{
    uint16_t all = 0;

    for (size_t i = 0; i < count; i++)
        all |= values[i];
    return all >> bits == 0 ? bits : 16;
}

static TranscodeLut make_lut(const Descriptor *descriptor, const uint16_t *words, size_t count)
{
    if (count > descriptor->count)
        count = descriptor->count;
    return (TranscodeLut){.values = words,
                          .count = (uint32_t)count,
                          .first_mapped = descriptor->first_mapped,
                          .bits = bits_needed(words, count, descriptor->bits)};
}

/* ---- Segments ---- */

/** A segmented table while it is expanded: in bytes where entries have 8 bits, in words else. */
typedef struct Segments {
    const uint16_t *words;
    size_t size; /* units */
    bool is_bytes;
    uint16_t *out;
    size_t count, max;
} Segments;

static uint32_t unit_at(const Segments *segments, size_t at)
{
    if (!segments->is_bytes)
        return segments->words[at];
    return (uint8_t)(segments->words[at / 2] >> (at % 2 * 8));
}

static void add_entry(Segments *segments, uint32_t value)
{
    if (segments->count < segments->max)
        segments->out[segments->count++] = (uint16_t)value;
}

static void add_line(Segments *segments, uint32_t length, uint32_t last)
{
    const double first = segments->out[segments->count - 1];

    for (uint32_t i = 1; i <= length && segments->count < segments->max; i++)
        add_entry(segments, (uint32_t)lround(first + ((double)last - first) * i / length));
}

/** A discrete or linear segment from `at` on; where it ends, 0 if it is neither or broken. */
static size_t expand_plain(Segments *segments, size_t at)
{
    if (segments->size - at < 3)
        return 0;
    const uint32_t kind = unit_at(segments, at);
    const uint32_t length = unit_at(segments, at + 1);
    at += 2;
    if (kind == 1 && segments->count > 0) {
        add_line(segments, length, unit_at(segments, at));
        return at + 1;
    }
    if (kind != 0 || length > segments->size - at)
        return 0;
    for (uint32_t i = 0; i < length; i++)
        add_entry(segments, unit_at(segments, at + i));
    return at + length;
}

/** Segments again that stood before: so many, from a byte of the table on. They may not point further. */
static size_t expand_again(Segments *segments, size_t at)
{
    const size_t units = segments->is_bytes ? 4 : 2; /* of the offset, 32 bits */
    const unsigned unit_bits = segments->is_bytes ? 8 : 16;
    uint64_t offset = 0;

    if (segments->size - at < 2 + units)
        return 0;
    uint32_t times = unit_at(segments, at + 1);
    for (size_t i = 0; i < units; i++)
        offset |= (uint64_t)unit_at(segments, at + 2 + i) << (i * unit_bits);
    uint64_t from = segments->is_bytes ? offset : offset / 2;
    for (; times > 0 && segments->count < segments->max; times--) {
        from = from < segments->size ? expand_plain(segments, (size_t)from) : 0;
        if (from == 0)
            return 0;
    }
    return at + 2 + units;
}

static void expand(Segments *segments)
{
    size_t at = 0;

    while (at < segments->size && segments->count < segments->max) {
        const bool is_again = unit_at(segments, at) == 2;
        at = is_again ? expand_again(segments, at) : expand_plain(segments, at);
        if (at == 0)
            return; /* what came before it counts */
    }
}

/* ---- Tables as attributes have them ---- */

static PacsStatus read_plain(const PacsInstanceValues *values, const PacsJsonItem *item, PacsTag tag,
                             const Descriptor *descriptor, TranscodeLut *ret_lut, PacsError *err)
{
    uint16_t *words = NULL;
    size_t count = 0;

    PacsStatus status = pacs_instance_value_words(values, pacs_json_item_find(item, tag), LUT_MAX, &words,
                                                  &count, err);
    if (status == PACS_OK)
        status = unpack_bytes(values, descriptor, &words, &count, err);
    if (status == PACS_OK)
        *ret_lut = make_lut(descriptor, words, count);
    return status;
}

static PacsStatus read_segmented(const PacsInstanceValues *values, const PacsJsonItem *item, PacsTag tag,
                                 const Descriptor *descriptor, TranscodeLut *ret_lut, PacsError *err)
{
    uint16_t *words = NULL;
    size_t count = 0;

    PacsStatus status = pacs_instance_value_words(values, pacs_json_item_find(item, tag), SEGMENTS_MAX,
                                                  &words, &count, err);
    if (status != PACS_OK)
        return status;
    const bool is_bytes = descriptor->bits <= 8;
    Segments segments = {.words = words,
                         .size = is_bytes ? count * 2 : count,
                         .is_bytes = is_bytes,
                         .out = pacs_arena_array(values->arena, descriptor->count, sizeof *segments.out),
                         .max = descriptor->count};
    if (!segments.out)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a palette");
    expand(&segments);
    if (segments.count == 0)
        return pacs_fail(err, PACS_NOT_FOUND, "a segmented table without a segment");
    *ret_lut = make_lut(descriptor, segments.out, segments.count);
    return PACS_OK;
}

PacsStatus image_read_lut(const PacsInstanceValues *values, const PacsJsonItem *item, bool is_signed,
                          const TranscodeLut **ret_lut, PacsError *err)
{
    Descriptor descriptor;

    if (!read_descriptor(item, PACS_TAG_LUT_DESCRIPTOR, is_signed, &descriptor))
        return PACS_OK;
    TranscodeLut *lut = pacs_arena_alloc(values->arena, sizeof *lut);
    if (!lut)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a table");
    const PacsStatus status = read_plain(values, item, PACS_TAG_LUT_DATA, &descriptor, lut, err);
    if (status == PACS_OK)
        *ret_lut = lut;
    return pacs_instance_value_is_missing(status) ? PACS_OK : status;
}

PacsStatus image_read_lut_sequence(const PacsInstanceValues *values, const PacsJsonItem *item,
                                   PacsTag sequence, bool is_signed, const TranscodeLut **ret_lut,
                                   PacsError *err)
{
    const PacsJsonAttribute *attribute = pacs_json_item_find(item, sequence);
    PacsStatus status = PACS_OK;
    PacsSlice cursor = {0}, text;
    PacsJsonItem lut;

    while (attribute && !*ret_lut && status == PACS_OK && pacs_json_item_next(attribute, &cursor, &text)) {
        status = pacs_json_item_parse(text, values->arena, &lut, err);
        if (status == PACS_OK)
            status = image_read_lut(values, &lut, is_signed, ret_lut, err);
    }
    return status;
}

static PacsStatus read_color(const PacsInstanceValues *values, size_t index, bool is_signed,
                             TranscodeLut *ret_lut, PacsError *err)
{
    static const PacsTag descriptors[] = {PACS_TAG_RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                                          PACS_TAG_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
                                          PACS_TAG_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR};
    static const PacsTag plain[] = {PACS_TAG_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                                    PACS_TAG_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                                    PACS_TAG_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA};
    static const PacsTag segmented[] = {PACS_TAG_SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                                        PACS_TAG_SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                                        PACS_TAG_SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA};
    Descriptor descriptor;

    if (!read_descriptor(&values->item, descriptors[index], is_signed, &descriptor))
        return pacs_fail(err, PACS_NOT_FOUND, "no palette");
    const PacsStatus status = read_plain(values, &values->item, plain[index], &descriptor, ret_lut, err);
    return pacs_instance_value_is_missing(status)
               ? read_segmented(values, &values->item, segmented[index], &descriptor, ret_lut, err)
               : status;
}

PacsStatus image_read_palette(const PacsInstanceValues *values, bool is_signed,
                              const TranscodePalette **ret_palette, PacsError *err)
{
    TranscodePalette *palette = pacs_arena_alloc(values->arena, sizeof *palette);

    if (!palette)
        return pacs_fail(err, PACS_NO_MEMORY, "no memory for a palette");
    PacsStatus status = read_color(values, 0, is_signed, &palette->red, err);
    if (status == PACS_OK)
        status = read_color(values, 1, is_signed, &palette->green, err);
    if (status == PACS_OK)
        status = read_color(values, 2, is_signed, &palette->blue, err);
    if (status == PACS_OK)
        *ret_palette = palette;
    return pacs_instance_value_is_missing(status) ? PACS_OK : status;
}
