"""A listener to GET /events, as the HTML Standard reads server-sent events."""

import dataclasses
import http.client
import json
import time

from . import contract
from .process import DEADLINE_S


@dataclasses.dataclass
class Message:
    id: int
    type: str
    data: str

    def event(self):
        """The CloudEvent in it, held against the contract."""
        document = contract.validate(json.loads(self.data))
        assert document["type"] == self.type
        return document


class EventStream:
    """Reads as it comes: `next()` waits for a message, `until(type)` for one of that (short) type."""

    def __init__(self, server, query="", last_id=None, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=DEADLINE_S)
        headers = {**(headers or {}), **({} if last_id is None else {"Last-Event-ID": str(last_id)})}
        self.connection.request("GET", "/events" + query, headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, f"{self.answer.status} {self.answer.read()[:500]}"
        self.last_id = last_id
        self.block()  # what it says first: where we stand

    def block(self):
        """The fields of the next block; {} at the end of the stream."""
        fields = {}
        while True:
            line = self.answer.readline().decode("utf-8")
            if not line:
                return {}
            if line == "\n":
                break
            name, _, value = line.rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
        if "id" in fields:
            self.last_id = int(fields["id"])
        return fields

    def next(self):
        """The next message; None when the server has ended the stream."""
        end = time.monotonic() + DEADLINE_S
        while True:
            assert time.monotonic() < end, f"{DEADLINE_S} s of heartbeats"
            fields = self.block()
            if not fields:
                return None
            if "data" in fields:
                return Message(self.last_id, fields.get("event", "message"), fields["data"])

    def events(self, count):
        return [self.next().event() for _ in range(count)]

    def until(self, short_name):
        while True:
            event = self.next().event()
            if contract.short_name(event["type"]) == short_name:
                return event

    def close(self):
        self.answer.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
