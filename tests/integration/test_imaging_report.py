"""The report worker with a real archive and a real Kafka: drafts, reports into the study, amended, taken back; and all that goes wrong."""

import hashlib
import http.server
import itertools
import json
import subprocess
import threading

import pytest
from conftest import require, require_program
from support import events, reports
from support.lightbox import BUILD, Lightbox
from support.process import eventually
from support.workers import PostgresTables, SqliteTables, Worker

numbers = itertools.count()
PAGE = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"


def require_worker():
    require((BUILD / "imaging-report").exists(), "imaging-report (./dev build)")


class Reporting:
    """An archive that tells a Kafka, the platform, and the worker between them."""

    def __init__(self, told, kafka, folder, settings=None, tables=None):
        self.told, self.server, self.kafka = told, told.server, kafka
        self.topic = f"platform.{next(numbers)}"
        self.group = f"report-{self.topic}"
        self.dead_topic = f"{self.topic}.{self.group}.dlq"
        for topic in (self.topic, self.dead_topic):
            kafka.create_topic(topic, partitions=2, **{"max.message.bytes": 20_000_000})
        self.platform = reports.Platform(kafka, self.topic)
        section = {"Source": "kafka", "Group": self.group, "Topics": ["imaging.study.events.v1", self.topic],
                   "Kafka": {"Brokers": kafka.brokers(), "TopicPrefix": told.prefix,
                             # quick to notice who has left, and who leads a topic that was made a moment ago
                             "Properties": {"session.timeout.ms": 6000, "topic.metadata.refresh.interval.ms": 1000}}}
        self.worker = Worker("imaging-report", folder / "worker", tables or SqliteTables(folder / "tables"), told.server, section,
                             {"LogLevel": "debug", "ImagingReport": {"Organization": "Bệnh viện Thử", **(settings or {})}})
        self.tables = None if tables else reports.Tables(self.worker)

    def start(self):
        self.worker.start()
        return self

    def close(self):
        self.worker.close()
        self.server.close()

    def study(self, *more):
        return reports.Study(self.server).push(*more)

    def say(self, study, name="report.finalised", event_id=None, **more):
        return self.platform.say(name, reports.report(study, **more), event_id)

    def cancel(self, study, version):
        self.platform.say("report.cancelled", {"studyInstanceUid": study.uid, "reportId": "KQ-1", "version": version,
                                               "issuedAt": "2026-11-23T10:00:00+07:00", "reason": "Nhầm ca chụp."})

    def told_of(self, study):
        """What the archive tells of the study's reports: type and instance of each."""
        self.told.drained()
        return [(event.kind, event.data["sopInstanceUid"]) for event in self.told.events("imaging.report.events.v1")
                if event.key == study.uid]

    def dead(self, study):
        with self.kafka.read([self.dead_topic]) as log:
            return [record for record in log.all() if record.key == study.uid]

    def dead_values(self, study):
        """Also those that no topic takes, which stand in a table."""
        kept = self.tables.rows("SELECT record_value FROM worker_dead WHERE record_key = ?", study.uid.encode())
        return [record.value for record in self.dead(study)] + [row[0] for row in kept]

    def wait_dead(self, study):
        return eventually(lambda: self.dead(study), "a dead letter")


def open_reporting(folder, binary, kafka, settings=None, tables=None):
    require_worker()
    told = events.Told(Lightbox(folder / "lightbox", events.settings(kafka, next(events.prefixes)), binary=binary), kafka).ensure_topics()
    told.server.start()
    return Reporting(told, kafka, folder, settings, tables)


@pytest.fixture(scope="module")
def reporting(binary, brokers, tmp_path_factory, files):
    """One of each for all tests that do not mind each other's studies."""
    sources = [{"Url": files.url("/reports/"), "BearerToken": "token-1", "PrivateAddresses": True}, {"Url": files.url("/private/")}]
    opened = open_reporting(tmp_path_factory.mktemp("reporting"), binary, brokers(), {"PdfSources": sources}).start()
    yield opened
    opened.close()


@pytest.fixture
def make_reporting(binary, kafka, tmp_path):
    """Of the test's own, to be ill-treated."""
    made = []

    def make(tables=None):
        made.append(open_reporting(tmp_path / str(len(made)), binary, kafka, tables=tables))
        return made[-1]

    yield make
    for opened in made:
        opened.close()


def text_of(pdf):
    require_program("pdftotext")
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode()


# --- Drafts ---

