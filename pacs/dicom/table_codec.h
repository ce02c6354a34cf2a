#pragma once

/** How the frame and bulk tables are written: little endian, and numbers of seven bits a byte where most are
 *  small (the last byte is the first below 128). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pacs/util/buffer.h"

static inline void table_put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static inline void table_put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static inline uint32_t table_get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline uint64_t table_get_u64(const uint8_t *bytes)
{
    return table_get_u32(bytes) | (uint64_t)table_get_u32(bytes + 4) << 32;
}

static inline bool table_add_u32(PacsBuffer *out, uint32_t value)
{
    uint8_t bytes[4];
    table_put_u32(bytes, value);
    return pacs_buffer_add(out, bytes, sizeof bytes);
}

static inline bool table_add_u64(PacsBuffer *out, uint64_t value)
{
    uint8_t bytes[8];
    table_put_u64(bytes, value);
    return pacs_buffer_add(out, bytes, sizeof bytes);
}

static inline bool table_add_varint(PacsBuffer *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[size++] = (uint8_t)(value | 0x80);
    bytes[size++] = (uint8_t)value;
    return pacs_buffer_add(out, bytes, size);
}

/** False at the end of the bytes or where a number is longer than 64 bits. */
static inline bool table_read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}
