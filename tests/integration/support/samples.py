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


# What under malformed/ is refused, and why. The rest there looks bad and is readable, so it is stored: invalid
# values, odd lengths, meta headers missing or lying.
SHARED_REFUSED = {
    "cut off": ("3gb-bulk-data-truncated", "MR_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm", "rtplan_truncated.dcm",
                "generated/cut_in_element_header.dcm", "generated/cut_in_meta.dcm", "generated/preamble_only.dcm",
                "generated/pixel_length_claims_4gb_minus_2.dcm"),
    "a UID is missing or none": ("GH220.dcm", "GH340.dcm", "UN_sequence.dcm", "bad_sequence.dcm", "empty_charset_LEI.dcm",
                                 "generated/missing_study_uid.dcm", "meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm",
                                 "no_meta_group_length.dcm", "no_preamble_dicm_in_data", "priv_SQ.dcm", "dwv-test-anonymise.dcm",
                                 "dwv-test-sequence.dcm", "dwv-test-simple.dcm", "dwv-test_no-number-rows.dcm"),
    "no DICOM": ("generated/empty_file.dcm", "generated/text_file_named_dcm.dcm", "no_meta.dcm"),
    "bytes behind the last element": ("generated/trailing_garbage.dcm",),
}
REFUSED_NAMES = {f"malformed/{name}" for names in SHARED_REFUSED.values() for name in names}


def shared_sample(path):
    name = path.relative_to(SHARED).as_posix()
    known = look(path)
    complete = all(known.get(key) for key in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"))
    refused = name in REFUSED_NAMES if name.startswith("malformed/") else not complete
    return Sample(path, name, "refused" if refused else "stored", "invalid" if refused else None, known.get("TransferSyntaxUID"),
                  known.get("SOPClassUID"), known.get("SOPInstanceUID"), known.get("offset"))


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
