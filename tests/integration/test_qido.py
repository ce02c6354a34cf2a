"""QIDO-RS against the real server: what viewers and dicomweb-client ask, compared with what pydicom wrote."""

import concurrent.futures
import io
import json
import xml.etree.ElementTree

import pydicom
import pydicom.uid
import pytest
from dicomweb_client.api import DICOMwebClient

from support.lightbox import Lightbox

ROOT = "/dicom-web"
JSON = {"Accept": "application/dicom+json"}
XML = {"Accept": 'multipart/related; type="application/dicom+xml"'}
OHIF_FIELDS = "00081030%2C00080060%2C00080090%2C00100030"


def make(study, series, number, **attributes):
    """An instance's bytes; UIDs are 2.25 and the numbers."""
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = attributes.pop("SpecificCharacterSet", "ISO_IR 192")
    dataset.SOPClassUID = pydicom.uid.MRImageStorage
    dataset.SOPInstanceUID = f"2.25.{study}.{series}.{number}"
    dataset.StudyInstanceUID = f"2.25.{study}"
    dataset.SeriesInstanceUID = f"2.25.{study}.{series}"
    dataset.InstanceNumber = number
    dataset.Rows, dataset.Columns, dataset.BitsAllocated = 2, 2, 8
    for name, value in attributes.items():
        setattr(dataset, name, value)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def request_item(step, code):
    protocol = pydicom.Dataset()
    protocol.CodeValue, protocol.CodingSchemeDesignator = code, "99X"
    item = pydicom.Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = step, f"R-{step}"
    item.ScheduledProtocolCodeSequence = [protocol]
    return item


STUDIES = {
    1: {"StudyDate": "20260105", "StudyTime": "235900", "PatientName": "Nguyễn^Văn An", "PatientID": "P1",
        "AccessionNumber": "A1", "StudyDescription": "KNEE left", "TimezoneOffsetFromUTC": "+0700", "PatientSex": "M"},
    2: {"StudyDate": "20260106", "StudyTime": "100000", "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう", "PatientID": "P2",
        "AccessionNumber": "A2", "StudyDescription": "Head, plain", "SpecificCharacterSet": ["", "ISO 2022 IR 87"]},
    3: {"StudyDate": "20260107", "StudyTime": "000100", "PatientName": "Doe^Jane", "PatientID": "P3", "AccessionNumber": "B3",
        "StudyDescription": "knee right", "ReferringPhysicianName": "Müller^Jürgen"},
}


@pytest.fixture(scope="module")
def server(binary, tmp_path_factory):
    server = Lightbox(tmp_path_factory.mktemp("qido"), binary=binary).start()
    for study, attributes in STUDIES.items():
        for number in (1, 2, 3):
            server.store(make(study, 1, number, Modality="MR", SeriesNumber=1, SeriesDescription="T1", **attributes,
                              RequestAttributesSequence=[request_item(f"S{study}", f"C{study}")],
                              PatientAge="042Y", ImageType=["ORIGINAL", "PRIMARY"]))
        if study == 1:
            server.store(make(study, 2, 1, Modality="SR", SeriesNumber=2, **attributes))
    yield server
    server.close()


@pytest.fixture
def client(server):
    return DICOMwebClient(server.url(ROOT))


def search(server, target, **options):
    answer = server.get(ROOT + target, headers={**JSON, **options})
    assert answer.status_code == 200, f"{target}: {answer.status_code} {answer.text[:300]}"
    assert answer.headers["Content-Type"] == "application/dicom+json"
    return answer.json()


def values(match, tag):
    return match[tag].get("Value")


def studies(server, query):
    """Numbers of the studies found, newest first."""
    return [int(values(match, "0020000D")[0].split(".")[-1]) for match in search(server, f"/studies?{query}")]


