"""The upper layer by hand (PS3.8): what a peer should send, so that tests can also send what none should."""

import contextlib
import socket
import struct

from .process import DEADLINE_S

VERIFICATION = "1.2.840.10008.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
CONTEXTS = ((1, VERIFICATION, (IMPLICIT,)), (3, SECONDARY_CAPTURE, (EXPLICIT,)))

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)


def item(kind, value):
    return struct.pack(">BxH", kind, len(value)) + value


def counted(value):
    return struct.pack(">H", len(value)) + value


def pdu(kind, body=bytes(4)):
    return struct.pack(">BxI", kind, len(body)) + body


def context_item(number, abstract_syntax, transfer_syntaxes):
    syntaxes = b"".join(item(0x40, uid.encode()) for uid in transfer_syntaxes)
    return item(0x20, bytes([number, 0, 0, 0]) + item(0x30, abstract_syntax.encode()) + syntaxes)


def request(contexts=CONTEXTS, user_items=b"", called="LIGHTBOX", calling="RAW"):
    head = struct.pack(">HH16s16s32x", 1, 0, called.encode().ljust(16), calling.encode().ljust(16))
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4") + user_items
    body = head + item(0x10, b"1.2.840.10008.3.1.1.1") + b"".join(context_item(*each) for each in contexts) + item(0x50, user)
    return pdu(ASSOCIATE_RQ, body)


def element(number, value):
    return struct.pack("<HHI", 0, number, len(value)) + value


def uid_element(number, uid):
    return element(number, uid.encode() + b"\0" * (len(uid) % 2))


def us_element(number, value):
    return element(number, struct.pack("<H", value))


def command(field, data_set, sop_class, sop_instance=None, message_id=1):
    body = uid_element(0x0002, sop_class) + us_element(0x0100, field) + us_element(0x0110, message_id)
    body += us_element(0x0700, 0) + us_element(0x0800, 0 if data_set else 0x0101)
    body += uid_element(0x1000, sop_instance) if sop_instance else b""
    return element(0x0000, struct.pack("<I", len(body))) + body


def data(context, control, value):
    return pdu(DATA, struct.pack(">IBB", len(value) + 2, context, control) + value)


COMMAND, LAST = 1, 2


class Peer:
    """A connection that says bytes and hears PDUs."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def say(self, *pieces):
        self.socket.sendall(b"".join(pieces))

    def _take(self, size):
        taken = b""
        while len(taken) < size:
            more = self.socket.recv(size - len(taken))
            if not more:
                return None
            taken += more
        return taken

    def hear(self):
        """(type, body) of the next PDU; (None, b"") when the server has hung up."""
        with contextlib.suppress(ConnectionResetError):
            header = self._take(6)
            if header:
                return header[0], self._take(int.from_bytes(header[2:6], "big"))
        return None, b""

    def associate(self, **options):
        self.say(request(**options))
        kind, body = self.hear()
        assert kind == ASSOCIATE_AC, (kind, body)
        return self

    def release(self):
        self.say(pdu(RELEASE_RQ))
        assert self.hear()[0] == RELEASE_RP


def status_of(body):
    """Status and Error Comment of the response in a P-DATA-TF of one PDV."""
    at, status, comment = 6, None, ""
    while at < len(body):
        _, number, size = struct.unpack_from("<HHI", body, at)
        value = body[at + 8: at + 8 + size]
        if number == 0x0900:
            status = int.from_bytes(value, "little")
        elif number == 0x0902:
            comment = value.decode("ascii").rstrip()
        at += 8 + size
    return status, comment
