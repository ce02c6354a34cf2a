"""What a worker does with what should not come: poison, repetitions, late and foreign events, and with its own sudden end.

On a real Kafka, with every kind of database; the events are the test's own, the archive they tell of is real.
"""

import itertools
import json
import signal

import confluent_kafka
import pytest

from support import contract, events
from support.kafka_log import KafkaLog
from support.process import DEADLINE_S, eventually
from support.workers import PostgresTables, SqliteTables

GROUP = "consumer-dicom"
ARRIVED = "org.sapoche.imaging.study.arrived.v1"
DELETED = "org.sapoche.imaging.study.deleted.v1"
numbers = itertools.count()


class Bus:
    """Topics of the test's own, and who writes to them."""

    def __init__(self, kafka):
        self.kafka, self.prefix = kafka, f"w{next(numbers)}."
        self.topic = kafka.create_topic(self.prefix + events.STUDY, 3, **{"max.message.bytes": 20 << 20})
        for lane in ("vip", "svip1", "svip2"):
            kafka.create_topic(f"{self.topic}.{lane}", 1)
        self.dlq = f"{self.topic}.{GROUP}.dlq"
        self.producer = confluent_kafka.Producer({**kafka.client(), "message.max.bytes": 20 << 20, "partitioner": "murmur2_random"})

    def section(self, **more):
        return {"Kafka": {"Brokers": self.kafka.brokers(), "TopicPrefix": self.prefix, "Properties": {"session.timeout.ms": 6000}}, **more}

    def send(self, value, headers=(), key=b"key"):
        failures = []
        self.producer.produce(self.topic, value, key, headers=list(headers), on_delivery=lambda error, _: failures.append(error))
        assert self.producer.flush(DEADLINE_S) == 0 and failures == [None]

    def send_event(self, id, type, label, revision, data=None, **attributes):
        """In binary form."""
        uid = events.study_uid(label)
        given = {"specversion": "1.0", "id": id, "source": "/lightbox/test", "type": type, "partitionkey": uid,
                 "sequence": f"{revision:020}", "time": f"2026-11-21T07:00:{revision:02}.000Z", **attributes}
        headers = [("content-type", b"application/json"), *((f"ce_{name}", value.encode()) for name, value in given.items())]
        self.send(json.dumps({"studyInstanceUid": uid, "revision": revision, **(data or {})}).encode(), headers, uid.encode())

    def dead(self):
        """The dead letters as they stand: (key, value, headers)."""
        consumer = confluent_kafka.Consumer({**self.kafka.client(), "group.id": "none", "enable.partition.eof": True,
                                             "enable.auto.commit": False, "fetch.message.max.bytes": 20 << 20})
        consumer.assign([confluent_kafka.TopicPartition(self.dlq, 0, confluent_kafka.OFFSET_BEGINNING)])
        found = []
        while True:
            message = consumer.poll(DEADLINE_S)
            if message.error():
                consumer.close()
                return found
            found.append((message.key(), message.value(), message.headers()))


@pytest.fixture
def bus(kafka):
    return Bus(kafka)


@pytest.fixture
def consume(lightbox, bus, make_worker, make_tables):
    def make(tables=None, **options):
        return make_worker(GROUP, lightbox, tables or make_tables(), bus.section(), **options)
    return make


def await_row(worker, label, revision):
    def reached():
        worker.process.require_running()
        rows = worker.rows(f"SELECT revision FROM imaging_study WHERE study_instance_uid = '{events.study_uid(label)}'")
        return rows and int(rows[0]["revision"]) == revision
    eventually(reached, f"revision {revision} of {label}")


def await_no_lag(worker):
    eventually(lambda: worker.metric("imaging_consumer_lag") == 0, "no lag")


