"""Frames through our codecs (tests/tools/transcode_tool.c) held against DCMTK's and GDCM's tools, file by file.

Those tools write whole files with native pixels; pydicom only takes the first frame out of them. Samples are compared
over their stored bits: what stands above them is nobody's."""

import concurrent.futures
import dataclasses
import functools
import json
import pathlib
import resource
import subprocess
import warnings

import numpy as np
import pydicom
import pydicom.data
import pydicom.encaps
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from conftest import require, require_program
from support import samples
from support.lightbox import BUILD

TOOL = BUILD / "tests" / "transcode_tool"
NATIVE = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", *JPEG_LOSSLESS)
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")

# What DCMTK's and GDCM's tools make a native file of; IN and OUT are put in.
TOOLS = {
    "dcmrle": (lambda uid: uid == RLE, ["dcmdrle", "IN", "OUT"]),
    "dcmjpeg": (lambda uid: uid in JPEG and uid not in JPEG_LOSSLESS, ["dcmdjpeg", "IN", "OUT"]),
    "dcmjpeg, lossless": (lambda uid: uid in JPEG_LOSSLESS, ["dcmdjpeg", "+cn", "IN", "OUT"]),  # lossless YBR stays YBR
    "dcmjpls": (lambda uid: uid in JPEG_LS, ["dcmdjpls", "IN", "OUT"]),
    "gdcm": (lambda uid: uid == RLE or uid in JPEG or uid in JPEG_LS, ["gdcmconv", "--raw", "IN", "OUT"]),
}

# Where the others differ, or we refuse what they read.
EXPLAINED = {
    ("SC_rgb_jpeg_lossy_gdcm.dcm", "dcmjpeg"): "says RGB; its colours are sampled more coarsely than the first component, so they are YBR",
    ("SC_rgb_jpeg_lossy_gdcm.dcm", "gdcm"): "the same",
    ("SC_rgb_rle_16bit.dcm", "gdcm"): "GDCM 3.0.21 takes the segments of 16 bit colour in another order; DCMTK agrees with us",
    ("SC_rgb_rle_32bit.dcm", "gdcm"): "the same",
}


@dataclasses.dataclass
class Frame:
    about: dict
    bytes: bytes

    def array(self):
        about = self.about
        shape = (about["rows"], about["columns"]) + ((about["samples"],) if about["samples"] > 1 else ())
        return np.frombuffer(self.bytes, np.dtype(f"<u{about['bitsAllocated'] // 8}")).reshape(shape)


@pytest.fixture(scope="module", autouse=True)
def programs():
    require(TOOL.exists(), f"{TOOL} (./dev build)")
    require_program("dcmdjpeg", "dcmdrle", "dcmdjpls", "gdcmconv")


def transcode(path, *arguments):
    """The tool's frame, or its refusal as a string."""
    result = subprocess.run([TOOL, *arguments, path], capture_output=True, check=False, preexec_fn=within_limits)
    assert result.returncode in (0, 1), f"{path.name}: ended with {result.returncode}: {result.stderr.decode(errors='replace')}"
    if result.returncode:
        return result.stderr.decode().strip()
    head, _, frame = result.stdout.partition(b"\n")
    return Frame(json.loads(head), frame)


def within_limits():
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


@functools.cache
def every_file():
    files = [sample.path for sample in samples.generated()] + [sample.path for sample in samples.shared()]
    files += [path for path in (pathlib.Path(pydicom.data.__file__).parent / "test_files").rglob("*") if path.is_file()]
    return [path for path in files if "malformed" not in path.parts]


@functools.cache
def head(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            return ds if ds.get("Rows") and ds.file_meta.get("TransferSyntaxUID") else None
        except Exception:  # no DICOM, in one of pydicom's many ways
            return None


def in_parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [fault for fault in pool.map(work, items) if fault]


def theirs(command, path, folder):
    """The first frame as another tool decodes it, or None where it does not."""
    out = folder / f"{abs(hash(str(path)))}.dcm"
    words = [str(path) if word == "IN" else str(out) if word == "OUT" else word for word in command]
    subprocess.run(words, capture_output=True, check=False)
    if not out.exists():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(out, force=True)
    out.unlink()
    if "PixelData" not in ds or int(ds.BitsAllocated) == 1:
        return None
    count = ds.get("SamplesPerPixel", 1)
    pixels = np.frombuffer(ds.PixelData, np.dtype(f"<u{int(ds.BitsAllocated) // 8}"))[:ds.Rows * ds.Columns * count]
    if count > 1 and ds.get("PlanarConfiguration", 0) == 1:
        pixels = pixels.reshape(count, ds.Rows, ds.Columns).transpose(1, 2, 0)
    pixels = pixels.reshape((ds.Rows, ds.Columns) + ((count,) if count > 1 else ()))
    return pixels, str(ds.PhotometricInterpretation)


def rgb_of(ybr):
    y, cb, cr = (ybr[..., i].astype(float) for i in range(3))
    rgb = np.stack([y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)], -1)
    return np.clip(np.rint(rgb), 0, 255).astype(ybr.dtype)


def compare(frame, pixels, photometric):
    """The largest difference of two samples, and what is allowed."""
    allowed = 0
    if photometric.startswith("YBR") and frame.about["photometric"] == "RGB":
        pixels, allowed = rgb_of(pixels), 2
    ours = frame.array()
    if pixels.shape != ours.shape or pixels.dtype != ours.dtype:
        return f"{pixels.shape} {pixels.dtype} there, {ours.shape} {ours.dtype} here", 0
    mask = (1 << frame.about["bitsStored"]) - 1
    return int(np.abs((pixels & mask).astype(np.int64) - (ours & mask).astype(np.int64)).max()), allowed


