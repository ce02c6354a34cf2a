"""REST as a client of Orthanc sees it: the same files in Debian's Orthanc 1.10.1 and in Lightbox, the same questions, the same answers.

We stand for Orthanc 1.13 (ApiVersion 31), so some answers differ; every such difference is named here with its reason.
"""

import contextlib

import pytest

from conftest import beside_orthanc, require
from support import orthanc, samples

pytestmark = pytest.mark.sanitize

# A little of everything that both read (test_roundtrip.py has them all).
KINDS = ("native", "documents", "structure", "identity", "seg", "enhanced", "sample", "meta", "charset", "fragments", "encapsulated")
LEFT_OUT = (
    "structure/nested-64",              # 64 nested sequences: Orthanc 1.10.1 dies of them
    "meta/says-",                       # declared in a syntax they are not in: Orthanc refuses, we look
    "identity/padded-patient-id-2.dcm", # test_id_of_a_patient_id_with_spaces_in_front has it
)

# Keys 1.13 has and 1.10.1 has not, by type of resource.
NEWER_KEYS = {"Patient": {"IsProtected", "Labels"}, "Study": {"Labels"}, "Series": {"Labels"}, "Instance": {"Labels"}}
OWN_VALUES = {"LastUpdate", "FileUuid"}  # each server's own

# Main tags added after 1.10.1 (1.12.5): shown by us where the object has them.
NEWER_TAGS = {"TimezoneOffsetFromUTC", "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime", "RequestAttributesSequence"}

# All keys of /system in 1.10.1.
SYSTEM_OF_1_10 = {"ApiVersion", "CheckRevisions", "DatabaseBackendPlugin", "DatabaseVersion", "DicomAet", "DicomPort", "HttpPort",
                  "IsHttpServerSecure", "Name", "PluginsEnabled", "StorageAreaPlugin", "Version"}


class Pair:
    """Both servers with the same objects in the same order, and what each answered to the POST."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.replies = {}  # sample name -> (our reply, their reply)

    def fill(self, chosen):
        for sample in chosen:
            data = sample.bytes()
            self.replies[sample.name] = (self.ours.post("/instances", data), self.theirs.post("/instances", data))

    def stored(self):
        """Names and ids of what both took."""
        return {name: reply.json()["ID"] for name, (reply, other) in self.replies.items() if reply.status_code == other.status_code == 200}

    def both(self, path):
        ours, theirs = self.ours.get(path), self.theirs.get(path)
        assert (ours.status_code, theirs.status_code) == (200, 200), f"{path}: {ours.status_code} {theirs.status_code} {ours.text[:300]}"
        return ours.json(), theirs.json()


@pytest.fixture(scope="module")
def pair(binary, generated_dicom, tmp_path_factory):
    with beside_orthanc(tmp_path_factory.mktemp("pair"), binary) as (ours, theirs):
        made = Pair(ours, theirs)
        made.fill(sample for sample in samples.generated() if sample.kind in KINDS and sample.expect == "stored" and not sample.name.startswith(LEFT_OUT))
        yield made


def normal(resource):
    """A resource without what is each server's own or younger than 1.10.1, values without spaces in front, lists of children in order."""
    kind = resource["Type"]
    kept = {key: value for key, value in resource.items() if key not in OWN_VALUES and key not in NEWER_KEYS[kind]}
    for tags in ("MainDicomTags", "PatientMainDicomTags"):
        if tags in kept:
            kept[tags] = {key: value.strip() for key, value in kept[tags].items() if key not in NEWER_TAGS}
    kept.get("PatientMainDicomTags", {}).pop("PatientName", None)  # test_patient_name_of_a_study_is_its_own
    for children in ("Studies", "Series", "Instances"):
        if children in kept:
            kept[children] = sorted(kept[children])
    if str(kept.get("IndexInSeries", "")).startswith("-"):  # Instance Number -7: no index to us
        kept["IndexInSeries"] = None
    return kept


