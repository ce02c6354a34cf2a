"""STOW-RS as clients use it: the usual ones, the big, the many, the broken and the vanishing."""

import gzip
import json
import socket
import struct
import subprocess
import sys

import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from conftest import require_program
from support import stow
from support.lightbox import ROOT
from support.process import eventually
from test_memory import peak_above_idle

sys.path.insert(0, str(ROOT / "testdata"))
from recipes import image  # noqa: E402
from recipes.part10 import EXPLICIT, dataset_bytes, meta_header  # noqa: E402
from recipes.raw import Raw, raw_file  # noqa: E402

DICOM = 'multipart/related; type="application/dicom"; boundary=b'
ALLOWED_KB = 64 * 1024


def small(number, study="2.25.31", **more):
    return raw_file(f"stow/{number}", {0x00091010: Raw().element(0x00091010, "OB", bytes(200))}, patient_id="STOW", study=study, **more)


def objects(*parts):
    return [stow.part(part.bytes, "application/dicom") for part in parts]


def instances(server):
    return server.json("/statistics")["CountInstances"]


# --- clients -------------------------------------------------------------------------------------------------------

@pytest.mark.sanitize
def test_dicomweb_client_stores_data_sets(lightbox):
    client = DICOMwebClient(lightbox.url("/dicom-web"))
    datasets = [dcmread(DicomBytesIO(small(number).bytes)) for number in range(3)]
    answer = client.store_instances(datasets, study_instance_uid="2.25.31")
    assert sorted(item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence) == sorted(str(ds.SOPInstanceUID) for ds in datasets)
    assert answer.RetrieveURL == "http://127.0.0.1/dicom-web/studies/2.25.31"  # its Host header leaves the port out
    assert instances(lightbox) == 3


def test_dicomweb_client_hears_of_failures(lightbox):
    client = DICOMwebClient(lightbox.url("/dicom-web"))
    mine, other = (dcmread(DicomBytesIO(small(number, study).bytes)) for number, study in ((1, "2.25.31"), (2, "2.25.32")))
    answer = client.store_instances([mine, other], study_instance_uid="2.25.31")
    assert [item.ReferencedSOPInstanceUID for item in answer.FailedSOPSequence] == [other.SOPInstanceUID]
    assert [item.FailureReason for item in answer.FailedSOPSequence] == [0xA900]
    assert instances(lightbox) == 1


def test_an_upload_as_ohif_sends_it(lightbox):
    """dicomweb-client.js: quoted type and boundary, a line break in front of the first boundary, Accept */*."""
    part = small(1)
    boundary = "d2e40b5a-0a1b-4a94-8ea0-7f7a6e4e0d2c"
    body = b"\r\n--%b\r\nContent-Type: application/dicom\r\n\r\n%b\r\n--%b--" % (boundary.encode(), part.bytes, boundary.encode())
    answer = lightbox.post("/dicom-web/studies", body, headers={
        "Content-Type": f'multipart/related; type="application/dicom"; boundary="{boundary}"', "Accept": "*/*", "Origin": "http://viewer.example"})
    assert answer.status_code == 200
    assert stow.stored(answer) == [part.sop_instance]


def test_curl_sends_chunks_without_a_length(lightbox, tmp_path):
    require_program("curl")
    body = tmp_path / "body"
    body.write_bytes(stow.multipart(objects(small(1), small(2)), "b"))
    done = subprocess.run(["curl", "-sS", "--noproxy", "*", "-H", f"Content-Type: {DICOM}", "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue",
                           "-H", "Accept: application/dicom+xml", "--data-binary", f"@{body}", "-w", "%{http_code}", lightbox.url("/dicom-web/studies")],
                          capture_output=True, timeout=60, check=True)
    assert done.stdout.endswith(b"200")
    assert done.stdout.count(b'tag="00081155"') == 2


def test_a_gzip_body_is_inflated(lightbox):
    body = gzip.compress(stow.multipart(objects(small(1)), "b"))
    answer = lightbox.post("/dicom-web/studies", body, headers={"Content-Type": DICOM, "Content-Encoding": "gzip"})
    assert answer.status_code == 200


# --- what is kept --------------------------------------------------------------------------------------------------

