"""Data sets that are correct but unusual in how they are written: lengths, sequences, VRs, padding."""

import struct

from . import image
from .catalogue import uid
from .part10 import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, deflate, text, wrap
from .raw import Raw, identity, join, pixels, raw_file

SEQUENCE = 0x00081140  # Referenced Image Sequence
PRIVATE = 0x00091010
ENCODINGS = ((EXPLICIT, "explicit", Raw()), (IMPLICIT, "implicit", Raw(explicit=False)),
             (BIG_ENDIAN, "bigendian", Raw(little=False)))


def make(catalogue):
    sequences(catalogue)
    unknown(catalogue)
    values(catalogue)
    lengths(catalogue)
    representations(catalogue)


def sequences(catalogue):
    for syntax, word, raw in ENCODINGS:
        for depth in (3, 64):
            for undefined in (False, True):
                name = f"structure/nested-{depth}-{'undefined' if undefined else 'defined'}-{word}"
                more = {SEQUENCE: raw.nested(SEQUENCE, depth, undefined)}
                catalogue.add(name + ".dcm", raw_file(name, more, raw=raw, syntax=syntax),
                              f"{depth} sequences deep, {'un' if undefined else ''}defined lengths, {word}")
        reference = raw.element(0x00081155, "UI", text("2.25.1") + b"")
        for name, what, items, undefined in (
                ("empty", "sequence without items", [], False),
                ("empty-undefined", "sequence of undefined length without items", [], True),
                ("empty-item", "an item without elements", [raw.item(b"")], False),
                ("empty-item-undefined", "an item of undefined length without elements", [raw.item(b"", True)], True),
                ("mixed", "items of defined and undefined length in one sequence",
                 [raw.item(reference), raw.item(reference, True), raw.item(b"")], True),
                ("thousand-items", "1,000 items", [raw.item(reference)] * 1000, False)):
            name = f"structure/sequence-{name}-{word}"
            more = {SEQUENCE: raw.sequence(SEQUENCE, items, undefined)}
            catalogue.add(name + ".dcm", raw_file(name, more, raw=raw, syntax=syntax), f"{what}, {word}")
    raw = Raw()
    body = raw.nested(SEQUENCE, 64, True)
    name = "structure/nested-64-deflated"
    part = raw_file(name, {SEQUENCE: body})
    catalogue.add(name + ".dcm", wrap(deflate(part.bytes[part.dataset_offset:]), part.sop_class, part.sop_instance, DEFLATED),
                  "64 sequences deep in a deflated data set")


