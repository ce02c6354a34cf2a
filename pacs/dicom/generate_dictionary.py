#!/usr/bin/env python3
"""Write dictionary_table.inc and uid_table.inc from the tables of PS3.6 that the Python package pydicom carries.

Run by hand when a new edition is wanted, never by the build:

    .venv/bin/pip install pydicom && .venv/bin/python pacs/dicom/generate_dictionary.py

What PS3.6 registered after pydicom's edition stands in NEWER_UIDS.
"""

import pathlib

from pydicom import __version__ as pydicom_version
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom._version import __dicom_version__ as edition

HERE = pathlib.Path(__file__).parent

# uid: (name, type, retired, keyword)
NEWER_UIDS = {
    "1.2.840.10008.1.2.4.110": ("JPEG XL Lossless", "Transfer Syntax", "", "JPEGXLLossless"),
    "1.2.840.10008.1.2.4.111": ("JPEG XL JPEG Recompression", "Transfer Syntax", "", "JPEGXLJPEGRecompression"),
    "1.2.840.10008.1.2.4.112": ("JPEG XL", "Transfer Syntax", "", "JPEGXL"),
    "1.2.840.10008.1.2.8.1": (
        "Deflated Image Frame Compression", "Transfer Syntax", "", "DeflatedImageFrameCompression"),
    "1.2.840.10008.5.1.4.1.1.66.7": (
        "Label Map Segmentation Storage", "SOP Class", "", "LabelMapSegmentationStorage"),
    "1.2.840.10008.5.1.4.1.1.66.8": (
        "Height Map Segmentation Storage", "SOP Class", "", "HeightMapSegmentationStorage"),
    "1.2.840.10008.5.1.4.1.1.9.100.1": (
        "Waveform Presentation State Storage", "SOP Class", "", "WaveformPresentationStateStorage"),
    "1.2.840.10008.5.1.4.1.1.9.100.2": (
        "Waveform Acquisition Presentation State Storage", "SOP Class", "",
        "WaveformAcquisitionPresentationStateStorage"),
}

# "Storage" in the name, but nothing that is sent by C-STORE.
NOT_STORED = {
    "1.2.840.10008.1.20.1": "Storage Commitment Push Model",
    "1.2.840.10008.1.20.2": "Storage Commitment Pull Model",
    "1.2.840.10008.1.3.10": "Media Storage Directory: the DICOMDIR of a medium (PS3.10)",
}

# PS3.4 table GG.3-1: stored, but of no patient, study or series.
NON_PATIENT = {
    "1.2.840.10008.5.1.4.38.1": "Hanging Protocol",
    "1.2.840.10008.5.1.4.39.1": "Color Palette",
    "1.2.840.10008.5.1.4.43.1": "Generic Implant Template",
    "1.2.840.10008.5.1.4.44.1": "Implant Assembly Template",
    "1.2.840.10008.5.1.4.45.1": "Implant Template Group",
    "1.2.840.10008.5.1.4.1.1.200.1": "CT Defined Procedure Protocol",
    "1.2.840.10008.5.1.4.1.1.200.3": "Protocol Approval",
    "1.2.840.10008.5.1.4.1.1.200.7": "XA Defined Procedure Protocol",
    "1.2.840.10008.5.1.4.1.1.201.1": "Inventory",
}

NATIVE = {  # transfer syntaxes whose data set is not explicit little endian with encapsulated pixels
    "1.2.840.10008.1.2": [],
    "1.2.840.10008.1.20": [],  # Papyrus 3
    "1.2.840.10008.1.2.1": ["EXPLICIT"],
    "1.2.840.10008.1.2.1.99": ["EXPLICIT", "DEFLATED"],
    "1.2.840.10008.1.2.2": ["EXPLICIT", "BIG_ENDIAN"],
    "1.2.840.10008.1.2.4.94": ["EXPLICIT", "REFERENCED"],  # JPIP
    "1.2.840.10008.1.2.4.95": ["EXPLICIT", "REFERENCED", "DEFLATED"],
    "1.2.840.10008.1.2.4.204": ["EXPLICIT", "REFERENCED"],
    "1.2.840.10008.1.2.4.205": ["EXPLICIT", "REFERENCED", "DEFLATED"],
    "1.2.840.10008.1.2.6.1": ["EXPLICIT", "NO_DATA_SET"],  # RFC 2557
    "1.2.840.10008.1.2.6.2": ["EXPLICIT", "NO_DATA_SET"],  # XML
    "1.2.840.10008.1.2.7.1": ["EXPLICIT", "NO_DATA_SET"],  # SMPTE ST 2110
    "1.2.840.10008.1.2.7.2": ["EXPLICIT", "NO_DATA_SET"],
    "1.2.840.10008.1.2.7.3": ["EXPLICIT", "NO_DATA_SET"],
}

# Encapsulated ones that never lose information, by what follows 1.2.840.10008.1.2.
LOSSLESS = {"1.98", "5", "8.1", "4.57", "4.58", "4.65", "4.66", "4.70", "4.80", "4.90", "4.92", "4.110",
            "4.201", "4.202"}


