"""Objects whose identifiers collide (DESIGN.md: both are kept, answered by both ids, nothing overwritten)."""

from . import image
from .catalogue import uid
from .part10 import file_of
from .raw import Raw, raw_file


def make(catalogue):
    for number in (1, 2):
        name = f"identity/one-study-two-patients-{number}"
        catalogue.add(name + ".dcm", raw_file(name, {}, patient_id=f"TWIN-{number}", study=uid("study twins"), series=uid("series twins"),
                                              patient_name=b"Twin^" + (b"One", b"Two")[number - 1]),
                      "two patients under one Study (and Series) Instance UID")
        name = f"identity/one-instance-two-patients-{number}"
        catalogue.add(name + ".dcm", raw_file(name, {}, patient_id=f"DOUBLE-{number}", sop=uid("instance double"), study=uid("study double"),
                                              series=uid("series double"), patient_name=b"Double^" + (b"One", b"Two")[number - 1]),
                      "the same three UIDs under two patients")
        name = f"identity/same-instance-other-bytes-{number}"
        comment = Raw().element(0x00204000, "LT", b"version %d " % number)
        catalogue.add(name + ".dcm", raw_file(name, {0x00204000: comment}, patient_id="CHANGED", sop=uid("instance changed"),
                                              study=uid("study changed"), series=uid("series changed")),
                      "one instance, sent twice with different content")
        name = f"identity/same-patient-other-name-{number}"
        catalogue.add(name + ".dcm", raw_file(name, {}, patient_id="RENAMED", study=uid("study renamed"), series=uid("series renamed"),
                                              patient_name=(b"Maiden^Name", b"Married^Name")[number - 1]),
                      "one PatientID, two names in one study")
        name = f"identity/padded-patient-id-{number}"
        catalogue.add(name + ".dcm", raw_file(name, {}, patient_id=("PADDED", " PADDED ")[number - 1], study=uid("study padded"),
                                              series=uid("series padded")), "PatientID with and without spaces: one patient")
    for number in (1, 2, 3):
        name = f"identity/series-of-three-{number}"
        ds = image.secondary(name)
        ds.InstanceNumber = number
        ds.ImagesInAcquisition = 3
        catalogue.add(name + ".dcm", file_of(ds), "a series that says it has three instances")