# --- what is found ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("query, expected", [
    ("", [3, 2, 1]),
    ("PatientID=P2", [2]),
    ("00100020=P2", [2]),
    ("AccessionNumber=*A*", [2, 1]),
    ("AccessionNumber=A?", [2, 1]),
    ("StudyDescription=*KNEE*", [3, 1]),
    ("StudyDescription=head, plain", [2]),
    ("PatientName=nguyen^van an", [1]),
    ("PatientName=nguyen*", [1]),
    ("PatientName=*GUYỄN*", [1]),
    ("PatientName=山田*", [2]),
    ("PatientName=やまだ^たろう", [2]),
    ("PatientName=yamada*", [2]),
    ("ReferringPhysicianName=muller*", [3]),
    ("fuzzymatching=true&PatientName=jane", [3]),
    ("fuzzymatching=true&PatientName=an nguy", [1]),
    ("fuzzymatching=false&PatientName=jane", []),
    ("ModalitiesInStudy=SR", [1]),
    ("ModalitiesInStudy=SR,MR", [3, 2, 1]),
    ("ModalitiesInStudy=SR\\XX", [1]),
    ("StudyDate=20260105-20260106", [2, 1]),
    ("StudyDate=20260106-", [3, 2]),
    ("StudyDate=-20260105", [1]),
    ("StudyDate=20260106", [2]),
    ("StudyDate=202601*", [3, 2, 1]),
    ("StudyDate=20260105,20260107", [3, 1]),
    ("StudyTime=0800-1200", [2]),
    ("StudyDate=20260105-20260107&StudyTime=2300-0030", [3, 2, 1]),  # one range of moments
    ("StudyDate=20260105-20260107&StudyTime=2300-0000", [2, 1]),
    ("StudyInstanceUID=2.25.1,2.25.3", [3, 1]),
    ("StudyInstanceUID=2.25.1\\2.25.3", [3, 1]),
    ("StudyInstanceUID=2.25.1&StudyInstanceUID=2.25.3", [3, 1]),
    ("PatientName=*&PatientSex=", [3, 2, 1]),
    ("PatientSex=M", [1]),
    ("RequestAttributesSequence.ScheduledProcedureStepID=S2", [2]),
    ("00400275.00400008.00080100=C3", [3]),
    ("PatientAge=042Y&PatientID=P1", [1]),
    ("NumberOfStudyRelatedInstances=4", [1]),
    ("Modality=SR", [1]),
])
def test_studies_are_found(server, query, expected):
    assert studies(server, query) == expected


def test_dates_are_compared_in_the_zone_asked_for(server):
    """Study 1 was at 23:59 in +0700, which is 16:59 of the same day in UTC."""
    assert studies(server, "PatientID=P1&TimezoneOffsetFromUTC=%2B0000&StudyDate=20260105-20260105&StudyTime=1600-1700") == [1]
    assert studies(server, "PatientID=P1&TimezoneOffsetFromUTC=%2B0000&StudyDate=20260105-20260105&StudyTime=2300-2359") == []


@pytest.mark.parametrize("query, word", [
    ("StudyDate=2026-01-01", "StudyDate"), ("StudyTime=ten", "StudyTime"), ("limit=-1", "limit"), ("limit=1&limit=2", "limit"),
    ("offset=x", "offset"), ("fuzzymatching=maybe", "fuzzymatching"), ("RequestAttributesSequence=1", "RequestAttributesSequence"),
    ("cursor=zzz", "cursor"), ("TimezoneOffsetFromUTC=7", "TimezoneOffsetFromUTC"), ("PixelData=1", "PixelData"),
])
def test_what_means_nothing_is_a_bad_request(server, query, word):
    answer = server.get(f"{ROOT}/studies?{query}", headers=JSON)
    assert answer.status_code == 400
    assert word in answer.json()["Message"]


def test_a_list_of_a_thousand_uids_is_one_search(server):
    uids = ",".join(["2.25.3"] + [f"2.25.999.{number}" for number in range(1000)])
    assert studies(server, f"StudyInstanceUID={uids}") == [3]


# --- what is shown ------------------------------------------------------------------------------------------------

def test_names_have_their_three_groups(server):
    match, = search(server, "/studies?PatientID=P2")
    assert values(match, "00100010") == [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}]
    assert values(match, "00080005") == ["ISO_IR 192"]


def test_counts_modalities_and_availability(server):
    match, = search(server, "/studies?PatientID=P1&includefield=SOPClassesInStudy,NumberOfPatientRelatedStudies")
    assert sorted(values(match, "00080061")) == ["MR", "SR"]
    assert values(match, "00201206") == [2] and values(match, "00201208") == [4]
    assert values(match, "00201200") == [1]
    assert values(match, "00080062") == [pydicom.uid.MRImageStorage]
    assert values(match, "00080056") == ["ONLINE"]
    assert match["00080090"] == {"vr": "PN"}  # required, and not known


