"""Files whose preamble or meta header is missing or not true, before a data set that is well."""

from .catalogue import uid
from .part10 import BIG_ENDIAN, EXPLICIT, IMPLICIT, RLE, Part10, meta_element, meta_header, uid_bytes
from .raw import SECONDARY, Raw, raw_file

RAWS = {EXPLICIT: Raw(), IMPLICIT: Raw(explicit=False), BIG_ENDIAN: Raw(little=False)}
WORDS = {EXPLICIT: "explicit", IMPLICIT: "implicit", BIG_ENDIAN: "bigendian"}


def make(catalogue):
    for syntax, raw in RAWS.items():
        word = WORDS[syntax]
        name = f"meta/missing-{word}"
        data, sop = bare(name, syntax)
        catalogue.add(name + ".dcm", Part10(data, syntax, SECONDARY, sop, 0), f"no preamble and no meta header, {word}")
        name = f"meta/no-preamble-{word}"
        data, sop = bare(name, syntax)
        header = meta_header(SECONDARY, sop, syntax)[132:]
        catalogue.add(name + ".dcm", Part10(header + data, syntax, SECONDARY, sop, len(header)), f"meta header without preamble, {word}")

    def add(word, what, header_of, syntax=EXPLICIT, **options):
        name = f"meta/{word}"
        data, sop = bare(name, syntax)
        header = header_of(sop)
        catalogue.add(name + ".dcm", Part10(header + data, syntax, SECONDARY, sop, len(header)), what, **options)

    add("no-group-length", "meta header without its group length", lambda sop: meta_header(SECONDARY, sop, EXPLICIT, group_length=False))
    add("group-length-too-small", "group length 12 too small", lambda sop: meta_header(SECONDARY, sop, EXPLICIT, length_lie=-12))
    add("group-length-too-big", "group length 12 too big", lambda sop: meta_header(SECONDARY, sop, EXPLICIT, length_lie=12))
    add("no-transfer-syntax", "meta header without Transfer Syntax UID", lambda sop: meta_header(SECONDARY, sop, None))
    add("no-sop-uids", "meta header without SOP UIDs", lambda sop: meta_header(None, None, EXPLICIT))
    add("other-sop-instance", "meta header with another SOP Instance UID: the data set's counts",
        lambda sop: meta_header(SECONDARY, uid("somebody else"), EXPLICIT))
    add("says-implicit-is-explicit", "declared implicit, is explicit", lambda sop: meta_header(SECONDARY, sop, IMPLICIT))
    add("says-explicit-is-implicit", "declared explicit, is implicit", lambda sop: meta_header(SECONDARY, sop, EXPLICIT), IMPLICIT)
    add("says-bigendian-is-little", "declared big endian, is explicit little endian", lambda sop: meta_header(SECONDARY, sop, BIG_ENDIAN))
    add("says-explicit-is-bigendian", "declared explicit little endian, is big endian",
        lambda sop: meta_header(SECONDARY, sop, EXPLICIT), BIG_ENDIAN)
    add("says-rle-is-native", "declared RLE, pixel data are native", lambda sop: meta_header(SECONDARY, sop, RLE), expect="either")
    add("implicit-meta", "meta header in implicit VR", implicit_meta, expect="either")
    add("private-meta", "meta header with private information",
        lambda sop: meta_header(SECONDARY, sop, EXPLICIT, group_length=False) + meta_element(0x0100, "UI", uid_bytes("2.25.3"))
        + meta_element(0x0102, "OB", bytes(64)))
    add("preamble-in-use", "a TIFF header in the preamble", lambda sop: b"II*\0" + meta_header(SECONDARY, sop, EXPLICIT)[4:])


def bare(name, syntax):
    """A data set without anything in front of it, and its SOP Instance UID."""
    part = raw_file(name, {}, raw=RAWS[syntax], syntax=syntax)
    return part.bytes[part.dataset_offset:], part.sop_instance


def implicit_meta(sop):
    raw = Raw(explicit=False)
    body = raw.element(0x00020002, "UI", uid_bytes(SECONDARY)) + raw.element(0x00020003, "UI", uid_bytes(sop)) \
        + raw.element(0x00020010, "UI", uid_bytes(EXPLICIT))
    return bytes(128) + b"DICM" + body
