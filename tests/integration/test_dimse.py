"""The DICOM door with other people's tools: many at once, small and large PDUs, refusals, a stop in the middle."""

import subprocess
import threading

import pytest

from conftest import require_program
from support import samples
from support.peers import RawStore, echoscu, raw_store, storescu
from support.process import eventually

pytestmark = pytest.mark.sanitize


@pytest.fixture(autouse=True)
def tools(generated_dicom):
    require_program("storescu", "echoscu")


def slices(folder):
    return sorted((folder / "sample").glob("*.dcm"))


def sample_named(name):
    return next(sample for sample in samples.generated() if sample.name == name)


def test_echo(archive):
    assert echoscu(archive.dicom_port).returncode == 0


@pytest.mark.parametrize("pdu", [4096, 16384, 131072])
def test_series_in_pdus_of(lightbox, generated_dicom, pdu):
    storescu(lightbox.dicom_port, slices(generated_dicom), "-pdu", str(pdu))
    assert lightbox.json("/statistics")["CountInstances"] == 24
    lightbox.index().check()


def test_sixty_four_associations_at_once(lightbox, generated_dicom):
    """Every one is served; the same instances from all of them are stored once."""
    files = [str(path) for path in slices(generated_dicom)[:4]]
    commands = [["storescu", "-aec", lightbox.aet, "127.0.0.1", str(lightbox.dicom_port), *files] for _ in range(64)]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for command in commands]
    failed = [process.communicate()[1] for process in running if process.wait() != 0]
    assert not failed, failed[0][-500:]
    assert lightbox.json("/statistics")["CountInstances"] == 4
    lightbox.index().check()
    assert lightbox.stored_keys() == lightbox.index().object_keys()


def test_one_too_many_is_rejected_and_can_try_again(make_lightbox):
    server = make_lightbox({"DicomMaximumAssociations": 2})
    good = sample_named("native/explicit-8bit.dcm")
    contexts = [(good.sop_class, good.transfer_syntax)]
    with RawStore(server.dicom_port, contexts), RawStore(server.dicom_port, contexts):
        third = echoscu(server.dicom_port, "-v")
        assert third.returncode != 0 and "reject" in (third.stdout + third.stderr).lower()
    eventually(lambda: echoscu(server.dicom_port).returncode == 0, "room for another")


def test_storing_again_is_success_and_changes_nothing(lightbox, generated_dicom):
    files = slices(generated_dicom)[:3]
    storescu(lightbox.dicom_port, files)
    before = lightbox.state()
    storescu(lightbox.dicom_port, files)
    assert lightbox.state() == before
    assert lightbox.stored_keys() == lightbox.index().object_keys()


def test_announced_instance_has_to_be_the_one_inside(archive):
    good = sample_named("native/explicit-12bit.dcm")
    before = archive.state()
    reply = raw_store(archive.dicom_port, good.sop_class, "2.25.424242", good.transfer_syntax, good.bytes()[good.dataset_offset:])
    assert reply.status == 0xA900 and reply.comment
    assert archive.state() == before


def test_unknown_sop_class_is_refused_unless_accepted(make_lightbox):
    unknown = sample_named("documents/unknown-sop-class.dcm")
    data = unknown.bytes()[unknown.dataset_offset:]
    strict = make_lightbox({"UnknownSopClassAccepted": False})
    assert raw_store(strict.dicom_port, unknown.sop_class, unknown.sop_instance, unknown.transfer_syntax, data).status is None
    assert strict.json("/instances") == []


def test_aborting_sender_leaves_what_was_acknowledged(lightbox, generated_dicom):
    storescu(lightbox.dicom_port, slices(generated_dicom)[:5], "--abort", check=False)
    assert lightbox.json("/statistics")["CountInstances"] == 5
    lightbox.require_alive()


def test_stop_in_the_middle_of_a_push_loses_nothing(make_lightbox):
    """SIGTERM: operations under way end with their answer, the process ends with 0, what was acknowledged is there."""
    server = make_lightbox()
    good = sample_named("documents/raw-data.dcm")
    data, acknowledged = good.bytes()[good.dataset_offset:], []

    def push():
        try:
            with RawStore(server.dicom_port, [(good.sop_class, good.transfer_syntax)]) as peer:
                for number in range(10_000):
                    uid = good.sop_instance[:-4] + f"{number:04}"
                    if peer.send(good.sop_class, uid, good.transfer_syntax, data.replace(good.sop_instance.encode(), uid.encode())).status != 0:
                        return
                    acknowledged.append(uid)
        except (OSError, RuntimeError, AssertionError):
            return

    pusher = threading.Thread(target=push, daemon=True)
    pusher.start()
    eventually(lambda: len(acknowledged) >= 20, "some objects to be stored")
    server.stop()
    pusher.join(60)
    assert not pusher.is_alive()
    server.start()
    stored = {uid for (uid,) in server.index().rows("SELECT sop_instance_uid FROM instance")}
    assert set(acknowledged) <= stored
    server.index().check()