def test_upload_replies_are_equal(pair):
    differing = {name: (ours.json(), theirs.json()) for name, (ours, theirs) in pair.replies.items()
                 if theirs.status_code == 200 and ours.status_code == 200 and ours.json() != theirs.json()}
    assert not differing
    assert len(pair.stored()) > 150


@pytest.mark.parametrize("level", ["patients", "studies", "series", "instances"])
def test_lists_have_the_same_ids(pair, level):
    ours, theirs = pair.both(f"/{level}")
    assert sorted(ours) == sorted(theirs)


@pytest.mark.parametrize("level", ["patients", "studies", "series", "instances"])
def test_resources_are_equal(pair, level):
    ours, theirs = pair.both(f"/{level}?expand")
    ours, theirs = ({resource["ID"]: normal(resource) for resource in answer} for answer in (ours, theirs))
    differing = [(ours[key], theirs[key]) for key in theirs if ours[key] != theirs[key]]
    assert not differing, f"{len(differing)} of {len(theirs)}; the first: {differing[0]}"
    assert pair.ours.json(f"/{level}/{next(iter(ours))}")["ID"] == next(iter(ours))


@pytest.mark.parametrize("path", ["/patients/{patient}/studies", "/patients/{patient}/series", "/patients/{patient}/instances",
                                  "/studies/{study}/series", "/studies/{study}/instances", "/series/{series}/instances"])
def test_children_are_equal(pair, path):
    ours, theirs = pair.both(path.format(**ids_of(pair, "sample/slice-01.dcm")))
    by_id = [sorted((normal(resource) for resource in answer), key=lambda resource: resource["ID"]) for answer in (ours, theirs)]
    assert by_id[0] == by_id[1]


@pytest.mark.parametrize("path", ["/instances/{instance}/series", "/instances/{instance}/study", "/instances/{instance}/patient",
                                  "/series/{series}/study", "/series/{series}/patient", "/studies/{study}/patient"])
def test_parents_are_equal(pair, path):
    ours, theirs = pair.both(path.format(**ids_of(pair, "sample/slice-01.dcm")))
    assert normal(ours) == normal(theirs)


def ids_of(pair, name):
    reply = pair.replies[name][0].json()
    return {"instance": reply["ID"], "series": reply["ParentSeries"], "study": reply["ParentStudy"], "patient": reply["ParentPatient"]}


def test_changes_tell_the_same_story(pair):
    ours, theirs = pair.both("/changes?limit=100000")
    story = [[(change["ChangeType"], change["ResourceType"], change["ID"], change["Path"]) for change in answer["Changes"]]
             for answer in (ours, theirs)]
    assert story[0] == story[1]
    assert set(theirs) <= set(ours)
    assert set(ours["Changes"][0]) == set(theirs["Changes"][0])
    assert len(ours["Changes"][0]["Date"]) == len(theirs["Changes"][0]["Date"])


def test_changes_page_alike(pair):
    for query in ("?limit=3", "?since=5&limit=2", "?last", "?since=100000"):
        ours, theirs = pair.both(f"/changes{query}")
        assert (len(ours["Changes"]), ours["Done"]) == (len(theirs["Changes"]), theirs["Done"]), query


def statistics(answer):
    """Without the size on disk: we keep deflated objects inflated as well."""
    return {key: value for key, value in answer.items() if key not in ("TotalDiskSize", "TotalDiskSizeMB")}


def test_statistics_are_equal(pair):
    ours, theirs = pair.both("/statistics")
    assert statistics(ours) == statistics(theirs)
    assert set(ours) == set(theirs)


def test_system_has_the_keys_of_old_and_their_values(pair):
    ours, theirs = pair.both("/system")
    assert SYSTEM_OF_1_10 == set(theirs), "Debian's Orthanc is not the one this list was made with"
    assert SYSTEM_OF_1_10 <= set(ours)
    for key in ("CheckRevisions", "DatabaseBackendPlugin", "IsHttpServerSecure", "Name", "StorageAreaPlugin"):
        assert ours[key] == theirs[key], key
    assert {key: type(ours[key]) for key in theirs} == {key: type(theirs[key]) for key in theirs}
    assert ours["ApiVersion"] >= theirs["ApiVersion"]


