"""Debian's PostgreSQL in a folder of its own on a loopback port, as a user without rights, ended by its process id."""

import csv
import io
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from .process import DEADLINE_S, Managed, eventually, free_port, leave_with_parent

PROGRAMS = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)
USER = "postgres"  # PostgreSQL does not run as root; Debian's package brings this user
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "full_page_writes": "off",
            "max_connections": 100, "shared_buffers": "32MB", "log_min_messages": "warning"}  # survives kill -9, not a power cut


class Postgres:
    """One server. Its folder is not pytest's, which others than root may not enter."""

    def __init__(self, settings=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lightbox-postgres-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.settings = {**SETTINGS, **(settings or {})}
        self.process = None

    def as_user(self, *words):
        drop = ["setpriv", "--reuid", USER, "--regid", str(pwd.getpwnam(USER).pw_gid), "--init-groups"] if os.getuid() == 0 else []
        return [*drop, *leave_with_parent(), *words]

    def start(self):
        if not self.data.exists():
            self.create()
        settings = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        self.process = Managed(self.as_user(PROGRAMS / "postgres", "-D", self.data, "-p", str(self.port), *settings),
                               self.folder / "log", cwd=self.folder)
        eventually(self.ready, "PostgreSQL")
        return self

    def create(self):
        if os.getuid() == 0:
            shutil.chown(self.folder, USER, pwd.getpwnam(USER).pw_gid)
        made = Managed(self.as_user(PROGRAMS / "initdb", "-D", self.data, "-U", "lightbox", "-A", "trust", "--no-sync", "--no-locale",
                                    "-E", "UTF8"), self.folder / "initdb.log", cwd=self.folder)
        assert made.process.wait() == 0, made.output()

    def ready(self):
        self.process.require_running()
        return self.psql("postgres", "SELECT 1").returncode == 0

    def kill(self):
        """SIGKILL to the server; its children see that it is gone and end by themselves."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        eventually(lambda: not any(pathlib.Path(f"/proc/{child}").exists() for child in children), "the end of PostgreSQL's children")

    def close(self):
        if self.process and self.process.running():
            self.process.process.send_signal(signal.SIGINT)  # "fast": does not wait for clients
            self.process.process.wait(DEADLINE_S)
        shutil.rmtree(self.folder)

    # --- databases ---

    def url(self, database="postgres"):
        """As libpq takes it."""
        return f"postgresql://lightbox@127.0.0.1:{self.port}/{database}"

    def create_database(self, name):
        """An empty one; its address."""
        self.query(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def psql(self, database, sql):
        return subprocess.run(["psql", "--no-psqlrc", "--quiet", "--csv", "-v", "ON_ERROR_STOP=1", "-c", sql, self.url(database)],
                              capture_output=True, text=True, timeout=DEADLINE_S)

    def query(self, sql, database="postgres"):
        """Rows as dictionaries of text."""
        done = self.psql(database, sql)
        assert done.returncode == 0, done.stderr
        return list(csv.DictReader(io.StringIO(done.stdout)))