def test_a_study_that_arrives_gets_a_draft_with_the_middle_of_each_series(reporting):
    study = reporting.study().arrive()
    text = text_of(reporting.tables.wait_for_draft(study))
    assert "BẢN NHÁP" in text or "Bản nháp" in text
    assert "Nguyễn Thị Canary Ánh" in text
    images = reporting.tables.draft_images(study)
    assert [image[0] for image in images] == [study.images[0][2].SOPInstanceUID, study.images[1][6].SOPInstanceUID]
    assert [image[1] for image in images] == ["Nhu mô 1 #3", "Nhu mô 2 #7"]
    assert all(image[2].startswith(b"\xff\xd8") for image in images)
    assert not study.documents()[reports.PDF]  # a draft is no report


def test_images_that_somebody_marked_are_the_key_images(reporting):
    study = reports.Study(reporting.server)
    marked = [study.images[1][10], study.images[0][0]]
    study.push(reports.key_objects(study.uid, marked), reports.key_objects(study.uid, [study.images[1][1]], "113001")).arrive()
    reporting.tables.wait_for_draft(study)
    assert [image[0] for image in reporting.tables.draft_images(study)] == [image.SOPInstanceUID for image in marked]


def test_a_draft_goes_with_its_study_and_when_it_has_been_read(reporting):
    first, second = reporting.study().arrive(), reporting.study().arrive()
    reporting.tables.wait_for_draft(first), reporting.tables.wait_for_draft(second)
    assert reporting.server.delete(f"/dicom-web/studies/{first.uid}").status_code == 204
    reporting.say(second)
    reporting.tables.wait(lambda: not reporting.tables.draft(first) and not reporting.tables.draft(second), "no drafts")


# --- Reports ---

@pytest.mark.sanitize
def test_a_final_report_stands_in_the_study_as_pdf_and_sr_and_is_told(reporting):
    study = reporting.study()
    reporting.say(study, verifier={"id": "BS1", "name": "Phạm^Việt", "at": "2026-11-21T11:00:00+07:00"})
    reporting.tables.wait_for(study, "stored")
    documents = study.documents()
    (pdf,), (sr,) = documents[reports.PDF], documents[reports.SR]
    text = text_of(reports.pages(pdf))
    for part in ("Nguyễn Thị Canary Ánh", "BN-77", "Không thấy tổn thương khu trú.", "Kết luận", "Phạm Việt", "Bệnh viện Thử", "Hình 2"):
        assert part in text, part
    assert pdf.VerificationFlag == sr.VerificationFlag == "VERIFIED"
    assert sr.CompletionFlag == "COMPLETE"
    assert pdf.PatientName == sr.PatientName == reports.NAME
    assert pdf.StudyInstanceUID == sr.StudyInstanceUID == study.uid
    assert sorted(reporting.told_of(study)) == sorted(("report.available", ds.SOPInstanceUID) for ds in (pdf, sr))


@pytest.mark.sanitize
def test_an_amendment_names_what_it_replaces(reporting):
    study = reporting.study()
    reporting.say(study)
    reporting.say(study, "report.amended", version=2, issuedAt="2026-11-22T10:00:00+07:00", findings="Nốt 3 mm.", reason="Đọc lại.")
    reporting.tables.wait_for(study, "stored", 2)
    documents = study.documents()
    for sop_class in (reports.PDF, reports.SR):
        first, second = documents[sop_class]
        assert first.SeriesInstanceUID == second.SeriesInstanceUID
        named = {reference.ReferencedSOPInstanceUID for item in second.PredecessorDocumentsSequence
                 for series in item.ReferencedSeriesSequence for reference in series.ReferencedSOPSequence}
        assert named == {documents[reports.PDF][0].SOPInstanceUID, documents[reports.SR][0].SOPInstanceUID}
        assert "PredecessorDocumentsSequence" not in first
    assert "SỬA ĐỔI" in text_of(reports.pages(documents[reports.PDF][1]))
    assert [kind for kind, _ in reporting.told_of(study)] == ["report.available"] * 2 + ["report.amended"] * 2


def test_a_final_report_that_comes_behind_its_amendment_is_out_of_date(reporting):
    study = reporting.study()
    reporting.say(study, "report.amended", version=2)
    reporting.say(study, version=1)
    reporting.tables.wait_for(study, "stale")
    (pdf,) = study.documents()[reports.PDF]
    assert pdf.InstanceNumber == 2
    assert reporting.tables.outcomes(study) == ["stored", "stale"]


