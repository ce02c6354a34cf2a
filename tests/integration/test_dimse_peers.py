"""The DICOM door with odd and hostile peers, byte by byte: negotiation, refusals, aborts, leaks, time, stopping."""

import re
import struct

import pytest
from pynetdicom import AE
from pynetdicom.pdu_primitives import (AsynchronousOperationsWindowNegotiation, SCP_SCU_RoleSelectionNegotiation,
                                       SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation, UserIdentityNegotiation)

from conftest import require_program
from support import peers, samples, upper_layer as ul
from support.process import DEADLINE_S, eventually

PRIVATE_CLASS = "1.3.46.670589.11.0.0.12.1"

pytestmark = pytest.mark.sanitize


def find_sample(sop_class, least, most):
    """A file in explicit little endian whose size lies between these."""
    return next(sample for sample in samples.generated()
                if sample.expect == "stored" and sample.sop_class == sop_class and sample.transfer_syntax == ul.EXPLICIT
                and least <= sample.path.stat().st_size <= most)


@pytest.fixture
def small(generated_dicom):
    """An object that fits into one PDU, for peers by hand."""
    return find_sample(ul.SECONDARY_CAPTURE, 2000, 65536)


def data_set_of(sample):
    return peers.dataset_of(sample.bytes())


# --- stock tools ---


def test_echoscu_repeats_and_proposes_many_contexts(archive):
    require_program("echoscu")
    assert peers.echoscu(archive.dicom_port, "--repeat", "20", "-pts", "38").returncode == 0
    assert peers.echoscu(archive.dicom_port, "-ppc", "128").returncode == 0


def test_echoscu_that_aborts_leaves_the_server_well(archive):
    require_program("echoscu")
    peers.echoscu(archive.dicom_port, "--abort")
    assert peers.echoscu(archive.dicom_port).returncode == 0


# --- negotiation, as pynetdicom sees it ---


def associate(server, contexts, items=(), called="LIGHTBOX"):
    ae = AE("PYNETDICOM")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = DEADLINE_S
    for sop_class, syntax in contexts:
        ae.add_requested_context(sop_class, syntax)
    return ae.associate("127.0.0.1", server.dicom_port, ae_title=called, ext_neg=list(items))


def test_extended_items_are_answered(archive):
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = 5, 7
    roles = SCP_SCU_RoleSelectionNegotiation()
    roles.sop_class_uid, roles.scu_role, roles.scp_role = ul.SECONDARY_CAPTURE, True, True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = ul.SECONDARY_CAPTURE, b"\3\0\0\0\2\0"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid, common.service_class_uid = ul.SECONDARY_CAPTURE, "1.2.840.10008.4.2"
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field, identity.secondary_field = 2, b"somebody", b"secret"
    identity.positive_response_requested = True

    association = associate(archive, [(ul.SECONDARY_CAPTURE, ul.EXPLICIT)], [window, roles, extended, common, identity])
    assert association.is_established
    acceptor = association.acceptor
    assert acceptor.maximum_length == 131072
    assert acceptor.asynchronous_operations == (1, 1)
    answered = acceptor.role_selection[ul.SECONDARY_CAPTURE]
    assert (answered.scu_role, answered.scp_role) == (True, False)
    assert acceptor.sop_class_extended == {ul.SECONDARY_CAPTURE: b"\2\0\3\0\0\0"}
    assert acceptor.user_identity is not None
    association.release()


def test_contexts_are_refused_one_by_one(archive):
    association = associate(archive, [(ul.SECONDARY_CAPTURE, ul.EXPLICIT), ("1.2.840.10008.5.1.4.1.2.2.1", ul.IMPLICIT), (ul.VERIFICATION, "1.2.3")])
    assert {context.abstract_syntax: context.result for context in association.rejected_contexts} == {
        "1.2.840.10008.5.1.4.1.2.2.1": 3, ul.VERIFICATION: 4}
    assert association.is_established
    association.release()


def test_128_contexts(archive):
    association = associate(archive, [(f"1.2.3.{number}", ul.IMPLICIT) for number in range(128)])
    assert len(association.accepted_contexts) == 128  # private classes: DEFAULTS let them in
    association.release()


def test_private_classes_by_setting(make_lightbox):
    server = make_lightbox({"UnknownSopClassAccepted": False})
    association = associate(server, [(ul.VERIFICATION, ul.IMPLICIT), (PRIVATE_CLASS, ul.IMPLICIT)])
    assert [context.abstract_syntax for context in association.rejected_contexts] == [PRIVATE_CLASS]
    association.release()


def test_modalities_may_do_what_they_may(make_lightbox):
    server = make_lightbox({"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False, "DicomCheckModalityHost": True,
                            "DicomModalities": {"here": {"AET": "PYNETDICOM", "Host": "127.0.0.1", "Port": 104, "AllowEcho": False}}})
    association = associate(server, [(ul.VERIFICATION, ul.IMPLICIT), (ul.SECONDARY_CAPTURE, ul.EXPLICIT)])
    assert [context.result for context in association.rejected_contexts] == [1]
    association.release()

    with ul.Peer(server.dicom_port) as stranger:
        stranger.say(ul.request(calling="STRANGER"))
        assert stranger.hear() == (ul.ASSOCIATE_RJ, b"\0\1\1\3")


