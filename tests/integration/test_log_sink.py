"""The log sink: every event as a line of a file, for installations without Kafka."""

import json

from support import contract, events
from support.process import eventually


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(path, count):
    """The file's events, once there are as many; each is as the contract says."""
    eventually(lambda: path.exists() and len(lines(path)) >= count, f"{count} lines")
    found = lines(path)
    assert len(found) == count
    for document in found:
        contract.validate(document)
    return found


def test_what_happens_to_studies_is_a_line_each(make_lightbox, tmp_path):
    log = tmp_path / "events.jsonl"
    server = make_lightbox({"Events": {"LogSink": str(log)}, "StableAge": 1})
    told = events.Told(server)
    events.push(server, events.study("a line"))
    assert [event["type"] for event in written(log, 2)] == [events.TYPE.format("study.received"), events.TYPE.format("study.arrived")]
    server.delete(f"/studies/{events.orthanc_study('a line')}")
    assert written(log, 3)[2]["type"] == events.TYPE.format("study.deleted")
    eventually(lambda: told.unsent() == 3, "a backlog for a Kafka that may come")


def test_lines_go_on_where_they_ended_however_the_server_ended(make_lightbox, tmp_path):
    log = tmp_path / "events.jsonl"
    server = make_lightbox({"Events": {"LogSink": str(log)}})
    for number in range(5):
        events.push(server, events.study(f"lines {number}", 1))
        server.kill() if number % 2 else server.stop()
        server.start()
    eventually(lambda: len({line["id"] for line in lines(log)}) == 5, "all of them")
    first_seen = list(dict.fromkeys(line["subject"] for line in lines(log)))
    assert first_seen == [f"studies/{events.study_uid(f'lines {number}')}" for number in range(5)]


def test_a_relative_path_counts_from_the_configuration(make_lightbox, tmp_path):
    server = make_lightbox({"Events": {"LogSink": "told.jsonl"}}, start=False)
    folder = server.configure().parent
    server.start()
    events.push(server, events.study("relative", 1))
    assert written(folder / "told.jsonl", 1)
