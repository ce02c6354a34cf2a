"""Requests that nobody means well: answered with a 4xx, or cut off; little memory, nothing changed, and the server lives."""

import contextlib
import resource
import select
import socket
import uuid

import pydicom
import pytest
from conftest import require
from support import samples
from support.lightbox import BUILD, Lightbox
from support.process import DEADLINE_S, eventually
from test_memory import memory_kb, peak_above_idle

pytestmark = pytest.mark.sanitize
ROOT = "/dicom-web"
ALLOWED_KB = 64 * 1024
SANITIZED = BUILD.name in ("asan", "tsan")  # their memory says nothing


@pytest.fixture(scope="module")
def objects(generated_dicom):
    """The files every server of this module has."""
    return [samples.GENERATED / name for name in ("frames/native-2.dcm", "encapsulated/j2k-lossless-3frames.dcm", "documents/pdf.dcm")]


@pytest.fixture(scope="module")
def server(binary, objects, tmp_path_factory):
    archive = Lightbox(tmp_path_factory.mktemp("hostile"), binary=binary).start()
    for path in objects:
        archive.store(path.read_bytes())
    yield archive
    archive.close()


@pytest.fixture
def filled(server):
    """The server; a test fails if it leaves it dead, complaining or changed."""
    before = server.state()
    yield server
    server.require_alive()
    assert server.state() == before


@pytest.fixture
def instance(objects):
    """Path of an object of two frames."""
    ds = pydicom.dcmread(objects[0], stop_before_pixels=True)
    return f"{ROOT}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def connect(server):
    return contextlib.closing(socket.create_connection(("127.0.0.1", server.http_port), timeout=DEADLINE_S))


def require_little_memory(server, act):
    above_idle = peak_above_idle(server, act)
    assert SANITIZED or above_idle <= ALLOWED_KB


def raw(server, request):
    """Status of the first answer to these bytes; None if the connection was closed or reset without one."""
    with connect(server) as client:
        try:
            client.sendall(request)
            line = client.makefile("rb").readline()
        except ConnectionError:
            return None
    return int(line.split()[1]) if line else None


