"""Bytes that no archive may accept, or only with care. Each refusal names the status that says why."""

import io
import struct
import zipfile

from . import codecs, image
from .catalogue import uid
from .encapsulated import encapsulate, item, put
from .part10 import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, J2K_LOSSLESS, RLE, Part10, deflate, file_of, meta_element, \
    meta_header, wrap
from .raw import SECONDARY, UNDEFINED, Raw, identity, join, pixels, raw_file

SEQUENCE = 0x00081140


def make(catalogue):
    no_dicom(catalogue)
    cut(catalogue)
    lengths(catalogue)
    depth(catalogue)
    identities(catalogue)
    encapsulation(catalogue)
    deflated(catalogue)
    syntaxes(catalogue)
    trailing(catalogue)


def refuse(catalogue, word, part, what, refusal="invalid", **options):
    catalogue.add(f"malformed/{word}.dcm", part, what, expect="refused", refusal=refusal, **options)


def no_dicom(catalogue):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo("readme.txt", (2024, 2, 29, 8, 15, 30)), "no DICOM in here")
    catalogue_bytes = (
        ("empty", b"", "no bytes at all"),
        ("one-byte", b"\0", "one byte"),
        ("text", "Đây không phải là tệp DICOM.\n".encode() * 40, "a text file"),
        ("zip", packed.getvalue(), "a ZIP archive without DICOM in it"),
        ("preamble-only", bytes(128), "128 zero bytes"),
        ("preamble-and-prefix", bytes(128) + b"DICM", "preamble and DICM, nothing else"),
        ("zeros", bytes(4096), "4,096 zero bytes"),
        ("ones", b"\xff" * 4096, "4,096 bytes FF"),
        ("html", b"<!doctype html><title>502 Bad Gateway</title>" * 20, "what a proxy answers when the archive is away"),
        ("gzip", bytes.fromhex("1f8b0800000000000003") + bytes(200), "a gzip header"),
    )
    for word, data, what in catalogue_bytes:
        refuse(catalogue, word, Part10(data), what)


def cut(catalogue):
    """One small file, ending in the middle of each thing it is made of."""
    raw, name = Raw(), "malformed/cut"
    more = {SEQUENCE: raw.sequence(SEQUENCE, [raw.item(raw.element(0x00081155, "UI", b"2.25.77\0"), True)], True),
            0x00081115: raw.sequence(0x00081115, [raw.item(raw.element(0x00081155, "UI", b"2.25.78\0"))])}
    whole = raw_file(name, more)
    data, start = whole.bytes, whole.dataset_offset
    undefined = data.index(raw.header(SEQUENCE, "SQ", UNDEFINED))
    defined = data.index(raw.tag(0x00081115))
    name_at = data.index(raw.tag(0x00100010))
    pixel_at = data.index(raw.tag(0x7FE00010))
    places = {
        "preamble": (64, "in the preamble"), "prefix": (130, "in DICM"), "meta-header": (136, "in the first meta element's header"),
        "meta-value": (start - 5, "in a meta value"), "after-meta": (start, "after the meta header"),
        "tag": (start + 2, "in a tag"), "vr": (start + 5, "in a VR"), "length": (start + 7, "in a length"),
        "value": (name_at + 11, "in a text value"), "before-value": (name_at + 8, "between a header and its value"),
        "sequence-header": (undefined + 9, "in the header of a sequence"), "before-item": (undefined + 12, "before the first item"),
        "item-header": (undefined + 17, "in an item's header"), "item-value": (undefined + 31, "in a value inside an item"),
        "item-end": (undefined + 12 + 8 + 16 + 3, "in an item's end marker"),
        "sequence-end": (undefined + 12 + 8 + 16 + 8 + 3, "in a sequence's end marker"),
        "defined-sequence": (defined + 12 + 8 + 10, "inside a sequence of defined length"),
        "pixel-header": (pixel_at + 9, "in the header of the pixel data"), "pixel-value": (pixel_at + 12 + 10, "in the pixel data"),
        "last-byte": (len(data) - 1, "one byte short"),
    }
    for word, (at, where) in places.items():
        known = at > start
        refuse(catalogue, f"cut-{word}", Part10(data[:at], EXPLICIT if known else None, SECONDARY if known else None,
                                               whole.sop_instance if known else None, start if known else None),
               f"ends {where}")
    frames = encapsulate([[codecs.rle(image.grey(16, 24))]])
    ds = image.describe(image.base(name + "-rle", image.SECONDARY, "OT"), 16, 24)
    data = file_of(put(ds, frames), RLE)
    for word, back, where in (("fragment", 40, "in a fragment"), ("fragment-end", 8, "before the end of the fragments"),
                              ("fragment-end-marker", 3, "in the marker that ends the fragments"), ("fragment-header", len(frames) - 12, "in the first fragment's header")):
        refuse(catalogue, f"cut-{word}", Part10(data.bytes[:-back], RLE, data.sop_class, data.sop_instance, data.dataset_offset), f"ends {where}")


