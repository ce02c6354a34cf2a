"""Files from data sets: our own few lines of PS3.10, so that a library's habits do not end up in the bytes."""

import dataclasses
import struct
import zlib

import pydicom
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
RLE = "1.2.840.10008.1.2.5"
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"

IMPLEMENTATION = "2.25.247215113187361912372413083925183041931"


@dataclasses.dataclass
class Part10:
    """A file's bytes and what its recipe knows of them. dataset_offset is None where there is no data set."""
    bytes: bytes
    transfer_syntax: str | None = None
    sop_class: str | None = None
    sop_instance: str | None = None
    dataset_offset: int | None = None


def pad(value, filler=b" "):
    return value + filler if len(value) % 2 else value


def text(value, encoding="ascii"):
    return pad(value.encode(encoding))


def uid_bytes(value):
    return pad(value.encode("ascii"), b"\0")


def meta_element(element, vr, value):
    if vr == "OB":
        return struct.pack("<HH2sHI", 2, element, vr.encode(), 0, len(value)) + value
    return struct.pack("<HH2sH", 2, element, vr.encode(), len(value)) + value


def meta_header(sop_class, sop_instance, transfer_syntax, *, group_length=True, length_lie=0):
    """Preamble, DICM and group 0002. length_lie is added to the group length that is written."""
    body = meta_element(0x0001, "OB", b"\0\1")
    if sop_class is not None:
        body += meta_element(0x0002, "UI", uid_bytes(sop_class))
    if sop_instance is not None:
        body += meta_element(0x0003, "UI", uid_bytes(sop_instance))
    if transfer_syntax is not None:
        body += meta_element(0x0010, "UI", uid_bytes(transfer_syntax))
    body += meta_element(0x0012, "UI", uid_bytes(IMPLEMENTATION))
    length = meta_element(0x0000, "UL", struct.pack("<I", len(body) + length_lie)) if group_length else b""
    return bytes(128) + b"DICM" + length + body


def deflate(data):
    """A raw deflate stream, padded to even length (PS3.5 A.5)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return pad(packer.compress(data) + packer.flush(), b"\0")


def dataset_bytes(ds, syntax):
    """A pydicom data set in a transfer syntax. Encapsulated pixel data come ready-made in PixelData."""
    ds = Dataset(ds)
    out = DicomBytesIO()
    out.is_implicit_VR = syntax == IMPLICIT
    out.is_little_endian = syntax != BIG_ENDIAN
    if "PixelData" in ds:
        ds["PixelData"].is_undefined_length = UID(syntax).is_encapsulated if UID(syntax).is_transfer_syntax \
            else syntax not in (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
    write_dataset(out, ds, parent_encoding=ds.get("SpecificCharacterSet", "ISO_IR 6"))
    data = out.getvalue()
    return deflate(data) if syntax == DEFLATED else data


def wrap(data, sop_class, sop_instance, syntax):
    """A file from the bytes of a data set."""
    header = meta_header(sop_class, sop_instance, syntax)
    return Part10(header + data, syntax, sop_class, sop_instance, len(header))


def file_of(ds, syntax=EXPLICIT):
    """A file from a pydicom data set."""
    return wrap(dataset_bytes(ds, syntax), str(ds.SOPClassUID), str(ds.SOPInstanceUID), syntax)


pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