def test_every_level_shows_what_the_standard_requires(server):
    study = search(server, "/studies?PatientID=P1")[0]
    series = search(server, "/studies/2.25.1/series")[0]
    instance = search(server, "/studies/2.25.1/series/2.25.1.1/instances")[0]
    assert study.keys() >= {"00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "00080201", "00081190", "00100010",
                            "00100020", "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208"}
    assert series.keys() >= {"00080060", "00080201", "0008103E", "00081190", "0020000E", "00200011", "00201209", "00400275"}
    assert instance.keys() >= {"00080016", "00080018", "00080056", "00080201", "00081190", "00200013", "00280010", "00280011", "00280100"}
    study = study.keys() - {"00080201"}  # not of the newest study, which has none
    assert search(server, "/series")[0].keys() >= study | {"00201209"}
    assert search(server, "/instances")[0].keys() >= study | {"00201209", "00280010"}
    item, = values(series, "00400275")
    assert item == {"00400009": {"vr": "SH", "Value": ["S1"]}, "00401001": {"vr": "SH", "Value": ["R-S1"]}}


def test_all_of_an_instance_is_its_metadata(server):
    match, = search(server, "/instances?SOPInstanceUID=2.25.1.1.1&includefield=all")
    metadata, = server.json(f"{ROOT}/studies/2.25.1/series/2.25.1.1/instances/2.25.1.1.1/metadata")
    assert {tag: match[tag] for tag in metadata} == metadata


def test_parts_of_sequences_can_be_asked_for(server):
    match, = search(server, "/instances?SOPInstanceUID=2.25.1.1.1&includefield=00400275.00400008.CodeValue")
    item, = values(match, "00400275")
    assert item == {"00400008": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["C1"]}}]}}


def test_tags_rise(server):
    for target in ("/studies?includefield=all", "/series?includefield=all", "/instances?includefield=all"):
        for match in search(server, target):
            assert list(match) == sorted(match)


