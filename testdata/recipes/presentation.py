"""Presentation states (PS3.3 A.33), and the image that they speak of: each shows one thing, and the last all of them."""

import numpy as np

from . import image
from .enhanced import group
from .part10 import file_of
from .pictures import COLUMNS, ROWS, grey, overlay, twelve_bits

GREYSCALE_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
IMAGE = "presented-image"


def make(catalogue):
    picture = grey(IMAGE, twelve_bits(), bits=12, sop_class=image.CT, modality="CT")
    picture.RescaleSlope, picture.RescaleIntercept, picture.RescaleType = 1, -1024, "HU"
    picture.WindowCenter, picture.WindowWidth = 0, 4000
    overlay(picture, 0, ROWS, COLUMNS, [1, 1], image.grey(ROWS, COLUMNS, frame=5) > 180)
    catalogue.add(f"pictures/{IMAGE}.dcm", file_of(picture), "the image of the presentation states, with an overlay they hide")
    for name, (what, change) in STATES.items():
        ds = state(f"state-{name}", picture)
        for one in change:
            one(ds)
        catalogue.add(f"pictures/state-{name}.dcm", file_of(ds), "presentation state: " + what)


def state(name, picture):
    """What a state has to say, and nothing more: the picture as it is, by a window of the state's."""
    ds = image.base("pictures/" + name, GREYSCALE_STATE, "PR")
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "TESTDATA", name, "Test^Data"
    ds.PresentationCreationDate, ds.PresentationCreationTime = "20240229", "081530"
    ds.ReferencedSeriesSequence = [group(SeriesInstanceUID=picture.SeriesInstanceUID, ReferencedImageSequence=[
        group(ReferencedSOPClassUID=picture.SOPClassUID, ReferencedSOPInstanceUID=picture.SOPInstanceUID)])]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
    ds.SoftcopyVOILUTSequence = [group(WindowCenter=300, WindowWidth=1500)]
    ds.DisplayedAreaSelectionSequence = [displayed_area([1, 1], [COLUMNS, ROWS])]
    ds.PresentationLUTShape = "IDENTITY"
    return ds


def displayed_area(first, last):
    return group(DisplayedAreaTopLeftHandCorner=first, DisplayedAreaBottomRightHandCorner=last, PresentationSizeMode="SCALE TO FIT",
                 PresentationPixelAspectRatio=[1, 1])


def inverse(ds):
    ds.PresentationLUTShape = "INVERSE"


def turned(rotation, flip):
    def change(ds):
        ds.ImageRotation, ds.ImageHorizontalFlip = rotation, flip
    return change


def area(ds):
    ds.DisplayedAreaSelectionSequence = [displayed_area([5, 3], [28, 14])]


def rectangle(ds):
    ds.ShutterShape = "RECTANGULAR"
    ds.ShutterLeftVerticalEdge, ds.ShutterRightVerticalEdge = 4, 30
    ds.ShutterUpperHorizontalEdge, ds.ShutterLowerHorizontalEdge = 2, 17
    ds.ShutterPresentationValue = 0x4000


def round_and_cornered(ds):
    ds.ShutterShape = ["CIRCULAR", "POLYGONAL"]
    ds.CenterOfCircularShutter, ds.RadiusOfCircularShutter = [10, 16], 9
    ds.VerticesOfThePolygonalShutter = [1, 1, 1, 32, 12, 32, 12, 1]
    ds.ShutterPresentationValue = 0


def bitmap(ds):
    """The bits of a plane of the state's are what is hidden (C.7.6.15)."""
    ds.ShutterShape, ds.ShutterOverlayGroup, ds.ShutterPresentationValue = "BITMAP", 0x6002, 0x8000
    overlay(ds, 1, ROWS, COLUMNS, [1, 1], image.grey(ROWS, COLUMNS, frame=2) > 140)


def overlay_of_image(ds):
    ds.add_new(0x60001001, "CS", "LAYER")
    layer(ds, 0xFFFF)


def layer(ds, value):
    ds.GraphicLayerSequence = [group(GraphicLayer="LAYER", GraphicLayerOrder=1, GraphicLayerRecommendedDisplayGrayscaleValue=value)]


def shape(kind, *points):
    return group(GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=len(points) // 2, GraphicData=list(points),
                 GraphicType=kind, GraphicFilled="N")


def graphics(ds):
    """A line through the middles of pixels, a circle, a word."""
    layer(ds, 0xFFFF)
    text = group(BoundingBoxAnnotationUnits="PIXEL", BoundingBoxTopLeftHandCorner=[18, 10], BoundingBoxBottomRightHandCorner=[31, 19],
                 BoundingBoxTextHorizontalJustification="LEFT", UnformattedTextValue="Hi")
    ds.GraphicAnnotationSequence = [group(GraphicLayer="LAYER", TextObjectSequence=[text], GraphicObjectSequence=[
        shape("POLYLINE", 2.5, 1.5, 2.5, 12.5, 12.5, 12.5), shape("CIRCLE", 24.5, 5.5, 27.5, 5.5)])]


def presentation_lut(ds):
    del ds.PresentationLUTShape
    ds.PresentationLUTSequence = [group(LUTDescriptor=[256, 0, 12], LUTData=((np.arange(256) / 255) ** 2 * 4095).astype("<u2").tobytes())]
    ds.PresentationLUTSequence[0]["LUTData"].VR = "OW"
    ds.PresentationLUTSequence[0]["LUTDescriptor"].VR = "US"


STATES = {
    "window": ("a window", ()),
    "inverse": ("small values are white", (inverse,)),
    "turned-90": ("turned by 90 degrees", (turned(90, "N"),)),
    "turned-90-flipped": ("turned by 90 degrees, then flipped", (turned(90, "Y"),)),
    "turned-270-flipped": ("turned by 270 degrees, then flipped", (turned(270, "Y"),)),
    "turned-180-flipped": ("turned by 180 degrees, then flipped", (turned(180, "Y"),)),
    "area": ("a part of the image", (area,)),
    "rectangle": ("a rectangular shutter", (rectangle,)),
    "round": ("a circular and a polygonal shutter", (round_and_cornered,)),
    "bitmap": ("a bitmap shutter", (bitmap,)),
    "overlay": ("the image's overlay", (overlay_of_image,)),
    "lut": ("a presentation LUT", (presentation_lut,)),
    "graphics": ("a line, a circle and a text", (graphics,)),
    "all": ("inverse, rectangular shutter, part of the image, turned and flipped", (inverse, rectangle, area, turned(90, "Y"))),
}
