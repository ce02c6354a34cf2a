"""Codestreams of JPEG-LS, JPEG 2000, HTJ2K and JPEG XL, ours and others', both ways: what imagecodecs and the libraries'
own tools make of them is what we make of them. (test_codecs.py has the tools that read whole files.)"""

import functools
import subprocess
import warnings

import imagecodecs
import numpy as np
import pydicom
import pydicom.encaps
import pytest
from pydicom._uid_dict import UID_dictionary

from conftest import require, require_program
from test_codecs import TOOL, Frame, every_file, has_pixels, head, in_parallel, native_files, part10, transcode

JPEG_LS, JPEG_LS_NEAR = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"
J2K_LOSSLESS, J2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"
JXL_LOSSLESS, JXL_RECOMPRESSED, JXL = "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.4.112"
for uid, name in ((JXL_LOSSLESS, "JPEG XL Lossless"), (JXL_RECOMPRESSED, "JPEG XL JPEG Recompression"), (JXL, "JPEG XL")):
    UID_dictionary.setdefault(uid, (name, "Transfer Syntax", "", "", name.replace(" ", "")))  # pydicom 3.0 has none of them
LOSSLESS = (JPEG_LS, J2K_LOSSLESS, HTJ2K_LOSSLESS, HTJ2K_RPCL, JXL_LOSSLESS)
LOSSY = (JPEG_LS_NEAR, J2K, HTJ2K, JXL)


@pytest.fixture(scope="module", autouse=True)
def programs():
    require(TOOL.exists(), f"{TOOL} (./dev build)")
    require_program("opj_decompress", "ojph_expand", "djxl")


# ---- Other decoders: the frame's samples as they are in the codestream

def by_library(uid, codestream, about, folder):
    decoders = {JPEG_LS: imagecodecs.jpegls_decode, JPEG_LS_NEAR: imagecodecs.jpegls_decode, J2K_LOSSLESS: imagecodecs.jpeg2k_decode,
                J2K: imagecodecs.jpeg2k_decode, HTJ2K_LOSSLESS: imagecodecs.htj2k_decode, HTJ2K_RPCL: imagecodecs.htj2k_decode,
                HTJ2K: imagecodecs.htj2k_decode, JXL_LOSSLESS: imagecodecs.jpegxl_decode, JXL: imagecodecs.jpegxl_decode,
                JXL_RECOMPRESSED: imagecodecs.jpegxl_decode}
    try:
        pixels = decoders[uid](codestream)
    except Exception:  # each library has its own
        return None
    if pixels.ndim == 3 and pixels.shape[0] == about["samples"] and pixels.shape[2] != about["samples"]:
        pixels = pixels.transpose(1, 2, 0)  # HTJ2K without a colour transform
    return pixels