def check_file(folder, tool, path):
    command = TOOLS[tool][1]
    other = theirs(command, path, folder)
    if other is None:
        return None  # it does not read that
    frame = transcode(path)
    if isinstance(frame, str):
        return None if (path.name, tool) in EXPLAINED else f"{path}: {frame}"
    difference, allowed = compare(frame, *other)
    same = isinstance(difference, int) and difference <= allowed
    if (path.name, tool) in EXPLAINED:
        return f"{path}: {EXPLAINED[path.name, tool]}: no difference any more" if same and "pydicom" not in str(path) else None
    return None if same else f"{path}: off by {difference}"


def read_by(tool):
    reads = TOOLS[tool][0]
    files = [path for path in every_file() if head(path) and reads(head(path).file_meta.TransferSyntaxUID) and has_pixels(path)]
    assert files
    return files


@pytest.mark.parametrize("tool", TOOLS)
def test_decoders_agree_with_other_tools_on_one_small_file_in_four(tool, tmp_path):
    small = [path for path in read_by(tool) if pathlib.Path(path).stat().st_size <= 300_000]
    assert not in_parallel(functools.partial(check_file, tmp_path, tool), small[::4])


@pytest.mark.long
@pytest.mark.parametrize("tool", TOOLS)
def test_decoders_agree_with_other_tools(tool, tmp_path):
    assert not in_parallel(functools.partial(check_file, tmp_path, tool), read_by(tool))


@functools.cache
def has_pixels(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "PixelData" in pydicom.dcmread(path, force=True, defer_size=1024)
        except Exception:  # as above
            return False


# ---- Round trips

def round_trips(path):
    if not head(path):
        return None
    result = subprocess.run([TOOL, "--round-trips", path], capture_output=True, text=True, check=False)
    assert result.returncode in (0, 1), f"{path}: ended with {result.returncode}: {result.stderr}"
    return f"{path}: {result.stdout}" if "corrupt" in result.stderr else None


def test_every_lossless_syntax_brings_one_small_file_in_eight_back(programs):
    small = [path for path in every_file() if pathlib.Path(path).stat().st_size <= 300_000]
    assert not in_parallel(round_trips, small[::8])


@pytest.mark.long
def test_every_lossless_syntax_brings_every_file_back(programs):
    assert not in_parallel(round_trips, every_file())


# ---- What we encode, read by others

def part10(frame, folder, name):
    """The tool's codestream as a file that other tools read."""
    about = frame.about
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = about["transferSyntax"]
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "2.25.4711"
    ds.StudyInstanceUID = ds.SeriesInstanceUID = "2.25.4712"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = about["rows"], about["columns"], about["samples"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = about["bitsAllocated"], about["bitsStored"], about["highBit"]
    ds.PixelRepresentation = int(about["signed"])
    ds.PhotometricInterpretation = "MONOCHROME2" if about["photometric"] == "PALETTE COLOR" else about["photometric"]
    if about["samples"] > 1:
        ds.PlanarConfiguration = 0
    ds.PixelData = pydicom.encaps.encapsulate([frame.bytes])
    ds["PixelData"].is_undefined_length = True
    path = folder / f"{name}.dcm"
    ds.save_as(path, enforce_file_format=True)
    return path


def native_files():
    """One native image of each kind: depth, sign, colours."""
    found = {}
    for path in every_file():
        ds = head(path)
        if not ds or ds.file_meta.TransferSyntaxUID not in ("1.2.840.10008.1.2", NATIVE) or not has_pixels(path):
            continue
        kind = tuple(str(ds.get(key)) for key in ("BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation"))
        if ds.get("BitsAllocated") in (8, 16) and ds.Rows * ds.Columns < 1 << 21:
            found.setdefault(kind, path)
    return list(found.values())


def check_encoder(folder, uid, path):
    native = transcode(path)
    encoded = transcode(path, "--to", uid)
    if isinstance(encoded, str):
        return None if encoded.startswith("unsupported") else f"{path}: {encoded}"
    file = part10(encoded, folder, f"{path.stem}-{abs(hash(str(path)))}")
    faults = []
    for tool, (reads, command) in TOOLS.items():
        if not reads(uid) or (uid == RLE and tool == "gdcm"):  # colour of 16 bits, as above
            continue
        other = theirs(command, file, folder)
        if other is None:
            faults.append(f"{path}: {tool} does not read our {uid}")
            continue
        if native.about["planar"] or native.about["photometric"].endswith("422"):
            continue  # it comes back arranged otherwise; our own round trips check that
        difference, allowed = compare(native, *other)
        if not isinstance(difference, int) or difference > allowed:
            faults.append(f"{path}: {tool} reads our {uid} off by {difference}")
    return "\n".join(faults)


@pytest.mark.parametrize("uid", [RLE, *JPEG_LOSSLESS, "1.2.840.10008.1.2.4.80"])
def test_others_read_what_we_encode_without_loss(uid, tmp_path):
    files = native_files()
    assert files
    assert not in_parallel(functools.partial(check_encoder, tmp_path, uid), files)


# ---- Malformed

def test_malformed_pixel_data_give_clean_errors(shared_dicom):
    for path in sorted(path for path in (shared_dicom / "malformed").rglob("*") if path.is_file()):
        answer = transcode(path)
        assert isinstance(answer, Frame) or answer.split(":")[0] in ("invalid", "unsupported", "not-found", "too-large"), f"{path}: {answer}"
