"""Every defined term of Specific Character Set (PS3.3 C.12.1.1.2), with invented names."""

import json

from .part10 import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, deflate, wrap
from .raw import Raw, raw_file

ESC = b"\x1b"
G0_ASCII = ESC + b"(B"
G0_JIS_ROMAN = ESC + b"(J"
G1_KATAKANA = ESC + b")I"
G0_KANJI = ESC + b"$B"
G0_SUPPLEMENT = ESC + b"$(D"
G1_KOREAN = ESC + b"$)C"
G1_CHINESE = ESC + b"$)A"


def kanji(text):
    """JIS X 0208 between its escape and the one back to ASCII."""
    return G0_KANJI + bytes(byte & 0x7F for byte in text.encode("euc_jp")) + G0_ASCII


def supplement(text):
    """JIS X 0212: EUC has it behind 0x8F."""
    return G0_SUPPLEMENT + text.encode("euc_jp").replace(b"\x8f", b"").translate(bytes(byte & 0x7F for byte in range(256))) + G0_ASCII


# word, (0008,0005), bytes of the name, the name as Unicode
SINGLE = (
    ("latin1", "ISO_IR 100", "latin-1", "Gärtner^Jürgen"),
    ("latin2", "ISO_IR 101", "iso8859-2", "Dvořák^Jiří"),
    ("latin3", "ISO_IR 109", "iso8859-3", "Ħaber^Ġorġ"),
    ("latin4", "ISO_IR 110", "iso8859-4", "Bērziņš^Jānis"),
    ("cyrillic", "ISO_IR 144", "iso8859-5", "Берёзова^Анна"),
    ("arabic", "ISO_IR 127", "iso8859-6", "الزهراء^سلمى"),
    ("greek", "ISO_IR 126", "iso8859-7", "Παππά^Ελένη"),
    ("hebrew", "ISO_IR 138", "iso8859-8", "לוי^נעמי"),
    ("latin5", "ISO_IR 148", "iso8859-9", "Şahin^Gülşen"),
    ("latin9", "ISO_IR 203", "iso8859-15", "Lefœuvre^Zoë"),
    ("thai", "ISO_IR 166", "tis-620", "ใจดี^สมหญิง"),
    ("katakana", "ISO_IR 13", "shift_jis", "ﾔﾏﾓﾄ^ﾊﾅｺ"),
    ("utf8-vietnamese", "ISO_IR 192", "utf-8", "Phạm^Quỳnh Hương"),
    ("utf8-mixed", "ISO_IR 192", "utf-8", "Hayashi^Midori=林^緑=はやし^みどり"),
    ("utf8-arabic", "ISO_IR 192", "utf-8", "الزهراء^سلمى"),
    ("utf8-emoji", "ISO_IR 192", "utf-8", "Test^𝒜🩻"),
    ("gb18030", "GB18030", "gb18030", "Lin^Xiaoyue=林^晓月"),
    ("gb18030-four-bytes", "GB18030", "gb18030", "Test^𠀀ǹ"),
    ("gbk", "GBK", "gbk", "Lin^Xiaoyue=林^曉月"),
    ("ascii", "", "ascii", "Plain^Name^Of^Dr^Jr"),
    ("ascii-term", "ISO_IR 6", "ascii", "Plain^Name"),
)