POISON = {
    "no JSON": (b"{\"a\":", [("content-type", b"application/cloudevents+json")]),
    "no UTF-8": (b"\xff\xfe\x00{}", [("content-type", b"application/cloudevents+json"), ("x", b"\x80\x00")]),
    "no attributes": (b"{}", [("content-type", b"application/json")]),
    "another version": (b"{}", [("ce_specversion", b"9.9"), ("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", ARRIVED.encode())]),
    "no revision": (b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"s"), ("ce_type", ARRIVED.encode())]),
    "no data": (b"[1]", [("ce_specversion", b"1.0"), ("ce_id", b"2"), ("ce_source", b"s"), ("ce_type", ARRIVED.encode()),
                         ("ce_sequence", b"00000000000000000001")]),
    "an empty header": (b"", [("empty", b""), ("none", None)]),
}


@pytest.mark.sanitize
def test_poison_becomes_a_dead_letter_byte_for_byte_and_the_rest_goes_on(bus, consume, lightbox):
    bus.kafka.create_topic(bus.dlq, 1)
    worker = consume()
    for name, (value, headers) in POISON.items():
        bus.send(value, headers, name.encode() + b"\x00\xff")
    events.push(lightbox, events.study("good", 1))
    bus.send_event("good-1", ARRIVED, "good", 1)
    await_row(worker, "good", 1)
    eventually(lambda: worker.metric("imaging_inbox_dlq_total") == len(POISON), "all poison to be set aside")
    await_no_lag(worker)
    letters = {key: (value, headers) for key, value, headers in bus.dead()}
    assert len(letters) == len(POISON)
    for name, (value, headers) in POISON.items():
        dead_value, dead_headers = letters[name.encode() + b"\x00\xff"]
        assert (dead_value or b"") == value, name
        assert dead_headers[:len(headers)] == headers, name
        reasons = dict(dead_headers[len(headers):])
        assert reasons["dlq-original-topic"] == bus.topic.encode() and reasons["dlq-attempts"] == b"1"
        assert reasons["dlq-error-class"] in (b"invalid", b"unsupported") and reasons["dlq-error"]
        assert {"dlq-original-partition", "dlq-original-offset", "dlq-original-timestamp"} <= set(reasons)
    worker.stop()
    worker.start()  # its offsets are behind them: none is set aside twice
    bus.send_event("good-2", ARRIVED, "good", 2)
    await_row(worker, "good", 2)
    assert len(bus.dead()) == len(POISON)


def test_a_dead_letter_that_no_topic_takes_is_kept_in_the_table(bus, consume):
    worker = consume()  # nobody made the topic of dead letters
    huge = b"\x00" + b"x" * (10 << 20)
    bus.send(huge, [("content-type", b"application/cloudevents+json")])
    eventually(lambda: worker.metric("imaging_inbox_dlq_total") == 1, "10 MB to be set aside", 2 * DEADLINE_S)
    await_no_lag(worker)
    length = "length(record_value)"
    assert worker.rows(f"SELECT topic, {length} AS size, class FROM worker_dead") == [
        {"topic": bus.topic, "size": str(len(huge)), "class": "too-large"}]


def test_repetitions_and_late_events_change_nothing(bus, consume, lightbox):
    worker = consume()
    events.push(lightbox, events.study("s", 1))
    bus.send_event("e2", ARRIVED, "s", 2)
    await_row(worker, "s", 2)
    before = worker.fingerprint("imaging_study", "imaging_series")
    for _ in range(2):
        bus.send_event("e2", ARRIVED, "s", 2)
    bus.send_event("e1", DELETED, "s", 1)
    bus.send_event("last", ARRIVED, "other", 1)  # of a study that the archive does not have
    eventually(lambda: worker.metric("imaging_inbox_duplicate_total") == 2 and worker.metric("imaging_inbox_stale_total") == 1,
               "all events to be left out")
    assert worker.fingerprint("imaging_study", "imaging_series") == before


def test_what_a_newer_producer_adds_is_passed_over(bus, consume, lightbox):
    worker = consume()
    events.push(lightbox, events.study("n", 1))
    bus.send_event("new-type", "org.sapoche.imaging.study.dreamt.v7", "n", 1)
    bus.send_event("e1", ARRIVED, "n", 2, data={"tomorrow": {"more": [1, 2]}}, ourextension="x")
    await_row(worker, "n", 2)
    assert worker.metric("imaging_inbox_ignored_total") == 1
    assert worker.metric("imaging_inbox_dlq_total") is None


