"""Pictures: Orthanc's beside the real Orthanc's, rendered resources beside DCMTK's dcmj2pnm, within one level of grey."""

import io
import subprocess

import numpy as np
import pytest
from PIL import Image

from conftest import beside_orthanc, require_program
from support import samples

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5",
            "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80")
KINDS = ("native", "shapes", "frames", "enhanced", "encapsulated", "sample")
SAMPLES = [sample for sample in (samples.generated() if samples.GENERATED.is_dir() else [])
           if sample.expect == "stored" and sample.kind in KINDS and sample.transfer_syntax in SYNTAXES]
WHAT = ("preview", "rendered", "image-uint8", "image-uint16", "image-int16", "frames/0/preview")


@pytest.fixture(scope="module")
def pair(binary, generated_dicom, tmp_path_factory):
    with beside_orthanc(tmp_path_factory.mktemp("pictures"), binary) as servers:
        yield servers


def pixels(body):
    return np.array(Image.open(io.BytesIO(body))).astype(int)


def store(server, sample):
    answer = server.post("/instances", sample.bytes())
    if answer.status_code != 200:
        pytest.skip("not stored")
    return answer.json()["ID"]


def agree(sample, a, b):
    """Within one level of grey; colours, and lossy codestreams of another decoder, within two."""
    is_colour = max(a.ndim, b.ndim) == 3
    a, b = (np.stack([x] * 3, -1) if x.ndim == 2 and is_colour else x for x in (a, b))
    return a.shape == b.shape and np.abs(a - b).max() <= (2 if is_colour or sample.transfer_syntax == JPEG_BASELINE else 1)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_pictures_are_those_of_orthanc(pair, sample):
    ours, theirs = pair
    one, other = store(ours, sample), store(theirs, sample)
    for what in WHAT:
        expected = theirs.get(f"/instances/{other}/{what}")
        if expected.status_code != 200:
            continue  # it reads less than we do; what we refuse, other tests say
        answer = ours.get(f"/instances/{one}/{what}")
        assert answer.status_code == 200, f"{what}: {answer.text}"
        assert answer.headers["Content-Type"] == expected.headers["Content-Type"]
        assert agree(sample, pixels(answer.content), pixels(expected.content)), what
    for query in ("numpy", "numpy?rescale=false", "numpy?compress=true"):
        expected = theirs.get(f"/instances/{other}/{query}")
        if expected.status_code != 200:
            continue
        a, b = (np.load(io.BytesIO(body)) for body in (ours.get(f"/instances/{one}/{query}").content, expected.content))
        if "compress" in query:
            a, b = a["arr_0"], b["arr_0"]
        assert (a.shape, a.dtype) == (b.shape, b.dtype), query
        if "enhanced" not in sample.name and "jpeg-baseline" not in sample.name:
            assert np.array_equal(a, b), query


def dcmtk_picture(sample, folder):
    """Frame 1 by its first window, else VOI LUT, else from smallest to largest; None where DCMTK cannot. It knows no functional groups."""
    picture = folder / "dcmtk.png"
    first = ["+Ww", "2048", "4096"] if sample.kind == "enhanced" else ["+Wi", "1"]  # testdata/recipes/enhanced.py, frame 1
    for window in (first, ["+Wl", "1"], ["+Wm"]):
        done = subprocess.run(["dcmj2pnm", *window, "+on", "+F", "1", sample.path, picture], capture_output=True, timeout=60)
        if done.returncode == 0 and picture.exists() and picture.stat().st_size:
            return pixels(picture.read_bytes())
    return None


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_rendered_frames_are_those_of_dcmtk(pair, sample, tmp_path):
    require_program("dcmj2pnm")
    ours, _ = pair
    expected = dcmtk_picture(sample, tmp_path)
    if expected is None or "palette" in sample.name:  # DCMTK cannot; or shows a palette of 16 bits by its upper 8
        pytest.skip("nothing to compare with")
    tags = ours.get(f"/instances/{store(ours, sample)}/simplified-tags").json()
    path = f"/dicom-web/studies/{tags['StudyInstanceUID']}/series/{tags['SeriesInstanceUID']}/instances/{tags['SOPInstanceUID']}"
    answer = ours.get(f"{path}/frames/1/rendered", headers={"Accept": "image/png"})
    assert answer.status_code == 200, answer.text
    assert agree(sample, pixels(answer.content), expected)
    thumbnail = ours.get(f"{path}/thumbnail", headers={"Accept": "image/avif,image/webp,*/*;q=0.8"})
    assert thumbnail.status_code == 200 and thumbnail.headers["Content-Type"] == "image/jpeg"
