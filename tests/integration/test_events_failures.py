"""Whatever ends, hangs or fills up: every study that is stored is told of, in order, and nothing else is.

Server, relay and broker are killed at each step and at moments of chance, the broker is suspended, loses nodes and disk, and
refuses what it is sent. Each time the events seen are those of the studies stored; what came twice is the same event.
"""

import os
import pathlib
import random
import threading

import pytest
import requests
from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, AdminClient, AlterConfigOpType, ConfigEntry,
                                   ConfigResource, ResourcePatternType, ResourceType)

from support import events, stow
from support.events import LANES, OPS, REPORT, STUDY, arrive, check_order, push, study, study_uid
from support.kafka import VERSIONS
from support.peers import RawStore
from support.process import eventually
from test_events import client_of, document_of, kinds

SEED = int(os.environ.get("LIGHTBOX_TEST_SEED", "20240229"))
AWAY = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, ConnectionError)


class Sender:
    """Pushes study after study and, as modalities do, sends again what was not acknowledged, until it is."""

    def __init__(self, told, name, instances=2):
        self.told, self.name, self.instances = told, name, instances
        self.labels, self.ending = [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(120)
        assert not self.thread.is_alive(), "a sender hangs"

    def run(self):
        while not self.ending.is_set():
            label = f"{self.name}-{len(self.labels)}"
            for part in study(label, self.instances):
                while not self.send(part):
                    self.ending.wait(0.05)
            self.labels.append(label)

    def send(self, part):
        try:
            url = self.told.server.url("/instances")
            return requests.post(url, part.bytes, timeout=60, headers={"Content-Type": "application/dicom"}).status_code == 200
        except AWAY:
            return False

    def wait_for(self, count):
        """Until that many more studies are stored."""
        wanted = len(self.labels) + count
        eventually(lambda: len(self.labels) >= wanted, f"{wanted} studies")


def arrived(told, labels):
    """Wait until each study's arrival stands in Kafka; all events, checked."""
    wanted = {study_uid(label) for label in labels}
    with told.read() as log:
        log.until(lambda records: {record.key for record in records if b"stableReason" in record.value} >= wanted, "every study's arrival")
    return told.check(labels)


# --- the server and its relay ---

STEPS = ("store-written", "store-synced", "after-file-write", "before-commit", "after-commit", "after-produce-before-ack", "after-ack-before-mark")


@pytest.mark.sanitize
@pytest.mark.parametrize("nth", [1, 7])
@pytest.mark.parametrize("step", STEPS)
def test_ended_at_a_step(make_told, kafka, crash_points, step, nth):
    told = make_told(kafka, start=False)
    labels = [f"step-{number}" for number in range(10)]
    parts = [part for label in labels for part in study(label, 1)]
    with pytest.raises((*AWAY, AssertionError)):  # it may not even get as far as answering
        told.server.start(wait="/livez", env={"LIGHTBOX_CRASH_AT": f"{step}:{nth}"})
        for part in parts:
            push(told.server, [part])
            sent_or_gone(told)
    eventually(lambda: not told.server.process.running(), f"the end at {step}")
    told.server.start()
    push(told.server, parts)  # what was not acknowledged comes again; so does the rest
    for label in labels:
        arrive(told.server, label)
    found = told.check(labels)
    assert len(found) == 2 * len(labels)
    seen = [event.id for event in told.events()]
    assert max(seen.count(identifier) for identifier in set(seen)) <= 2


def sent_or_gone(told):
    """One note a study, not one for several: so that the seventh is not long in coming."""
    eventually(lambda: told.unsent() == 0 or not told.server.process.running(), "an event to be sent")


def kill_servers(told, rounds):
    chance = random.Random(SEED)
    told.server.start()
    with Sender(told, "killed-a") as first, Sender(told, "killed-b") as second:
        for _ in range(rounds):
            first.wait_for(chance.randrange(1, 12))
            told.server.kill()
            told.server.start()
        second.wait_for(3)
    arrived(told, first.labels + second.labels)


def test_servers_killed_while_they_tell(make_told, kafka):
    kill_servers(make_told(kafka, {"StableAge": 1}, start=False), rounds=3)


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS)
def test_servers_killed_while_they_tell_many_times(make_told, brokers, version):
    kill_servers(make_told(brokers(version), {"StableAge": 1}, start=False), rounds=30)


