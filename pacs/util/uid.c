#include <stdio.h>
#include <string.h>

#include "pacs/util/clock.h"
#include "pacs/util/hash.h"
#include "pacs/util/text.h"

#define UUID_SIZE 16
#define UUID_DECIMAL_DIGITS 39 /* 2^128 has 39 */

/* RFC 9562 section 4: version in the high half of byte 6, variant 0b10 at the top of byte 8. */
static void mark(uint8_t uuid[UUID_SIZE], unsigned version)
{
    uuid[6] = (uint8_t)((uuid[6] & 0x0F) | version << 4);
    uuid[8] = (uint8_t)((uuid[8] & 0x3F) | 0x80);
}

/* From a stock of the thread's: OpenSSL takes as long for sixteen bytes as for some hundreds. */
static PacsStatus take_random(uint8_t ret_bytes[UUID_SIZE], PacsError *err)
{
    static _Thread_local uint8_t stock[32 * UUID_SIZE];
    static _Thread_local size_t left;

    if (left == 0) {
        PacsStatus status = pacs_random(stock, sizeof stock, err);
        if (status != PACS_OK)
            return status;
        left = sizeof stock;
    }
    left -= UUID_SIZE;
    memcpy(ret_bytes, stock + left, UUID_SIZE);
    return PACS_OK;
}

PacsStatus pacs_uuid7(char ret_text[37], PacsError *err)
{
    static const size_t groups[] = {4, 2, 2, 2, 6}; /* bytes between the dashes */
    uint8_t u[UUID_SIZE];
    PacsStatus status = take_random(u, err);
    if (status != PACS_OK)
        return status;

    uint64_t now_ms = (uint64_t)pacs_now_ms();
    for (int i = 0; i < 6; i++)
        u[i] = (uint8_t)(now_ms >> (8 * (5 - i))); /* 48 bits, most significant byte first */
    mark(u, 7);
    char *out = ret_text;
    const uint8_t *in = u;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        pacs_hex_format(in, groups[i], out); /* and a NUL */
        in += groups[i];
        out += 2 * groups[i];
        *out++ = '-';
    }
    out[-1] = '\0';
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

PacsStatus pacs_derive_uid(const char *text, char ret_uid[65], PacsError *err)
{
    PACS_AUTO(PacsSha256) hash = NULL;
    uint8_t digest[PACS_SHA256_SIZE];
    char decimal[UUID_DECIMAL_DIGITS + 1];

    PacsStatus status = pacs_sha256_new(&hash, err);
    if (status == PACS_OK)
        status = pacs_sha256_add(hash, text, strlen(text), err);
    if (status == PACS_OK)
        status = pacs_sha256_finish(hash, digest, err);
    if (status != PACS_OK)
        return status;
    mark(digest, 8);
    format_decimal(digest, decimal);
    (void)snprintf(ret_uid, 65, "2.25.%s", decimal);
    return PACS_OK;
}