def lengths(catalogue):
    raw = Raw()

    def add(word, what, more, refusal="invalid"):
        refuse(catalogue, word, raw_file(f"malformed/{word}", more), what, refusal)

    add("pixel-length-4gb", "pixel data claim 4 GiB - 2, 24 bytes are there", {0x7FE00010: raw.header(0x7FE00010, "OB", 0xFFFFFFFE) + bytes(24)})
    add("text-length-too-long", "a text value that is longer than the file", {0x00081030: raw.header(0x00081030, "UT", 0x7FFFFFFF) + b"short"})
    add("undefined-text", "a text value of undefined length", {0x0040A160: raw.header(0x0040A160, "UT", UNDEFINED) + b"text"})
    add("item-longer-than-sequence", "an item that ends after its sequence",
        {SEQUENCE: raw.header(SEQUENCE, "SQ", 24) + raw.marker(0xE000, 4000) + raw.element(0x00081155, "UI", b"2.25.77\0")})
    add("value-longer-than-item", "a value that ends after its item",
        {SEQUENCE: raw.header(SEQUENCE, "SQ", 24) + raw.marker(0xE000, 16) + raw.header(0x00081155, "UI", 600) + b"2.25.77\0"})
    add("no-item-in-sequence", "a sequence whose content is no item", {SEQUENCE: raw.sequence(SEQUENCE, [raw.element(0x00081155, "UI", b"2.25.77\0")])})
    add("sequence-not-ended", "a sequence of undefined length that never ends", {SEQUENCE: raw.header(SEQUENCE, "SQ", UNDEFINED)})
    add("item-not-ended", "an item of undefined length that never ends",
        {SEQUENCE: raw.header(SEQUENCE, "SQ", UNDEFINED) + raw.marker(0xE000, UNDEFINED) + raw.element(0x00081155, "UI", b"2.25.77\0")})
    add("stray-item", "an item outside a sequence", {0x00081100: raw.item(b"")})
    add("stray-end", "an end marker outside a sequence", {0x00081100: raw.marker(0xE0DD, 0)})
    add("sequence-ends-twice", "an end marker too many", {SEQUENCE: raw.sequence(SEQUENCE, [raw.item(b"")], True) + raw.marker(0xE0DD, 0)})
    big = Raw(little=False)
    refuse(catalogue, "pixel-length-4gb-bigendian", raw_file("malformed/pixel-length-4gb-bigendian",
           {0x7FE00010: big.header(0x7FE00010, "OB", 0xFFFFFFFE) + bytes(24)}, raw=big, syntax=BIG_ENDIAN), "the same in big endian")


def depth(catalogue):
    for levels in (65, 10000):
        for syntax, raw, word in ((EXPLICIT, Raw(), "explicit"), (IMPLICIT, Raw(explicit=False), "implicit")):
            name = f"malformed/nested-{levels}-{word}"
            if levels > 1000:  # end markers of defined lengths would need 12 bytes more a level; built flat, not by recursion
                inner = raw.header(SEQUENCE, "SQ", UNDEFINED) + raw.marker(0xE000, UNDEFINED)
                more = {SEQUENCE: inner * levels + (raw.marker(0xE00D, 0) + raw.marker(0xE0DD, 0)) * levels}
            else:
                more = {SEQUENCE: raw.nested(SEQUENCE, levels, False)}
            refuse(catalogue, f"nested-{levels}-{word}", raw_file(name, more, raw=raw, syntax=syntax),
                   f"{levels} sequences deep, {word}", "too-large")
    raw = Raw()
    inner = raw.header(SEQUENCE, "SQ", UNDEFINED) + raw.marker(0xE000, UNDEFINED)
    refuse(catalogue, "nested-10000-unclosed", raw_file("malformed/nested-10000-unclosed", {SEQUENCE: inner * 10000}),
           "10,000 sequences opened, none closed", "too-large")
    part = raw_file("malformed/nested-10000-deflated", {SEQUENCE: inner * 10000 + (raw.marker(0xE00D, 0) + raw.marker(0xE0DD, 0)) * 10000})
    refuse(catalogue, "nested-10000-deflated", wrap(deflate(part.bytes[part.dataset_offset:]), part.sop_class, part.sop_instance, DEFLATED),
           "10,000 sequences deep in a deflated data set", "too-large")