def test_what_is_stored_is_what_was_sent(lightbox):
    part = small(1)
    assert stow.post(lightbox, objects(part)).status_code == 200
    [identifier] = lightbox.json("/instances")
    assert lightbox.file(identifier) == part.bytes


@pytest.mark.parametrize("overwrite, kept", [(False, 0), (True, 1)])
def test_a_duplicate_is_stored_and_kept_as_the_settings_say(make_lightbox, overwrite, kept):
    server = make_lightbox({"OverwriteInstances": overwrite})
    versions = [raw_file("stow/same", {0x00091010: Raw().element(0x00091010, "OB", bytes([number] * 20))}) for number in range(2)]
    for version in versions:
        assert stow.stored(stow.post(server, objects(version))) == [version.sop_instance]
    [identifier] = server.json("/instances")
    assert server.file(identifier) == versions[kept].bytes


def test_a_read_only_server_refuses(make_lightbox):
    server = make_lightbox({"ReadOnly": True})
    assert stow.post(server, objects(small(1))).status_code == 403
    assert server.delete("/dicom-web/studies/1.2.3").status_code == 403


# --- the broken ----------------------------------------------------------------------------------------------------

def broken(body, content_type=DICOM):
    return body, content_type


BROKEN = {
    "no content type": (*broken(b"x", ""), 415),
    "form data": (*broken(b"x", "multipart/form-data; boundary=b"), 415),
    "no boundary": (*broken(b"x", "multipart/related; type=\"application/dicom\""), 400),
    "another boundary": (*broken(b"--c\r\n\r\nx\r\n--c--"), 400),
    "nothing": (*broken(b""), 400),
    "no parts": (*broken(b"--b--"), 400),
    "cut off in a header": (*broken(b"--b\r\nContent-Type: appl"), 400),
    "no closing boundary": (*broken(b"--b\r\n\r\n" + small(1).bytes), 400),
    "an endless header": (*broken(b"--b\r\nA: " + b"x" * 100_000 + b"\r\n\r\nx\r\n--b--"), 413),
    "many headers": (*broken(b"--b\r\n" + b"A: x\r\n" * 1000 + b"\r\nx\r\n--b--"), 413),
    "a preamble without end": (*broken(b"x" * 1_000_000), 400),
    "multipart within multipart": (*broken(b"--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--"), 415),
    "a length that lies": (*broken(b"--b\r\nContent-Length: 9999999999999\r\n\r\nx\r\n--b--"), 409),
    "no DICOM": (*broken(b"--b\r\n\r\n" + b"x" * 1000 + b"\r\n--b--"), 409),
    "a billion laughs": (*broken(b'--b\r\n\r\n<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><NativeDicomModel>&b;</NativeDicomModel>\r\n--b--',
                                 'multipart/related; type="application/dicom+xml"; boundary=b'), 409),
    "deep JSON": (*broken(b"--b\r\n\r\n" + b"[" * 100_000 + b"\r\n--b--", 'multipart/related; type="application/dicom+json"; boundary=b'), 409),
}


