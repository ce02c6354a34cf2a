"""What a scan makes of every file at hand, held against DCMTK (DICOM JSON) and pydicom (characters, frames).

DCMTK is asked by its command dcm2json, and where that refuses (encapsulated pixel data, which it cannot write) by the
same library through pacs/bridge with the pixels left out. Both run in processes of their own, under limits, because
some of these files crash them. DCMTK's private dictionary is left out: ours is PS3.6's."""

import base64
import concurrent.futures
import functools
import glob
import json
import math
import os
import struct
import subprocess
import warnings
import zlib

import pydicom
import pydicom.encaps
import pytest

from conftest import require, require_program
from support import samples
from support.lightbox import BUILD

SCAN = BUILD / "tests" / "scan_dump"
BRIDGE = BUILD / "tests" / "dcmtk_json"
SANE_ENV = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

# Every way in which our JSON may differ from DCMTK's, and why.
EXPLAINED = {
    "float-digits": "FL: DCMTK writes 9 or 10 digits by value, we 9; both read back as the same 32-bit float",
    "double-digits": "FD: DCMTK's own conversion is off by up to 1e-15 (0.9999990000000001); ours reads back as the same double",
    "character-set-name": "(0008,0005): the text is UTF-8 in both and ours says so (PS3.18 F.2); DCMTK leaves items' names and ISO_IR 6 standing",
    "item-character-set": "text of an item that names its own character set: DCMTK reads it in the data set's",
    "lying-group-length": "a meta header's group length that is too big: DCMTK believes it and swallows data",
    "padded-odd-value": "a value of odd length: DCMTK adds a byte, or shows a NUL that padded it",
    "integer-string-range": "IS beyond 32 bits: DCMTK gives up and writes a string",
    "text-dcmtk-cannot-convert": "characters in a repertoire that DCMTK's iconv lacks, or declared only in an item, or not at all",
    "encapsulated-pixels": "fragments: BulkDataURI here, absent there (dcm2json cannot write them)",
    "uid-spaces": "spaces inside a UID: DCMTK removes them",
}


def programs():
    require(SCAN.exists(), f"{SCAN} (./dev build)")
    require(BRIDGE.exists(), f"{BRIDGE} (./dev build)")
    require_program("dcm2json")


def every_file():
    return [sample.path for sample in samples.generated()] + [sample.path for sample in samples.shared()]


def name_of(path):
    for root in (samples.GENERATED, samples.SHARED):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name


# --- asking --------------------------------------------------------------------------------------------------------

LIMITS = ("prlimit", "--cpu=30", "--core=0", "--")  # a function between fork and exec would copy this large process each time


@functools.cache
def public_dictionary():
    found = glob.glob("/usr/share/libdcmtk*/dicom.dic")
    return {"DCMDICTPATH": found[0]} if found else {}


def ask(*command, text=""):
    done = subprocess.run([*LIMITS, *map(str, command)], input=text.encode(), capture_output=True, timeout=60,
                          env={**SANE_ENV, **public_dictionary()}, check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()


def scan_text(path, *more, paths=(), instance=False):
    """(what scan_dump writes, None) or (None, the refusal)."""
    options = [] if instance else ["--any"]
    code, out, error = ask(SCAN, *options, path, *more, text="".join(f"{line}\n" for line in paths))
    assert code in (0, 1), f"{name_of(path)}: scan_dump ended with {code}: {error[-2000:]}"
    return (out, None) if code == 0 else (None, error)


def scan(path, *more, paths=(), instance=False):
    """(what scan_dump says, None) or (None, the refusal)."""
    out, refusal = scan_text(path, *more, paths=paths, instance=instance)
    return (json.loads(out), None) if out is not None else (None, refusal)


def dcmtk(path):
    """DCMTK's JSON, or None where it has none to give."""
    for command in (["dcm2json", "-q", "-fc", path], [BRIDGE, path]):
        code, out, _ = ask(*command)
        if code == 0:
            try:
                return json.loads(out.decode(errors="replace"), strict=False)
            except json.JSONDecodeError:
                return None  # "1." and bare infinities
    return None


# --- the object's own bytes ----------------------------------------------------------------------------------------

def stored_bytes(path, ours):
    """The stream in which the tables' offsets count."""
    raw = path.read_bytes()
    if not ours["deflated"]:
        return raw
    start = ours["datasetOffset"]
    wrapped = raw[start] == 0x78 and (raw[start] << 8 | raw[start + 1]) % 31 == 0
    return raw[:start] + zlib.decompressobj(15 if wrapped else -15).decompress(raw[start:])


SWAP = {"OW": 2, "US": 2, "SS": 2, "OF": 4, "OL": 4, "UL": 4, "SL": 4, "FL": 4, "OD": 8, "OV": 8, "FD": 8, "SV": 8, "UV": 8}
TEXT = {"LO", "LT", "PN", "SH", "ST", "UC", "UT"}  # what (0008,0005) is about
UNPACK = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "SV": "q", "UV": "Q"}


