#include "transcode/samples.h"

#include <endian.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

INLINE uint8_t load8(const uint8_t *bytes)
{
    return *bytes;
}

INLINE uint16_t load16(const uint8_t *bytes)
{
    uint16_t word;

    memcpy(&word, bytes, sizeof word);
    return le16toh(word);
}

INLINE uint32_t load32(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof word);
    return le32toh(word);
}

INLINE void store8(uint8_t *bytes, uint8_t word)
{
    *bytes = word;
}

INLINE void store16(uint8_t *bytes, uint16_t word)
{
    word = htole16(word);
    memcpy(bytes, &word, sizeof word);
}

INLINE void store32(uint8_t *bytes, uint32_t word)
{
    word = htole32(word);
    memcpy(bytes, &word, sizeof word);
}

/* Each loop is written for one kind of word, and compiled for each step that is common. */
#define FOR_WORDS(bits, call8, call16, call32)                                                               \
    do {                                                                                                     \
        switch (bits) {                                                                                      \
        case 8:                                                                                              \
            call8;                                                                                           \
            break;                                                                                           \
        case 16:                                                                                             \
            call16;                                                                                          \
            break;                                                                                           \
        default:                                                                                             \
            call32;                                                                                          \
            break;                                                                                           \
        }                                                                                                    \
    } while (0)

/* ---- Precision, range ---- */

