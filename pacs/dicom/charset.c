#include "pacs/dicom/charset.h"

#include <string.h>

#include "pacs/dicom/charset_sets.h"

#define ESC 0x1B

/* Where a value's reader stands. One character at a time, both for converting and for finding the
 * next `\`. */
typedef struct Decoder {
    const uint8_t *at;
    const uint8_t *end;
    PacsCharsetEncoding encoding;
    PacsCharsetSet start_g0; /* what value 1 of (0008,0005) designates, in force again after each delimiter */
    PacsCharsetSet start_g1;
    PacsCharsetSet other_g1; /* of a further value: what high bytes mean while nothing is in G1 */
    PacsCharsetSet g0;
    PacsCharsetSet g1;
    bool many;      /* `\` separates values */
    bool name;      /* `^` and `=` separate parts of a PN */
    bool separator; /* the character just read was such a `\` */
} Decoder;

/* What next_character() gives for an escape sequence: it stands for no character. */
#define NO_CHARACTER UINT32_MAX

/* ---- Escape sequences: PS3.3 tables C.12-3 and C.12-4 ---- */

static const struct {
    char bytes[4]; /* after ESC */
    bool to_g1;
    PacsCharsetSet set;
} escapes[] = {
    {"(B", false, PACS_CHARSET_ASCII},
    {"(J", false, PACS_CHARSET_JIS_ROMAN},
    {")I", true, PACS_CHARSET_JIS_KATAKANA},
    {"-A", true, PACS_CHARSET_LATIN_1},
    {"-B", true, PACS_CHARSET_LATIN_2},
    {"-C", true, PACS_CHARSET_LATIN_3},
    {"-D", true, PACS_CHARSET_LATIN_4},
    {"-L", true, PACS_CHARSET_CYRILLIC},
    {"-G", true, PACS_CHARSET_ARABIC},
    {"-F", true, PACS_CHARSET_GREEK},
    {"-H", true, PACS_CHARSET_HEBREW},
    {"-M", true, PACS_CHARSET_LATIN_5},
    {"-b", true, PACS_CHARSET_LATIN_9},
    {"-T", true, PACS_CHARSET_THAI},
    {"$B", false, PACS_CHARSET_JIS_X0208},
    {"$(D", false, PACS_CHARSET_JIS_X0212},
    {"$)C", true, PACS_CHARSET_KS_X1001},
    {"$)A", true, PACS_CHARSET_GB_2312},
    /* not DICOM's, but written by libraries for Japanese mail: the set of 1978, katakana in G0 */
    {"$@", false, PACS_CHARSET_JIS_X0208},
    {"(I", false, PACS_CHARSET_JIS_KATAKANA},
};

/* Sets that were not declared are honoured too: the bytes after an escape sequence mean nothing else. */
static uint32_t read_escape(Decoder *decoder)
{
    decoder->at++;
    size_t left = (size_t)(decoder->end - decoder->at);
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        size_t size = strlen(escapes[i].bytes);
        if (size > left || memcmp(decoder->at, escapes[i].bytes, size) != 0)
            continue;
        decoder->at += size;
        if (escapes[i].to_g1)
            decoder->g1 = escapes[i].set;
        else
            decoder->g0 = escapes[i].set;
        return NO_CHARACTER;
    }
    return PACS_CHARSET_UNKNOWN;
}

/* ---- ISO 2022 ---- */

static void reset_sets(Decoder *decoder)
{
    decoder->g0 = decoder->start_g0;
    decoder->g1 = decoder->start_g1;
}

/* The byte at the decoder's place as one of PS3.5 6.1.2.5.3's delimiters; false if it is none here. */
static bool read_delimiter(Decoder *decoder, uint32_t *ret_code)
{
    uint8_t byte = *decoder->at;
    decoder->separator = decoder->many && byte == '\\';
    if (!decoder->separator && !(decoder->name && (byte == '^' || byte == '=')))
        return false;
    reset_sets(decoder);
    decoder->at++;
    *ret_code = byte;
    return true;
}

static bool is_graphic(uint8_t byte)
{
    return byte >= 0x21 && byte <= 0x7E;
}

/* Two bytes out of a double-byte set; `high` is 0x80 in G1. A first byte without its second is read alone, as
 * the delimiter it may be: some writers forget to leave JIS X 0208 before `^`. */
static uint32_t read_double(Decoder *decoder, PacsCharsetSet set, uint8_t high)
{
    uint8_t first = decoder->at[0] ^ high;
    uint8_t second = decoder->end - decoder->at > 1 ? decoder->at[1] ^ high : 0;
    if (is_graphic(first) && is_graphic(second)) {
        decoder->at += 2;
        return pacs_charset_set_double(set, first, second);
    }
    uint32_t code;
    if (read_delimiter(decoder, &code))
        return code;
    decoder->at++;
    return PACS_CHARSET_UNKNOWN;
}