@pytest.mark.parametrize("method, path", [
    ("GET", "/no-such-route"), ("GET", "/instances/no-such-id"), ("GET", "/patients/00000000-00000000-00000000-00000000-00000000"),
    ("GET", "/studies/00000000-00000000-00000000-00000000-00000000/series"), ("GET", "/instances/00000000-00000000-00000000-00000000-00000000/file"),
    ("DELETE", "/series/00000000-00000000-00000000-00000000-00000000"), ("POST", "/patients"), ("PUT", "/instances"), ("DELETE", "/system"), ("POST", "/instances")])
def test_errors_are_alike(pair, method, path):
    ours, theirs = (server.request(method, path) for server in (pair.ours, pair.theirs))
    assert ours.status_code == theirs.status_code, f"{ours.text} / {theirs.text}"
    allowed = ours.headers.get("Allow", "").replace(" ", "").split(",")
    assert [method for method in allowed if method not in ("HEAD", "OPTIONS")] == theirs.headers.get("Allow", "").split(",")  # these we answer
    if theirs.content:
        told, wanted = ours.json(), theirs.json()
        assert set(wanted) - {"Details"} <= set(told)
        for key in ("HttpError", "HttpStatus", "Method", "Message", "OrthancError", "OrthancStatus", "Uri"):
            assert told[key] == wanted[key], key


@pytest.mark.parametrize("body", [b"hello", b""])
def test_what_is_no_dicom_is_refused_alike(pair, body):
    ours, theirs = pair.ours.post("/instances", body), pair.theirs.post("/instances", body)
    assert ours.status_code == theirs.status_code == 400
    assert (ours.json()["OrthancStatus"], ours.json()["OrthancError"]) == (theirs.json()["OrthancStatus"], theirs.json()["OrthancError"])


def test_second_upload_is_already_stored(pair):
    data = next(sample for sample in samples.generated() if sample.name == "native/explicit-8bit.dcm").bytes()
    ours, theirs = pair.ours.post("/instances", data), pair.theirs.post("/instances", data)
    assert ours.status_code == theirs.status_code == 200
    assert ours.json() == theirs.json() and ours.json()["Status"] == "AlreadyStored"


def test_same_series_status_when_complete(pair):
    """Three of three instances: Complete, with the number expected."""
    ours, theirs = pair.both("/series/" + ids_of(pair, "identity/series-of-three-1.dcm")["series"])
    assert (ours["Status"], ours["ExpectedNumberOfInstances"]) == (theirs["Status"], theirs["ExpectedNumberOfInstances"])


def test_zz_deletion_leaves_the_same_ancestors(pair):
    """Last, because it takes objects away: one of two slices, then the series, then the study."""
    ids = ids_of(pair, "sample/slice-01.dcm")
    for path in (f"/instances/{ids['instance']}", f"/series/{ids['series']}"):
        ours, theirs = pair.ours.delete(path), pair.theirs.delete(path)
        assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json()), path
        assert pair.ours.get(path).status_code == pair.theirs.get(path).status_code == 404
    test_statistics_are_equal(pair)
    test_changes_tell_the_same_story(pair)


def test_patient_name_of_a_study_is_its_own(pair):
    """One PatientID, another name in each of two studies."""
    ours, theirs = pair.both("/studies/" + ids_of(pair, "structure/markup.dcm")["study"])
    assert ours["PatientMainDicomTags"] == theirs["PatientMainDicomTags"]


def test_id_of_a_patient_id_with_spaces_in_front(pair):
    data = next(sample for sample in samples.generated() if sample.name == "identity/padded-patient-id-2.dcm").bytes()
    replies = [server.post("/instances", data).json() for server in (pair.ours, pair.theirs)]
    for server, reply in zip((pair.ours, pair.theirs), replies):
        server.delete("/instances/" + reply["ID"])
    assert replies[0]["ID"] == replies[1]["ID"]


