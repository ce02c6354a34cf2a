"""No event, log record or metric says anything of a patient but what Events.PhiFields names: proved by values that occur nowhere else."""

import base64
import io
import json
import pathlib
import sqlite3
import urllib.parse

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from support import contract, events, stow
from support.event_stream import EventStream
from support.peers import storescu
from support.process import eventually

PDF, TEXT_SR = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.88.11"

# What is of the patient, and what people wrote: nothing of it may leave. By keyword.
CANARIES = {
    "PatientName": "Kanarienvogel^Hoàng Yến",
    "PatientID": "CANARY-4711",
    "PatientBirthDate": "19010203",
    "PatientAddress": "Kanariengasse 7",
    "PatientComments": "singt im Kanarienkäfig",
    "OtherPatientIDs": "CANARY-OTHER-12",
    "StudyID": "CANARYSTUDY",
    "StudyDescription": "Kanarien-Thorax in zwei Ebenen",
    "SeriesDescription": "Kanarien-Serie",
    "ProtocolName": "Kanarien-Protokoll",
    "ReferringPhysicianName": "Kanarienarzt^Zuweiser",
    "PerformingPhysicianName": "Kanarienarzt^Befunder",
    "OperatorsName": "Kanarienwart^Otto",
    "InstitutionName": "Kanarienklinik",
    "InstitutionAddress": "Kanarienallee 8",
    "RequestedProcedureDescription": "Kanarien-Anforderung",
    "AdmittingDiagnosesDescription": "Kanarienpocken",
    "ImageComments": "Kanarienfleck links",
    "DocumentTitle": "Kanarienbefund",
    "FindingsText": "Befund: Kanarienflügel unauffällig",
    "TitleMeaning": "Kanarien-Befundbericht",
}
NAMED = {"patientName": "PatientName", "birthDate": "PatientBirthDate", "studyDescription": "StudyDescription"}  # what one operator opts into


def forms(value):
    """How a value may be written: plain, in parts, escaped, encoded."""
    for part in {value, *value.split("^"), value.replace("^", " ")}:
        raw = part.encode("utf-8")
        yield from {part, part.lower(), part.upper(), json.dumps(part)[1:-1], urllib.parse.quote(part), raw.hex(),
                    base64.b64encode(raw).decode().rstrip("="), raw.decode("latin-1")}


def found_in(text, keywords=CANARIES):
    folded = text.lower()
    return sorted({keyword for keyword in keywords for form in forms(CANARIES[keyword]) if form in text or form.lower() in folded})


# --- objects of one invented patient ---

def marked(data_set):
    for keyword in CANARIES.keys() - {"DocumentTitle", "FindingsText", "TitleMeaning"}:
        setattr(data_set, keyword, CANARIES[keyword])
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.PatientSex = "F"
    data_set.AccessionNumber = "A-1"
    return data_set


def image(source, study):
    data_set = marked(pydicom.dcmread(source))
    data_set.StudyInstanceUID = study
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    return data_set


def document(sop_class, study):
    data_set = marked(Dataset())
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.SOPClassUID = data_set.file_meta.MediaStorageSOPClassUID = sop_class
    data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = study, generate_uid(prefix=None)
    data_set.Modality = "SR" if sop_class == TEXT_SR else "DOC"
    data_set.ContentDate, data_set.ContentTime = "20261121", "101500"
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator, title.CodeMeaning = "18748-4", "LN", CANARIES["TitleMeaning"]
    data_set.ConceptNameCodeSequence = [title]
    return data_set


def pdf(study):
    data_set = document(PDF, study)
    data_set.DocumentTitle = CANARIES["DocumentTitle"]
    data_set.MIMETypeOfEncapsulatedDocument = "application/pdf"
    data_set.EncapsulatedDocument = b"%PDF-1.4 %%EOF\n"
    return data_set


def structured_report(study):
    data_set = document(TEXT_SR, study)
    data_set.ValueType, data_set.ContinuityOfContent = "CONTAINER", "SEPARATE"
    data_set.CompletionFlag, data_set.VerificationFlag = "COMPLETE", "VERIFIED"
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerificationDateTime = CANARIES["PerformingPhysicianName"], "20261121101500"
    data_set.VerifyingObserverSequence = [observer]
    finding = Dataset()
    finding.RelationshipType, finding.ValueType, finding.TextValue = "CONTAINS", "TEXT", CANARIES["FindingsText"]
    finding.ConceptNameCodeSequence = data_set.ConceptNameCodeSequence
    data_set.ContentSequence = [finding]
    return data_set


def to_bytes(data_set):
    out = io.BytesIO()
    data_set.save_as(out, enforce_file_format=True)
    return out.getvalue()


# --- a day in the life of a server ---

