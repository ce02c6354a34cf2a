#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Inside charset.c and charset_terms.c only: the sets of characters that (0008,0005) may name, and how a term
 * uses them. A code is a Unicode code point; PACS_CHARSET_UNKNOWN (U+FFFD) where a set has no character.
 *
 * The tables are our own and not iconv's: no modules that a slim image leaves out, no handles, no state, and
 * hostile bytes meet code that is ours to fuzz.
 */
#define PACS_CHARSET_UNKNOWN 0xFFFDu

/** Graphic sets of ISO 2022, any of which can be designated to G0 (bytes 21-7E) or G1 (A1-FE or A0-FF). */
typedef enum PacsCharsetSet {
    PACS_CHARSET_NO_SET,
    PACS_CHARSET_ASCII,
    PACS_CHARSET_JIS_ROMAN, /* ASCII but for yen sign and overline */
    PACS_CHARSET_JIS_KATAKANA,
    PACS_CHARSET_LATIN_1,
    PACS_CHARSET_LATIN_2,
    PACS_CHARSET_LATIN_3,
    PACS_CHARSET_LATIN_4,
    PACS_CHARSET_LATIN_5,
    PACS_CHARSET_LATIN_9,
    PACS_CHARSET_CYRILLIC,
    PACS_CHARSET_ARABIC,
    PACS_CHARSET_GREEK,
    PACS_CHARSET_HEBREW,
    PACS_CHARSET_THAI,
    PACS_CHARSET_JIS_X0208, /* from here on two bytes a character */
    PACS_CHARSET_JIS_X0212,
    PACS_CHARSET_KS_X1001,
    PACS_CHARSET_GB_2312,
} PacsCharsetSet;

static inline bool pacs_charset_set_is_double(PacsCharsetSet set)
{
    return set >= PACS_CHARSET_JIS_X0208;
}

/** Character at 20-7F of a single-byte set. */
uint32_t pacs_charset_set_single(PacsCharsetSet set, uint8_t byte);

/** Character at two bytes, each 21-7E, of a double-byte set. */
uint32_t pacs_charset_set_double(PacsCharsetSet set, uint8_t first, uint8_t second);

/** GB 18030: two bytes 81-FE, 40-FE without 7F; four bytes, by their linear number (0 is 81308130). */
uint32_t pacs_charset_gb18030_two(uint8_t first, uint8_t second);
uint32_t pacs_charset_gb18030_four(uint32_t number);

/** Upper half, 80-FF, of the Windows code page that Orthanc's configuration may name. */
uint32_t pacs_charset_windows_1251(uint8_t byte);

/** How the bytes of a term are read. */
typedef enum PacsCharsetEncoding {
    PACS_CHARSET_ISO_2022,
    PACS_CHARSET_UTF_8,
    PACS_CHARSET_GB_18030, /* GBK too, of which it is a superset */
    PACS_CHARSET_WINDOWS_1251,
} PacsCharsetEncoding;

typedef struct PacsCharsetTerm {
    const char *term;
    enum {
        PACS_CHARSET_SINGLE,    /* "ISO_IR 100": may only stand alone */
        PACS_CHARSET_EXTENSION, /* "ISO 2022 IR 100": one of several */
        PACS_CHARSET_ALIAS,     /* met in the wild, or Orthanc's */
    } form;
    PacsCharsetEncoding encoding;
    PacsCharsetSet g0; /* what the term puts into G0 and G1 where it is value 1 (PS3.3 table C.12-2, -3) */
    PacsCharsetSet g1;
} PacsCharsetTerm;

/** The term of a number in PacsCharset.terms. Static. */
const PacsCharsetTerm *pacs_charset_term(uint8_t number);
