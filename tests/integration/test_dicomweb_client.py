"""dicomweb-client, the Python library that others build on, through every transaction; what it brings is compared with pydicom's reading of the same files."""

import copy
import warnings

import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.encaps import generate_frames
from pydicom.uid import generate_uid
from support import samples
from support.lightbox import Lightbox

CHOSEN = ("sample/*", "native/explicit-*", "native/rgb-planar0", "encapsulated/j2k-lossless*", "encapsulated/jpeg-ls", "encapsulated/rle-16-3frames",
          "encapsulated/jpeg-baseline-3frames", "encapsulated/htj2k-lossless", "documents/pdf", "documents/sr", "documents/rtstruct", "enhanced/mr-24",
          "frames/native-300", "charset/utf8-vietnamese", "charset/iso2022-kanji", "identity/series-of-three-*", "structure/bulk-values")
AS_STORED = (("application/dicom", "*"),)
LEVELS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path)


@pytest.fixture(scope="module")
def files(generated_dicom):
    """The files that are stored, read: path -> data set."""
    found = [path for pattern in CHOSEN for path in sorted(generated_dicom.glob(pattern + ".dcm"))]
    assert len(found) >= len(CHOSEN)
    return {path: read(path) for path in found}


@pytest.fixture(scope="module")
def server(binary, files, tmp_path_factory):
    archive = Lightbox(tmp_path_factory.mktemp("client"), binary=binary).start()
    for path in files:
        archive.store(path.read_bytes())
    yield archive
    archive.close()


def client_of(archive):
    return DICOMwebClient(archive.url("/dicom-web"))


@pytest.fixture
def client(server):
    yield client_of(server)
    server.require_alive()


def ids(ds):
    return tuple(str(ds[level].value) for level in LEVELS)


def values(matches, keyword):
    """The values of one attribute in a search's answer, sorted."""
    return sorted(str(pydicom.Dataset.from_json(match).get(keyword, "")) for match in matches)


def of_study(files, study):
    return [ds for ds in files.values() if ds.StudyInstanceUID == study]


# --- search ---

SEARCHES = {
    "patient id": ({"PatientID": "PHANTOM-001"}, lambda ds: ds.PatientID == "PHANTOM-001"),
    "accession number": ({"AccessionNumber": "A20240229-01"}, lambda ds: ds.get("AccessionNumber") == "A20240229-01"),
    "name, first letters": ({"PatientName": "Phantom*"}, lambda ds: str(ds.PatientName).startswith("Phantom")),
    "name, without marks": ({"PatientName": "nguyen*"}, lambda ds: str(ds.PatientName).startswith("Nguyễn")),
    "name, inside": ({"PatientName": "*Minh*"}, lambda ds: "Minh" in str(ds.PatientName)),
    "one letter unknown": ({"PatientID": "PHANTOM-00?"}, lambda ds: ds.PatientID == "PHANTOM-001"),
    "a day": ({"StudyDate": "20240229"}, lambda ds: ds.get("StudyDate") == "20240229"),
    "a range of days": ({"StudyDate": "20240201-20240301"}, lambda ds: "20240201" <= ds.get("StudyDate", "") <= "20240301"),
    "up to a day": ({"StudyDate": "-20240101"}, lambda ds: "0" < ds.get("StudyDate", "") <= "20240101"),
    "a modality": ({"ModalitiesInStudy": "CT"}, lambda ds: ds.Modality == "CT"),
    "two conditions": ({"ModalitiesInStudy": "CT", "PatientID": "PHANTOM-001"}, lambda ds: ds.Modality == "CT" and ds.PatientID == "PHANTOM-001"),
    "nothing": ({"PatientID": "NOBODY"}, lambda ds: False),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_studies_are_found(client, files, name):
    filters, matches = SEARCHES[name]
    found = client.search_for_studies(search_filters=filters)
    assert values(found, "StudyInstanceUID") == sorted({ds.StudyInstanceUID for ds in files.values() if matches(ds)})


def test_a_study_found_is_described(client, files):
    some = next(ds for path, ds in files.items() if path.parent.name == "sample")
    study = of_study(files, some.StudyInstanceUID)
    found, = client.search_for_studies(search_filters={"StudyInstanceUID": some.StudyInstanceUID}, fields=["StudyDescription"])
    match = pydicom.Dataset.from_json(found)
    for keyword in ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate",
                    "PatientSex", "StudyID", "StudyInstanceUID", "StudyDescription"):
        assert match.get(keyword) == some.get(keyword), keyword
    assert match.ModalitiesInStudy == "CT"
    assert match.NumberOfStudyRelatedSeries == len({ds.SeriesInstanceUID for ds in study})
    assert match.NumberOfStudyRelatedInstances == len(study)
    assert match.InstanceAvailability == "ONLINE"
    assert match.RetrieveURL.endswith(f"/dicom-web/studies/{some.StudyInstanceUID}")  # its host is the client's, which leaves out the port


