"""A worker as a child process, with tables of its own in SQLite or PostgreSQL."""

import contextlib
import json
import pathlib
import re
import sqlite3

import requests
from confluent_kafka import Consumer, TopicPartition

from .lightbox import BUILD, REPORTS, SANITIZERS
from .process import DEADLINE_S, Managed, eventually, free_port


class SqliteTables:
    """A database that is a file."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.url = f"sqlite:{self.path}"

    def query(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            return [{name: None if row[name] is None else str(row[name]) for name in row.keys()} for row in database.execute(sql)]


class PostgresTables:
    """A database of a server."""

    def __init__(self, server, name):
        self.server, self.name, self.url = server, name, server.create_database(name)

    def query(self, sql):
        return [{name: value or None for name, value in row.items()} for row in self.server.query(sql, self.name)]


class Worker:
    """One process; may be killed and started again. tables: what it keeps."""

    def __init__(self, name, folder, tables, settings, env=None):
        self.name, self.folder, self.tables = name, pathlib.Path(folder), tables
        self.program = BUILD / name
        self.port = free_port()
        self.settings = {"Worker": {"Database": tables.url, "HttpPort": self.port, **settings}}
        self.env = {**SANITIZERS, **(env or {})}
        self.log = self.folder / f"{name}.log"
        self.process = None

    def start(self, *, env=None, wait=True):
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / f"{self.name}.json"
        config.write_text(json.dumps(self.settings, indent=1))
        self.process = Managed([self.program, config], self.log, env={**self.env, **(env or {})}, cwd=self.folder)
        if wait:
            eventually(self.ready, f"{self.name} to be ready")
        return self

    def get(self, path):
        with requests.Session() as http:
            http.trust_env = False
            return http.get(f"http://127.0.0.1:{self.port}{path}", timeout=DEADLINE_S)

    def ready(self):
        self.process.require_running()
        with contextlib.suppress(requests.ConnectionError):
            return self.get("/readyz").status_code == 200

    def metric(self, series):
        """The value of one series, or of all that begin so, added up."""
        found = re.findall("^" + re.escape(series) + r"(?:\{[^}]*\})? (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return sum(map(float, found))

    def stop(self):
        code = self.process.terminate()
        self.check_log()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.process.output()[-4000:]}"

    def kill(self):
        self.process.kill()
        self.check_log()

    def close(self):
        if self.process and self.process.running():
            self.stop()

    def check_log(self):
        found = REPORTS.search(self.log.read_text(errors="replace"))
        assert not found, self.log.read_text(errors="replace")[max(0, found.start() - 500): found.start() + 6000]


def lag(kafka, group, topics):
    """How many records the group has not seen through."""
    consumer = Consumer({**kafka.client(), "group.id": group, "enable.auto.commit": False})
    try:
        total = 0
        for topic in topics:
            places = [TopicPartition(topic, partition) for partition in consumer.list_topics(topic, timeout=DEADLINE_S).topics[topic].partitions]
            for place in consumer.committed(places, timeout=DEADLINE_S):
                first, end = consumer.get_watermark_offsets(place, timeout=DEADLINE_S)
                total += end - max(first, place.offset)
        return total
    finally:
        consumer.close()