/* ISO_IR 13 has nothing at 81-9F and E0-FC; files that name it hold Shift JIS there, which is JIS X 0208
 * folded into those rows. */
static bool read_shift_jis(Decoder *decoder, uint32_t *ret_code)
{
    uint8_t first = decoder->at[0];
    uint8_t second = decoder->end - decoder->at > 1 ? decoder->at[1] : 0;
    if (!((first >= 0x81 && first <= 0x9F) || (first >= 0xE0 && first <= 0xEF)))
        return false;
    if (second < 0x40 || second == 0x7F || second > 0xFC)
        return false;
    unsigned row = (first - (first < 0xA0 ? 0x81u : 0xC1u)) * 2;
    unsigned cell = second - 0x40u - (second > 0x7F);
    if (cell >= 94) {
        row++;
        cell -= 94;
    }
    *ret_code = pacs_charset_set_double(PACS_CHARSET_JIS_X0208, (uint8_t)(row + 0x21),
                                        (uint8_t)(cell + 0x21));
    decoder->at += 2;
    return true;
}

static uint32_t read_high(Decoder *decoder)
{
    uint8_t byte = *decoder->at;
    PacsCharsetSet set = decoder->g1 ? decoder->g1 : decoder->other_g1;
    if (pacs_charset_set_is_double(set))
        return read_double(decoder, set, 0x80);
    uint32_t code;
    if (set == PACS_CHARSET_JIS_KATAKANA && read_shift_jis(decoder, &code))
        return code;
    decoder->at++;
    if (set == PACS_CHARSET_NO_SET)
        return PACS_CHARSET_UNKNOWN;
    if (byte < 0xA0) /* C1 controls: not allowed, but what they are is no question */
        return byte;
    return pacs_charset_set_single(set, byte & 0x7F);
}

static uint32_t read_iso_2022(Decoder *decoder)
{
    uint8_t byte = *decoder->at;
    if (byte == ESC)
        return read_escape(decoder);
    if (byte >= 0x80)
        return read_high(decoder);
    if (byte < 0x20)
        reset_sets(decoder);
    if (is_graphic(byte) && pacs_charset_set_is_double(decoder->g0))
        return read_double(decoder, decoder->g0, 0);
    uint32_t code;
    if (read_delimiter(decoder, &code))
        return code;
    decoder->at++;
    return is_graphic(byte) ? pacs_charset_set_single(decoder->g0, byte) : byte;
}

/* ---- Encodings that stand alone ---- */

