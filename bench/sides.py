"""The servers that are measured: each is started empty, on ports of its own, below build/bench-run."""

import os
import pathlib
import shutil
import sys
import time

from data import ROOT

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from support.lightbox import Lightbox  # noqa: E402
from support.nginx import Nginx, quoted  # noqa: E402
from support.orthanc import DICOMWEB_PLUGIN, Orthanc  # noqa: E402
from support.peers import can_connect  # noqa: E402
from support.process import Managed, eventually, free_port  # noqa: E402

RUN = ROOT / "build" / "bench-run" / str(os.getpid())  # two runs at once spoil each other's numbers, but not their files
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


class Side:
    """A server process: name, ports, what it costs. start() wipes what an earlier round left."""
    http_port = None
    aet = "ANY"

    def start(self, env):
        raise NotImplementedError

    def count(self):
        """Objects it has."""
        raise NotImplementedError

    def cpu_s(self):
        """Processor seconds so far, of all threads; None where that cannot be known."""
        return cpu_s_of(self.pid)

    def memory_kb(self, field):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def reset_peak(self):
        """From here on VmHWM counts anew (proc(5), clear_refs)."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def wiped(self):
        folder = RUN / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


class LightboxSide(Side):
    name, aet = "lightbox", "LIGHTBOX"

    def start(self, env):
        self.server = Lightbox(self.wiped(), {"StableAge": 60}, env).start()
        self.pid, self.dicom_port, self.http_port = self.server.process.pid, self.server.dicom_port, self.server.http_port
        return self

    def count(self):
        return self.server.json("/statistics")["CountInstances"]

    def stop(self):
        self.server.close()


class OrthancSide(Side):
    name, aet, plugins = "orthanc", "ORTHANC", []

    def start(self, env):
        self.server = Orthanc(self.wiped(), {"StableAge": 60, "Plugins": self.plugins}).start(env)
        self.pid, self.dicom_port, self.http_port = self.server.process.pid, self.server.dicom_port, self.server.http_port
        return self

    def count(self):
        return self.server.get("/statistics").json()["CountInstances"]

    def stop(self):
        self.server.close()


class OrthancWebSide(OrthancSide):
    """With Debian's DICOMweb plugin, which costs it time on the way in: for reads only."""
    plugins = [DICOMWEB_PLUGIN]


class StorescpSide(Side):
    """DCMTK's receiver, writing what it gets bit by bit and syncing nothing. One association after the other unless forked."""
    name = "storescp"

    def start(self, env):
        folder = self.wiped()
        self.received = folder / "received"
        self.received.mkdir()
        self.dicom_port = free_port()
        self.process = Managed(["storescp", "+B", "+xa", "--fork", "-pdu", "131072", "-od", self.received, self.dicom_port],
                               folder / "log", env=env)
        self.pid = self.process.pid
        eventually(lambda: self.process.require_running() or can_connect(self.dicom_port), "storescp")
        return self

    def count(self):
        return sum(1 for _ in self.received.iterdir())

    def cpu_s(self):
        """Not to be told: its children do the work, and it forgets to wait for the last of them."""
        return None

    def stop(self):
        self.process.kill()


class NginxSide(Side):
    """A file server: answers taken from Lightbox once, byte by byte, and sent from files with the same headers."""
    name = "nginx"
    OWN_HEADERS = {"date", "content-length", "content-type", "connection", "keep-alive", "etag", "last-modified", "server", "x-request-id", "accept-ranges"}

    def start(self, env):
        self.folder = self.wiped()
        self.server = Nginx(self.folder / "server")
        self.http_port, self.locations = self.server.port, {}
        return self

    def add(self, name, number, answer):
        """One answer of a scenario; the path it gets here."""
        (self.folder / name).mkdir(exist_ok=True)
        with (self.folder / name / str(number)).open("wb") as file:
            file.write(answer.raw.read())
            file.flush()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # to be read from the disk first, as the others' files are
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in self.OWN_HEADERS}
        self.locations.setdefault(name, (answer.headers["Content-Type"], kept))  # boundaries differ, but nobody reads them
        return f"/{name}/{number}"

    def serve(self):
        """Start, now that it is known what to serve: files held open, nothing else out of the ordinary."""
        locations = "".join(f"location /{name}/ {{ types {{}} default_type {quoted(kind)};\n"
                            + "".join(f"add_header {key} {quoted(value)};\n" for key, value in headers.items()) + "}\n"
                            for name, (kind, headers) in self.locations.items())
        self.server.start(f"root {self.folder}; {locations}", listen="reuseport",
                          http="open_file_cache max=10000 inactive=1h; open_file_cache_valid 1h;")
        self.pid = self.server.process.pid
        return self

    def cpu_s(self):
        return sum(cpu_s_of(pid) for pid in self.server.pids)

    def stop(self):
        self.server.close()


SIDES = {side.name: side for side in (LightboxSide, OrthancSide, StorescpSide)}


def settle():
    """Leave no dirty pages of the last measurement to the next one."""
    os.sync()
    time.sleep(0.2)
