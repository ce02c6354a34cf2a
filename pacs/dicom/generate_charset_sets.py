#!/usr/bin/env python3
"""Write charset_sets.inc, the characters of every set DICOM may name, from the codecs of Python's standard library.

Run by hand, never by the build; needs Python 3.8 or later and nothing else:

    python3 pacs/dicom/generate_charset_sets.py

Python's tables are those of the Unicode consortium's mapping files. Where they fall behind GB 18030-2022, or would
give ASCII for a double-byte character (which could then be taken for a delimiter), this script corrects them.
"""

import pathlib
import unicodedata

TARGET = pathlib.Path(__file__).with_name("charset_sets.inc")
UNKNOWN = "\ufffd"

SINGLE = [  # name in charset_sets.c, Python's codec; each is the upper half, A0 to FF
    ("latin_1", "iso8859_1"), ("latin_2", "iso8859_2"), ("latin_3", "iso8859_3"), ("latin_4", "iso8859_4"),
    ("latin_5", "iso8859_9"), ("latin_9", "iso8859_15"), ("cyrillic", "iso8859_5"), ("arabic", "iso8859_6"),
    ("greek", "iso8859_7"), ("hebrew", "iso8859_8"), ("thai", "iso8859_11"),
]

DOUBLE = [  # 94 rows of 94, their codec, what stands before the two bytes
    ("jis_x0208", "euc_jp", b""), ("jis_x0212", "euc_jp", b"\x8f"), ("ks_x1001", "euc_kr", b""),
]

# What Python's codec for KS X 1001 leaves out: the postal code mark of 2002, the filler (which it composes syllables with).
ADDED = {("ks_x1001", 0x22, 0x68): "\u327e", ("ks_x1001", 0x24, 0x54): "\u3164"}

# GB 18030-2022 and 2005 moved these from the private use area to their own characters.
GB18030_MOVED = {
    0xE78D: 0xFE10, 0xE78E: 0xFE12, 0xE78F: 0xFE11, 0xE790: 0xFE13, 0xE791: 0xFE14, 0xE792: 0xFE15,
    0xE793: 0xFE16, 0xE794: 0xFE17, 0xE795: 0xFE18, 0xE796: 0xFE19, 0xE7C7: 0x1E3F, 0xE81E: 0x9FB4,
    0xE826: 0x9FB5, 0xE82B: 0x9FB6, 0xE82C: 0x9FB7, 0xE832: 0x9FB8, 0xE843: 0x9FB9, 0xE854: 0x9FBA,
    0xE864: 0x9FBB,
}


def decode(codec, data):
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return UNKNOWN
    if len(text) != 1:
        return UNKNOWN
    if len(data) > 1 and text.isascii():  # 02/02 03/07 of JIS X 0212 is a full-width tilde
        text = chr(ord(text) + 0xFEE0)
    return text


def literal(characters):
    """A u"" literal: what shows and runs from left to right as itself, all else by number."""
    def one(c):
        shows = unicodedata.category(c)[0] in "LNPS" and unicodedata.bidirectional(c) not in ("R", "AL")
        return c if shows or c == UNKNOWN else f"\\u{ord(c):04X}"
    return 'u"' + "".join(map(one, characters)) + '"'


def single(name, codec):
    upper = "".join(decode(codec, bytes([b])) for b in range(0xA0, 0x100))
    return [f"static const char16_t {name}[] =", f"    {literal(upper)};"]


def double(name, codec, prefix):
    lines = [f"static const char16_t {name}[94][95] = {{"]
    for row in range(94):
        cells = [ADDED.get((name, 0x21 + row, 0x21 + cell))
                 or decode(codec, prefix + bytes([0xA1 + row, 0xA1 + cell])) for cell in range(94)]
        if set(cells) != {UNKNOWN}:
            lines.append(f"    [{row}] = {literal(cells)},")
    return lines + ["};"]


def windows_1251():
    cells = [decode("cp1251", bytes([b])) for b in range(0x80, 0x100)]
    return ["static const char16_t windows_1251[] =", f"    {literal(cells)};"]


def gb18030_two():
    lines = ["static const char16_t gb18030_two[126][191] = {"]
    for lead in range(0x81, 0xFF):
        cells = [decode("gb18030", bytes([lead, trail])) for trail in range(0x40, 0xFF) if trail != 0x7F]
        lines.append("    " + literal(chr(GB18030_MOVED.get(ord(c), ord(c))) for c in cells) + ",")
    return lines + ["};"]


def gb18030_four():
    """Runs of the linear numbers of four-byte codes (0 is 81308130) in the basic plane."""
    lines = ["/* first number of a run of four-byte codes, its character */",
             "static const Run gb18030_four[] = {"]
    before = None
    row = []
    for number in range(39420):
        high, low = divmod(number, 1260)
        data = bytes([0x81 + high // 10, 0x30 + high % 10, 0x81 + low // 10, 0x30 + low % 10])
        code = ord(decode("gb18030", data))
        if before is None or code != before + 1:
            row.append(f"{{{number}, 0x{code:04X}}}")
        before = code
    for i in range(0, len(row), 6):
        lines.append("    " + ", ".join(row[i:i + 6]) + ",")
    return lines + ["};"]


def main():
    lines = ["/* Written by generate_charset_sets.py from the codecs of Python: do not edit. */"]
    for name, codec in SINGLE:
        lines += single(name, codec)
    lines += windows_1251()
    for name, codec, prefix in DOUBLE:
        lines += double(name, codec, prefix)
    lines += gb18030_two() + gb18030_four()
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
