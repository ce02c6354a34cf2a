"""WADO-RS and WADO-URI of everything that can be stored: whole objects bit for bit in every packaging, every bulk value that metadata name."""

import io
import re
import threading
import zipfile

import pydicom
import pytest
import requests

from conftest import close_all
from support import samples
from support.lightbox import Lightbox
from test_memory import memory_kb, reset_peak
from test_roundtrip import each

pytestmark = pytest.mark.sanitize

SAMPLES = [sample for sample in [*(samples.generated() if samples.GENERATED.is_dir() else []), *samples.shared()] if sample.expect != "refused"]
ANY = "transfer-syntax=*"
SINGLE = {"Accept": f"application/dicom; {ANY}"}
PARTS = {"Accept": f'multipart/related; type="application/dicom"; {ANY}'}
ZIP = {"Accept": "application/zip"}
BYTES = {"Accept": f'application/octet-stream; {ANY}, multipart/related; type="application/octet-stream"; {ANY}'}
STREAMS, ALLOWED_KB = 64, 128 * 1024
SWAPPED = {"OW": 2, "US": 2, "SS": 2, "OF": 4, "OL": 4, "FL": 4, "UL": 4, "SL": 4, "OD": 8, "OV": 8, "FD": 8, "UV": 8, "SV": 8}


@pytest.fixture(scope="module")
def server(binary, generated_dicom, tmp_path_factory):
    made = Lightbox(tmp_path_factory.mktemp("wado"), {"OverwriteInstances": "Always"}, binary=binary).start()
    yield made
    close_all([made])


@pytest.fixture
def archive(server):
    server.process.require_running()
    yield server
    server.require_alive()


def stored(archive, sample):
    """Its path below the root of DICOMweb, and its UIDs; None where the archive does not take it."""
    answer = archive.post("/instances", sample.bytes())
    if answer.status_code != 200:
        assert sample.expect == "either"
        pytest.skip("the archive may refuse it, and does")
    instance = archive.json(f"/instances/{answer.json()['ID']}")
    series = archive.json(f"/series/{instance['ParentSeries']}")
    study = archive.json(f"/studies/{series['ParentStudy']}")
    uids = (study["MainDicomTags"]["StudyInstanceUID"], series["MainDicomTags"]["SeriesInstanceUID"],
            instance["MainDicomTags"]["SOPInstanceUID"])
    return "/dicom-web/studies/{}/series/{}/instances/{}".format(*uids), uids


def parts_of(answer):
    """Heads and bodies of a multipart answer, cut at its boundary."""
    boundary = re.search("boundary=([^;]+)", answer.headers["Content-Type"])[1].encode()
    assert answer.content.startswith(b"--" + boundary + b"\r\n") and answer.content.endswith(b"\r\n--" + boundary + b"--\r\n")
    for part in answer.content[:-len(boundary) - 8].split(b"--" + boundary + b"\r\n")[1:]:
        head, body = part.split(b"\r\n\r\n", 1)
        yield dict(line.split(": ", 1) for line in head.decode().split("\r\n")), body.removesuffix(b"\r\n")


def bodies(answer):
    """What is inside, in whatever packaging."""
    kind = answer.headers["Content-Type"].split(";")[0]
    if kind == "multipart/related":
        return [body for _, body in parts_of(answer)]
    if kind == "application/zip":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            return [archive.read(name) for name in archive.namelist()]
    return [answer.content]


@each(SAMPLES, shared_in_gate=8)
def test_an_object_is_the_same_by_every_door(archive, sample):
    path, (study, series, instance) = stored(archive, sample)
    data = sample.bytes()
    for headers in (SINGLE, PARTS, ZIP):
        answer = archive.get(path, headers=headers)
        if answer.status_code == 406 and headers is SINGLE:
            continue  # another patient's object has these UIDs too
        assert answer.status_code == 200, answer.text
        assert data in bodies(answer)
        assert int(answer.headers["Content-Length"]) == len(answer.content)
    answer = archive.get("/wado", params={"requestType": "WADO", "studyUID": study, "seriesUID": series, "objectUID": instance,
                                          "contentType": "application/dicom", "transferSyntax": "*"})
    assert answer.status_code == 200 and answer.content in bodies(archive.get(path, headers=PARTS))


def named_values(item, at=()):
    """(path, URI) of everything in DICOM JSON that stands elsewhere."""
    for tag, element in item.items():
        if "BulkDataURI" in element:
            yield (*at, tag), element["vr"], element["BulkDataURI"]
        if element.get("vr") == "SQ":
            for number, inner in enumerate(element.get("Value", []), 1):
                yield from named_values(inner, (*at, tag, str(number)))


