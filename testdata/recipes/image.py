"""Small invented images and the data sets around them."""

import numpy as np
from pydicom.dataset import Dataset

from .catalogue import uid

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
MULTIFRAME_BYTE = "1.2.840.10008.5.1.4.1.1.7.2"
MULTIFRAME_WORD = "1.2.840.10008.5.1.4.1.1.7.3"
MULTIFRAME_TRUE_COLOUR = "1.2.840.10008.5.1.4.1.1.7.4"

PATIENT = ("TESTDATA-1", "Nguyễn^Thị Minh Ánh", "19840229", "F")


def base(name, sop_class, modality, *, patient=PATIENT, study=None, series=None):
    """What every object carries. `name` names the instance; study and series are shared by kind (its folder)."""
    kind = name.split("/")[0]
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid("instance " + name)
    ds.StudyDate = "20240229"
    ds.ContentDate = "20240229"
    ds.StudyTime = "081530"
    ds.ContentTime = "081530.123456"
    ds.AccessionNumber = "TD" + kind.upper()[:12]
    ds.Modality = modality
    ds.Manufacturer = "Lightbox testdata"
    ds.ReferringPhysicianName = "Trần^Văn Đức"
    ds.StudyDescription = "testdata " + kind
    ds.SeriesDescription = kind
    ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = patient
    ds.StudyInstanceUID = uid("study " + (study or kind))
    ds.SeriesInstanceUID = uid("series " + (series or kind + " " + modality + " " + sop_class))
    ds.StudyID = "1"
    ds.SeriesNumber = 1
    ds.InstanceNumber = 1
    return ds


def grey(rows, columns, bits=8, *, frame=0, signed=False):
    """A slanted wave with a disc in it: no two rows or frames alike, compresses like a picture."""
    y, x = np.mgrid[0:rows, 0:columns]
    wave = np.sin((x * 3 + y * 5 + frame * 7) / 9.0) * 0.25 + 0.5
    disc = (x - columns / 2) ** 2 + (y - rows / 2 - frame) ** 2 < (min(rows, columns) / 3) ** 2
    values = np.clip(wave + disc * 0.25, 0, 1) * ((1 << bits) - 1)
    if signed:
        return (values - (1 << (bits - 1))).astype(np.int8 if bits <= 8 else np.int16)
    return values.astype(np.uint8 if bits <= 8 else np.uint16)


def colour(rows, columns, *, frame=0):
    return np.stack([grey(rows, columns, frame=frame + 11 * channel) for channel in range(3)], axis=-1)


def describe(ds, rows, columns, *, bits=8, samples=1, signed=False, photometric="MONOCHROME2", frames=None,
             allocated=None):
    """Fill in the Image Pixel module."""
    ds.SamplesPerPixel = samples
    ds.PhotometricInterpretation = photometric
    if samples > 1:
        ds.PlanarConfiguration = 0
    if frames is not None:
        ds.NumberOfFrames = frames
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated = allocated or (8 if bits <= 8 else 16)
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = int(signed)
    return ds


def set_pixels(ds, data, vr="OW"):
    """Native pixel data, padded to even length."""
    if len(data) % 2:
        data += b"\0"
    ds.add_new(0x7FE00010, vr, data)
    return ds


def secondary(name, rows=16, columns=24, *, bits=8, signed=False):
    """A one-frame grey secondary capture, the plainest image there is."""
    ds = base(name, SECONDARY, "OT")
    ds.ConversionType = "WSD"
    describe(ds, rows, columns, bits=bits, signed=signed)
    return set_pixels(ds, grey(rows, columns, bits, signed=signed).tobytes(), "OB" if bits <= 8 else "OW")
