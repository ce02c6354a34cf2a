"""Pictures of frames (tests/tools/render_tool.c) held against DCMTK's dcmj2pnm and pydicom, file by file.

The same window is asked of all. Grey differs by one level at most, since DCMTK cuts off where we round; colour by two.
DCMTK reads JPEG and RLE beside native pixels; other syntaxes are test_codecs.py's."""

import concurrent.futures
import functools
import pathlib
import resource
import subprocess
import warnings

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.pixels import apply_modality_lut, apply_windowing

from conftest import require, require_program
from support import samples
from support.lightbox import BUILD

TOOL = BUILD / "tests" / "render_tool"
DCMTK_READS = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5",
               "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
NATIVE = DCMTK_READS[:3]
GREY, COLOUR = 1, 2  # levels of difference

# Files that others show otherwise, and why.
EXPLAINED = {
    "SC_rgb_jpeg_lossy_gdcm.dcm": "says RGB; its colours are sampled more coarsely than the first component, so they are YBR",
    "rtdose_expb.dcm": "32 bits big endian in OW: pydicom swaps four bytes, we and DCMTK the two of a word (PS3.5 8.1.1)",
    "rtdose_expb_1frame.dcm": "the same",
}


@pytest.fixture(scope="module", autouse=True)
def programs():
    require(TOOL.exists(), f"{TOOL} (./dev build)")
    require_program("dcmj2pnm")


# ---- Files

@functools.cache
def every_file():
    files = [sample.path for sample in samples.generated()] + [sample.path for sample in samples.shared()]
    files += [path for path in (pathlib.Path(pydicom.data.__file__).parent / "test_files").rglob("*") if path.is_file()]
    return [path for path in files if "malformed" not in path.parts]


@functools.cache
def head(path):
    """The data set without its pixels, where it has an image that DCMTK reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = pydicom.dcmread(path, force=True, defer_size=4096)
            readable = ds.file_meta.get("TransferSyntaxUID") in DCMTK_READS and ds.get("Rows") and "PixelData" in ds
            return ds if readable and int(ds.BitsAllocated) in (1, 8, 16, 32) else None
        except Exception:  # no DICOM, in one of pydicom's many ways
            return None


def files_where(suits):
    files = [path for path in every_file() if head(path) is not None and suits(head(path))]
    assert files
    return files


def is_grey(ds):
    return ds.get("SamplesPerPixel", 1) == 1 and str(ds.get("PhotometricInterpretation", "")).startswith("MONOCHROME")


def is_coloured(ds):
    return ds.get("SamplesPerPixel", 1) == 3 and ds.BitsAllocated == 8


def is_palette(ds):
    return ds.get("PhotometricInterpretation") == "PALETTE COLOR" and "RedPaletteColorLookupTableData" in ds


# ---- Asking

def within_limits():
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


def ours(path, *arguments):
    """The picture, or the refusal as a string."""
    result = subprocess.run([TOOL, *arguments, path], capture_output=True, check=False, preexec_fn=within_limits)
    assert result.returncode in (0, 1), f"{path.name}: ended with {result.returncode}: {result.stderr.decode(errors='replace')}"
    return result.stderr.decode().strip() if result.returncode else array_of_pam(result.stdout)


def array_of_pam(file):
    head, _, pixels = file.partition(b"ENDHDR\n")
    said = dict(line.split(b" ", 1) for line in head.split(b"\n") if b" " in line)
    shape = tuple(int(said[name]) for name in (b"HEIGHT", b"WIDTH", b"DEPTH"))
    return np.frombuffer(pixels, np.uint8).reshape(shape)


def theirs(path, *arguments):
    """DCMTK's picture, None where it makes none."""
    result = subprocess.run(["dcmj2pnm", "-O", *arguments, "+opn", "8", path], capture_output=True, check=False)
    words = result.stdout.split()  # P2 or P3 in digits; comments are between the numbers of the head
    if result.returncode or not words or words[0] not in (b"P2", b"P3"):
        return None
    numbers = np.array([int(word) for line in result.stdout.split(b"\n")[1:] if not line.startswith(b"#")
                        for word in line.split()], dtype=np.int64)
    width, height, _ = numbers[:3]
    return numbers[3:].reshape(height, width, 1 if words[0] == b"P2" else 3).astype(np.uint8)