def test_a_modality_at_another_address_is_a_stranger(make_lightbox):
    server = make_lightbox({"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False, "DicomCheckModalityHost": True,
                            "DicomModalities": {"there": ["RAW", "192.0.2.1", 104]}})
    with ul.Peer(server.dicom_port) as peer:
        peer.say(ul.request(calling="RAW"))
        assert peer.hear() == (ul.ASSOCIATE_RJ, b"\0\1\1\3")


# --- messages ---


def test_a_refusal_says_why_and_changes_nothing(archive, small):
    before = archive.state()
    with ul.Peer(archive.dicom_port) as peer:
        peer.associate()
        wrong = ul.command(0x0001, True, small.sop_class, "1.2.3.4.5.6.7")
        peer.say(ul.data(3, 3, wrong), ul.data(3, 2, data_set_of(small)))
        status, comment = ul.status_of(peer.hear()[1])
        assert status == 0xA900 and 0 < len(comment) <= 64
        peer.say(ul.data(3, 3, ul.command(0x0001, True, small.sop_class, small.sop_instance)), ul.data(3, 2, b"no data set at all"))
        status, comment = ul.status_of(peer.hear()[1])
        assert status == 0xC000 and comment
        peer.say(ul.data(3, 3, ul.command(0x0001, True, small.sop_class, small.sop_instance)), ul.data(3, 2, b""))
        assert ul.status_of(peer.hear()[1])[0] == 0xC000
        peer.say(ul.data(3, 3, ul.command(0x0020, False, small.sop_class)))
        assert ul.status_of(peer.hear()[1])[0] == 0x0211
        peer.release()
    assert archive.state() == before


def test_pdvs_of_one_byte(make_lightbox, small):
    server = make_lightbox()
    data_set = data_set_of(small)
    with ul.Peer(server.dicom_port) as peer:
        peer.associate()
        command = ul.command(0x0001, True, small.sop_class, small.sop_instance)
        pieces = [ul.data(3, 1, command[at:at + 1]) for at in range(len(command) - 1)] + [ul.data(3, 3, command[-1:])]
        pieces += [ul.data(3, 0, data_set[at:at + 1]) for at in range(len(data_set))] + [ul.data(3, 2, b"")]
        peer.say(*pieces)
        assert ul.status_of(peer.hear()[1]) == (0, "")
        peer.release()
    (instance,) = server.json("/instances")
    assert peers.dataset_of(server.file(instance)) == data_set


def test_a_sender_that_leaves_in_the_middle_leaves_nothing(archive, small):
    before = archive.state()
    keys = archive.stored_keys()
    data_set = data_set_of(small)
    for ending in (ul.pdu(ul.ABORT), ul.pdu(ul.RELEASE_RQ), b""):
        with ul.Peer(archive.dicom_port) as peer:
            peer.associate()
            peer.say(ul.data(3, 3, ul.command(0x0001, True, small.sop_class, small.sop_instance)), ul.data(3, 0, data_set[:1000]), ending)
    eventually(lambda: archive.stored_keys() == keys, "what was begun to be taken back")
    assert archive.state() == before


# --- hostile peers ---

IDENTITY = ul.item(0x58, b"\1\0" + ul.counted(b"x" * 400) + ul.counted(b""))
PROBES = {
    "ten user identities": ul.request(user_items=IDENTITY * 10),
    "two long user identities": ul.request(user_items=ul.item(0x58, b"\1\0" + ul.counted(b"x" * 30000) + ul.counted(b"")) * 2),
    "extended negotiation cut short": ul.request(user_items=ul.item(0x56, struct.pack(">H", 60000) + b"1.2" + b"x" * 3800)),
    "a context without transfer syntax": ul.request(contexts=((1, "1.2." + "3" * 4400, ()),)),
    "rejected": ul.request(user_items=IDENTITY * 10).replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2"),
    "cut in the middle": ul.request(user_items=IDENTITY * 10)[:-500],
}


def resident_bytes(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def is_sanitized(binary):
    return b"__asan_init" in binary.read_bytes() or b"__tsan_init" in binary.read_bytes()


@pytest.mark.parametrize("name", PROBES)
def test_association_requests_do_not_leak(make_lightbox, binary, name):
    """PLATFORM.md 7.2. The sanitizers' allocator keeps what was freed; their leak check at the end says it then."""
    server = make_lightbox()
    count = 100 if is_sanitized(binary) else 1000

    def probe(times):
        for _ in range(times):
            with ul.Peer(server.dicom_port) as peer:
                peer.say(PROBES[name])
                peer.socket.shutdown(1)
                peer.hear()

    def growth():
        before = resident_bytes(server)
        probe(count)
        return resident_bytes(server) - before

    # Stacks and arenas of threads that happen to overlap are taken once; what leaks grows in every round.
    grown = min(growth() for _ in range(4))
    assert is_sanitized(binary) or grown < 200 * count, f"{grown / count:.0f} bytes a connection"
    server.require_alive()


@pytest.mark.parametrize("bytes_said", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\xff" * 4096,
    ul.pdu(0x01), ul.pdu(0x04), ul.pdu(0x05), ul.pdu(0x06), b"\1\0\xff\xff\xff\xff" + bytes(200)])
