"""What is pushed: made once into build/bench-data, from the recipes of testdata/ and a few of its own."""

import json
import pathlib
import struct
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "testdata"))
from recipes import ct_phantom, image  # noqa: E402
from recipes.catalogue import uid  # noqa: E402
from recipes.part10 import EXPLICIT, dataset_bytes, file_of, meta_header  # noqa: E402

FOLDER = ROOT / "build" / "bench-data"
SLICES, STUDIES, DX = 500, 2000, 12
VERSION = 1  # raise it when the recipes below change: the data are made anew


def prepare(huge):
    """Make what is missing. huge: the 4 GiB object, too."""
    mark = FOLDER / "VERSION.json"
    if not (mark.exists() and json.loads(mark.read_text()) == VERSION):
        FOLDER.mkdir(parents=True, exist_ok=True)
        ct_series()
        small_studies()
        dx_images()
        multiframe("multiframe-200m", 400)
        mark.write_text(json.dumps(VERSION))
    if huge and not (FOLDER / "multiframe-4g.dcm").exists():
        multiframe("multiframe-4g", 8191)  # 4 GiB less 512 KiB: the longest a native value can be


def files(kind):
    return sorted(FOLDER.glob(f"{kind}/*.dcm"))


def say(what):
    print(f"making {what}", file=sys.stderr)


def write(kind, number, part):
    (FOLDER / kind).mkdir(exist_ok=True)
    (FOLDER / kind / f"{number:05}.dcm").write_bytes(part.bytes)


def ct_series():
    """500 slices of the head phantom, half a millimetre apart or less: 512 x 512 x 16 bit, 526 kB each."""
    say(f"{SLICES} CT slices")
    for number in range(SLICES):
        ds = ct_phantom.header(f"bench/ct-{number}", 1)
        z = -75 + 150 * number / SLICES
        ds.SOPInstanceUID, ds.InstanceNumber = uid(f"bench ct {number}"), number + 1
        ds.StudyInstanceUID, ds.SeriesInstanceUID = uid("bench ct study"), uid("bench ct series")
        ds.ImagePositionPatient[2] = ds.SliceLocation = f"{z:.2f}"
        ds.PixelData = (np.clip(ct_phantom.draw(z, number), -1024, 3071) + 1024).astype("<u2").tobytes()
        write("ct", number, file_of(ds))


def small_studies():
    """2,000 studies of 500 patients with one image of 64 x 64 x 16 bit (9 kB) each."""
    say(f"{STUDIES} small studies")
    pixels = image.grey(64, 64, 12).tobytes()
    for number in range(STUDIES):
        ds = image.describe(image.base(f"bench/small-{number}", image.SECONDARY, "OT"), 64, 64, bits=12)
        ds.PatientID, ds.PatientName = f"BENCH-{number % 500}", f"Bench^Patient {number % 500}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(f"bench small study {number}"), uid(f"bench small series {number}")
        write("small", number, file_of(image.set_pixels(ds, pixels)))


def dx_images():
    """A dozen 3000 x 2500 x 16 bit X-ray sized images, 15 MB each."""
    say(f"{DX} DX images")
    rows, columns = 3000, 2500
    for number in range(DX):
        ds = image.describe(image.base(f"bench/dx-{number}", "1.2.840.10008.5.1.4.1.1.1.1", "DX"), rows, columns, bits=14)
        noise = np.random.default_rng(number).integers(0, 64, (rows, columns), dtype=np.uint16)
        write("dx", number, file_of(image.set_pixels(ds, (image.grey(rows, columns, 14) + noise).astype("<u2").tobytes())))


def multiframe(name, frames, rows=512, columns=512):
    """One object of many 16-bit frames, written frame by frame."""
    say(name)
    ds = image.describe(image.base(f"bench/{name}", image.MULTIFRAME_WORD, "OT"), rows, columns, bits=16, frames=frames)
    header = meta_header(str(ds.SOPClassUID), str(ds.SOPInstanceUID), EXPLICIT)
    base = np.random.default_rng(1).integers(0, 4096, (rows, columns), dtype=np.uint16) + image.grey(rows, columns, 15)
    unfinished = FOLDER / f"{name}.part"
    with unfinished.open("wb") as out:
        out.write(header + dataset_bytes(ds, EXPLICIT))
        out.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, frames * rows * columns * 2))
        for number in range(frames):
            out.write(np.roll(base, number * 7, axis=1).astype("<u2").tobytes())
    unfinished.rename(FOLDER / f"{name}.dcm")