@pytest.mark.sanitize
def test_a_cancelled_report_is_taken_back_and_told_so(reporting):
    study = reporting.study()
    reporting.say(study)
    reporting.say(study, "report.amended", version=2)
    reporting.cancel(study, 3)
    reporting.tables.wait_for(study, "withdrawn")
    assert study.documents() == {reports.PDF: [], reports.SR: []}
    assert [kind for kind, _ in reporting.told_of(study)].count("report.withdrawn") == 4
    # What was withdrawn can be told: the events are kept.
    kept = reporting.tables.rows("SELECT kind, outcome, data FROM report_event WHERE study_uid = ? ORDER BY version", study.uid)
    assert [row[:2] for row in kept] == [("finalised", "stored"), ("amended", "stored"), ("cancelled", "withdrawn")]
    assert json.loads(kept[0][2])["impression"] == "Bình thường."


def test_a_cancellation_in_front_of_its_report_holds_until_it_is_said_anew(reporting):
    study = reporting.study()
    reporting.cancel(study, 2)
    reporting.say(study, version=1)
    reporting.tables.wait_for(study, "stale")
    assert study.documents() == {reports.PDF: [], reports.SR: []}
    reporting.say(study, version=3)
    reporting.tables.wait_for(study, "stored")
    assert len(study.documents()[reports.PDF]) == 1


def test_a_report_of_a_study_that_is_not_there_waits_for_it(reporting):
    late, here = reports.Study(reporting.server), reporting.study()
    reporting.say(late)
    reporting.say(here)
    reporting.tables.wait_for(here, "stored")  # others go on
    assert not reporting.tables.outcomes(late)
    late.push()
    reporting.tables.wait_for(late, "stored")
    assert late.documents()[reports.PDF] and late.documents()[reports.SR]
    assert not reporting.dead(late)


def test_the_images_that_a_report_names_are_its_key_images(reporting):
    study = reporting.study()
    image = study.images[1][11]
    reporting.say(study, keyImages=[{"sopInstanceUid": image.SOPInstanceUID, "caption": "Đỉnh phổi"}, {"sopInstanceUid": "2.25.404"}])
    reporting.tables.wait_for(study, "stored")
    documents = study.documents()
    (pdf,), (sr,) = documents[reports.PDF], documents[reports.SR]
    assert [item.ReferencedSOPInstanceUID for item in pdf.SourceInstanceSequence] == [image.SOPInstanceUID]
    assert "Đỉnh phổi" in text_of(reports.pages(pdf))
    references = [item.ReferencedSOPSequence[0] for section in sr.ContentSequence for item in section.get("ContentSequence", [])
                  if item.ValueType == "IMAGE"]
    assert [reference.ReferencedSOPInstanceUID for reference in references] == [image.SOPInstanceUID]


def test_an_event_that_comes_twice_stores_the_same_instances(make_reporting):
    reporting = make_reporting().start()
    study = reporting.study()
    event_id = reporting.say(study)
    reporting.tables.wait_for(study, "stored")
    first = study.documents()
    reporting.worker.stop()
    reporting.tables.path.unlink()  # a worker that has forgotten everything, told again
    reporting.worker.section["Group"] += ".again"
    reporting.worker.start()
    reporting.tables.wait_for(study, "stored")
    reporting.say(study, event_id=event_id)  # had: not even looked into
    reporting.say(study)  # another event, the same version
    reporting.tables.wait_for(study, "stale")
    again = study.documents()
    for sop_class in (reports.PDF, reports.SR):
        assert [ds.SOPInstanceUID for ds in again[sop_class]] == [ds.SOPInstanceUID for ds in first[sop_class]]
    assert reporting.tables.outcomes(study) == ["stored", "stale"]


def test_postgresql_keeps_the_same(make_reporting, postgres):
    tables = PostgresTables(postgres, "imaging_report")
    reporting = make_reporting(tables).start()
    study = reporting.study().arrive()

    def rows(sql):
        return [tuple(row.values()) for row in tables.rows(sql)]

    eventually(lambda: rows("SELECT substr(pdf, 1, 4)::text FROM report_draft") == [("\\x25504446",)], "a draft")
    assert rows("SELECT count(*) FROM report_draft_image") == [("2",)]
    reporting.say(study)
    reporting.say(study, "report.amended", version=2)
    reporting.say(study)  # once more, and late
    eventually(lambda: rows("SELECT outcome FROM report_event ORDER BY told_ms") == [("stored",), ("stored",), ("stale",)], "two reports")
    assert rows("SELECT count(*) FROM report_draft") == [("0",)]
    assert [len(documents) for documents in study.documents().values()] == [2, 2]
    reporting.cancel(study, 3)
    eventually(lambda: rows("SELECT count(*) FROM report_document WHERE withdrawn_ms IS NOT NULL") == [("4",)], "a withdrawal")
    assert study.documents() == {reports.PDF: [], reports.SR: []}


