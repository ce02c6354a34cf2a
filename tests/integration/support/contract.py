"""The contract of events (events/contract): validate(event) for every event that a test sees.

An event is the structured form as a dict; from_headers() makes one of a Kafka record in either form."""

import functools
import json
import pathlib

import jsonschema
import referencing

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "events" / "contract"
SCHEMAS = FOLDER / "schemas"
EXAMPLES = FOLDER / "examples"
ROOT = "https://schemas.sapoche.org/imaging/v1/"
PREFIX, SUFFIX = "org.sapoche.imaging.", ".v1"


class ContractError(AssertionError):
    """What an event says otherwise than the contract."""


def load(folder=SCHEMAS):
    """All schemas of a folder, by their $id."""
    schemas = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json")))
    return {schema["$id"]: schema for schema in schemas}


def validators(schemas):
    """id -> validator, for schemas that refer to each other."""
    resources = [(id, referencing.Resource.from_contents(schema)) for id, schema in schemas.items()]
    registry = referencing.Registry().with_resources(resources)
    return {id: jsonschema.Draft202012Validator(schema, registry=registry,
                                                format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
            for id, schema in schemas.items()}


@functools.cache
def current():
    return validators(load())


@functools.cache
def strict():
    """As above, but what no schema knows is wrong: consumers have to ignore such fields, we must not send them."""
    closed = {id: close(schema) for id, schema in load().items()}
    closed[ROOT + "cloudevent.json"]["properties"]["data"] = True  # has a schema of its own
    for id, schema in closed.items():
        if not id.endswith("common.json"):  # whose parts stand beside others
            schema["unevaluatedProperties"] = False
    return validators(closed)


def close(schema):
    """A copy in which every object inside has the properties that are written down, and no others."""
    if isinstance(schema, list):
        return [close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: close(value) for key, value in schema.items()}
    inner = [copy["items"]] if "items" in copy else []
    inner += copy.get("properties", {}).values()
    for part in inner:
        part["unevaluatedProperties"] = False  # says nothing of what is no object
    return copy


def complaints(validator, instance):
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(instance)]


def short_name(ce_type):
    """org.sapoche.imaging.study.arrived.v1 -> study.arrived"""
    if not (ce_type.startswith(PREFIX) and ce_type.endswith(SUFFIX)):
        raise ContractError(f"{ce_type} is no type of ours")
    return ce_type[len(PREFIX):-len(SUFFIX)]


def validate(event):
    """Raise ContractError unless envelope and data are as the contract says; return the event."""
    found = complaints(strict()[ROOT + "cloudevent.json"], event)
    if not found:
        found = complaints(strict()[ROOT + short_name(event["type"]) + ".json"], event["data"])
        found += disagreements(event)
    if found:
        raise ContractError(f"{event.get('type')}: " + "; ".join(found))
    return event


def disagreements(event):
    """What envelope and data both say has to be the same."""
    data = event["data"]
    found = []
    if event["dataschema"] != ROOT + short_name(event["type"]) + ".json":
        found.append(f"dataschema is {event['dataschema']}")
    if "revision" in data and not event["type"].startswith(PREFIX + "relay.") and int(event["sequence"]) != data["revision"]:
        found.append(f"sequence {event['sequence']} is not revision {data['revision']}")
    if "lane" in event and event["lane"] != data.get("lane"):
        found.append(f"lane {event['lane']} is not {data.get('lane')}")
    if event["type"].startswith((PREFIX + "study.", PREFIX + "report.")):
        uid = data["studyInstanceUid"]
        found += [f"{name} is {event.get(name)}" for name, expected in
                  (("partitionkey", uid), ("subject", f"studies/{uid}"), ("correlationid", uid)) if event.get(name) != expected]
    return found


def validate_inbound(name, data):
    """A canonical payload from the platform: report.finalised, ..."""
    found = complaints(current()[f"{ROOT}inbound/{name}.json"], data)
    if found:
        raise ContractError(f"{name}: " + "; ".join(found))
    return data


def from_headers(headers, value):
    """A Kafka record's headers (pairs of name and bytes) and value as an event, its headers checked."""
    texts = {name: (raw or b"").decode("utf-8") for name, raw in headers}
    if texts.get("content-type", "").startswith("application/cloudevents"):
        return json.loads(value)
    found = complaints(current()[ROOT + "headers.json"], texts)
    for name in ("traceparent", "tracestate"):
        if texts.get(name) != texts.get("ce_" + name):
            found.append(f"{name} is not ce_{name}")
    if found:
        raise ContractError("headers: " + "; ".join(found))
    event = {name[3:]: text for name, text in texts.items() if name.startswith("ce_")}
    return {**event, "datacontenttype": texts["content-type"], "data": json.loads(value)}


def validate_record(headers, value):
    """A Kafka record in either form."""
    return validate(from_headers(headers, value))