def fault(path, mine, other, allowed):
    if isinstance(mine, str):
        return f"{path}: {mine}"
    if mine.shape[2] == 1 and other.shape[2] == 3:
        mine = np.repeat(mine, 3, axis=2)
    if mine.shape != other.shape:
        return f"{path}: {other.shape} there, {mine.shape} here"
    differences = np.abs(mine.astype(int) - other.astype(int))
    return f"{path}: off by {differences.max()} in {np.mean(differences > allowed):.2%}" if differences.max() > allowed else None


def faults(work, paths):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = [text for text in pool.map(work, paths) if text]
    return [text for text in found if pathlib.Path(text.split(": ")[0]).name not in EXPLAINED]


# ---- What a rendering is told of a data set

def lut_argument(descriptor, data, folder, signed):
    count, first, bits = (int(value) for value in descriptor)
    count = count or 65536
    if signed and first > 32767:
        first -= 65536
    if isinstance(data, bytes):
        entries = np.frombuffer(data, "<u2" if len(data) >= 2 * count else "u1")
    else:
        entries = np.array(data if isinstance(data, (list, pydicom.multival.MultiValue)) else [data])
    path = folder / f"{abs(hash(entries.tobytes()))}.lut"
    entries.astype("<u2").tofile(path)
    return f"{first},{bits},{path}"


def first_of(value):
    return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)


def rescale_of(ds):
    """At the top, or what all frames share: DCMTK looks there, too."""
    shared = ds.get("SharedFunctionalGroupsSequence") or [{}]
    said = (shared[0].get("PixelValueTransformationSequence") or [ds])[0]
    return float(said.get("RescaleSlope") or 1), float(said.get("RescaleIntercept") or 0)


def window_of(ds):
    """The image's own, else one over the middle of what it can hold."""
    if ds.get("WindowCenter") not in (None, "") and ds.get("WindowWidth") not in (None, "") and first_of(ds.WindowWidth) >= 1:
        return first_of(ds.WindowCenter), first_of(ds.WindowWidth)
    slope, intercept = rescale_of(ds)
    steps = 2.0 ** int(ds.BitsStored)
    return round((0 if ds.get("PixelRepresentation") else steps / 2) * slope + intercept, 3), max(round(steps / 2 * slope, 3), 2)


def modality_of(ds, folder):
    if ds.get("ModalityLUTSequence"):
        lut = ds.ModalityLUTSequence[0]
        return ["--modality", lut_argument(lut.LUTDescriptor, lut.LUTData, folder, ds.get("PixelRepresentation"))]
    slope, intercept = rescale_of(ds)
    return ["--slope", str(slope), "--intercept", str(intercept)]


# ---- Tests

def check_window(folder, function, path):
    ds = head(path)
    center, width = window_of(ds)
    option = "+Wfs" if function == "sigmoid" else "+Wfl"
    other = theirs(path, option, "+Ww", str(center), str(width))
    mine = ours(path, *modality_of(ds, folder), "--window", f"{center},{width},{function}")
    return fault(path, mine, other, GREY) if other is not None else None


def check_range(folder, path):
    other = theirs(path, "+Wm")
    return fault(path, ours(path, *modality_of(head(path), folder)), other, GREY) if other is not None else None


def check_colour(path):
    other = theirs(path)
    return fault(path, ours(path), other, COLOUR) if other is not None else None


def check_palette(folder, path):
    ds, arguments = head(path), []
    for name in ("Red", "Green", "Blue"):
        data = ds[f"{name}PaletteColorLookupTableData"].value
        argument = lut_argument(ds[f"{name}PaletteColorLookupTableDescriptor"].value, data, folder, ds.get("PixelRepresentation"))
        arguments += [f"--{name.lower()}", argument]
    other = theirs(path)
    return fault(path, ours(path, *arguments), other, COLOUR) if other is not None else None


