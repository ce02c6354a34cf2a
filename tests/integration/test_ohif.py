"""OHIF as it is shipped, in headless Chromium: list, filter, open, scroll, read a PDF, upload. What it draws is what was stored."""

import base64
import io
import json
import shutil
import sys

import numpy as np
import pydicom
import pytest
from conftest import require, require_program
from playwright.sync_api import expect, sync_playwright
from pydicom.uid import generate_uid
from support import samples
from support.lightbox import ROOT
from support.ohif import BUNDLE, Ohif
from support.process import eventually

sys.path.insert(0, str(ROOT / "testdata"))
from recipes import codecs  # noqa: E402

CHROMIUM = shutil.which("chromium")
DEADLINE_MS = 60_000
SAMPLE = sorted((samples.GENERATED / "sample").glob("*.dcm"))
PDF = samples.GENERATED / "documents" / "pdf.dcm"

# Codestreams that Cornerstone3D decodes and that give back exactly what was compressed.
LOSSLESS = ("native/explicit-12bit", "native/implicit-8bit", "native/deflated-12bit", "native/rgb-planar0", "encapsulated/rle-16",
            "encapsulated/jpeg-lossless-14", "encapsulated/jpeg-lossless-sv1-16", "encapsulated/jpeg-ls", "encapsulated/j2k-lossless",
            "encapsulated/j2k-lossless-3frames", "encapsulated/htj2k-lossless", "frames/native-2")

DRAWN = """() => {
    const viewport = window.cornerstone?.getRenderingEngines().flatMap(engine => engine.getViewports()).find(v => v.type === 'stack');
    const image = viewport?.getCornerstoneImage?.();
    if (!image || viewport.viewportStatus !== 'rendered') return null;
    const canvas = viewport.getCanvas(), seen = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const levels = new Set();
    for (let at = 0; at < seen.length; at += 4) levels.add(seen[at]);
    return {index: viewport.getCurrentImageIdIndex(), count: viewport.getImageIds().length, imageId: image.imageId, rows: image.rows,
            columns: image.columns, levels: levels.size};
}"""
PIXELS = """imageId => {
    const values = Float32Array.from(window.cornerstone.cache.getImage(imageId).voxelManager.getScalarData());
    const bytes = new Uint8Array(values.buffer);
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
}"""


@pytest.fixture(scope="module")
def browser(generated_dicom):
    require(CHROMIUM, "chromium")
    require((BUNDLE / "index.html").exists(), f"{BUNDLE} (./dev setup)")
    require_program("nginx")
    with sync_playwright() as playwright:
        # SwiftShader: WebGL without a graphics card. No sandbox: CI runs as root, and the pages are ours.
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"])
        yield running
        running.close()


class Page:
    """A tab that remembers what went wrong on the way."""

    def __init__(self, browser, viewer):
        self.viewer = viewer
        context = browser.new_context(viewport={"width": 1400, "height": 600}, accept_downloads=False)
        context.add_init_script("localStorage?.setItem('shownTours', JSON.stringify(['basicViewerTour', 'longitudinalTour', 'basicTour']))")
        self.tab = context.new_page()
        self.tab.set_default_timeout(DEADLINE_MS)
        self.answers, self.faults = [], []
        self.tab.on("response", self.note)
        self.tab.on("requestfailed", self.failed)
        self.tab.on("pageerror", lambda error: self.faults.append(f"script: {error}"))

    def note(self, answer):
        if "/dicom-web/" in answer.url:
            self.answers.append(answer)
        if answer.status >= 400:
            self.faults.append(f"{answer.status} {answer.request.method} {answer.url}")

    def failed(self, request):
        if request.failure != "net::ERR_ABORTED":  # given up by the page itself, as on leaving it
            self.faults.append(f"{request.failure} {request.url}")

    def go(self, path):
        self.tab.goto(self.viewer.url(path))
        return self

    def view(self, study):
        """The viewer; in a small window, because here the processor draws."""
        self.tab.set_viewport_size({"width": 800, "height": 500})
        return self.go(f"/viewer?StudyInstanceUIDs={study}")

    def studies(self, count):
        """The rows of the list, when there are as many."""
        rows = self.tab.locator("tbody tr:not(:has(input))")  # the first one holds the filters
        expect(rows).to_have_count(count, timeout=DEADLINE_MS)
        return rows.all_inner_texts()

    def drawn(self, want="true", **arguments):
        """What is on the canvas and the image it was made from, once `want` (a condition on `drawn`) holds."""
        drawn = self.tab.wait_for_function(f"arguments => {{ const drawn = ({DRAWN})(); return drawn && drawn.levels > 1 && ({want}) && drawn; }}",
                                           arg=arguments, polling=250).json_value()
        return {**drawn, "pixels": np.frombuffer(base64.b64decode(self.tab.evaluate(PIXELS, drawn["imageId"])), "<f4")}

    def asked(self, end):
        """Requests to the archive whose path ends so."""
        return [answer for answer in self.answers if answer.url.split("?")[0].endswith(end)]

    def posts(self):
        return [answer for answer in self.answers if answer.request.method == "POST"]

    def close(self):
        self.tab.context.close()
        assert not self.faults, "\n".join(self.faults)


