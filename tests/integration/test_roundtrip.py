"""What goes in comes out: every valid file by every door, bit for bit; everything else is refused and leaves no trace."""

import hashlib

import pytest

from conftest import close_all, require, require_program
from support import samples
from support.index import orthanc_id
from support.lightbox import Lightbox
from support.peers import STORESCU_FLAGS, RawStore, Storescp, dataset_of, raw_store, storescu

SAMPLES = [*(samples.generated() if samples.GENERATED.is_dir() else []), *samples.shared()]
HTTP_OF_REFUSAL = {"invalid": 400, "unsupported": 400, "too-large": 413}  # Orthanc's BadFileFormat; it has no limits
DIMSE_OF_REFUSAL = {"invalid": 0xC000, "unsupported": 0x0122, "too-large": 0xA700}
MISMATCH = 0xA900  # the data set's identifiers are not the command's


SANITIZED = 4  # every so many of the shared ones under sanitizers, where all of them take ten minutes (./dev test --all)


def each(of, shared_in_gate=1, shared_sanitized=None):
    """A parameter for each sample, named by its path. Of the shared ones every n-th belongs to the gate, the others are long; and
    every n-th is tested under sanitizers, where the module does not say that all are."""
    def marks(number, sample):
        shared = samples.SHARED in sample.path.parents
        sanitized = shared_sanitized and not (shared and number % shared_sanitized)
        return ([pytest.mark.long] if shared and number % shared_in_gate else []) + ([pytest.mark.sanitize] if sanitized else [])

    return pytest.mark.parametrize("sample", [pytest.param(sample, id=f"{sample.path.parent.name}/{sample.path.name}", marks=marks(number, sample))
                                              for number, sample in enumerate(of)])


@pytest.fixture(scope="module")
def server(binary, generated_dicom, tmp_path_factory):
    """Replaces what it has, so that the last push of an instance is the one that has to come back."""
    made = Lightbox(tmp_path_factory.mktemp("roundtrip"), {"OverwriteInstances": "Always"}, binary=binary).start()
    yield made
    close_all([made])


@pytest.fixture
def archive(server):
    server.process.require_running()
    yield server
    server.require_alive()


def test_shared_collection_is_at_hand(shared_dicom):
    assert len(samples.shared()) > 700


@each(SAMPLES, shared_sanitized=SANITIZED)
def test_post(archive, sample):
    before = archive.state()
    data = sample.bytes()
    answer = archive.post("/instances", data)
    if answer.status_code == 200:
        assert sample.expect != "refused", f"should be refused ({sample.refusal}): {answer.text}"
        assert answer.json()["Status"] == "Success"
        assert archive.file(answer.json()["ID"]) == data
        return
    assert sample.expect != "stored", f"{answer.status_code} {answer.text}"
    check_refusal(sample, answer)
    assert archive.state() == before


def check_refusal(sample, answer):
    """A JSON body that says why; nothing of the patient in it."""
    expected = {HTTP_OF_REFUSAL[sample.refusal]} if sample.refusal else set(HTTP_OF_REFUSAL.values())
    body = answer.json()
    assert answer.status_code in expected, f"{answer.status_code} {body}"
    assert body["HttpStatus"] == answer.status_code
    assert body["Method"] == "POST" and body["Uri"] == "/instances"
    assert body.get("Details") or body.get("Message"), body
    assert "TESTDATA" not in answer.text and "Dvorak" not in answer.text


def announceable(sample):
    """An SCU needs a data set, its transfer syntax and its class to announce it."""
    return sample.dataset_offset is not None and sample.transfer_syntax and sample.sop_class


@each(filter(announceable, SAMPLES), shared_sanitized=SANITIZED)
def test_c_store_of_the_very_bytes(archive, sample):
    """Data sets as the files have them, over an association that looks at nothing; also what storescu cannot send."""
    before = archive.state()
    data = sample.bytes()[sample.dataset_offset:]
    sop_instance = announced_instance(sample)
    reply = raw_store(archive.dicom_port, sample.sop_class, sop_instance, sample.transfer_syntax, data)
    if reply.status == 0x0000:
        assert sample.expect != "refused", f"should be refused ({sample.refusal})"
        assert data in kept(archive, sop_instance)
        return
    assert sample.expect != "stored", f"{reply}"
    if reply.status is None:  # the presentation context was not accepted: nobody defined that transfer syntax
        assert sample.refusal in (None, "unsupported")
    else:
        expected = {DIMSE_OF_REFUSAL[sample.refusal]} if sample.refusal else set(DIMSE_OF_REFUSAL.values())
        assert reply.status in expected | {MISMATCH}, f"0x{reply.status:04X} {reply.comment}"
        assert 0 < len(reply.comment) <= 64
    assert archive.state() == before


