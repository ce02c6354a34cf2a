#!/usr/bin/env python3
"""Events on their way to a real Kafka: how fast a backlog drains and what memory it needs, what the relay costs an object, how soon a
study that has arrived is told of (bench/README.md, Events). Broker, clients and server share the machine."""

import argparse
import contextlib
import json
import shutil
import sqlite3
import statistics
import sys
import threading
import time

import data
import loads
import sides
from sides import RUN, cpu_s_of

from confluent_kafka import Consumer, TopicPartition
from pynetdicom import AE
from support.kafka import Kafka
from support.lightbox import Lightbox
from support.process import eventually, free_port

STUDY, STATE = "imaging.study.events.v1", "imaging.study.state.v1"
PARTITIONS = 12
DEADLINE_S = 600
BACKLOG = RUN.parent / "events-backlog"  # kept: filling a million rows takes a minute

TARGET_RATE, TARGET_CPU, TARGET_LATENCY_S, TARGET_MB = 20000, 0.95, 0.2, 128


def section(brokers, **more):
    return {"Kafka": {"Brokers": brokers, "Partitions": PARTITIONS, "ReplicationFactor": 1, "MinInsyncReplicas": 1}, **more} if brokers else more


@contextlib.contextmanager
def serving(folder, brokers="", age_s=60, topics=True):
    server = Lightbox(folder, {"StableAge": age_s, "Events": section(brokers), "Transcode": {"Thumbnails": False}})  # made behind the load
    if brokers and topics:
        done = server.run("topics", "ensure")
        assert done.returncode == 0, done.stdout + done.stderr
    try:
        yield server.start()
    finally:
        server.close()


@contextlib.contextmanager
def broker(name):
    kafka = Kafka(RUN / f"kafka-{name}", settings={"log.flush.interval.messages": 10**9})
    try:
        yield kafka.start()
    finally:
        kafka.close()


def memory_kb(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def unsent(server):
    return server.metric("imaging_outbox_depth")


def drained(server):
    eventually(lambda: unsent(server) == 0 or time.sleep(0.1), "an empty outbox", DEADLINE_S)


# --- a backlog ---

FILL = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows),
     -- a hundred studies begin, then the same hundred arrive
     e AS (SELECT i, (i / 200) * 100 + i % 100 AS study, (i / 100) % 2 AS arrived FROM n)
INSERT INTO outbox (id, ce_id, type, key, lane, revision, created_ms, data)
SELECT :last + 1 + i, printf('%08x-%04x-7%03x-8%03x-%012x', i, i % 65536, i % 4096, i % 4096, i), iif(arrived, 'study.arrived', 'study.received'),
       '1.2.826.0.1.3680043.10.1.' || study, 'normal', arrived + 1, :now, replace(iif(arrived, :arrived, :received), :uid, '1.2.826.0.1.3680043.10.1.' || study)
FROM e
"""


def fill(rows):
    """An index whose outbox has that many events of studies like a real one, and nothing else."""
    mark = BACKLOG / f"{rows}.rows"
    if mark.exists():
        return
    print(f"filling an outbox with {rows:,} events", file=sys.stderr)
    shutil.rmtree(BACKLOG, ignore_errors=True)
    with serving(BACKLOG / "server", age_s=1) as server:
        server.store(data.files("small")[0].read_bytes())
        eventually(lambda: unsent(server) == 2, "two events")
        index = server.data / "index.sqlite"
    with contextlib.closing(sqlite3.connect(index)) as connection, connection:
        (uid, received), (_, arrived) = connection.execute("SELECT key, data FROM outbox ORDER BY id").fetchall()
        last, = connection.execute("SELECT last_event FROM total").fetchone()
        connection.execute(FILL, {"rows": rows, "last": last, "now": int(time.time() * 1000), "uid": uid, "received": received, "arrived": arrived})
        connection.execute("INSERT INTO outbox_unsent SELECT id FROM outbox WHERE id > ?", (last,))
        connection.execute("UPDATE total SET last_event = last_event + ?1, unsent_events = unsent_events + ?1", (rows,))
    print(f"  {len(received)} and {len(arrived)} bytes of facts each", file=sys.stderr)
    mark.touch()


def copy_backlog():
    folder = RUN / "server"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(BACKLOG / "server", folder)
    return folder


def backlog_memory(rows, seconds=20):
    """Megabytes with a broker that is not there, above a server without Kafka on the same index."""
    peaks = {}
    for name, brokers in (("off", ""), ("away", f"127.0.0.1:{free_port()}")):
        with serving(copy_backlog(), brokers, topics=False) as server:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(0.5)
            if brokers:
                assert unsent(server) >= rows
            peaks[name] = memory_kb(server.process.pid, "VmHWM") / 1024
    return peaks


def drain(rows):
    """Events a second from a backlog, the server's processor time an event, its peak memory."""
    with broker("drain") as kafka, serving(copy_backlog(), kafka.brokers()) as server:
        begin, first, cpu = time.monotonic(), unsent(server), cpu_s_of(server.process.pid)
        drained(server)
        seconds = time.monotonic() - begin
        cpu_us = (cpu_s_of(server.process.pid) - cpu) / first * 1e6
        peak_mb = memory_kb(server.process.pid, "VmHWM") / 1024
        stored = {topic: end_of(kafka, topic) for topic in (STUDY, STATE)}
        assert stored == {STUDY: rows + 2, STATE: rows + 2}, stored
        return first / seconds, cpu_us, peak_mb


def end_of(kafka, topic):
    consumer = Consumer({**kafka.client(), "group.id": "none"})
    try:
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, partition))[1] for partition in range(PARTITIONS))
    finally:
        consumer.close()


# --- what the relay costs an object ---

