#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/dicom/charset.h"
#include "pacs/util/text.h"

#define ESC "\x1b"

static void assert_converts_n(const char *charset, PacsVr vr, const char *bytes, size_t size,
                              const char *expected)
{
    PacsCharset parsed = pacs_charset_parse(pacs_slice(charset));
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(1 << 16);
    assert_int_equal(pacs_charset_to_utf8(&parsed, vr, bytes, size, &out, NULL), PACS_OK);
    assert_string_equal(pacs_buffer_text(&out), expected);
    assert_true(pacs_utf8_valid(pacs_buffer_text(&out), out.size));
}

static void assert_converts(const char *charset, PacsVr vr, const char *bytes, const char *expected)
{
    assert_converts_n(charset, vr, bytes, strlen(bytes), expected);
}

/* ---- The standard's examples ---- */

static void japanese_name_of_annex_h_1(void **state)
{
    (void)state;
    assert_converts("\\ISO 2022 IR 87", PACS_VR_PN,
                    "Yamada^Tarou=" ESC "$B;3ED" ESC "(B^" ESC "$BB@O:" ESC "(B=" ESC "$B$d$^$@" ESC "(B^" ESC
                    "$B$?$m$&" ESC "(B",
                    "Yamada^Tarou=山田^太郎=やまだ^たろう");
}

