"""The Native DICOM Model (PS3.19 A.1) of every file at hand: read by a strict XML parser it says what the JSON says, and it
has the attributes that DCMTK's dcm2xml writes."""

import functools
import json
import os
import subprocess
import xml.etree.ElementTree

from conftest import require, require_program
from support import samples
from support.lightbox import BUILD

SCAN = BUILD / "tests" / "scan_dump"
NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
COMPONENTS = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"]
ENV = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}


@functools.cache
def scan(path):
    """(JSON, XML text), or None where the file is refused."""
    done = subprocess.run([SCAN, "--any", "--xml", path], capture_output=True, timeout=60, env=ENV, check=False)
    if done.returncode == 1:
        return None
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout, parse_float=str, parse_int=str)  # numbers stand in XML as they stand in JSON
    return said["json"], said["xml"]


# --- XML back to what JSON says -----------------------------------------------------------------------------------

def tag_name(element):
    assert element.tag.startswith(NAMESPACE), element.tag
    return element.tag.removeprefix(NAMESPACE)


def read_name(element):
    groups = {}
    for group in element:
        parts = {tag_name(part): part.text or "" for part in group}
        groups[tag_name(group)] = "^".join(parts.get(name, "") for name in COMPONENTS).rstrip("^")
    return groups or None


def read_child(child):
    kind = tag_name(child)
    if kind == "Value":
        return child.text
    if kind == "PersonName":
        return read_name(child)
    assert kind == "Item", kind
    return read_dataset(child)


def read_attribute(attribute):
    said = {"vr": attribute.get("vr")}
    values = []
    for child in attribute:
        kind = tag_name(child)
        if kind == "BulkData":
            said["BulkDataURI"] = child.get("uri")
        elif kind == "InlineBinary":
            said["InlineBinary"] = child.text or ""
        else:
            assert child.get("number") == str(len(values) + 1)
            values.append(read_child(child))
    if values:
        said["Value"] = values
    return said


def read_dataset(element):
    return {(attribute.get("tag"), attribute.get("privateCreator")): read_attribute(attribute) for attribute in element}


# --- JSON as XML has it -------------------------------------------------------------------------------------------

def clean(text):
    """What no XML document can hold is replaced."""
    return "".join("\ufffd" if (ord(c) < 32 and c not in "\t\n\r") or c in "\ufffe\uffff" else c for c in text)


def as_text(value):
    if value is None:
        return None
    if isinstance(value, dict):
        return {group: clean(text) for group, text in value.items()} or None
    return clean(value)


def expected_dataset(dataset):
    expected, creators = {}, {}
    for tag, attribute in dataset.items():
        number = int(tag, 16)
        private, block = number >> 16 & 1, number & 0xFFFF
        values = attribute.get("Value")
        if private and 0x10 <= block <= 0xFF and attribute["vr"] == "LO" and values and isinstance(values[0], str) \
                and len(values) == 1:
            creators[number] = clean(values[0])
            continue
        creator = creators.get(number & 0xFFFF0000 | block >> 8) if private and block >= 0x1000 else None
        key = (f"{number & 0xFFFF00FF:08X}" if creator else tag, creator)
        said = dict(attribute)
        if values and attribute["vr"] == "SQ":
            said["Value"] = [expected_dataset(item) for item in values]
        elif values:
            said["Value"] = [as_text(value) for value in values]
        expected[key] = said
    return expected


@functools.cache
def all_files():
    return [sample.path for sample in samples.generated()] + [sample.path for sample in samples.shared()]


def test_xml_says_what_json_says():
    require(SCAN.exists(), f"{SCAN} (./dev build)")
    compared = 0
    for path in all_files():
        said = scan(path)
        if said is None:
            continue
        dataset, text = said
        root = xml.etree.ElementTree.fromstring(text.encode())
        assert tag_name(root) == "NativeDicomModel"
        assert read_dataset(root) == expected_dataset(dataset), path
        compared += 1
    assert compared > 100


def private_elements(root):
    """Of the data set itself, in order. (DCMTK writes the elements that reserve blocks too.)"""
    return [(attribute.get("tag").upper(), attribute.get("privateCreator"))
            for attribute in root if attribute.get("privateCreator")]


def dcmtk_xml(path):
    done = subprocess.run(["dcm2xml", "-q", "-nat", "+Ca", "latin-1", path], capture_output=True, timeout=60, check=False)
    try:
        return xml.etree.ElementTree.fromstring(done.stdout) if done.returncode == 0 else None
    except xml.etree.ElementTree.ParseError:
        return None  # control characters


def test_private_elements_are_named_as_dcmtk_names_them():
    require(SCAN.exists(), f"{SCAN} (./dev build)")
    require_program("dcm2xml")
    compared = 0
    for path in all_files():
        said = scan(path)
        theirs = dcmtk_xml(path) if said else None
        ours = private_elements(xml.etree.ElementTree.fromstring(said[1].encode())) if said else []
        if theirs is None or not ours:
            continue
        assert ours == private_elements(theirs), path
        compared += 1
    assert compared > 10
