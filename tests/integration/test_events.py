"""What happens to studies, told on a real Kafka: the right events, topics, keys, headers and order, and nothing of the patient."""

import json
import subprocess

import pytest
import requests

from support import events
from support.events import LANES, OPS, REPORT, STATE, STUDY, arrive, by_key, check_order, push, study, study_uid
from support.kafka import JAVA, VERSIONS, jars, scram_is_understood
from support.lightbox import ROOT
from support.peers import storescu
from support.process import eventually

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
LATE = 1  # seconds of StableAge, where a test waits for it


@pytest.fixture
def told(make_told, kafka):
    return make_told(kafka)


def kinds(found):
    return [event.kind for event in found]


# --- the life of a study ---

@pytest.mark.parametrize("version", VERSIONS)
def test_a_study_from_its_first_instance_to_its_deletion(make_told, brokers, version):
    told = make_told(brokers(version))
    push(told.server, study("life", 3))
    arrive(told.server, "life")
    push(told.server, study("life", 1, first=3))
    arrive(told.server, "life")
    assert told.server.delete(f"/studies/{events.orthanc_study('life')}").status_code == 200
    found = told.drained().events()
    assert kinds(check_order(found)) == ["study.received", "study.arrived", "study.updated", "study.deleted"]
    for event in found:
        assert event.record.key == event.key == study_uid("life")
        assert event.data["studyInstanceUid"] == study_uid("life")
    arrived, updated = found[1].data, found[2].data
    assert (arrived["instancesCount"], updated["instancesCount"]) == (3, 4)
    assert arrived["stableReason"] == "explicit"
    assert sorted(series["instances"] for series in arrived["series"]) == [1, 2]


def test_a_study_arrives_when_nothing_came_for_a_while(make_told, kafka, tmp_path):
    told = make_told(kafka, {"StableAge": LATE})
    files = [tmp_path / f"{number}.dcm" for number in range(4)]
    for path, part in zip(files, study("stable", 4)):
        path.write_bytes(part.bytes)
    storescu(told.server.dicom_port, files)
    with told.read() as log:
        found = [events.event_of(record) for record in log.wait(2)]
    assert kinds(found) == ["study.received", "study.arrived"]
    assert found[1].data["stableReason"] == "stable-age"
    assert found[1].data["instancesCount"] == 4
    assert found[0].data["callingAet"] == "MODALITY"


def test_headers_carry_the_envelope(told):
    events.told_studies(told.server, ["headers"])
    for event in told.drained().events():
        headers = event.record.headers
        assert headers["content-type"].startswith("application/json")
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_source"] == "/lightbox/test"
        assert headers["ce_type"] == events.TYPE.format(event.kind)
        assert headers["ce_partitionkey"] == event.record.key
        assert headers["ce_sequence"] == f"{event.revision:020}"
        assert headers["ce_lane"] == "normal"
        assert headers["ce_datacategory"] == "phi"
        assert headers["traceparent"] == headers["ce_traceparent"]
        assert json.loads(event.record.value)["revision"] == event.revision