def test_xml_says_what_json_says(server):
    answer = server.get(f"{ROOT}/studies?includefield=all", headers=XML)
    assert answer.headers["Content-Type"].startswith('multipart/related; type="application/dicom+xml"; boundary=')
    boundary = answer.headers["Content-Type"].split("boundary=")[1]
    parts = answer.content.split(f"--{boundary}".encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n"
    roots = [xml.etree.ElementTree.fromstring(part.split(b"\r\n\r\n", 1)[1]) for part in parts[1:-1]]
    matches = search(server, "/studies?includefield=all")
    assert [[attribute.get("tag") for attribute in root] for root in roots] == [list(match) for match in matches]
    assert "山田" in answer.text


def test_xml_without_matches_has_no_content(server):
    assert server.get(f"{ROOT}/studies?PatientID=nobody", headers=XML).status_code == 204


# --- pages --------------------------------------------------------------------------------------------------------

def test_links_lead_through_all_matches(server):
    target, seen = f"{ROOT}/instances?limit=3", []
    while target:
        answer = server.get(target, headers=JSON)
        assert answer.headers["X-Total-Count"] == "10"
        seen += [values(match, "00080018")[0] for match in answer.json()]
        assert ("Warning" in answer.headers) == ("next" in answer.links)
        target = answer.links["next"]["url"].removeprefix(server.url("")) if "next" in answer.links else None
    assert len(seen) == len(set(seen)) == 10


def test_a_cut_answer_says_how_many_are_left(server):
    answer = server.get(f"{ROOT}/studies?limit=1&offset=1", headers=JSON)
    assert answer.headers["Warning"] == f"299 {server.url(ROOT)}: There are 1 additional results that can be requested"


def test_pages_hold_still_while_studies_come(make_lightbox):
    server = make_lightbox()
    for number in range(1, 5):
        server.store(make(number, 1, 1, StudyDate=f"2026010{number}", PatientID="P"))
    first = server.get(f"{ROOT}/studies?limit=2", headers=JSON)
    server.store(make(9, 1, 1, StudyDate="20260109", PatientID="P"))  # newer than all
    rest = server.get(first.links["next"]["url"].removeprefix(server.url("")), headers=JSON)
    seen = [values(match, "0020000D")[0] for answer in (first, rest) for match in answer.json()]
    assert seen == ["2.25.4", "2.25.3", "2.25.2", "2.25.1"]


def test_links_and_urls_are_those_of_the_proxy(server):
    answer = server.get(f"{ROOT}/studies?limit=1", headers={**JSON, "Forwarded": "proto=https;host=pacs.example.org:8443"})
    assert values(answer.json()[0], "00081190") == ["https://pacs.example.org:8443/dicom-web/studies/2.25.3"]
    assert answer.links["next"]["url"].startswith("https://pacs.example.org:8443/dicom-web/studies?limit=1&cursor=")


# --- clients ------------------------------------------------------------------------------------------------------

def test_ohif_opens_its_list_and_a_study(server):
    """The requests of OHIF 3.13, in the order seen."""
    listed = f"/studies?limit=101&offset=0&fuzzymatching=false&includefield={OHIF_FIELDS}"
    for match in search(server, listed):
        assert match.keys() >= {"00080020", "00080030", "00080050", "00080061", "00080090", "00081030", "00100010", "00100020",
                                "00100030", "0020000D", "00201206", "00201208"}
    assert len(search(server, f"{listed}&PatientName=*YAM*")) == 1
    assert len(search(server, f"{listed}&StudyDescription=*knee*&AccessionNumber=*A1*&ModalitiesInStudy=MR")) == 1
    assert len(search(server, f"{listed}&StudyDate=20260101-20260106")) == 2
    assert len(search(server, f"{listed}&StudyInstanceUID=2.25.1")) == 1
    series = search(server, "/studies/2.25.1/series?includefield=00080021%2C00080031%2C0008103E%2C00200011")
    assert [(values(match, "00080060"), values(match, "00200011"), values(match, "00201209")) for match in series] \
        == [(["MR"], [1], [3]), (["SR"], [2], [1])]
    assert len(search(server, f"/studies?00100020=P1&limit=101&offset=0&fuzzymatching=false&includefield={OHIF_FIELDS}")) == 1


def test_weasis_sends_an_empty_key(server):
    assert len(search(server, "/studies?&includefield=")) == 3


def test_dicomweb_client_searches(client):
    found = client.search_for_studies(fuzzymatching=True, fields=["StudyDescription", "00080090"],
                                      search_filters={"PatientName": "doe"})
    assert [match["0020000D"]["Value"] for match in found] == [["2.25.3"]]
    assert len(client.search_for_studies(limit=2, get_remaining=True)) == 3
    assert len(client.search_for_studies(offset=2)) == 1
    assert len(client.search_for_series("2.25.1")) == 2
    assert len(client.search_for_series(search_filters={"Modality": "SR"})) == 1
    assert len(client.search_for_instances("2.25.1", "2.25.1.1")) == 3
    assert len(client.search_for_instances("2.25.1", search_filters={"InstanceNumber": 1})) == 2
    assert client.search_for_instances(search_filters={"SOPInstanceUID": "1.2.3"}) == []
    dataset = pydicom.Dataset.from_json(json.dumps(client.search_for_studies(search_filters={"PatientID": "P1"})[0]))
    assert str(dataset.PatientName) == "Nguyễn^Văn An" and dataset.NumberOfStudyRelatedInstances == 4


def test_unknown_parameters_are_warned_about(server):
    answer = server.get(f"{ROOT}/studies?_=17&PatientNam=x", headers=JSON)
    assert len(answer.json()) == 3
    assert "Parameters that name no attribute" in answer.headers["Warning"]


def test_strict_is_as_the_standard_says(make_lightbox):
    server = make_lightbox({"Compat": "strict"})
    assert server.get(f"{ROOT}/studies", headers=JSON).status_code == 204
    assert server.get(f"{ROOT}/studies?PatientNam=x", headers=JSON).status_code == 400


def test_searches_at_once_are_all_answered(server):
    def ask(number):
        return len(server.get(f"{ROOT}/instances?includefield=all&x={number}", headers=JSON).json())
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(64))) == [10] * 64


def test_a_study_under_two_patients_has_a_line_for_each(make_lightbox):
    server = make_lightbox()
    server.store(make(1, 1, 1, PatientID="P1"))
    server.store(make(1, 2, 1, PatientID="P2"))
    assert len(search(server, "/studies?StudyInstanceUID=2.25.1")) == 2
    assert len(search(server, "/studies?PatientID=P2")) == 1
    assert len(search(server, "/studies/2.25.1/series")) == 2


def test_no_names_in_the_log(server):
    server.get(f"{ROOT}/studies?PatientName=Nguy*&StudyDate=x", headers=JSON)
    text = server.log.read_text(errors="replace")
    assert "Nguy" not in text and "P1" not in text
