"""GET /events: what happens is heard as it happens, by many, by slow ones, across restarts; nothing is missed silently."""

import contextlib
import json
import pathlib
import shutil
import socket
import sqlite3
import subprocess

import pytest
from playwright.sync_api import sync_playwright

from conftest import require, require_program
from support import contract, events
from support.event_stream import EventStream
from support.process import DEADLINE_S, eventually

MANY = 400


@pytest.fixture
def told(make_lightbox):
    return make_lightbox()


def short_names(found):
    return [contract.short_name(event["type"]) for event in found]


# --- listeners ---

@pytest.mark.sanitize
def test_a_study_is_heard_as_it_comes(told):
    with EventStream(told) as stream:
        events.push(told, events.study("heard"))
        event = stream.until("study.received")
    assert event["data"]["studyInstanceUid"] == events.study_uid("heard")
    assert event["source"] == f"/lightbox/{told.settings['Name']}"


@pytest.mark.sanitize
def test_a_listener_goes_on_where_its_connection_ended(told):
    with EventStream(told, "?since=0") as stream:
        events.push(told, events.study("first", 1))
        first = stream.next()
    events.push(told, events.study("meanwhile", 1))
    with EventStream(told, "?since=0", last_id=first.id) as stream:
        assert stream.next().event()["partitionkey"] == events.study_uid("meanwhile")


def test_a_listener_that_has_heard_nothing_yet_misses_nothing(told):
    stream = EventStream(told)
    stream.close()
    events.push(told, events.study("missed", 1))
    with EventStream(told, last_id=stream.last_id) as again:
        assert again.next().event()["partitionkey"] == events.study_uid("missed")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_is_missed_across_a_restart(told, end):
    stream = EventStream(told, "?since=0")
    events.push(told, events.study("before", 1))
    heard = stream.events(1)
    getattr(told, end)()
    with contextlib.suppress(ConnectionError):
        assert stream.next() is None
    told.start()
    events.push(told, events.study("after", 1))
    with EventStream(told, "?since=0", last_id=stream.last_id) as again:
        heard += again.events(1)
    assert [event["partitionkey"] for event in heard] == [events.study_uid("before"), events.study_uid("after")]


def test_a_stopping_server_does_not_wait_for_its_listeners(told):
    with EventStream(told) as stream:
        told.stop()
        assert stream.next() is None  # an end, not a broken connection


def test_who_was_away_for_too_long_is_told_so(told):
    events.push(told, events.study("one", 1))
    events.push(told, events.study("two", 1))
    told.stop()
    with contextlib.closing(sqlite3.connect(told.data / "index.sqlite")) as rows, rows:  # as the clock would, after Events.RetentionDays
        rows.execute("DELETE FROM outbox_unsent WHERE id <= 1")
        rows.execute("DELETE FROM outbox WHERE id <= 1")
        rows.execute("UPDATE total SET purged_event = 1, unsent_events = unsent_events - 1")
    told.start()
    with EventStream(told, "?since=0") as stream:
        message = stream.next()
        assert (message.type, json.loads(message.data)) == ("reset", {"asked": 0, "position": 1})
        assert stream.next().event()["partitionkey"] == events.study_uid("two")


def test_one_study_or_one_type_can_be_followed(told):
    for label in ("a", "b"):
        events.push(told, events.study(label, 1))
    with EventStream(told, f"?since=0&study={events.study_uid('b')}") as stream:
        assert stream.next().event()["partitionkey"] == events.study_uid("b")
    stored = next(study["ID"] for study in told.json("/studies?expand")
                  if study["MainDicomTags"]["StudyInstanceUID"] == events.study_uid("a"))
    assert told.delete(f"/studies/{stored}").status_code == 200
    with EventStream(told, "?since=0&type=study.deleted") as stream:
        assert stream.next().event()["partitionkey"] == events.study_uid("a")


@pytest.mark.parametrize("query", ["?since=x", "?type=study.vanished", "?study=Nguyen"])
def test_what_makes_no_sense_is_refused(told, query):
    assert told.get("/events" + query).status_code == 400


# --- many, and slow ones ---

def thread_count(server):
    return len(list(pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()))


def test_many_listeners_cost_no_threads(told):
    before = thread_count(told)
    streams = [EventStream(told, "?since=0") for _ in range(MANY)]
    events.push(told, events.study("to all", 1))
    for stream in streams:
        assert stream.next().event()["partitionkey"] == events.study_uid("to all")
    assert thread_count(told) == before
    assert told.metric("imaging_event_listeners") == MANY
    for stream in streams:
        stream.close()
    eventually(lambda: told.metric("imaging_event_listeners") == 0, "no listeners")


def raw_listener(server, query):
    """A connection that has asked, and whose kernel takes little."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.connect(("127.0.0.1", server.http_port))
    listener.sendall(f"GET /events{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return listener


def test_a_listener_that_does_not_read_holds_nobody_up(told):
    slow = raw_listener(told, "?since=0")
    with EventStream(told, "?since=0") as quick:
        labels = [f"many {number}" for number in range(60)]
        for label in labels:
            events.push(told, events.study(label, 1))
        assert [event["partitionkey"] for event in quick.events(60)] == [events.study_uid(label) for label in labels]
        assert told.metric("imaging_event_listeners") == 2
    slow.settimeout(DEADLINE_S)
    heard = b""
    while heard.count(b"\nevent: ") < 60:
        heard += slow.recv(65536)
    slow.close()


# --- as others listen ---

def test_curl_hears(told, tmp_path):
    require_program("curl")
    events.push(told, events.study("curl", 1))
    out = tmp_path / "heard"
    with out.open("wb") as file:
        listener = subprocess.Popen(["curl", "-sN", told.url("/events?since=0")], stdout=file)
    try:
        eventually(lambda: b"event: org.sapoche.imaging.study.received.v1\ndata: {" in out.read_bytes(), "curl's event")
    finally:
        listener.terminate()
        listener.wait(DEADLINE_S)


@pytest.fixture
def page():
    """A page of headless Chromium."""
    chromium = shutil.which("chromium")
    require(chromium, "chromium")
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


LISTEN = """() => {
    window.heard = []
    window.source = new EventSource('/events?since=0')
    source.addEventListener('org.sapoche.imaging.study.received.v1',
                            (e) => heard.push([e.lastEventId, JSON.parse(e.data).partitionkey]))
}"""


def test_a_browser_listens_and_comes_back_by_itself_after_a_restart(told, page):
    page.goto(told.url("/system"))
    page.evaluate(LISTEN)
    events.push(told, events.study("browser", 1))
    page.wait_for_function("heard.length == 1", timeout=DEADLINE_S * 1000)
    told.stop()
    told.start()
    events.push(told, events.study("again", 1))
    page.wait_for_function("heard.length == 2", timeout=DEADLINE_S * 1000)
    assert [key for _, key in page.evaluate("heard")] == [events.study_uid("browser"), events.study_uid("again")]