def test_what_is_no_association_request_is_aborted(archive, bytes_said):
    with ul.Peer(archive.dicom_port) as peer:
        peer.say(bytes_said)
        assert peer.hear() == (ul.ABORT, b"\0\0\0\0")
    archive.require_alive()


@pytest.mark.parametrize("bytes_said, reason", [
    (b"\4\0\0\0\0\x0a" + struct.pack(">IBB", 7, 1, 3) + b"1234", 6), (b"\4\0\0\0\0\x0a" + struct.pack(">IBB", 0xFFFFFFFF, 1, 3), 6),
    (b"\4\0\xff\xff\xff\xff" + struct.pack(">IBB", 4, 1, 3), 6), (ul.data(9, 3, b"1234"), 6), (b"\4\0\0\0\0\0", 6),
    (ul.request(), 2), (ul.pdu(0x06), 2), (b"\x2a\0\0\0\0\4abcd", 1)])
def test_what_breaks_the_protocol_is_aborted_with_the_reason(archive, bytes_said, reason):
    with ul.Peer(archive.dicom_port) as peer:
        peer.associate()
        peer.say(bytes_said)
        assert peer.hear() == (ul.ABORT, bytes([0, 0, 2, reason]))
    archive.require_alive()


def test_who_says_nothing_is_hung_up_on(make_lightbox):
    server = make_lightbox({"DicomArtimTimeout": 1, "DicomScpTimeout": 1})
    with ul.Peer(server.dicom_port) as silent, ul.Peer(server.dicom_port) as half, ul.Peer(server.dicom_port) as idle:
        half.say(ul.request()[:50])
        idle.associate()
        for peer in (silent, half, idle):
            assert peer.hear() == (ul.ABORT, b"\0\0\0\0")
            assert peer.hear() == (None, b"")


# --- limits and stopping ---


def test_one_too_many_is_rejected_for_now(make_lightbox):
    server = make_lightbox({"DicomMaximumAssociations": 2})
    with ul.Peer(server.dicom_port) as first, ul.Peer(server.dicom_port) as second:
        first.associate()
        second.associate()
        with ul.Peer(server.dicom_port) as third:
            third.say(ul.request())
            assert third.hear() == (ul.ASSOCIATE_RJ, b"\0\2\3\2")
        first.release()
        second.release()

    def accepted():
        with ul.Peer(server.dicom_port) as peer:
            peer.say(ul.request())
            return peer.hear()[0] == ul.ASSOCIATE_AC
    eventually(accepted, "a place to be free")


def test_a_stop_lets_the_operation_in_hand_finish(make_lightbox, small):
    server = make_lightbox()
    data_set = data_set_of(small)
    with ul.Peer(server.dicom_port) as idle, ul.Peer(server.dicom_port) as busy:
        idle.associate()
        busy.associate()
        busy.say(ul.data(3, 3, ul.command(0x0001, True, small.sop_class, small.sop_instance)), ul.data(3, 0, data_set[:500]))
        eventually(lambda: any((server.data / "objects").glob("*/*")), "the object to be begun")
        server.process.process.terminate()
        assert idle.hear() == (ul.ABORT, b"\0\0\0\0")
        busy.say(ul.data(3, 2, data_set[500:]))
        assert ul.status_of(busy.hear()[1]) == (0, "")
        assert busy.hear() == (ul.ABORT, b"\0\0\0\0")
    assert server.process.process.wait(DEADLINE_S) == 0
    server.check_log()
    server.start()
    assert server.json("/statistics")["CountInstances"] == 1


# --- what is said about it ---


def test_associations_are_counted_and_logged_without_patients(make_lightbox, small):
    server = make_lightbox({"DicomModalities": {"known": ["MODALITY", "127.0.0.1", 104]}})
    require_program("storescu")
    peers.storescu(server.dicom_port, [small.path])
    with ul.Peer(server.dicom_port) as peer:
        peer.associate(calling="STRANGER")
        peer.say(ul.data(3, 3, ul.command(0x0001, True, small.sop_class, "1.2.3")), ul.data(3, 2, data_set_of(small)))
        assert ul.status_of(peer.hear()[1])[0] == 0xA900
        peer.release()

    def counted():
        text = server.get("/metrics").text
        return all(re.search(f'imaging_associations_total{{calling_aet="{label}",result="released"}} 1\n', text)
                   for label in ("MODALITY", "other")) and "imaging_associations_active 0\n" in text
    eventually(counted, "both associations to be counted")
    log = server.process.output()
    assert "STRANGER" in log and "0xA900" in log
    tags = server.json(f"/instances/{server.json('/instances')[0]}/simplified-tags")
    for key in ("PatientName", "PatientID", "PatientBirthDate"):
        assert not tags.get(key) or tags[key] not in log