EXTENDED = (
    ("iso2022-kanji", "\\ISO 2022 IR 87", b"Hayashi^Midori=" + kanji("林") + b"^" + kanji("緑") + b"=" + kanji("はやし") + b"^"
     + kanji("みどり"), "Hayashi^Midori=林^緑=はやし^みどり"),
    ("iso2022-katakana-kanji", "ISO 2022 IR 13\\ISO 2022 IR 87",
     "ﾊﾔｼ^ﾐﾄﾞﾘ".encode("shift_jis") + b"=" + G0_KANJI + kanji("林")[3:-3] + G0_JIS_ROMAN + b"^" + G0_KANJI + kanji("緑")[3:-3] + G0_JIS_ROMAN
     + b"=" + G0_KANJI + kanji("はやし")[3:-3] + G0_JIS_ROMAN, "ﾊﾔｼ^ﾐﾄﾞﾘ=林^緑=はやし"),
    ("iso2022-supplement", "\\ISO 2022 IR 87\\ISO 2022 IR 159", b"Test^X=" + kanji("林") + b"^" + supplement("丂"), "Test^X=林^丂"),
    ("iso2022-korean", "\\ISO 2022 IR 149", b"Seo^Jiwoo=" + G1_KOREAN + "徐".encode("euc_kr") + b"^" + G1_KOREAN
     + "智雨".encode("euc_kr") + b"=" + G1_KOREAN + "서".encode("euc_kr") + b"^" + G1_KOREAN + "지우".encode("euc_kr"),
     "Seo^Jiwoo=徐^智雨=서^지우"),
    ("iso2022-chinese", "\\ISO 2022 IR 58", b"Lin^Xiaoyue=" + G1_CHINESE + "林".encode("gb2312") + b"^" + G1_CHINESE
     + "晓月".encode("gb2312"), "Lin^Xiaoyue=林^晓月"),
    ("iso2022-latin1-greek", "ISO 2022 IR 100\\ISO 2022 IR 126", "Jürgen".encode("latin-1") + b"^" + ESC + b"-F" + "Ελένη".encode("iso8859-7"),
     "Jürgen^Ελένη"),
    ("iso2022-latin2-cyrillic", "ISO 2022 IR 101\\ISO 2022 IR 144", "Dvořák".encode("iso8859-2") + b"^" + ESC + b"-L"
     + "Анна".encode("iso8859-5"), "Dvořák^Анна"),
    ("iso2022-one-term", "ISO 2022 IR 100", "Gärtner^Jürgen".encode("latin-1"), "Gärtner^Jürgen"),
    ("iso2022-thai", "ISO 2022 IR 6\\ISO 2022 IR 166", b"Jaidee^" + ESC + b"-T" + "สมหญิง".encode("tis-620"), "Jaidee^สมหญิง"),
)

# What gateways get wrong. The Unicode is what we take it for; None where nobody can tell.
WRONG = (
    ("undeclared-utf8", None, "Nguyễn^Thị Minh Ánh".encode(), "Nguyễn^Thị Minh Ánh"),
    ("undeclared-latin1", None, "Gärtner^Jürgen".encode("latin-1"), None),
    ("unknown-term", "ISO_IR 999", b"Plain^Name", "Plain^Name"),
    ("misspelt-term", "ISO-IR 100", "Gärtner^Jürgen".encode("latin-1"), "Gärtner^Jürgen"),
    ("broken-utf8", "ISO_IR 192", b"Test^\xc3\x28\xff", None),
    ("broken-escape", "\\ISO 2022 IR 87", b"Test^\x1b$", None),
    ("half-kanji", "\\ISO 2022 IR 87", b"Test^" + G0_KANJI + b"\x46", None),
    ("escape-of-undeclared-set", "ISO_IR 100", b"Test^" + kanji("林"), None),
)


def make(catalogue):
    expected = {}

    def add(word, charset, name_bytes, unicode_name, raw=Raw(), syntax=EXPLICIT):
        name = f"charset/{word}"
        part = raw_file(name, {0x00081030: raw.element(0x00081030, "LO", pad(name_bytes.replace(b"^", b" ").replace(b"=", b" ")))},
                        raw=raw, syntax=syntax, charset=None if charset is None else charset.encode(), patient_name=name_bytes)
        if syntax == DEFLATED:
            part = wrap(deflate(part.bytes[part.dataset_offset:]), part.sop_class, part.sop_instance, syntax)
        catalogue.add(name + ".dcm", part, f"Specific Character Set {charset!r}")
        expected[name + ".dcm"] = unicode_name

    for word, charset, encoding, text in SINGLE:
        add(word, charset, text.encode(encoding), text)
    for word, charset, name_bytes, text in EXTENDED + WRONG:
        add(word, charset, name_bytes, text)
    text = "Nguyễn^Thị Minh Ánh"
    add("utf8-implicit", "ISO_IR 192", text.encode(), text, Raw(explicit=False), IMPLICIT)
    add("utf8-bigendian", "ISO_IR 192", text.encode(), text, Raw(little=False), BIG_ENDIAN)
    add("utf8-deflated", "ISO_IR 192", text.encode(), text, syntax=DEFLATED)
    nested(catalogue)
    (catalogue.root / "charset" / "NAMES.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def pad(value):
    return value + b" " * (len(value) % 2)


def nested(catalogue):
    raw, tag = Raw(), 0x00081110
    greek = raw.element(0x00080005, "CS", b"ISO_IR 126") + raw.element(0x00100010, "PN", pad("Παππά^Ελένη".encode("iso8859-7")))
    inherited = raw.element(0x00100010, "PN", pad("Gärtner^Jürgen".encode("latin-1")))
    more = {tag: raw.sequence(tag, [raw.item(greek), raw.item(inherited)])}
    catalogue.add("charset/nested.dcm", raw_file("charset/nested", more),
                  "an item with its own character set (Greek), one that inherits Latin 1")
