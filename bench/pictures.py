"""Frames in other transfer syntaxes and pictures of them, beside Orthanc and the codecs' libraries called directly."""

import concurrent.futures
import dataclasses
import email
import hashlib
import io
import pathlib
import re
import statistics
import subprocess
import sys

import pydicom
import requests

import data
import loads
import reads
import sides
from recipes.catalogue import uid

JPEG_LS, JPEG_2000, RPCL, EXPLICIT = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.1"
COPIES = 100  # CT slices that are also stored compressed
DIRECT_FILES = 10  # of them the library's rate is taken, called directly, one after the other
AT_ONCE = 50
TWICE = 1.9  # what is called twice the rate of one connection


def frames_as(syntax, kind="application/octet-stream"):
    return {"Accept": f'multipart/related; type="{kind}"; transfer-syntax={syntax}'}


AS_STORED = frames_as("*")
AS_JPEG_LS = frames_as(JPEG_LS, "image/jls")
AS_RPCL = frames_as(RPCL, "image/jphc")
AS_PIXELS = frames_as(EXPLICIT)
AS_JPEG, AS_PNG = {"Accept": "image/jpeg"}, {"Accept": "image/png"}


# ---- What is asked ----

def web(file):
    ds = pydicom.dcmread(file, specific_tags=["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
    return f"{reads.ROOT}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def rest(file):
    ds = pydicom.dcmread(file, specific_tags=["PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
    digest = hashlib.sha1("|".join((ds.PatientID, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID)).encode()).hexdigest()
    return "/instances/" + "-".join(digest[at:at + 8] for at in range(0, 40, 8))


def spread(files, count):
    return files[::len(files) // count][:count]


def ct(count):
    return spread(data.files("ct"), count)


def ct_frames(count):
    return lambda: [f"{web(file)}/frames/1" for file in ct(count)]


def copied_frames(syntax):
    """Of the slices that are stored in this transfer syntax."""
    return lambda: [f"{reads.ROOT}/studies/{reads.STUDY}/series/{uid('bench ct series ' + syntax)}/instances/{copied_uid(syntax, number)}/frames/1"
                    for number in range(COPIES)]


def copied_uid(syntax, number):
    return uid(f"bench ct {syntax} {number}")


@dataclasses.dataclass(frozen=True)
class Ask:
    """One question. counts: side -> answers a round. is_cold: each of them is made, because the server begins anew with an empty cache."""
    name: str
    paths: object  # () -> paths
    headers: dict
    counts: dict
    targets: dict = dataclasses.field(default_factory=dict)  # side -> our rate divided by its rate, at least
    connections: int = 1
    is_cold: bool = True
    direct: tuple | None = None  # codec_bench's name of the transfer syntax, and which of its figures
    doubles: str | None = None  # a question named before, of whose rate this has to have twice
    stored: object = None  # () -> paths whose frames are sent as they are stored ("stored" is the side)


def rendered(kind, count):
    return lambda: [f"{web(file)}/rendered" for file in spread(data.files(kind), count)]


def previews(count):
    return lambda: [f"{rest(file)}/preview" for file in ct(count)]


def pictures_of(name, paths, headers, counts, target):
    """Every object once, and one object again and again; from one and from eight connections. paths: count -> () -> paths."""
    distinct, ours, theirs = counts
    return [Ask(f"{name}, {'distinct objects' if is_cold else 'one object again'}, {connections} connection{'s' if connections > 1 else ''}",
                paths(distinct if is_cold else 1), headers,
                {"lightbox": distinct if is_cold else ours, "orthanc": min(theirs, distinct) if is_cold else theirs},
                {"orthanc": target}, connections, is_cold)
            for is_cold in (True, False) for connections in (1, 8)]


ASKS = (
    Ask("CT as JPEG-LS, 1 connection", ct_frames(COPIES), AS_JPEG_LS, {"lightbox": COPIES, "orthanc": 50}, {"direct": 0.9},
        direct=("JPEGLSLossless", "encode")),
    Ask("CT as JPEG-LS, 2 connections", ct_frames(COPIES), AS_JPEG_LS, {"lightbox": COPIES, "orthanc": 50}, connections=2,
        doubles="CT as JPEG-LS, 1 connection"),
    Ask("CT as HTJ2K, 1 connection", ct_frames(COPIES), AS_RPCL, {"lightbox": COPIES}, {"direct": 0.9}, direct=("HTJ2KLosslessRPCL", "encode")),
    Ask("CT as HTJ2K, 2 connections", ct_frames(COPIES), AS_RPCL, {"lightbox": COPIES}, connections=2, doubles="CT as HTJ2K, 1 connection"),
    Ask("JPEG 2000 as pixels, 1 connection", copied_frames(JPEG_2000), AS_PIXELS, {"lightbox": COPIES}, {"direct": 0.9},
        direct=("JPEG2000Lossless", "decode")),
    Ask("JPEG 2000 as pixels, 2 connections", copied_frames(JPEG_2000), AS_PIXELS, {"lightbox": COPIES}, connections=2,
        doubles="JPEG 2000 as pixels, 1 connection"),
    *pictures_of("CT rendered as JPEG", lambda count: rendered("ct", count), AS_JPEG, (500, 2000, 150), 4),
    *pictures_of("DX rendered as JPEG", lambda count: rendered("dx", count), AS_JPEG, (data.DX, 200, data.DX), 5),
    *pictures_of("CT preview as PNG", previews, AS_PNG, (500, 2000, 50), 8),
    Ask("CT as JPEG-LS from the cache, 1 connection", ct_frames(COPIES), AS_JPEG_LS, {"lightbox": 4000, "stored": 4000}, {"stored": 0.7},
        is_cold=False, stored=copied_frames(JPEG_LS)),
    Ask("CT as JPEG-LS from the cache, 8 connections", ct_frames(COPIES), AS_JPEG_LS, {"lightbox": 4000, "stored": 4000}, {"stored": 0.7},
        connections=8, is_cold=False, stored=copied_frames(JPEG_LS)),
)
COUNTS = "one frame of many, many clients of one frame"


# ---- The servers ----

def children_of(pid):
    """Decoding processes: their time is the server's."""
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


class LightboxPictures(sides.LightboxSide):
    """Its defaults, but that thumbnails of what became stable do not get between."""

    def start(self, env):
        self.cache, self.forgotten = self.wiped() / "transcoded", 0
        self.server = sides.Lightbox(sides.RUN / self.name, {"StableAge": 3600, "Transcode": {"CacheDirectory": str(self.cache)}}, env)
        return self.begin()

    def begin(self):
        self.server.start()
        self.pid, self.dicom_port, self.http_port = self.server.process.pid, self.server.dicom_port, self.server.http_port
        return self

    def forget(self):
        """Nothing kept: neither on disk nor in memory. The folder is put aside, not removed: ext4 without a journal (run.py) would look at each of its
        inodes again while the next round writes."""
        self.server.stop()
        self.forgotten += 1
        self.cache.rename(self.cache.with_name(f"forgotten-{self.forgotten}"))
        return self.begin()

    def cpu_s(self):
        return sides.cpu_s_of(self.pid) + sum(map(sides.cpu_s_of, children_of(self.pid)))

    def metric(self, name, *labels):
        """The sum of the samples of this name that have all of these labels."""
        text = self.server.get("/metrics").text
        return sum(float(value) for found, value in re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.M) if all(label in found for label in labels))


def copies_in(side, syntax):
    """The same slices as the server writes them in another transfer syntax, as objects of their own."""
    for number, file in enumerate(ct(COPIES)):
        answer = reads.ask(side, web(file), frames_as(syntax, "application/dicom"))
        answer.raise_for_status()
        head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
        part = next(part for part in email.message_from_bytes(head + answer.content).walk() if not part.is_multipart())
        ds = pydicom.dcmread(io.BytesIO(part.get_payload(decode=True)))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = copied_uid(syntax, number)
        ds.SeriesInstanceUID = uid("bench ct series " + syntax)
        folder = data.FOLDER / f"ct-{syntax}"
        folder.mkdir(exist_ok=True)
        ds.save_as(folder / f"{number:05}.dcm")


def copied_files(side, syntax):
    if len(data.files(f"ct-{syntax}")) != COPIES:
        copies_in(side, syntax)
    return data.files(f"ct-{syntax}")


def direct_rate(keyword, which):
    """Frames a second of the library, called directly on some of the slices: all of one of them, then the next."""
    seconds = 0
    for file in ct(DIRECT_FILES):
        out = subprocess.run([data.ROOT / "build" / "codec_bench", file, "1", keyword], check=True, capture_output=True, text=True).stdout
        line = next(line for line in out.splitlines() if line.split()[0] == keyword)
        seconds += 1 / float(line.split()[-6:][{"encode": 1, "decode": 4}[which]])
    return DIRECT_FILES / seconds


class Bench:
    def __init__(self):
        self.sides = {}

    def start(self, names, chosen):
        lightbox = self.sides["lightbox"] = LightboxPictures().start({})
        files = [*data.files("ct"), *data.files("dx")]
        loads.post(lightbox, [*files, data.FOLDER / "multiframe-200m.dcm"], 4)
        for syntax in (JPEG_LS, JPEG_2000):
            loads.post(lightbox, copied_files(lightbox, syntax), 4)
        if "orthanc" in names and any("orthanc" in ask.counts for ask in chosen):
            print("filling orthanc", file=sys.stderr)
            self.sides["orthanc"] = sides.OrthancWebSide().start({})
            loads.post(self.sides["orthanc"], files, 4)

    def stop(self):
        for side in self.sides.values():
            side.stop()

    def measure(self, ask, name):
        if name == "direct":
            rate = direct_rate(*ask.direct)
            return reads.Sample(rate, 0, 1e3 / rate, 1, 0)
        side = self.sides["lightbox" if name == "stored" else name]
        if ask.is_cold and name == "lightbox":
            side.forget()
        paths = ask.stored() if name == "stored" else ask.paths()
        cpu = side.cpu_s()
        got = loads.get(side.http_port, paths, ask.connections, ask.counts[name], ask.headers if name != "stored" else AS_STORED)
        cpu = side.cpu_s() - cpu
        return reads.Sample(got["good"] / got["seconds"], got["bytes"] / got["seconds"] / 1e6, cpu / got["good"] * 1e3, cpu / got["seconds"], got["p99_ms"])

    def run(self, ask, rounds):
        """Rounds in alternating order; the first one of each side is not counted."""
        names = [name for name in ask.counts if name in self.sides or name == "stored"] + (["direct"] if ask.direct else [])
        for name in names:
            self.measure(ask, name)
        samples = {name: [] for name in names}
        for number in range(rounds):
            for name in names if number % 2 == 0 else reversed(names):
                samples[name].append(self.measure(ask, name))
        return samples

    def count(self, verdict):
        """What a frame of a long object and many clients of one frame cost, in frames through the encoder."""
        side = self.sides["lightbox"].forget()
        frames = reads.multiframe_frames()

        def made(numbers):
            before = side.metric("imaging_transcode_frames_total", 'operation="encode"'), side.metric("imaging_transcode_frames_total", 'operation="decode"')
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                answers = list(pool.map(lambda number: requests.get(f"http://127.0.0.1:{side.http_port}{frames[number - 1]}", headers=AS_JPEG_LS, timeout=60), numbers))
            assert all(answer.status_code == 200 for answer in answers)
            return (side.metric("imaging_transcode_frames_total", 'operation="encode"') - before[0]
                    + side.metric("imaging_transcode_frames_total", 'operation="decode"') - before[1])
        one, many = made([len(frames) // 2]), made([7] * AT_ONCE)
        print(f"\nframe {len(frames) // 2} of {len(frames)} as JPEG-LS: {one:.0f} frames through codecs{verdict(one == 1, '1')}"
              f"; {AT_ONCE} clients at once asking for one frame: {many:.0f}{verdict(many == 1, '1')}")
        return {"one": one, "many": many}


def run_all(rounds, pattern, names, verdict):
    chosen = [ask for ask in ASKS if pattern.search(ask.name)]
    counts = pattern.search(COUNTS)
    if not chosen and not counts:
        return {}
    results, bench = {}, Bench()
    try:
        bench.start(names, chosen)
        for ask in chosen:
            print(ask.name, file=sys.stderr)
            samples = bench.run(ask, rounds)
            reads.report(ask.name, samples, ask.targets, verdict)
            results[ask.name] = {side: [dataclasses.asdict(sample) for sample in taken] for side, taken in samples.items()}
            if ask.doubles in results:
                share = (statistics.median(sample.rate for sample in samples["lightbox"])
                         / statistics.median(sample["rate"] for sample in results[ask.doubles]["lightbox"]))
                print(f"  {share:.2f}x the rate of: {ask.doubles}{verdict(share >= TWICE, f'at least {TWICE}x')}")
        if counts:
            results["counts"] = bench.count(verdict)
    finally:
        bench.stop()
    return results
