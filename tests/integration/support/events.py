"""A server that tells a Kafka of what happens, what it told, and what must hold of that however anything ended."""

import dataclasses
import hashlib
import itertools
import sys

from . import contract
from .kafka_log import KafkaLog
from .lightbox import ROOT
from .process import eventually

sys.path.insert(0, str(ROOT / "testdata"))
from recipes.catalogue import uid  # noqa: E402
from recipes.raw import Raw, raw_file  # noqa: E402

TYPE = "org.sapoche.imaging.{}.v1"
STUDY, STATE, REPORT = "imaging.study.events.v1", "imaging.study.state.v1", "imaging.report.events.v1"
AUDIT, OPS = "imaging.audit.v1", "imaging.ops.v1"
LANES = ("normal", "vip", "svip1", "svip2")
PARTITIONS = 4

prefixes = (f"t{number}." for number in itertools.count())


# --- what is pushed ---

def study_uid(label):
    return uid(f"study of events {label}")


def study(label, instances=2, first=0, **more):
    """Part 10 files of a study of its own: two series, and a patient. more: elements by keyword of tag, as bytes with VR."""
    raw = Raw()
    elements = {int(tag, 16): raw.element(int(tag, 16), vr, value) for tag, (vr, value) in more.items()}
    return [raw_file(f"events-{label}/{number}", elements, patient_id=f"EVENTS-{label}", study=study_uid(label),
                     series=uid(f"series of events {label} {number % 2}"))
            for number in range(first, first + instances)]


def push(server, parts):
    for part in parts:
        server.store(part.bytes)


def orthanc_study(label):
    """The study's name in the REST API: a digest of patient and study, as Orthanc makes it."""
    text = hashlib.sha1(f"EVENTS-{label}|{study_uid(label)}".encode()).hexdigest()
    return "-".join(text[at: at + 8] for at in range(0, 40, 8))


def arrive(server, label):
    """Say that the study is complete."""
    answer = server.post(f"/studies/{orthanc_study(label)}/arrive")
    assert answer.status_code in (200, 202, 204), f"arrive: {answer.status_code} {answer.text[:500]}"


def told_studies(server, labels, instances=1):
    """Push studies and say that each is complete: two events each."""
    for label in labels:
        push(server, study(label, instances))
        arrive(server, label)


# --- what is told ---

@dataclasses.dataclass
class Event:
    """A CloudEvent in either form, and the record it came in."""
    attributes: dict
    data: dict
    record: object = None

    @property
    def id(self):
        return self.attributes["id"]

    @property
    def kind(self):
        """The short name of its type: study.arrived."""
        return self.attributes["type"].removeprefix("org.sapoche.imaging.").removesuffix(".v1")

    @property
    def aggregate(self):
        return self.kind.partition(".")[0]

    @property
    def revision(self):
        return int(self.attributes["sequence"])

    @property
    def key(self):
        return self.attributes["partitionkey"]


def event_of(record):
    """The event of a record, in either form; it has to be as the contract says."""
    return checked(contract.from_headers([(name, value.encode()) for name, value in record.headers.items()], record.value), record)


def checked(document, record=None):
    """An event in its structured form."""
    attributes = dict(contract.validate(document))
    return Event(attributes, attributes.pop("data"), record)


def distinct(events):
    """Without what came again; each repetition must be the very same record."""
    first = {}
    for event in events:
        known = first.setdefault(event.id, event)
        assert known.record is None or (known.attributes, known.data, known.record.key) == (event.attributes, event.data, event.record.key), \
            f"{event.kind} came again, and differs"
    return list(first.values())


def by_key(events):
    """(key, aggregate) -> its events in the order they came."""
    found = {}
    for event in events:
        found.setdefault((event.key, event.aggregate), []).append(event)
    return found


def check_order(events):
    """Of each key every revision is there, from the first, in order; a repetition does not count. Returns events without repetitions."""
    told = distinct(events)
    for (key, aggregate), of_key in by_key(told).items():
        revisions = [event.revision for event in of_key]
        assert revisions == list(range(1, len(revisions) + 1)), f"{aggregate} of {key}: {revisions}"
        assert len({(event.record.topic, event.record.partition) for event in of_key if event.record}) <= 1
    return told


class Told:
    """A server with Events.Kafka whose topics nobody else uses. Made by conftest's make_told."""

    def __init__(self, server, kafka=None):
        self.server, self.kafka = server, kafka
        self.prefix = server.settings["Events"]["Kafka"]["TopicPrefix"] if kafka else ""

    def ensure_topics(self):
        done = self.server.run("topics", "ensure")
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def topic(self, name=STUDY, lane="normal"):
        return self.prefix + name + ("" if lane == "normal" else f".{lane}")

    def read(self, *topics):
        return KafkaLog(self.kafka.client(), [self.topic(name) for name in topics or (STUDY,)])

    def events(self, *topics):
        """All that stands in these topics now."""
        with self.read(*topics) as log:
            return [event_of(record) for record in log.all()]

    def drained(self):
        """Wait until nothing waits to be sent."""
        eventually(lambda: self.unsent() == 0, "an empty outbox")
        return self

    def unsent(self):
        return self.server.index().value("SELECT count(*) FROM outbox_unsent")

    def check(self, sent_labels, *topics):
        """Once drained: the events are those of the studies that are stored, all of them, in order. The events."""
        self.drained()
        told = check_order(self.events(*topics))
        stored = {study["MainDicomTags"]["StudyInstanceUID"] for study in self.server.json("/studies?expand")}
        assert stored == {study_uid(label) for label in sent_labels}
        assert {event.key for event in told if event.kind == "study.received"} == stored
        return told


def settings(kafka, prefix, client=None, **more):
    """The section Events for this cluster. client: members of Events.Kafka beside the usual ones."""
    return {"Events": {"Kafka": {"Brokers": kafka.brokers(), "TopicPrefix": prefix, "Partitions": PARTITIONS,
                                 "ReplicationFactor": min(3, len(kafka.nodes)), "MinInsyncReplicas": min(2, len(kafka.nodes)),
                                 **(client or {})}, **more}}