def identities(catalogue):
    long_uid = "1.2." + "3" * 70

    def add(word, what, **ids):
        refuse(catalogue, word, raw_file(f"malformed/{word}", {}, **ids), what)

    add("no-sop-instance", "no SOP Instance UID", sop=False)
    add("no-study", "no Study Instance UID", study=False)
    add("no-series", "no Series Instance UID", series=False)
    add("empty-sop-instance", "an empty SOP Instance UID", sop="")
    add("empty-study", "an empty Study Instance UID", study="")
    add("empty-series", "an empty Series Instance UID", series="")
    add("long-sop-instance", "a SOP Instance UID of 74 characters", sop=long_uid)
    add("long-study", "a Study Instance UID of 74 characters", study=long_uid)
    for word, value, what in (("letters", "1.2.abc.4", "letters"), ("path", "../../../etc/passwd", "a path"),
                              ("two-values", "1.2.3\\1.2.4", "two values"), ("leading-zero", "1.2.03.4", "a leading zero"),
                              ("space", "1.2 .3", "a space"), ("trailing-dot", "1.2.3.", "a dot at the end"),
                              ("sql", "1.2' OR '1'='1", "SQL")):
        for level in ("sop", "study"):
            name = f"malformed/uid-{word}-{level}"
            catalogue.add(name + ".dcm", raw_file(name, {}, **{level: value}), f"{level} UID with {what}", expect="either")


def encapsulation(catalogue):
    stream = codecs.j2k(image.grey(16, 24))
    size = struct.pack("<HHI", 0xFFFE, 0xE000, len(stream) + len(stream) % 2)

    def add(word, what, value, refusal="invalid"):
        name = f"malformed/{word}"
        ds = image.describe(image.base(name, image.SECONDARY, "OT"), 16, 24)
        ds.add_new(0x7FE00010, "OB", b"\0\0")
        part = file_of(ds, EXPLICIT)
        header = meta_header(part.sop_class, part.sop_instance, J2K_LOSSLESS)
        body = part.bytes[part.dataset_offset:-14] + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + value
        refuse(catalogue, word, Part10(header + body, J2K_LOSSLESS, part.sop_class, part.sop_instance, len(header)), what, refusal)

    add("fragment-too-long", "a fragment that is longer than the file", item(b"") + struct.pack("<HHI", 0xFFFE, 0xE000, 0x7FFFFFFE) + stream)
    add("fragment-of-undefined-length", "a fragment of undefined length", item(b"") + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + stream)
    add("fragments-not-ended", "fragments without the end marker", item(b"") + size + stream + b"\0" * (len(stream) % 2))
    add("no-item-in-fragments", "something that is no item between fragments", item(b"") + b"\x08\0\x18\0UI\2\0" + b"1.")


def deflated(catalogue):
    part = raw_file("malformed/deflated", {})
    packed = deflate(part.bytes[part.dataset_offset:])
    zeros = Raw().element(0x00091010, "OB", bytes(64 << 20))
    for word, data, what in (
            ("deflated-cut", packed[: len(packed) // 2], "half of a deflated data set"),
            ("deflated-broken", packed[:40] + b"\xff" * 40 + packed[80:], "a deflated data set with 40 bytes changed"),
            ("deflated-not-deflated", part.bytes[part.dataset_offset:], "declared deflated, is not"),
            ("deflated-of-cut", deflate(part.bytes[part.dataset_offset:-6]), "a deflated data set that was cut off before it was deflated")):
        refuse(catalogue, word, wrap(data, part.sop_class, part.sop_instance, DEFLATED), what)
    name = "malformed/deflated-bomb"
    bomb = raw_file(name, {0x00091010: zeros})
    catalogue.add(name + ".dcm", wrap(deflate(bomb.bytes[bomb.dataset_offset:]), bomb.sop_class, bomb.sop_instance, DEFLATED),
                  "64 MiB of zeros in 65 kB: honest, but has to be taken in little memory", expect="either")


def syntaxes(catalogue):
    name = "malformed/unknown-transfer-syntax"
    part = raw_file(name, {})
    refuse(catalogue, "unknown-transfer-syntax", wrap(part.bytes[part.dataset_offset:], part.sop_class, part.sop_instance, uid("no syntax")),
           "a transfer syntax nobody defined", "unsupported")
    meta = bytes(128) + b"DICM" + meta_element(0x0010, "UI", b"1.2.840.10008.1.2.1\0")
    refuse(catalogue, "meta-only", Part10(meta), "a meta header and nothing behind it")
    refuse(catalogue, "meta-value-too-long", Part10(bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 1, b"OB", 0, 0xFFFFFFF0) + bytes(500)),
           "a meta value of 4 GiB")


def trailing(catalogue):
    """Bytes behind the last element: some tools write them, and nobody agrees on what they mean."""
    for word, tail, what in (("zeros", bytes(512), "512 zero bytes"), ("one-zero", b"\0", "one zero byte"),
                             ("text", b"\r\n-- \r\nscanned by mail gateway\r\n", "text"), ("noise", bytes(range(255, 100, -1)), "noise")):
        name = f"malformed/trailing-{word}"
        raw = Raw()
        data = join(identity(raw, name) | pixels(raw)) + tail
        catalogue.add(name + ".dcm", wrap(data, SECONDARY, uid("instance " + name), EXPLICIT),
                      f"{what} after the last element", expect="either")
