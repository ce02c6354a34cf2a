"""Enhanced multi-frame objects: functional groups, shared and one per frame."""

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from . import codecs, image
from .catalogue import uid
from .encapsulated import encapsulate, put
from .part10 import RLE, file_of

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def make(catalogue):
    for count in (1, 24, 300):
        name = f"enhanced/mr-{count}"
        ds = enhanced(name, ENHANCED_MR, "MR", count, 32, 40)
        data = b"".join(image.grey(32, 40, 12, frame=number).tobytes() for number in range(count))
        catalogue.add(name + ".dcm", file_of(image.set_pixels(ds, data), ExplicitVRLittleEndian),
                      f"Enhanced MR, {count} frame(s), positions in the per-frame functional groups")
    name = "enhanced/ct-rle-24"
    ds = enhanced(name, ENHANCED_CT, "CT", 24, 32, 40)
    value = encapsulate([[codecs.rle(image.grey(32, 40, 12, frame=number))] for number in range(24)])
    catalogue.add(name + ".dcm", file_of(put(ds, value), RLE), "Enhanced CT, 24 RLE frames")


def group(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def enhanced(name, sop_class, modality, count, rows, columns):
    ds = image.describe(image.base(name, sop_class, modality), rows, columns, bits=12, frames=count)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.FrameOfReferenceUID = uid("frame of reference " + name)
    ds.SharedFunctionalGroupsSequence = [group(
        PixelMeasuresSequence=[group(PixelSpacing=[1.5, 1.5], SliceThickness=3)],
        PlaneOrientationSequence=[group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelValueTransformationSequence=[group(RescaleIntercept=0, RescaleSlope=1, RescaleType="US")])]
    ds.PerFrameFunctionalGroupsSequence = [frame_group(number) for number in range(count)]
    index = group(DimensionOrganizationUID=uid("dimensions " + name), DimensionIndexPointer=0x00209057,
                  FunctionalGroupPointer=0x00209111)
    ds.DimensionOrganizationSequence = [group(DimensionOrganizationUID=uid("dimensions " + name))]
    ds.DimensionIndexSequence = [index]
    return ds


def frame_group(number):
    return group(
        FrameContentSequence=[group(StackID="1", InStackPositionNumber=number + 1, DimensionIndexValues=[number + 1])],
        PlanePositionSequence=[group(ImagePositionPatient=[-30, -24, number * 3])],
        FrameVOILUTSequence=[group(WindowCenter=2048 - number, WindowWidth=4096)])
