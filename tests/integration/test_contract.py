"""The contract of events: documents, tables and examples agree, by the public validators' word; published versions hold."""

import copy
import datetime
import importlib.util
import json
import subprocess

import pytest
import yaml
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from conftest import require, require_program
from support import contract
from support.lightbox import BUILD, ROOT

VALIDATORS = ROOT / ".cache" / "contract"
TOOL = BUILD / "tests" / "contract_tool"
EXAMPLES = sorted(contract.EXAMPLES.glob("*.json"))
INBOUND = sorted((contract.EXAMPLES / "inbound").glob("*.json"))


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


compatibility = module(contract.FOLDER / "compatibility.py")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def check(verb, path, text=""):
    """What the public validators find."""
    require_program("node")
    require((VALIDATORS / "node_modules").is_dir(), f"{VALIDATORS} (./dev setup)")
    done = subprocess.run(["node", ROOT / "tests/tools/check_contract.mjs", VALIDATORS, verb, path],
                          input=text, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tool(verb, text=""):
    require(TOOL.exists(), f"{TOOL} (./dev build)")
    return subprocess.run([TOOL, verb], input=text, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def tables():
    return json.loads(tool("tables").stdout)


@pytest.fixture(scope="module")
def document():
    return yaml.safe_load((contract.FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))


# --- documents ---

def test_the_document_is_asyncapi():
    assert check("asyncapi", contract.FOLDER / "asyncapi.yaml") == []


def test_a_wrong_action_in_the_document_would_be_found(tmp_path, document):
    document["operations"]["sendStudy"]["action"] = "publish"
    (tmp_path / "schemas").symlink_to(contract.SCHEMAS)
    (tmp_path / "asyncapi.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    assert any("action" in text for text in check("asyncapi", tmp_path / "asyncapi.yaml"))


def test_every_type_has_schema_example_and_message(tables, document):
    names = {row["name"] for row in tables["types"]}
    assert {path.stem for path in EXAMPLES} == names
    messages = {message["name"]: message for message in document["components"]["messages"].values()}
    for row in tables["types"]:
        assert read(contract.SCHEMAS / row["schemaFile"])["$id"] == row["dataschema"]
        assert messages[row["ceType"]]["payload"]["schema"]["$ref"] == f"./schemas/{row['schemaFile']}"
    assert {name for name in messages if name.startswith(contract.PREFIX)} == {row["ceType"] for row in tables["types"]}


def test_the_page_for_readers_names_every_type(tables):
    page = (ROOT / "docs" / "EVENTS.md").read_text(encoding="utf-8")
    for row in tables["types"]:
        assert f"`{row['name']}`" in page and f"`{row['topic']}`" in page


def test_channels_are_the_topics_of_their_types(tables, document):
    def names(channel):
        return {document["components"]["messages"][message]["name"] for message in channel["messages"]}

    channels = {channel["address"]: channel for channel in document["channels"].values()}
    for topic in tables["topics"]:
        sent = {row["ceType"] for row in tables["types"] if row["topic"] == topic["name"]}
        sent |= {row["ceType"] for row in tables["types"] if row["stateTopic"] == topic["name"] and row["state"] == "kept"}
        if not sent:
            continue  # its events come later
        channel = channels[topic["name"]]
        assert names(channel) == sent
        assert (topic["name"] + ".{lane}" in channels) == topic["lanes"]
        binding = channel["bindings"]["kafka"]
        assert (binding["partitions"], binding["replicas"]) == (tables["partitions"], tables["replicas"])
        assert binding["topicConfiguration"]["cleanup.policy"] == [topic["cleanup.policy"]]
        for key in ("retention.ms", "delete.retention.ms"):
            assert binding["topicConfiguration"].get(key, -1 if key == "retention.ms" else 0) == topic[key]
    lane = document["channels"]["studyLane"]["parameters"]["lane"]["enum"]
    assert ["normal", *lane] == tables["lanes"]


def test_the_administrators_table_is_the_programs(tables):
    told = yaml.safe_load((contract.FOLDER / "topics.yaml").read_text(encoding="utf-8"))
    assert {key: told[key] for key in ("lanes", "partitions", "replicas", "min.insync.replicas")} == \
        {key: tables[key] for key in ("lanes", "partitions", "replicas", "min.insync.replicas")}
    defaults = {"retention.ms": -1, "min.compaction.lag.ms": 0, "delete.retention.ms": 0}
    assert {name: {**defaults, **row} for name, row in told["topics"].items()} == \
        {topic.pop("name"): topic for topic in copy.deepcopy(tables["topics"])}


# --- examples ---

@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_what_its_schema_says(path):
    contract.validate(read(path))


@pytest.mark.parametrize("path", INBOUND, ids=lambda path: path.stem)
def test_the_inbound_example_is_what_its_schema_says(path):
    contract.validate_inbound(path.name.removesuffix(".json").removesuffix(".pdf"), read(path))


def instances():
    for path in EXAMPLES:
        event = read(path)
        yield contract.ROOT + "cloudevent.json", event
        yield event["dataschema"], event["data"]
    for path in INBOUND:
        yield f"{contract.ROOT}inbound/{path.name.removesuffix('.json').removesuffix('.pdf')}.json", read(path)


def damaged():
    """Each example in the ways a producer could get it wrong: a member lost, of another type, empty."""
    for schema, instance in instances():
        for name in instance:
            yield schema, {key: value for key, value in instance.items() if key != name}
            yield schema, {**instance, name: [17]}
            yield schema, {**instance, name: ""}


def test_two_validators_say_the_same_of_good_and_bad():
    cases = [*instances(), *damaged()]
    lines = "\n".join(json.dumps({"schema": schema, "instance": instance}) for schema, instance in cases)
    theirs = check("schemas", contract.SCHEMAS, lines)
    assert len(theirs) == len(cases)
    for (schema, instance), found in zip(cases, theirs):
        ours = contract.complaints(contract.current()[schema], instance)
        assert bool(ours) == bool(found), (schema, ours, found)
    assert not any(theirs[:len(list(instances()))])


def test_a_field_that_no_schema_knows_is_found():
    event = read(contract.EXAMPLES / "study.arrived.json")
    for place in (event, event["data"], event["data"]["series"][0], event["data"]["orthancIds"][0]):
        place["patientsName"] = "x"
        with pytest.raises(contract.ContractError, match="patientsName"):
            contract.validate(event)
        del place["patientsName"]
    contract.validate(event)


@pytest.mark.parametrize("change", [{"sequence": f"{7:020d}"}, {"lane": "normal"}, {"partitionkey": "1.2"}, {"subject": "1.2"},
                                    {"dataschema": contract.ROOT + "study.updated.json"}])
def test_an_envelope_that_says_otherwise_than_its_data_is_found(change):
    with pytest.raises(contract.ContractError, match=next(iter(change))):
        contract.validate({**read(contract.EXAMPLES / "study.arrived.json"), **change})


# --- our reader and writer ---

@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_our_reader_and_writer_keep_an_event_in_both_forms(path):
    event = read(path)
    assert json.loads(tool("structured", path.read_text(encoding="utf-8")).stdout) == event
    binary = json.loads(tool("binary", path.read_text(encoding="utf-8")).stdout)
    headers = [(name, value.encode()) for name, value in binary["headers"]]
    assert contract.from_headers(headers, binary["value"]) == event


def as_others_see_it(event):
    """An event of the CloudEvents project's own library as the structured form."""
    texts = {name: value.isoformat(timespec="milliseconds").replace("+00:00", "Z") if name == "time" else value
             for name, value in event.get_attributes().items()}
    return {**texts, "data": event.get_data()}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_cloudevents_library_reads_what_we_write(path):
    text = path.read_text(encoding="utf-8")
    binary = json.loads(tool("binary", text).stdout)
    record = KafkaMessage({name: value.encode() for name, value in binary["headers"]}, None, binary["value"].encode())
    document = KafkaMessage({"content-type": b"application/cloudevents+json"}, None, tool("structured", text).stdout.encode())
    for message in (record, document):
        assert as_others_see_it(from_kafka(message, JSONFormat())) == read(path)


@pytest.mark.parametrize("write", [to_binary, to_structured])
@pytest.mark.parametrize("data", [{"a": [1.5, None, "ü"]}, {}])
def test_we_read_what_the_cloudevents_library_writes(write, data):
    attributes = {"id": "1", "source": "/s", "type": "t", "specversion": "1.0", "datacontenttype": "application/json", "sequence": "7",
                  "time": datetime.datetime(2026, 11, 21, 6, 47, tzinfo=datetime.timezone.utc), "subject": "Hoàng Yến", "foreign": "x"}
    message = write(CloudEvent(attributes=attributes, data=data), JSONFormat())
    record = {"headers": [(name, value.decode()) for name, value in message.headers.items()], "value": message.value.decode()}
    ours = json.loads(tool("headers", json.dumps(record)).stdout)
    del attributes["foreign"]  # which we pass over
    assert ours == {**attributes, "time": "2026-11-21T06:47:00Z", "data": data}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_row_is_composed_to_its_example(path):
    """What is kept of an event, and today's addresses, make the event again."""
    event = read(path)
    row = {"ceId": event["id"], "type": contract.short_name(event["type"]), "key": event["partitionkey"], "lane": event.get("lane"),
           "revision": int(event["sequence"]), "timeMs": 1763687875201, "traceparent": event["traceparent"],
           "data": {key: value for key, value in event["data"].items() if key not in ("retrieveUrl", "viewerUrl", "contentUrl")}}
    composed = json.loads(tool("compose", json.dumps(row)).stdout)
    assert composed == {**event, "time": "2025-11-21T01:17:55.201Z"}


# --- published versions ---

VERSIONS = compatibility.published()


def test_today_breaks_nobody_who_knows_a_published_version():
    today = contract.load()
    assert VERSIONS
    for version, folder in VERSIONS.items():
        assert compatibility.breaks(compatibility.load(folder / "schemas"), today) == [], version


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_events_are_read_by_todays_schemas_and_todays_by_recorded_ones(version):
    then = contract.validators(contract.load(VERSIONS[version] / "schemas"))
    for validators, folder in ((contract.current(), VERSIONS[version] / "examples"), (then, contract.EXAMPLES)):
        for path in sorted(folder.glob("*.json")):
            event = read(path)
            if event["dataschema"] not in validators:
                continue  # a type that is newer
            assert contract.complaints(validators[contract.ROOT + "cloudevent.json"], event) == [], path
            assert contract.complaints(validators[event["dataschema"]], event["data"]) == [], path
    for path in sorted((VERSIONS[version] / "examples" / "inbound").glob("*.json")):
        contract.validate_inbound(path.name.removesuffix(".json").removesuffix(".pdf"), read(path))


ARRIVED, FINALISED, SHARED = "study.arrived.json", "inbound/report.finalised.json", "common.json"


def drop(schema, name):
    del schema["properties"][name]


BREAKING = {
    "a type removed": (None, lambda all: all.pop(contract.ROOT + ARRIVED), "is gone"),
    "a member removed": (ARRIVED, lambda s: drop(s, "manifestSha256"), "manifestSha256 is gone"),
    "a promised member made optional": (ARRIVED, lambda s: s["required"].remove("stableReason"), "stableReason is no longer"),
    "another type": (SHARED, lambda s: s["$defs"]["count"].update(type="string"), "type was 'integer'"),
    "a value that was impossible": (ARRIVED, lambda s: s["properties"]["stableReason"]["enum"].append("mpps"), "enum was"),
    "a longer text": (SHARED, lambda s: s["$defs"]["aet"].update(maxLength=64), "maxLength was 16"),
    "another pattern": (SHARED, lambda s: s["$defs"]["sha256"].update(pattern="^x$"), "pattern was"),
    "a member of a list's items removed": (SHARED, lambda s: drop(s["$defs"]["series"], "modality"), "series[].modality is gone"),
    "more demanded of a sender": (FINALISED, lambda s: s.update(required=["title"]), "title is demanded"),
    "less taken from a sender": ("inbound/common.json", lambda s: s["$defs"]["report"]["properties"]["title"].update(maxLength=10), "maxLength was 256"),
}


@pytest.mark.parametrize("what", BREAKING)
def test_a_breaking_change_is_found(what):
    file, change, says = BREAKING[what]
    before, after = contract.load(), copy.deepcopy(contract.load())
    change(after[contract.ROOT + file] if file else after)
    found = compatibility.breaks(before, after)
    assert any(says in text for text in found), found


HARMLESS = {
    "a new member": (ARRIVED, lambda s: s["properties"].update(new={"type": "string"})),
    "a new promise": (SHARED, lambda s: s["$defs"]["study"]["required"].append("bodyPart")),
    "a value that is no longer sent": (ARRIVED, lambda s: s["properties"]["stableReason"]["enum"].remove("explicit")),
    "a new word of a sender's": ("inbound/report.requested.json", lambda s: s["properties"]["priority"]["enum"].append("asap")),
    "less demanded of a sender": ("inbound/common.json", lambda s: s["$defs"]["identified"]["required"].remove("issuedAt")),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_an_addition_breaks_nobody(what):
    file, change = HARMLESS[what]
    before, after = contract.load(), copy.deepcopy(contract.load())
    change(after[contract.ROOT + file])
    assert compatibility.breaks(before, after) == []
