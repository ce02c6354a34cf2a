"""Sudden death: whatever was acknowledged is there after a restart, whole; nothing is half there; rows, changes, events and files agree.

The process is killed while four associations and two HTTP clients push, at moments of chance, and ended by itself at
each step up to the reply (builds with PACS_CRASH_POINTS=ON, LIGHTBOX_CRASH_AT=step:n ends it at the n-th time).
"""

import hashlib
import os
import random
import sys
import threading

import pytest
import requests

from support.lightbox import ROOT
from support.peers import RawStore, dataset_of
from support.process import eventually

sys.path.insert(0, str(ROOT / "testdata"))
from recipes.part10 import EXPLICIT  # noqa: E402
from recipes.raw import SECONDARY, Raw, raw_file  # noqa: E402

SEED = int(os.environ.get("LIGHTBOX_TEST_SEED", "20240229"))
SIZES = (100, 5_000, 70_000, 600_000)


def objects(label, count):
    """Small and middling objects of three studies under two patients, never the same twice: name -> Part10."""
    made = {}
    for number in range(count):
        name = f"kill/{label}-{number}"
        payload = random.Random(name).randbytes(SIZES[number % len(SIZES)])
        study = number % 3
        made[name] = raw_file(name, {0x00091010: Raw().element(0x00091010, "OB", payload)}, patient_id=f"KILL-{study % 2}",
                              study=f"2.25.9{study}", series=f"2.25.8{study}{number % 5}")
    return made