def by_program(program, codestream, folder, name, made):
    """The file a program makes of the codestream; None where it does not read that."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(codestream)
    (folder / made).unlink(missing_ok=True)
    words = [program, name, made] if program == "djxl" else [program, "-i", name, "-o", made]
    subprocess.run(words, cwd=folder, capture_output=True, check=False)
    return folder / made if (folder / made).exists() else None


def read_planes(path, about):
    data = path.read_bytes()
    count = about["rows"] * about["columns"] * about["samples"]
    if len(data) not in (count, count * 2):
        return None
    planes = np.frombuffer(data, "u1" if len(data) == count else "<u2").reshape(about["samples"], about["rows"], about["columns"])
    return planes[0] if about["samples"] == 1 else planes.transpose(1, 2, 0)


def read_netpbm(path):
    _, columns, rows, top, data = path.read_bytes().split(maxsplit=4)
    pixels = np.frombuffer(data, "u1" if int(top) < 256 else ">u2").reshape(int(rows), int(columns), -1)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def by_openjpeg(uid, codestream, about, folder):
    made = by_program("opj_decompress", codestream, folder, "in.j2k", "out.rawl")
    return made and read_planes(made, about)


def by_openjph(uid, codestream, about, folder):
    if about["signed"] or about["samples"] != 1:  # ojph_expand writes other samples for the one, subsampled files for the other
        return None
    made = by_program("ojph_expand", codestream, folder, "in.j2c", "out.yuv")
    return made and read_planes(made, about)


def by_libjxl(uid, codestream, about, folder):
    if about["bitsStored"] not in (8, 16):  # djxl blows others up to these
        return None
    made = by_program("djxl", codestream, folder, "in.jxl", "out.ppm" if about["samples"] == 3 else "out.pgm")
    return made and read_netpbm(made)


def decoders_of(uid):
    decoders = {"imagecodecs": by_library}
    if uid in (J2K_LOSSLESS, J2K):
        decoders["opj_decompress"] = by_openjpeg
    if uid in (HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K):
        decoders["ojph_expand"] = by_openjph
    if uid in (JXL_LOSSLESS, JXL):
        decoders["djxl"] = by_libjxl
    return decoders


def difference(frame, theirs):
    """The largest one over the stored bits, whatever either says of signs, and of what lossy samples are beyond the ends."""
    ours = frame.array()
    if theirs.shape != ours.shape:
        return f"{theirs.shape} there, {ours.shape} here"
    steps = 1 << frame.about["bitsStored"]
    apart = (theirs.astype(np.int64) - ours.astype(np.int64)) % steps
    return int(np.minimum(apart, steps - apart).max())


# ---- What others wrote, in files

def stored_codestream(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path, force=True)
        try:
            return next(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames") or 1)))
        except ValueError:  # an offset table that pydicom minds
            return b""


def check_stored(folder, path):
    uid = head(path).file_meta.TransferSyntaxUID
    frame = transcode(path)
    faults = []
    for name, decode in decoders_of(uid).items():
        about = frame.about if isinstance(frame, Frame) else {"rows": head(path).Rows, "columns": head(path).Columns, "samples": 1, "signed": False, "bitsStored": 16}
        theirs = decode(uid, stored_codestream(path), about, folder / str(abs(hash(str(path)))))
        if theirs is None:
            continue
        if isinstance(frame, str):
            faults.append(f"{path}: {name} reads it: {frame}")
            continue
        off = difference(frame, theirs)
        if off not in (range(0, 2) if uid in LOSSY else (0,)):
            faults.append(f"{path}: {name}: {off}")
    return "\n".join(faults)


def test_what_others_wrote_is_what_their_decoders_say(tmp_path):
    files = [path for path in every_file() if head(path) and head(path).file_meta.TransferSyntaxUID in LOSSLESS + LOSSY and has_pixels(path)]
    assert files
    assert not in_parallel(functools.partial(check_stored, tmp_path), files)


# ---- What we write

def check_written(folder, uid, path):
    native = transcode(path)
    if isinstance(native, str) or native.about["planar"] or native.about["photometric"].endswith("422"):
        return None  # it comes back arranged otherwise; round trips check that
    encoded = transcode(path, "--to", uid)
    if isinstance(encoded, str):
        return None if encoded.startswith("unsupported") else f"{path}: {encoded}"
    faults = []
    decoded = {name: decode(uid, encoded.bytes, native.about, folder / str(abs(hash(str(path))))) for name, decode in decoders_of(uid).items()}
    for name, theirs in decoded.items():
        if theirs is None:
            if name == "imagecodecs":
                faults.append(f"{path}: {name} does not read our {uid}")
        elif difference(native, theirs) != 0:
            faults.append(f"{path}: {name} reads our {uid}: off by {difference(native, theirs)}")
    return "\n".join(faults)


@pytest.mark.parametrize("uid", LOSSLESS)
def test_others_read_what_we_write_without_loss(uid, tmp_path):
    assert not in_parallel(functools.partial(check_written, tmp_path, uid), native_files())


def check_written_lossy(folder, uid, path):
    """Others make the same of it as we do."""
    encoded = transcode(path, "--to", uid)
    if isinstance(encoded, str):
        return None if encoded.startswith("unsupported") else f"{path}: {encoded}"
    name = f"{path.stem}-{abs(hash(str(path)))}"
    ours = transcode(part10(encoded, folder, name))
    if isinstance(ours, str):
        return f"{path}: {ours}"
    theirs = by_library(uid, encoded.bytes, ours.about, folder / name)
    off = difference(ours, theirs) if theirs is not None else "not read"
    allowed = (1 << ours.about["bitsStored"]) // 256 + 1 if uid == JXL else 1  # libjxl 0.7 beside 0.11: other rounding
    return None if isinstance(off, int) and off <= allowed else f"{path}: {off}"


@pytest.mark.parametrize("uid", LOSSY)
def test_others_read_what_we_write_with_loss(uid, tmp_path):
    assert not in_parallel(functools.partial(check_written_lossy, tmp_path, uid), native_files())


# ---- What others write, from arrays

def write(folder, uid, array, codestream, signed=False, stored=None):
    about = {"transferSyntax": uid, "rows": array.shape[0], "columns": array.shape[1], "samples": 1 if array.ndim == 2 else array.shape[2],
             "bitsAllocated": array.dtype.itemsize * 8, "bitsStored": stored or array.dtype.itemsize * 8, "signed": signed,
             "highBit": (stored or array.dtype.itemsize * 8) - 1, "photometric": "MONOCHROME2" if array.ndim == 2 else "RGB"}
    return transcode(part10(Frame(about, bytes(codestream)), folder, "other"))


ENCODERS = {
    "jpegls": (JPEG_LS, imagecodecs.jpegls_encode),
    "jpegls near": (JPEG_LS_NEAR, functools.partial(imagecodecs.jpegls_encode, level=3)),
    "jpeg2k": (J2K_LOSSLESS, functools.partial(imagecodecs.jpeg2k_encode, codecformat="j2k", reversible=True)),
    "jpeg2k in boxes": (J2K_LOSSLESS, functools.partial(imagecodecs.jpeg2k_encode, codecformat="jp2", reversible=True)),
    "jpeg2k with loss": (J2K, functools.partial(imagecodecs.jpeg2k_encode, codecformat="j2k", level=45)),
    "htj2k": (HTJ2K_LOSSLESS, imagecodecs.htj2k_encode),
    "jpegxl": (JXL_LOSSLESS, functools.partial(imagecodecs.jpegxl_encode, lossless=True)),
    "jpegxl with loss": (JXL, functools.partial(imagecodecs.jpegxl_encode, lossless=False, distance=1.0)),
}


@pytest.mark.parametrize("dtype", ["u1", "<u2"])
@pytest.mark.parametrize("shape", [(97, 131), (97, 131, 3)])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_others_encode_comes_out_as_their_decoder_has_it(encoder, shape, dtype, tmp_path):
    uid, encode = ENCODERS[encoder]
    rows, columns = np.indices(shape[:2])
    noise = np.random.default_rng(4711).integers(0, 30, shape)
    scale = np.iinfo(dtype).max // 255
    array = ((((rows + columns) % 220)[..., None] if len(shape) == 3 else (rows + columns) % 220) + noise) * scale
    array = np.ascontiguousarray(array.astype(dtype))
    codestream = encode(array)
    ours = write(tmp_path, uid, array, codestream)
    assert isinstance(ours, Frame), ours
    assert difference(ours, by_library(uid, codestream, ours.about, tmp_path)) <= (np.iinfo(dtype).max // 255 * 2 if uid == JXL else 1 if uid == J2K else 0)