@pytest.mark.sanitize
@pytest.mark.parametrize("body, content_type, code", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_request_is_refused_and_changes_nothing(archive, body, content_type, code):
    before = archive.state()
    answer = archive.post("/dicom-web/studies", body, headers={"Content-Type": content_type})
    assert answer.status_code == code, answer.text[:500]
    assert archive.state() == before


@pytest.mark.sanitize
def test_ten_thousand_parts_are_each_answered_for(lightbox):
    parts = objects(small(1)) + [stow.part(b"x", "application/dicom")] * 10_000 + objects(small(2))
    answer = stow.post(lightbox, parts)
    assert answer.status_code == 202
    assert len(stow.stored(answer)) == 2
    assert stow.failed(answer) == [(None, 0xC000)] * 10_000


# --- the vanishing -------------------------------------------------------------------------------------------------

def send_part_of(server, body, content_type=DICOM):
    """A request that promises more than it sends; the socket, which is open."""
    peer = socket.create_connection(("127.0.0.1", server.http_port), timeout=60)
    peer.sendall(f"POST /dicom-web/studies HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body) * 10}\r\n\r\n".encode())
    peer.sendall(body)
    return peer


def middling(number):
    """Longer than what the server gathers of a body before it looks at it."""
    return raw_file(f"stow/middling-{number}", {0x00091010: Raw().element(0x00091010, "OB", bytes(600_000))})


def whole_and_half(first, second):
    return stow.multipart(objects(first, second), "b")[:-len(second.bytes) // 2]


@pytest.mark.sanitize
def test_a_client_that_leaves_keeps_what_came_whole(lightbox):
    first, second = middling(1), middling(2)
    with send_part_of(lightbox, whole_and_half(first, second)):
        eventually(lambda: instances(lightbox) == 1, "the first part")
    eventually(lambda: len(lightbox.stored_keys()) == 1, "the second part's bytes to go")
    assert instances(lightbox) == 1


@pytest.mark.sanitize
def test_a_kill_in_the_middle_keeps_what_came_whole(make_lightbox):
    server = make_lightbox()
    first, second = middling(1), middling(2)
    with send_part_of(server, whole_and_half(first, second)):
        eventually(lambda: instances(server) == 1, "the first part")
        server.kill()
    server.start()
    [identifier] = server.json("/instances")
    assert server.file(identifier) == first.bytes
    assert len(server.stored_keys()) == 1


@pytest.mark.sanitize
def test_bulk_data_that_wait_leave_nothing_behind(lightbox):
    described = json.dumps([{"00080018": {"vr": "UI", "Value": ["2.25.5"]}, "7FE00010": {"vr": "OW", "BulkDataURI": "px"}}])
    body = stow.multipart([stow.metadata(described), stow.part(bytes(1 << 20), "application/octet-stream", "px")], "b")[:-1000]
    before = sorted(path.name for path in lightbox.data.rglob("*"))
    with send_part_of(lightbox, body, 'multipart/related; type="application/dicom+json"; boundary=b'):
        pass
    eventually(lambda: sorted(path.name for path in lightbox.data.rglob("*")) == before, "nothing new in the folder")


# --- the big -------------------------------------------------------------------------------------------------------

FRAME = image.grey(512, 512, 16).tobytes()


def big_object(name, frames):
    """A multi-frame object as pieces, its header first."""
    ds = image.describe(image.base(name, image.MULTIFRAME_WORD, "OT"), 512, 512, bits=16, frames=frames)
    yield meta_header(str(ds.SOPClassUID), str(ds.SOPInstanceUID), EXPLICIT) + dataset_bytes(ds, EXPLICIT)
    yield struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, frames * len(FRAME))
    yield from (FRAME for _ in range(frames))


def big_body(objects_count, frames):
    for number in range(objects_count):
        yield b"--b\r\nContent-Type: application/dicom\r\n\r\n"
        yield from big_object(f"stow/big-{number}", frames)
        yield b"\r\n"
    yield b"--b--\r\n"


def check_big(server, objects_count, frames):
    def store():
        answer = server.http.post(server.url("/dicom-web/studies"), data=big_body(objects_count, frames), headers={"Content-Type": DICOM}, timeout=600)
        assert answer.status_code == 200
        assert len(stow.stored(answer)) == objects_count
    assert peak_above_idle(server, store) <= ALLOWED_KB


def test_storing_200_mb_takes_little_memory(lightbox):
    check_big(lightbox, 4, 100)


@pytest.mark.long
def test_storing_2_gb_takes_little_memory(lightbox):
    check_big(lightbox, 4, 1000)


def test_bulk_data_of_200_mb_take_little_memory(lightbox):
    def bulk():
        yield b"--b\r\nContent-Type: application/octet-stream\r\nContent-Location: px\r\n\r\n"
        yield from (FRAME for _ in range(400))
        yield b"\r\n--b--\r\n"

    def body():
        ds = image.describe(image.base("stow/bulk", image.MULTIFRAME_WORD, "OT"), 512, 512, bits=16, frames=400)
        described = {**ds.to_json_dict(), "7FE00010": {"vr": "OW", "BulkDataURI": "px"}}
        yield b"--b\r\n" + stow.metadata([described]) + b"\r\n"
        yield from bulk()

    def store():
        answer = lightbox.http.post(lightbox.url("/dicom-web/studies"), data=body(), timeout=600,
                                    headers={"Content-Type": 'multipart/related; type="application/dicom+json"; boundary=b'})
        assert answer.status_code == 200, answer.text
    assert peak_above_idle(lightbox, store) <= ALLOWED_KB
