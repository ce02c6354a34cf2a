#include "pacs/util/text.h"

#include <assert.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

PacsSlice pacs_slice(const char *text)
{
    return text ? (PacsSlice){text, strlen(text)} : PACS_SLICE("");
}

bool pacs_slice_equal(PacsSlice slice, const char *text)
{
    size_t size = strlen(text);
    return slice.size == size && (size == 0 || memcmp(slice.text, text, size) == 0);
}

bool pacs_slice_equal_case(PacsSlice slice, const char *text)
{
    if (slice.size != strlen(text))
        return false;
    for (size_t i = 0; i < slice.size; i++)
        if (lower(slice.text[i]) != lower(text[i]))
            return false;
    return true;
}

PacsSlice pacs_slice_trim(PacsSlice slice)
{
    while (slice.size > 0 && is_space(slice.text[0])) {
        slice.text++;
        slice.size--;
    }
    while (slice.size > 0 && is_space(slice.text[slice.size - 1]))
        slice.size--;
    return slice;
}

/* Greedy with one way back: on a mismatch only the last * can give in, so time is at most the product. */
bool pacs_slice_matches(PacsSlice slice, const char *pattern)
{
    const char *star = NULL;
    size_t at = 0, star_at = 0;

    while (at < slice.size) {
        if (*pattern == '*') {
            star = pattern++;
            star_at = at;
        } else if (*pattern == '?' || (*pattern && *pattern == slice.text[at])) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star + 1;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool pacs_slice_split(PacsSlice *rest, char separator, PacsSlice *ret_part)
{
    if (!rest->text)
        return false;
    const char *end = rest->size > 0 ? memchr(rest->text, separator, rest->size) : NULL;
    if (!end) {
        *ret_part = *rest;
        *rest = (PacsSlice){0};
        return true;
    }
    size_t size = (size_t)(end - rest->text);
    *ret_part = (PacsSlice){rest->text, size};
    *rest = (PacsSlice){end + 1, rest->size - size - 1};
    return true;
}

bool pacs_text_copy(char *out, size_t size, const char *text)
{
    assert(size > 0);
    size_t length = strnlen(text, size);
    bool fits = length < size;
    if (!fits)
        length = size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
    return fits;
}

static bool parse_digits(PacsSlice text, uint64_t max, uint64_t *ret_value)
{
    if (text.size == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.text[i] < '0' || text.text[i] > '9')
            return false;
        unsigned digit = (unsigned)(text.text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return value <= max;
}

PacsStatus pacs_parse_u64(PacsSlice text, uint64_t max, uint64_t *ret_value, PacsError *err)
{
    uint64_t value = 0;
    if (!parse_digits(text, max, &value))
        return pacs_fail(err, PACS_INVALID, "not a whole number from 0 to %llu", (unsigned long long)max);
    *ret_value = value;
    return PACS_OK;
}

/* The distance from 0 to INT64_MIN, which is one more than to INT64_MAX. */
#define INT64_MIN_SIZE ((uint64_t)INT64_MAX + 1)

static bool parse_signed(PacsSlice text, int64_t *ret_value)
{
    bool negative = text.size > 0 && text.text[0] == '-';
    if (text.size > 0 && (negative || text.text[0] == '+'))
        text = (PacsSlice){text.text + 1, text.size - 1};

    uint64_t size = 0;
    if (!parse_digits(text, negative ? INT64_MIN_SIZE : INT64_MAX, &size))
        return false;
    if (!negative)
        *ret_value = (int64_t)size;
    else
        *ret_value = size == INT64_MIN_SIZE ? INT64_MIN : -(int64_t)size;
    return true;
}

PacsStatus pacs_parse_i64(PacsSlice text, int64_t min, int64_t max, int64_t *ret_value, PacsError *err)
{
    int64_t value = 0;
    if (!parse_signed(text, &value) || value < min || value > max)
        return pacs_fail(err, PACS_INVALID, "not a whole number from %lld to %lld", (long long)min,
                         (long long)max);
    *ret_value = value;
    return PACS_OK;
}

void pacs_hex_format(const uint8_t *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

/* 16 for what is no digit. */
static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = lower(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

PacsStatus pacs_hex_parse(PacsSlice text, uint8_t *ret_bytes, size_t size, PacsError *err)
{
    bool good = text.size % 2 == 0 && text.size / 2 == size;
    for (size_t i = 0; good && i < text.size; i++)
        good = hex_value(text.text[i]) < 16;
    if (!good)
        return pacs_fail(err, PACS_INVALID, "not %zu bytes in hexadecimal", size);

    for (size_t i = 0; i < size; i++)
        ret_bytes[i] = (uint8_t)(hex_value(text.text[2 * i]) << 4 | hex_value(text.text[2 * i + 1]));
    return PACS_OK;
}

/* What the first byte says of a character: its length, its own bits, and the smallest code point that needs
 * this length (anything smaller is an overlong form). */
typedef struct Lead {
    uint8_t mask;
    uint8_t bits;
    uint8_t size;
    uint32_t smallest;
} Lead;

static const Lead leads[] = {
    {.mask = 0x80, .bits = 0x00, .size = 1, .smallest = 0},
    {.mask = 0xE0, .bits = 0xC0, .size = 2, .smallest = 0x80},
    {.mask = 0xF0, .bits = 0xE0, .size = 3, .smallest = 0x800},
    {.mask = 0xF8, .bits = 0xF0, .size = 4, .smallest = 0x10000},
};

static const Lead *find_lead(uint8_t byte)
{
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if ((byte & leads[i].mask) == leads[i].bits)
            return &leads[i];
    return NULL;
}

size_t pacs_utf8_next(const char *text, size_t size, uint32_t *ret_code_point)
{
    const uint8_t *bytes = (const uint8_t *)text;
    const Lead *lead = size > 0 ? find_lead(bytes[0]) : NULL;
    if (!lead || lead->size > size)
        return 0;

    uint32_t code_point = bytes[0] & (uint32_t)~lead->mask;
    for (size_t i = 1; i < lead->size; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        code_point = code_point << 6 | (bytes[i] & 0x3F);
    }
    bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < lead->smallest || surrogate || code_point > 0x10FFFF)
        return 0;
    *ret_code_point = code_point;
    return lead->size;
}

/** Bytes at the start that are surely ASCII: most of most texts, looked at eight at once. */
static size_t ascii_run(const char *text, size_t size)
{
    size_t at = 0;
    uint64_t eight;

    for (; at + sizeof eight <= size; at += sizeof eight) {
        memcpy(&eight, text + at, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    return at;
}

bool pacs_utf8_valid(const char *text, size_t size)
{
    for (size_t at = 0; (at += ascii_run(text + at, size - at)) < size;) {
        uint32_t code_point;
        size_t length = pacs_utf8_next(text + at, size - at, &code_point);
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

size_t pacs_utf8_cut(const char *text, size_t size, size_t max)
{
    if (size <= max)
        return size;
    size_t cut = max;
    while (cut > 0 && max - cut < 3 && ((uint8_t)text[cut] & 0xC0) == 0x80)
        cut--;
    return cut;
}
