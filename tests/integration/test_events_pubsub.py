"""What anybody may expect of a way to publish and subscribe, asked of each of ours: Kafka in both versions, and the feed over HTTP.

The list is the one that libraries for many brokers ask of each (watermill's tests/test_pubsub.go, by their names). Publishing
is pushing studies; what the index is made of is one more column.
"""

import random
import threading

import pytest

from conftest import close_all
from support import events
from support.buses import Bus, take
from support.events import by_key, check_order, study_uid
from support.lightbox import Lightbox
from support.process import eventually

INDEXES = {"sqlite": {}}  # settings that choose the index
WAYS = ["kafka-4", "feed", pytest.param("kafka-3.9", marks=pytest.mark.long)]


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture(params=INDEXES)
def bus(request, way, make_told, brokers):
    """A server whose studies are in three lanes, by their labels: normal, vip- and svip1-."""
    lanes = [{"Lane": lane, "Tags": {"PatientID": f"EVENTS-{lane}-*"}} for lane in ("vip", "svip1")]
    told = make_told(brokers(way.removeprefix("kafka-") if way.startswith("kafka") else "4"), INDEXES[request.param], Lanes=lanes)
    made = Bus(told, way)
    yield made
    made.close()


@pytest.fixture
def grouped(bus):
    if not bus.has_groups:
        pytest.skip("everyone who listens to the feed hears everything")
    return bus


def labels(prefix, count):
    return [f"{prefix}-{number}" for number in range(count)]


def keys(found):
    return [event.key for event in found]


def uids(names):
    return {study_uid(name) for name in names}


def drain(subscribers, wanted, acknowledge=True):
    """Poll all of them until every wanted key has come to somebody; who got what."""
    got = [[] for _ in subscribers]

    def complete():
        for subscriber, taken in zip(subscribers, got):
            while event := subscriber.poll(0.05):
                taken.append(event)
                if acknowledge:
                    subscriber.acknowledge(event)
        return {event.key for taken in got for event in taken} >= wanted
    eventually(complete, f"{len(wanted)} studies")
    return got


def test_publish_subscribe(bus):
    names = labels("publish", 30)
    bus.publish(*names)
    found = take(bus.subscribe(), 30)
    assert set(keys(check_order(found))) == uids(names)
    assert {event.kind for event in found} == {"study.received"}


def test_concurrent_subscribe(grouped):
    """Members of a group share: each event comes to one of them."""
    members = [grouped.subscribe() for _ in range(4)]
    drain_until_assigned(members)
    names = labels("concurrent", 60)
    grouped.publish(*names)
    got = drain(members, uids(names))
    assert sorted(key for taken in got for key in keys(taken)) == sorted(uids(names))
    assert sum(1 for taken in got if taken) > 1


def drain_until_assigned(members):
    def shared():
        for member in members:
            member.poll(0.05)
        return all(member.assigned() for member in members)
    eventually(shared, "a share for every member")


def test_concurrent_subscribe_multiple_topics(bus):
    names = [*labels("plain", 10), *labels("vip", 10), *labels("svip1", 10)]
    bus.publish(*names)
    if bus.has_groups:
        for lane, begin in (("normal", "plain"), ("vip", "vip"), ("svip1", "svip1")):
            found = take(bus.subscribe(f"of-{lane}", [lane]), 10)
            assert set(keys(found)) == uids(name for name in names if name.startswith(f"{begin}-"))
    else:
        assert set(keys(take(bus.subscribe(), 30))) == uids(names)


def test_publish_subscribe_in_order(bus):
    names = labels("order", 10)
    for round_ in range(4):
        for name in names:
            events.push(bus.told.server, events.study(name, 1, first=round_))
            events.arrive(bus.told.server, name)
    found = check_order(take(bus.subscribe(), 5 * len(names)))
    assert all(len(of_key) == 5 for of_key in by_key(found).values())


def test_resend_on_error(bus):
    """Who fails, acknowledges nothing, and asks again, gets the same again."""
    bus.publish(*labels("resend", 5))
    failing = bus.subscribe()
    first = take(failing, 5, acknowledge=False)
    failing.close()
    again = take(bus.subscribe(), 5)
    assert sorted(event.id for event in again) == sorted(event.id for event in first)


def test_no_ack(bus):
    """What is not acknowledged does not hold up others, and stays for its own group."""
    bus.publish(*labels("noack", 5))
    silent = bus.subscribe("silent")
    take(silent, 5, acknowledge=False)
    assert len(take(bus.subscribe("other"), 5)) == 5
    silent.close()
    assert len(take(bus.subscribe("silent"), 5)) == 5


def test_continue_after_subscribe_close(bus):
    names = labels("continue", 40)
    bus.publish(*names)
    found = []
    for _ in range(4):
        subscriber = bus.subscribe()
        found += take(subscriber, 10)
        subscriber.close()
    assert sorted(keys(found)) == sorted(uids(names))


