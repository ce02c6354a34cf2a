"""Debian's Orthanc beside us, with a configuration of our own: the other half of every comparison."""

import json
import pathlib
import shutil

import requests

from .process import DEADLINE_S, Managed, eventually, free_port

PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")


class Orthanc:
    """A plain Orthanc on SQLite, on ports of its own, without plugins."""

    def __init__(self, folder, settings=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.http_port, self.dicom_port = free_port(), free_port()
        data = str(self.folder / "data")
        self.settings = {"Name": "test", "HttpPort": self.http_port, "DicomPort": self.dicom_port, "DicomAet": "ORTHANC",
                         "StorageDirectory": data, "IndexDirectory": data, "RemoteAccessAllowed": False, "Plugins": [],
                         "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True, "StableAge": 3600, **(settings or {})}
        self.process = None
        self.http = requests.Session()
        self.http.trust_env = False

    def start(self, env=None):
        config = self.folder / "orthanc.json"
        config.write_text(json.dumps(self.settings, indent=1), encoding="utf-8")
        self.process = Managed([PROGRAM, config], self.folder / "orthanc.log", env=env)

        def ready():
            self.process.require_running()
            try:
                return self.http.get(self.url("/system"), timeout=DEADLINE_S).status_code == 200
            except requests.ConnectionError:
                return False
        eventually(ready, "Orthanc")
        return self

    def close(self):
        self.http.close()
        if self.process:
            self.process.terminate()

    def url(self, path):
        return f"http://127.0.0.1:{self.http_port}{path}"

    def get(self, path, **options):
        return self.http.get(self.url(path), timeout=DEADLINE_S, **options)

    def post(self, path, data=b"", **options):
        return self.http.post(self.url(path), data=data, timeout=DEADLINE_S, **options)

    def delete(self, path, **options):
        return self.http.delete(self.url(path), timeout=DEADLINE_S, **options)
