"""Metadata of series and studies: whole at every moment, whatever arrives, is replaced, is deleted, or dies meanwhile."""

import collections
import json
import random
import subprocess
import sys
import threading

import pytest
import requests

from conftest import require_program
from support import samples
from support.lightbox import ROOT
from support.peers import RawStore
from support.process import eventually

sys.path.insert(0, str(ROOT / "testdata"))
from recipes.part10 import EXPLICIT  # noqa: E402
from recipes.raw import SECONDARY, raw_file  # noqa: E402

STUDY, SERIES = "2.25.77", ("2.25.771", "2.25.772")
REPLACING = {"OverwriteInstances": True}


def part(label, number):
    """An object of one of two series; the same label and number give the same one."""
    return raw_file(f"metadata/{label}-{number}", {}, patient_id="METADATA", study=STUDY, series=SERIES[number % 2])


def sop_of(instance):
    return instance["00080018"]["Value"][0]


def study_path(series=None):
    return f"/dicom-web/studies/{STUDY}" + (f"/series/{series}" if series else "") + "/metadata"


class Book:
    """What was acknowledged and is to stay, and what may be there or not."""

    def __init__(self):
        self.lock = threading.Lock()
        self.staying, self.sent = {}, set()  # UID -> series; UIDs

    def send(self, uid):
        with self.lock:
            self.sent.add(uid)

    def acknowledge(self, uid, series):
        with self.lock:
            self.staying[uid] = series

    def expected(self, series=None):
        """UIDs that an answer that is asked for now must have."""
        with self.lock:
            return {uid for uid, of in self.staying.items() if series in (None, of)}

    def allowed(self):
        """UIDs that an answer that was given may have."""
        with self.lock:
            return set(self.sent)


class Push:
    """Senders of one study: each adds objects, sends every third one again, and deletes one that does not count now and then."""

    def __init__(self, server, book, label, count, senders=3):
        self.server, self.book, self.label, self.count = server, book, label, count
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(senders)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def join(self):
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a sender hangs"

    def busy(self):
        return any(thread.is_alive() for thread in self.threads)

    def run(self, sender):
        try:
            with RawStore(self.server.dicom_port, [(SECONDARY, EXPLICIT)]) as peer, requests.Session() as http:
                http.trust_env = False
                for number in range(self.count):
                    self.add(peer, http, sender, number)
        except (AssertionError, OSError, requests.RequestException, RuntimeError):
            pass  # the server was killed, which other tests are about

    def add(self, peer, http, sender, number):
        made = part(f"{self.label}-{sender}", number)
        self.store(peer, made)
        self.book.acknowledge(made.sop_instance, SERIES[number % 2])
        if number % 3 == 0:
            self.store(peer, made)
        if number % 5 == 0:
            passing = part(f"{self.label}-{sender}-passing", number)
            self.book.send(passing.sop_instance)
            answer = http.post(self.server.url("/instances"), data=passing.bytes, timeout=60)
            http.delete(self.server.url(f"/instances/{answer.json()['ID']}"), timeout=60)

    def store(self, peer, made):
        self.book.send(made.sop_instance)
        answer = peer.send(made.sop_class, made.sop_instance, EXPLICIT, made.bytes[made.dataset_offset:])
        if answer.status != 0x0000:
            raise RuntimeError("not stored")


def check_answer(answer, staying, sent):
    """Valid JSON with at least what stays, nothing that was never sent, nothing twice."""
    assert answer.status_code == 200, answer.text[:300]
    names = collections.Counter(sop_of(instance) for instance in answer.json())
    assert set(names) >= staying, f"{len(staying - set(names))} acknowledged instances are missing"
    assert set(names) <= sent
    assert max(names.values(), default=1) == 1, "an instance is there twice"


def ask(server, book, series=None, encoding="gzip"):
    expected = book.expected(series)
    if expected:
        answer = server.get(study_path(series), headers={"Accept-Encoding": encoding})
        check_answer(answer, expected, book.allowed())
    return bool(expected)