def check_voi_lut(folder, path):
    ds = head(path)
    lut = ds.VOILUTSequence[0]
    voi = lut_argument(lut.LUTDescriptor, lut.LUTData, folder, ds.get("PixelRepresentation"))
    other = theirs(path, "+Wl", "1")
    return fault(path, ours(path, *modality_of(ds, folder), "--voi", voi), other, GREY) if other is not None else None


@pytest.mark.parametrize("function", ["", "sigmoid"])
def test_grey_pictures_agree_with_dcmtk_on_one_file_in_four(function, tmp_path):
    assert not faults(functools.partial(check_window, tmp_path, function), files_where(is_grey)[::4])


@pytest.mark.long
@pytest.mark.parametrize("function", ["", "sigmoid"])
def test_grey_pictures_agree_with_dcmtk(function, tmp_path):
    assert not faults(functools.partial(check_window, tmp_path, function), files_where(is_grey))


def test_pictures_over_the_whole_range_agree_with_dcmtk_on_one_file_in_four(tmp_path):
    assert not faults(functools.partial(check_range, tmp_path), files_where(is_grey)[1::4])


def test_coloured_pictures_agree_with_dcmtk():
    assert not faults(check_colour, files_where(is_coloured))


def test_palettes_agree_with_dcmtk(tmp_path):
    assert not faults(functools.partial(check_palette, tmp_path), files_where(is_palette))


def test_voi_luts_agree_with_dcmtk(tmp_path):
    files = [path for path in every_file() if head(path) is not None and is_grey(head(path)) and head(path).get("VOILUTSequence")]
    assert not faults(functools.partial(check_voi_lut, tmp_path), files)


# dcmj2pnm's options, and ours
TURNS = {"+Rr": ["--turned", "90"], "+Rl": ["--turned", "270"], "+Rtd": ["--turned", "180"], "+Lh": ["--flipped"],
         "+Lv": ["--flipped", "--turned", "180"]}


@pytest.mark.parametrize("turn", TURNS)
def test_turned_pictures_agree_with_dcmtk(turn):
    path = next(path for path in files_where(is_grey) if head(path).Rows != head(path).Columns)
    center, width = window_of(head(path))
    other = theirs(path, "-M", "+Ww", str(center), str(width), turn)
    assert fault(path, ours(path, "--window", f"{center},{width}", *TURNS[turn]), other, GREY) is None


def pydicom_picture(ds, center, width):
    """0 to 255 of the first frame, or None where pydicom cannot."""
    ds.WindowCenter, ds.WindowWidth = center, width
    ds.pop("VOILUTFunction", None)
    try:
        pixels = ds.pixel_array
        pixels = pixels[0] if int(ds.get("NumberOfFrames") or 1) > 1 else pixels
        shown = apply_windowing(apply_modality_lut(pixels, ds), ds)
    except Exception:  # pixels that it does not decode
        return None
    bits = int(ds.BitsStored)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if ds.PixelRepresentation else (0, 2 ** bits - 1)
    if "RescaleSlope" in ds:
        low, high = (edge * float(ds.RescaleSlope) + float(ds.RescaleIntercept) for edge in (low, high))
    levels = np.rint((shown - low) / (high - low) * 255)
    return (255 - levels if ds.PhotometricInterpretation == "MONOCHROME1" else levels)[..., None]


def check_pydicom(path):
    ds = head(path)
    center, width = window_of(ds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = pydicom_picture(pydicom.dcmread(path, force=True), center, width)
    mine = ours(path, "--slope", str(ds.get("RescaleSlope") or 1), "--intercept", str(ds.get("RescaleIntercept") or 0),
                "--window", f"{center},{width}")
    return fault(path, mine, other, GREY) if other is not None else None


def test_pydicom_sees_the_same():
    def suits(ds):
        return is_grey(ds) and ds.file_meta.TransferSyntaxUID in NATIVE and "ModalityLUTSequence" not in ds and ds.BitsStored > 1

    assert not faults(check_pydicom, files_where(suits)[::4])