def test_stopped_in_the_middle_of_a_backlog(make_told, kafka):
    """SIGTERM flushes what is on its way; the rest is told by the next one."""
    told = make_told(kafka, start=False)
    told.server.settings["Events"]["Kafka"]["Brokers"] = "127.0.0.1:9"  # nobody is there
    told.server.start()
    labels = [f"backlog-{number}" for number in range(100)]
    events.told_studies(told.server, labels)
    assert told.unsent() == 200
    told.server.stop()
    told.server.settings["Events"]["Kafka"]["Brokers"] = kafka.brokers()
    for _ in range(3):
        told.server.start(wait="/livez")
        told.server.stop()
    told.server.start()
    assert len(told.check(labels)) == 200


# --- the broker ---

def test_a_suspended_broker_holds_nobody_up(make_told, make_kafka):
    kafka = make_kafka()
    told = make_told(kafka, client={"DeliveryTimeout": 2})
    push(told.server, study("before", 1))
    told.drained()
    kafka.nodes[0].suspend()
    labels = [f"suspended-{number}" for number in range(20)]
    events.told_studies(told.server, labels)
    store_by_dimse(told.server, study("dimse", 1))
    assert told.server.get("/studies").status_code == told.server.get("/readyz").status_code == 200
    assert told.unsent() == 41
    kafka.nodes[0].resume()
    told.check(["before", "dimse", *labels])


def store_by_dimse(server, parts):
    with RawStore(server.dicom_port, [(parts[0].sop_class, parts[0].transfer_syntax)]) as peer:
        for part in parts:
            assert peer.send(part.sop_class, part.sop_instance, part.transfer_syntax, part.bytes[part.dataset_offset:]).status == 0


def kill_broker(told, kafka, rounds):
    told.server.start()
    with Sender(told, "broker") as sender:
        for _ in range(rounds):
            sender.wait_for(5)
            kafka.nodes[0].kill()
            sender.wait_for(5)  # is none of the senders' business
            kafka.nodes[0].start()
            kafka.wait()
    arrived(told, sender.labels)


def test_a_broker_that_is_killed_gets_what_it_missed(make_told, make_kafka):
    kafka = make_kafka()
    kill_broker(make_told(kafka, {"StableAge": 1}, start=False), kafka, rounds=1)


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS)
def test_a_broker_that_is_killed_again_and_again(make_told, make_kafka, version):
    kafka = make_kafka(version)
    kill_broker(make_told(kafka, {"StableAge": 1}, start=False), kafka, rounds=6)


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS)
def test_one_of_three_brokers_is_enough_to_lose_and_two_are_waited_for(make_told, make_kafka, version):
    kafka = make_kafka(version, nodes=3)
    told = make_told(kafka)
    labels = [f"three-{number}" for number in range(20)]
    events.told_studies(told.server, labels)
    told.drained()
    kafka.nodes[0].kill()
    more = [f"two-{number}" for number in range(20)]
    events.told_studies(told.server, more)
    told.drained()
    kafka.nodes[1].kill()
    last = [f"one-{number}" for number in range(20)]
    events.told_studies(told.server, last)
    assert told.unsent() == 40
    for node in kafka.nodes[:2]:
        node.start()
    kafka.wait()
    told.check(labels + more + last)


def test_a_broker_without_disk_gets_its_events_later(make_told, make_kafka):
    kafka = make_kafka(disk_megabytes=100, settings={"log.segment.bytes": 1 << 20})
    told = make_told(kafka)
    labels = ["room"]
    events.told_studies(told.server, labels)
    told.drained()
    node, = kafka.nodes
    node.disk.fill()
    eventually(lambda: tell_one_more(told, labels) and not node.running(), "the end of a broker without room")
    tell_one_more(told, labels)
    assert told.unsent() >= 2
    node.disk.relieve()
    node.start()
    kafka.wait()
    assert len(told.check(labels)) == 2 * len(labels)


def tell_one_more(told, labels):
    labels.append(f"full-{len(labels)}")
    events.told_studies(told.server, labels[-1:])
    return labels


