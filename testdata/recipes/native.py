"""Uncompressed objects: every native transfer syntax, pixel layout, shape and number of frames."""

import numpy as np
from pydicom.dataset import Dataset

from . import colour_profile, image
from .part10 import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, file_of

SYNTAXES = {"implicit": IMPLICIT, "explicit": EXPLICIT, "bigendian": BIG_ENDIAN, "deflated": DEFLATED}


def make(catalogue):
    syntaxes(catalogue)
    layouts(catalogue)
    shapes(catalogue)
    frames(catalogue)
    bits(catalogue)


def syntaxes(catalogue):
    for word, syntax in SYNTAXES.items():
        for depth in (8, 12):
            name = f"native/{word}-{depth}bit"
            ds = image.secondary(name, bits=depth)
            if syntax == BIG_ENDIAN and depth > 8:
                ds.PixelData = image.grey(16, 24, depth).astype(">u2").tobytes()
            catalogue.add(name + ".dcm", file_of(ds, syntax), f"{depth} bits in {word}")
        name = f"native/{word}-sequences"
        ds = image.secondary(name)
        ds.ReferencedImageSequence = [referenced(name, 1), referenced(name, 2)]
        catalogue.add(name + ".dcm", file_of(ds, syntax), f"a sequence of two items in {word}")


def referenced(name, number):
    item = Dataset()
    item.ReferencedSOPClassUID = image.CT
    item.ReferencedSOPInstanceUID = image.uid(f"referenced {name} {number}")
    return item


def layouts(catalogue):
    rows, columns = 16, 24
    rgb = image.colour(rows, columns)
    for planar in (0, 1):
        name = f"native/rgb-planar{planar}"
        ds = image.describe(image.base(name, image.SECONDARY, "OT"), rows, columns, samples=3, photometric="RGB")
        ds.PlanarConfiguration = planar
        image.set_pixels(ds, (rgb.transpose(2, 0, 1) if planar else rgb).tobytes(), "OB")
        catalogue.add(name + ".dcm", file_of(ds), f"RGB, planar configuration {planar}")
    name = "native/ybr-full"
    ds = image.describe(image.base(name, image.SECONDARY, "OT"), rows, columns, samples=3, photometric="YBR_FULL")
    catalogue.add(name + ".dcm", file_of(image.set_pixels(ds, rgb.tobytes(), "OB")), "YBR_FULL, uncompressed")
    name = "native/ybr-full-422"
    ds = image.describe(image.base(name, image.SECONDARY, "OT"), rows, columns, samples=3, photometric="YBR_FULL_422")
    image.set_pixels(ds, rgb.tobytes()[: rows * columns * 2], "OB")
    catalogue.add(name + ".dcm", file_of(ds), "YBR_FULL_422 uncompressed: two bytes a pixel, not three")
    palette(catalogue)
    name = "native/monochrome1-signed"
    ds = image.secondary(name, bits=16, signed=True)
    ds.PhotometricInterpretation = "MONOCHROME1"
    catalogue.add(name + ".dcm", file_of(ds), "MONOCHROME1, signed 16 bit")
    for word, tag, vr, kind in (("float", 0x7FE00008, "OF", "<f4"), ("double", 0x7FE00009, "OD", "<f8")):
        name = f"native/{word}-pixels"
        ds = image.base(name, "1.2.840.10008.5.1.4.1.1.30", "OT")
        image.describe(ds, rows, columns, frames=1, allocated=32 if word == "float" else 64)
        for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
            delattr(ds, keyword)
        ds.add_new(tag, vr, (image.grey(rows, columns) / 7).astype(kind).tobytes())
        catalogue.add(name + ".dcm", file_of(ds), f"parametric map with {word} pixel data ({vr})")
    for word, profile in (("adobe-rgb", colour_profile.adobe_rgb()), ("broken-profile", colour_profile.adobe_rgb()[:300])):
        name = "native/slide-" + word
        catalogue.add(name + ".dcm", file_of(slide(name, profile)), f"a slide whose optical path has an ICC profile: {word}")
    name = "native/overlay-and-lut"
    catalogue.add(name + ".dcm", file_of(overlay(name)), "overlay plane (6000,3000), modality and VOI LUT sequences")


