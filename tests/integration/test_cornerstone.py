"""Frames in every form as Cornerstone3D decodes them, by the metadata of the stored form and by those of the form that was sent: the table of
docs/ARCHITECTURE.md, seen from the other side."""

import base64
import io
import shutil
import sys

import numpy as np
import pydicom
import pytest
from conftest import require, require_program
from playwright.sync_api import sync_playwright
from pydicom.uid import generate_uid
from support.cornerstone import BUNDLE, Cornerstone
from support.lightbox import ROOT

sys.path.insert(0, str(ROOT / "testdata"))
from recipes import image  # noqa: E402
from recipes.part10 import file_of  # noqa: E402

CHROMIUM = shutil.which("chromium")
ROWS, COLUMNS = 20, 26
NATIVE, RLE, BASELINE, LOSSLESS, JPEG_LS, J2K, HTJ2K = (
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.202")
STORED = (NATIVE, RLE, BASELINE, LOSSLESS, JPEG_LS, J2K, HTJ2K)
ASKED = ("*", NATIVE, RLE, JPEG_LS, J2K, HTJ2K)


# --- objects and what they show ---

def described(photometric, bits, allocated, samples=1, signed=False):
    name = f"cornerstone/{photometric}-{bits}-{signed}"
    ds = image.describe(image.base(name, image.SECONDARY, "OT"), ROWS, COLUMNS, bits=bits, allocated=allocated, samples=samples,
                        photometric=photometric, signed=signed)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = (generate_uid(prefix=None) for _ in range(3))
    return ds


def grey(photometric, bits, allocated, signed):
    values = np.linspace(0, 2**bits - 1, ROWS * COLUMNS).round().astype(np.int64)
    values = np.roll(values, 7) - (2**(bits - 1) if signed else 0)
    ds = described(photometric, bits, allocated, signed=signed)
    kind = {8: "i1" if signed else "u1", 16: "<i2" if signed else "<u2"}[allocated]
    return image.set_pixels(ds, values.astype(kind).tobytes(), "OB" if allocated == 8 else "OW"), values


def colours():
    return image.colour(ROWS, COLUMNS)


def rgb(planar):
    ds = described("RGB", 8, 8, samples=3)
    ds.PlanarConfiguration = planar
    return image.set_pixels(ds, (colours().transpose(2, 0, 1) if planar else colours()).tobytes(), "OB"), colours()


def from_ybr(ybr):
    """PS3.3 C.7.6.3.1.2."""
    y, blue, red = (ybr[..., at].astype(float) - (128 if at else 0) for at in range(3))
    return np.stack([y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue], axis=-1).clip(0, 255)


def ybr_full(planar):
    ds = described("YBR_FULL", 8, 8, samples=3)
    ds.PlanarConfiguration = planar
    return image.set_pixels(ds, (colours().transpose(2, 0, 1) if planar else colours()).tobytes(), "OB"), from_ybr(colours())


def ybr_full_422():
    ds = described("YBR_FULL_422", 8, 8, samples=3)
    ybr = colours()
    ybr[:, 1::2, 1:] = ybr[:, 0::2, 1:]
    pairs = np.stack([ybr[:, 0::2, 0], ybr[:, 1::2, 0], ybr[:, 0::2, 1], ybr[:, 0::2, 2]], axis=-1)
    return image.set_pixels(ds, pairs.tobytes(), "OB"), from_ybr(ybr)


def palette():
    ds = described("PALETTE COLOR", 8, 8)
    numbers = (np.arange(ROWS * COLUMNS) * 5 % 256).reshape(ROWS, COLUMNS).astype("u1")
    tables = [np.roll(np.arange(256), 40 * turn).astype("<u2") * 257 for turn in range(3)]
    for colour, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(ds, colour + "PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, colour + "PaletteColorLookupTableData", table.tobytes())
    return image.set_pixels(ds, numbers.tobytes(), "OB"), np.stack([table[numbers] >> 8 for table in tables], axis=-1)


FORMS = {
    "MONOCHROME2, 8 bits": lambda: grey("MONOCHROME2", 8, 8, False),
    "MONOCHROME1, 8 bits": lambda: grey("MONOCHROME1", 8, 8, False),
    "MONOCHROME2, 8 bits, signed": lambda: grey("MONOCHROME2", 8, 8, True),
    "MONOCHROME2, 12 bits": lambda: grey("MONOCHROME2", 12, 16, False),
    "MONOCHROME2, 12 bits, signed": lambda: grey("MONOCHROME2", 12, 16, True),
    "MONOCHROME2, 16 bits": lambda: grey("MONOCHROME2", 16, 16, False),
    "MONOCHROME1, 16 bits, signed": lambda: grey("MONOCHROME1", 16, 16, True),
    "RGB by pixel": lambda: rgb(0),
    "RGB by plane": lambda: rgb(1),
    "YBR_FULL by pixel": lambda: ybr_full(0),
    "YBR_FULL by plane": lambda: ybr_full(1),
    "YBR_FULL_422": ybr_full_422,
    "PALETTE COLOR": palette,
}


# --- the page ---

@pytest.fixture(scope="module")
def page(session_lightbox, tmp_path_factory):
    require(CHROMIUM, "chromium")
    require((BUNDLE / "version").exists(), f"{BUNDLE} (./dev setup)")
    require_program("nginx")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
        page = Cornerstone(tmp_path_factory.mktemp("cornerstone"), session_lightbox, browser)
        yield page
        page.close()
        browser.close()


class Stored:
    """An object in the archive, and what it shows."""

    def __init__(self, archive, ds):
        self.archive = archive
        self.path = f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
        saved = io.BytesIO()
        ds.save_as(saved)
        archive.store(saved.getvalue())

    def metadata(self, syntax):
        """As viewers hand them to the library: palettes as numbers."""
        found = self.archive.json(f"{self.path}/metadata?transfer-syntax={syntax}")[0]
        for tag in ("00281201", "00281202", "00281203"):
            if tag in found:
                found[tag] = {"vr": "US", "Value": np.frombuffer(base64.b64decode(found[tag]["InlineBinary"]), "<u2").tolist()}
        return found

    def in_syntax(self, syntax):
        """As a new object stored in it; None where there is no such thing."""
        answer = self.archive.get(self.path, headers={"Accept": f"application/dicom; transfer-syntax={syntax}"})
        if answer.status_code == 406:
            return None
        assert answer.status_code == 200
        ds = pydicom.dcmread(io.BytesIO(answer.content))
        ds.StudyInstanceUID, ds.SOPInstanceUID = generate_uid(prefix=None), generate_uid(prefix=None)
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        return Stored(self.archive, ds)


# --- what Cornerstone3D cannot show right: as strict as the rest, so that a row which becomes right has to leave ---

def reason_it_is_wrong(form, stored, sent, described_in):
    """stored, sent, described_in: transfer syntaxes. None: it is right."""
    is_codestream = sent not in (NATIVE, RLE)
    if form == "MONOCHROME2, 8 bits, signed" and sent != JPEG_LS:
        return "it keeps bytes without their sign"
    if form.startswith("YBR") and sent == HTJ2K and stored != BASELINE:
        return "its OpenJPH gives untransformed components plane by plane, and it reads their lines in turn"
    if stored == NATIVE and form.endswith("by plane") and is_codestream and described_in == NATIVE:
        return "what is stored is said to lie by plane, codestreams lie by pixel"
    if stored == NATIVE and form == "YBR_FULL_422" and (sent == NATIVE or described_in == NATIVE):
        return "it reads no native YBR_FULL_422, and takes three samples a pixel for two where the description says so"
    return None


def frame_of(stored, syntax):
    answer = stored.archive.get(stored.path + "/frames/1", headers={"Accept": f"application/octet-stream; transfer-syntax={syntax}"})
    assert answer.status_code == 200
    return answer.content


def difference(shown, truth):
    if "error" in shown:
        return shown["error"]
    if shown["pixels"].size != truth.size:
        return f"{shown['pixels'].size} samples for {truth.size}"
    return float(np.abs(shown["pixels"] - truth.reshape(-1)).max())


def surprise(page, stored, form, truth, case):
    """None, or how a frame is shown otherwise than the exceptions have it."""
    stored_syntax, wanted, sent, described_in = case
    accept = f'multipart/related; type="application/octet-stream"; transfer-syntax={wanted}'
    shown = page.load(stored.path + "/frames/1", stored.metadata(described_in), accept)
    far = difference(shown, truth)
    tolerance = 2 if stored_syntax == BASELINE else 1 if form.startswith("YBR") else 0  # decoders of JPEG; rounding to RGB
    is_right = isinstance(far, float) and far <= tolerance
    reason = reason_it_is_wrong(form, stored_syntax, sent, described_in)
    if shown.get("syntax", sent) == sent and is_right == (reason is None):
        return None
    return f"stored in {stored_syntax}, asked for {wanted}, described in {described_in}: off by {far}; expected: {reason or 'right'}"


@pytest.mark.parametrize("form", FORMS)
def test_frames_are_shown_as_they_were_made(page, archive, form):
    made, truth = FORMS[form]()
    native = Stored(archive, pydicom.dcmread(io.BytesIO(file_of(made).bytes)))
    surprises = []
    for stored_syntax in STORED:
        stored = native if stored_syntax == NATIVE else native.in_syntax(stored_syntax)
        if stored is None:
            assert stored_syntax == BASELINE and (made.BitsAllocated > 8 or made.PixelRepresentation or form == "PALETTE COLOR")
            continue
        # What baseline lost is lost.
        expected = np.frombuffer(frame_of(stored, NATIVE), "u1") if stored_syntax == BASELINE else truth
        for wanted in ASKED:
            sent = stored_syntax if wanted == "*" else wanted
            surprises += [surprise(page, stored, form, expected, (stored_syntax, wanted, sent, described_in))
                          for described_in in dict.fromkeys((stored_syntax, sent))]
    found = [text for text in surprises if text]
    assert not found, "\n".join(found)


def test_the_library_mixes_up_the_lines_of_untransformed_htj2k(page, archive):
    """Why YBR_FULL in HTJ2K is an exception: every sample comes out, line by line from planes."""
    made, _ = ybr_full(0)
    stored = Stored(archive, pydicom.dcmread(io.BytesIO(file_of(made).bytes)))
    metadata = stored.metadata(HTJ2K)
    assert metadata["00280004"]["Value"] == ["YBR_FULL"]
    metadata["00280004"]["Value"] = ["RGB"]  # nothing is to be done with them
    shown = page.load(stored.path + "/frames/1", metadata, f'multipart/related; type="application/octet-stream"; transfer-syntax={HTJ2K}')
    lines = colours().transpose(2, 0, 1).reshape(3 * ROWS, COLUMNS)  # all of Y, then of CB, then of CR
    np.testing.assert_array_equal(shown["pixels"].reshape(ROWS, COLUMNS, 3), lines.reshape(ROWS, 3, COLUMNS).transpose(0, 2, 1))


@pytest.mark.parametrize(("accept", "type_of_part"), [
    ("multipart/related; type=application/octet-stream; transfer-syntax=*", f"application/octet-stream; transfer-syntax={NATIVE}"),  # Cornerstone3D
    ('multipart/related; type="application/octet-stream"; transfer-syntax=*', f"application/octet-stream; transfer-syntax={NATIVE}"),  # OHIF
    ('multipart/related; type="image/jphc"', "image/jphc; transfer-syntax=1.2.840.10008.1.2.4.201"),  # PS3.18 8.7.3.3: its default
    (f"multipart/related; type=image/jphc; transfer-syntax={HTJ2K}", f"image/jphc; transfer-syntax={HTJ2K}"),
    (f"multipart/related; type=image/jls; transfer-syntax={JPEG_LS}", f"image/jls; transfer-syntax={JPEG_LS}"),
    ('multipart/related; type="image/jls"; transfer-syntax=*, multipart/related; type="application/octet-stream"; transfer-syntax=*; q=0.5',
     f"image/jls; transfer-syntax={JPEG_LS}")])
def test_parts_say_what_they_are(archive, accept, type_of_part):
    """What the library chooses its decoder by (VIEWER: it reads the part's own header)."""
    made, _ = grey("MONOCHROME2", 12, 16, False)
    stored = Stored(archive, pydicom.dcmread(io.BytesIO(file_of(made).bytes)))
    answer = archive.get(stored.path + "/frames/1", headers={"Accept": accept})
    assert answer.status_code == 200
    head = answer.content.split(b"\r\n\r\n")[0].decode()
    assert f"Content-Type: {type_of_part}" in head.splitlines()
    assert f"Content-Location: {stored.path}/frames/1" in head
