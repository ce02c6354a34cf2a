"""Where our /tags may differ from Orthanc's, and why: every difference has to be one of these."""

import re

MISSING = object()

# What is all of a file's own, mostly its characters: (start of its name, reason).
FILES = (
    ("meta/group-length-too-big", "DCMTK believes a meta header's group length and swallows data"),
    ("charset/undeclared", "text nobody declared: Orthanc guesses Latin 1, we take UTF-8 or show U+FFFD"),
    ("charset/broken", "what is no character: U+FFFD to us, Orthanc cuts the value off"),
    ("charset/half-kanji", "as before"),
    ("charset/escape-of-undeclared-set", "escape sequences of a set that is not declared: understood by us"),
    ("charset/unknown-term", "a defined term that is none: Orthanc drops what is not ASCII"),
    ("charset/misspelt-term", "as before; we see what was meant"),
    ("charset/nested", "an item's own character set: Orthanc reads it in the data set's"),
    ("charset/iso2022", "code extensions that Orthanc 1.10.1 reads half, or by the yen sign of ISO_IR 13"),
    ("charset/gbk", "Orthanc 1.10.1 does not know it"),
    ("charset/gb18030", "Orthanc 1.10.1 reads two bytes of its four"),
    ("charset/latin9", "Orthanc 1.10.1 does not know ISO_IR 203"),
    ("charset/derived/latin9", "as before"),
    ("charset/chrH32", "ISO_IR 13 and code extensions, as in charset/iso2022"),
    ("structure/markup", "an escape character outside of any escape sequence"),
)


def differences(ours, theirs, path=""):
    """(path, our value, theirs) of every leaf at which two JSON documents differ; MISSING where one has none."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs)):
            yield from differences(ours.get(key, MISSING), theirs.get(key, MISSING), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs)):
            yield from differences(one, other, f"{path}/{number}")
    elif ours != theirs:
        yield path, ours, theirs


def short(tags, key):
    return {key(tag, element): [short(item, key) for item in element["Value"]] if element["Type"] == "Sequence" else element["Value"]
            for tag, element in sorted(tags.items())}


def by_name(tags):
    """The simplified form of /tags: the last of equal names stays."""
    return short(tags, lambda tag, element: element["Name"])


def by_tag(tags):
    return short(tags, lambda tag, element: tag)


def is_private(path):
    """The element at which a path of /tags ends."""
    return int(re.findall("([0-9a-f]{4}),[0-9a-f]{4}", path)[-1], 16) % 2 == 1


def numbers(text):
    try:
        return [float(value) for value in text.split("\\") if value.strip()]
    except ValueError:
        return None


def without_empty_groups(name):
    return "=".join(group.rstrip("^") for group in name.split("=")).rstrip("=")


def is_attribute_tags(text):
    return re.fullmatch(r"([0-9a-f]{4},[0-9a-f]{4}\\?)+", text) is not None


def explain(name, path, ours, theirs):
    """The reason of one difference; None if there is none."""
    reasons = [reason for start, reason in FILES if name.startswith(start)]
    if reasons:
        return reasons[0]
    if re.search(",0000$", path) and ours is MISSING:
        return "group lengths are retired and no part of DICOM JSON"
    if path[1:] > "7fe0,0010" and theirs is MISSING:
        return "Orthanc ends at the pixel data, we show what follows"
    if re.search("0072,008[23]/(Type|Value)$", path):
        return "SV and UV are younger than Debian's DCMTK"
    if re.search("(0028,110[123]|0028,3002)/(Type|Value)$", path) and theirs in (None, "Null"):
        return "US or SS in implicit VR: DCMTK leaves it open, we decide by Pixel Representation"
    if re.search("(0010,1000|3006,0085|3006,0088)/Name$", path):
        return "retired since DCMTK 3.6.7's dictionary was made"
    if is_private(path):
        return explain_private(path, ours, theirs)
    return explain_text(ours, theirs) if isinstance(ours, str) and isinstance(theirs, str) else None


def explain_private(path, ours, theirs):
    if path.endswith("/Name") and ours == "Unknown Tag & Data":
        return "vendors' names are from DCMTK's private dictionary"
    if path.endswith(("/Type", "/Value")) and ours in (None, "Null"):
        return "vendors' VRs of elements sent as UN are from DCMTK's private dictionary"
    return explain_text(ours, theirs) if isinstance(ours, str) and isinstance(theirs, str) else None


def explain_text(ours, theirs):
    if numbers(ours) is not None and numbers(ours) == numbers(theirs):
        return "IS and DS are numbers in DICOM JSON: 0.5 for .5, 6 for +6 and 006, 0 for -0"
    if ours.replace(" ", "") == theirs.replace(" ", "").rstrip("\0"):
        return "spaces around a value that are no part of it"
    if is_attribute_tags(ours) and ours.startswith(theirs):
        return "Orthanc shows the first of several attribute tags"
    if ours == without_empty_groups(theirs):
        return "empty components at the end of a name"
    return None