def ingest_cpu(kind, count, brokers):
    """Processor milliseconds an object, until everything that came has been told of too."""
    files = data.files(kind)[:count]
    folder = RUN / "ingest"
    shutil.rmtree(folder, ignore_errors=True)
    with serving(folder, brokers, age_s=1) as server:
        sides.settle()
        cpu = cpu_s_of(server.process.pid)
        loads.send(server_side(server), files, 4)
        studies = server.json("/statistics")["CountStudies"]
        eventually(lambda: stabilised(server, studies) or time.sleep(1), "stable studies", DEADLINE_S)  # asking costs too
        if brokers:
            drained(server)
        return (cpu_s_of(server.process.pid) - cpu) / len(files) * 1000


def stabilised(server, studies):
    return server.metric("imaging_stabilised_total") >= 2 * studies  # each with its series at least


class server_side:
    """What loads.py wants to know of a server."""
    aet = "LIGHTBOX"

    def __init__(self, server):
        self.dicom_port = server.dicom_port


def relay_cost(rounds):
    results = {}
    for kind, count in (("ct", 500), ("small", 2000)):
        samples = {"off": [], "on": []}
        with broker(f"cost-{kind}") as kafka:
            for number in range(rounds):
                for name in ("off", "on") if number % 2 == 0 else ("on", "off"):
                    samples[name].append(ingest_cpu(kind, count, kafka.brokers() if name == "on" else ""))
        off, on = (statistics.median(samples[name]) for name in ("off", "on"))
        print(f"  {kind:5} off {off:.2f} ms ({min(samples['off']):.2f} to {max(samples['off']):.2f}), "
              f"on {on:.2f} ms ({min(samples['on']):.2f} to {max(samples['on']):.2f}): {off / on:.2f}x" + verdict(off / on >= TARGET_CPU, f"at least {TARGET_CPU}x"))
        results[kind] = samples
    return results


# --- how soon a study is told of ---

class Arrivals(threading.Thread):
    """When study.arrived of each study reached a consumer."""

    def __init__(self, kafka):
        super().__init__(daemon=True)
        self.at, self.ended = {}, threading.Event()
        self.consumer = Consumer({**kafka.client(), "group.id": "none", "enable.auto.commit": False, "fetch.wait.max.ms": 10})
        self.consumer.assign([TopicPartition(STUDY, partition, 0) for partition in range(PARTITIONS)])

    def run(self):
        while not self.ended.is_set():
            message = self.consumer.poll(0.1)
            if message and not message.error() and dict(message.headers()).get("ce_type", b"").endswith(b"study.arrived.v1"):
                self.at[message.key().decode()] = time.monotonic()
        self.consumer.close()


def arrival_latency(studies, age_s=1):
    """Seconds from the last C-STORE reply to study.arrived at a consumer, less StableAge."""
    import pydicom
    files = [pydicom.dcmread(path) for path in data.files("small")[:studies]]
    with broker("latency") as kafka, serving(RUN / "latency", kafka.brokers(), age_s) as server:
        arrivals, replied = Arrivals(kafka), {}
        arrivals.start()
        client = AE()
        client.add_requested_context(files[0].SOPClassUID, files[0].file_meta.TransferSyntaxUID)
        association = client.associate("127.0.0.1", server.dicom_port, ae_title="LIGHTBOX")
        for number, file in enumerate(files):
            assert association.send_c_store(file).Status == 0
            replied[str(file.StudyInstanceUID)] = time.monotonic()
            time.sleep(0.02 + 0.0007 * (number % 50))  # studies end at any moment between two looks of the server
        association.release()
        eventually(lambda: len(arrivals.at) == len(replied) or time.sleep(0.1), "all arrivals")
        arrivals.ended.set()
        arrivals.join()
        return sorted(arrivals.at[uid] - replied[uid] - age_s for uid in replied)


def verdict(good, target):
    return f" [{target}: {'yes' if good else 'NO'}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000000, help="events of the backlog (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--studies", type=int, default=300, help="whose arrival is timed (%(default)s)")
    parser.add_argument("--only", default="fill,memory,drain,cost,latency", help="%(default)s")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    data.prepare(huge=False)
    loads.compile_clients()
    RUN.mkdir(parents=True)
    results = {}
    try:
        if {"fill", "memory", "drain"} & set(wanted):
            fill(arguments.rows)
        if "memory" in wanted:
            peaks = results["memory_mb"] = backlog_memory(arguments.rows)
            more = peaks["away"] - peaks["off"]
            print(f"  {arguments.rows:,} events wait and the broker is away: {peaks['away']:.0f} MB at most, {more:.0f} MB more than without Kafka"
                  + verdict(more <= TARGET_MB, f"at most {TARGET_MB} MB"))
        if "drain" in wanted:
            rate, cpu_us, peak_mb = results["drain"] = drain(arguments.rows)
            print(f"  drain: {rate:,.0f} events/s, {cpu_us:.0f} us of the server's processor time each, {peak_mb:.0f} MB at most"
                  + verdict(rate >= TARGET_RATE, f"at least {TARGET_RATE:,}"))
        if "cost" in wanted:
            results["cost_ms"] = relay_cost(arguments.rounds)
        if "latency" in wanted:
            late = results["latency_s"] = arrival_latency(arguments.studies)
            p99 = late[int(len(late) * 0.99)]
            print(f"  arrival after StableAge: median {statistics.median(late) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, longest {late[-1] * 1000:.0f} ms"
                  + verdict(p99 <= TARGET_LATENCY_S, f"p99 at most {TARGET_LATENCY_S * 1000:.0f} ms"))
        (RUN.parent / "events.json").write_text(json.dumps(results, indent=1))
    finally:
        shutil.rmtree(RUN, ignore_errors=True)


if __name__ == "__main__":
    main()
