"""A CT series of an invented head phantom: what ./dev run pushes and a viewer will show.

Drawn in millimetres from ellipsoids, in the manner of the well-known analytic head phantoms but with our own
shapes: skull, brain with folded surface, ventricles, an insert with line pairs, rods of known density and a
table. Pixel values are Hounsfield units + 1024 with noise of a fixed seed.
"""

import numpy as np

from . import image
from .catalogue import uid
from .part10 import file_of

SLICES, SIZE = 24, 512
PIXEL_MM, SPACING_MM = 0.46875, 5.0
PATIENT = ("PHANTOM-001", "Phantom^Đầu Mẫu", "19700101", "O")

# centre (x, y, z), half axes (x, y, z) in mm, turn in degrees, Hounsfield units; painted in this order
SHAPES = (
    ((0, 0, 0), (78, 98, 82), 0, 30),          # scalp
    ((0, 0, 0), (73, 93, 77), 0, 1100),        # skull
    ((0, 0, 0), (67, 87, 71), 0, 8),           # fluid around the brain
    ((0, 2, 0), (64, 83, 68), 0, 36),          # brain
    ((-10, -14, 8), (5, 26, 16), 12, 6),       # ventricles
    ((10, -14, 8), (5, 26, 16), -12, 6),
    ((0, 40, -12), (7, 9, 14), 0, 10),
    ((-38, -22, 18), (11, 13, 12), 0, 62),     # a bleed
    ((34, 28, -14), (14, 10, 16), 20, 22),     # an old infarct
    ((0, -92, -46), (22, 12, 22), 0, -850),    # nasal air
    ((-30, -76, -38), (15, 16, 15), 0, 12),    # eyes
    ((30, -76, -38), (15, 16, 15), 0, 12),
    ((-30, -84, -38), (6, 4, 6), 0, 110),      # lenses
    ((30, -84, -38), (6, 4, 6), 0, 110),
)
RODS = ((-1000, "air"), (-100, "fat"), (0, "water"), (120, "plastic"), (340, "PTFE-like"), (990, "bone"))


def make(catalogue):
    for number in range(1, SLICES + 1):
        name = f"sample/slice-{number:02}"
        catalogue.add(name + ".dcm", file_of(header(name, number)), f"head phantom, slice {number} of {SLICES}, 16 bit")


def position(number):
    return (number - (SLICES + 1) / 2) * SPACING_MM


def header(name, number):
    ds = image.base(name, image.CT, "CT", patient=PATIENT, series="sample")
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceNumber = number
    ds.AccessionNumber = "A20240229-01"
    ds.StudyDescription = "CT sọ não (phantom)"
    ds.SeriesDescription = "Axial 5 mm"
    ds.InstitutionName = "Lightbox Test Hospital"
    ds.ManufacturerModelName, ds.StationName = "PHANTOM-24", "CT01"
    ds.BodyPartExamined, ds.PatientPosition, ds.ProtocolName = "HEAD", "HFS", "Head routine"
    ds.SeriesNumber, ds.AcquisitionNumber = 2, 1
    ds.SeriesDate = ds.AcquisitionDate = "20240229"
    ds.SeriesTime = "081600"
    ds.AcquisitionTime = f"0816{number:02}.000"
    ds.KVP, ds.XRayTubeCurrent, ds.ExposureTime = "120", 220, 1000
    ds.SliceThickness, ds.SpacingBetweenSlices = "5", "5"
    ds.ConvolutionKernel, ds.GantryDetectorTilt = "H31s", "0"
    ds.FrameOfReferenceUID = uid("frame of reference sample")
    z = position(number)
    corner = -(SIZE - 1) / 2 * PIXEL_MM
    ds.ImagePositionPatient = [f"{corner:.4f}", f"{corner:.4f}", f"{z:.2f}"]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SliceLocation = f"{z:.2f}"
    ds.PixelSpacing = [PIXEL_MM, PIXEL_MM]
    image.describe(ds, SIZE, SIZE, bits=12)
    ds.WindowCenter, ds.WindowWidth = ["40", "400"], ["80", "2000"]
    ds.WindowCenterWidthExplanation = ["BRAIN", "BONE"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    return image.set_pixels(ds, (np.clip(draw(z, number), -1024, 3071) + 1024).astype("<u2").tobytes())


def draw(z, seed):
    """One slice in Hounsfield units."""
    axis = (np.arange(SIZE) - (SIZE - 1) / 2) * PIXEL_MM
    x, y = np.meshgrid(axis, axis)
    slice_hu = np.full((SIZE, SIZE), -1000.0)
    folds = 1 + 0.035 * np.sin(11 * np.arctan2(y, x) + z / 6) * np.sin(7 * np.arctan2(y, x) - z / 9)
    for index, (centre, half, turn, hu) in enumerate(SHAPES):
        slice_hu[ellipsoid(x, y, z, centre, half, turn, folds if index == 3 else 1)] = hu
    brain = slice_hu == 36
    slice_hu[brain] += 5 * np.sin(x[brain] / 9) * np.sin(y[brain] / 11 + z / 8)
    falx = brain & (np.abs(x) < 1.2) & ((y < -30) | (y > 45))
    slice_hu[falx] = 70
    rods(slice_hu, x, y)
    slice_hu[(np.abs(y - 112 - (x / 60) ** 2 * -8) < 3) & (np.abs(x) < 110)] = 180  # head rest
    return blur(slice_hu) + np.random.default_rng(seed).normal(0, 4, slice_hu.shape)


def ellipsoid(x, y, z, centre, half, turn, scale):
    angle = np.deg2rad(turn)
    dx, dy = x - centre[0], y - centre[1]
    u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    return (u / half[0]) ** 2 + (v / half[1]) ** 2 + ((z - centre[2]) / half[2]) ** 2 < np.asarray(scale) ** 2


def rods(slice_hu, x, y):
    """Six rods beside the head, for checking values, and a pattern of line pairs for sharpness."""
    for index, (hu, _) in enumerate(RODS):
        centre_x = -75 + index * 30
        slice_hu[(x - centre_x) ** 2 + (y + 109) ** 2 < 36] = 100
        slice_hu[(x - centre_x) ** 2 + (y + 109) ** 2 < 25] = hu
    for index in range(5):
        width = 4.0 - index * 0.7
        block = (np.abs(y - 20 + index * 14 - 28) < 4) & (x > 92) & (x < 116)
        slice_hu[block & (np.floor(x / width) % 2 == 0)] = 800


def blur(values):
    """Partial volume: a small binomial kernel, rows then columns."""
    for axis in (0, 1):
        values = (np.roll(values, 1, axis) + 2 * values + np.roll(values, -1, axis)) / 4
    return values