@pytest.mark.long
def test_a_long_absence_costs_no_memory_and_no_order(make_told, make_kafka):
    """100,000 events: studies come and go, again and again."""
    kafka = make_kafka()
    told = make_told(kafka)
    kafka.nodes[0].kill()
    come_and_go(told.server, 5)
    before = resident_bytes(told.server)
    come_and_go(told.server, 45)
    assert resident_bytes(told.server) - before < 64 << 20
    assert told.unsent() == 50 * 2000
    kafka.nodes[0].start()
    kafka.wait()
    told.drained()
    revisions = {}
    with told.read() as log:
        for record in log.all():
            revisions.setdefault(record.key, []).append(int(record.headers["ce_sequence"]))
    assert len(revisions) == 1000
    assert all(of_study == list(range(1, 101)) for of_study in revisions.values())
    assert resident_bytes(told.server) - before < 64 << 20


def come_and_go(server, rounds):
    """2000 events a round: a thousand studies of ten patients are stored and deleted."""
    files = [events.raw_file(f"events-away/{number}", {}, patient_id=f"EVENTS-{number % 10}", study=study_uid(f"away-{number}"))
             for number in range(1000)]
    for _ in range(rounds):
        answer = stow.post(server, [stow.part(file.bytes, "application/dicom") for file in files])
        assert answer.status_code == 200, answer.text[:500]
        for patient in server.json("/patients"):
            assert server.delete(f"/patients/{patient}").status_code == 200


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) << 10


# --- what a broker refuses ---

def dead(told, count):
    """Wait until that many events are listed as dead."""
    return eventually(lambda: len(found := listed_dead(told)) == count and found, f"{count} dead events")


def listed_dead(told):
    found = told.server.json("/events/dead")
    return found if isinstance(found, list) else found["events"]


def told_of_the_dead(told, count):
    with told.read(OPS) as log:
        found = [events.event_of(record) for record in log.wait(count)]
    assert kinds(found) == ["relay.event-dead"] * count
    return found


def retry(told, event):
    answer = told.server.post(f"/events/{event['id']}/retry")
    assert answer.status_code in (200, 202, 204), f"{answer.status_code} {answer.text}"


def test_a_missing_topic_stops_what_belongs_there_alone(make_told, kafka):
    told = make_told(kafka, start=False, client={"DeliveryTimeout": 5}, Lanes=[{"Lane": "vip", "Tags": {"PatientID": "EVENTS-lost"}}])
    missing = told.topic(STUDY, "vip")
    kafka.admin.delete_topics([missing])[missing].result(30)
    eventually(lambda: missing not in kafka.admin.list_topics(timeout=30).topics, "the end of a topic")
    told.server.start()
    push(told.server, study("lost", 1))
    reason, = dead(told, 1)
    assert "topic" in reason["reason"].lower()
    arrive(told.server, "lost")  # waits behind the dead one
    events.told_studies(told.server, ["found"])
    assert kinds(told.drained().events()) == ["study.received", "study.arrived"]
    report, = told_of_the_dead(told, 1)
    assert report.data["eventId"] == reason["id"]

    told.ensure_topics()
    retry(told, reason)
    with events.KafkaLog(kafka.client(), missing) as log:
        found = [events.event_of(record) for record in log.wait(2)]
    assert kinds(check_order(found)) == ["study.received", "study.arrived"]
    assert listed_dead(told) == []


def test_a_topic_that_is_not_ours_to_write_stops_what_belongs_there_alone(make_told, kafka):
    told = make_told(kafka, start=False)  # its topics are made by somebody who may
    for name in (STUDY, OPS, events.STATE):
        allow(kafka, told.topic(name))
    told.server.settings["Events"]["Kafka"] |= client_of(kafka, "SASL_SSL", "PLAIN", "stranger")
    told.server.start()
    push(told.server, study("denied", 1) + document_of("denied"))
    refused, = dead(told, 1)
    assert refused["type"] == "report.available"
    assert "uthoriz" in refused["reason"]
    arrive(told.server, "denied")  # waits behind the dead one
    events.told_studies(told.server, ["allowed"])
    assert sorted(kinds(told.drained().events())) == ["study.arrived", "study.received", "study.received"]
    allow(kafka, told.topic(REPORT))
    eventually(lambda: retried(told, refused), "the permission")
    assert kinds(told.events(REPORT)) == ["report.available"]
    assert len(told.check(["denied", "allowed"])) == 4


