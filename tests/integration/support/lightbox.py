"""The real server as a child process."""

import json
import os
import pathlib
import re
import stat
import subprocess

import requests

from .index import Index
from .process import DEADLINE_S, Gone, Managed, eventually, free_port

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = (ROOT / os.environ.get("LIGHTBOX_BUILD", "build")).resolve()
BINARY = pathlib.Path(os.environ.get("LIGHTBOX_BINARY", BUILD / "lightbox"))

REPORTS = re.compile(r"ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|runtime error: |"
                     r"SUMMARY: \w+Sanitizer|Assertion .* failed|stack smashing detected")
KEY_HALF = re.compile("[0-9a-f]{16}")  # folder and file name are the two halves of a key
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=0:exitcode=99",
}
DEFAULTS = {
    "Name": "test",
    "DicomAet": "LIGHTBOX",
    "UnknownSopClassAccepted": True,
    "StableAge": 3600,  # nothing becomes stable in the middle of a test that did not ask for it
}


def size_of_file(path):
    """0 of what is none, or goes while we look."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


class Lightbox:
    """One archive: a folder with configuration, data and log; may be started, killed and started again."""

    def __init__(self, folder, settings=None, env=None, binary=BINARY):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.binary = binary
        self.env = {**SANITIZERS, **(env or {})}
        self.http_port, self.dicom_port = free_port(), free_port()
        self.settings = {**DEFAULTS, "HttpPort": self.http_port, "DicomPort": self.dicom_port,
                         "StorageDirectory": str(self.data), "IndexDirectory": str(self.data), **(settings or {})}
        self.aet = self.settings["DicomAet"]
        self.log = self.folder / "lightbox.log"
        self.process = None
        self.http = requests.Session()
        self.http.trust_env = False  # no proxy of the machine's between us and loopback

    # --- life ---

    def start(self, *, wait="/readyz", env=None, paths=()):
        """wait: the probe that has to answer 200 first, None for none. paths: more configuration files and folders."""
        self.process = Managed([self.binary, self.configure(), *paths], self.log, env={**self.env, **(env or {})})
        if wait:
            self.wait_for(wait)
        return self

    def configure(self):
        """Write the settings as they are now; the file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "CONFIG.json"
        config.write_text(json.dumps(self.settings, indent=1), encoding="utf-8")
        return config

    def run(self, *words):
        """The program with some words and the configuration, to its end: `lightbox topics ensure CONFIG`."""
        return subprocess.run([self.binary, *words, self.configure()], capture_output=True, text=True, timeout=DEADLINE_S,
                              env={**os.environ, **self.env})

    def wait_for(self, probe):
        def ready():
            self.process.require_running()
            try:
                return requests.get(self.url(probe), timeout=DEADLINE_S).status_code == 200
            except requests.ConnectionError:
                return False
        eventually(ready, probe)

    def stop(self):
        """SIGTERM, as an operator would; anything but a clean end fails the test."""
        code = self.process.terminate()
        self.check_log()
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.process.output()[-4000:]}"

    def kill(self):
        self.process.kill()
        self.check_log()

    def close(self):
        """End of a test: stop if still running, and look for what a sanitizer had to say."""
        self.http.close()
        if self.process is None:
            return
        if self.process.running():
            self.stop()
        self.check_log()

    def require_alive(self):
        self.process.require_running()
        self.check_log()
        assert self.get("/livez").status_code == 200

    def check_log(self):
        text = self.log.read_text(errors="replace")
        found = REPORTS.search(text)
        if found:
            raise AssertionError(f"the server's log has a report:\n{text[max(0, found.start() - 500): found.start() + 6000]}")

    # --- HTTP ---

    def url(self, path):
        return f"http://127.0.0.1:{self.http_port}{path}"

    def request(self, method, path, **options):
        return self.http.request(method, self.url(path), timeout=DEADLINE_S, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def json(self, path):
        answer = self.get(path)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def post(self, path, data=b"", **options):
        return self.request("POST", path, data=data, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def store(self, data):
        """POST /instances of bytes that have to be taken; the answer."""
        answer = self.post("/instances", data, headers={"Content-Type": "application/dicom"})
        assert answer.status_code == 200, f"POST /instances: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def file(self, instance_id):
        answer = self.get(f"/instances/{instance_id}/file")
        assert answer.status_code == 200, f"GET file: {answer.status_code} {answer.text[:500]}"
        return answer.content

    def metric(self, series):
        """The value of one series of /metrics, as it stands there: name{label="value"}."""
        found = re.search("^" + re.escape(series) + r" (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return float(found.group(1)) if found else None

    def state(self):
        """What a refused object must not change: totals and the last change."""
        return self.json("/statistics"), self.json("/changes?last")["Last"]

    # --- on disk ---

    def index(self):
        return Index(self.data / "index.sqlite")

    def stored_keys(self):
        """Keys of the objects in the store's folders, as hexadecimal. Empty files are names made in advance: no object has no bytes."""
        return {path.parent.name + path.name for path in (self.data / "objects").rglob("*") if KEY_HALF.fullmatch(path.name) and size_of_file(path)}


__all__ = ["BINARY", "BUILD", "ROOT", "Gone", "Lightbox"]
