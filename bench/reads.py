"""Reading beside nginx, which sends the same bytes from files, and Orthanc with its DICOMweb plugin."""

import dataclasses
import hashlib
import statistics
import sys

import pydicom
import requests

import data
import loads
import sides
from recipes.catalogue import uid

ROOT = "/dicom-web"
FRAMES = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
METADATA = {"Accept": "application/dicom+json", "Accept-Encoding": "gzip"}
OBJECTS = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
STUDY, SERIES = uid("bench ct study"), uid("bench ct series")
CT_SERIES = f"{ROOT}/studies/{STUDY}/series/{SERIES}"


@dataclasses.dataclass(frozen=True)
class Read:
    """What is asked for, and how often a round on one connection. less: side -> how often instead, where it is slow."""
    name: str
    key: str
    paths: object  # () -> paths
    headers: dict
    requests: int
    less: dict
    targets: dict = dataclasses.field(default_factory=dict)  # side -> our rate divided by its rate, at least
    connections: tuple = (1, 8)


def ct_files():
    """Orthanc's way to a whole object."""
    ids = []
    for file in data.files("ct"):
        ds = pydicom.dcmread(file, specific_tags=["PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
        digest = hashlib.sha1("|".join((ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)).encode()).hexdigest()
        ids.append("-".join(digest[at:at + 8] for at in range(0, 40, 8)))
    return [f"/instances/{instance}/file" for instance in ids]


def ct_frames():
    return [f"{CT_SERIES}/instances/{uid(f'bench ct {number}')}/frames/1" for number in range(data.SLICES)]


def multiframe_frames():
    ds = pydicom.dcmread(data.FOLDER / "multiframe-200m.dcm", stop_before_pixels=True)
    instance = f"{ROOT}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
    return [f"{instance}/frames/{frame}" for frame in range(1, ds.NumberOfFrames + 1)]


READS = (
    Read("files of 500 CT slices", "files", ct_files, {}, 4000, {"orthanc": 500}),
    Read("frames of 500 CT slices", "frames", ct_frames, FRAMES, 4000, {"orthanc": 500}, {"nginx": 0.8}),
    Read("frames of one 400-frame object", "multiframe", multiframe_frames, FRAMES, 4000, {"orthanc": 2}, {"nginx": 0.8}),
    Read("metadata of 500 slices, gzip", "metadata", lambda: [f"{CT_SERIES}/metadata"], METADATA, 2000, {"orthanc": 8}, {"nginx": 0.8, "orthanc": 100}),
    Read("whole series of 500 slices", "series", lambda: [CT_SERIES], OBJECTS, 8, {"orthanc": 1}, {"nginx": 0.8}),
)
STREAMS = 64  # clients at once


@dataclasses.dataclass
class Sample:
    """One round of one side."""
    rate: float  # answers a second
    megabytes: float  # a second
    cpu_ms: float  # of the server, an answer
    cores: float  # of the server, busy
    p99_ms: float


class Bench:
    """The servers, filled once and kept running: what is read is in the page cache of all of them."""

    def __init__(self, drop):
        self.drop = drop
        self.sides, self.paths, self.reads = {}, {}, []

    def start(self, names, chosen):
        self.fill("lightbox", sides.LightboxSide)
        if "orthanc" in names:
            self.fill("orthanc", sides.OrthancWebSide)
        self.reads = [read for read in chosen if self.answers(read)]
        if "nginx" in names:
            self.capture()

    def fill(self, name, side):
        print(f"filling {name}", file=sys.stderr)
        side = side().start({})
        self.sides[name] = side
        files = [*data.files("ct"), data.FOLDER / "multiframe-200m.dcm"]
        loads.post(side, files, 4)
        assert side.count() == len(files)

    def answers(self, read):
        answer = ask(self.sides["lightbox"], read.paths()[0], read.headers)
        if answer.status_code != 200:
            print(f"LEFT OUT: {read.name}: Lightbox answers {answer.status_code}", file=sys.stderr)
        return answer.status_code == 200

    def capture(self):
        """Every answer into a file of nginx's."""
        nginx = sides.NginxSide().start({})
        for read in self.reads:
            self.paths[read.key] = [nginx.add(read.key, number, ask(self.sides["lightbox"], path, read.headers))
                                    for number, path in enumerate(read.paths())]
        self.sides["nginx"] = nginx.serve()

    def stop(self):
        for side in self.sides.values():
            side.stop()

    def measure(self, read, connections, name):
        side = self.sides[name]
        paths = self.paths[read.key] if name == "nginx" else read.paths()
        count = read.less.get(name, read.requests)
        cpu = side.cpu_s()
        got = loads.get(side.http_port, paths, connections, max(count, connections), read.headers, self.drop)
        cpu = side.cpu_s() - cpu
        seconds = got["seconds"]
        return Sample(got["good"] / seconds, got["bytes"] / seconds / 1e6, cpu / got["good"] * 1e3, cpu / seconds, got["p99_ms"])

    def run(self, read, connections, rounds):
        """Rounds in alternating order; the first answers of each side are not counted."""
        samples = {name: [] for name in self.sides}
        for name in samples:
            self.measure(dataclasses.replace(read, requests=min(read.requests, len(read.paths())), less={"orthanc": 1}), 1, name)
        for number in range(rounds):
            for name in list(samples) if number % 2 == 0 else reversed(samples):
                samples[name].append(self.measure(read, connections, name))
            print(f"  round {number + 1}: " + ", ".join(f"{name} {taken[-1].rate:.1f}/s" for name, taken in samples.items()), file=sys.stderr)
        return samples

    def memory(self):
        """Megabytes above idle while as many clients read the whole series at once."""
        side = self.sides["lightbox"]
        sides.settle()
        idle = side.memory_kb("VmRSS")
        side.reset_peak()
        got = loads.get(side.http_port, [CT_SERIES], STREAMS, STREAMS, OBJECTS)
        return {"mb": (side.memory_kb("VmHWM") - idle) / 1024, "idle_mb": idle / 1024, "mb_per_s": got["bytes"] / got["seconds"] / 1e6}


def ask(side, path, headers):
    """One answer, its body not yet read and not inflated."""
    return requests.get(f"http://127.0.0.1:{side.http_port}{path}", headers={"Accept-Encoding": "identity", **headers}, stream=True, timeout=600)


def title(read, connections):
    return f"{read.name}, {connections} connection{'s' if connections > 1 else ''}"


def report(name, samples, targets, verdict):
    print(f"\n{name}")
    ours = statistics.median(sample.rate for sample in samples["lightbox"])
    for side, taken in samples.items():
        rates = [sample.rate for sample in taken]
        middle = {field: statistics.median(getattr(sample, field) for sample in taken) for field in ("rate", "megabytes", "cpu_ms", "cores", "p99_ms")}
        line = (f"  {side:9} {middle['rate']:8.1f} /s  ({min(rates):.1f} to {max(rates):.1f})  {middle['megabytes']:6.0f} MB/s"
                f"  CPU {middle['cpu_ms']:7.3f} ms  {middle['cores']:.1f} cores  p99 {middle['p99_ms']:.2f} ms")
        if side != "lightbox":
            ratio = ours / middle["rate"]
            line += f"   lightbox is {ratio:.2f}x" + (verdict(ratio >= targets[side], f"at least {targets[side]}x") if side in targets else "")
        print(line)


def run_all(rounds, pattern, names, drop, verdict):
    """The scenarios whose title matches, beside the sides named; samples by title. drop: bodies are not read (http_get.c)."""
    chosen = [read for read in READS if any(pattern.search(title(read, connections)) for connections in read.connections)]
    streams = pattern.search(f"memory, {STREAMS} clients stream")
    if not chosen and not streams:
        return {}
    results = {}
    bench = Bench(drop)
    try:
        bench.start(names, chosen)
        for read in bench.reads:
            for connections in read.connections:
                name = title(read, connections)
                if not pattern.search(name):
                    continue
                print(name, file=sys.stderr)
                samples = bench.run(read, connections, rounds)
                report(name, samples, read.targets, verdict)
                results[name] = {side: [dataclasses.asdict(sample) for sample in taken] for side, taken in samples.items()}
        if streams:
            results["memory"] = bench.memory()
            print(f"\nmemory while {STREAMS} clients stream a series: {results['memory']['mb']:.1f} MB above idle"
                  f" ({results['memory']['mb_per_s']:.0f} MB/s)")
    finally:
        bench.stop()
    return results