def value_at(ds, path):
    for tag, number in zip(path[:-1:2], path[1::2]):
        ds = ds[int(tag, 16)].value[int(number) - 1]
    return getattr(ds.get_item(int(path[-1], 16)), "value", None)


def little_endian(value, vr, is_big):
    size = SWAPPED.get(vr, 1) if is_big else 1
    words = [value[at:at + size][::-1] if at + size <= len(value) else value[at:at + size] for at in range(0, len(value), size)] if size > 1 else [value]
    return b"".join(words)


@each(SAMPLES, shared_in_gate=8)
def test_every_bulk_value_that_metadata_name_is_there(archive, sample):
    path, _ = stored(archive, sample)
    [item, *_] = archive.get(f"{path}/metadata").json()
    named = list(named_values(item))
    if not named:
        pytest.skip("no bulk values")
    ds = pydicom.dcmread(io.BytesIO(sample.bytes()), force=True)
    syntax = ds.file_meta.get("TransferSyntaxUID") or sample.transfer_syntax or pydicom.uid.ImplicitVRLittleEndian
    for where, vr, uri in named:
        assert uri.endswith("/bulkdata/" + "/".join(where))
        answer = archive.get(uri.removeprefix(archive.url("")), headers=BYTES)
        if pydicom.uid.UID(syntax).is_encapsulated and where[-1] == "7FE00010":
            assert answer.status_code == 200 or len(where) > 1 or "no frames" in answer.text, answer.text
            continue  # frames have tests of their own; an icon may be either
        assert answer.status_code == 200, answer.text
        [body] = bodies(answer)
        value = value_at(ds, where)
        if isinstance(value, bytes):  # else pydicom read something else of it
            expected = little_endian(value, vr, syntax == pydicom.uid.ExplicitVRBigEndian)
            assert body == expected or body + b"\0" == expected


def test_a_study_comes_whole_in_every_packaging(archive, generated_dicom):
    files = sorted((generated_dicom / "identity").glob("series-of-three*.dcm"))
    data = {path.read_bytes() for path in files}
    for content in data:
        archive.store(content)
    uid = pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID
    for headers in (PARTS, ZIP):
        answer = archive.get(f"/dicom-web/studies/{uid}", headers=headers)
        assert set(bodies(answer)) == data
        assert archive.get(f"/dicom-web/studies/{uid}", headers={**headers, "If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_broken_download_goes_on_where_it_stopped(archive, generated_dicom):
    files = sorted((generated_dicom / "identity").glob("series-of-three*.dcm"))
    for path in files:
        archive.store(path.read_bytes())
    uid = pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID
    for headers in (PARTS, ZIP):
        whole = archive.get(f"/dicom-web/studies/{uid}", headers=headers)
        for at in (1, 700, len(whole.content) // 2, len(whole.content) - 1):
            rest = archive.get(f"/dicom-web/studies/{uid}", headers={**headers, "Range": f"bytes={at}-", "If-Range": whole.headers["ETag"]})
            assert rest.status_code == 206 and whole.content[:at] + rest.content == whole.content
            assert rest.headers["Content-Range"] == f"bytes {at}-{len(whole.content) - 1}/{len(whole.content)}"


def test_64_clients_that_stream_a_study_take_little_memory(lightbox, generated_dicom):
    """A series of 40 objects of half a megabyte, all of it held up by clients that read slowly."""
    template = pydicom.dcmread(generated_dicom / "native" / "explicit-12bit.dcm")
    template.Rows = template.Columns = 512
    template.NumberOfFrames = 1
    template.PixelData = bytes(512 * 512 * 2)
    for number in range(40):
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = f"{template.SeriesInstanceUID}.{number + 1}"
        out = io.BytesIO()
        template.save_as(out)
        lightbox.store(out.getvalue())
    url = lightbox.url(f"/dicom-web/studies/{template.StudyInstanceUID}")
    sizes, meet = [], threading.Barrier(STREAMS)

    def read():
        with requests.get(url, headers=PARTS, stream=True, timeout=60) as answer:
            meet.wait()  # all of them have begun, none has got much
            sizes.append(sum(len(chunk) for chunk in answer.iter_content(1 << 16)))

    idle = memory_kb(lightbox.process.pid, "VmRSS")
    reset_peak(lightbox.process.pid)
    readers = [threading.Thread(target=read) for _ in range(STREAMS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(sizes) == STREAMS and len(set(sizes)) == 1 and sizes[0] > 40 * 512 * 512 * 2
    if lightbox.binary.parent.name not in ("asan", "tsan"):  # their memory says nothing
        assert memory_kb(lightbox.process.pid, "VmHWM") - idle <= ALLOWED_KB
