"""Every native object at hand, written anew in every native transfer syntax, says the same as before."""

import base64
import json
import subprocess

import pytest

from conftest import require
from support import samples
from support.lightbox import BUILD

SCAN = BUILD / "tests" / "scan_dump"
TOOL = BUILD / "tests" / "object_tool"

IMPLICIT, EXPLICIT, DEFLATED, BIG = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99",
                                     "1.2.840.10008.1.2.2")
NATIVE = (IMPLICIT, EXPLICIT, DEFLATED, BIG)


def scan(path):
    done = subprocess.run([str(SCAN), str(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def frame_bytes(path, told):
    """Native frames as they stand; None where offsets count in an inflated stream."""
    if told["deflated"]:
        return None
    with open(path, "rb") as file:
        data = file.read()
    return [[data[offset:offset + size] for offset, size in zip(frame[1::2], frame[2::2], strict=True)]
            for frame in told["frames"]]


def same_values(before, after, names_vrs):
    """The same elements; where one of the two forms does not name VRs, values of private ones are not compared."""
    assert before.keys() == after.keys()
    for tag, element in before.items():
        if not names_vrs and (int(tag[3], 16) % 2 or element.get("vr") != after[tag].get("vr")):
            continue
        if element["vr"] == "SQ":
            assert len(element.get("Value", [])) == len(after[tag].get("Value", []))
            for one, other in zip(element.get("Value", []), after[tag].get("Value", []), strict=True):
                same_values(one, other, names_vrs)
        elif "InlineBinary" in element:
            value = base64.b64decode(element["InlineBinary"])
            assert base64.b64decode(after[tag]["InlineBinary"]) in (value, value + b"\0" * (len(value) % 2)), tag
        else:
            assert element == after[tag], tag


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_native_object_says_the_same_in_another_native_syntax(tmp_path, syntax):
    require(TOOL.exists(), f"{TOOL} (./dev build)")
    compared = 0
    for sample in samples.generated() + samples.shared():
        before = scan(sample.path)
        if before is None or before["transferSyntax"] not in NATIVE:
            continue
        out = tmp_path / "object.dcm"
        with open(out, "wb") as file:
            done = subprocess.run([str(TOOL), str(sample.path), syntax], stdout=file, stderr=subprocess.PIPE, timeout=60,
                                  check=False)
        assert done.returncode == 0, (sample.path, done.stderr)
        after = scan(out)
        assert after is not None, sample.path
        assert after["transferSyntax"] == syntax
        names_vrs = IMPLICIT not in (syntax, before["transferSyntax"])
        same_values(before["json"], after["json"], names_vrs)
        assert len(before["frames"]) == len(after["frames"]), sample.path
        if BIG not in (syntax, before["transferSyntax"]):
            assert frame_bytes(sample.path, before) in (frame_bytes(out, after), None) or after["deflated"], sample.path
        compared += 1
    assert compared > 50