def unknown(catalogue):
    """UN: what it hides is implicit little endian where the length is undefined (PS3.5 6.2.2 note 2)."""
    raw, inner = Raw(), Raw(explicit=False)
    reference = inner.element(0x00081150, "UI", b"1.2.840.10008.5.1.4.1.1.7\0") + inner.element(0x00081155, "UI", b"2.25.77\0")
    creator = {0x00090010: raw.element(0x00090010, "LO", b"LIGHTBOX TESTDATA ")}
    for word, what, undefined_items in (("undefined", "items of undefined length", True), ("defined", "items of defined length", False)):
        items = [inner.item(reference, undefined_items), inner.item(reference, undefined_items)]
        name = f"structure/un-sequence-{word}"
        more = creator | {PRIVATE: raw.sequence(PRIVATE, items, True, vr="UN")}
        catalogue.add(name + ".dcm", raw_file(name, more), f"UN of undefined length: a sequence in implicit VR, {what}")
        name = f"structure/un-standard-sequence-{word}"
        more = {SEQUENCE: raw.sequence(SEQUENCE, items, True, vr="UN")}
        catalogue.add(name + ".dcm", raw_file(name, more), f"a standard sequence under UN of undefined length, {what}")
    name = "structure/un-sequence-defined-length"
    more = creator | {PRIVATE: raw.sequence(PRIVATE, [inner.item(reference)], False, vr="UN")}
    catalogue.add(name + ".dcm", raw_file(name, more), "UN of defined length that holds a sequence: a value to us")
    name = "structure/un-nested-in-un"
    nested = inner.sequence(PRIVATE + 1, [inner.item(reference, True)], True)
    more = creator | {PRIVATE: raw.sequence(PRIVATE, [inner.item(nested, True)], True, vr="UN")}
    catalogue.add(name + ".dcm", raw_file(name, more), "UN of undefined length, sequences in it, all implicit")
    name = "structure/un-standard-values"
    more = {0x00080080: raw.element(0x00080080, "UN", text("Sao Mai Hospital")),
            0x00180050: raw.element(0x00180050, "UN", b"1.5 "), 0x00081030: raw.element(0x00081030, "UN", text("UN study "))}
    catalogue.add(name + ".dcm", raw_file(name, more), "standard elements under UN, as a gateway without a dictionary writes them")
    name = "structure/un-standard-kinds"
    kinds = {0x00080090: "Jürgen^Otto".encode("latin-1") + b" ", 0x00100030: b"19700101", 0x00104000: "Grüße\\zwei ".encode("latin-1"),
             0x00180060: b"", 0x00189073: struct.pack("<d", 0.1), 0x00200052: b"2.25.5\0\0", 0x00280009: struct.pack("<HH", 0x18, 0x1063),
             0x00280106: struct.pack("<H", 7), 0x00281050: b"40\\50 ", SEQUENCE: inner.item(reference)}
    more = {tag: raw.element(tag, "UN", value) for tag, value in sorted(kinds.items())}
    catalogue.add(name + ".dcm", raw_file(name, more), "standard elements of every kind under UN: names, dates, numbers, a sequence")
    name = "structure/private-blocks"
    more = {0x00090010: raw.element(0x00090010, "LO", b"VENDOR ONE"), 0x00090011: raw.element(0x00090011, "LO", b"VENDOR TWO"),
            0x00091001: raw.element(0x00091001, "DS", b"1.25"), 0x00091101: raw.element(0x00091101, "OB", bytes(300)),
            0x000910FF: raw.element(0x000910FF, "UT", b"last of block one "),
            0x00190010: raw.element(0x00190010, "LO", b"VENDOR ONE"),
            0x00191002: raw.sequence(0x00191002, [raw.item(raw.element(0x00190010, "LO", b"VENDOR ONE")
                                                           + raw.element(0x00191003, "FD", struct.pack("<d", 2.5)))]),
            0x00210099: raw.element(0x00210099, "LO", b"NO BLOCK USES IT"), 0x00231001: raw.element(0x00231001, "LO", b"NO CREATOR")}
    catalogue.add(name + ".dcm", raw_file(name, more), "private blocks, nested ones, a value without its creator")
    name = "structure/private-implicit"
    raw = Raw(explicit=False)
    more = {0x00090010: raw.element(0x00090010, "LO", b"VENDOR ONE"), 0x00091001: raw.element(0x00091001, "LO", b"1.25"),
            0x00091002: raw.sequence(0x00091002, [raw.item(reference, True)], True)}
    catalogue.add(name + ".dcm", raw_file(name, more, raw=raw, syntax=IMPLICIT),
                  "private elements in implicit VR, one of undefined length (a sequence)")


