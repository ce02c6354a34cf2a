"""Searches: in the index itself (search_bench.c) and through HTTP (QIDO-RS), in an archive of so many studies."""

import json
import random
import socket
import sqlite3
import statistics
import subprocess
import time
import urllib.parse

import data
import sides

REPEATS = 500
PAGE = "limit=50"
COMMONEST = "Nguyễn"


def run(studies, verdict):
    """Kept from run to run: filling a million takes ten minutes."""
    folder = data.FOLDER / f"search-{studies}"
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "index.sqlite"
    print(f"searches in {studies} studies: the index")
    subprocess.run([data.ROOT / "build" / "search_bench", database, str(studies)], check=True)
    quieten(database)
    print(f"\nthrough HTTP: first page of 50, its total counted; one connection\n{'':34} {'median':>8} {'p99':>8} {'max ms':>8}  bytes")
    side = sides.Lightbox(sides.RUN / "search", {"IndexDirectory": str(folder), "StableAge": 86400 * 30}).start()
    try:
        ask_all(Connection(side.http_port), studies, verdict)
    finally:
        side.close()


def quieten(database):
    """What the server would do behind a million arrivals (metadata to append, studies that become stable) is no part of this."""
    with sqlite3.connect(database) as index:
        index.execute("UPDATE metadata_mark SET instance = (SELECT last_instance FROM total)")
        for table in ("patient", "study", "series"):
            index.execute(f"UPDATE {table} SET stable = 1 WHERE stable = 0")


class Connection:
    """One that is kept open, read by hand: a client library would cost more than the server does."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path):
        self.socket.sendall(f"GET /dicom-web{path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/dicom+json\r\n\r\n".encode())
        answer = self.socket.recv(1 << 20)
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1 << 20)
        head, body = answer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200"), head
        size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < size:
            body += self.socket.recv(1 << 20)
        return body


def value(study, tag):
    first = study[tag].get("Value", [""])[0]
    return first.get("Alphabetic", "") if isinstance(first, dict) else first


def kinds():
    """Name, and the query for a study that is there."""
    def month(study):
        return f"StudyDate={value(study, '00080020')[:6]}-{value(study, '00080020')[:6]}"

    def words(study):
        return value(study, "00100010").replace("^", " ").split(" ")

    quote = urllib.parse.quote
    return [
        ("first page of 50", lambda s: ""),
        ("patient id", lambda s: f"PatientID={value(s, '00100020')}"),
        ("accession number", lambda s: f"AccessionNumber={value(s, '00080050')}"),
        ("study UID", lambda s: f"StudyInstanceUID={value(s, '0020000D')}"),
        ("one month", month),
        ("name prefix, any family", lambda s: f"PatientName={quote(words(s)[0])}*"),
        ("name prefix, commonest family", lambda s: f"PatientName={quote(COMMONEST)}*"),
        ("name prefix, whole name", lambda s: f"PatientName={quote(value(s, '00100010'))}*"),
        ("name contains, any given name", lambda s: f"PatientName=*{quote(words(s)[-1])}*"),
        ("name contains, commonest family", lambda s: f"PatientName=*{quote(COMMONEST)}*"),
        ("name contains, two letters", lambda s: "PatientName=*ly*"),
        ("fuzzy, given and family name", lambda s: f"PatientName={quote(words(s)[-1] + ' ' + words(s)[0])}&fuzzymatching=true"),
        ("commonest family, one month", lambda s: f"PatientName=*{quote(COMMONEST)}*&{month(s)}"),
        ("commonest family, MR", lambda s: f"PatientName=*{quote(COMMONEST)}*&ModalitiesInStudy=MR"),
    ]


def sample(connection, studies):
    """Some studies, not only of today; skipping far costs the server seconds."""
    found = []
    for _ in range(20):
        offset = random.randrange(max(1, min(studies, 20000) - 50))
        found += json.loads(connection.get(f"/studies?{PAGE}&offset={offset}&total=none"))
    return found


def ask_all(connection, studies, verdict):
    random.seed(7)
    known = sample(connection, studies)
    limit_ms = 5 if studies <= 20000 else 10
    for name, query in kinds():
        times, sizes = [], []
        for turn in range(REPEATS + 100):  # the first hundred fill the page cache
            path = f"/studies?{PAGE}&{query(known[turn % len(known)])}"
            started = time.perf_counter()
            sizes.append(len(connection.get(path)))
            times.append((time.perf_counter() - started) * 1000)
        times = sorted(times[100:])
        p99 = times[len(times) * 99 // 100]
        print(f"{name:34} {statistics.median(times):8.2f} {p99:8.2f} {times[-1]:8.2f} {statistics.median(sizes):6.0f}"
              + verdict(p99 < limit_ms, f"p99 < {limit_ms} ms"), flush=True)
