"""What the tests of events stand on: a real Kafka that can be suspended, killed and filled up, and a real PostgreSQL."""

import subprocess

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from conftest import require_program
from support import kafka as kafka_module
from support.process import eventually

SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
RELIABLE = {"enable.idempotence": True, "partitioner": "murmur2_random"}


def send(client, topic, pairs, timeout_s=60):
    """Produce (key, value) pairs; the code of each one's error, None where it was acknowledged."""
    errors = []
    producer = Producer({**RELIABLE, **client})
    for key, value in pairs:
        producer.produce(topic, value, key, on_delivery=lambda error, _: errors.append(error and error.code()))
    producer.flush(timeout_s)
    return errors


@pytest.mark.parametrize("version", kafka_module.VERSIONS)
def test_records_come_back_in_the_order_of_their_key(brokers, version):
    kafka = brokers(version)
    kafka.create_topic(f"order-{version}")
    pairs = [(f"key-{number % 7}", f"value-{number}") for number in range(500)]
    assert send(kafka.client(), f"order-{version}", pairs) == [None] * 500
    with kafka.read(f"order-{version}") as log:
        records = log.all()
    for key in {key for key, _ in pairs}:
        assert [record.value.decode() for record in records if record.key == key] == [value for of, value in pairs if of == key]
        assert len({record.partition for record in records if record.key == key}) == 1


@pytest.mark.parametrize("version", kafka_module.VERSIONS)
@pytest.mark.parametrize("listener, mechanism", [("PLAINTEXT", None), ("SSL", None), ("SASL_SSL", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-256")])
def test_debians_library_writes_and_reads(brokers, version, listener, mechanism):
    """kcat uses the librdkafka that we are linked with: idempotent, compressed, with a password."""
    require_program("kcat")
    kafka = brokers(version)
    if mechanism in SCRAM and not kafka_module.scram_is_understood(version):
        pytest.skip("brokers from 4.0 refuse what librdkafka before 2.6.1 says in SCRAM")
    topic = kafka.create_topic(f"kcat-{listener}-{mechanism}")
    options = {**kafka.client(listener, mechanism), "enable.idempotence": "true"}
    settings = [word for name, value in options.items() for word in ("-X", f"{name}={value}")]
    kcat(settings, "-P", "-t", topic, "-z", "lz4", "-K", "=", text="a=" + "one" * 1000 + "\n")
    assert kcat(settings, "-C", "-t", topic, "-e", "-f", "%k=%s\n") == "a=" + "one" * 1000 + "\n"


def kcat(settings, *words, text=None):
    done = subprocess.run(["kcat", "-q", *settings, *words], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("listener, mechanism", [("SSL", None), ("SASL_PLAINTEXT", "PLAIN"), ("SASL_PLAINTEXT", "SCRAM-SHA-256"),
                                                 ("SASL_SSL", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-512")])
@pytest.mark.parametrize("version", kafka_module.VERSIONS)
def test_every_listener_takes_those_it_knows(brokers, version, listener, mechanism):
    kafka = brokers(version)
    topic = f"listener-{listener}-{mechanism}"
    kafka.create_topic(topic)
    assert send(kafka.client(listener, mechanism), topic, [("a", "b")]) == [None]
    with kafka.read(topic, listener=listener, mechanism=mechanism) as log:
        assert [record.value for record in log.all()] == [b"b"]


def test_a_wrong_password_is_refused(brokers):
    client = {**brokers("4").client("SASL_SSL"), "sasl.password": "guessed"}
    with pytest.raises(KafkaException):
        kafka_module.AdminClient(client).list_topics(timeout=5)


def test_a_stranger_may_what_the_lists_allow(brokers):
    kafka = brokers("4")
    kafka.create_topic("guarded")
    stranger = kafka.client("SASL_SSL", user="stranger")
    assert send(stranger, "guarded", [("a", "b")]) == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    allow(kafka, "guarded")
    eventually(lambda: send(stranger, "guarded", [("a", "b")]) == [None], "the permission")


def allow(kafka, topic):
    binding = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:stranger", "*", AclOperation.WRITE, AclPermissionType.ALLOW)
    kafka.admin.create_acls([binding])[binding].result(30)


def test_what_a_killed_broker_acknowledged_is_there_afterwards(make_kafka):
    kafka = make_kafka()
    kafka.create_topic("killed")
    assert send(kafka.client(), "killed", [("a", str(number)) for number in range(100)]) == [None] * 100
    kafka.nodes[0].kill()
    kafka.nodes[0].start()
    kafka.wait()
    with kafka.read("killed") as log:
        assert len(log.all()) == 100


def test_a_suspended_broker_answers_when_it_goes_on(brokers):
    kafka = brokers("4")
    kafka.create_topic("suspended")
    kafka.nodes[0].suspend()
    try:
        timed_out = send({**kafka.client(), "delivery.timeout.ms": 2000, "linger.ms": 1}, "suspended", [("a", "b")])
        assert timed_out == [KafkaError._MSG_TIMED_OUT]
    finally:
        kafka.nodes[0].resume()
    assert send(kafka.client(), "suspended", [("a", "b")]) == [None]


@pytest.mark.long
def test_a_full_disk_stops_a_broker_and_only_it(make_kafka):
    kafka = make_kafka(disk_megabytes=60, settings={"log.segment.bytes": 1 << 20})
    kafka.create_topic("full", partitions=1)
    kafka.nodes[0].disk.fill()
    producer = {**kafka.client(), "delivery.timeout.ms": 5000, "linger.ms": 1}
    assert None not in send(producer, "full", [("a", "x" * 100_000) for _ in range(30)])
    eventually(lambda: not kafka.nodes[0].running(), "the end of a broker without room")
    kafka.nodes[0].disk.relieve()
    kafka.nodes[0].start()
    kafka.wait()
    assert send(kafka.client(), "full", [("a", "b")]) == [None]


@pytest.mark.long
@pytest.mark.parametrize("version", kafka_module.VERSIONS)
def test_three_nodes_do_without_one_and_not_without_two(make_kafka, version):
    kafka = make_kafka(version, nodes=3)
    kafka.create_topic("three", partitions=6, replicas=3)
    pairs = [(str(number), "x") for number in range(60)]
    assert send(kafka.client(), "three", pairs) == [None] * 60
    kafka.nodes[0].kill()
    assert send(kafka.client(), "three", pairs) == [None] * 60
    kafka.nodes[1].kill()
    assert None not in send({**kafka.client(), "delivery.timeout.ms": 3000, "linger.ms": 1}, "three", pairs)
    for node in kafka.nodes[:2]:
        node.start()
    kafka.wait()
    assert send(kafka.client(), "three", pairs) == [None] * 60
    with kafka.read("three") as log:
        assert len(log.all()) >= 180


def test_postgres_keeps_what_it_committed_over_a_kill(make_postgres):
    postgres = make_postgres()
    postgres.create_database("kept")
    postgres.query("CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10)", "kept")
    postgres.kill()
    postgres.start()
    assert postgres.query("SELECT count(*) AS n FROM t", "kept") == [{"n": "10"}]


def test_postgres_is_nobody_in_particular(postgres):
    assert postgres.data.stat().st_uid != 0
