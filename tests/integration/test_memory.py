"""Big objects pass through: what the server needs does not grow with what it stores (release builds; sanitizers have memory of their own)."""

import struct
import sys

import pytest

from conftest import require_program
from support.lightbox import ROOT
from support.peers import storescu

sys.path.insert(0, str(ROOT / "testdata"))
from recipes import image  # noqa: E402
from recipes.part10 import EXPLICIT, dataset_bytes, meta_header  # noqa: E402

FRAMES, ROWS, COLUMNS = 400, 512, 512  # 200 MiB
ALLOWED_KB = 64 * 1024


@pytest.fixture(scope="module")
def big_file(tmp_path_factory):
    """A 200 MiB multi-frame, written frame by frame."""
    ds = image.describe(image.base("memory/big", image.MULTIFRAME_WORD, "OT"), ROWS, COLUMNS, bits=16, frames=FRAMES)
    path = tmp_path_factory.mktemp("big") / "big.dcm"
    frame = image.grey(ROWS, COLUMNS, 16).tobytes()
    with path.open("wb") as out:
        out.write(meta_header(str(ds.SOPClassUID), str(ds.SOPInstanceUID), EXPLICIT) + dataset_bytes(ds, EXPLICIT))
        out.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, FRAMES * len(frame)))
        for _ in range(FRAMES):
            out.write(frame)
    return path


def memory_kb(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def reset_peak(pid):
    """VmHWM counts anew from here (proc(5), clear_refs)."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_above_idle(server, store):
    idle = memory_kb(server.process.pid, "VmRSS")
    reset_peak(server.process.pid)
    store()
    return memory_kb(server.process.pid, "VmHWM") - idle


def post(server, path):
    with path.open("rb") as file:
        assert server.post("/instances", file).status_code == 200


def test_posting_200_mb_takes_little_memory(lightbox, big_file):
    assert peak_above_idle(lightbox, lambda: post(lightbox, big_file)) <= ALLOWED_KB


def test_sending_200_mb_takes_little_memory(lightbox, big_file):
    require_program("storescu")
    assert peak_above_idle(lightbox, lambda: storescu(lightbox.dicom_port, [big_file])) <= ALLOWED_KB


def test_giving_200_mb_out_takes_little_memory(lightbox, big_file):
    post(lightbox, big_file)
    [identifier] = lightbox.json("/instances")

    def read():
        with lightbox.get(f"/instances/{identifier}/file", stream=True) as answer:
            assert sum(len(chunk) for chunk in answer.iter_content(1 << 20)) == big_file.stat().st_size
    assert peak_above_idle(lightbox, read) <= ALLOWED_KB


def test_a_deflated_bomb_takes_little_memory(lightbox, generated_dicom):
    """64 MiB of zeros in 65 kB: whatever becomes of it, it is never held whole."""
    bomb = generated_dicom / "malformed" / "deflated-bomb.dcm"
    assert peak_above_idle(lightbox, lambda: lightbox.post("/instances", bomb.read_bytes())) <= 32 * 1024