@pytest.fixture
def archive_of_samples(make_lightbox):
    server = make_lightbox({"HttpCorsOrigins": ["*"]})
    for path in [*SAMPLE, PDF]:
        server.store(path.read_bytes())
    return server


@pytest.fixture
def open_page(browser, tmp_path, make_lightbox):
    """Opens a tab on an archive; at the end there must have been no error in it. (After make_lightbox: tabs go before archives do.)"""
    made = []

    def make(archive, same_origin=True):
        viewer = Ohif(tmp_path / f"ohif-{len(made)}", archive, same_origin)
        page = Page(browser, viewer)
        made.append((page, viewer))
        return page

    yield make
    try:
        for page, _ in made:
            page.close()
    finally:
        for _, viewer in made:
            viewer.close()


def slice_of(drawn):
    """The stored object a drawn image belongs to."""
    instance = drawn["imageId"].split("/instances/")[1].split("/")[0]
    return next(ds for ds in map(pydicom.dcmread, SAMPLE) if ds.SOPInstanceUID == instance)


def saved(ds):
    data = io.BytesIO()
    ds.save_as(data)
    return data.getvalue()


def first_frame(ds):
    return ds.pixel_array[0] if int(ds.get("NumberOfFrames") or 1) > 1 else ds.pixel_array


def require_same_pixels(drawn, ds, pixels=None):
    """pixels: of the first frame, where pydicom cannot decode it."""
    wanted = (first_frame(ds) if pixels is None else pixels).astype(float)
    wanted = wanted * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))  # Cornerstone applies it as it loads
    shown = drawn["pixels"]
    assert (drawn["rows"], drawn["columns"]) == (ds.Rows, ds.Columns)
    if ds.SamplesPerPixel == 3 and shown.size == ds.Rows * ds.Columns * 4:
        shown = shown.reshape(-1, 4)[:, :3].reshape(-1)
    np.testing.assert_array_equal(shown, wanted.reshape(-1))


def test_the_study_list_shows_what_is_stored(open_page, archive_of_samples):
    page = open_page(archive_of_samples).go("/")
    rows = page.studies(2)
    ct, document = next(row for row in rows if "A20240229-01" in row), next(row for row in rows if "TDDOCUMENTS" in row)
    assert "Phantom, Đầu Mẫu" in ct and "CT sọ não (phantom)" in ct and "CT" in ct and "24" in ct.split() and "29-Feb-2024" in ct
    assert "Nguyễn, Thị Minh Ánh" in document and "DOC" in document


@pytest.mark.parametrize(("column", "typed", "left"), [
    ("Patient", "đầu", "A20240229-01"), ("Patient", "MINH", "TDDOCUMENTS"), ("Description", "sọ não", "A20240229-01"),
    ("Accession", "0229-0", "A20240229-01")])
