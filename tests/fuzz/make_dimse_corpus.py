#!/usr/bin/env python3
"""Writes the seed corpora of the DIMSE fuzz targets: small, sound messages for the fuzzer to spoil.

    python3 tests/fuzz/make_dimse_corpus.py tests/fuzz/corpus
"""
import pathlib
import struct
import sys

VERIFICATION = b"1.2.840.10008.1.1"
CT = b"1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = b"1.2.840.10008.1.2"
EXPLICIT = b"1.2.840.10008.1.2.1"


def item(kind, value):
    return struct.pack(">BxH", kind, len(value)) + value


def counted(value):
    return struct.pack(">H", len(value)) + value


def context(number, abstract, *syntaxes):
    return item(0x20, bytes([number, 0, 0, 0]) + item(0x30, abstract) + b"".join(item(0x40, s) for s in syntaxes))


def request(contexts, user_items=b"", called=b"LIGHTBOX"):
    head = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16), b"PEER".ljust(16))
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4") + item(0x55, b"PEER_1") + user_items
    return head + item(0x10, b"1.2.840.10008.3.1.1.1") + b"".join(contexts) + item(0x50, user)


def pdu(kind, body):
    return struct.pack(">BxI", kind, len(body)) + body


def pdv(number, control, data):
    return struct.pack(">IBB", len(data) + 2, number, control) + data


def element(number, value):
    return struct.pack("<HHI", 0, number, len(value)) + value


def us(number, value):
    return element(number, struct.pack("<H", value))


def ui(number, value):
    return element(number, value + b"\0" * (len(value) % 2))


def command(field, data_set, sop_class=None, instance=None):
    body = b"" if sop_class is None else ui(0x0002, sop_class)
    body += us(0x0100, field) + us(0x0110, 7) + us(0x0700, 0) + us(0x0800, 0 if data_set else 0x0101)
    body += b"" if instance is None else ui(0x1000, instance)
    return element(0x0000, struct.pack("<I", len(body))) + body


CONTEXTS = [context(1, VERIFICATION, IMPLICIT), context(3, CT, EXPLICIT, IMPLICIT)]
USER_ITEMS = {
    "plain": b"",
    "window": item(0x53, struct.pack(">HH", 0, 0)),
    "roles": item(0x54, counted(CT) + b"\1\1"),
    "extended": item(0x56, counted(CT) + b"\3\0\0\0\2\0"),
    "common": item(0x57, counted(CT) + counted(b"1.2.840.10008.4.2") + counted(counted(CT))),
    "identity": item(0x58, b"\2\1" + counted(b"somebody") + counted(b"secret")) * 2,
    "unknown": item(0x5E, b"anything"),
}
COMMANDS = {
    "echo": command(0x0030, False, VERIFICATION),
    "store": command(0x0001, True, CT, b"1.2.3.4.5"),
    "find": command(0x0020, True, b"1.2.840.10008.5.1.4.1.2.2.1"),
    "cancel": command(0x0FFF, False),
    "response": command(0x8030, False, VERIFICATION),
}
RELEASE = pdu(5, bytes(4))


def data(number, control, value):
    return pdu(4, pdv(number, control, value))


ASSOCIATIONS = {
    "echo": b"\1\0" + data(1, 3, COMMANDS["echo"]) + RELEASE,
    "store": b"\1\0" + data(3, 3, COMMANDS["store"]) + data(3, 0, b"abc") + data(3, 2, b"def") + RELEASE,
    "store-one-pdu": b"\x05\0" + pdu(4, pdv(3, 3, COMMANDS["store"]) + pdv(3, 2, b"abc")) + RELEASE,
    "store-pieces": b"\x0d\0" + data(3, 1, COMMANDS["store"][:9]) + data(3, 3, COMMANDS["store"][9:]) + data(3, 2, b""),
    "store-refused": b"\1\1" + data(3, 3, COMMANDS["store"]) + data(3, 2, b"abc") + RELEASE,
    "store-failing": b"\1\2" + data(3, 3, COMMANDS["store"]) + data(3, 2, b"abc") + RELEASE,
    "drain": b"\3\x08" + data(3, 3, COMMANDS["store"]) + data(3, 0, b"abc"),
    "unknown-operation": b"\1\0" + data(3, 3, COMMANDS["find"]) + data(3, 2, b"abc") + RELEASE,
    "cancel": b"\1\0" + data(3, 3, COMMANDS["cancel"]) + RELEASE,
    "own-request": b"\0\0" + pdu(1, request(CONTEXTS)) + data(1, 3, COMMANDS["echo"]) + RELEASE,
    "abort": b"\1\0" + pdu(7, bytes(4)),
}


def main(root):
    files = {}
    for name, extra in USER_ITEMS.items():
        files["pdu", name] = request(CONTEXTS, extra)
        files["associate", name] = b"\x08" + request(CONTEXTS, extra)
    files["associate", "called"] = b"\x01" + request(CONTEXTS)
    files["associate", "modality"] = b"\x16" + request(CONTEXTS)
    files.update({("command", name): value for name, value in COMMANDS.items()})
    files.update({("association", name): value for name, value in ASSOCIATIONS.items()})
    for (target, name), value in files.items():
        folder = pathlib.Path(root) / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(value)


if __name__ == "__main__":
    main(sys.argv[1])