def test_several_studies_by_a_list_of_uids(client, files):
    studies = sorted({ds.StudyInstanceUID for ds in files.values()})[:3]
    for separator in (",", "\\"):
        found = client.search_for_studies(search_filters={"StudyInstanceUID": separator.join(studies)})
        assert values(found, "StudyInstanceUID") == studies


def test_names_are_found_fuzzily_or_with_a_warning(client):
    found = client.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "phantom"})
    assert values(found, "PatientID") == ["PHANTOM-001"]


def test_pages_add_up_to_the_whole(client, files):
    everything = values(client.search_for_studies(), "StudyInstanceUID")
    assert everything == sorted({ds.StudyInstanceUID for ds in files.values()})
    pages = []
    while page := client.search_for_studies(limit=2, offset=len(pages)):
        assert len(page) <= 2
        pages += page
    assert values(pages, "StudyInstanceUID") == everything
    assert values(client.search_for_studies(limit=3, get_remaining=True), "StudyInstanceUID") == everything


def test_series_are_found_below_a_study_and_everywhere(client, files):
    study = next(ds.StudyInstanceUID for path, ds in files.items() if path.parent.name == "documents")
    below = client.search_for_series(study)
    assert values(below, "SeriesInstanceUID") == sorted({ds.SeriesInstanceUID for ds in of_study(files, study)})
    everywhere = client.search_for_series(search_filters={"Modality": "SR"})
    assert values(everywhere, "SeriesInstanceUID") == sorted({ds.SeriesInstanceUID for ds in files.values() if ds.Modality == "SR"})
    some = pydicom.Dataset.from_json(everywhere[0])
    assert some.StudyInstanceUID == study and some.NumberOfSeriesRelatedInstances == 1


def test_instances_are_found_at_every_level(client, files):
    some = next(ds for path, ds in files.items() if path.parent.name == "sample")
    study, series, instance = ids(some)
    all_of = sorted(ds.SOPInstanceUID for ds in files.values() if ds.SeriesInstanceUID == series)
    assert values(client.search_for_instances(study, series), "SOPInstanceUID") == all_of
    assert values(client.search_for_instances(study), "SOPInstanceUID") == sorted(ds.SOPInstanceUID for ds in of_study(files, study))
    found, = client.search_for_instances(search_filters={"SOPInstanceUID": instance}, fields=["Rows", "ImagePositionPatient"])
    match = pydicom.Dataset.from_json(found)
    for keyword in ("SOPClassUID", "InstanceNumber", "Rows", "ImagePositionPatient", *LEVELS):
        assert match.get(keyword) == some.get(keyword), keyword
    assert len(client.search_for_instances(search_filters={"InstanceNumber": "1", "SeriesInstanceUID": series})) == 1


# --- retrieve ---

def require_same(got, wanted):
    """Every element, and the syntax they are written in."""
    assert got.file_meta.TransferSyntaxUID == wanted.file_meta.TransferSyntaxUID
    assert got == wanted