def test_concurrent_close(bus):
    """Those who leave while events come take nothing with them."""
    leaving = [bus.subscribe(f"leaving-{number}") for number in range(5)]
    names = labels("closing", 30)
    publisher = threading.Thread(target=bus.publish, args=names)
    publisher.start()
    closers = [threading.Thread(target=subscriber.close) for subscriber in leaving]
    for closer in closers:
        closer.start()
    for thread in (*closers, publisher):
        thread.join(60)
        assert not thread.is_alive()
    assert set(keys(take(bus.subscribe(), 30))) == uids(names)


def test_continue_after_errors(bus):
    """A subscriber that fails at every second event, each time with the rest of what it had, sees all of them in the end."""
    names = labels("errors", 8)
    bus.publish(*names)
    done = set()
    while done != uids(names):
        subscriber = bus.subscribe()
        for event in take(subscriber, 2 if len(done) + 1 < len(names) else 1, acknowledge=False)[:1]:
            subscriber.acknowledge(event)
            done.add(event.key)
        subscriber.close()


def test_consumer_groups(bus):
    names = labels("groups", 10)
    bus.publish(*names)
    for group in ("one", "two", "three"):
        assert set(keys(take(bus.subscribe(group), 10))) == uids(names)


def test_publisher_close(bus):
    """SIGTERM while events wait: all of them are told, before or after."""
    names = labels("close", 50)
    bus.publish(*names)
    bus.told.server.stop()
    bus.told.server.start()
    assert set(keys(take(bus.subscribe(), 50))) == uids(names)
    bus.told.drained()
    assert len(bus.told.events()) == 50  # no one twice


def test_message_ctx(bus):
    """The trace that an event was caused in comes with it."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    part, = events.study("context", 1)
    assert bus.told.server.post("/instances", part.bytes, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}).status_code == 200
    event, = take(bus.subscribe(), 1)
    assert event.attributes["traceparent"].split("-")[1] == trace


def test_subscribe_ctx(bus):
    """A subscription ends when its holder wants, with nothing to come; the others go on."""
    staying, leaving = bus.subscribe("staying"), bus.subscribe("leaving")
    leaving.close()
    bus.publish("context")
    assert keys(take(staying, 1)) == [study_uid("context")]


def test_new_subscriber_receives_old_messages(bus):
    old, new = labels("old", 10), labels("new", 10)
    bus.publish(*old)
    take(bus.subscribe("early"), 10)
    bus.publish(*new)
    assert set(keys(take(bus.subscribe("late"), 20))) == uids(old + new)


def test_reconnect(way, make_told, make_kafka):
    """Broker and server, each gone and back: a subscriber goes on from what it acknowledged."""
    kafka = make_kafka(way.removeprefix("kafka-") if way.startswith("kafka") else "4")
    bus = Bus(make_told(kafka), way)
    try:
        bus.publish("before")
        subscriber = bus.subscribe()
        assert keys(take(subscriber, 1)) == [study_uid("before")]
        if bus.has_groups:
            kafka.nodes[0].kill()
            bus.publish("meanwhile")
            kafka.nodes[0].start()
        else:
            bus.told.server.kill()
            subscriber.close()
            bus.told.server.start()
            bus.publish("meanwhile")
            subscriber = bus.subscribe()
        bus.publish("after")
        drain([subscriber], uids(["meanwhile", "after"]))
    finally:
        bus.close()


def stress(bus, count):
    """Publishers and a group of subscribers, some of which leave and come back at any time."""
    chance = random.Random(count)
    publishers = [threading.Thread(target=bus.publish, args=labels(f"stress-{number}", count)) for number in range(3)]
    for publisher in publishers:
        publisher.start()
    wanted = uids(name for number in range(3) for name in labels(f"stress-{number}", count))
    members, seen = [bus.subscribe() for _ in range(3 if bus.has_groups else 1)], []

    def all_seen():
        for number, member in enumerate(members):
            event = member.poll(0.02)
            if event:
                seen.append(event)
                member.acknowledge(event)
            if chance.random() < 0.002:
                member.close()
                members[number] = bus.subscribe()
        return {event.key for event in seen} == wanted
    eventually(all_seen, "every study of three publishers", 170)
    for publisher in publishers:
        publisher.join(60)


def test_stress(bus):
    stress(bus, 40)


@pytest.mark.long
def test_stress_for_long(bus):
    stress(bus, 1000)


@pytest.mark.parametrize("index", INDEXES)
def test_without_kafka_the_feed_is_all_there_is(index, binary, tmp_path):
    """The embedded default loses nothing either: what is kept is there for whoever asks, however often it restarted."""
    server = Lightbox(tmp_path / "alone", INDEXES[index], binary=binary).start()
    try:
        told = events.Told(server)
        bus = Bus(told, "feed")
        names = labels("alone", 10)
        for name in names:
            bus.publish(name)
            if name.endswith("5"):
                server.kill()
                server.start()
        assert keys(take(bus.subscribe(), 10)) == [study_uid(name) for name in names]
        bus.close()
    finally:
        close_all([server])
