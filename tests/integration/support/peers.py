"""Others who speak DICOM: DCMTK's tools, and an SCU of our own that sends bytes exactly as they are."""

import dataclasses
import io
import pathlib
import socket
import subprocess
import warnings

from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE

from .process import DEADLINE_S, Managed, can_connect, eventually, free_port

# storescu's flag for each transfer syntax it can propose; others go by raw_store().
STORESCU_FLAGS = {
    "1.2.840.10008.1.2": "-xi", "1.2.840.10008.1.2.1": "-xe", "1.2.840.10008.1.2.2": "-xb",
    "1.2.840.10008.1.2.1.99": "-xd", "1.2.840.10008.1.2.5": "-xr",
    "1.2.840.10008.1.2.4.50": "-xy", "1.2.840.10008.1.2.4.51": "-xx", "1.2.840.10008.1.2.4.70": "-xs",
    "1.2.840.10008.1.2.4.80": "-xt", "1.2.840.10008.1.2.4.81": "-xu",
    "1.2.840.10008.1.2.4.90": "-xv", "1.2.840.10008.1.2.4.91": "-xw",
    "1.2.840.10008.1.2.4.100": "-xm", "1.2.840.10008.1.2.4.101": "-xh", "1.2.840.10008.1.2.4.102": "-xn",
    "1.2.840.10008.1.2.4.103": "-xl", "1.2.840.10008.1.2.4.104": "-x2", "1.2.840.10008.1.2.4.105": "-x3",
    "1.2.840.10008.1.2.4.106": "-xo", "1.2.840.10008.1.2.4.107": "-x4", "1.2.840.10008.1.2.4.108": "-x5",
}


def storescu(port, files, *flags, aet="LIGHTBOX", check=True):
    """DCMTK's storescu, as a modality: one association for all files."""
    command = ["storescu", "-aec", aet, "-aet", "MODALITY", *flags, "127.0.0.1", str(port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600)
    assert not check or done.returncode == 0, f"{' '.join(command[:8])} ...: {done.stdout[-2000:]} {done.stderr[-2000:]}"
    return done


def echoscu(port, *flags, aet="LIGHTBOX"):
    return subprocess.run(["echoscu", "-aec", aet, *flags, "127.0.0.1", str(port)], capture_output=True, text=True, timeout=DEADLINE_S)


class Storescp:
    """DCMTK's storescp, which writes down what arrives, bit by bit: the reference for what a sender really sent."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.received = self.folder / "received"
        self.received.mkdir(parents=True)
        self.port = free_port()
        self.process = Managed(["storescp", "+B", "+xa", "-pm", "-uf", "-od", self.received, str(self.port)], self.folder / "storescp.log")
        eventually(lambda: self.process.require_running() or can_connect(self.port), "storescp")

    def close(self):
        self.process.kill()


def dataset_of(data):
    """The bytes behind preamble and meta header of a file that has both (with group length)."""
    assert data[128:132] == b"DICM" and data[132:140] == b"\x02\0\0\0UL\x04\0", "no meta header with group length"
    return data[144 + int.from_bytes(data[140:144], "little"):]


@dataclasses.dataclass
class Reply:
    """A C-STORE response. status None: the peer would not take the presentation context, or left."""
    status: int | None
    comment: str = ""


class RawStore:
    """An association that sends data sets without looking at them. Contexts: (SOP class, transfer syntax) pairs."""

    def __init__(self, port, contexts, aet="LIGHTBOX"):
        self.ae = AE("MODALITY")
        self.ae.acse_timeout = self.ae.dimse_timeout = self.ae.network_timeout = DEADLINE_S
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pynetdicom remarks on private syntaxes
            for sop_class, syntax in contexts:
                self.ae.add_requested_context(sop_class, syntax)
            self.association = self.ae.associate("127.0.0.1", port, ae_title=aet)
        if self.association.is_established:  # as modalities should: our own waiting is not under test
            self.association.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pause_reactor()
        # With no context accepted pynetdicom leaves at once; then send() says so for each object.
        assert self.association.is_established or self.association.rejected_contexts, "no association"

    def __enter__(self):
        return self

    def pause_reactor(self):
        """pynetdicom's own thread would take answers away from us. Its send_c_store() pauses it for each message, which
        now and then fails (its flag says paused a moment too early), so here it sleeps for the association's life."""
        event = self.association._reactor_checkpoint
        event.clear()
        eventually(lambda: event._cond._waiters, "pynetdicom's reactor to pause")

    def __exit__(self, *exception):
        if self.association.is_established:
            self.association.release()
        self.association._reactor_checkpoint.set()

    def send(self, sop_class, sop_instance, syntax, data):
        context = next((context for context in self.association.accepted_contexts
                        if context.abstract_syntax == sop_class and context.transfer_syntax[0] == syntax), None)
        if context is None:
            return Reply(None)
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, sop_instance
        request.DataSet = io.BytesIO(data)
        self.association.dimse.send_msg(request, context.context_id)
        _, answer = self.association.dimse.get_msg(block=True)
        return Reply(None) if answer is None else Reply(answer.Status, str(answer.ErrorComment or ""))


def raw_store(port, sop_class, sop_instance, syntax, data, aet="LIGHTBOX"):
    """One data set over an association of its own."""
    with RawStore(port, [(sop_class, syntax)], aet) as peer:
        return peer.send(sop_class, sop_instance, syntax, data)


__all__ = ["STORESCU_FLAGS", "RawStore", "Reply", "Storescp", "dataset_of", "echoscu", "raw_store", "storescu"]