def live(server, source, folder):
    """Objects by every door, reports, amendments, refusals, deletion: whatever makes events, records and counts."""
    study = generate_uid(prefix=None)
    first = image(source, study)
    stored = server.store(to_bytes(first))
    server.post(f"/studies/{stored['ParentStudy']}/arrive")
    path = folder / "slice.dcm"
    path.write_bytes(to_bytes(image(source, study)))
    storescu(server.dicom_port, [path])
    answer = stow.post(server, [stow.part(to_bytes(one), "application/dicom") for one in (pdf(study), structured_report(study))])
    assert answer.status_code == 200, answer.text
    report = structured_report(study)
    predecessor = Dataset()
    predecessor.ReferencedSOPClassUID, predecessor.ReferencedSOPInstanceUID = TEXT_SR, report.SOPInstanceUID
    amended = structured_report(study)
    inner, outer = Dataset(), Dataset()
    inner.ReferencedSOPSequence, inner.SeriesInstanceUID = [predecessor], report.SeriesInstanceUID
    outer.ReferencedSeriesSequence, outer.StudyInstanceUID = [inner], study
    amended.PredecessorDocumentsSequence = [outer]
    server.store(to_bytes(report))
    server.store(to_bytes(amended))
    server.post(f"/studies/{stored['ParentStudy']}/arrive")
    assert server.post("/instances", to_bytes(image(source, study))[:-7]).status_code == 400
    server.get(f"/dicom-web/studies?PatientName={urllib.parse.quote(CANARIES['PatientName'])}&PatientID={CANARIES['PatientID']}")
    server.get(f"/events?type={CANARIES['PatientID']}")
    server.get(f"/events?study={CANARIES['PatientID']}")
    assert server.delete(f"/studies/{stored['ParentStudy']}").status_code == 200
    return study


EXPECTED = {"study.received", "study.arrived", "study.updated", "study.deleted",
            "report.available", "report.amended", "report.withdrawn"}


def heard(server):
    """Every event there is, held against the contract; and all of the stream as text."""
    found, texts = [], []
    with EventStream(server, "?since=0") as stream:
        last = server.index().value("SELECT max(id) FROM outbox")
        while not found or stream.last_id < last:
            message = stream.next()
            found.append(message.event())
            texts.append(message.data)
    return found, "\n".join(texts)


def told_elsewhere(server):
    """Log, metrics, what is listed as dead, the rows that a relay sends, and the file of events."""
    connection = sqlite3.connect(f"file:{server.data / 'index.sqlite'}?mode=ro", uri=True)
    rows = connection.execute("SELECT * FROM outbox").fetchall()
    connection.close()
    sink = pathlib.Path(server.settings["Events"]["LogSink"])
    eventually(lambda: len(sink.read_bytes().splitlines()) == len(rows), "all events in the file")
    return {"log": server.log.read_text(encoding="utf-8", errors="replace"), "metrics": server.get("/metrics").text,
            "dead": server.get("/events/dead").text, "rows": "\n".join(map(str, rows)), "sink": sink.read_text(encoding="utf-8")}


TALKATIVE = {"LogLevel": "trace", "LogFormat": "json"}


@pytest.fixture
def source(generated_dicom):
    return generated_dicom / "sample" / "slice-01.dcm"


@pytest.fixture
def make_server(make_lightbox, source, tmp_path):
    def make(**section):
        section = {"PublicRoot": "https://pacs.example/dicom-web", "LogSink": str(tmp_path / "events.jsonl"), **section}
        server = make_lightbox({**TALKATIVE, "Events": section})
        live(server, source, tmp_path)
        return server
    return make


@pytest.mark.sanitize
def test_nothing_of_a_patient_is_told_unless_asked_for(make_server):
    server = make_server()
    found, text = heard(server)
    assert {contract.short_name(event["type"]) for event in found} == EXPECTED
    assert found_in(text) == []
    for place, told in told_elsewhere(server).items():
        assert found_in(told) == [], place


def test_what_is_asked_for_is_in_events_and_nothing_beside_it(make_server):
    server = make_server(PhiFields=list(NAMED))
    found, text = heard(server)
    for event in found:
        said = {name: event["data"].get(name) for name in NAMED}
        assert said == {name: CANARIES[keyword] for name, keyword in NAMED.items()}, event["type"]
    others = CANARIES.keys() - set(NAMED.values())
    assert found_in(text, others) == []
    elsewhere = told_elsewhere(server)
    for place in ("rows", "sink"):
        assert found_in(elsewhere.pop(place), others) == []
    for place, told in elsewhere.items():
        assert found_in(told) == [], place


def spoken(record):
    """All of a record that leaves the house."""
    value = (record.value or b"").decode("utf-8")
    return "\n".join([str(record.key), *(f"{name}: {text}" for name, text in record.headers.items()), value])


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_nothing_of_a_patient_is_in_kafka(kafka, make_told, source, tmp_path, mode):
    told = make_told(kafka, TALKATIVE, ContentMode=mode, PublicRoot="https://pacs.example/dicom-web")
    live(told.server, source, tmp_path)
    told.drained()
    with told.read(events.STUDY, events.REPORT, events.STATE, events.AUDIT, events.OPS) as log:
        records = log.all()
    assert {contract.short_name(events.event_of(record).attributes["type"]) for record in records if record.value} == EXPECTED
    assert any(record.value is None for record in records)  # the deleted study's tombstone
    for record in records:
        assert found_in(spoken(record)) == [], record.topic
    assert found_in(told.server.log.read_text(encoding="utf-8", errors="replace")) == []
    assert found_in(told.server.get("/metrics").text) == []


def test_a_value_is_found_however_it_is_written():
    """The search itself: it would find what it looks for."""
    for keyword, value in CANARIES.items():
        for written in (value, value.upper(), json.dumps(value), urllib.parse.quote(value), base64.b64encode(value.encode()).decode()):
            assert keyword in found_in(f"x {written} y")
    assert found_in("nothing of the kind") == []