def test_structured_events_are_understood_too(bus, consume, lightbox):
    worker = consume()
    events.push(lightbox, events.study("structured", 1))
    event = json.loads((contract.EXAMPLES / "study.arrived.json").read_text(encoding="utf-8"))
    event["partitionkey"] = event["data"]["studyInstanceUid"] = events.study_uid("structured")
    bus.send(json.dumps(event).encode(), [("content-type", b"application/cloudevents+json; charset=UTF-8")])
    await_row(worker, "structured", int(event["sequence"]))


def test_of_two_workers_one_may_die_at_any_time(bus, make_worker, make_tables, lightbox):
    tables = make_tables()
    if tables.url.startswith("sqlite"):
        pytest.skip("one process at a time writes to a file")
    first, second = (make_worker(GROUP, lightbox, tables, bus.section()) for _ in range(2))
    labels = [f"many-{number}" for number in range(30)]
    for label in labels:
        events.push(lightbox, events.study(label, 1))
    for label in labels[:15]:
        bus.send_event(f"{label}-1", ARRIVED, label, 1)
    eventually(lambda: int(second.rows("SELECT count(*) AS n FROM imaging_study")[0]["n"]) >= 5, "the first studies")
    first.kill()
    for label in labels[15:]:
        bus.send_event(f"{label}-1", ARRIVED, label, 1)
    for label in labels:
        await_row(second, label, 1)
    assert second.rows("SELECT count(*) AS n FROM worker_inbox") == [{"n": "30"}]


def test_a_database_that_is_away_holds_the_worker_and_loses_nothing(bus, make_worker, make_postgres, lightbox):
    server = make_postgres()
    worker = make_worker(GROUP, lightbox, PostgresTables(server, "own"), bus.section())
    events.push(lightbox, events.study("before", 1) + events.study("after", 1))
    bus.send_event("b", ARRIVED, "before", 1)
    await_row(worker, "before", 1)
    server.kill()
    bus.send_event("a", ARRIVED, "after", 1)
    worker.wait_for("/readyz", 503)
    assert worker.answers("/livez")
    server.start()
    await_row(worker, "after", 1)
    worker.wait_for("/readyz")
    assert worker.metric("imaging_inbox_dlq_total") is None


def test_lanes_are_read_beside_the_normal_one(bus, make_worker, make_tables, lightbox):
    worker = make_worker(GROUP, lightbox, make_tables(), bus.section(Lanes=["vip"]))
    events.push(lightbox, events.study("fast", 1) + events.study("slow", 1))
    bus.send_event("slow", ARRIVED, "slow", 1)
    normal, bus.topic = bus.topic, f"{bus.topic}.vip"
    bus.send_event("fast", ARRIVED, "fast", 1)
    await_row(worker, "fast", 1)
    worker.stop()
    assert worker.rows("SELECT count(*) AS n FROM imaging_study") == [{"n": "1"}]  # nobody read the other lane
    with KafkaLog(bus.kafka.client(), [normal]) as log:
        assert len(log.all()) == 1


@pytest.mark.parametrize("version, mechanism", [("4", "PLAIN"), ("3.9", "SCRAM-SHA-512")])  # 4 refuses SCRAM as librdkafka 2.0.2 speaks it
def test_a_broker_that_asks_who_is_there_is_told(brokers, make_worker, lightbox, tmp_path, version, mechanism):
    bus = Bus(brokers(version))
    client = bus.kafka.client("SASL_SSL", mechanism)
    secure = {"Brokers": client["bootstrap.servers"], "SecurityProtocol": "SASL_SSL", "SaslMechanism": mechanism, "SaslUsername": client["sasl.username"],
              "SaslPassword": client["sasl.password"], "CaLocation": client["ssl.ca.location"], "TopicPrefix": bus.prefix}
    worker = make_worker(GROUP, lightbox, SqliteTables(tmp_path / "own"), {"Kafka": secure})
    events.push(lightbox, events.study("secret", 1))
    bus.send_event("e1", ARRIVED, "secret", 1)
    await_row(worker, "secret", 1)
    assert client["sasl.password"] not in worker.log.read_text()