def by_uid(files):
    return {ds.SOPInstanceUID: ds for ds in files.values()}


def test_instances_come_as_they_were_stored(client, files):
    for ds in files.values():
        require_same(client.retrieve_instance(*ids(ds), media_types=AS_STORED), ds)


def test_a_series_and_a_study_come_whole(client, files):
    known = by_uid(files)
    study, series, _ = ids(next(ds for path, ds in files.items() if path.parent.name == "sample"))
    for got in (client.retrieve_series(study, series, media_types=AS_STORED), list(client.iter_series(study, series, media_types=AS_STORED)),
                client.retrieve_study(study, media_types=AS_STORED), list(client.iter_study(study, media_types=AS_STORED))):
        assert sorted(ds.SOPInstanceUID for ds in got) == sorted(ds.SOPInstanceUID for ds in of_study(files, study))
        for ds in got:
            require_same(ds, known[ds.SOPInstanceUID])


def test_native_objects_come_by_default(client, files):
    for ds in files.values():
        if ds.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian:
            require_same(client.retrieve_instance(*ids(ds)), ds)


def comparable(ds, without):
    """What has to be the same whichever way an object came: text whatever its character set was."""
    ds = copy.deepcopy(ds)
    for tag in (*without, "SpecificCharacterSet"):
        if tag in ds:
            del ds[tag]
    return ds.to_json_dict(bulk_data_threshold=1 << 30)


def test_metadata_and_bulk_data_together_are_the_object(client, server, files):
    for path, ds in files.items():
        got = {tag: element for tag, element in client.retrieve_instance_metadata(*ids(ds)).items() if not tag.startswith("0002")}
        bulk = {int(tag, 16): element["BulkDataURI"] for tag, element in got.items() if "BulkDataURI" in element}
        rest = pydicom.Dataset.from_json({tag: element for tag, element in got.items() if int(tag, 16) not in bulk})
        assert comparable(rest, bulk) == comparable(ds, bulk), path
        for tag, uri in bulk.items():
            if ds[tag].keyword != "PixelData":  # which has a test of its own
                value, = client.retrieve_bulkdata(requests.compat.urljoin(server.url("/"), uri))
                assert value == ds[tag].value, (path, tag)


def test_metadata_of_a_series_and_a_study_are_those_of_its_instances(client, files):
    study, series, _ = ids(next(ds for path, ds in files.items() if path.parent.name == "sample"))
    one_by_one = {ds.SOPInstanceUID: client.retrieve_instance_metadata(*ids(ds)) for ds in of_study(files, study)}
    for got in (client.retrieve_series_metadata(study, series), client.retrieve_study_metadata(study)):
        assert {match["00080018"]["Value"][0]: match for match in got} == one_by_one


def frames_of(ds):
    count = int(ds.get("NumberOfFrames") or 1)
    if ds.file_meta.TransferSyntaxUID.is_encapsulated:
        return list(generate_frames(ds.PixelData, number_of_frames=count))
    size = ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated // 8
    return [ds.PixelData[at * size:(at + 1) * size] for at in range(count)]


def same_frame(got, wanted):
    """A codestream of odd length has a byte of padding in the file."""
    return got == wanted or (got + b"\0" == wanted and len(wanted) % 2 == 0)


