#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/** ASCII that may stand in an AE title or a comment: no controls, no backslash, which separates values
 *  (PS3.5 6.2, AE and LO). */
static inline bool pacs_wire_is_text(char c)
{
    return c >= ' ' && c <= '~' && c != '\\';
}

/** Numbers of the upper layer are big endian (PS3.8 9.3.1), those of command sets little endian
 * (PS3.7 6.3.1). */

static inline uint16_t pacs_wire_u16_big(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t pacs_wire_u32_big(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint16_t pacs_wire_u16_little(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t pacs_wire_u32_little(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline void pacs_wire_put_u16_big(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline void pacs_wire_put_u32_big(uint8_t *bytes, uint32_t value)
{
    pacs_wire_put_u16_big(bytes, (uint16_t)(value >> 16));
    pacs_wire_put_u16_big(bytes + 2, (uint16_t)value);
}

static inline void pacs_wire_put_u16_little(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void pacs_wire_put_u32_little(uint8_t *bytes, uint32_t value)
{
    pacs_wire_put_u16_little(bytes, (uint16_t)value);
    pacs_wire_put_u16_little(bytes + 2, (uint16_t)(value >> 16));
}