def quoted(text):
    text = text.replace("\u200b", "").replace("\u2019", "'").replace("\u00b5", "u").strip()
    assert text.isascii() and '"' not in text and "\\" not in text, text
    return f'"{text}"'


def multiplicity(vm):
    """"2-2n" -> (2, 0, 2): least, most (0: any number), step"""
    low, _, high = vm.partition("-")
    if not high:
        return int(low), int(low), 1
    if high.endswith("n"):
        return int(low), 0, int(high[:-1] or 1)
    return int(low), int(high), 1


def implicit_vr(vrs):
    return "OW" if "OW" in vrs else vrs[0]


def element(tag, mask, entry):
    vr, vm, name, retired, keyword = entry
    vrs = vr.split(" or ")
    all_vrs = ", ".join(f"V({v})" for v in vrs)
    low, high, step = multiplicity(vm)
    return (f"ROW(0x{tag:08X}, 0x{mask:08X}, V({implicit_vr(vrs)}), VRS({all_vrs}), {low}, {high}, {step}, "
            f"{int(bool(retired))}, {quoted(keyword)}, {quoted(name)})")


def repeater(pattern, entry):
    tag = int(pattern.replace("x", "0"), 16)
    mask = int("".join("0" if c == "x" else "F" for c in pattern), 16)
    return element(tag, mask, entry)


def transfer_syntax_flags(uid):
    if uid in NATIVE:
        return NATIVE[uid]
    flags = ["EXPLICIT", "ENCAPSULATED"]
    tail = uid.removeprefix("1.2.840.10008.1.2.")
    if tail not in LOSSLESS:
        flags.append("LOSSY")
    if 100 <= int((tail.split(".") + ["0"])[1]) < 110:
        flags.append("VIDEO")
    return flags


def sop_class_flags(uid, name):
    if "Storage" not in name or uid in NOT_STORED:
        return []
    return ["STORAGE"] + (["NON_PATIENT"] if uid in NON_PATIENT else [])


KINDS = {"Transfer Syntax": "TRANSFER_SYNTAX", "SOP Class": "SOP_CLASS", "Meta SOP Class": "META_SOP_CLASS"}


def uid_row(uid, entry):
    name, kind, retired, keyword = entry
    flags = {"Transfer Syntax": lambda: transfer_syntax_flags(uid),
             "SOP Class": lambda: sop_class_flags(uid, name)}.get(kind, lambda: [])()
    flags = (["RETIRED"] if retired else []) + flags
    flags = " | ".join("PACS_UID_" + flag for flag in flags) or "0"
    return (f'{{"{uid}", {quoted(keyword)}, {quoted(name)}, PACS_UID_KIND_{KINDS.get(kind, "OTHER")}, '
            f"{flags}}},")


def section(guard, rows):
    return [f"#ifdef {guard}", *rows, "#endif"]


def write(name, lines):
    head = [f"/* Written by generate_dictionary.py from pydicom {pydicom_version} (DICOM {edition}): do not edit. */"]
    (HERE / name).write_text("\n".join(head + lines) + "\n", encoding="ascii")


def write_dictionary():
    tags = sorted(DicomDictionary)
    patterns = sorted(RepeatersDictionary, key=lambda p: p.replace("x", "0"))
    names = [DicomDictionary[tag][4] for tag in tags] + [RepeatersDictionary[p][4] for p in patterns]
    order = sorted((i for i in range(len(names)) if names[i]), key=lambda i: names[i])
    assert len({names[i] for i in order}) == len(order), "keywords are unique"
    numbers = [", ".join(map(str, order[i:i + 16])) + "," for i in range(0, len(order), 16)]
    write("dictionary_table.inc",
          section("ENTRIES", [element(tag, 0xFFFFFFFF, DicomDictionary[tag]) for tag in tags])
          + section("REPEATING", [repeater(p, RepeatersDictionary[p]) for p in patterns])
          + section("KEYWORD_ORDER", ["/* numbers of entries, then of repeating ones, by keyword */"] + numbers))


def write_uids():
    uids = {uid: (name, kind, retired, keyword)
            for uid, (name, kind, _, retired, keyword) in UID_dictionary.items()
            if name and kind != "LDAP OID"}
    for uid, entry in NEWER_UIDS.items():
        if uid in uids:
            raise SystemExit(f"{uid} is in the table now: take it out of NEWER_UIDS")
        uids[uid] = entry
    missing = (set(NOT_STORED) | set(NON_PATIENT) | set(NATIVE)) - set(uids)
    assert not missing, missing
    syntaxes = [uid for uid in sorted(uids) if uids[uid][1] == "Transfer Syntax"]
    others = [uid for uid in sorted(uids) if uids[uid][1] != "Transfer Syntax"]
    write("uid_table.inc",
          section("TRANSFER_SYNTAXES", [uid_row(uid, uids[uid]) for uid in syntaxes])
          + section("OTHERS", [uid_row(uid, uids[uid]) for uid in others]))


if __name__ == "__main__":
    write_dictionary()
    write_uids()
