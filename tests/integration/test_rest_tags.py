"""Every file that Debian's Orthanc and Lightbox both take: the same tags, or a difference that support/tags.py has a reason for."""

import pytest

from conftest import beside_orthanc
from support import samples
from support.tags import by_name, by_tag, differences, explain

pytestmark = pytest.mark.sanitize

LEFT_OUT = ("structure/nested-64",)  # 64 nested sequences: Orthanc 1.10.1 dies of them

# Stored by both under other ids: PatientID was sent as UN. Orthanc then takes the padding into the id, we do not.
UNKNOWN_PATIENT_ID = ("malformed/explicit_VR-UN.dcm", "rt/rtdose_rle.dcm", "transfer-syntax/ct-one-image/CTImage.dcm_JPEG")


@pytest.fixture(scope="module")
def servers(binary, generated_dicom, tmp_path_factory):
    with beside_orthanc(tmp_path_factory.mktemp("tags"), binary) as both:
        yield both


@pytest.fixture(scope="module")
def stored(servers):
    """Name and id of each file that both have taken."""
    ours, theirs = servers
    found = {}
    for sample in samples.generated() + samples.shared():
        if sample.name.startswith(LEFT_OUT) or sample.expect == "refused":
            continue
        replies = [server.post("/instances", sample.bytes()) for server in (ours, theirs)]
        if any(reply.status_code != 200 for reply in replies):
            continue
        ids = [reply.json()["ID"] for reply in replies]
        if ids[0] != ids[1]:
            assert sample.name.startswith(UNKNOWN_PATIENT_ID), sample.name
            continue
        found[sample.name] = ids[0]
    assert len(found) > 250
    return found


def test_tags_of_every_file_are_orthancs(servers, stored):
    unexplained = []
    for name, identifier in stored.items():
        ours, theirs = (server.get(f"/instances/{identifier}/tags").json() for server in servers)
        unexplained += [f"{name}{path}: {one!r}, Orthanc {other!r}" for path, one, other in differences(ours, theirs)
                        if explain(name, path, one, other) is None]
    assert not unexplained, f"{len(unexplained)} differences:\n" + "\n".join(unexplained[:100])


@pytest.mark.parametrize("route, form", [("simplified-tags", by_name), ("tags?simplify", by_name), ("tags?short", by_tag)])
def test_short_forms_are_the_tags_by_name_or_number(servers, stored, route, form):
    """In both servers, so that what is equal in one form is in the others. By name nothing else can be compared: vendors' names, which
    only Orthanc knows, may fall on the standard's."""
    differing = []
    for name, identifier in stored.items():
        for server in servers if "?" not in route or name.startswith("structure/") else ():
            tags, short = (server.get(f"/instances/{identifier}/{route}").json() for route in ("tags", route))
            if form(tags) != short:
                differing.append(f"{type(server).__name__} {name}")
    assert not differing, "\n".join(differing)
