"""A disk without room: nothing is stored and nothing told that was not acknowledged, and everything is still read."""

import shutil

import pytest

from support import events, stow
from support.disk import Disk
from support.index import Index
from support.peers import RawStore
from support.process import eventually


@pytest.fixture
def disk(tmp_path):
    made = Disk(tmp_path / "small", 200)
    yield made
    made.close()


@pytest.mark.parametrize("folder", ["StorageDirectory", "IndexDirectory"])
def test_every_door_says_that_there_is_no_room(make_lightbox, disk, tmp_path, folder):
    server = make_lightbox({folder: str(disk.folder / "data"), "StorageMinimumFreeMB": 0}, start=False)
    server.binary = disk.program(server.binary, tmp_path / "lightbox")
    server.start()
    events.push(server, events.study("first"))
    disk.fill()
    stored = 0
    while (answer := server.post("/instances", events.study(f"more-{stored}", 1)[0].bytes)).status_code == 200:
        stored += 1
    assert answer.status_code == 507
    part, = events.study("door", 1)
    assert server.post("/instances", part.bytes).status_code == 507
    assert stow.post(server, [stow.part(part.bytes, "application/dicom")]).status_code == 507
    with RawStore(server.dicom_port, [(part.sop_class, part.transfer_syntax)]) as peer:
        assert peer.send(part.sop_class, part.sop_instance, part.transfer_syntax, part.bytes[part.dataset_offset:]).status == 0xA700
    assert len(server.json("/studies")) == 1 + stored
    assert server.get(f"/studies/{events.orthanc_study('first')}").status_code == 200
    disk.relieve()
    eventually(lambda: server.post("/instances", part.bytes).status_code == 200, "room")
    assert len(server.json("/studies")) == 2 + stored
    server.stop()
    data = disk.path / "data" if folder == "IndexDirectory" else server.data
    index = Index(shutil.copy(data / "index.sqlite", tmp_path))
    index.check()
    assert index.value("SELECT count(DISTINCT key) FROM outbox") == 2 + stored