/* The bits in which any word differs from its sign (from 0 where it has none). */
#define DEFINE_USED_BITS(bits)                                                                               \
    static uint32_t used_bits_u##bits(const uint8_t *native, size_t count)                                   \
    {                                                                                                        \
        uint##bits##_t used = 0;                                                                             \
        for (size_t i = 0; i < count; i++)                                                                   \
            used = (uint##bits##_t)(used | load##bits(native + i * (bits / 8)));                             \
        return used;                                                                                         \
    }                                                                                                        \
    static uint32_t used_bits_s##bits(const uint8_t *native, size_t count)                                   \
    {                                                                                                        \
        uint##bits##_t used = 0;                                                                             \
        for (size_t i = 0; i < count; i++) {                                                                 \
            const int##bits##_t word = (int##bits##_t)load##bits(native + i * (bits / 8));                   \
            used = (uint##bits##_t)(used | (uint##bits##_t)(word ^ (word >> (bits - 1))));                   \
        }                                                                                                    \
        return used;                                                                                         \
    }

DEFINE_USED_BITS(8)
DEFINE_USED_BITS(16)
DEFINE_USED_BITS(32)

uint16_t transcode_samples_precision(const TranscodeLayout *layout, const uint8_t *native, size_t size)
{
    const size_t count = size / transcode_sample_size(layout);
    const uint16_t bits = (uint16_t)(layout->high_bit + 1); /* bits_stored of them, mostly */
    uint32_t used = 0;

    if (layout->is_signed)
        FOR_WORDS(layout->bits_allocated, used = used_bits_s8(native, count),
                  used = used_bits_s16(native, count), used = used_bits_s32(native, count));
    else
        FOR_WORDS(layout->bits_allocated, used = used_bits_u8(native, count),
                  used = used_bits_u16(native, count), used = used_bits_u32(native, count));
    const uint32_t room = layout->is_signed ? bits - 1u : bits;
    return (uint64_t)used >> room ? layout->bits_allocated : bits;
}

#define DEFINE_RANGE(name, bits, type)                                                                       \
    static void name(const uint8_t *native, size_t count, int64_t *ret_smallest, int64_t *ret_largest)       \
    {                                                                                                        \
        type smallest = (type)load##bits(native);                                                            \
        type largest = smallest;                                                                             \
        for (size_t i = 1; i < count; i++) {                                                                 \
            const type word = (type)load##bits(native + i * (bits / 8));                                     \
            smallest = word < smallest ? word : smallest;                                                    \
            largest = word > largest ? word : largest;                                                       \
        }                                                                                                    \
        *ret_smallest = (int64_t)smallest;                                                                   \
        *ret_largest = (int64_t)largest;                                                                     \
    }

DEFINE_RANGE(range_u8, 8, uint8_t)
DEFINE_RANGE(range_s8, 8, int8_t)
DEFINE_RANGE(range_u16, 16, uint16_t)
DEFINE_RANGE(range_s16, 16, int16_t)
DEFINE_RANGE(range_u32, 32, uint32_t)
DEFINE_RANGE(range_s32, 32, int32_t)

void transcode_samples_range(const TranscodeLayout *layout, const uint8_t *native, size_t size,
                             int64_t *ret_smallest, int64_t *ret_largest)
{
    const size_t count = size / transcode_sample_size(layout);

    if (layout->is_signed)
        FOR_WORDS(layout->bits_allocated, range_s8(native, count, ret_smallest, ret_largest),
                  range_s16(native, count, ret_smallest, ret_largest),
                  range_s32(native, count, ret_smallest, ret_largest));
    else
        FOR_WORDS(layout->bits_allocated, range_u8(native, count, ret_smallest, ret_largest),
                  range_u16(native, count, ret_smallest, ret_largest),
                  range_u32(native, count, ret_smallest, ret_largest));
}

/* ---- Signs ---- */

#define DEFINE_EXTEND(bits)                                                                                  \
    INLINE void extend_words##bits(uint8_t *native, size_t count, uint32_t unused, bool is_signed)           \
    {                                                                                                        \
        for (size_t i = 0; i < count; i++) {                                                                 \
            uint8_t *at = native + i * (bits / 8);                                                           \
            const uint##bits##_t up = (uint##bits##_t)((uint32_t)load##bits(at) << unused);                  \
            const int32_t sign = (int32_t)(int##bits##_t)up >> unused;                                       \
            store##bits(at, (uint##bits##_t)(is_signed ? (uint32_t)sign : (uint32_t)up >> unused));          \
        }                                                                                                    \
    }                                                                                                        \
    static void extend##bits(uint8_t *native, size_t count, uint32_t unused, bool is_signed)                 \
    {                                                                                                        \
        if (is_signed)                                                                                       \
            extend_words##bits(native, count, unused, true);                                                 \
        else                                                                                                 \
            extend_words##bits(native, count, unused, false);                                                \
    }

DEFINE_EXTEND(8)
DEFINE_EXTEND(16)
DEFINE_EXTEND(32)

void transcode_samples_extend(const TranscodeLayout *layout, uint32_t precision, uint8_t *native,
                              size_t count)
{
    if (precision >= layout->bits_allocated)
        return;
    const uint32_t unused = layout->bits_allocated - precision;
    const bool is_signed = layout->is_signed;
    FOR_WORDS(layout->bits_allocated, extend8(native, count, unused, is_signed),
              extend16(native, count, unused, is_signed), extend32(native, count, unused, is_signed));
}

/* ---- To and from the planes of integers that JPEG 2000 works on ---- */

#define DEFINE_INTS(bits)                                                                                    \
    INLINE void to_ints_of##bits(const uint8_t *native, size_t step, bool is_signed, size_t count,           \
                                 int32_t *ints)                                                              \
    {                                                                                                        \
        for (size_t i = 0; i < count; i++) {                                                                 \
            const uint##bits##_t word = load##bits(native + i * step * (bits / 8));                          \
            ints[i] = is_signed ? (int32_t)(int##bits##_t)word : (int32_t)word;                              \
        }                                                                                                    \
    }                                                                                                        \
    INLINE void to_ints_by##bits(const uint8_t *native, size_t step, bool is_signed, size_t count,           \
                                 int32_t *ints)                                                              \
    {                                                                                                        \
        if (is_signed)                                                                                       \
            to_ints_of##bits(native, step, true, count, ints);                                               \
        else                                                                                                 \
            to_ints_of##bits(native, step, false, count, ints);                                              \
    }                                                                                                        \
    static void to_ints##bits(const uint8_t *native, size_t step, bool is_signed, size_t count,              \
                              int32_t *ints)                                                                 \
    {                                                                                                        \
        if (step == 1)                                                                                       \
            to_ints_by##bits(native, 1, is_signed, count, ints);                                             \
        else if (step == 3)                                                                                  \
            to_ints_by##bits(native, 3, is_signed, count, ints);                                             \
        else                                                                                                 \
            to_ints_by##bits(native, step, is_signed, count, ints);                                          \
    }                                                                                                        \
    INLINE void from_ints_of##bits(const int32_t *ints, size_t count, uint32_t unused, bool is_signed,       \
                                   size_t step, uint8_t *native)                                             \
    {                                                                                                        \
        for (size_t i = 0; i < count; i++) {                                                                 \
            const uint32_t up = (uint32_t)ints[i] << unused;                                                 \
            store##bits(native + i * step * (bits / 8),                                                      \
                        (uint##bits##_t)(is_signed ? (uint32_t)((int32_t)up >> unused) : up >> unused));     \
        }                                                                                                    \
    }                                                                                                        \
    INLINE void from_ints_by##bits(const int32_t *ints, size_t count, uint32_t unused, bool is_signed,       \
                                   size_t step, uint8_t *native)                                             \
    {                                                                                                        \
        if (is_signed)                                                                                       \
            from_ints_of##bits(ints, count, unused, true, step, native);                                     \
        else                                                                                                 \
            from_ints_of##bits(ints, count, unused, false, step, native);                                    \
    }                                                                                                        \
    static void from_ints##bits(const int32_t *ints, size_t count, uint32_t unused, bool is_signed,          \
                                size_t step, uint8_t *native)                                                \
    {                                                                                                        \
        if (step == 1)                                                                                       \
            from_ints_by##bits(ints, count, unused, is_signed, 1, native);                                   \
        else if (step == 3)                                                                                  \
            from_ints_by##bits(ints, count, unused, is_signed, 3, native);                                   \
        else                                                                                                 \
            from_ints_by##bits(ints, count, unused, is_signed, step, native);                                \
    }