def get(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: test", "Connection: close", *headers, "", ""]).encode("latin-1")


def require_refused(status, *also):
    assert status is None or 400 <= status < 500 or status in also, status


# --- paths and queries ---

TRICKS = ["/..", "/../../etc/passwd", "/studies/..%2f..%2f..%2fetc%2fpasswd", "/studies/%2e%2e/%2e%2e/system", "/studies/1.2.3%00/series", "/studies/%00",
          "/studies/1.2.3%2fseries%2f4.5.6", "//studies//", "/studies/1.2.3/series/4.5.6/instances/7.8.9/frames/1%00", "/studies/%", "/studies/%zz",
          "/studies/%c0%ae%c0%ae", "/studies/1.2.3/series/4.5.6/instances/7.8.9/frames/..", "/studies/" + "1." * 5000 + "2/metadata",
          "/studies/1.2.3;DROP TABLE study/metadata".replace(" ", "%20"), "/studies/'%20OR%20'1'='1/metadata", "/studies/*/metadata", "/studies/1.2.3\\..\\",
          "/studies/1.2.3/" + "series/" * 2000, "/studies/1.2.3/bulkdata/../../../../etc/passwd", "/studies/1.2.3/bulkdata/%2e%2e%2f%2e%2e%2fetc%2fpasswd"]


@pytest.mark.parametrize("path", TRICKS)
def test_paths_with_tricks_lead_nowhere(filled, path):
    require_refused(raw(filled, get(ROOT + path)))


QUERIES = {
    "a limit beyond numbers": "limit=99999999999999999999999", "a negative limit": "limit=-1", "no number": "limit=ten", "an offset beyond numbers": "offset=1e99",
    "a negative offset": "offset=-5", "no such date": "StudyDate=20241399", "a range backwards and forwards": "StudyDate=2024-2023-2022",
    "an attribute nobody knows": "NoSuchAttribute=1", "a tag of nine digits": "001000200=1", "a sequence without end": "A" + ".A" * 5000 + "=1",
    "bytes that are no UTF-8": "PatientName=%ff%fe%fd", "a character of zero": "PatientName=a%00b", "not a UID": "StudyInstanceUID=abc",
    "1,500 parameters": "&".join(f"a={number}" for number in range(1500)),
    "every field 1,000 times": "&".join(["includefield=all"] * 1000),
    "a list of 2,000 UIDs": "StudyInstanceUID=" + ",".join(f"1.2.3.4.5.{number}" for number in range(2000)),
    "10,000 stars": "PatientName=" + "*a" * 10000, "a name of 60 kB": "PatientName=" + "a" * 60000,
}
HARMLESS = {"an attribute nobody knows", "a tag of nine digits", "a sequence without end", "bytes that are no UTF-8", "not a UID",
            "10,000 stars", "a name of 60 kB", "a list of 2,000 UIDs", "every field 1,000 times"}  # may be answered: with nothing


@pytest.mark.parametrize("name", QUERIES)
def test_odd_searches_are_refused_or_find_nothing(filled, name):
    status = raw(filled, get(f"{ROOT}/studies?{QUERIES[name]}"))
    require_refused(status, *((200, 204) if name in HARMLESS else ()))


def test_a_search_full_of_stars_takes_little_memory_and_time(filled):
    """Backtracking would take for ever, a search that copies would take all memory."""
    pattern = "*a" * 500 + "b"
    require_little_memory(filled, lambda: filled.get(f"{ROOT}/studies", params={"PatientName": pattern}))


# --- headers ---

RANGES = ["bytes=9-1", "bytes=-0", "bytes=99999999999999999999999-", "bytes=1-99999999999999999999999", "bytes=-99999999999999999999999", "bytes=", "bytes=a-b",
          "bytes=1-2-3", "items=0-1", "bytes=" + ",".join(f"{number}-{number}" for number in range(0, 8000, 2)), "bytes=0-,0-,0-,0-,0-,0-,0-,0-",
          "bytes=18446744073709551615-", "bytes=0-18446744073709551615", "bytes=\t0 - 1"]


@pytest.mark.parametrize("value", RANGES, ids=lambda value: value[:30])
def test_odd_ranges_never_bring_more_than_the_whole(filled, instance, value):
    whole = filled.get(f"{instance}/frames/1,2")
    assert whole.status_code == 200
    answer = filled.get(f"{instance}/frames/1,2", headers={"Range": value})
    assert answer.status_code in (200, 206, 416, 400)
    if answer.status_code in (200, 206):
        assert len(answer.content) <= len(whole.content)


ACCEPTS = ["a" * 60000, ",".join(["multipart/related; type=\"application/octet-stream\"; q=0.1"] * 900), "multipart/related;" * 3000, '"' * 30000, "*/*;q=" + "9" * 20000,
           "multipart/related; type=\"application/octet-stream", "text/html;q=1e308", ";;;;,,,,;=;=", "*/*;q=-1", "multipart/related; type=\"\\\"\\\"\\\""]


@pytest.mark.parametrize("accept", ACCEPTS, ids=lambda value: value[:30])
def test_odd_accept_lines_are_answered(filled, instance, accept):
    for end in ("/frames/1", "/metadata", ""):
        require_refused(raw(filled, get(instance + end, f"Accept: {accept}")), 200)


@pytest.mark.parametrize("lines", [["Host: a", "Host: b"], ["Content-Length: -1"], ["Content-Length: 5", "Content-Length: 6"], ["Transfer-Encoding: gzip, chunked, chunked"],
                                   [f"X-{number}: y" for number in range(5000)], ["X: " + "y" * 200_000], ["Forwarded: host=\"" + "a" * 60000 + "\""]],
                         ids=["two hosts", "negative length", "two lengths", "odd coding", "5,000 headers", "200 kB header", "60 kB host"])
def test_odd_headers_are_refused_or_ignored(filled, lines):
    require_refused(raw(filled, get(f"{ROOT}/studies?PatientID=x", *lines)), 200, 204)


@pytest.mark.parametrize("frames", ["0", "-1", "1,", ",1", "1,,2", "3", "1,3", "4294967297", "18446744073709551617", "99999999999999999999", "1;2", "a", "1-2",
                                    ",".join(["1"] * 20000), ",".join(map(str, range(1, 12000)))], ids=lambda value: value[:24])
def test_odd_lists_of_frames_are_refused(filled, instance, frames):
    require_refused(raw(filled, get(f"{instance}/frames/{frames}")))


def test_a_frame_asked_a_thousand_times_takes_little_memory(filled, instance):
    """It may be refused or sent as often, but is not held as often."""
    listed = ",".join(["1", "2"] * 500)
    require_little_memory(filled, lambda: filled.get(f"{instance}/frames/{listed}"))


# --- bodies ---

def part(data, kind="application/dicom", boundary="b"):
    return f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + data + b"\r\n"


USUAL = 'multipart/related; type="application/dicom"; boundary=b'
BODIES = {
    "nothing": (USUAL, b""), "no boundary told": ('multipart/related; type="application/dicom"', part(b"x") + b"--b--"), "another boundary": (USUAL, part(b"x", boundary="c") + b"--c--"),
    "a boundary of 200": (f'multipart/related; type="application/dicom"; boundary={"b" * 200}', part(b"x", boundary="b" * 200)),
    "a boundary with a line break": ('multipart/related; type="application/dicom"; boundary="a\tb"', part(b"x")),
    "an empty boundary": ('multipart/related; type="application/dicom"; boundary=""', b"--\r\n\r\n--"), "no end": (USUAL, part(b"x" * 1000)),
    "cut in a header": (USUAL, b"--b\r\nContent-Ty"), "no header's end": (USUAL, b"--b\r\n" + b"X: y\r\n" * 50000), "a header of 1 MB": (USUAL, b"--b\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n--b--"),
    "no colon": (USUAL, b"--b\r\nnothing\r\n\r\nx\r\n--b--"), "50,000 empty parts": (USUAL, part(b"") * 50000 + b"--b--"), "noise": (USUAL, bytes(range(256)) * 4096),
    "only boundaries": (USUAL, b"--b\r\n" * 50000), "a preamble of 1 MB": (USUAL, b"x" * (1 << 20) + b"\r\n" + part(b"x") + b"--b--"),
    "a part that is no DICOM": (USUAL, part(b"hello") + b"--b--"), "a type that is not ours": ("text/plain", b"hello"), "no type": ("", b"hello"),
    "JSON that never ends": ('multipart/related; type="application/dicom+json"; boundary=b', part(b"[" * 200000, "application/dicom+json") + b"--b--"),
    "JSON that is none": ('multipart/related; type="application/dicom+json"; boundary=b', part(b"{]", "application/dicom+json") + b"--b--"),
    "XML with entities": ('multipart/related; type="application/dicom+xml"; boundary=b',
                          part(b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><NativeDicomModel>&b;</NativeDicomModel>', "application/dicom+xml") + b"--b--"),
    "XML from elsewhere": ('multipart/related; type="application/dicom+xml"; boundary=b',
                           part(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><NativeDicomModel>&a;</NativeDicomModel>', "application/dicom+xml") + b"--b--"),
    "XML that never ends": ('multipart/related; type="application/dicom+xml"; boundary=b', part(b"<a>" * 100000, "application/dicom+xml") + b"--b--"),
}


@pytest.mark.parametrize("name", BODIES)
def test_odd_bodies_are_refused_and_change_nothing(filled, name):
    kind, body = BODIES[name]

    def post():
        head = f"POST {ROOT}/studies HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + (f"Content-Type: {kind}\r\n" if kind else "")
        require_refused(raw(filled, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body))
    require_little_memory(filled, post)


def test_a_body_that_is_cut_off_leaves_nothing(filled, objects):
    data = part(objects[0].read_bytes())
    with connect(filled) as client:
        client.sendall(f"POST {ROOT}/studies HTTP/1.1\r\nHost: test\r\nContent-Type: {USUAL}\r\nContent-Length: {len(data) * 2}\r\n\r\n".encode() + data[:len(data) // 2])
    keys = filled.stored_keys()
    eventually(lambda: len(filled.stored_keys()) == len(objects), f"{len(objects)} files, not {len(keys)}")


# --- many, and slow ---

def test_10000_idle_connections_take_little_memory(filled, instance):
    """Others are served meanwhile, and afterwards."""
    count = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    require(hard == resource.RLIM_INFINITY or hard >= count + 200, "10,200 files at once (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 200), hard))
    idle_kb = memory_kb(filled.process.pid, "VmRSS")
    clients = []
    try:
        for _ in range(count):
            clients.append(socket.create_connection(("127.0.0.1", filled.http_port), timeout=DEADLINE_S))
        assert filled.get(f"{instance}/frames/1").status_code == 200
        assert SANITIZED or memory_kb(filled.process.pid, "VmRSS") - idle_kb <= 4 * ALLOWED_KB
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert filled.get(f"{instance}/frames/1").status_code == 200


def drip(server, request, pieces, deadline_s):
    """Sends piece by piece, a second apart, until the server has had enough; whether it had."""
    with connect(server) as client:
        client.sendall(request)
        for _ in range(deadline_s):
            try:
                client.sendall(next(pieces))
            except ConnectionError:
                return True
            if select.select([client], [], [], 1)[0]:  # an answer, or the end
                return True
    return False


@pytest.mark.long
def test_headers_and_bodies_that_drip_are_cut_off(filled):
    """A byte a second would last for ever. The server's deadlines are 20 and 30 seconds."""
    assert drip(filled, b"GET /dicom-web/studies HTTP/1.1\r\nHost: test\r\nX: ", iter(lambda: b"y", None), 60)
    head = f"POST {ROOT}/studies HTTP/1.1\r\nHost: test\r\nContent-Type: {USUAL}\r\nContent-Length: 1000000\r\n\r\n--b\r\n"
    assert drip(filled, head.encode(), iter(lambda: b"y", None), 90)


def test_unknown_uids_are_not_found(filled):
    uid = f"2.25.{uuid.uuid4().int}"
    for path in (f"/studies/{uid}", f"/studies/{uid}/metadata", f"/studies/{uid}/series/{uid}", f"/studies/{uid}/series/{uid}/instances/{uid}/frames/1"):
        assert raw(filled, get(ROOT + path)) == 404
