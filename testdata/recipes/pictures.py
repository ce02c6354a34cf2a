"""Images whose attributes say how they are to be seen: one feature of PS3.3's rendering a file, small enough to be worked out by hand."""

import numpy as np
from pydicom.dataset import Dataset

from . import image
from .enhanced import ENHANCED_MR, enhanced, group
from .part10 import file_of

ROWS, COLUMNS = 20, 32
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"


def make(catalogue):
    windows(catalogue)
    tables(catalogue)
    values(catalogue)
    palettes(catalogue)
    segments(catalogue)
    overlays(catalogue)
    per_frame(catalogue)
    shapes(catalogue)


def add(catalogue, ds, name, what):
    catalogue.add(f"pictures/{name}.dcm", file_of(ds), what)


def grey(name, pixels, *, bits=None, frames=None, photometric="MONOCHROME2", sop_class=image.SECONDARY, modality="OT"):
    """An image of an array: rows and columns are its last two axes."""
    ds = image.base("pictures/" + name, sop_class, modality)
    image.describe(ds, *pixels.shape[-2:], bits=bits or pixels.itemsize * 8, frames=frames, photometric=photometric,
                   signed=pixels.dtype.kind == "i", allocated=pixels.itemsize * 8)
    return image.set_pixels(ds, pixels.tobytes(), "OB" if pixels.itemsize == 1 else "OW")


def twelve_bits(frame=0):
    return image.grey(ROWS, COLUMNS, 12, frame=frame)


# ---- Windows

def windows(catalogue):
    """Slope and intercept first: values from -1024 to 3071."""
    for word, function, center, width in (("linear", "LINEAR", 300, 1500), ("linear-exact", "LINEAR_EXACT", 300.5, 1500.5),
                                          ("sigmoid", "SIGMOID", 300, 900), ("linear-narrow", "LINEAR", 301, 1)):
        ds = grey("window-" + word, twelve_bits(), bits=12)
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
        ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, function
        add(catalogue, ds, "window-" + word, f"a window, {function}, of {width}")


# ---- LUT sequences

def table(entries, first, bits):
    ds = Dataset()
    ds.add_new(0x00283002, "SS" if first < 0 else "US", [len(entries), first, bits])
    ds.add_new(0x00283006, "OW", np.asarray(entries, "<u2").tobytes())
    return ds