def little_endian(value, vr):
    unit = SWAP.get(vr, 1)
    return b"".join(value[at:at + unit][::-1] for at in range(0, len(value), unit))


def bulk_paths(dataset):
    for element in dataset.values():
        if "BulkDataURI" in element:
            yield element["BulkDataURI"].removeprefix("bulkdata/")
        if element["vr"] == "SQ":
            for item in element.get("Value", []):
                yield from bulk_paths(item)


# --- comparing -----------------------------------------------------------------------------------------------------

class Comparison:
    """Differences between two data sets, each with the name of its reason, or None."""

    def __init__(self, path, ours, theirs):
        self.name = name_of(path)
        self.found = []
        paths = list(bulk_paths(ours["json"]))
        self.bulk = scan(path, paths=paths)[0]["bulk"] if paths else {}
        self.stream = stored_bytes(path, ours) if paths else b""
        self.dataset(ours["json"], theirs, "")

    def differ(self, where, reason, ours, theirs):
        self.found.append((where, reason, str(ours)[:200], str(theirs)[:200]))

    def dataset(self, ours, theirs, where, own_charset=False):
        own_charset = own_charset or bool(where and "00080005" in ours)
        for tag in sorted(ours.keys() | theirs.keys()):
            here = f"{where}/{tag}"
            if tag not in ours:
                self.differ(here, None, None, theirs[tag])
            elif tag not in theirs:
                encapsulated = self.bulk.get(here[1:], [0, 0, "", False])[3]
                lying = "lying-group-length" if self.name == "meta/group-length-too-big.dcm" else None
                self.differ(here, "encapsulated-pixels" if encapsulated else lying, ours[tag], None)
            else:
                self.element(ours[tag], theirs[tag], here, own_charset)

    def element(self, ours, theirs, here, own_charset):
        if ours["vr"] != theirs["vr"]:
            return self.differ(here, None, ours, theirs)
        if "BulkDataURI" in ours:
            return self.bulk_value(ours, theirs, here)
        if ours["vr"] == "SQ":
            return self.sequence(ours.get("Value", []), theirs.get("Value", []), here, own_charset)
        if ours != theirs and own_charset and ours["vr"] in TEXT:
            return self.differ(here, "item-character-set" if len(ours["Value"]) == len(theirs["Value"]) else None, ours, theirs)
        if ours != theirs:
            if "InlineBinary" in ours or "InlineBinary" in theirs:
                return self.binary(base64.b64decode(ours.get("InlineBinary", "")), theirs, ours, here)
            self.values(ours, theirs, here)

    def sequence(self, ours, theirs, here, own_charset):
        if len(ours) != len(theirs):
            return self.differ(here, None, f"{len(ours)} items", f"{len(theirs)} items")
        for number, (one, other) in enumerate(zip(ours, theirs), start=1):
            self.dataset(one, other, f"{here}/{number}", own_charset)

    def bulk_value(self, ours, theirs, here):
        if ours["BulkDataURI"] != "bulkdata" + here:
            self.differ(here, None, ours, "a path that is not the element's own")
        offset, size, vr, _, big_endian = self.bulk[here[1:]]
        value = self.stream[offset:offset + size]
        value = little_endian(value, vr) if big_endian else value
        if "Value" not in theirs:
            return self.binary(value, theirs, ours, here)
        if vr in UNPACK:
            numbers = [number for (number,) in struct.iter_unpack("<" + UNPACK[vr], value)]
            return self.values({"vr": vr, "Value": numbers}, theirs, here)
        self.differ(here, None, ours, theirs)

    def binary(self, value, theirs, ours, here):
        expected = base64.b64decode(theirs.get("InlineBinary", ""))
        if value != expected:
            self.differ(here, "padded-odd-value" if value + b"\0" == expected else None, ours, theirs)

    def values(self, ours, theirs, here):
        one, other = ours.get("Value", []), theirs.get("Value", [])
        if one == other:
            return
        if here.endswith("/00080005") and one == ["ISO_IR 192"]:
            return self.differ(here, "character-set-name", ours, theirs)
        if len(one) != len(other):
            reason = "padded-odd-value" if all(unpadded(value) in (None, 0) for value in other[len(one):]) else None
            return self.differ(here, reason, ours, theirs)
        for mine, his in zip(one, other):
            if mine != his:
                self.differ(here, value_reason(ours["vr"], mine, his), mine, his)