def test_frames_are_the_bytes_of_the_file(client, files):
    for path, ds in files.items():
        if "PixelData" not in ds:
            continue
        wanted = frames_of(ds)
        numbers = sorted({1, len(wanted), (len(wanted) + 1) // 2})
        for got in (client.retrieve_instance_frames(*ids(ds), numbers, media_types=(("application/octet-stream", "*"),)),
                    list(client.iter_instance_frames(*ids(ds), numbers, media_types=(("application/octet-stream", "*"),)))):
            assert len(got) == len(numbers)
            assert all(same_frame(frame, wanted[number - 1]) for frame, number in zip(got, numbers)), path


@pytest.mark.parametrize(("name", "media_type"), [
    ("encapsulated/j2k-lossless", "image/jp2"), ("encapsulated/jpeg-ls", "image/jls"), ("encapsulated/rle-16-3frames", "image/dicom-rle"),
    ("encapsulated/jpeg-baseline-3frames", "image/jpeg")])
def test_frames_come_by_the_name_of_their_codec(client, files, name, media_type):
    ds = files[samples.GENERATED / f"{name}.dcm"]
    syntax = ds.file_meta.TransferSyntaxUID
    for types in ((media_type,), ((media_type, syntax),), ((media_type, "*"),)):
        got, = client.retrieve_instance_frames(*ids(ds), [1], media_types=types)
        assert same_frame(got, frames_of(ds)[0])


def test_frames_that_are_not_there_are_refused(client, files):
    ds = files[samples.GENERATED / "native" / "explicit-8bit.dcm"]
    with pytest.raises(requests.HTTPError) as refusal:
        client.retrieve_instance_frames(*ids(ds), [2])
    assert refusal.value.response.status_code in (400, 404)


def test_bulk_data_come_in_ranges(client, server, files):
    ds = files[samples.GENERATED / "structure" / "bulk-values.dcm"]
    tag, uri = next((tag, element["BulkDataURI"]) for tag, element in client.retrieve_instance_metadata(*ids(ds)).items() if "BulkDataURI" in element)
    uri, stored = requests.compat.urljoin(server.url("/"), uri), ds[int(tag, 16)].value
    got, = client.iter_bulkdata(uri)
    assert got == stored
    part = requests.get(uri, headers={"Accept": "application/octet-stream", "Range": "bytes=2-9"}, timeout=60)
    assert (part.status_code, part.content) == (206, stored[2:10])


# --- store and delete ---

def fresh(ds, study=None):
    """The same object under UIDs of its own."""
    ds = copy.deepcopy(ds)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID = (study or generate_uid(prefix=None)), generate_uid(prefix=None), generate_uid(prefix=None)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def test_stored_objects_are_acknowledged_and_there(lightbox, files):
    client = client_of(lightbox)
    study = generate_uid(prefix=None)
    sent = [fresh(ds, study) for path, ds in files.items() if path.parent.name in ("native", "encapsulated", "documents")]
    answer = client.store_instances(sent[:-1])
    assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == [ds.SOPInstanceUID for ds in sent[:-1]]
    assert "FailedSOPSequence" not in answer
    client.store_instances(sent[-1:], study_instance_uid=study)
    for ds in sent:
        require_same(client.retrieve_instance(*ids(ds), media_types=AS_STORED), ds)


def test_an_object_of_another_study_is_refused(lightbox, files):
    client = client_of(lightbox)
    with pytest.raises(requests.HTTPError) as refusal:
        client.store_instances([fresh(next(iter(files.values())))], study_instance_uid=generate_uid(prefix=None))
    assert refusal.value.response.status_code == 409
    assert client.search_for_studies() == []


def test_what_is_deleted_is_gone_and_its_neighbours_stay(lightbox, files):
    client = client_of(lightbox)
    study = generate_uid(prefix=None)
    sent = [fresh(ds, study) for ds in list(files.values())[:3]]
    client.store_instances(sent)
    client.delete_instance(*ids(sent[0]))
    assert values(client.search_for_instances(study), "SOPInstanceUID") == sorted(ds.SOPInstanceUID for ds in sent[1:])
    client.delete_series(*ids(sent[1])[:2])
    assert values(client.search_for_series(study), "SeriesInstanceUID") == [sent[2].SeriesInstanceUID]
    client.delete_study(study)
    assert client.search_for_studies() == []
    with pytest.raises(requests.HTTPError) as refusal:
        client.delete_study(study)
    assert refusal.value.response.status_code == 404