class Push:
    """Pushes objects through several connections at once and remembers what was acknowledged."""

    def __init__(self, server, parts, associations=4, posters=2):
        self.server, self.lock = server, threading.Lock()
        self.acknowledged = {}  # SOP Instance UID -> digest of the data set
        lanes = associations + posters
        shares = [list(parts.values())[lane::lanes] for lane in range(lanes)]
        self.threads = [threading.Thread(target=self.run, args=(self.associate if lane < associations else self.post, share), daemon=True)
                        for lane, share in enumerate(shares)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def join(self):
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a client hangs although its server is gone"

    def busy(self):
        return any(thread.is_alive() for thread in self.threads)

    def run(self, send, share):
        try:
            send(share)
        except (AssertionError, OSError, requests.RequestException, RuntimeError):
            pass  # the server left in the middle, which is what the test is about

    def acknowledge(self, part):
        with self.lock:
            self.acknowledged[part.sop_instance] = digest(part.bytes[part.dataset_offset:])

    def associate(self, share):
        with RawStore(self.server.dicom_port, [(SECONDARY, EXPLICIT)]) as peer:
            for part in share:
                if peer.send(part.sop_class, part.sop_instance, EXPLICIT, part.bytes[part.dataset_offset:]).status != 0x0000:
                    return
                self.acknowledge(part)

    def post(self, share):
        with requests.Session() as http:
            http.trust_env = False
            for part in share:
                if http.post(self.server.url("/instances"), data=part.bytes, timeout=60).status_code != 200:
                    return
                self.acknowledge(part)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def check(server, sent, acknowledged):
    """After a restart. sent: every object of every round by SOP Instance UID; acknowledged: UID -> digest."""
    index = server.index()
    index.check()
    visible = {uid: (key.hex(), sha256) for uid, key, sha256 in index.rows("SELECT sop_instance_uid, object_key, sha256 FROM instance")}
    lost = set(acknowledged) - set(visible)
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged objects are gone"
    statistics = server.json("/statistics")
    listed = server.json("/instances")
    assert statistics["CountInstances"] == len(visible) == len(listed)
    assert server.stored_keys() == index.object_keys(), "files in the store and keys in the index differ"
    for identifier in listed:
        data = server.file(identifier)
        uid = server.json(f"/instances/{identifier}")["MainDicomTags"]["SOPInstanceUID"]
        assert hashlib.sha256(data).digest() == visible[uid][1]
        assert dataset_of(data) == sent[uid].bytes[sent[uid].dataset_offset:], "half an object is visible"
    changes = all_changes(server)
    assert {change["ID"] for change in changes if change["ResourceType"] == "Instance"} == set(listed)
    seqs = [change["Seq"] for change in changes]
    assert seqs == sorted(set(seqs))


def all_changes(server):
    found, since = [], 0
    while True:
        page = server.json(f"/changes?since={since}&limit=1000")
        found += page["Changes"]
        if page["Done"]:
            return found
        since = page["Last"]


def kill_in_rounds(server, rounds, objects_per_round=120):
    chance = random.Random(SEED)
    sent, acknowledged = {}, {}
    for number in range(rounds):
        parts = objects(f"{SEED}-{number}", objects_per_round)
        sent |= {part.sop_instance: part for part in parts.values()}
        server.start()
        wanted = chance.randrange(objects_per_round)
        push = Push(server, parts).start()
        eventually(lambda: len(push.acknowledged) >= wanted or not push.busy(), f"{wanted} acknowledgements")
        server.kill()
        push.join()
        acknowledged |= push.acknowledged
        server.start()
        check(server, sent, acknowledged)
        server.kill()  # also right after a start and a look around


def test_killed_while_six_push(make_lightbox):
    kill_in_rounds(make_lightbox(start=False), rounds=3)


@pytest.mark.long
def test_killed_while_six_push_many_times(make_lightbox):
    kill_in_rounds(make_lightbox(start=False), rounds=60)


@pytest.mark.long
def test_killed_while_starting(make_lightbox):
    """A start that dies itself, again and again, neither loses nor invents anything."""
    server = make_lightbox(start=False)
    parts = objects("starting", 60)
    sent = {part.sop_instance: part for part in parts.values()}
    server.start()
    push = Push(server, parts).start()
    push.join()
    server.kill()
    chance = random.Random(SEED)
    for _ in range(20):
        server.start(wait=None)
        lines = chance.randrange(1, 6)
        eventually(lambda: server.process.output().count("\n") >= lines or not server.process.running() or server_answers(server), "a start")
        server.kill()
    server.start()
    check(server, sent, push.acknowledged)


def server_answers(server):
    try:
        return requests.get(server.url("/livez"), timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


# step -> how many objects are visible more than were acknowledged, when one client sends one after the other
STEPS = {"store-written": 0, "store-synced": 0, "after-file-write": 0, "before-commit": 0, "after-commit": 1}


@pytest.mark.sanitize
@pytest.mark.parametrize("door", ["c-store", "post"])
@pytest.mark.parametrize("nth", [1, 7])
@pytest.mark.parametrize("step", STEPS)
def test_ended_at_a_step_before_the_reply(make_lightbox, crash_points, step, nth, door):
    server = make_lightbox()
    eventually(lambda: server.index().rows("SELECT value FROM setting WHERE name = 'sweep.full' AND value LIKE '% -'"), "the first commits")
    server.stop()
    server.start(wait="/livez", env={"LIGHTBOX_CRASH_AT": f"{step}:{nth}"})  # /readyz writes to the store
    parts = objects(f"{step}-{nth}-{door}", 10)
    push = Push(server, parts, associations=door == "c-store", posters=door == "post").start()
    eventually(lambda: not server.process.running(), f"the end at {step}")
    push.join()
    # The index commits settings now and then, too, so its n-th commit may come before the n-th object.
    assert len(push.acknowledged) == nth - 1 or step == "before-commit" and len(push.acknowledged) < nth - 1
    server.start()
    check(server, {part.sop_instance: part for part in parts.values()}, push.acknowledged)
    assert server.json("/statistics")["CountInstances"] == len(push.acknowledged) + STEPS[step]


@pytest.mark.sanitize
@pytest.mark.parametrize("step", STEPS)
def test_ended_at_a_step_while_six_push(make_lightbox, crash_points, step):
    server = make_lightbox(start=False)
    server.start(wait="/livez", env={"LIGHTBOX_CRASH_AT": f"{step}:25"})
    parts = objects(f"six-{step}", 120)
    push = Push(server, parts).start()
    eventually(lambda: not server.process.running(), f"the end at {step}")
    push.join()
    server.start()
    check(server, {part.sop_instance: part for part in parts.values()}, push.acknowledged)
    again = Push(server, parts).start()  # senders try again what was not acknowledged: nothing is there twice
    again.join()
    check(server, {part.sop_instance: part for part in parts.values()}, push.acknowledged | again.acknowledged)
    assert server.json("/statistics")["CountInstances"] == len(parts)


def test_objects_are_whole_after_an_association_is_cut(lightbox):
    """The peer vanishes in the middle of a data set: nothing of it stays."""
    part = next(iter(objects("cut", 1).values()))
    before = lightbox.state()
    with RawStore(lightbox.dicom_port, [(SECONDARY, EXPLICIT)]) as peer:
        big = part.bytes[part.dataset_offset:] + Raw().element(0xFFFCFFFC, "OB", bytes(1 << 20))
        sender = threading.Thread(target=lambda: peer.send(part.sop_class, part.sop_instance, EXPLICIT, big), daemon=True)
        peer.association.dul.socket.socket.setsockopt(*linger())
        sender.start()
        peer.association.dul.socket.socket.close()
        peer.association.kill()
    eventually(lambda: lightbox.stored_keys() == lightbox.index().object_keys(), "the store to be tidy")
    now = lightbox.state()
    assert now == before or now[0]["CountInstances"] == 1  # it may have been faster than we
    lightbox.require_alive()


def linger():
    import socket
    import struct
    return socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