# --- Messages ---

def test_messages_of_another_shape_are_mapped(make_reporting):
    reporting = make_reporting()
    reporting.worker.section["Mapping"] = [{
        "Topic": reporting.topic, "When": {"Pointer": "/loai", "Equals": "KET_QUA"}, "Type": "report.finalised", "Id": "/ma",
        "Fields": {"/studyInstanceUid": "/ca_chup/uid", "/reportId": {"Pointer": "/so", "As": "text"},
                   "/issuedAt": {"Pointer": "/ky_luc", "As": "time", "Zone": "+07:00"}, "/impression": "/ket_luan",
                   "/language": {"Value": "vi"}}}]
    reporting.start()
    study = reporting.study()
    reporting.platform.send(json.dumps({"loai": "KHAC"}), study.uid)  # not for us
    reporting.platform.send("no JSON", study.uid)
    reporting.platform.send(json.dumps({"loai": "KET_QUA", "ma": "m-1", "so": 7, "ca_chup": {"uid": study.uid},
                                        "ky_luc": "2026-11-21 10:05", "ket_luan": "Bình thường."}), study.uid)
    reporting.tables.wait_for(study, "stored")
    (sr,) = study.documents()[reports.SR]
    assert (sr.ContentDate, sr.ContentTime) == ("20261121", "100500")
    (dead,) = reporting.wait_dead(study)
    assert dead.value == b"no JSON"


@pytest.mark.sanitize
@pytest.mark.parametrize("value", [b"{", b"\xff\xfe\x00", b'{"studyInstanceUid": 7}', b"[]", b"x" * 10_000_000],
                         ids=["cut", "binary", "wrong", "array", "10MB"])
def test_what_is_no_report_is_set_aside_and_the_next_one_goes_on(reporting, value):
    study = reporting.study()
    reporting.platform.send(value, study.uid, {
        "ce_specversion": "1.0", "ce_id": f"poison {study.uid}", "ce_source": "/platform", "content-type": "application/json",
        "ce_type": "org.sapoche.platform.report.finalised.v1", "ce_partitionkey": study.uid})
    reporting.say(study)
    reporting.tables.wait_for(study, "stored")
    assert reporting.tables.wait(lambda: reporting.dead_values(study), "a dead letter") == [value]


# --- PDFs of others ---

