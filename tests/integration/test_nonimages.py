"""What has no image has something to see all the same: waveforms on paper, reports as pages, cards for the rest."""

import io
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from conftest import require
from support import samples

DOCUMENTS = [sample for sample in (samples.generated() if samples.GENERATED.is_dir() else [])
             if sample.expect == "stored" and sample.kind == "documents"]
WAVEFORMS = ("documents/ecg-12-leads.dcm", "documents/hemodynamic.dcm", "documents/audio.dcm", "documents/ecg.dcm")
BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.fixture(scope="module")
def server(session_lightbox, generated_dicom):
    return session_lightbox


def path_of(server, sample):
    tags = server.json(f"/instances/{server.store(sample.bytes())['ID']}/simplified-tags")
    return "/dicom-web/studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}".format(**tags)


def named(name):
    return next(sample for sample in DOCUMENTS if sample.name == name)


def picture(answer):
    assert answer.status_code == 200, answer.text
    return np.array(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


@pytest.mark.parametrize("sample", DOCUMENTS, ids=lambda sample: sample.name)
def test_everything_has_a_thumbnail(server, sample):
    answer = server.get(path_of(server, sample) + "/thumbnail?viewport=128,128", headers={"Accept": BROWSER})
    pixels = picture(answer)
    assert max(pixels.shape[:2]) <= 128
    assert pixels.max() - pixels.min() > 50


@pytest.mark.parametrize("name", WAVEFORMS)
def test_a_waveform_is_drawn_on_paper(server, name):
    path = path_of(server, named(name))
    pixels = picture(server.get(path + "/rendered", headers={"Accept": "image/png"}))
    height, width = pixels.shape[:2]
    assert pixels.mean() > 150 and (pixels.sum(axis=2) < 200).any()  # ink on light paper
    small = picture(server.get(path + "/rendered?viewport=400,300", headers={"Accept": "image/jpeg"}))
    assert small.shape[0] in (300, 299) or small.shape[1] in (400, 399)
    assert abs(small.shape[1] / small.shape[0] - width / height) < 0.05


def test_ten_seconds_of_twelve_leads_are_a_page(server):
    pixels = picture(server.get(path_of(server, named(WAVEFORMS[0])) + "/rendered", headers={"Accept": "image/png"}))
    assert pixels.shape[:2] == ((3 + 4 * 30 + 7) * 6, (3 + 12 + 250 + 3) * 6)


def test_the_patient_is_on_a_waveform_where_somebody_asks(server):
    path = path_of(server, named(WAVEFORMS[0])) + "/rendered"
    plain, named_one = (picture(server.get(path + query, headers={"Accept": "image/png"})) for query in ("", "?annotation=patient"))
    assert named_one.shape[0] > plain.shape[0]


@pytest.mark.sanitize
@pytest.mark.parametrize("name", ["documents/sr.dcm", "documents/ko.dcm", "documents/sr-deep.dcm"])
def test_a_report_is_a_page(server, name):
    answer = server.get(path_of(server, named(name)) + "/rendered", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
    assert answer.text.startswith("<!DOCTYPE html>") and "<script" not in answer.text
    if name == "documents/sr.dcm":
        assert "Không thấy bất thường." in answer.text


def test_a_browser_shows_a_report(server, tmp_path):
    require(shutil.which("chromium"), "chromium")
    url = server.url(path_of(server, named("documents/sr.dcm")) + "/rendered")
    subprocess.run(["chromium", "--headless", "--no-sandbox", f"--user-data-dir={tmp_path}/profile", "--window-size=700,500",
                    f"--screenshot={tmp_path}/page.png", url], check=True, capture_output=True, timeout=60)
    pixels = np.array(Image.open(tmp_path / "page.png").convert("L"))
    assert (pixels < 100).sum() > 500  # letters


@pytest.mark.parametrize("name", ["documents/rtplan.dcm", "documents/raw-data.dcm", "documents/registration.dcm"])
def test_other_objects_are_no_pictures(server, name):
    answer = server.get(path_of(server, named(name)) + "/rendered")
    assert answer.status_code == 406
    assert answer.json()["Message"] == "the instance has no image"