static void japanese_name_of_annex_h_2(void **state)
{
    (void)state;
    assert_converts("ISO 2022 IR 13\\ISO 2022 IR 87", PACS_VR_PN,
                    "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=" ESC "$B;3ED" ESC "(J^" ESC "$BB@O:" ESC "(J=" ESC
                    "$B$d$^$@" ESC "(J^" ESC "$B$?$m$&" ESC "(J",
                    "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
}

static void korean_name_of_annex_i(void **state)
{
    (void)state;
    assert_converts("\\ISO 2022 IR 149", PACS_VR_PN,
                    "Hong^Gildong=" ESC "$)C\xfb\xf3^" ESC "$)C\xd1\xce\xd4\xd7=" ESC "$)C\xc8\xab^" ESC
                    "$)C\xb1\xe6\xb5\xbf",
                    "Hong^Gildong=洪^吉洞=홍^길동");
}

static void chinese_names_of_annex_j(void **state)
{
    (void)state;
    assert_converts("ISO_IR 192", PACS_VR_PN, "Wang^XiaoDong=王^小东=", "Wang^XiaoDong=王^小东=");
    assert_converts("GB18030", PACS_VR_PN,
                    "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东=");
    assert_converts("GBK", PACS_VR_PN, "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东=");
}

static void chinese_name_of_annex_k(void **state)
{
    (void)state;
    assert_converts(
        "\\ISO 2022 IR 58", PACS_VR_PN,
        "Zhang^XiaoDong=" ESC "$)A\xd5\xc5^" ESC "$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东=");
}

static void each_line_of_a_text_starts_anew(void **state)
{
    (void)state;
    assert_converts(
        "\\ISO 2022 IR 149", PACS_VR_LT,
        ESC "$)CThe first line includes \xb1\xe6\xb5\xbf.\r\n" ESC
            "$)CThe second line includes \xb1\xe6\xb5\xbf, too.\r\nThe third line.\r\n",
        "The first line includes 길동.\r\nThe second line includes 길동, too.\r\nThe third line.\r\n");
}

/* ---- Single-byte sets ---- */

static void every_single_byte_term_has_its_own_upper_half(void **state)
{
    (void)state;
    static const struct {
        const char *charset;
        const char *expected; /* of A4 B1 D0 E6 */
    } cases[] = {
        {"ISO_IR 100", "¤±Ðæ"}, {"ISO_IR 101", "¤ąĐć"},      {"ISO_IR 109", "¤ħ\uFFFDĉ"},
        {"ISO_IR 110", "¤ąĐæ"}, {"ISO_IR 144", "ЄБац"},      {"ISO_IR 127", "¤\uFFFDذن"},
        {"ISO_IR 126", "€±Πζ"}, {"ISO_IR 138", "¤±\uFFFDז"}, {"ISO_IR 148", "¤±Ğæ"},
        {"ISO_IR 203", "€±Ðæ"}, {"ISO_IR 166", "คฑะๆ"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_converts(cases[i].charset, PACS_VR_LO, "\xa4\xb1\xd0\xe6", cases[i].expected);
}

static void extension_terms_mean_the_same_sets(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"ISO_IR 100", "ISO 2022 IR 100"}, {"ISO_IR 101", "ISO 2022 IR 101"},
        {"ISO_IR 109", "ISO 2022 IR 109"}, {"ISO_IR 110", "ISO 2022 IR 110"},
        {"ISO_IR 144", "ISO 2022 IR 144"}, {"ISO_IR 127", "ISO 2022 IR 127"},
        {"ISO_IR 126", "ISO 2022 IR 126"}, {"ISO_IR 138", "ISO 2022 IR 138"},
        {"ISO_IR 148", "ISO 2022 IR 148"}, {"ISO_IR 203", "ISO 2022 IR 203"},
        {"ISO_IR 166", "ISO 2022 IR 166"}, {"ISO_IR 13", "ISO 2022 IR 13"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        PacsCharset single = pacs_charset_parse(pacs_slice(pairs[i][0]));
        PACS_AUTO_BUFFER PacsBuffer expected = PACS_BUFFER(64);
        assert_int_equal(pacs_charset_to_utf8(&single, PACS_VR_LO, "\xb1\xd0", 2, &expected, NULL), PACS_OK);
        assert_converts(pairs[i][1], PACS_VR_LO, "\xb1\xd0", pacs_buffer_text(&expected));
    }
}

static void every_set_can_be_reached_by_its_escape_sequence(void **state)
{
    (void)state;
    static const struct {
        const char *escape;
        const char *expected; /* of B1 D0 */
    } cases[] = {
        {"-A", "±Ð"},      {"-B", "ąĐ"}, {"-C", "ħ\uFFFD"}, {"-D", "ąĐ"},  {"-L", "Ба"},
        {"-G", "\uFFFDذ"}, {"-F", "±Π"}, {"-H", "±\uFFFD"}, {"-M", "±Ğ"},  {"-b", "±Ð"},
        {"-T", "ฑะ"},      {")I", "ｱﾐ"}, {"$)C", "귈"},     {"$)A", "毙"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char bytes[16] = ESC;
        strcat(bytes, cases[i].escape);
        strcat(bytes, "\xb1\xd0");
        assert_converts("\\ISO 2022 IR 6", PACS_VR_LO, bytes, cases[i].expected);
    }
}

static void supplementary_kanji_come_by_their_escape_sequence(void **state)
{
    (void)state;
    assert_converts("\\ISO 2022 IR 87\\ISO 2022 IR 159", PACS_VR_LO,
                    ESC "$(D0!" ESC "(B-" ESC "$B0!" ESC "(B", "丂-亜");
}

static void jis_roman_has_a_yen_sign_and_an_overline(void **state)
{
    (void)state;
    assert_converts("ISO_IR 13", PACS_VR_LT, "\\~A", "¥‾A");
    assert_converts("ISO_IR 13", PACS_VR_LO, "A\\B", "A\\B"); /* 5/12 separates values all the same */
}

static void shift_jis_under_iso_ir_13_is_understood(void **state)
{
    (void)state;
    assert_converts("ISO_IR 13", PACS_VR_PN, "\x8e\x52\x93\x63^\xb1\x95\x5c", "山田^ｱ表");
}

static void c1_controls_stay_what_they_are(void **state)
{
    (void)state;
    assert_converts("ISO_IR 100", PACS_VR_LO,
                    "a\x93"
                    "b",
                    "a\xc2\x93"
                    "b");
}

static void korean_set_has_what_was_added_to_it(void **state)
{
    (void)state;
    assert_converts("ISO 2022 IR 149", PACS_VR_LO, "\xa2\xe6\xa2\xe8\xa4\xd4", "€㉾\u3164");
}

/* ---- Resets ---- */

static void delimiters_bring_value_1_back(void **state)
{
    (void)state;
    static const struct {
        PacsVr vr;
        const char *bytes;
        const char *expected;
    } cases[] = {
        {PACS_VR_PN, ESC "-L\xb1^\xb1=\xb1\\\xb1", "Б^±=±\\±"},
        {PACS_VR_LO, ESC "-L\xb1^\xb1=\xb1\\\xb1", "Б^Б=Б\\±"}, /* ^ and = are PN's */
        {PACS_VR_LT, ESC "-L\xb1\\\xb1", "Б\\Б"},               /* one value */
        {PACS_VR_LT, ESC "-L\xb1\r\n\xb1", "Б\r\n±"},
        {PACS_VR_LT, ESC "-L\xb1\t\xb1", "Б\t±"},
        {PACS_VR_LT, ESC "-L\xb1\f\xb1", "Б\f±"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_converts("ISO 2022 IR 100\\ISO 2022 IR 144", cases[i].vr, cases[i].bytes, cases[i].expected);
}

static void a_space_does_not_leave_a_double_byte_set(void **state)
{
    (void)state;
    assert_converts("\\ISO 2022 IR 87", PACS_VR_LO, ESC "$B;3 ED" ESC "(B", "山 田");
}

static void a_delimiter_ends_kanji_that_forgot_to_end(void **state)
{
    (void)state;
    assert_converts("\\ISO 2022 IR 87", PACS_VR_PN, ESC "$B;3ED^" ESC "$BB@O:", "山田^太郎");
    assert_converts("\\ISO 2022 IR 87", PACS_VR_LT, ESC "$B;3ED\r\nnext", "山田\r\nnext");
}

static void high_bytes_without_escape_take_the_declared_set(void **state)
{
    (void)state;
    /* after ^ the standard wants the escape sequence again; many writers leave it out */
    assert_converts("\\ISO 2022 IR 149", PACS_VR_PN, ESC "$)C\xfb\xf3^\xd1\xce\xd4\xd7", "洪^吉洞");
    assert_converts("ISO 2022 IR 149", PACS_VR_PN, "\xfb\xf3^\xd1\xce\xd4\xd7", "洪^吉洞");
}

/* ---- GB 18030 ---- */

static void gb18030_reads_codes_of_four_bytes(void **state)
{
    (void)state;
    assert_converts("GB18030", PACS_VR_LO, "\x81\x30\x81\x30", "\xc2\x80");
    assert_converts("GB18030", PACS_VR_LO, "\x81\x30\x84\x36", "¥");
    assert_converts("GB18030", PACS_VR_LO, "\x84\x31\xa4\x39", "\uFFFF");
    assert_converts("GB18030", PACS_VR_LO, "\x90\x30\x81\x30", "\U00010000");
    assert_converts("GB18030", PACS_VR_LO, "\xe3\x32\x9a\x35", "\U0010FFFF");
    assert_converts("GB18030", PACS_VR_LO, "\xe3\x32\x9a\x36", "\uFFFD");
    assert_converts("GB18030", PACS_VR_LO, "\x85\x30\x81\x30", "\uFFFD");
}

static void gb18030_gives_the_characters_of_2022(void **state)
{
    (void)state;
    assert_converts("GB18030", PACS_VR_LO, "\xa8\xbc\xa6\xd9\xfe\x51\xfe\x59", "ḿ︐𠂇龴");
}

static void a_backslash_inside_a_character_is_kept(void **state)
{
    (void)state;
    assert_converts("GB18030", PACS_VR_LO, "\x81\x5c\\\x95\x5c", "乗\\昞");
}

/* ---- Splitting ---- */

static void assert_splits(const char *charset, PacsVr vr, const char *bytes, const char *const *expected)
{
    PacsCharset parsed = pacs_charset_parse(pacs_slice(charset));
    PacsSlice rest = {bytes, strlen(bytes)};
    PacsSlice value;
    size_t count = 0;
    while (pacs_charset_next_value(&parsed, vr, &rest, &value)) {
        assert_non_null(expected[count]);
        assert_true(pacs_slice_equal(value, expected[count]));
        count++;
    }
    assert_null(expected[count]);
    assert_null(rest.text);
}

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void values_end_at_backslashes(void **state)
{
    (void)state;
    assert_splits("ISO_IR 100", PACS_VR_LO, "a\\\\b", VALUES("a", "", "b"));
    assert_splits("ISO_IR 100", PACS_VR_LO, "a\\", VALUES("a", ""));
    assert_splits("ISO_IR 100", PACS_VR_LO, "", VALUES(""));
    assert_splits("", PACS_VR_CS, "ORIGINAL\\PRIMARY", VALUES("ORIGINAL", "PRIMARY"));
    assert_splits("ISO_IR 13", PACS_VR_LO, "\xb1\\\xb2", VALUES("\xb1", "\xb2"));
}

static void vrs_of_one_value_are_not_split(void **state)
{
    (void)state;
    static const PacsVr whole[] = {PACS_VR_LT, PACS_VR_ST, PACS_VR_UT, PACS_VR_UR};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        assert_splits("ISO_IR 100", whole[i], "a\\b", VALUES("a\\b"));
}

static void the_second_half_of_a_character_does_not_split(void **state)
{
    (void)state;
    assert_splits("GB18030", PACS_VR_LO, "\x81\x5c\\\x95\x5c", VALUES("\x81\x5c", "\x95\x5c"));
    assert_splits("GBK", PACS_VR_PN, "\x81\x5c^\x81\x5c\\A", VALUES("\x81\x5c^\x81\x5c", "A"));
    /* 鰍 is 39 5C in JIS X 0208 */
    assert_splits("\\ISO 2022 IR 87", PACS_VR_LO, ESC "$B\x39\x5c" ESC "(B\\" ESC "$B;3" ESC "(B",
                  VALUES(ESC "$B\x39\x5c" ESC "(B", ESC "$B;3" ESC "(B"));
    assert_splits("ISO_IR 13", PACS_VR_LO, "\x95\x5c\\A", VALUES("\x95\x5c", "A"));
}

static void a_code_that_the_charset_does_not_concern_is_split_as_ascii(void **state)
{
    (void)state;
    assert_splits("GB18030", PACS_VR_CS, "\x81\x5c\x81", VALUES("\x81", "\x81"));
}

static void nothing_has_no_values(void **state)
{
    (void)state;
    PacsCharset charset = {0};
    PacsSlice rest = {NULL, 0};
    PacsSlice value;
    assert_false(pacs_charset_next_value(&charset, PACS_VR_LO, &rest, &value));
}

/* ---- Malformed input ---- */

static void broken_bytes_become_replacement_characters(void **state)
{
    (void)state;
    assert_converts("\\ISO 2022 IR 149", PACS_VR_LO, ESC "$)C\xb1", "\uFFFD");
    assert_converts("\\ISO 2022 IR 149", PACS_VR_LO,
                    ESC "$)C\xb1"
                        "a",
                    "\uFFFDa");
    assert_converts("\\ISO 2022 IR 87", PACS_VR_LO, ESC "$B;", "\uFFFD");
    assert_converts("\\ISO 2022 IR 87", PACS_VR_LO, ESC "$B)!" ESC "(Bx", "\uFFFDx"); /* row 9 is empty */
    assert_converts("\\ISO 2022 IR 87", PACS_VR_LO, "a" ESC "%Gb", "a\uFFFD%Gb");
    assert_converts("\\ISO 2022 IR 87", PACS_VR_LO, "a" ESC, "a\uFFFD");
    assert_converts("\\ISO 2022 IR 87", PACS_VR_LO, "a" ESC "$", "a\uFFFD$");
    assert_converts("GB18030", PACS_VR_LO, "\x81", "\uFFFD");
    assert_converts("GB18030", PACS_VR_LO, "\x81\x30\x81", "\uFFFD0\uFFFD");
    assert_converts("GB18030", PACS_VR_LO, "\x80\xff\x81\x20", "\uFFFD\uFFFD\uFFFD ");
    assert_converts("ISO_IR 13", PACS_VR_LO, "\xa0\xe0\xff", "\uFFFD\uFFFD\uFFFD");
}

static void broken_utf8_becomes_one_replacement_a_part(void **state)
{
    (void)state;
    assert_converts("ISO_IR 192", PACS_VR_LO, "a\xc3", "a\uFFFD");
    assert_converts("ISO_IR 192", PACS_VR_LO, "\xe2\x82z", "\uFFFDz");
    assert_converts("ISO_IR 192", PACS_VR_LO, "\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"); /* a surrogate */
    assert_converts("ISO_IR 192", PACS_VR_LO, "\xc0\xaf", "\uFFFD\uFFFD");           /* overlong */
    assert_converts("ISO_IR 192", PACS_VR_LO, "\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD");
    assert_converts("ISO_IR 192", PACS_VR_LO, "\xf0\x9f\x98\x80", "😀");
}

static void nul_bytes_pass(void **state)
{
    (void)state;
    PacsCharset charset = {0};
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(16);
    assert_int_equal(pacs_charset_to_utf8(&charset, PACS_VR_LO, "a\0b", 3, &out, NULL), PACS_OK);
    assert_int_equal(out.size, 3);
    assert_memory_equal(out.bytes, "a\0b", 3);
}

static void a_full_buffer_is_reported(void **state)
{
    (void)state;
    PacsCharset charset = pacs_charset_parse(PACS_SLICE("ISO_IR 100"));
    PacsError err = {0};
    PACS_AUTO_BUFFER PacsBuffer out = PACS_BUFFER(3);
    assert_int_equal(pacs_charset_to_utf8(&charset, PACS_VR_LO, "\xe9\xe9", 2, &out, &err), PACS_TOO_LARGE);
    assert_int_equal(err.status, PACS_TOO_LARGE);
}

/* ---- The default repertoire ---- */

static void undeclared_high_bytes_are_utf8_or_unknown(void **state)
{
    (void)state;
    assert_converts("", PACS_VR_PN, "Müller^José", "Müller^José");
    assert_converts("", PACS_VR_PN, "M\xfcller", "M\uFFFDller");
    assert_converts("NO SUCH SET", PACS_VR_PN, "Müller", "Müller");
    assert_converts("NO SUCH SET", PACS_VR_PN, "M\xfcller", "M\uFFFDller");
    assert_converts("\\ISO 2022 IR 87", PACS_VR_PN, "山田", "山田");
}

static void a_declared_set_is_believed(void **state)
{
    (void)state;
    assert_converts("ISO_IR 100", PACS_VR_LO, "\xc3\xbc", "Ã¼");
}

static void vrs_outside_the_charset_stay_in_the_default_repertoire(void **state)
{
    (void)state;
    assert_converts("ISO_IR 144", PACS_VR_CS, "A\xb1", "A\uFFFD");
    assert_converts("ISO_IR 144", PACS_VR_UI, "1.2\xb1", "1.2\uFFFD");
    assert_converts("ISO_IR 13", PACS_VR_CS, "A~B", "A~B");
    assert_converts("ISO_IR 144", PACS_VR_UC, "\xb1", "Б");
}

/* ---- Parsing (0008,0005) ---- */

static PacsCharset parse(const char *value)
{
    return pacs_charset_parse(pacs_slice(value));
}

static void defined_terms_are_known_and_strict(void **state)
{
    (void)state;
    static const char *const exact[] = {
        "",
        "ISO_IR 100",
        "ISO_IR 101",
        "ISO_IR 109",
        "ISO_IR 110",
        "ISO_IR 144",
        "ISO_IR 127",
        "ISO_IR 126",
        "ISO_IR 138",
        "ISO_IR 148",
        "ISO_IR 203",
        "ISO_IR 13",
        "ISO_IR 166",
        "ISO_IR 192",
        "GB18030",
        "GBK",
        "ISO_IR 100 ",
        "ISO_IR 192\x20\x20",
        "\\ISO 2022 IR 87",
        "ISO 2022 IR 6\\ISO 2022 IR 149",
        "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
        "\\ISO 2022 IR 58",
        " \\ISO 2022 IR 100\\ISO 2022 IR 144 ",
        "ISO 2022 IR 203\\ISO 2022 IR 166",
    };
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        PacsCharset charset = parse(exact[i]);
        if (charset.lenient || charset.unknown)
            fail_msg("'%s' is not taken as it stands", exact[i]);
    }
    assert_int_equal(parse("").count, 0);
    assert_int_equal(parse("\\ISO 2022 IR 87").count, 2);
}

static void misspelt_terms_are_understood_and_noted(void **state)
{
    (void)state;
    static const struct {
        const char *charset;
        const char *bytes;
        const char *expected;
    } cases[] = {
        {"ISO-IR 100", "\xe9", "é"},
        {"ISO_IR_100", "\xe9", "é"},
        {"ISO IR 100", "\xe9", "é"},
        {"iso_ir 100", "\xe9", "é"},
        {"ISO_IR100", "\xe9", "é"},
        {"ISO 2022 IR 100", "\xe9", "é"},
        {"latin1", "\xe9", "é"},
        {"Latin-1", "\xe9", "é"},
        {"ISO-8859-1", "\xe9", "é"},
        {"ISO 8859-15", "\xa4", "€"},
        {"ISO IR 192", "é", "é"},
        {"utf8", "é", "é"},
        {"UTF-8", "é", "é"},
        {"ISO_IR 192\\ISO 2022 IR 87", "é", "é"},
        {"ISO 2022 IR 149", "\xfb\xf3", "洪"},
        {"ISO_IR 149", "\xfb\xf3", "洪"},
        {"ISO_IR 58", "\xd5\xc5", "张"},
        {"GB2312", "\xd5\xc5", "张"},
        {"ISO_IR 87", ESC "$B;3" ESC "(B", "山"},
        {"ISO 2022 IR 87", ESC "$B;3" ESC "(B", "山"},
        {"ISO_IR 100\\ISO 2022 IR 144", "\xe9" ESC "-L\xb1", "éБ"},
        {"ISO_IR 6", "a", "a"},
        {"Windows1251", "\xc1\x80", "БЂ"},
        {"Chinese", "\xd5\xc5", "张"},
        {"SHIFT_JIS", "\x8e\x52", "山"},
        {"gb-18030", "\xd5\xc5", "张"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PacsCharset charset = parse(cases[i].charset);
        if (!charset.lenient || charset.unknown)
            fail_msg("'%s' is not understood", cases[i].charset);
        assert_converts(cases[i].charset, PACS_VR_LO, cases[i].bytes, cases[i].expected);
    }
}

static void orthancs_encodings_are_known(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Ascii",         "Utf8",   "Latin1",           "Latin2", "Latin3", "Latin4", "Latin5",   "Latin9",
        "Cyrillic",      "Arabic", "Windows1251",      "Greek",  "Hebrew", "Thai",   "Japanese", "Chinese",
        "JapaneseKanji", "Korean", "SimplifiedChinese"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(parse(names[i]).unknown);
}

static void unknown_terms_are_noted(void **state)
{
    (void)state;
    assert_true(parse("ISO_IR 999").unknown);
    assert_true(parse("A VERY LONG TEXT THAT IS CERTAINLY NO TERM OF ANY CHARACTER SET").unknown);
    assert_true(parse("\xff\xfe").unknown);
    assert_false(parse("ISO_IR 999").lenient);
}

static void terms_beyond_the_maximum_are_ignored(void **state)
{
    (void)state;
    char many[20 * 16] = "";
    for (int i = 0; i < 20; i++)
        strcat(many, i ? "\\ISO 2022 IR 87" : "ISO 2022 IR 6");
    PacsCharset charset = parse(many);
    assert_int_equal(charset.count, PACS_CHARSET_MAX_TERMS);
    assert_true(charset.unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(japanese_name_of_annex_h_1),
        cmocka_unit_test(japanese_name_of_annex_h_2),
        cmocka_unit_test(korean_name_of_annex_i),
        cmocka_unit_test(chinese_names_of_annex_j),
        cmocka_unit_test(chinese_name_of_annex_k),
        cmocka_unit_test(each_line_of_a_text_starts_anew),
        cmocka_unit_test(every_single_byte_term_has_its_own_upper_half),
        cmocka_unit_test(extension_terms_mean_the_same_sets),
        cmocka_unit_test(every_set_can_be_reached_by_its_escape_sequence),
        cmocka_unit_test(supplementary_kanji_come_by_their_escape_sequence),
        cmocka_unit_test(jis_roman_has_a_yen_sign_and_an_overline),
        cmocka_unit_test(shift_jis_under_iso_ir_13_is_understood),
        cmocka_unit_test(c1_controls_stay_what_they_are),
        cmocka_unit_test(korean_set_has_what_was_added_to_it),
        cmocka_unit_test(delimiters_bring_value_1_back),
        cmocka_unit_test(a_space_does_not_leave_a_double_byte_set),
        cmocka_unit_test(a_delimiter_ends_kanji_that_forgot_to_end),
        cmocka_unit_test(high_bytes_without_escape_take_the_declared_set),
        cmocka_unit_test(gb18030_reads_codes_of_four_bytes),
        cmocka_unit_test(gb18030_gives_the_characters_of_2022),
        cmocka_unit_test(a_backslash_inside_a_character_is_kept),
        cmocka_unit_test(values_end_at_backslashes),
        cmocka_unit_test(vrs_of_one_value_are_not_split),
        cmocka_unit_test(the_second_half_of_a_character_does_not_split),
        cmocka_unit_test(a_code_that_the_charset_does_not_concern_is_split_as_ascii),
        cmocka_unit_test(nothing_has_no_values),
        cmocka_unit_test(broken_bytes_become_replacement_characters),
        cmocka_unit_test(broken_utf8_becomes_one_replacement_a_part),
        cmocka_unit_test(nul_bytes_pass),
        cmocka_unit_test(a_full_buffer_is_reported),
        cmocka_unit_test(undeclared_high_bytes_are_utf8_or_unknown),
        cmocka_unit_test(a_declared_set_is_believed),
        cmocka_unit_test(vrs_outside_the_charset_stay_in_the_default_repertoire),
        cmocka_unit_test(defined_terms_are_known_and_strict),
        cmocka_unit_test(misspelt_terms_are_understood_and_noted),
        cmocka_unit_test(orthancs_encodings_are_known),
        cmocka_unit_test(unknown_terms_are_noted),
        cmocka_unit_test(terms_beyond_the_maximum_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
