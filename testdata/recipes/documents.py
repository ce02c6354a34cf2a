"""Objects without pixels: reports, references, presentation states, radiotherapy, waveforms, wrapped documents."""

import numpy as np
from pydicom.dataset import Dataset

from . import image
from .catalogue import uid
from .enhanced import group
from .part10 import DEFLATED, IMPLICIT, file_of

PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 80]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj
4 0 obj<</Length 43>>stream
BT /F1 14 Tf 20 36 Td (Lightbox testdata) Tj ET
endstream endobj
trailer<</Root 1 0 R>>
%%EOF
"""
CDA = '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Báo cáo thử</title></ClinicalDocument>'


def make(catalogue):
    reports(catalogue)
    references(catalogue)
    radiotherapy(catalogue)
    waveforms(catalogue)
    calibrated_waveforms(catalogue)
    wrapped(catalogue)


def code(value, scheme, meaning):
    return group(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def content(kind, name, relationship="CONTAINS", **values):
    return group(RelationshipType=relationship, ValueType=kind, ConceptNameCodeSequence=[name], **values)


def report(name, depth):
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.88.33", "SR")
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.CompletionFlag, ds.VerificationFlag = "COMPLETE", "UNVERIFIED"
    ds.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    leaf = [content("TEXT", code("121071", "DCM", "Finding"), TextValue="Không thấy bất thường.\r\nKết luận: bình thường."),
            content("NUM", code("121206", "DCM", "Distance"), MeasuredValueSequence=[group(
                NumericValue="12.5", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "millimeter")])])]
    for level in range(depth):
        leaf = [content("CONTAINER", code("125007", "DCM", f"Measurement Group {level}"), ContinuityOfContent="SEPARATE",
                        ContentSequence=leaf)]
    ds.ContentSequence = leaf
    return ds


def reports(catalogue):
    catalogue.add("documents/sr.dcm", file_of(report("documents/sr", 1)), "Comprehensive SR, Vietnamese text")
    catalogue.add("documents/sr-implicit.dcm", file_of(report("documents/sr-implicit", 1), IMPLICIT), "SR, implicit VR")
    catalogue.add("documents/sr-deep.dcm", file_of(report("documents/sr-deep", 12)), "SR nested 13 deep")
    catalogue.add("documents/sr-deflated.dcm", file_of(report("documents/sr-deflated", 4), DEFLATED), "SR, deflated")


def reference(sop_class, name):
    return group(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid("instance " + name))


def series_reference(name):
    return group(SeriesInstanceUID=uid("series " + name), ReferencedSOPSequence=[reference(image.CT, name)])


def references(catalogue):
    name = "documents/ko"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.88.59", "KO")
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [code("113000", "DCM", "Of Interest")]
    ds.CurrentRequestedProcedureEvidenceSequence = [group(
        StudyInstanceUID=uid("study sample"), ReferencedSeriesSequence=[series_reference("sample/slice-01")])]
    ds.ContentSequence = [group(RelationshipType="CONTAINS", ValueType="IMAGE",
                                ReferencedSOPSequence=[reference(image.CT, "sample/slice-01")])]
    catalogue.add(name + ".dcm", file_of(ds), "Key Object Selection of one CT slice")
    name = "documents/pr"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.11.1", "PR")
    ds.ContentLabel, ds.PresentationCreationDate, ds.PresentationCreationTime = "TEST", "20240229", "081600"
    ds.ReferencedSeriesSequence = [group(SeriesInstanceUID=uid("series sample"),
                                         ReferencedImageSequence=[reference(image.CT, "sample/slice-01")])]
    ds.SoftcopyVOILUTSequence = [group(WindowCenter="40", WindowWidth="400")]
    line = group(GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=2, GraphicData=[10, 10, 90, 60],
                 GraphicType="POLYLINE", GraphicFilled="N")
    ds.GraphicAnnotationSequence = [group(GraphicLayer="ONE", GraphicObjectSequence=[line])]
    ds.GraphicLayerSequence = [group(GraphicLayer="ONE", GraphicLayerOrder=1)]
    ds.PresentationLUTShape = "IDENTITY"
    catalogue.add(name + ".dcm", file_of(ds), "Grayscale Softcopy Presentation State with a line")
    name = "documents/raw-data"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.66", "OT")
    ds.CreatorVersionUID = uid("creator")
    catalogue.add(name + ".dcm", file_of(ds), "Raw Data, nothing inside")
    name = "documents/registration"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.66.1", "REG")
    ds.FrameOfReferenceUID = uid("frame of reference " + name)
    matrix = group(FrameOfReferenceTransformationMatrixType="RIGID",
                   FrameOfReferenceTransformationMatrix=[1, 0, 0, 5.5, 0, 1, 0, -2.25, 0, 0, 1, 1e-7, 0, 0, 0, 1])
    ds.RegistrationSequence = [group(FrameOfReferenceUID=uid("frame of reference sample"),
                                     MatrixRegistrationSequence=[group(MatrixSequence=[matrix])])]
    catalogue.add(name + ".dcm", file_of(ds), "Spatial Registration")
    name = "documents/unknown-sop-class"
    catalogue.add(name + ".dcm", file_of(image.base(name, uid("sop class"), "OT")), "a SOP class nobody has heard of")


def radiotherapy(catalogue):
    name = "documents/rtstruct"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT")
    ds.StructureSetLabel = "TEST"
    ds.StructureSetROISequence = [group(ROINumber=1, ROIName="Disc", ROIGenerationAlgorithm="AUTOMATIC",
                                        ReferencedFrameOfReferenceUID=uid("frame of reference sample"))]
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = [f"{value:.2f}" for angle in angles for value in (80 * np.cos(angle), 60 * np.sin(angle), -33.0)]
    contour = group(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=400, ContourData=points)
    ds.ROIContourSequence = [group(ROIDisplayColor=[255, 128, 0], ContourSequence=[contour], ReferencedROINumber=1)]
    catalogue.add(name + ".dcm", file_of(ds), "RT Structure Set with 1,200 decimal strings in one value")
    name = "documents/rtplan"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN")
    ds.RTPlanLabel, ds.RTPlanGeometry = "TEST", "PATIENT"
    points = [group(ControlPointIndex=n, NominalBeamEnergy="6", GantryAngle=str(n * 90)) for n in range(4)]
    ds.BeamSequence = [group(BeamNumber=n, BeamName=f"B{n}", BeamType="STATIC", ControlPointSequence=points) for n in (1, 2)]
    catalogue.add(name + ".dcm", file_of(ds, IMPLICIT), "RT Plan, implicit VR")
    name = "documents/rtdose"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE")
    image.describe(ds, 8, 10, bits=32, frames=4, allocated=32)
    ds.FrameIncrementPointer = 0x3004000C
    ds.GridFrameOffsetVector = [0, 3, 6, 9]
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType, ds.DoseGridScaling = "GY", "PHYSICAL", "PLAN", "1e-6"
    image.set_pixels(ds, (np.arange(320, dtype="<u4") * 1000003).tobytes())
    catalogue.add(name + ".dcm", file_of(ds), "RT Dose, 4 frames of 32 bits")


def waveforms(catalogue):
    name = "documents/ecg"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.9.1.1", "ECG")
    channel = group(ChannelSampleSkew="0", WaveformBitsStored=16, ChannelSourceSequence=[code("5.6.3-9-1", "SCPECG", "Lead I")])
    samples = (np.sin(np.arange(2000) / 40) * 3000).astype("<i2")
    wave = group(MultiplexGroupTimeOffset=0, WaveformOriginality="ORIGINAL", NumberOfWaveformChannels=1,
                 NumberOfWaveformSamples=2000, SamplingFrequency=500, ChannelDefinitionSequence=[channel], WaveformBitsAllocated=16,
                 WaveformSampleInterpretation="SS")
    wave.add_new(0x54001010, "OW", samples.tobytes())
    ds.WaveformSequence = [wave]
    catalogue.add(name + ".dcm", file_of(ds), "12-lead ECG class with one lead: bulk data inside a sequence")


LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LEAD_CODES = ("1", "2", "61", "62", "63", "64", "3", "4", "5", "6", "7", "8")  # of MDC and SCPECG (PS3.16 CID 3001)


def beats(rate, seconds, size):
    """An ECG of 72 beats a minute in microvolts: bumps for P, QRS and T."""
    phase = np.arange(int(rate * seconds)) / rate % (60 / 72)
    bumps = ((0.15, 0.020, 0.12), (0.26, 0.008, -0.1), (0.28, 0.010, 1.2), (0.305, 0.008, -0.25), (0.5, 0.045, 0.3))
    return 1000 * size * sum(height * np.exp(-((phase - at) / width) ** 2) for at, width, height in bumps)


def channel(label, sensitivity="1", unit="uV", **values):
    units = code(unit, "UCUM", unit)
    return group(ChannelSampleSkew="0", WaveformBitsStored=16, ChannelSourceSequence=[label], ChannelSensitivity=sensitivity,
                 ChannelSensitivityUnitsSequence=[units], ChannelSensitivityCorrectionFactor="1", ChannelBaseline="0", **values)


def multiplex(channels, rate, kind, samples):
    """samples: an array of one row a channel."""
    wave = group(MultiplexGroupTimeOffset=0, WaveformOriginality="ORIGINAL", NumberOfWaveformChannels=len(channels),
                 NumberOfWaveformSamples=samples.shape[1], SamplingFrequency=rate, ChannelDefinitionSequence=channels,
                 WaveformBitsAllocated=8 * samples.itemsize, WaveformSampleInterpretation=kind)
    wave.add_new(0x54001010, "OB" if samples.itemsize == 1 else "OW", samples.T.tobytes())
    return wave


def calibrated_waveforms(catalogue):
    name = "documents/ecg-12-leads"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.9.1.1", "ECG")
    sizes = (0.6, 1, 0.4, -0.8, 0.2, 0.7, -0.7, -0.9, 0.5, 1.4, 1.3, 1)
    samples = np.array([beats(500, 10, size) / 2.5 for size in sizes]).astype("<i2")
    channels = [channel(code(f"2:{number}", "MDC", f"Lead {lead}"), "2.5", FilterLowFrequency="0.05", FilterHighFrequency="150")
                for lead, number in zip(LEADS, LEAD_CODES)]
    ds.WaveformSequence = [multiplex(channels, 500, "SS", samples)]
    catalogue.add(name + ".dcm", file_of(ds), "12-lead ECG, ten seconds, calibrated")
    name = "documents/hemodynamic"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.9.2.1", "HD")
    seconds = np.arange(8 * 200) / 200
    pressure = (80 + 40 * np.abs(np.sin(np.pi * seconds * 1.2))).astype("<u2")
    heart = multiplex([channel(code("2:2", "MDC", "Lead II"))], 500, "SS", beats(500, 8, 1).astype("<i2")[None])
    artery = multiplex([channel(code("2-300", "99TEST", "Động mạch chủ"), "1", "mm[Hg]")], 200, "US", pressure[None])
    ds.WaveformSequence = [heart, artery]
    catalogue.add(name + ".dcm", file_of(ds), "hemodynamic waveform: an ECG and a pressure at another rate")
    name = "documents/audio"
    ds = image.base(name, "1.2.840.10008.5.1.4.1.1.9.4.1", "AU")
    sound = np.random.default_rng(7).integers(0, 256, 24000).astype("u1")
    ds.WaveformSequence = [multiplex([group(ChannelSampleSkew="0", WaveformBitsStored=8,
                                            ChannelSourceSequence=[code("1", "99TEST", "Voice")])], 8000, "MB", sound[None])]
    catalogue.add(name + ".dcm", file_of(ds), "basic voice audio, three seconds of mu-law")


def wrapped(catalogue):
    for word, sop_class, mime, data in (
            ("pdf", "1.2.840.10008.5.1.4.1.1.104.1", "application/pdf", PDF),
            ("cda", "1.2.840.10008.5.1.4.1.1.104.2", "text/XML", CDA.encode()),
            ("stl", "1.2.840.10008.5.1.4.1.1.104.3", "model/stl", bytes(84))):
        name = f"documents/{word}"
        ds = image.base(name, sop_class, "DOC" if word != "stl" else "M3D")
        ds.DocumentTitle, ds.MIMETypeOfEncapsulatedDocument = f"testdata {word}", mime
        ds.EncapsulatedDocumentLength = len(data)
        ds.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
        catalogue.add(name + ".dcm", file_of(ds), f"encapsulated {word}")