def test_the_list_is_filtered_by_what_is_typed(open_page, archive_of_samples, column, typed, left):
    page = open_page(archive_of_samples).go("/")
    page.studies(2)
    number = [text.strip() for text in page.tab.locator("thead th").all_inner_texts()].index(column)
    page.tab.locator("tbody tr:has(input) td").nth(number).locator("input").first.fill(typed)
    assert left in page.studies(1)[0]


@pytest.mark.parametrize("same_origin", [True, False], ids=["same origin", "another origin"])
def test_a_series_opens_and_scrolls_with_the_stored_pixels(open_page, archive_of_samples, same_origin):
    study = pydicom.dcmread(SAMPLE[0]).StudyInstanceUID
    page = open_page(archive_of_samples, same_origin).view(study)
    first = page.drawn("drawn.count === arguments.count", count=len(SAMPLE))  # the viewport fills as the series becomes known
    assert first["levels"] > 50, "a flat picture"
    require_same_pixels(first, slice_of(first))
    page.tab.locator("[data-cy=viewport-pane] canvas").first.hover()
    seen = [first["imageId"]]
    for number in range(1, 3):
        page.tab.mouse.wheel(0, 100)
        shown = page.drawn("drawn.index === arguments.number", number=number)
        require_same_pixels(shown, slice_of(shown))
        seen.append(shown["imageId"])
    assert len(set(seen)) == 3
    assert len(page.asked("/metadata")) == 1
    assert {answer.status for answer in page.asked("/frames/1")} == {200}


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_syntax_is_drawn_as_it_was_compressed(open_page, archive, name):
    ds = pydicom.dcmread(samples.GENERATED / f"{name}.dcm")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(prefix=None), generate_uid(prefix=None)
    archive.store(saved(ds))
    page = open_page(archive).view(ds.StudyInstanceUID)
    pixels = codecs.picture(ds.BitsStored, ds.SamplesPerPixel == 3) if name.startswith("encapsulated/") else first_frame(ds)
    require_same_pixels(page.drawn(), ds, pixels)


@pytest.mark.parametrize("padding", [0, 200_000], ids=["in the metadata", "as bulk data"])
def test_a_pdf_is_shown(open_page, lightbox, padding):
    ds = pydicom.dcmread(PDF)
    ds.EncapsulatedDocument += b"%" * padding  # a comment to PDF
    lightbox.store(saved(ds))
    page = open_page(lightbox).view(ds.StudyInstanceUID)
    shown = page.tab.locator("object[type='application/pdf'], embed[type='application/pdf'], iframe").first
    shown.wait_for(state="attached")
    source = shown.evaluate("element => element.data || element.src")
    got = page.tab.evaluate("async source => Array.from(new Uint8Array(await (await fetch(source)).arrayBuffer()))", source)
    assert bytes(got).rstrip(b"\0") == ds.EncapsulatedDocument.rstrip(b"\0")
    assert len(page.asked("/00420011")) == (1 if padding else 0)


def test_files_are_uploaded_from_the_list(open_page, lightbox):
    page = open_page(lightbox).go("/")
    page.tab.get_by_role("button", name="Upload").click()
    with page.tab.expect_file_chooser() as chooser:
        page.tab.get_by_role("button", name="Add files").click()
    chooser.value.set_files([str(path) for path in SAMPLE[:3]])
    eventually(lambda: page.tab.wait_for_timeout(50) or len(page.posts()) == 3, "three answers")
    expect(page.tab.get_by_text("3 files completed.")).to_be_visible(timeout=DEADLINE_MS)
    stored = {instance["MainDicomTags"]["SOPInstanceUID"] for instance in lightbox.json("/instances?expand")}
    assert stored == {pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID for path in SAMPLE[:3]}
    assert {answer.status for answer in page.posts()} == {200}
    assert all("00081199" in json.loads(answer.text()) for answer in page.posts())
    assert "A20240229-01" in page.go("/").studies(1)[0]
