"""Data elements from bytes, for shapes that a well-behaved library refuses to write."""

import struct

from .catalogue import uid
from .part10 import EXPLICIT, uid_bytes, text, wrap

LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
UNDEFINED = 0xFFFFFFFF

SECONDARY = "1.2.840.10008.5.1.4.1.1.7"


class Raw:
    """Writes elements in one encoding. tag is 0xggggeeee; value is bytes, as they shall stand."""

    def __init__(self, explicit=True, little=True):
        self.explicit = explicit
        self.order = "<" if little else ">"

    def tag(self, tag):
        return struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)

    def header(self, tag, vr, length):
        if not self.explicit:
            return self.tag(tag) + struct.pack(self.order + "I", length)
        if vr in LONG_VRS:
            return self.tag(tag) + vr.encode("latin-1") + struct.pack(self.order + "HI", 0, length)
        return self.tag(tag) + vr.encode("latin-1") + struct.pack(self.order + "H", length)

    def element(self, tag, vr, value):
        return self.header(tag, vr, len(value)) + value

    def u16(self, tag, *values):
        return self.element(tag, "US", struct.pack(f"{self.order}{len(values)}H", *values))

    def marker(self, element, length):
        """Item (E000), item end (E00D) or sequence end (E0DD)."""
        return self.tag(0xFFFE0000 | element) + struct.pack(self.order + "I", length)

    def item(self, content, undefined=False):
        if undefined:
            return self.marker(0xE000, UNDEFINED) + content + self.marker(0xE00D, 0)
        return self.marker(0xE000, len(content)) + content

    def sequence(self, tag, items, undefined=False, vr="SQ"):
        body = b"".join(items)
        if undefined:
            return self.header(tag, vr, UNDEFINED) + body + self.marker(0xE0DD, 0)
        return self.header(tag, vr, len(body)) + body

    def nested(self, tag, depth, undefined):
        """A sequence with one item with a sequence ... `depth` sequences deep, built from the inside."""
        inner = self.element(0x00080100, "SH", b"DEEP")
        for _ in range(depth):
            inner = self.sequence(tag, [self.item(inner, undefined)], undefined)
        return inner


def identity(raw, name, *, patient_id="TESTDATA-RAW", sop_class=SECONDARY, charset=b"ISO_IR 100", patient_name=b"Dvorak^Jana",
             sop=None, study=None, series=None):
    """The elements an archive needs, as a dict tag -> encoded element; None as a UID leaves the element out."""
    kind = name.split("/")[0]
    chosen = {
        0x00080018: uid("instance " + name) if sop is None else sop,
        0x0020000D: uid("study " + kind) if study is None else study,
        0x0020000E: uid("series " + kind + " raw") if series is None else series,
    }
    elements = {
        0x00080005: raw.element(0x00080005, "CS", text(charset.decode())) if charset is not None else b"",
        0x00080016: raw.element(0x00080016, "UI", uid_bytes(sop_class)),
        0x00080060: raw.element(0x00080060, "CS", b"OT"),
        0x00100010: raw.element(0x00100010, "PN", patient_name + b" " * (len(patient_name) % 2)),
        0x00100020: raw.element(0x00100020, "LO", text(patient_id)),
    }
    for tag, value in chosen.items():
        if value is not False:
            elements[tag] = raw.element(tag, "UI", uid_bytes(value))
    return elements


def pixels(raw, rows=4, columns=6):
    """A tiny grey image: 24 bytes."""
    return {
        0x00280002: raw.u16(0x00280002, 1),
        0x00280004: raw.element(0x00280004, "CS", b"MONOCHROME2 "),
        0x00280010: raw.u16(0x00280010, rows),
        0x00280011: raw.u16(0x00280011, columns),
        0x00280100: raw.u16(0x00280100, 8),
        0x00280101: raw.u16(0x00280101, 8),
        0x00280102: raw.u16(0x00280102, 7),
        0x00280103: raw.u16(0x00280103, 0),
        0x7FE00010: raw.element(0x7FE00010, "OW" if not raw.explicit else "OB", bytes(range(rows * columns))),
    }


def join(elements):
    """The data set: elements in tag order. A key may be (tag, n) to put several at one place."""
    return b"".join(elements[key] for key in sorted(elements, key=lambda key: key if isinstance(key, tuple) else (key, 0)))


def raw_file(name, more, *, raw=None, syntax=EXPLICIT, image=True, **ids):
    """A whole file: identity, a tiny image and `more` (tag -> encoded element)."""
    raw = raw or Raw()
    elements = identity(raw, name, **ids)
    if image:
        elements |= pixels(raw)
    elements |= more
    sop = ids.get("sop")
    return wrap(join(elements), ids.get("sop_class", SECONDARY), sop if isinstance(sop, str) else uid("instance " + name), syntax)
