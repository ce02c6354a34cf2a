"""The files tests push: build/testdata, and the real ones of LIGHTBOX_SHARED where they are at hand."""

import dataclasses
import json
import os
import pathlib
import warnings

import pydicom

from .lightbox import ROOT

GENERATED = ROOT / "build" / "testdata"
SHARED = (ROOT / os.environ.get("LIGHTBOX_SHARED", "../shared")).resolve() / "dicom"


@dataclasses.dataclass(frozen=True)
class Sample:
    """A file and what an archive should do with it. dataset_offset None: no data set in it to speak of."""
    path: pathlib.Path
    name: str
    expect: str  # "stored", "refused", "either"
    refusal: str | None
    transfer_syntax: str | None
    sop_class: str | None
    sop_instance: str | None
    dataset_offset: int | None

    @property
    def kind(self):
        return self.name.split("/")[0]

    def bytes(self):
        return self.path.read_bytes()


def generated():
    """Every file of testdata/generate.py, which has to have run."""
    manifest = GENERATED / "MANIFEST.json"
    assert manifest.exists(), "build/testdata is missing: run ./dev test, or testdata/generate.py"
    return [Sample(GENERATED / entry["path"], entry["path"],
                   **{key: entry[key] for key in ("expect", "refusal", "transfer_syntax", "sop_class", "sop_instance", "dataset_offset")})
            for entry in json.loads(manifest.read_text(encoding="utf-8"))]


def shared():
    """Every file of the shared collection, or none where it is absent."""
    if not SHARED.is_dir():
        return []
    files = sorted(path for path in SHARED.rglob("*") if path.is_file() and path.name not in ("MANIFEST.tsv", "README.md"))
    return [shared_sample(path) for path in files]


# Under malformed/ the name does not tell; what we settled on, and why, file by file.
SHARED_EXPECTATIONS = {}


def shared_sample(path):
    name = path.relative_to(SHARED).as_posix()
    known = look(path)
    expect, refusal = SHARED_EXPECTATIONS.get(name, (None, None))
    if expect is None:
        complete = all(known.get(key) for key in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"))
        expect = "either" if name.startswith("malformed/") else "stored" if complete else "refused"
        refusal = "invalid" if expect == "refused" else None
    return Sample(path, name, expect, refusal, known.get("TransferSyntaxUID"), known.get("SOPClassUID"), known.get("SOPInstanceUID"),
                  known.get("offset"))


def look(path):
    """What pydicom makes of a file's head; {} if nothing."""
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            ds = pydicom.dcmread(file, force=True, stop_before_pixels=True, specific_tags=[
                "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
            found = {key: str(ds[key].value or "").strip() for key in
                     ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID") if key in ds}
            syntax = ds.file_meta.get("TransferSyntaxUID")
            if syntax is not None:
                found["TransferSyntaxUID"] = str(syntax)
                found["offset"] = meta_end(path)
        return found
    except Exception:  # pydicom's ways to say "this is no DICOM" are many
        return {}


def meta_end(path):
    """Offset of the data set, by the group length; None where the file has none."""
    with path.open("rb") as file:
        head = file.read(144)
    if head[128:132] != b"DICM" or head[132:140] != b"\x02\0\0\0UL\x04\0":
        return None
    return 144 + int.from_bytes(head[140:144], "little")
