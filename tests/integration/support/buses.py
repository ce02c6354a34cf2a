"""Ways to subscribe to a server's events, alike for tests that ask the same of each: groups, what is next, what is done."""

import itertools
import json
import threading

import requests
from confluent_kafka import Consumer, KafkaError, KafkaException

from . import events
from .kafka_log import PASSING, record_of
from .process import DEADLINE_S, eventually

names = (f"subscriber-{number}" for number in itertools.count())


class KafkaSubscriber:
    """A consumer in a group, which commits what is acknowledged and nothing else."""

    def __init__(self, told, group, topics):
        self.consumer = Consumer({**told.kafka.client(), "group.id": told.prefix + group, "auto.offset.reset": "earliest",
                                  "enable.auto.commit": False, "enable.auto.offset.store": False, "client.id": next(names),
                                  "session.timeout.ms": 6000, "heartbeat.interval.ms": 500})
        self.consumer.subscribe(topics)

    def poll(self, timeout_s=0.2):
        """The next event, or None."""
        message = self.consumer.poll(timeout_s)
        if message is None:
            return None
        if message.error():
            if message.error().code() not in PASSING and not message.error().retriable() \
                    and message.error().code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise KafkaException(message.error())
            return None
        event = events.event_of(record_of(message))
        event.message = message
        return event

    def acknowledge(self, event):
        self.consumer.commit(event.message, asynchronous=False)

    def assigned(self):
        """How many partitions are ours; polling is what gets them."""
        return len(self.consumer.assignment())

    def close(self):
        self.consumer.close()


class FeedSubscriber:
    """GET /events. A group is a position that its members go on from; what is acknowledged moves it."""

    def __init__(self, told, group, positions):
        self.group, self.positions = group, positions
        self.answer = requests.get(told.server.url(f"/events?since={positions.get(group, 0)}"), stream=True, timeout=(DEADLINE_S, 0.5))
        assert self.answer.status_code == 200
        self.lines = None
        self.found, self.arrived, self.closed = [], threading.Condition(), False
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        fields = {}
        self.answer.raw._fp.fp.raw._sock.settimeout(None)
        try:
            for line in self.answer.iter_lines(decode_unicode=True):
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    self.keep(fields)
                    fields = {}
                else:
                    fields = {}
        except (requests.RequestException, OSError, AttributeError, ValueError):
            pass  # closed by us, or by a server that ended

    def keep(self, fields):
        event = events.checked(json.loads(fields["data"]))
        event.position = int(fields["id"])
        with self.arrived:
            self.found.append(event)
            self.arrived.notify()

    def poll(self, timeout_s=0.2):
        with self.arrived:
            if not self.found:
                self.arrived.wait(timeout_s)
            return self.found.pop(0) if self.found else None

    def acknowledge(self, event):
        self.positions[self.group] = max(self.positions.get(self.group, 0), event.position)

    def close(self):
        if not self.closed:
            self.closed = True
            connection = self.answer.raw._fp.fp  # None: the server has ended it
            if connection:
                connection.raw._sock.shutdown(2)
            self.reader.join(DEADLINE_S)
            self.answer.close()


class Bus:
    """A server and one way to hear of it. has_groups: members of a group share what comes."""

    def __init__(self, told, way):
        self.told, self.way, self.positions, self.opened = told, way, {}, []
        self.has_groups = way != "feed"

    def subscribe(self, group="all", lanes=events.LANES):
        if self.way == "feed":
            self.opened.append(FeedSubscriber(self.told, group, self.positions))
        else:
            self.opened.append(KafkaSubscriber(self.told, group, [self.told.topic(events.STUDY, lane) for lane in lanes]))
        return self.opened[-1]

    def publish(self, *labels, instances=1):
        """A study each: one event."""
        for label in labels:
            events.push(self.told.server, events.study(label, instances))

    def close(self):
        for subscriber in self.opened:
            subscriber.close()


def take(subscriber, count, acknowledge=True):
    """The next events, as many as said."""
    taken = []

    def enough():
        event = subscriber.poll()
        if event:
            taken.append(event)
            if acknowledge:
                subscriber.acknowledge(event)
        return len(taken) >= count
    eventually(enough, f"{count} events")
    return taken