def values(catalogue):
    raw = Raw()

    def add(word, what, more, **options):
        name = f"structure/{word}"
        catalogue.add(name + ".dcm", raw_file(name, more, **options), what)

    add("odd-lengths", "values of odd length, which is wrong but common",
        {0x00081030: raw.element(0x00081030, "LO", b"odd"), 0x00102000: raw.element(0x00102000, "LO", b"seven77"),
         0x00091010: raw.element(0x00091010, "OB", b"abc")})
    add("empty-values", "elements without a value, PatientID among them",
        {0x00100020: raw.element(0x00100020, "LO", b""), 0x00080020: raw.element(0x00080020, "DA", b""),
         0x00200013: raw.element(0x00200013, "IS", b""), 0x00081115: raw.sequence(0x00081115, [])})
    add("no-patient-id", "no PatientID at all", {0x00100020: b""})
    add("odd-padding", "values padded with NUL where a space belongs, and the other way round",
        {0x00081030: raw.element(0x00081030, "LO", b"nul\0"), 0x00080070: raw.element(0x00080070, "LO", b" both ends  "),
         0x00080060: raw.element(0x00080060, "CS", b" OT "), 0x0020000E: raw.element(0x0020000E, "UI", uid("series odd").encode() + b"  ")})
    add("many-values", "multi-valued text, dates, numbers, tags",
        {0x00080008: raw.element(0x00080008, "CS", b"DERIVED\\SECONDARY\\\\OTHER "),
         0x00280009: raw.element(0x00280009, "AT", struct.pack("<4H", 0x18, 0x1063, 0x18, 0x1065)),
         0x00280030: raw.element(0x00280030, "DS", b"0.5\\0.25"), 0x00201041: raw.element(0x00201041, "DS", b"-1.25E-3"),
         0x00101000: raw.element(0x00101000, "LO", b"A1\\B2\\C3"), 0x00080022: raw.element(0x00080022, "DA", b"20240101\\20240229 ")})
    add("bad-numbers", "DS, IS, DA and TM that are none",
        {0x00200013: raw.element(0x00200013, "IS", b"12.5"), 0x00201041: raw.element(0x00201041, "DS", b"NaN "),
         0x00280030: raw.element(0x00280030, "DS", b"0,5\\wide"), 0x00080020: raw.element(0x00080020, "DA", b"2024.02.29"),
         0x00080030: raw.element(0x00080030, "TM", b"08:15:30"), 0x00181020: raw.element(0x00181020, "LO", b"x" * 200)})
    add("markup", "text that means something in HTML, JSON and SQL",
        {0x00081030: raw.element(0x00081030, "LO", b"<script>alert('\"&');</script>--; DROP TABLE x"),
         0x00104000: raw.element(0x00104000, "LT", b"tab\there\r\nesc\x1b[31m bell\x07 ")})
    add("long-text", "UT of 300,000 characters, UC with 1,000 values",
        {0x0040A160: raw.element(0x0040A160, "UT", b"0123456789" * 30000), 0x00189367: raw.element(0x00189367, "UC", b"\\".join([b"value "] * 1000) + b" ")})
    add("bulk-values", "OB, OW and UN of 100,000 bytes outside pixel data",
        {0x00091010: raw.element(0x00091010, "OB", bytes(100000)), 0x00420011: raw.element(0x00420011, "OB", b"%PDF" * 25000),
         0x00191010: raw.element(0x00191010, "UN", b"\xff\xfe" * 50000)})
    add("duplicate-element", "Patient Name twice, the second one other",
        {0x00100010: b"", (0x00100010, 0): raw.element(0x00100010, "PN", b"First^One "), (0x00100010, 1): raw.element(0x00100010, "PN", b"Second^One")})
    trailing = raw.element(0xFFFCFFFC, "OB", bytes(126))
    add("trailing-padding", "Data Set Trailing Padding (FFFC,FFFC)", {0xFFFCFFFC: trailing})
    name = "structure/wrong-order"
    elements = identity(raw, name) | pixels(raw)
    data = b"".join(elements[tag] for tag in sorted(elements) if tag not in (0x00100010, 0x0020000D))
    at = data.index(raw.header(0x7FE00010, "OB", 24))
    data = data[:at] + elements[0x0020000D] + elements[0x00100010] + data[at:]
    catalogue.add(name + ".dcm", wrap(data, image.SECONDARY, uid("instance " + name), EXPLICIT),
                  "Study Instance UID and Patient Name out of order, just before the pixels", expect="either")


def lengths(catalogue):
    for syntax, word, raw in ENCODINGS:
        name = f"structure/group-lengths-{word}"
        elements = identity(raw, name) | pixels(raw)
        for group in sorted({tag >> 16 for tag in elements}):
            size = sum(len(value) for tag, value in elements.items() if tag >> 16 == group)
            elements[group << 16] = raw.element(group << 16, "UL", struct.pack(raw.order + "I", size))
        catalogue.add(name + ".dcm", wrap(join(elements), image.SECONDARY, uid("instance " + name), syntax),
                      f"group lengths in every group, {word}")
    raw = Raw()
    name = "structure/group-lengths-wrong"
    more = {0x00080000: raw.element(0x00080000, "UL", struct.pack("<I", 7)), 0x00280000: raw.element(0x00280000, "UL", struct.pack("<I", 1 << 31))}
    catalogue.add(name + ".dcm", raw_file(name, more), "group lengths that are not true")


