#include <stdio.h>
#include <string.h>

#include "pacs/util/clock.h"
#include "pacs/util/hash.h"

#define UUID_SIZE 16
#define UUID_DECIMAL_DIGITS 39 /* 2^128 has 39 */

/* RFC 9562 section 4: version in the high half of byte 6, variant 0b10 at the top of byte 8. */
static void mark(uint8_t uuid[UUID_SIZE], unsigned version)
{
    uuid[6] = (uint8_t)((uuid[6] & 0x0F) | version << 4);
    uuid[8] = (uint8_t)((uuid[8] & 0x3F) | 0x80);
}

PacsStatus pacs_uuid7(char ret_text[37], PacsError *err)
{
    uint8_t u[UUID_SIZE];
    PacsStatus status = pacs_random(u, sizeof u, err);
    if (status != PACS_OK)
        return status;

    uint64_t now_ms = (uint64_t)pacs_now_ms();
    for (int i = 0; i < 6; i++)
        u[i] = (uint8_t)(now_ms >> (8 * (5 - i))); /* 48 bits, most significant byte first */
    mark(u, 7);
    (void)snprintf(ret_text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
                   u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
                   u[15]);
    return PACS_OK;
}

/* Divides the big-endian number by ten in place; returns the remainder. */
static unsigned divide_by_10(uint8_t number[UUID_SIZE])
{
    unsigned rest = 0;
    for (int i = 0; i < UUID_SIZE; i++) {
        unsigned part = rest << 8 | number[i];
        number[i] = (uint8_t)(part / 10);
        rest = part % 10;
    }
    return rest;
}

/* Without leading zeros, which a UID component must not have. */
static void format_decimal(uint8_t number[UUID_SIZE], char out[UUID_DECIMAL_DIGITS + 1])
{
    char digits[UUID_DECIMAL_DIGITS];
    size_t start = sizeof digits;
    static const uint8_t zero[UUID_SIZE];
    do
        digits[--start] = (char)('0' + divide_by_10(number));
    while (memcmp(number, zero, sizeof zero) != 0);
    memcpy(out, digits + start, sizeof digits - start);
    out[sizeof digits - start] = '\0';
}

PacsStatus pacs_mint_uid(char ret_uid[65], PacsError *err)
{
    uint8_t uuid[UUID_SIZE];
    PacsStatus status = pacs_random(uuid, sizeof uuid, err);
    if (status != PACS_OK)
        return status;
    mark(uuid, 4);

    char decimal[UUID_DECIMAL_DIGITS + 1];
    format_decimal(uuid, decimal);
    (void)snprintf(ret_uid, 65, "2.25.%s", decimal);
    return PACS_OK;
}