def poll(server, book, push):
    """Ask without a pause while others push: the study and its series, compressed and not."""
    asked = 0
    while push.busy() or asked < 6:
        asked += ask(server, book, (None, *SERIES)[asked % 3], ("gzip", "identity")[asked % 2])


def curl(server, path):
    """curl checks gzip's sum; a browser does not."""
    run = subprocess.run(["curl", "--silent", "--show-error", "--fail", "--compressed", "--noproxy", "*", server.url(path)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return json.loads(run.stdout)


def check_at_rest(server, book):
    """All is ready, and still says the same: as a whole, by series and by instance."""
    eventually(lambda: server.index().metadata_is_ready(), "metadata to be ready")
    server.index().check()
    study = curl(server, study_path())
    assert {sop_of(one) for one in study} >= book.expected()
    assert study == server.json(study_path())
    by_series = [one for series in SERIES for one in curl(server, study_path(series))]
    assert sorted(map(sop_of, by_series)) == sorted(map(sop_of, study))
    for one in study[:3]:
        path = study_path(one["0020000E"]["Value"][0]).replace("/metadata", f"/instances/{sop_of(one)}/metadata")
        assert curl(server, path) == [one]


def test_metadata_is_whole_while_it_arrives(make_lightbox):
    require_program("curl")
    server = make_lightbox(REPLACING)
    book = Book()
    push = Push(server, book, "arriving", 60).start()
    poll(server, book, push)
    push.join()
    assert len(book.staying) == 180
    check_at_rest(server, book)


def test_metadata_is_whole_after_the_server_was_killed(make_lightbox):
    require_program("curl")
    server = make_lightbox(REPLACING, start=False)
    book = Book()
    chance = random.Random(20261121)
    for number in range(3):
        server.start()
        wanted = len(book.staying) + chance.randrange(5, 80)
        push = Push(server, book, f"killed-{number}", 60).start()
        eventually(lambda: len(book.staying) >= wanted or not push.busy(), f"{wanted} acknowledgements")
        server.kill()
        push.join()
        server.start()
        ask(server, book)
        check_at_rest(server, book)
        server.kill()


def test_another_public_root_is_in_all_uris_after_a_restart(make_lightbox):
    server = make_lightbox(start=False)
    made = part("root", 1)
    for root in ("/dicom-web", "/imaging/dicom"):
        server.settings["DicomWeb"] = {"PublicRoot": root}
        server.start()
        server.store(made.bytes)
        uri = f"{root}/studies/{STUDY}/series/{SERIES[1]}/instances/{made.sop_instance}/bulkdata/7FE00010"
        for _ in range(2):  # at once, and when it is ready
            assert server.json(study_path())[0]["7FE00010"]["BulkDataURI"] == uri
            eventually(lambda: server.index().rows("SELECT root FROM metadata_stream") == [(root,)], "metadata to be ready")
        server.stop()


@pytest.mark.parametrize("folder", ["ct", "mr", "sr", "seg", "charset", "rt"])
def test_a_study_says_what_its_instances_say(archive, shared_dicom, folder):
    studies = set()
    for file in sorted((shared_dicom / folder).rglob("*")):
        if file.is_file():
            answer = archive.post("/instances", file.read_bytes())
            if answer.status_code == 200:
                study = archive.json(f"/instances/{answer.json()['ID']}/study")
                studies.add(study["MainDicomTags"]["StudyInstanceUID"])
    assert studies, f"{samples.SHARED}/{folder} holds nothing that can be stored"
    for study in studies:
        path = f"/dicom-web/studies/{study}"
        for ready in (False, True):
            if ready:
                eventually(lambda: archive.index().metadata_is_ready(), "metadata to be ready")
            for instance in archive.json(f"{path}/metadata"):
                series, sop = instance["0020000E"]["Value"][0], sop_of(instance)
                assert instance in archive.json(f"{path}/series/{series}/instances/{sop}/metadata")
