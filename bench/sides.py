"""The servers that are measured: each is started empty, on ports of its own, below build/bench-run."""

import os
import pathlib
import shutil
import sys
import time

from data import ROOT

sys.path.insert(0, str(ROOT / "tests" / "integration"))
from support.lightbox import Lightbox  # noqa: E402
from support.orthanc import Orthanc  # noqa: E402
from support.peers import can_connect  # noqa: E402
from support.process import Managed, eventually, free_port  # noqa: E402

RUN = ROOT / "build" / "bench-run" / str(os.getpid())  # two runs at once spoil each other's numbers, but not their files
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


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
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

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
    name, aet = "orthanc", "ORTHANC"

    def start(self, env):
        self.server = Orthanc(self.wiped(), {"StableAge": 60}).start(env)
        self.pid, self.dicom_port, self.http_port = self.server.process.pid, self.server.dicom_port, self.server.http_port
        return self

    def count(self):
        return self.server.get("/statistics").json()["CountInstances"]

    def stop(self):
        self.server.close()


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


SIDES = {side.name: side for side in (LightboxSide, OrthancSide, StorescpSide)}


def settle():
    """Leave no dirty pages of the last measurement to the next one."""
    os.sync()
    time.sleep(0.2)