class Files(http.server.ThreadingHTTPServer):
    """Where the platform keeps PDFs: path -> (code, headers, body)."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path=""):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        code, headers, body = self.server.answers.get(self.path, (404, {}, b""))
        try:
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            if isinstance(body, int):  # so many bytes, made as they are sent
                self.end_headers()
                self.wfile.write(b"%PDF-1.4\n")
                for _ in range(body // 65536):
                    self.wfile.write(b"\0" * 65536)
            else:
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the worker has had enough

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def files():
    server = Files({"/reports/good.pdf?sig=a%2Fb": (200, {}, PAGE), "/reports/empty.pdf": (200, {}, b""),
                    "/reports/page.pdf": (200, {}, b"<html>not a PDF</html>"), "/reports/cut.pdf": (200, {}, PAGE[:-8]),
                    "/reports/large.pdf": (200, {}, 200_000_000), "/reports/moved.pdf": (302, {"Location": "/reports/good.pdf?sig=a%2Fb"}, b""),
                    "/other/good.pdf": (200, {}, PAGE), "/private/good.pdf": (200, {}, PAGE)})
    yield server
    server.shutdown()
    server.server_close()


def test_a_pdf_of_others_is_stored_as_it_is(reporting, files):
    study = reporting.study()
    data = reports.report(study, pdf={"dataref": files.url("/reports/good.pdf?sig=a%2Fb"), "sha256": hashlib.sha256(PAGE).hexdigest()})
    del data["findings"], data["impression"]
    reporting.platform.say("report.finalised", data)
    reporting.tables.wait_for(study, "stored")
    documents = study.documents()
    assert reports.pages(documents[reports.PDF][0]) == PAGE
    assert not documents[reports.SR]  # nothing was said as text
    assert ("/reports/good.pdf?sig=a%2Fb", "Bearer token-1") in files.asked


@pytest.mark.sanitize
@pytest.mark.parametrize("path, more, reason", [
    ("/reports/empty.pdf", {}, "empty"), ("/reports/page.pdf", {}, "no PDF"), ("/reports/cut.pdf", {}, "cut off"),
    ("/reports/large.pdf", {}, ""), ("/reports/moved.pdf", {}, ""), ("/other/good.pdf", {}, "PdfSources"),
    ("/reports/../other/good.pdf", {}, "PdfSources"), ("/reports/%2e%2e/other/good.pdf", {}, "PdfSources"),
    ("/reports/good.pdf?sig=a%2Fb", {"sha256": "0" * 64}, "SHA-256")])
def test_a_pdf_that_is_none_or_elsewhere_is_set_aside(reporting, files, path, more, reason):
    study = reporting.study()
    reporting.say(study, pdf={"dataref": files.url(path), **more})
    reporting.say(study, version=2)  # the next one of the same study goes on
    reporting.tables.wait_for(study, "stored")
    (dead,) = reporting.wait_dead(study)
    assert reason in dead.headers["dlq-error"]
    assert [ds.InstanceNumber for ds in study.documents()[reports.PDF]] == [2]
    assert all(asked[0].startswith("/reports/") for asked in files.asked)


def test_a_private_address_is_not_asked_unless_it_is_allowed(reporting, files):
    study = reporting.study()
    reporting.say(study, pdf={"dataref": files.url("/private/good.pdf")})
    reporting.tables.wait(lambda: reporting.tables.rows("SELECT reason FROM worker_parked WHERE key = ?", study.uid), "a parked key")
    assert not [asked for asked in files.asked if asked[0].startswith("/private/")]
    assert study.documents() == {reports.PDF: [], reports.SR: []}


# --- What goes wrong ---

def test_an_archive_that_is_away_is_waited_for(make_reporting):
    reporting = make_reporting().start()
    study = reporting.study()
    reporting.told.drained()
    reporting.server.stop()
    reporting.say(study)
    eventually(lambda: "unavailable" in reporting.worker.log.read_text(), "a failed attempt")
    reporting.server.start()
    reporting.tables.wait_for(study, "stored")
    assert study.documents()[reports.PDF]


def test_a_worker_killed_behind_its_effect_leaves_one_report(make_reporting):
    """Killed as soon as the archive has the objects: what was stored is stored again as the same instances."""
    reporting = make_reporting().start()
    study = reporting.study()
    reporting.say(study)
    eventually(lambda: study.documents()[reports.PDF], "a PDF")
    reporting.worker.kill()
    reporting.worker.start()
    reporting.tables.wait_for(study, "stored")
    documents = study.documents()
    assert (len(documents[reports.PDF]), len(documents[reports.SR])) == (1, 1)


def test_nobody_is_named_in_the_log(reporting):
    study = reporting.study().arrive()
    reporting.platform.send(json.dumps(reports.report(study, findings=["Canary-text"])), study.uid, {
        "ce_specversion": "1.0", "ce_id": "canary", "ce_source": "/p", "ce_type": "org.sapoche.platform.report.finalised.v1"})
    reporting.say(study, findings="Canary-text")
    reporting.tables.wait_for(study, "stored")
    (dead,) = reporting.wait_dead(study)
    for text in (reporting.worker.log.read_text(), dead.headers["dlq-error"]):
        for canary in ("Canary", "BN-77", "19870203", "Nguyễn"):
            assert canary not in text


def test_without_a_kafka_drafts_are_made_all_the_same(make_lightbox, tmp_path):
    require_worker()
    server = make_lightbox()
    worker = Worker("imaging-report", tmp_path / "worker", SqliteTables(tmp_path / "tables"), server, {"Source": "http"}).start()
    study = reports.Study(server).push().arrive()
    assert reports.Tables(worker).wait_for_draft(study).startswith(b"%PDF")
    worker.close()


@pytest.mark.parametrize("settings, word", [
    ({"ImagingReport": {"Language": "fr"}}, "Language"), ({"ImagingReport": {"PdfSources": [{}]}}, "PdfSources"),
    ({"ImagingReport": {"KeyImages": 1000}}, "KeyImages")])
def test_settings_that_are_wrong_are_told_at_the_start(lightbox, tmp_path, settings, word):
    require_worker()
    worker = Worker("imaging-report", tmp_path / "worker", SqliteTables(tmp_path / "tables"), lightbox, {"Source": "http"},
                    settings).start(wait=None)
    assert worker.process.process.wait(60) == 1
    assert word in worker.process.output()
