#include "pacs/util/text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void format_group(const uint8_t *bytes, size_t count, char out[4])
{
    uint32_t bits = (uint32_t)bytes[0] << 16;
    if (count > 1)
        bits |= (uint32_t)bytes[1] << 8;
    if (count > 2)
        bits |= bytes[2];
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = (char)(count > 1 ? alphabet[bits >> 6 & 63] : '=');
    out[3] = (char)(count > 2 ? alphabet[bits & 63] : '=');
}

bool pacs_base64_format(PacsBuffer *out, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    while (size > 0) {
        char text[1024]; /* many groups per addition; the buffer's checks cost more than the coding */
        size_t used = 0;
        while (size > 0 && used < sizeof text) {
            size_t count = size < 3 ? size : 3;
            format_group(in, count, text + used);
            in += count;
            size -= count;
            used += 4;
        }
        if (!pacs_buffer_add(out, text, used))
            return false;
    }
    return !out->failed;
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Padding is right only where it completes a group; text without it may end anywhere. */
static PacsSlice without_padding(PacsSlice text)
{
    for (int i = 0; i < 2 && text.size % 4 != 1 && text.size > 0 && text.text[text.size - 1] == '='; i++)
        text.size--;
    return text;
}

PacsStatus pacs_base64_parse(PacsSlice text, PacsBuffer *out, PacsError *err)
{
    PacsSlice digits = text.size % 4 == 0 ? without_padding(text) : text;
    if (digits.size % 4 == 1)
        return pacs_fail(err, PACS_INVALID, "not base64: a digit is missing or too many");

    PacsStatus status = pacs_buffer_reserve(out, digits.size / 4 * 3 + digits.size % 4, err);
    if (status != PACS_OK)
        return status;

    size_t start = out->size;
    uint32_t bits = 0;
    unsigned bit_count = 0;
    for (size_t i = 0; i < digits.size; i++) {
        int value = digit_value(digits.text[i]);
        if (value < 0) {
            out->size = start;
            return pacs_fail(err, PACS_INVALID, "not base64: a wrong byte at %zu", i);
        }
        bits = bits << 6 | (uint32_t)value;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            out->bytes[out->size++] = (uint8_t)(bits >> bit_count);
        }
    }
    out->bytes[out->size] = '\0';
    return PACS_OK;
}
