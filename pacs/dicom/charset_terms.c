#include "pacs/dicom/charset.h"

#include <ctype.h>
#include <string.h>

#include "pacs/dicom/charset_sets.h"

#define SINGLE(name, g0, g1)                                                                                 \
    {                                                                                                        \
        name, PACS_CHARSET_SINGLE, PACS_CHARSET_ISO_2022, PACS_CHARSET_##g0, PACS_CHARSET_##g1               \
    }
#define EXTENSION(name, g0, g1)                                                                              \
    {                                                                                                        \
        name, PACS_CHARSET_EXTENSION, PACS_CHARSET_ISO_2022, PACS_CHARSET_##g0, PACS_CHARSET_##g1            \
    }
#define ALIAS(name, g0, g1)                                                                                  \
    {                                                                                                        \
        name, PACS_CHARSET_ALIAS, PACS_CHARSET_ISO_2022, PACS_CHARSET_##g0, PACS_CHARSET_##g1                \
    }
#define WHOLE(name, form, encoding)                                                                          \
    {                                                                                                        \
        name, PACS_CHARSET_##form, PACS_CHARSET_##encoding, PACS_CHARSET_ASCII, PACS_CHARSET_NO_SET          \
    }

/* PS3.3 tables C.12-2 to C.12-5, then what is met instead of them. Sets of two bytes that belong into G0 (87,
 * 159) only come there by an escape sequence. The first row is what a missing or empty value 1 means. Aliases
 * stand as normalise() writes. */
static const PacsCharsetTerm terms[] = {
    EXTENSION("ISO 2022 IR 6", ASCII, NO_SET),
    SINGLE("ISO_IR 100", ASCII, LATIN_1),
    SINGLE("ISO_IR 101", ASCII, LATIN_2),
    SINGLE("ISO_IR 109", ASCII, LATIN_3),
    SINGLE("ISO_IR 110", ASCII, LATIN_4),
    SINGLE("ISO_IR 144", ASCII, CYRILLIC),
    SINGLE("ISO_IR 127", ASCII, ARABIC),
    SINGLE("ISO_IR 126", ASCII, GREEK),
    SINGLE("ISO_IR 138", ASCII, HEBREW),
    SINGLE("ISO_IR 148", ASCII, LATIN_5),
    SINGLE("ISO_IR 203", ASCII, LATIN_9),
    SINGLE("ISO_IR 13", JIS_ROMAN, JIS_KATAKANA),
    SINGLE("ISO_IR 166", ASCII, THAI),
    EXTENSION("ISO 2022 IR 100", ASCII, LATIN_1),
    EXTENSION("ISO 2022 IR 101", ASCII, LATIN_2),
    EXTENSION("ISO 2022 IR 109", ASCII, LATIN_3),
    EXTENSION("ISO 2022 IR 110", ASCII, LATIN_4),
    EXTENSION("ISO 2022 IR 144", ASCII, CYRILLIC),
    EXTENSION("ISO 2022 IR 127", ASCII, ARABIC),
    EXTENSION("ISO 2022 IR 126", ASCII, GREEK),
    EXTENSION("ISO 2022 IR 138", ASCII, HEBREW),
    EXTENSION("ISO 2022 IR 148", ASCII, LATIN_5),
    EXTENSION("ISO 2022 IR 203", ASCII, LATIN_9),
    EXTENSION("ISO 2022 IR 13", JIS_ROMAN, JIS_KATAKANA),
    EXTENSION("ISO 2022 IR 166", ASCII, THAI),
    EXTENSION("ISO 2022 IR 87", ASCII, NO_SET),
    EXTENSION("ISO 2022 IR 159", ASCII, NO_SET),
    EXTENSION("ISO 2022 IR 149", ASCII, KS_X1001),
    EXTENSION("ISO 2022 IR 58", ASCII, GB_2312),
    WHOLE("ISO_IR 192", SINGLE, UTF_8),
    WHOLE("GB18030", SINGLE, GB_18030),
    WHOLE("GBK", SINGLE, GB_18030),

    /* single forms of sets that have none */
    ALIAS("ISOIR6", ASCII, NO_SET),
    ALIAS("ISOIR87", ASCII, NO_SET),
    ALIAS("ISOIR159", ASCII, NO_SET),
    ALIAS("ISOIR149", ASCII, KS_X1001),
    ALIAS("ISOIR58", ASCII, GB_2312),
    WHOLE("ISO2022IR192", ALIAS, UTF_8),
    WHOLE("ISO2022GB18030", ALIAS, GB_18030),
    WHOLE("ISO2022GBK", ALIAS, GB_18030),
    /* other names for the same */
    ALIAS("ISO88591", ASCII, LATIN_1),
    ALIAS("ISO88592", ASCII, LATIN_2),
    ALIAS("ISO88593", ASCII, LATIN_3),
    ALIAS("ISO88594", ASCII, LATIN_4),
    ALIAS("ISO88595", ASCII, CYRILLIC),
    ALIAS("ISO88596", ASCII, ARABIC),
    ALIAS("ISO88597", ASCII, GREEK),
    ALIAS("ISO88598", ASCII, HEBREW),
    ALIAS("ISO88599", ASCII, LATIN_5),
    ALIAS("ISO885911", ASCII, THAI),
    ALIAS("ISO885915", ASCII, LATIN_9),
    ALIAS("USASCII", ASCII, NO_SET),
    ALIAS("WINDOWS1252", ASCII, LATIN_1),
    ALIAS("TIS620", ASCII, THAI),
    ALIAS("SHIFTJIS", JIS_ROMAN, JIS_KATAKANA),
    ALIAS("SJIS", JIS_ROMAN, JIS_KATAKANA),
    ALIAS("EUCKR", ASCII, KS_X1001),
    ALIAS("KSC56011987", ASCII, KS_X1001),
    ALIAS("GB2312", ASCII, GB_2312),
    WHOLE("UNICODE", ALIAS, UTF_8),
    WHOLE("CP936", ALIAS, GB_18030),
    /* Orthanc's encodings (DefaultEncoding) */
    ALIAS("ASCII", ASCII, NO_SET),
    WHOLE("UTF8", ALIAS, UTF_8),
    ALIAS("LATIN1", ASCII, LATIN_1),
    ALIAS("LATIN2", ASCII, LATIN_2),
    ALIAS("LATIN3", ASCII, LATIN_3),
    ALIAS("LATIN4", ASCII, LATIN_4),
    ALIAS("LATIN5", ASCII, LATIN_5),
    ALIAS("LATIN9", ASCII, LATIN_9),
    ALIAS("CYRILLIC", ASCII, CYRILLIC),
    WHOLE("WINDOWS1251", ALIAS, WINDOWS_1251),
    ALIAS("ARABIC", ASCII, ARABIC),
    ALIAS("GREEK", ASCII, GREEK),
    ALIAS("HEBREW", ASCII, HEBREW),
    ALIAS("THAI", ASCII, THAI),
    ALIAS("JAPANESE", JIS_ROMAN, JIS_KATAKANA),
    ALIAS("JAPANESEKANJI", ASCII, NO_SET),
    ALIAS("KOREAN", ASCII, KS_X1001),
    WHOLE("CHINESE", ALIAS, GB_18030),
    ALIAS("SIMPLIFIEDCHINESE", ASCII, GB_2312),
};

