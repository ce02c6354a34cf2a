#include "pacs/dicom/charset_sets.h"

#include <uchar.h>

typedef struct Run {
    uint16_t number;
    uint16_t code;
} Run;

#include "pacs/dicom/charset_sets.inc"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A hole in a table: U+FFFD where its row has characters, 0 where the row is empty. */
static uint32_t known(char16_t code)
{
    return code ? code : PACS_CHARSET_UNKNOWN;
}

static const char16_t *const upper_halves[] = {
    [PACS_CHARSET_LATIN_1] = latin_1,   [PACS_CHARSET_LATIN_2] = latin_2, [PACS_CHARSET_LATIN_3] = latin_3,
    [PACS_CHARSET_LATIN_4] = latin_4,   [PACS_CHARSET_LATIN_5] = latin_5, [PACS_CHARSET_LATIN_9] = latin_9,
    [PACS_CHARSET_CYRILLIC] = cyrillic, [PACS_CHARSET_ARABIC] = arabic,   [PACS_CHARSET_GREEK] = greek,
    [PACS_CHARSET_HEBREW] = hebrew,     [PACS_CHARSET_THAI] = thai,
};

static uint32_t jis_roman(uint8_t byte)
{
    return byte == 0x5C ? 0xA5 : byte == 0x7E ? 0x203E : byte;
}

/* JIS X 0201: half-width forms in the order of Unicode. */
static uint32_t jis_katakana(uint8_t byte)
{
    return byte >= 0x21 && byte <= 0x5F ? 0xFF61u + byte - 0x21 : PACS_CHARSET_UNKNOWN;
}

uint32_t pacs_charset_set_single(PacsCharsetSet set, uint8_t byte)
{
    switch (set) {
    case PACS_CHARSET_ASCII:
        return byte;
    case PACS_CHARSET_JIS_ROMAN:
        return jis_roman(byte);
    case PACS_CHARSET_JIS_KATAKANA:
        return jis_katakana(byte);
    default:
        return set < COUNT(upper_halves) && upper_halves[set] ? upper_halves[set][byte - 0x20]
                                                              : PACS_CHARSET_UNKNOWN;
    }
}

uint32_t pacs_charset_set_double(PacsCharsetSet set, uint8_t first, uint8_t second)
{
    switch (set) {
    case PACS_CHARSET_JIS_X0208:
        return known(jis_x0208[first - 0x21][second - 0x21]);
    case PACS_CHARSET_JIS_X0212:
        return known(jis_x0212[first - 0x21][second - 0x21]);
    case PACS_CHARSET_KS_X1001:
        return known(ks_x1001[first - 0x21][second - 0x21]);
    case PACS_CHARSET_GB_2312: /* GB 18030 kept its places */
        return pacs_charset_gb18030_two(first | 0x80, second | 0x80);
    default:
        return PACS_CHARSET_UNKNOWN;
    }
}

/* Six characters of GB 18030-2022 lie beyond the table's 16 bits; the private codes they had until 2005 stand
 * for them. */
static const struct {
    uint16_t private_code;
    uint32_t code;
} beyond[] = {
    {0xE816, 0x20087}, {0xE817, 0x20089}, {0xE818, 0x200CC},
    {0xE831, 0x215D7}, {0xE83B, 0x2298F}, {0xE855, 0x241FE},
};

uint32_t pacs_charset_gb18030_two(uint8_t first, uint8_t second)
{
    uint32_t code = gb18030_two[first - 0x81][second - 0x40 - (second > 0x7F)];
    for (size_t i = 0; i < COUNT(beyond); i++) {
        if (beyond[i].private_code == code)
            return beyond[i].code;
    }
    return code;
}

uint32_t pacs_charset_gb18030_four(uint32_t number)
{
    const uint32_t basic_end = 39420;      /* 8431A439 is the last of the basic plane */
    const uint32_t supplementary = 189000; /* 90308130 is U+10000 */
    if (number >= supplementary && number - supplementary < 0x100000)
        return 0x10000 + number - supplementary;
    if (number >= basic_end)
        return PACS_CHARSET_UNKNOWN;
    size_t run = 0;
    for (size_t count = COUNT(gb18030_four); count > 1; count -= count / 2) {
        if (gb18030_four[run + count / 2].number <= number)
            run += count / 2;
    }
    return gb18030_four[run].code + (number - gb18030_four[run].number);
}

uint32_t pacs_charset_windows_1251(uint8_t byte)
{
    return windows_1251[byte - 0x80];
}
