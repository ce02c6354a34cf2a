"""Every file at hand goes in by STOW-RS as metadata and bulk data, taken from what a scan knows of it. What is stored
then has the same DICOM JSON, to the digit, and the same bulk data; every exception is explained."""

import concurrent.futures
import dataclasses
import json
import pathlib

import pytest

from support import samples, stow
from test_dicom_json import bulk_paths, little_endian, name_of, programs, scan, scan_text, stored_bytes

# Why what comes back may differ, by file. What is named here and does not differ fails too.
UNDECLARED = "text beyond ASCII without a character set: what is written says that it is UTF-8"
OB = "encapsulated pixel data are OB (PS3.5 A.4), whatever VR the original had"
NO_CLASS = "no SOP Class UID (0008,0016): the file meta information had it, metadata have none"
UN_CHARSET = "(0008,0005) as UN is written as CS"
EXPLAINED = {
    "charset/undeclared-latin1.dcm": UNDECLARED,
    "charset/undeclared-utf8.dcm": UNDECLARED,
    "fragments/no-fragments.dcm": "pixel data without a fragment have no bytes to send",
    "structure/odd-lengths.dcm": "values of odd length are padded",
    "structure/un-standard-kinds.dcm": "values of odd length are padded",
    "malformed/dwv-test-anonymise.dcm": NO_CLASS,
    "malformed/dwv-test-sequence.dcm": NO_CLASS,
    "malformed/dwv-test-simple.dcm": NO_CLASS,
    "malformed/dwv-test_no-number-rows.dcm": NO_CLASS,
    "malformed/explicit_VR-UN.dcm": UN_CHARSET,
    "mr/enhanced/emri_small_jpeg_ls_lossless.dcm": OB,
    "rt/rtdose_rle.dcm": OB,
    "transfer-syntax/ct-one-image/CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm": UN_CHARSET,
    "transfer-syntax/ct-one-image/CTImage.dcm_JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91.dcm": UN_CHARSET,
    "transfer-syntax/ct-one-image/CTImage.dcm_JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81.dcm": UN_CHARSET,
    "transfer-syntax/mr-small/MR_small_jp2klossless.dcm": OB,
    "transfer-syntax/mr-small/MR_small_jpeg_ls_lossless.dcm": OB,
    "transfer-syntax/sc-small/SC_rgb_rle_16bit.dcm": OB,
    "transfer-syntax/sc-small/SC_rgb_rle_16bit_2frame.dcm": OB,
}
SIZE_MAX = 8 << 20


@dataclasses.dataclass
class Known:
    """What a scan knows of an instance."""
    path: pathlib.Path
    facts: dict
    text: str  # its DICOM JSON as it is written: numbers keep their digits
    parts: list


def known(path):
    """None: no instance."""
    out, _ = scan_text(path, instance=True)
    if out is None:
        return None
    facts = json.loads(out)
    return Known(path, facts, out[out.index(b'"json":') + len(b'"json":'):].rstrip()[:-1].decode(), list(bulk_parts(path, facts)))


def bulk_parts(path, ours):
    """One part for each value that the JSON names, frame by frame where it is encapsulated."""
    paths = list(bulk_paths(ours["json"]))
    if not paths:
        return
    values = scan(path, paths=paths)[0]["bulk"]
    stream = stored_bytes(path, ours)
    for name, (offset, size, vr, encapsulated, big_endian) in values.items():
        value = stream[offset:offset + size]
        if not encapsulated:
            yield stow.part(little_endian(value, vr) if big_endian else value, "application/octet-stream", f"bulkdata/{name}")
            continue
        for number, (_, *runs) in enumerate(ours["frames"], start=1):
            frame = b"".join(stream[at:at + length] for at, length in zip(runs[::2], runs[1::2]))
            yield stow.part(frame, f"application/octet-stream; transfer-syntax={ours['transferSyntax']}", f"bulkdata/{name}/frames/{number}")


def send(server, described):
    answer = stow.post(server, [stow.metadata(described.text), *described.parts], media_type=stow.JSON_TYPE)
    return answer.status_code, [reason for _, reason in stow.failed(answer)] if "json" in answer.headers["Content-Type"] else answer.text


def difference(one, other):
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    return f"{one[max(0, at - 60):at + 60]} | {other[max(0, at - 60):at + 60]}"


def round_trip(server, sent, folder):
    """What differs, or None."""
    code, reasons = send(server, sent)
    if code != 200:
        return f"{code} {reasons}"
    [identifier] = server.json("/instances")
    stored = folder / f"{sent.path.stem}.stored"
    stored.write_bytes(server.file(identifier))
    server.delete(f"/instances/{identifier}")
    back = known(stored)
    stored.unlink()
    if back is None or back.text != sent.text:
        return difference(sent.text, back.text if back else "")
    return None if sent.parts == back.parts else "bulk data"


def check(server, files, folder):
    programs()
    asked, found = set(), {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:  # the next are looked at while one is sent
        paths = [sample.path for sample in files if sample.path.stat().st_size <= SIZE_MAX]
        for sent in filter(None, pool.map(known, paths)):
            asked.add(name_of(sent.path))
            if differs := round_trip(server, sent, folder):
                found[name_of(sent.path)] = differs
    assert len(asked) > 100
    assert {name: what for name, what in found.items() if name not in EXPLAINED} == {}
    assert [name for name in EXPLAINED if name in asked and name not in found] == []


def test_what_is_stored_is_what_was_described(lightbox, generated_dicom, tmp_path):
    check(lightbox, samples.generated(), tmp_path)


@pytest.mark.long
def test_what_is_stored_is_what_was_described_of_real_files(lightbox, shared_dicom, tmp_path):
    check(lightbox, samples.shared(), tmp_path)
