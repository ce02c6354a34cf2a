"""A worker as a child process, with its tables in SQLite or PostgreSQL."""

import hashlib
import json
import os
import pathlib
import re
import signal
import sqlite3

import requests

from .lightbox import BUILD, REPORTS, SANITIZERS
from .process import DEADLINE_S, Managed, eventually, free_port


class SqliteTables:
    """A database that is a file."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "worker.sqlite"
        self.url = f"sqlite:{self.path}"

    def rows(self, sql):
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=30) as database:
            database.row_factory = sqlite3.Row
            return [{name: None if row[name] is None else str(row[name]) for name in row.keys()} for row in database.execute(sql)]


class PostgresTables:
    """A database of its own on a server."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.url = server.create_database(name)

    def rows(self, sql):
        return [{name: value or None for name, value in row.items()} for row in self.server.query(sql, self.name)]


class Worker:
    """build/NAME with a configuration; may be killed and started again."""

    def __init__(self, name, folder, tables, archive, section=None, settings=None):
        self.name, self.tables = name, tables
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.section = {"Database": tables.url, "HttpPort": self.port, "Archive": {"Url": archive.url("")}, **(section or {})}
        self.settings = settings or {}
        self.log = self.folder / f"{name}.log"
        self.process = None

    def start(self, *, wait="/readyz", env=None):
        config = self.folder / "CONFIG.json"
        config.write_text(json.dumps({"Worker": self.section, **self.settings}, indent=1), encoding="utf-8")
        self.process = Managed([BUILD / self.name, config], self.log, env={**SANITIZERS, **(env or {})}, cwd=self.folder)
        if wait:
            self.wait_for(wait)
        return self

    def get(self, path):
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=DEADLINE_S)

    def answers(self, path, code=200):
        self.process.require_running()
        try:
            return self.get(path).status_code == code
        except requests.ConnectionError:
            return False

    def wait_for(self, path, code=200):
        eventually(lambda: self.answers(path, code), f"{self.name} {path} {code}")

    def metric(self, name, **labels):
        """The sum of a family's series that have these labels; None if there is none."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        values = [float(value) for labels_text, value in re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", self.get("/metrics").text, re.MULTILINE)
                  if all(word in labels_text for word in wanted)]
        return sum(values) if values else None

    def stop(self):
        code = self.process.terminate()
        self.check_log()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.process.output()[-4000:]}"

    def kill(self):
        self.process.kill()

    def hang(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def wait_for_end(self):
        """It ends by itself: at a crash point."""
        eventually(lambda: not self.process.running(), f"the end of {self.name}")

    def close(self):
        if self.process is not None and self.process.running():
            self.stop()
        self.check_log()

    def check_log(self):
        found = REPORTS.search(self.log.read_text(errors="replace")) if self.log.exists() else None
        assert not found, f"the worker's log has a report:\n{self.log.read_text(errors='replace')[-6000:]}"

    # --- tables ---

    def rows(self, sql):
        return self.tables.rows(sql)

    def fingerprint(self, *tables):
        """A digest of everything that stands in these tables."""
        digest = hashlib.sha256()
        for table in tables:
            rows = sorted(json.dumps(row, sort_keys=True) for row in self.rows(f"SELECT * FROM {table}"))
            digest.update(json.dumps([table, rows]).encode())
        return digest.hexdigest()