def unpadded(value):
    return value.strip("\0 ") or None if isinstance(value, str) else value


def value_reason(vr, ours, theirs):
    if vr == "FL" and is_number(ours) and is_number(theirs) and struct.pack("f", ours) == struct.pack("f", theirs):
        return "float-digits"
    if vr == "FD" and is_number(ours) and is_number(theirs) and math.isclose(ours, theirs, rel_tol=4e-15):
        return "double-digits"
    if vr == "IS" and isinstance(ours, int) and abs(ours) >= 2**31 and isinstance(theirs, str) and int(theirs) == ours:
        return "integer-string-range"
    if isinstance(theirs, str) and theirs.endswith("\0") and (unpadded(theirs) == ours or is_number(ours)):
        return "padded-odd-value"
    if vr == "UI" and isinstance(ours, str) and isinstance(theirs, str) and ours.replace(" ", "") == theirs:
        return "uid-spaces"
    if "\ufffd" in str(theirs) or "\\x1b" in repr(theirs):
        return "text-dcmtk-cannot-convert"
    return None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def compare(path):
    ours, _ = scan(path)
    theirs = dcmtk(path)
    if ours is None or theirs is None:
        return path, None
    return path, Comparison(path, ours, theirs).found


def test_our_dicom_json_equals_dcmtks():
    programs()
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(compare, every_file()))
    compared = [result for result in results if result[1] is not None]
    assert len(compared) > 250
    unexplained = [f"{name_of(path)} {where}: ours {ours}, DCMTK's {theirs}"
                   for path, found in compared for where, reason, ours, theirs in found if reason not in EXPLAINED]
    assert not unexplained, f"{len(unexplained)} differences:\n" + "\n".join(unexplained[:100])
    seen = {reason for _, found in compared for _, reason, _, _ in found}
    assert not samples.shared() or not EXPLAINED.keys() - seen, f"reasons that nothing needs any more: {EXPLAINED.keys() - seen}"


# --- characters ----------------------------------------------------------------------------------------------------

def test_names_are_what_the_recipes_wrote():
    programs()
    names = json.loads((samples.GENERATED / "charset" / "NAMES.json").read_text(encoding="utf-8"))
    wrong = []
    for path, name in names.items():
        if name is None:
            continue
        ours, refusal = scan(samples.GENERATED / path)
        got = "=".join(groups(ours["json"]["00100010"]["Value"][0])) if ours else refusal
        if got != name.rstrip("="):
            wrong.append(f"{path}: {got!r}, not {name!r}")
    assert not wrong, "\n".join(wrong)


