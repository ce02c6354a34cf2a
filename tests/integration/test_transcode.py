"""Frames in other transfer syntaxes: what they cost, where they are kept, and what happens to who makes them."""

import concurrent.futures
import copy
import os
import pathlib
import re
import signal

import numpy
import pydicom
import pytest
import requests
from pydicom.uid import generate_uid
from support import samples
from support.process import DEADLINE_S, eventually

BYTES = "application/octet-stream"
JPEG_LS = "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"
NOT_DECODED = ("mpeg", "hevc", "jpip")


def frames_url(server, ds, frames):
    return server.url(f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}/frames/{frames}")


def get_frames(server, ds, frames, accept):
    """On a connection of its own, so that many may ask at once."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(frames_url(server, ds, frames), headers={"Accept": accept}, timeout=DEADLINE_S)


def metric(server, series):
    found = re.search("^" + re.escape(series) + r" (\S+)$", server.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0


def requests_that(server, result):
    return metric(server, f'imaging_transcode_requests_total{{result="{result}"}}')


def helper_pids(server):
    children = pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/children")
    return [int(pid) for path in children for pid in path.read_text().split()]


@pytest.fixture
def stored(generated_dicom):
    def store(server, name):
        path = samples.GENERATED / f"{name}.dcm"
        ds = pydicom.dcmread(path)
        server.store(path.read_bytes())
        return ds
    return store


def noise(frames, side):
    """An object that takes its time to encode."""
    ds = pydicom.dcmread(samples.GENERATED / "sample" / "slice-01.dcm")
    pixels = numpy.random.default_rng(4).integers(0, 65536, (frames, side, side), dtype=numpy.uint16)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    ds.Rows = ds.Columns = side
    ds.NumberOfFrames = frames
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    ds.PixelData = pixels.tobytes()
    return ds


def stored_noise(server, folder, frames, side):
    ds = noise(frames, side)
    path = folder / "noise.dcm"
    ds.save_as(path, enforce_file_format=True)
    server.store(path.read_bytes())
    return ds


def kept_files(server):
    return [path for path in (server.data / "transcoded").rglob("*") if path.is_file()]


# --- what comes ---

def native_size(ds):
    return ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated // 8


def test_every_encapsulated_sample_is_decoded_beside_the_server(lightbox, stored):
    names = [path.stem for path in sorted((samples.GENERATED / "encapsulated").glob("*.dcm")) if not path.stem.startswith(NOT_DECODED)]
    assert len(names) > 20
    refused = {}
    for name in names:
        ds = stored(lightbox, f"encapsulated/{name}")
        answer = get_frames(lightbox, ds, 1, BYTES)
        if answer.status_code != 200 or len(answer.content) != native_size(ds):
            refused[name] = (answer.status_code, answer.text[:200] if answer.status_code != 200 else len(answer.content))
    assert not refused
    assert "imaging_transcode_helper_ends_total" not in lightbox.get("/metrics").text


def test_pixels_survive_a_way_through_jpeg_ls(lightbox, stored):
    ds = stored(lightbox, "sample/slice-01")
    answer = get_frames(lightbox, ds, 1, JPEG_LS)
    assert answer.headers["Content-Type"] == JPEG_LS
    coded = copy.deepcopy(ds)
    coded.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    coded.PixelData = pydicom.encaps.encapsulate([answer.content])
    coded["PixelData"].VR = "OB"
    coded.SOPInstanceUID = coded.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    path = lightbox.folder / "coded.dcm"
    coded.save_as(path, enforce_file_format=True)
    lightbox.store(path.read_bytes())
    assert get_frames(lightbox, coded, 1, BYTES).content == ds.PixelData


# --- what it costs ---

def test_fifty_who_ask_the_same_cost_one_conversion(lightbox, tmp_path):
    ds = stored_noise(lightbox, tmp_path, 1, 1000)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: get_frames(lightbox, ds, 1, JPEG_LS), range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert requests_that(lightbox, "made") == 1
    assert metric(lightbox, 'imaging_transcode_frames_total{codec="charls",operation="encode",result="ok"}') == 1


def test_one_frame_of_many_is_converted_alone(lightbox, stored):
    ds = stored(lightbox, "frames/native-300")
    assert get_frames(lightbox, ds, 250, JPEG_LS).status_code == 200
    assert requests_that(lightbox, "made") == 1


def test_a_long_list_comes_while_it_is_made(lightbox, stored):
    ds = stored(lightbox, "frames/native-300")
    numbers = range(1, 31)
    answer = get_frames(lightbox, ds, ",".join(map(str, numbers)), 'multipart/related; type="image/jls"')
    assert answer.status_code == 200
    assert answer.content.count(b"Content-Location: ") == len(numbers)
    assert requests_that(lightbox, "made") == len(numbers)


def test_too_many_at_once_are_asked_to_come_again(make_lightbox, tmp_path):
    server = make_lightbox({"Transcode": {"Workers": 1, "Waiting": 1}})
    ds = stored_noise(server, tmp_path, 8, 1200)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda frame: get_frames(server, ds, frame, JPEG_LS), range(1, 9)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 503)
    assert requests_that(server, "refused") == codes.count(503)
    assert get_frames(server, ds, 1, JPEG_LS).status_code == 200


# --- where it is kept ---

def test_another_run_finds_what_was_made(make_lightbox, stored):
    server = make_lightbox()
    ds = stored(server, "sample/slice-01")
    first = get_frames(server, ds, 1, JPEG_LS)
    server.kill()
    server.start()
    assert get_frames(server, ds, 1, JPEG_LS).content == first.content
    assert requests_that(server, "made") == 0


def test_a_deleted_object_leaves_nothing_of_its_forms(make_lightbox, stored):
    server = make_lightbox()
    ds = stored(server, "sample/slice-01")
    kept = stored(server, "sample/slice-02")
    assert get_frames(server, ds, 1, JPEG_LS).status_code == 200
    assert get_frames(server, kept, 1, JPEG_LS).status_code == 200
    assert len(kept_files(server)) == 2
    instance, = (entry["ID"] for entry in server.json("/instances?expand") if entry["MainDicomTags"]["SOPInstanceUID"] == ds.SOPInstanceUID)
    assert server.delete(f"/instances/{instance}").status_code == 200
    eventually(lambda: len(kept_files(server)) == 1, "the file of a deleted object to go")
    assert get_frames(server, ds, 1, JPEG_LS).status_code == 404


# --- who makes it ---

def test_a_decoder_that_is_killed_is_replaced(lightbox, stored):
    ds = stored(lightbox, "encapsulated/jpeg-ls-3frames")
    assert get_frames(lightbox, ds, 1, BYTES).status_code == 200
    pid, = helper_pids(lightbox)
    os.kill(pid, signal.SIGKILL)
    assert get_frames(lightbox, ds, 2, BYTES).status_code == 200
    assert helper_pids(lightbox) != [pid]


def test_decoders_go_with_the_server(make_lightbox, stored):
    server = make_lightbox()
    ds = stored(server, "encapsulated/jpeg-ls")
    assert get_frames(server, ds, 1, BYTES).status_code == 200
    pid, = helper_pids(server)
    server.kill()
    eventually(lambda: not pathlib.Path(f"/proc/{pid}/exe").exists() or "Z" in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3],
               "the decoder of a killed server to end")
    server.start()


def test_pixels_that_are_none_are_refused_and_nothing_else_suffers(lightbox, stored):
    ds = stored(lightbox, "encapsulated/jpeg-ls")
    broken = copy.deepcopy(ds)
    broken.SOPInstanceUID = broken.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    broken.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xf7" + os.urandom(2000)])
    broken["PixelData"].VR = "OB"
    path = lightbox.folder / "broken.dcm"
    broken.save_as(path, enforce_file_format=True)
    lightbox.store(path.read_bytes())
    answer = get_frames(lightbox, broken, 1, BYTES)
    assert answer.status_code == 406 and "frame 1 cannot be converted" in answer.text
    lightbox.require_alive()