def representations(catalogue):
    """Every VR once, in each encoding; letters that nobody defined."""
    for syntax, word, raw in ENCODINGS:
        o = raw.order
        name = f"structure/every-vr-{word}"
        more = {
            0x00080054: raw.element(0x00080054, "AE", b"LIGHTBOX"), 0x00101010: raw.element(0x00101010, "AS", b"040Y"),
            0x00280009: raw.element(0x00280009, "AT", struct.pack(o + "2H", 0x18, 0x1063)),
            0x0008002A: raw.element(0x0008002A, "DT", b"20240229081530.123456+0700"),
            0x00101030: raw.element(0x00101030, "DS", b"62.5"), 0x00200013: raw.element(0x00200013, "IS", b"-7"),
            0x00189073: raw.element(0x00189073, "FD", struct.pack(o + "d", 0.1)),
            0x00720076: raw.element(0x00720076, "FL", struct.pack(o + "2f", 0.1, -3.4e38)),
            0x00720065: raw.element(0x00720065, "OB", b"\1\2\3\4"), 0x00720073: raw.element(0x00720073, "OD", struct.pack(o + "2d", 1.5, -0.0)),
            0x00720067: raw.element(0x00720067, "OF", struct.pack(o + "2f", 1.5, float("inf"))),
            0x00720075: raw.element(0x00720075, "OL", struct.pack(o + "2I", 1, 0xFFFFFFFF)),
            0x00720081: raw.element(0x00720081, "OV", struct.pack(o + "Q", 1 << 63)),
            0x00720069: raw.element(0x00720069, "OW", struct.pack(o + "2H", 1, 0xFFFF)),
            0x00720078: raw.element(0x00720078, "UL", struct.pack(o + "2I", 1, 0xFFFFFFFF)),
            0x0072007A: raw.element(0x0072007A, "US", struct.pack(o + "2H", 1, 0xFFFF)),
            0x0072007C: raw.element(0x0072007C, "SL", struct.pack(o + "2i", -1, 1)),
            0x0072007E: raw.element(0x0072007E, "SS", struct.pack(o + "2h", -1, 1)),
            0x00720082: raw.element(0x00720082, "SV", struct.pack(o + "q", -(1 << 63))),
            0x00720083: raw.element(0x00720083, "UV", struct.pack(o + "Q", (1 << 64) - 1)),
            0x0072006F: raw.element(0x0072006F, "UC", b"a\\b "), 0x00720071: raw.element(0x00720071, "UR", b"http://x.example/"),
            0x0072006E: raw.element(0x0072006E, "ST", b"short text"), 0x00720068: raw.element(0x00720068, "LT", b"long text "),
            0x00720070: raw.element(0x00720070, "UT", b"unlimited "), 0x0072006D: raw.element(0x0072006D, "UN", b"\0\1"),
            0x00080030: raw.element(0x00080030, "TM", b"081530"), 0x00080020: raw.element(0x00080020, "DA", b"20240229"),
        }
        catalogue.add(name + ".dcm", raw_file(name, more, raw=raw, syntax=syntax), f"every VR once, {word}")
    raw = Raw()
    name = "structure/not-a-number"
    more = {0x00189073: raw.element(0x00189073, "FD", struct.pack("<3d", float("nan"), float("inf"), -float("inf")))}
    catalogue.add(name + ".dcm", raw_file(name, more), "FD that JSON has no number for")
    name = "structure/unknown-vr"
    more = {0x00091010: raw.tag(0x00091010) + b"ZZ" + struct.pack("<HI", 0, 4) + b"four"}
    catalogue.add(name + ".dcm", raw_file(name, more), "a VR nobody defined, with a 32-bit length as PS3.5 has it for new ones")
    name = "structure/unknown-vr-short"
    more = {0x00091010: raw.element(0x00091010, "ZZ", b"four")}
    catalogue.add(name + ".dcm", raw_file(name, more), "a VR nobody defined, with a 16-bit length", expect="either")
    name = "structure/other-vr-than-dictionary"
    more = {0x00081030: raw.element(0x00081030, "UT", b"text as UT"), 0x00200013: raw.element(0x00200013, "LO", b"7 "),
            0x00100010: raw.element(0x00100010, "LO", b"Name^In LO")}
    catalogue.add(name + ".dcm", raw_file(name, more), "known elements under a VR that the dictionary does not have")
    name = "structure/undefined-everywhere"
    more = {SEQUENCE: raw.sequence(SEQUENCE, [raw.item(raw.nested(0x00081115, 2, True), True)] * 2, True),
            0x00400275: raw.sequence(0x00400275, [raw.item(raw.element(0x00400007, "LO", b"step"), True)], True)}
    catalogue.add(name + ".dcm", raw_file(name, more), "every sequence and item of undefined length")