def test_the_trace_of_a_request_goes_on_in_its_events(told):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    part, = study("trace", 1)
    answer = told.server.post("/instances", part.bytes, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.status_code == 200
    event, = told.drained().events()
    assert event.record.headers["traceparent"].split("-")[1] == trace


def test_structured_mode_carries_the_same(make_told, kafka):
    told = make_told(kafka, ContentMode="structured")
    events.told_studies(told.server, ["structured"])
    found = told.drained().events()
    assert kinds(found) == ["study.received", "study.arrived"]
    assert all(event.record.headers["content-type"].startswith("application/cloudevents+json") for event in found)
    assert all(event.record.key == study_uid("structured") for event in found)


def test_every_study_keeps_its_order_among_many(told):
    labels = [f"many-{number}" for number in range(40)]
    for round_ in range(3):
        for label in labels:
            push(told.server, study(label, 1, first=round_))
            arrive(told.server, label)
    found = told.check(labels)
    assert len(found) == 4 * len(labels)
    for of_key in by_key(found).values():
        assert kinds(of_key) == ["study.received", "study.arrived", "study.updated", "study.updated"]


def test_partitions_are_those_of_javas_producer(told):
    labels = [f"partition-{number}" for number in range(60)]
    for label in labels:
        push(told.server, study(label, 1))
    placed = {event.key: event.record.partition for event in told.drained().events()}
    keys = sorted(placed)
    done = subprocess.run([JAVA, "-cp", f"{jars('4')}/*", ROOT / "tests" / "kafka" / "Partition.java", str(events.PARTITIONS)],
                          input="".join(f"{key}\n" for key in keys), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [placed[key] for key in keys] == [int(line) for line in done.stdout.split()]
    assert set(placed.values()) == set(range(events.PARTITIONS))


# --- topics ---

def test_the_state_topic_has_the_last_word_on_each_study(told):
    events.told_studies(told.server, ["kept", "gone"])
    assert told.server.delete(f"/studies/{events.orthanc_study('gone')}").status_code == 200
    told.drained()
    with told.read(STATE) as log:
        last = {record.key: record for record in log.all()}
    assert last[study_uid("gone")].value is None
    state = events.event_of(last[study_uid("kept")])
    assert state.kind == "study.arrived"


def test_a_document_is_told_of_as_a_report(told):
    part, = study("report", 1)
    push(told.server, [part])
    document, = document_of("report")
    stored = told.server.store(document.bytes)
    assert told.server.delete(f"/instances/{stored['ID']}").status_code == 200
    found = told.drained().events(REPORT)
    assert kinds(check_order(found)) == ["report.available", "report.withdrawn"]
    assert found[0].data["sopClassUid"] == ENCAPSULATED_PDF
    assert found[0].data["sopInstanceUid"] == document.sop_instance
    assert found[0].record.key == study_uid("report")


def document_of(label):
    raw = events.Raw()
    pdf = b"%PDF-1.4\n%%EOF\n"
    more = {0x00420010: raw.element(0x00420010, "ST", b"Report"), 0x00420012: raw.element(0x00420012, "LO", b"application/pdf "),
            0x00420011: raw.element(0x00420011, "OB", pdf + b"\0" * (len(pdf) % 2))}
    return [events.raw_file(f"events-{label}/document", more, image=False, sop_class=ENCAPSULATED_PDF, patient_id=f"EVENTS-{label}",
                            study=study_uid(label), series=events.uid(f"documents of {label}"))]


def test_a_study_stays_in_the_lane_it_came_in(make_told, kafka, tmp_path):
    told = make_told(kafka, Lanes=[{"Lane": "svip1", "Tags": {"PatientID": "EVENTS-great*"}}, {"Lane": "vip", "CallingAet": "MODALITY"}])
    path = tmp_path / "vip.dcm"
    path.write_bytes(study("vip", 1)[0].bytes)
    storescu(told.server.dicom_port, [path])
    push(told.server, study("vip", 1, first=1))  # by another door, for which there is no rule
    push(told.server, study("great", 1))
    push(told.server, study("plain", 1))
    push(told.server, document_of("great"))
    for label in ("vip", "great", "plain"):
        arrive(told.server, label)
    told.drained()
    of_lane = {}
    for lane in LANES:
        with events.KafkaLog(kafka.client(), [told.topic(STUDY, lane), told.topic(REPORT, lane)]) as log:
            of_lane[lane] = [events.event_of(record) for record in log.all()]
        assert {event.attributes["lane"] for event in of_lane[lane]} <= {lane}
    assert {lane: {event.key for event in found} for lane, found in of_lane.items()} == {
        "normal": {study_uid("plain")}, "vip": {study_uid("vip")}, "svip1": {study_uid("great")}, "svip2": set()}
    assert "report.available" in kinds(of_lane["svip1"])


def test_topics_are_made_and_checked(make_told, kafka):
    told = make_told(kafka, topics=False, start=False)
    missing = told.server.run("topics", "verify")
    assert missing.returncode != 0
    assert told.topic(STUDY) in missing.stdout + missing.stderr
    told.ensure_topics()
    assert told.server.run("topics", "verify").returncode == 0
    assert told.server.run("topics", "ensure").returncode == 0  # again changes nothing
    described = kafka.admin.list_topics(timeout=30).topics
    for name in (told.topic(STUDY, lane) for lane in LANES):
        assert len(described[name].partitions) == events.PARTITIONS
    assert configuration(kafka, told.topic(STATE), "cleanup.policy") == "compact"
    assert configuration(kafka, told.topic(STUDY), "retention.ms") == str(14 * 24 * 3600 * 1000)


def configuration(kafka, topic, name):
    from confluent_kafka.admin import ConfigResource, ResourceType
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return kafka.admin.describe_configs([resource])[resource].result(30)[name].value


def test_topics_with_other_partitions_are_complained_of(make_told, kafka):
    told = make_told(kafka, topics=False, start=False)
    kafka.create_topic(told.topic(STUDY), partitions=events.PARTITIONS + 1)
    for verb in ("ensure", "verify"):
        done = told.server.run("topics", verb)
        assert done.returncode != 0
        assert told.topic(STUDY) in done.stdout + done.stderr


# --- ways to the broker ---

@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener, mechanism", [("SSL", None), ("SASL_PLAINTEXT", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-256"),
                                                 ("SASL_SSL", "SCRAM-SHA-512")])