def test_a_broker_that_dies_is_waited_for_and_nothing_is_lost(make_kafka, make_worker, lightbox, tmp_path):
    bus = Bus(make_kafka())
    worker = make_worker(GROUP, lightbox, SqliteTables(tmp_path / "own"), bus.section())
    events.push(lightbox, events.study("before", 1) + events.study("after", 1))
    bus.send_event("b", ARRIVED, "before", 1)
    await_row(worker, "before", 1)
    broker = bus.kafka.nodes[0]
    broker.kill()
    worker.wait_for("/readyz", 503)
    assert worker.answers("/livez")
    broker.start()
    bus.send_event("a", ARRIVED, "after", 1)
    await_row(worker, "after", 1)
    worker.wait_for("/readyz")
    assert worker.rows("SELECT count(*) AS n FROM worker_inbox") == [{"n": "2"}]


def test_a_worker_ends_although_its_broker_hangs(make_kafka, make_worker, lightbox, tmp_path):
    bus = Bus(make_kafka())
    worker = make_worker(GROUP, lightbox, SqliteTables(tmp_path / "own"), bus.section(ShutdownTimeout=3))
    events.push(lightbox, events.study("one", 1))
    bus.send_event("e1", ARRIVED, "one", 1)
    await_row(worker, "one", 1)
    bus.kafka.nodes[0].suspend()
    worker.process.terminate()  # within the test's deadline; whether the group let go of it or not
    bus.kafka.nodes[0].resume()
    worker.start()
    bus.send_event("e2", ARRIVED, "one", 2)
    await_row(worker, "one", 2)
    assert worker.rows("SELECT count(*) AS n FROM worker_inbox") == [{"n": "2"}]


def test_an_archive_that_hangs_holds_its_study_alone(bus, make_worker, lightbox, tmp_path):
    worker = make_worker(GROUP, lightbox, SqliteTables(tmp_path / "own"), bus.section(Archive={"Url": lightbox.url(""), "Timeout": 1}))
    events.push(lightbox, events.study("one", 1))
    lightbox.process.process.send_signal(signal.SIGSTOP)
    bus.send_event("e1", ARRIVED, "one", 1)
    eventually(lambda: worker.metric("imaging_inbox_retries_total") >= 2, "several tries")
    lightbox.process.process.send_signal(signal.SIGCONT)
    await_row(worker, "one", 1)
    await_no_lag(worker)
    assert worker.metric("imaging_inbox_dlq_total") is None


def test_an_effect_that_takes_too_long_is_told_of_and_ends_well_once(bus, make_worker, lightbox, tmp_path):
    """Longer than Kafka waits for a poll: somebody has to restart it, or the archive has to go on."""
    worker = make_worker(GROUP, lightbox, SqliteTables(tmp_path / "own"), bus.section(MaxEffectTime=10, Archive={"Url": lightbox.url(""), "Timeout": 60}))
    events.push(lightbox, events.study("one", 1) + events.study("two", 1))
    lightbox.process.process.send_signal(signal.SIGSTOP)
    bus.send_event("e1", ARRIVED, "one", 1)
    worker.wait_for("/livez", 503)
    lightbox.process.process.send_signal(signal.SIGCONT)
    bus.send_event("e2", ARRIVED, "two", 1)
    await_row(worker, "one", 1)
    await_row(worker, "two", 1)
    worker.wait_for("/livez")
    await_no_lag(worker)
    assert worker.metric("imaging_inbox_dlq_total") is None
    assert worker.rows("SELECT count(*) AS n FROM worker_inbox") == [{"n": "2"}]