def announced_instance(sample):
    """The file's own UID where a command can carry it."""
    uid = (sample.sop_instance or "").strip()
    if uid and len(uid) <= 64 and not uid.strip("0123456789."):
        return uid
    return "2.25." + str(int(hashlib.sha256(sample.name.encode()).hexdigest()[:30], 16))


def kept(archive, sop_instance):
    """Data sets the archive has under a SOP Instance UID."""
    rows = archive.index().rows("SELECT orthanc_id FROM instance WHERE sop_instance_uid = ?", sop_instance)
    return [dataset_of(archive.file(orthanc_id(blob))) for (blob,) in rows]


@pytest.mark.sanitize
@pytest.mark.parametrize("syntax", sorted(STORESCU_FLAGS))
def test_storescu_in_its_own_transfer_syntax(archive, tmp_path, syntax):
    """DCMTK's tool writes some data sets anew, so what counts is what it sent: storescp keeps that bit by bit."""
    require_program("storescu", "storescp")
    files = first_of_each_instance(syntax)
    require(files, f"a sample in {syntax}")
    reference = Storescp(tmp_path)
    try:
        storescu(reference.port, files, STORESCU_FLAGS[syntax], "-R", "-nh", aet="ANY", check=False)
    finally:
        reference.close()
    storescu(archive.dicom_port, files, STORESCU_FLAGS[syntax], "-R", "-nh", check=False)
    sent = {path.name.split(".", 1)[1]: dataset_of(path.read_bytes()) for path in reference.received.iterdir()}
    assert len(sent) >= len(files) * 0.85, "storescu left out more than the few files it cannot read"
    differing = [uid for uid, data in sent.items() if data not in kept(archive, uid)]
    assert not differing, f"{len(differing)} of {len(sent)} differ: {differing[:5]}"


def first_of_each_instance(syntax):
    """Valid files by SOP Instance UID, since storescp names what it keeps by it."""
    found = {}
    for sample in SAMPLES:
        if sample.expect == "stored" and sample.transfer_syntax == syntax and sample.dataset_offset and sample.sop_class:
            found.setdefault(sample.sop_instance, sample.path)
    return list(found.values())


@pytest.mark.sanitize
def test_one_association_takes_many_transfer_syntaxes(archive):
    """Contexts of one association are independent of each other."""
    wanted = ["native/implicit-12bit.dcm", "native/bigendian-12bit.dcm", "encapsulated/htj2k-lossless.dcm", "encapsulated/jpeg-xl.dcm",
              "encapsulated/mpeg4-41.dcm"]
    chosen = [sample for sample in samples.generated() if sample.name in wanted]
    with RawStore(archive.dicom_port, [(sample.sop_class, sample.transfer_syntax) for sample in chosen]) as peer:
        for sample in chosen:
            data = sample.bytes()[sample.dataset_offset:]
            assert peer.send(sample.sop_class, sample.sop_instance, sample.transfer_syntax, data).status == 0x0000, sample.name


@pytest.mark.sanitize
def test_an_association_goes_on_after_a_refusal(archive):
    """A malformed data set is answered, and the next one on the same association is stored."""
    by_name = {sample.name: sample for sample in samples.generated()}
    bad, good = by_name["malformed/cut-item-value.dcm"], by_name["native/explicit-8bit.dcm"]
    with RawStore(archive.dicom_port, [(good.sop_class, good.transfer_syntax)]) as peer:
        first = peer.send(bad.sop_class, bad.sop_instance, bad.transfer_syntax, bad.bytes()[bad.dataset_offset:])
        second = peer.send(good.sop_class, good.sop_instance, good.transfer_syntax, good.bytes()[good.dataset_offset:])
    assert first.status == DIMSE_OF_REFUSAL["invalid"] and first.comment
    assert second.status == 0x0000