def test_every_listener_is_written_to(make_told, brokers, version, listener, mechanism):
    if (mechanism or "").startswith("SCRAM") and not scram_is_understood(version):
        pytest.skip("brokers from 4.0 refuse what librdkafka before 2.6.1 says in SCRAM")
    kafka = brokers(version)
    told = make_told(kafka, client=client_of(kafka, listener, mechanism))
    events.told_studies(told.server, ["secure"])
    assert kinds(told.check(["secure"])) == ["study.received", "study.arrived"]


def client_of(kafka, listener, mechanism, user="lightbox"):
    """Members of Events.Kafka for that listener."""
    client = {"Brokers": kafka.brokers(listener), "SecurityProtocol": listener}
    if listener.endswith("SSL"):
        client["CaLocation"] = str(kafka.certificates.authority)
    if mechanism:
        client |= {"SaslMechanism": mechanism, "SaslUsername": user, "SaslPassword": kafka.client(listener, mechanism, user)["sasl.password"]}
    return client


def test_a_client_certificate_is_shown(make_told, kafka):
    certificates = kafka.certificates
    client = {**client_of(kafka, "SSL", None), "CertificateLocation": str(certificates.certificate("lightbox")),
              "KeyLocation": str(certificates.key("lightbox"))}
    told = make_told(kafka, client=client)
    events.told_studies(told.server, ["certificate"])
    assert len(told.check(["certificate"])) == 2


def test_an_unknown_authority_is_not_trusted(make_told, kafka, tmp_path):
    """And the archive does not mind: what cannot be told yet waits."""
    from support.certificates import Certificates
    stranger = Certificates(tmp_path / "stranger")
    told = make_told(kafka, client={**client_of(kafka, "SSL", None), "CaLocation": str(stranger.authority)}, topics=False)
    push(told.server, study("untrusted", 1))
    assert told.unsent() == 1


# --- over time ---

def test_nothing_is_told_again_after_a_restart(told):
    events.told_studies(told.server, ["restart"])
    before = told.drained().events()
    told.server.stop()
    told.server.start()
    push(told.server, study("restart-2", 1))
    after = told.drained().events()
    assert [event.id for event in after if event.key == study_uid("restart")] == [event.id for event in before]
    assert len(after) == len(before) + 1


def test_what_was_kept_is_told_when_kafka_comes_later(make_told, kafka):
    told = make_told(kafka, start=False)
    configured = told.server.settings.pop("Events")
    told.server.start()
    events.told_studies(told.server, ["early", "earlier"])
    told.server.stop()
    told.server.settings["Events"] = configured
    told.server.start()
    found = told.check(["early", "earlier"])
    assert len(found) == 4


def test_nothing_of_the_patient_is_told(told):
    """Values that stand nowhere but in the patient's attributes and in free text are in no record and in no header."""
    canary = b"CANARY"
    part, = study("phi", 1, **{"00100010": ("PN", canary + b"^NAME"), "00100030": ("DA", b"19450508"), "00081030": ("LO", canary + b" STUDY"),
                               "0008103E": ("LO", canary + b" SERIES"), "00104000": ("LT", canary + b" NOTE"), "00080090": ("PN", canary + b"^REFERRER"),
                               "00100040": ("CS", b"F ")})
    told.server.store(part.bytes)
    arrive(told.server, "phi")
    told.drained()
    with told.read(STUDY, STATE, REPORT, OPS) as log:
        records = log.all()
    assert len(records) == 4
    for record in records:
        whole = repr(record.headers).encode() + record.key.encode() + record.value
        assert canary not in whole
        assert b"19450508" not in whole
        assert b"EVENTS-phi" not in whole


def test_readers_are_served_while_events_are_told(told):
    """The relay has a thread of its own: metrics tell of it, and the doors do not wait."""
    labels = [f"served-{number}" for number in range(20)]
    for label in labels:
        push(told.server, study(label, 1))
        assert told.server.get("/studies").status_code == 200
    told.check(labels)
    sent = 'imaging_events_sent_total{type="study.received",result="delivered"}'
    assert eventually(lambda: told.server.metric(sent), sent) >= len(labels)


def test_the_feed_over_http_has_the_same_events(told):
    events.told_studies(told.server, ["feed"])
    sent = told.drained().events()
    with requests.get(told.server.url("/events?since=0"), stream=True, timeout=60) as answer:
        assert answer.status_code == 200
        lines = (line for line in answer.iter_lines(decode_unicode=True) if line.startswith("data:"))
        fed = [json.loads(next(lines).removeprefix("data:")) for _ in sent]
    assert [event["id"] for event in fed] == [event.id for event in sent]
    assert [event["data"] for event in fed] == [event.data for event in sent]