def groups(name):
    parts = [name.get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic")]
    return parts[:max((i + 1 for i, part in enumerate(parts) if part), default=0)]


# pydicom's mistakes in these files, looked at one by one.
PYDICOM_CHARSET = {
    "charset/chrGB2312.dcm": "pydicom leaves the escape sequences of ISO 2022 IR 58 standing in a name",
    "charset/derived/latin9_203.dcm": "pydicom does not know ISO_IR 203",
}


def texts_of(dataset, where=""):
    """pydicom's idea of every text in a data set: (path, [values])."""
    for element in dataset:
        here = f"{where}/{int(element.tag):08X}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value, start=1):
                yield from texts_of(item, f"{here}/{number}")
        elif element.VR in TEXT and element.value:
            single = isinstance(element.value, (str, pydicom.valuerep.PersonName))
            yield here, [str(value) for value in ([element.value] if single else element.value)]


def ours_at(dataset, path):
    parts = path.strip("/").split("/")
    while len(parts) > 1:
        dataset, parts = dataset[parts[0]]["Value"][int(parts[1]) - 1], parts[2:]
    return dataset[parts[0]]


def comparable(text):
    """Without what normalising takes away: padding, and empty components at a name's end."""
    return "=".join(group.rstrip("^ ") for group in text.strip(" \0").split("=")).rstrip("=")


def test_text_is_what_pydicom_reads():
    programs()
    wrong = []
    for path in sorted((samples.SHARED / "charset").rglob("*.dcm")) if samples.SHARED.is_dir() else []:
        name = name_of(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = dict(texts_of(pydicom.dcmread(path, force=True)))
        ours, _ = scan(path)
        for where, values in expected.items():
            element = ours_at(ours["json"], where)
            if element["vr"] == "UN":  # private: pydicom has a dictionary
                continue
            got = [("=".join(groups(value)) if isinstance(value, dict) else value) or "" for value in element.get("Value", [""])]
            if [comparable(value) for value in values] != [comparable(value) for value in got]:
                wrong.append(f"{name} {where}: {got}, pydicom {values}")
    unexplained = [line for line in wrong if line.split(" ")[0] not in PYDICOM_CHARSET]
    assert not unexplained, "\n".join(unexplained)


# --- frames --------------------------------------------------------------------------------------------------------

# Where our frames are not pydicom's, and why.
PYDICOM_FRAMES = {
    "fragments/bot-lies-beyond-end.dcm": "pydicom believes the offset table; two codestreams for two frames are there",
    "fragments/bot-too-short.dcm": "as before",
    "fragments/no-fragments.dcm": "pydicom makes one frame of nothing",
}


def frame_bytes(stream, frame):
    return b"".join(stream[offset:offset + size] for offset, size in zip(frame[1::2], frame[2::2]))


def pydicom_frames(ds):
    if ds.file_meta.TransferSyntaxUID.is_encapsulated:
        offsets = None
        if "ExtendedOffsetTable" in ds and "ExtendedOffsetTableLengths" in ds:
            offsets = (ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths)
        return list(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames") or 1),
                                                   extended_offsets=offsets))
    return None


def test_frames_are_cut_as_pydicom_cuts_them():
    programs()
    wrong, frames = [], 0
    for path in every_file():
        if name_of(path).startswith("malformed/"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = pydicom_frames(pydicom.dcmread(path))
        except Exception:  # pydicom says "no" in many ways
            continue
        ours, _ = scan(path) if expected else (None, None)
        if not ours:
            continue
        stream = stored_bytes(path, ours)
        got = [frame_bytes(stream, frame) for frame in ours["frames"]]
        frames += len(expected)
        if got != expected:
            wrong.append(f"{name_of(path)}: {[len(one) for one in got[:6]]} of {len(got)}, "
                         f"pydicom {[len(one) for one in expected[:6]]} of {len(expected)}")
    unexplained = [line for line in wrong if line.split(":")[0] not in PYDICOM_FRAMES]
    assert frames > 100
    assert not unexplained, "\n".join(unexplained)


def test_native_frames_follow_each_other():
    programs()
    wrong = []
    for path in every_file():
        if str(open_native(path).get("NumberOfFrames") or 1).strip() == "1":
            continue
        ours, _ = scan(path)
        if not ours or len(ours["frames"]) < 2 or ours["pixels"]["photometric"] == "YBR_FULL_422":
            continue
        pixels = ours["pixels"]
        bits = pixels["rows"] * pixels["columns"] * (pixels["samples"] or 1) * pixels["bitsAllocated"]
        start = ours["frames"][0][1] * 8
        for index, (bit, offset, _) in enumerate(ours["frames"]):
            if offset * 8 + bit != start + index * bits:
                wrong.append(f"{name_of(path)}: frame {index + 1}")
                break
    assert not wrong, "\n".join(wrong)


def open_native(path):
    """The data set's head; empty where it is compressed or no DICOM to pydicom."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        return {} if ds.file_meta.TransferSyntaxUID.is_compressed else ds
    except Exception:  # pydicom says "no" in many ways
        return {}


# --- refusals ------------------------------------------------------------------------------------------------------

# Under malformed/: None where an archive can keep the file and serve it, else words of the refusal.
MALFORMED = {
    "2017-06-27-XSSInjection.dcm": None,
    "2026-03-16-OD-OF-OL.dcm": None,
    "2026-05-26-oob-monochrome-46341.dcm": None,  # its rows and columns lie: no frame to serve
    "3gb-bulk-data-truncated": "cut off: 3221127392 bytes are missing from the value of (7FE0,0010) at offset 1908",
    "CTImageStorage_bad_meta.dcm": None,
    "DummyCTInvalidRows.dcm": None,
    "ExplVR_BigEndNoMeta.dcm": None,
    "ExplVR_LitEndNoMeta.dcm": None,
    "GH220.dcm": "StudyInstanceUID (0020,000D) is missing",
    "GH340.dcm": "SOPInstanceUID (0008,0018) is missing",  # ACR-NEMA 1.0: there were no UIDs
    "Issue1097_FailToOpenDeflatedFileWithSQ.dcm": None,
    "MR_truncated.dcm": "cut off: 62 bytes are missing from the value of (7FE0,0010) at offset 1488",
    "UN_sequence.dcm": "SOPInstanceUID (0008,0018) is missing",
    "badVR.dcm": None,
    "bad_sequence.dcm": "SOPInstanceUID (0008,0018) is no UID",  # a hash, by an anonymiser
    "dwv-test-anonymise.dcm": None,
    "dwv-test-sequence.dcm": None,
    "dwv-test-simple.dcm": None,
    "dwv-test_no-number-rows.dcm": None,
    "empty_charset_LEI.dcm": "SOPInstanceUID (0008,0018) is missing",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "the fragments of (7FE0,0010) at offset 2340 have no end",
    "explicit_VR-UN.dcm": None,
    "generated/cut_in_element_header.dcm": "cut off in an element header at offset 1488",
    "generated/cut_in_meta.dcm": "cut off in front of the data set, at offset 144",
    "generated/duplicate_tag.dcm": None,  # the first counts, as in DCMTK
    "generated/empty_file.dcm": "empty: no bytes at all",
    "generated/missing_study_uid.dcm": "StudyInstanceUID (0020,000D) is missing",
    "generated/odd_length_value.dcm": None,
    "generated/pixel_length_claims_4gb_minus_2.dcm": "cut off: 4294958964 bytes are missing",
    "generated/preamble_only.dcm": "cut off in front of the data set, at offset 132",
    "generated/sop_uid_mismatch_meta.dcm": None,  # the data set's UID counts
    "generated/text_file_named_dcm.dcm": "not DICOM",
    "generated/trailing_garbage.dcm": "neither elements nor padding, at offset 9863",
    "meta_missing_tsyntax.dcm": "SOPInstanceUID (0008,0018) is missing",
    "nested_priv_SQ.dcm": "SOPInstanceUID (0008,0018) is missing",
    "no-meta-length-test.dcm": None,
    "no_meta.dcm": "not DICOM",  # a stray byte in front of a big endian data set
    "no_meta_group_length.dcm": "SOPInstanceUID (0008,0018) is missing",
    "no_preamble_dicm_in_data": "SOPInstanceUID (0008,0018) is missing",
    "priv_SQ.dcm": "SOPInstanceUID (0008,0018) is missing",
    "rtplan_truncated.dcm": "cut off: 21 bytes are missing from the value of (300A,012C) at offset 2092",
}


def test_malformed_files_are_taken_or_refused_as_settled(shared_dicom):
    programs()
    wrong = []
    for path in sorted(path for path in (shared_dicom / "malformed").rglob("*") if path.is_file()):
        name = path.relative_to(shared_dicom / "malformed").as_posix()
        _, refusal = scan(path, instance=True)
        expected = MALFORMED.get(name, "not in the table")
        if (refusal is None) != (expected is None) or (refusal and expected not in refusal):
            wrong.append(f"{name}: {refusal}, expected {expected}")
    assert not wrong, "\n".join(wrong)


def test_the_recipes_files_are_taken_or_refused_as_they_say():
    programs()
    wrong = []
    for sample in samples.generated():
        _, refusal = scan(sample.path, instance=True)
        expected = sample.refusal if sample.expect == "refused" else None
        if sample.expect != "either" and (refusal or "").split(":")[0] != (expected or ""):
            wrong.append(f"{sample.name}: {refusal}, expected {sample.expect} {expected}")
    assert not wrong, "\n".join(wrong)


def test_no_cut_of_the_bytes_changes_anything():
    """For real files; tests/fuzz/corpus/reader does it for the recipes'."""
    programs()
    for sample in samples.shared():
        if sample.path.stat().st_size <= 12_000:
            assert ask(SCAN, sample.path) == ask(SCAN, sample.path, 1), sample.name