def allow(kafka, topic):
    """Have the stranger write there, and wait until the broker knows."""
    bindings = [AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:stranger", "*", operation, AclPermissionType.ALLOW)
                for operation in (AclOperation.WRITE, AclOperation.DESCRIBE)]
    for made in kafka.admin.create_acls(bindings).values():
        made.result(30)
    stranger = AdminClient(kafka.client("SASL_SSL", "PLAIN", "stranger"))
    eventually(lambda: topic in stranger.list_topics(timeout=30).topics, f"the right to {topic}")


def retried(told, event):
    """Retry until it is not dead any more: a broker's rights take a moment to be known."""
    if any(known["id"] == event["id"] for known in listed_dead(told)):
        retry(told, event)
    told.drained()
    return not listed_dead(told)


def test_an_event_too_large_for_its_topic_stops_its_study_alone(make_told, kafka):
    told = make_told(kafka)
    set_topic(kafka, told.topic(STUDY), "max.message.bytes", "3000")
    push(told.server, many_series("large", 100))
    push(told.server, study("small", 1))
    arrive(told.server, "large")
    arrive(told.server, "small")
    large, = dead(told, 1)
    push(told.server, study("large", 1, first=1000))
    arrive(told.server, "large")
    found = check_order(told.drained().events())
    assert sorted(kinds(found)) == ["study.arrived", "study.received", "study.received"]
    set_topic(kafka, told.topic(STUDY), "max.message.bytes", "1000000")
    eventually(lambda: retried(told, large), "a larger limit")
    of_large = [event for event in told.check(["large", "small"]) if event.key == study_uid("large")]
    assert kinds(of_large) == ["study.received", "study.arrived", "study.updated"]


def many_series(label, count):
    return [events.raw_file(f"events-{label}/{number}", {}, patient_id=f"EVENTS-{label}", study=study_uid(label),
                            series=events.uid(f"series {number} of {label}")) for number in range(count)]


def set_topic(kafka, topic, name, value):
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)])
    kafka.admin.incremental_alter_configs([resource])[resource].result(30)
    described = ConfigResource(ResourceType.TOPIC, topic)
    eventually(lambda: kafka.admin.describe_configs([described])[described].result(30)[name].value == value, f"{name} {value}")


def test_a_dead_event_can_be_given_up(make_told, kafka):
    told = make_told(kafka)
    set_topic(kafka, told.topic(STUDY), "max.message.bytes", "3000")
    push(told.server, many_series("given", 100))
    arrive(told.server, "given")
    large, = dead(told, 1)
    push(told.server, study("given", 1, first=1000))
    assert told.server.delete(f"/studies/{events.orthanc_study('given')}").status_code == 200
    set_topic(kafka, told.topic(STUDY), "max.message.bytes", "1000000")
    assert told.server.delete(f"/events/{large['id']}").status_code in (200, 204)
    found = told.drained().events()
    assert (kinds(found)[0], kinds(found)[-1]) == ("study.received", "study.deleted")
    assert large["id"] not in {event.id for event in found}


# --- too much waits ---

@pytest.mark.parametrize("limit", ["MaxOutboxRows"])
def test_a_long_backlog_turns_senders_away_and_nobody_else(make_told, make_kafka, limit):
    kafka = make_kafka()
    told = make_told(kafka, **{limit: 20})
    kafka.nodes[0].kill()
    stored = []
    refused = eventually(lambda: refusal(told, stored, 503), "a sender that is turned away")
    assert refused["Retry-After"]
    assert store_by_stow(told.server, study("stow", 1)[0]).status_code == 503
    with pytest.raises(AssertionError):
        store_by_dimse(told.server, study("dimse", 1))
    assert told.server.get("/studies").status_code == 200
    kafka.nodes[0].start()
    kafka.wait()
    told.drained()
    eventually(lambda: store_by_stow(told.server, study("stow", 1)[0]).status_code == 200, "open doors")
    store_by_dimse(told.server, study("dimse", 1))
    told.check([*stored, "stow", "dimse"])


def refusal(told, stored, code):
    """Push one more study: the answer's headers if it is not taken, for which it has to have that code."""
    label = f"full-{len(stored)}"
    answer = told.server.post("/instances", study(label, 1)[0].bytes)
    if answer.status_code == 200:
        stored.append(label)
        return None
    assert answer.status_code == code
    return answer.headers


def store_by_stow(server, part):
    return stow.post(server, [stow.part(part.bytes, "application/dicom")])
