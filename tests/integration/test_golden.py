"""
Answers to requests as clients really send them, kept as files: golden/*.txt holds the request, a line of dashes, and the answer.

To add a case, write the request alone and run with --update-golden; then read what came. What differs from run to run (port,
boundary, entity tag) and the long UIDs of the samples stand as $NAMES, in both halves. Lines of a request's body end in CRLF.
"""

import difflib
import gzip
import hashlib
import io
import json
import pathlib
import re
import zipfile

import pydicom
import pytest
import requests
from support import samples
from support.lightbox import Lightbox

FOLDER = pathlib.Path(__file__).parent / "golden"
DASHES = "-" * 20
SHOWN = ("Content-Type", "Content-Encoding", "Content-Range", "Content-Location", "Content-Disposition", "Accept-Ranges", "ETag", "Cache-Control", "Vary",
         "Warning", "Link", "X-Total-Count", "Location", "Allow", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
         "Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Access-Control-Max-Age", "WWW-Authenticate", "Retry-After")
OBJECTS = {"CT": "sample/slice-01", "CT2": "sample/slice-02", "MF": "frames/native-2", "IMPLICIT": "native/implicit-8bit", "J2K": "encapsulated/j2k-lossless-3frames",
           "JLS": "encapsulated/jpeg-ls", "JPEG": "encapsulated/jpeg-baseline", "HTJ2K": "encapsulated/htj2k-lossless", "PDF": "documents/pdf", "BULK": "structure/bulk-values", "SR": "documents/sr",
           "VIETNAMESE": "charset/utf8-vietnamese", "TWIN1": "identity/one-study-two-patients-1", "TWIN2": "identity/one-study-two-patients-2"}
LEVELS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "INSTANCE": "SOPInstanceUID"}


@pytest.fixture(scope="module")
def server(binary, generated_dicom, tmp_path_factory):
    archive = Lightbox(tmp_path_factory.mktemp("golden"), {"HttpCorsOrigins": ["http://viewer.example"]}, binary=binary).start()
    for name in OBJECTS.values():
        archive.store((generated_dicom / f"{name}.dcm").read_bytes())
    yield archive
    archive.close()


@pytest.fixture(scope="module")
def names(generated_dicom):
    """What stands for what: a UID has the name of the first object it belongs to. $CT is the path of that object."""
    known = {}
    for word, path in OBJECTS.items():
        ds = pydicom.dcmread(generated_dicom / f"{path}.dcm", stop_before_pixels=True)
        for level, keyword in LEVELS.items():
            known[f"${word}_{level}"] = str(ds[keyword].value)
    return known


def expand(text, names, server):
    for word in OBJECTS:
        text = re.sub(rf"\${word}(?![A-Z0-9_])", f"/dicom-web/studies/${word}_STUDY/series/${word}_SERIES/instances/${word}_INSTANCE", text)
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    return text.replace("$HOST", f"127.0.0.1:{server.http_port}")


def contract(text, names, server):
    for name, uid in names.items():
        text = text.replace(uid, name)
    return text.replace(f"127.0.0.1:{server.http_port}", "$HOST")


def ask(server, text):
    """Sends what a file's upper half says, and nothing that it does not say but Host and length."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines()
    method, path = first.split(" ", 1)
    request = requests.Request(method, server.url("/"), data=body.rstrip("\n").replace("\n", "\r\n").encode() or None).prepare()
    request.url = server.url(path)  # as it stands: nothing quoted or folded
    request.headers.update(line.split(": ", 1) for line in lines)
    with requests.Session() as session:
        session.trust_env = False
        answer = session.send(request, stream=True, timeout=60)
        return answer, answer.raw.read()


def describe_bytes(data):
    return f"<{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()[:16]}>"


def describe_json(value):
    """An attribute a line."""
    def line(piece):
        return json.dumps(piece, ensure_ascii=False)
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f" {line(key)}: {line(inner)}" for key, inner in value.items()) + "\n}"
    return "[" + ",\n".join(describe_json(inner) for inner in value) + "]"


def describe_parts(data, boundary):
    pieces = data.split(b"--" + boundary.encode())
    assert pieces[0].strip() == b"" and pieces[-1].strip() == b"--", "not a multipart body"
    for piece in pieces[1:-1]:
        head, _, content = piece.lstrip(b"\r\n").partition(b"\r\n\r\n")
        yield "\n".join(["--$BOUNDARY", *head.decode().split("\r\n"), "", describe(head.decode(), content[:-2])])
    yield "--$BOUNDARY--"


def describe(kind, data):
    """A body for people: JSON laid out, parts one by one, archives by their list, the rest by its length and digest."""
    boundary = re.search(r'boundary="?([^";\s]+)', kind)
    if not data:
        return ""
    if boundary:
        return "\n".join(describe_parts(data, boundary[1]))
    if "json" in kind:
        return describe_json(json.loads(data))
    if "zip" in kind and data[:2] == b"PK":
        return "\n".join(f"{entry.filename} {entry.file_size}" for entry in zipfile.ZipFile(io.BytesIO(data)).infolist())
    if "xml" in kind or "text" in kind:
        return data.decode().replace("><", ">\n<")
    return describe_bytes(data)


def inflated(answer, data):
    return gzip.decompress(data) if answer.headers.get("Content-Encoding") == "gzip" else data


def written(answer, data):
    """The lower half of a file."""
    lines = [f"{answer.status_code} {answer.reason}"]
    for name in SHOWN:
        if name in answer.headers:
            value = '"..."' if name == "ETag" else re.sub(r'boundary="?[^";\s]+"?', "boundary=$BOUNDARY", answer.headers[name])
            lines.append(f"{name}: {value}")
    partial = answer.status_code == 206
    body = describe_bytes(data) if partial else describe(answer.headers.get("Content-Type", ""), inflated(answer, data))
    return "\n".join([*lines, "", body]).rstrip() + "\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_the_answer_is_the_recorded_one(server, names, request, path):
    asked, _, recorded = path.read_text(encoding="utf-8").partition(DASHES + "\n")
    answer, data = ask(server, expand(asked, names, server))
    got = contract(written(answer, data), names, server)
    if request.config.getoption("--update-golden"):
        path.write_text(asked.rstrip("\n") + f"\n{DASHES}\n" + got, encoding="utf-8")
        return
    difference = "\n".join(difflib.unified_diff(recorded.splitlines(), got.splitlines(), "recorded", "answered", lineterm=""))
    assert not difference, f"{asked}\n{difference}"