def tables(catalogue):
    ds = grey("modality-lut", twelve_bits(), bits=12)
    lut = table(np.arange(3000) ** 2 // 200, 500, 16)
    lut.ModalityLUTType = "US"
    ds.ModalityLUTSequence = [lut]
    ds.WindowCenter, ds.WindowWidth = 20000, 40000
    add(catalogue, ds, "modality-lut", "a modality LUT that begins at 500, then a window")
    ds = grey("voi-lut", twelve_bits(), bits=12)
    ds.VOILUTSequence = [table((np.sqrt(np.arange(4096) / 4095) * 1023).round(), 0, 10)]
    add(catalogue, ds, "voi-lut", "a VOI LUT of 10 bits")
    ds = grey("voi-lut-signed", image.grey(ROWS, COLUMNS, 12, signed=True), bits=12)
    ds.VOILUTSequence = [table((np.arange(2000) / 1999 * 255).round(), -1000, 8)]
    add(catalogue, ds, "voi-lut-signed", "a VOI LUT that begins at -1000")


# ---- Stored values

def values(catalogue):
    pixels = image.grey(ROWS, COLUMNS, 12).astype("<i2")
    pixels[:4] = -2000
    pixels[4:6] = -1700
    pixels[6:7] = -1400
    ds = grey("padding-range", pixels)
    ds.add_new(0x00280120, "SS", -2000)
    ds.add_new(0x00280121, "SS", -1500)
    add(catalogue, ds, "padding-range", "padding from -2000 to -1500, no window")
    for word, tag, vr, kind in (("float", 0x7FE00008, "OF", "<f4"), ("double", 0x7FE00009, "OD", "<f8")):
        name = f"window-of-{word}"
        ds = image.base("pictures/" + name, PARAMETRIC_MAP, "OT")
        image.describe(ds, ROWS, COLUMNS, frames=1, allocated=np.dtype(kind).itemsize * 8)
        for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
            delattr(ds, keyword)
        ds.add_new(tag, vr, (twelve_bits() / 4095 - 0.25).astype(kind).tobytes())
        ds.WindowCenter, ds.WindowWidth = "0.25", "0.5"
        add(catalogue, ds, name, f"{word} pixels under a window of 0.5")
    samples = image.colour(ROWS, COLUMNS)[..., 0].astype(np.uint8)
    packed = np.empty((ROWS, COLUMNS // 2, 4), np.uint8)
    packed[..., 0], packed[..., 1] = samples[:, ::2], samples[:, 1::2]
    packed[..., 2], packed[..., 3] = samples[:, ::2] // 2 + 64, 255 - samples[:, 1::2] // 2 - 64
    ds = image.describe(image.base("pictures/ybr-partial-422", image.SECONDARY, "OT"), ROWS, COLUMNS, samples=3,
                        photometric="YBR_PARTIAL_422")
    add(catalogue, image.set_pixels(ds, packed.tobytes(), "OB"), "ybr-partial-422", "YBR_PARTIAL_422, uncompressed")


# ---- Palettes

def describe_palette(ds, count, first):
    for color in ("Red", "Green", "Blue"):
        setattr(ds, color + "PaletteColorLookupTableDescriptor", [count, first, 16])


def palettes(catalogue):
    ds = grey("palette-segmented", image.grey(ROWS, COLUMNS), photometric="PALETTE COLOR")
    describe_palette(ds, 256, 0)
    segmented = {  # 0: entries as they are, 1: a line to a value, 2: segments again from a byte on
        "Red": [0, 1, 0, 1, 255, 65535],
        "Green": [0, 1, 65535, 1, 127, 0, 1, 128, 65535],
        "Blue": [0, 2, 0, 40000, 1, 62, 0] + [2, 2, 0, 0] * 3,
    }
    for color, words in segmented.items():
        setattr(ds, f"Segmented{color}PaletteColorLookupTableData", np.array(words, "<u2").tobytes())
    add(catalogue, ds, "palette-segmented", "segmented palettes: discrete, linear and indirect segments")
    ds = grey("palette-supplemental", twelve_bits(), bits=12)
    ds.PixelPresentation = "COLOR"
    ds.WindowCenter, ds.WindowWidth = 1500, 3000
    describe_palette(ds, 1096, 3000)
    ramp = np.arange(1096) * 59
    for color, entries in (("Red", ramp), ("Green", ramp[::-1]), ("Blue", ramp // 2)):
        setattr(ds, color + "PaletteColorLookupTableData", entries.astype("<u2").tobytes())
    add(catalogue, ds, "palette-supplemental", "grey up to 2999, colours of a supplemental palette from 3000 on")


# ---- Segmentations

# sRGB's primaries in the CIELab of the profile connection space (D50), and yellow
LAB = {"red": (54.29, 80.80, 69.89), "green": (87.82, -79.27, 80.99), "blue": (29.57, 68.30, -112.03)}


def cielab(lab):
    """C.10.7.1.1: L from 0 to 100, a and b from -128 to 127, each over 16 bits."""
    return [round(lab[0] * 65535 / 100), round((lab[1] + 128) * 257), round((lab[2] + 128) * 257)]


def segment(number, color):
    return group(SegmentNumber=number, SegmentLabel=color, SegmentAlgorithmType="MANUAL", RecommendedDisplayCIELabValue=cielab(LAB[color]))


def segmentation(name, pixels, kind, sop_class=SEGMENTATION):
    ds = grey(name, pixels, frames=len(pixels), sop_class=sop_class, modality="SEG")
    ds.SegmentationType = kind
    ds.SegmentSequence = [segment(number + 1, color) for number, color in enumerate(LAB)]
    ds.PerFrameFunctionalGroupsSequence = [
        group(SegmentIdentificationSequence=[group(ReferencedSegmentNumber=number + 1)]) for number in range(len(pixels))]
    return ds


def segments(catalogue):
    parts = np.stack([image.grey(9, 13, frame=number) for number in range(3)])
    ds = segmentation("segments-binary", parts, "BINARY")
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    image.set_pixels(ds, np.packbits((parts > 128).reshape(-1), bitorder="little").tobytes(), "OB")
    add(catalogue, ds, "segments-binary", "three segments of one bit a pixel, with recommended colours")
    ds = segmentation("segments-fractional", (parts.astype(int) * 200 // 255).astype(np.uint8), "FRACTIONAL")
    ds.SegmentationFractionalType, ds.MaximumFractionalValue = "OCCUPANCY", 200
    add(catalogue, ds, "segments-fractional", "three segments of which a pixel has from 0 to 200 parts")
    ds = segmentation("segments-label-map", parts[:1] // 64, "LABELMAP", LABEL_MAP)
    del ds.PerFrameFunctionalGroupsSequence
    add(catalogue, ds, "segments-label-map", "three segments in one frame: values are their numbers")


# ---- Overlays

def overlay(ds, index, rows, columns, origin, bits=None, *, frames=None, first_frame=None, allocated=1, position=0):
    at = 0x60000000 + (index << 17)
    ds.add_new(at | 0x10, "US", rows)
    ds.add_new(at | 0x11, "US", columns)
    if frames is not None:
        ds.add_new(at | 0x15, "IS", frames)
    ds.add_new(at | 0x40, "CS", "G")
    ds.add_new(at | 0x50, "SS", origin)
    if first_frame is not None:
        ds.add_new(at | 0x51, "US", first_frame)
    ds.add_new(at | 0x100, "US", allocated)
    ds.add_new(at | 0x102, "US", position)
    if bits is not None:
        packed = np.packbits(np.asarray(bits, bool).reshape(-1), bitorder="little").tobytes()
        ds.add_new(at | 0x3000, "OW", packed + b"\0" * (len(packed) % 2))


def overlays(catalogue):
    ds = grey("overlays-of-frames", np.stack([image.grey(ROWS, COLUMNS, frame=number) for number in range(4)]), frames=4,
              sop_class=image.MULTIFRAME_BYTE)
    ds.WindowCenter, ds.WindowWidth = 160, 320
    overlay(ds, 0, 9, 13, [3, 5], [image.grey(9, 13, frame=number) > 128 for number in (7, 8)], frames=2, first_frame=2)
    overlay(ds, 1, 6, 8, [-2, 28], np.ones((6, 8)))
    add(catalogue, ds, "overlays-of-frames", "a plane for frame 2 and one for frame 3, and one that lies over an edge of all")
    words = twelve_bits() | (image.grey(ROWS, COLUMNS, frame=3) > 150).astype(np.uint16) << 12 \
        | (image.grey(ROWS, COLUMNS, frame=9) > 180).astype(np.uint16) << 15
    ds = grey("overlays-embedded", words, bits=12)
    ds.WindowCenter, ds.WindowWidth = 2600, 5200
    for index, position in ((0, 12), (1, 15)):
        overlay(ds, index, ROWS, COLUMNS, [1, 1], allocated=16, position=position)
    add(catalogue, ds, "overlays-embedded", "planes in bits 12 and 15 of the pixels")


# ---- Frames that are shown each its own way

def per_frame(catalogue):
    name = "frames-of-their-own"
    ds = enhanced("pictures/" + name, ENHANCED_MR, "MR", 3, ROWS, COLUMNS)
    del ds.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    image.set_pixels(ds, b"".join(twelve_bits(number).tobytes() for number in range(3)))
    for number, function in enumerate(("LINEAR", "SIGMOID", "LINEAR_EXACT")):
        own = ds.PerFrameFunctionalGroupsSequence[number]
        own.PixelValueTransformationSequence = [group(RescaleSlope=number + 0.5, RescaleIntercept=-100 * number, RescaleType="US")]
        own.FrameVOILUTSequence = [group(WindowCenter=1000 * (number + 1), WindowWidth=1500 * (number + 1), VOILUTFunction=function)]
    add(catalogue, ds, name, "enhanced MR: slope, intercept, window and its function differ from frame to frame")


def shapes(catalogue):
    steps = np.repeat(np.arange(4, dtype=np.uint8) * 60 + 20, 8)
    ds = grey("aspect-1-2", np.stack([np.roll(steps, 8 * (row // 8)) for row in range(24)]))
    ds.PixelAspectRatio = [1, 2]
    ds.WindowCenter, ds.WindowWidth = 128, 256
    add(catalogue, ds, "aspect-1-2", "pixels twice as wide as high")