# --- Answers of 1.13 that Debian's Orthanc does not know ---

def test_newer_keys_are_there(lightbox, generated_dicom):
    reply = lightbox.store((generated_dicom / "sample" / "slice-01.dcm").read_bytes())
    assert lightbox.json(f"/patients/{reply['ParentPatient']}")["IsProtected"] is False
    for path in ("patients/" + reply["ParentPatient"], "studies/" + reply["ParentStudy"], "series/" + reply["ParentSeries"], "instances/" + reply["ID"]):
        assert lightbox.json(f"/{path}")["Labels"] == []
    changes = lightbox.json("/changes")
    assert changes["First"] == changes["Changes"][0]["Seq"]


def test_children_by_id_when_not_expanded(lightbox, generated_dicom):
    """1.10.1 has no expand=false there; 1.13 and Orthanc Explorer 2 do."""
    reply = lightbox.store((generated_dicom / "sample" / "slice-01.dcm").read_bytes())
    assert lightbox.json(f"/studies/{reply['ParentStudy']}/instances?expand=false") == [reply["ID"]]


def test_system_says_what_it_stands_for(lightbox):
    system = lightbox.json("/system")
    assert system["ApiVersion"] == 31
    assert system["OverwriteInstances"] is False and system["OverwriteInstancesMode"] == "Never"
    assert system["MainDicomTags"] and system["HasLabels"] is False
    assert set(system["Capabilities"]) >= {"HasExtendedChanges", "HasExtendedFind"}


@pytest.mark.parametrize("settings, secure", [
    ({"RemoteAccessAllowed": False, "AuthenticationEnabled": False}, True),
    ({"RemoteAccessAllowed": True, "AuthenticationEnabled": False}, False),
    ({"RemoteAccessAllowed": True, "AuthenticationEnabled": True, "RegisteredUsers": {"someone": "secret"}}, True)])
def test_open_to_strangers_is_not_called_secure(make_lightbox, tmp_path, settings, secure):
    require(orthanc.PROGRAM, "Orthanc")
    with contextlib.closing(orthanc.Orthanc(tmp_path / "theirs", settings)) as theirs:
        theirs.start(user=("someone", "secret"))
        for server in (make_lightbox(settings), theirs):
            assert server.get("/system", auth=("someone", "secret")).json()["IsHttpServerSecure"] is secure


def test_signature_has_the_configured_tags(make_lightbox):
    plain = make_lightbox().json("/system")["MainDicomTags"]
    extra = make_lightbox({"ExtraMainDicomTags": {"Patient": ["PatientAge", "0008,0005"], "Series": ["Rows"]}}).json("/system")["MainDicomTags"]
    assert plain["Patient"] == "0010,0010;0010,0020;0010,0030;0010,0040;0010,1000"
    assert extra["Patient"] == "0008,0005;" + plain["Patient"] + ";0010,1010"
    assert "0028,0010" in extra["Series"].split(";") and extra["Study"] == plain["Study"]


def test_errors_forbid_sniffing(lightbox):
    assert lightbox.get("/no-such-route").headers["X-Content-Type-Options"] == "nosniff"


def test_stable_study_is_told_of(make_lightbox, generated_dicom):
    from support.process import eventually
    server = make_lightbox({"StableAge": 1})
    reply = server.store((generated_dicom / "native" / "explicit-8bit.dcm").read_bytes())
    eventually(lambda: server.json(f"/studies/{reply['ParentStudy']}")["IsStable"], "the study to be stable")
    kinds = [change["ChangeType"] for change in server.json("/changes")["Changes"]]
    assert {"StablePatient", "StableStudy", "StableSeries"} <= set(kinds)
    events = server.index().rows("SELECT type FROM outbox ORDER BY id")
    assert events == [("study.received",), ("study.arrived",)]