static bool within(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

static uint32_t read_gb18030(Decoder *decoder)
{
    const uint8_t *at = decoder->at;
    size_t left = (size_t)(decoder->end - at);
    if (left >= 2 && within(at[0], 0x81, 0xFE) && within(at[1], 0x40, 0xFE) && at[1] != 0x7F) {
        decoder->at += 2;
        return pacs_charset_gb18030_two(at[0], at[1]);
    }
    if (left >= 4 && within(at[0], 0x81, 0xFE) && within(at[1], '0', '9') && within(at[2], 0x81, 0xFE) &&
        within(at[3], '0', '9')) {
        decoder->at += 4;
        return pacs_charset_gb18030_four(((at[0] - 0x81u) * 10 + (at[1] - '0')) * 1260 +
                                         (at[2] - 0x81u) * 10 + (at[3] - '0'));
    }
    decoder->at++;
    return PACS_CHARSET_UNKNOWN;
}

/* The second byte's range tells overlong forms, surrogates and what is beyond Unicode (RFC 3629
 * section 4). */
static uint32_t read_utf8(Decoder *decoder)
{
    uint8_t first = *decoder->at++;
    if (!within(first, 0xC2, 0xF4))
        return PACS_CHARSET_UNKNOWN;
    unsigned more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    uint32_t code = first & (0x3Fu >> more);
    uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    for (; more > 0; more--) {
        if (decoder->at == decoder->end || !within(*decoder->at, low, high))
            return PACS_CHARSET_UNKNOWN;
        code = code << 6 | (*decoder->at++ & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    return code;
}

static uint32_t next_character(Decoder *decoder)
{
    decoder->separator = false;
    if (decoder->encoding == PACS_CHARSET_ISO_2022)
        return read_iso_2022(decoder);
    if (*decoder->at < 0x80) {
        decoder->separator = decoder->many && *decoder->at == '\\';
        return *decoder->at++;
    }
    switch (decoder->encoding) {
    case PACS_CHARSET_UTF_8:
        return read_utf8(decoder);
    case PACS_CHARSET_GB_18030:
        return read_gb18030(decoder);
    default:
        return pacs_charset_windows_1251(*decoder->at++);
    }
}

/* ---- The value ---- */

static void choose_sets(Decoder *decoder, const PacsCharset *charset)
{
    for (uint8_t i = 0; i < charset->count; i++) {
        const PacsCharsetTerm *term = pacs_charset_term(charset->terms[i]);
        if (term->encoding !=
            PACS_CHARSET_ISO_2022) { /* leaves no room for others, whatever stands beside it */
            decoder->encoding = term->encoding;
            return;
        }
        if (i == 0) {
            decoder->start_g0 = term->g0;
            decoder->start_g1 = term->g1;
        }
        if (!decoder->other_g1)
            decoder->other_g1 = term->g1;
    }
}

/* High bytes that no term explains, and no escape sequence: UTF-8 if it looks like it. */
static bool is_undeclared_utf8(const Decoder *decoder)
{
    size_t size = (size_t)(decoder->end - decoder->at);
    return decoder->encoding == PACS_CHARSET_ISO_2022 && !decoder->other_g1 && size &&
           !memchr(decoder->at, ESC, size) && pacs_utf8_valid((const char *)decoder->at, size);
}

static Decoder decoder_of(const PacsCharset *charset, PacsVr vr, const char *bytes, size_t size)
{
    Decoder decoder = {
        .at = (const uint8_t *)bytes, .end = (const uint8_t *)bytes + size, .start_g0 = PACS_CHARSET_ASCII};
    const PacsVrInfo *info = pacs_vr_info(vr);
    decoder.many = info->multi_valued;
    decoder.name = vr == PACS_VR_PN;
    if (info->charset)
        choose_sets(&decoder, charset);
    reset_sets(&decoder);
    return decoder;
}

/* Bytes from here on that are ASCII and leave the decoder as it is: nearly all text, copied as a run. */
static size_t plain_run(const Decoder *decoder)
{
    const uint8_t *at = decoder->at;
    if (decoder->encoding != PACS_CHARSET_ISO_2022) {
        while (at < decoder->end && *at < 0x80)
            at++;
    } else if (decoder->g0 == PACS_CHARSET_ASCII && decoder->start_g0 == PACS_CHARSET_ASCII &&
               decoder->g1 == decoder->start_g1) {
        while (at < decoder->end && *at < 0x80 && *at != ESC)
            at++;
    }
    return (size_t)(at - decoder->at);
}

static void add_character(PacsBuffer *out, uint32_t code)
{
    uint8_t bytes[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        bytes[i] = (uint8_t)(0x80 | (code & 0x3F));
    bytes[0] = (uint8_t)(lead[size] | code);
    (void)pacs_buffer_add(out, bytes, size); /* the buffer remembers, the caller checks once */
}

PacsStatus pacs_charset_to_utf8(const PacsCharset *charset, PacsVr vr, const char *bytes, size_t size,
                                PacsBuffer *out, PacsError *err)
{
    Decoder decoder = decoder_of(charset, vr, bytes, size);
    if (is_undeclared_utf8(&decoder)) /* not asked when splitting: no byte of UTF-8 looks like `\` */
        decoder.encoding = PACS_CHARSET_UTF_8;
    while (decoder.at < decoder.end && !out->failed) {
        size_t run = plain_run(&decoder);
        if (run) {
            (void)pacs_buffer_add(out, decoder.at, run);
            decoder.at += run;
            continue;
        }
        uint32_t code = next_character(&decoder);
        if (code != NO_CHARACTER)
            add_character(out, code);
    }
    return pacs_buffer_check(out, err);
}

/* The first `\` of the value that is a separator; NULL if there is none. */
static const char *find_separator(const PacsCharset *charset, PacsVr vr, PacsSlice value)
{
    if (!pacs_vr_info(vr)->multi_valued || value.size == 0 || !memchr(value.text, '\\', value.size))
        return NULL;
    Decoder decoder = decoder_of(charset, vr, value.text, value.size);
    while (decoder.at < decoder.end) {
        const uint8_t *at = decoder.at;
        (void)next_character(&decoder);
        if (decoder.separator)
            return (const char *)at;
    }
    return NULL;
}

bool pacs_charset_next_value(const PacsCharset *charset, PacsVr vr, PacsSlice *rest, PacsSlice *ret_value)
{
    if (!rest->text)
        return false;
    const char *end = find_separator(charset, vr, *rest);
    if (!end) {
        *ret_value = *rest;
        *rest = (PacsSlice){0};
        return true;
    }
    size_t size = (size_t)(end - rest->text);
    *ret_value = (PacsSlice){rest->text, size};
    *rest = (PacsSlice){end + 1, rest->size - size - 1};
    return true;
}
