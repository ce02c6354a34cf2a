"""`lightbox topics`: the topics of a real cluster, made and held against the contract."""

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions

from support import events
from support import kafka as kafka_module
from support.process import eventually

TOPICS = {"imaging.study.events.v1", "imaging.study.state.v1", "imaging.report.events.v1", "imaging.worklist.events.v1",
          "imaging.patient.events.v1", "imaging.audit.v1", "imaging.ops.v1"}
WITH_LANES = {"imaging.study.events.v1", "imaging.report.events.v1"}


def expected(prefix):
    return {prefix + topic for topic in TOPICS} | {f"{prefix}{topic}.{lane}" for topic in WITH_LANES for lane in events.LANES[1:]}


def config_of(kafka, topic):
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    return {name: entry.value for name, entry in kafka.admin.describe_configs([resource])[resource].result().items()}


@pytest.mark.parametrize("version", kafka_module.VERSIONS)
def test_ensure_makes_what_is_missing_as_the_contract_says(brokers, make_told, version):
    kafka = brokers(version)
    told = make_told(kafka, topics=False, start=False)
    before = told.server.run("topics", "verify")
    assert before.returncode == 1
    assert {line.split(":")[0] for line in before.stdout.splitlines() if line.endswith("is missing")} == expected(told.prefix)
    made = told.server.run("topics", "ensure")
    assert made.returncode == 0, made.stdout + made.stderr
    listed = kafka.admin.list_topics(timeout=30).topics
    assert expected(told.prefix) <= set(listed)
    assert all(len(listed[topic].partitions) == events.PARTITIONS for topic in expected(told.prefix))
    study, state = config_of(kafka, told.topic()), config_of(kafka, told.topic(events.STATE))
    assert (study["cleanup.policy"], study["retention.ms"]) == ("delete", str(14 * 86400 * 1000))
    assert (state["cleanup.policy"], state["min.compaction.lag.ms"]) == ("compact", "3600000")
    after = told.server.run("topics", "verify")
    assert after.returncode == 0, after.stdout + after.stderr
    assert told.server.run("topics", "ensure").returncode == 0, "a second time there is nothing to do"


def test_verify_reports_each_difference_and_changes_nothing(kafka, make_told):
    told = make_told(kafka, start=False)
    admin = kafka.admin
    admin.create_partitions([NewPartitions(told.topic(events.AUDIT), events.PARTITIONS + 1)])[told.topic(events.AUDIT)].result()
    resource = ConfigResource(ConfigResource.Type.TOPIC, told.topic(events.STATE), incremental_configs=[
        ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET),
        ConfigEntry("min.compaction.lag.ms", "0", incremental_operation=AlterConfigOpType.SET)])
    admin.incremental_alter_configs([resource])[resource].result()
    differences = {f"{told.topic(events.AUDIT)}: partitions: {events.PARTITIONS + 1}, not {events.PARTITIONS}",
                   f"{told.topic(events.STATE)}: cleanup.policy: delete, not compact",
                   f"{told.topic(events.STATE)}: min.compaction.lag.ms: 0, not 3600000"}
    for word in ("verify", "ensure"):
        done = eventually(lambda word=word: said(told, word, differences), "brokers that know of the changes")
        assert done.returncode == 1


def said(told, word, lines):
    """What the command answered, once it says all of this."""
    done = told.server.run("topics", word)
    return done if lines <= set(done.stdout.splitlines()) else None


def test_a_server_never_makes_a_topic(kafka, make_told):
    told = make_told(kafka, topics=False)
    events.push(told.server, events.study("no topics"))
    eventually(lambda: "topic-held" in told.server.process.output(), "a topic that is missed")
    told.server.stop()
    assert not any(topic.startswith(told.prefix) for topic in kafka.admin.list_topics(timeout=30).topics)


def test_what_is_wrong_with_the_command_is_said(make_lightbox):
    server = make_lightbox(start=False)
    done = server.run("topics", "ensure")
    assert done.returncode == 1 and "Events.Kafka.Brokers" in done.stderr
    assert server.run("topics", "delete").returncode == 2