#define TERM_COUNT (sizeof terms / sizeof terms[0])
_Static_assert(TERM_COUNT < 255, "numbers of terms are kept in a byte, 255 is none");
#define NO_TERM 255

const PacsCharsetTerm *pacs_charset_term(uint8_t number)
{
    return &terms[number < TERM_COUNT ? number : 0];
}

/* Letters and digits in upper case: "ISO-IR 100", "iso_ir_100" and "ISO_IR 100" are one. False: too long for
 * any term. */
static bool normalise(PacsSlice text, char out[32])
{
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.text[i];
        if (!isalnum(c))
            continue;
        if (size == 31)
            return false;
        out[size++] = (char)toupper(c);
    }
    out[size] = '\0';
    return true;
}

static uint8_t find_exact(PacsSlice text)
{
    for (size_t i = 0; i < TERM_COUNT; i++) {
        if (terms[i].form != PACS_CHARSET_ALIAS && pacs_slice_equal(text, terms[i].term))
            return (uint8_t)i;
    }
    return NO_TERM;
}

static uint8_t find_similar(PacsSlice text)
{
    char wanted[32];
    if (!normalise(text, wanted))
        return NO_TERM;
    for (size_t i = 0; i < TERM_COUNT; i++) {
        char term[32];
        if (normalise(pacs_slice(terms[i].term), term) && strcmp(term, wanted) == 0)
            return (uint8_t)i;
    }
    return NO_TERM;
}

static PacsSlice trim(PacsSlice value)
{
    while (value.size && value.text[value.size - 1] == '\0')
        value.size--;
    return pacs_slice_trim(value);
}

/* An empty value is the default repertoire, as the first of several usually is. */
static void add_term(PacsCharset *charset, PacsSlice text)
{
    uint8_t number = text.size ? find_exact(text) : 0;
    if (number == NO_TERM) {
        number = find_similar(text);
        charset->lenient = charset->lenient || number != NO_TERM;
    }
    if (number == NO_TERM || charset->count == PACS_CHARSET_MAX_TERMS) {
        charset->unknown = true;
        number = 0;
    }
    if (charset->count < PACS_CHARSET_MAX_TERMS)
        charset->terms[charset->count++] = number;
}

/* A term for one value among several, or the other way round: meant well enough to be understood. */
static bool forms_are_mixed(const PacsCharset *charset)
{
    for (uint8_t i = 0; i < charset->count; i++) {
        bool extension = terms[charset->terms[i]].form == PACS_CHARSET_EXTENSION;
        if (extension != (charset->count > 1))
            return true;
    }
    return false;
}

PacsCharset pacs_charset_parse(PacsSlice value)
{
    PacsCharset charset = {0};
    PacsSlice rest = trim(value);
    if (rest.size == 0)
        return charset;
    PacsSlice text;
    while (pacs_slice_split(&rest, '\\', &text))
        add_term(&charset, trim(text));
    charset.lenient = charset.lenient || (!charset.unknown && forms_are_mixed(&charset));
    return charset;
}
