"""Debian's Orthanc beside us, with a configuration of our own: the other half of every comparison."""

import json
import pathlib
import shutil

import requests

from .process import DEADLINE_S, Managed, eventually, free_port

DICOMWEB_PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"  # Debian's orthanc-dicomweb
PROGRAM = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")


class Orthanc:
    """A plain Orthanc on SQLite, on ports of its own, without plugins unless asked."""

    def __init__(self, folder, settings=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.http_port, self.dicom_port = free_port(), free_port()
        data = str(self.folder / "data")
        self.settings = {"Name": "test", "HttpPort": self.http_port, "DicomPort": self.dicom_port, "DicomAet": "ORTHANC",
                         "StorageDirectory": data, "IndexDirectory": data, "RemoteAccessAllowed": False, "Plugins": [],
                         "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True, "StableAge": 3600, **(settings or {})}
        self.process = None

    def start(self, env=None, user=None):
        config = self.folder / "orthanc.json"
        config.write_text(json.dumps(self.settings, indent=1), encoding="utf-8")
        self.process = Managed([PROGRAM, config], self.folder / "orthanc.log", env=env)

        def ready():
            self.process.require_running()
            try:
                return self.get("/system", auth=user).status_code == 200
            except requests.ConnectionError:
                return False
        eventually(ready, "Orthanc")
        return self

    def close(self):
        if self.process:
            self.process.terminate()

    def url(self, path):
        return f"http://127.0.0.1:{self.http_port}{path}"

    def request(self, method, path, **options):
        """Over a connection of its own: it drops kept ones after a second, whether or not we are about to ask."""
        with requests.Session() as http:
            http.trust_env = False
            return http.request(method, self.url(path), timeout=DEADLINE_S, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, data=b"", **options):
        return self.request("POST", path, data=data, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)
