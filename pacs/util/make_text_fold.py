#!/usr/bin/env python3
"""Writes text_fold.inc, the table behind pacs_text_fold(), from Python's Unicode data.

    python3 pacs/util/make_text_fold.py > pacs/util/text_fold.inc

A row says what one code point becomes when names are compared: "" for a combining mark, a space for white
space, else its base letters in lower case. Code points without a row stay as they are.
"""

import re
import unicodedata

# Where decompositions are applied: the scripts whose readers drop diacritics when they search. In others
# (Arabic, Hebrew, Thai, Devanagari, Hangul ...) a mark is part of the word, so it is kept.
LETTERS = [
    (0x00A0, 0x024F),  # Latin-1 Supplement, Latin Extended-A and -B
    (0x0250, 0x02AF),  # IPA Extensions
    (0x0370, 0x03FF),  # Greek
    (0x0400, 0x052F),  # Cyrillic and its supplement
    (0x1C80, 0x1C8F),  # Cyrillic Extended-C
    (0x1E00, 0x1EFF),  # Latin Extended Additional: Vietnamese
    (0x1F00, 0x1FFF),  # Greek Extended
    (0x2C60, 0x2C7F),  # Latin Extended-C
    (0xA640, 0xA69F),  # Cyrillic Extended-B
    (0xA720, 0xA7FF),  # Latin Extended-D
    (0xFB00, 0xFB06),  # Latin ligatures
]
WIDE = [(0xFF01, 0xFF5E), (0xFFE0, 0xFFE6)]  # full-width forms of ASCII and of signs
MARKS = [(0x0300, 0x036F), (0x0483, 0x0489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F)]

# Letters of their own that readers without them write so. (Strokes and hooks are found by name, below.)
BY_HAND = {
    "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i", "ŋ": "n", "ĸ": "k", "ə": "e", "ȷ": "j",
}
STROKED = re.compile(r"LATIN SMALL LETTER ([A-Z]) WITH ")


def within(code_point, ranges):
    return any(first <= code_point <= last for first, last in ranges)


def without_marks(text):
    return "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) not in ("Mn", "Me"))


def base_letter(letter):
    if letter in BY_HAND:
        return BY_HAND[letter]
    stroked = STROKED.match(unicodedata.name(letter, ""))
    return stroked.group(1).lower() if stroked else letter


def fold(letter):
    text = without_marks(without_marks(letter).casefold())
    return "".join(base_letter(c) for c in text)


def folded(code_point):
    """The new text, or None where the code point stays."""
    c = chr(code_point)
    category = unicodedata.category(c)
    if code_point > 0x20 and c.isspace():
        return " "
    if within(code_point, MARKS) and category in ("Mn", "Me"):
        return ""
    if within(code_point, LETTERS) and category.startswith("L") or within(code_point, WIDE):
        text = fold(c)
        return text if text != c else None
    return None


def main():
    print("/* Written by make_text_fold.py from Unicode %s; do not edit. */" % unicodedata.unidata_version)
    for code_point in range(0x80, 0x10000):
        text = folded(code_point)
        if text is None:
            continue
        utf8 = text.encode()
        plain = text.isascii() and (text.isalnum() or text in ("", " "))
        escaped = text if plain else "".join("\\x%02X" % byte for byte in utf8)
        assert len(utf8) <= 6, hex(code_point)
        print('{0x%04X, %d, "%s"},' % (code_point, len(utf8), escaped))


if __name__ == "__main__":
    main()