def palette(catalogue):
    name = "native/palette"
    ds = image.describe(image.base(name, image.SECONDARY, "OT"), 16, 24, photometric="PALETTE COLOR")
    for offset, colour in enumerate(("Red", "Green", "Blue")):
        setattr(ds, colour + "PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = ((np.arange(256) * (offset + 1) * 257) % 65536).astype("<u2").tobytes()
        setattr(ds, colour + "PaletteColorLookupTableData", table)
    catalogue.add(name + ".dcm", file_of(image.set_pixels(ds, image.grey(16, 24).tobytes(), "OB")), "palette colour, 16-bit tables")


def slide(name, profile):
    ds = image.describe(image.base(name, image.SLIDE, "SM"), 16, 24, samples=3, photometric="RGB", frames=1)
    path = Dataset()
    path.OpticalPathIdentifier = "1"
    path.ICCProfile = profile + b"\0" * (len(profile) % 2)
    ds.OpticalPathSequence = [path]
    return image.set_pixels(ds, image.colour(16, 24).tobytes(), "OB")


def overlay(name):
    ds = image.secondary(name, bits=12)
    ds.add_new(0x60000010, "US", 16)
    ds.add_new(0x60000011, "US", 24)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60000102, "US", 0)
    ds.add_new(0x60003000, "OW", np.packbits(image.grey(16, 24) > 128, bitorder="little").tobytes())
    table = Dataset()
    table.add_new(0x00283002, "US", [4096, 0, 16])
    table.add_new(0x00283004, "LO", "HU")
    table.add_new(0x00283006, "OW", np.arange(4096, dtype="<u2").tobytes())
    ds.ModalityLUTSequence = [table]
    voi = Dataset()
    voi.add_new(0x00283002, "US", [256, 0, 8])
    voi.add_new(0x00283006, "OW", np.arange(256, dtype="<u2").tobytes())
    ds.VOILUTSequence = [voi]
    return ds


def shapes(catalogue):
    for word, rows, columns in (("wide", 8, 640), ("tall", 640, 8), ("one-row", 1, 512), ("one-column", 512, 1),
                                ("one-pixel", 1, 1), ("three-pixels", 1, 3), ("big", 1024, 768)):
        name = f"shapes/{word}"
        what = f"{rows} rows, {columns} columns" + (", odd number of bytes, padded" if rows * columns % 2 else "")
        catalogue.add(name + ".dcm", file_of(image.secondary(name, rows, columns)), what)


def frames(catalogue):
    for count, rows, columns in ((1, 16, 24), (2, 16, 24), (300, 16, 24), (10000, 4, 4)):
        name = f"frames/native-{count}"
        ds = image.describe(image.base(name, image.MULTIFRAME_BYTE, "OT"), rows, columns, frames=count)
        data = b"".join(image.grey(rows, columns, frame=number).tobytes() for number in range(count))
        catalogue.add(name + ".dcm", file_of(image.set_pixels(ds, data, "OB")), f"{count} frames of {rows}x{columns}, native")
    name = "frames/native-odd-bytes"
    ds = image.describe(image.base(name, image.MULTIFRAME_BYTE, "OT"), 3, 5, frames=3)
    data = b"".join(image.grey(3, 5, frame=number).tobytes() for number in range(3))
    catalogue.add(name + ".dcm", file_of(image.set_pixels(ds, data, "OB")), "three frames of 15 bytes: frames begin at odd offsets")
    name = "frames/native-implicit-2"
    ds = image.describe(image.base(name, image.MULTIFRAME_WORD, "OT"), 16, 24, bits=16, frames=2)
    data = b"".join(image.grey(16, 24, 16, frame=number).tobytes() for number in range(2))
    catalogue.add(name + ".dcm", file_of(image.set_pixels(ds, data), IMPLICIT), "two 16-bit frames, implicit VR")
    name = "frames/deflated-5"
    ds = image.describe(image.base(name, image.MULTIFRAME_BYTE, "OT"), 16, 24, frames=5)
    data = b"".join(image.grey(16, 24, frame=number).tobytes() for number in range(5))
    catalogue.add(name + ".dcm", file_of(image.set_pixels(ds, data, "OB"), DEFLATED), "five frames in a deflated data set")


def bits(catalogue):
    """Segmentations of one bit a pixel: frames follow each other without padding (PS3.5 8.1.1)."""
    for count, rows, columns in ((1, 16, 16), (3, 5, 5), (9, 7, 3), (300, 3, 3)):
        name = f"seg/bits-{rows}x{columns}x{count}"
        mask = np.stack([image.grey(rows, columns, frame=number) > 128 for number in range(count)])
        data = np.packbits(mask.reshape(-1), bitorder="little").tobytes()
        catalogue.add(name + ".dcm", file_of(segmentation(name, rows, columns, count, data)),
                      f"1-bit SEG, {count} frames of {rows * columns} bits: frames begin inside bytes" if rows * columns % 8
                      else f"1-bit SEG, {count} frames, byte aligned")


def segmentation(name, rows, columns, count, data):
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.66.4", "SEG")
    image.describe(ds, rows, columns, bits=1, frames=count, allocated=1)
    ds.SegmentationType = "BINARY"
    segment = Dataset()
    segment.SegmentNumber = 1
    segment.SegmentLabel = "Disc"
    segment.SegmentAlgorithmType = "AUTOMATIC"
    segment.SegmentAlgorithmName = "testdata"
    ds.SegmentSequence = [segment]
    return image.set_pixels(ds, data, "OB")