DEFINE_INTS(8)
DEFINE_INTS(16)
DEFINE_INTS(32)

void transcode_samples_to_ints(const TranscodeLayout *layout, const uint8_t *native, size_t count,
                               int32_t *ret_values)
{
    const size_t step = layout->samples_per_pixel;
    const bool is_signed = layout->is_signed;

    FOR_WORDS(layout->bits_allocated, to_ints8(native, step, is_signed, count, ret_values),
              to_ints16(native, step, is_signed, count, ret_values),
              to_ints32(native, step, is_signed, count, ret_values));
}

void transcode_samples_from_ints(const TranscodeLayout *layout, uint32_t precision, const int32_t *values,
                                 size_t count, uint8_t *ret_native)
{
    const size_t step = layout->samples_per_pixel;
    const uint32_t unused = 32 - precision;
    const bool is_signed = layout->is_signed;

    FOR_WORDS(layout->bits_allocated, from_ints8(values, count, unused, is_signed, step, ret_native),
              from_ints16(values, count, unused, is_signed, step, ret_native),
              from_ints32(values, count, unused, is_signed, step, ret_native));
}

/* ---- Widths ---- */

static uint32_t load(const uint8_t *bytes, uint32_t bits)
{
    return bits == 8 ? load8(bytes) : bits == 16 ? load16(bytes) : load32(bytes);
}

static void store(uint8_t *bytes, uint32_t bits, uint32_t word)
{
    FOR_WORDS(bits, store8(bytes, (uint8_t)word), store16(bytes, (uint16_t)word), store32(bytes, word));
}

void transcode_samples_convert(const uint8_t *from, TranscodeWords from_words, uint8_t *to,
                               TranscodeWords to_words, size_t count)
{
    const size_t from_step = from_words.step * from_words.bits / 8;
    const size_t to_step = to_words.step * to_words.bits / 8;

    for (size_t i = 0; i < count; i++, from += from_step, to += to_step)
        store(to, to_words.bits, load(from, from_words.bits));
}
