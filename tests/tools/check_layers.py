"""Fails if a file includes a header of a room that its room may not call (docs/ARCHITECTURE.md, "Rooms")."""
import pathlib
import re
import sys

# Lowest first; rooms in one set ignore each other.
LAYERS = [
    {"pacs/util"},
    {"pacs/bridge", "pacs/database"},
    {"pacs/dicom"},
    {"pacs/index", "pacs/store", "transcode", "events"},
    {"pacs/ingest"},
    {"pacs/retrieve"},
    {"pacs/edit", "pacs/jobs", "pacs/lifecycle"},
    {"pacs/http"},
    {"pacs/dimse", "pacs/rest", "dicomweb"},
    {"workers/http_client"},
    {"workers/loop"},
    {"workers/consumer-dicom", "workers/imaging-report"},
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
# Processes of their own: what of the house they may know at all.
WORKERS_MAY = ("workers/", "events/contract/", "events/kafka/", "pacs/http/", "pacs/database/", "pacs/util/")
WORKERS_MAY_TOO = {"workers/imaging-report": ("pacs/dicom/",)}  # it writes DICOM objects
EXCEPTIONS = {
    # the event row is written in the index's own transaction, so its relay reads it through the index
    ("events/relay", "pacs/index"),
}
# A room's private header, by its room; nobody else may include it.
PRIVATE = re.compile(r"_(private|internal|backend)\.h$")


def room_of(path):
    return next((room for room in RANK if path.startswith(room + "/")), None)


def faults(path):
    own = room_of(path)
    if own is None:  # main.c, tests: may include what they like, but private headers stay private
        return
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        match = re.match(r'\s*#include "([^"]+)"', line)
        if not match:
            continue
        other = room_of(match[1])
        if other is None or other == own:
            continue
        where = f"{path}:{number}: includes {match[1]}"
        if RANK[other] >= RANK[own] and (str(pathlib.Path(path).parent), other) not in EXCEPTIONS:
            yield f"{where}, a room that is not below {own}"
        if own.startswith("workers/") and not match[1].startswith(WORKERS_MAY + WORKERS_MAY_TOO.get(own, ())):
            yield f"{where}, which is no business of a worker"
        if PRIVATE.search(match[1]):
            yield f"{where}, which is private to {other}"


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    found = []
    for folder in ("pacs", "dicomweb", "transcode", "events", "workers"):
        for path in sorted((root / folder).rglob("*.[ch]")):
            found += faults(str(path.relative_to(root)))
    print("\n".join(found) or "layers: every include points down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
