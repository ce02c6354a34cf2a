"""ICC profiles from numbers: of version 2, three primaries and one power (ICC.1:2001-04)."""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def xyz(x, y):
    return np.array([x / y, 1, (1 - x - y) / y])


def adapted(primaries, white):
    """XYZ of the three primaries under D50, a column each."""
    columns = np.array([xyz(*point) for point in primaries]).T
    columns = columns * np.linalg.solve(columns, xyz(*white))
    gain = (BRADFORD @ D50) / (BRADFORD @ xyz(*white))
    return np.linalg.inv(BRADFORD) @ np.diag(gain) @ BRADFORD @ columns


def fixed(number):
    return round(number * 65536)


def xyz_tag(values):
    return struct.pack(">4s4x3i", b"XYZ ", *(fixed(value) for value in values))


def text_tags(description):
    ascii_text = description.encode() + b"\0"
    name = struct.pack(">4s4xI", b"desc", len(ascii_text)) + ascii_text + bytes(4 + 4 + 2 + 1 + 67)
    return {b"desc": name, b"cprt": b"text" + bytes(4) + b"made by Lightbox testdata\0"}


def profile(description, primaries, white, gamma):
    columns = adapted(primaries, white)
    curve = struct.pack(">4s4xIH", b"curv", 1, round(gamma * 256))
    tags = text_tags(description) | {b"wtpt": xyz_tag(D50)}
    for index, letter in enumerate(b"rgb"):
        tags[bytes([letter]) + b"XYZ"] = xyz_tag(columns[:, index])
        tags[bytes([letter]) + b"TRC"] = curve
    table, data = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        table += struct.pack(">4sII", tag, 128 + 4 + 12 * len(tags) + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    size = 128 + len(table) + len(data)
    head = struct.pack(">I4sI4s4s4s6H4s", size, b"", 0x02400000, b"scnr", b"RGB ", b"XYZ ", 2000, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(fixed(value) for value in D50))
    return head.ljust(128, b"\0") + table + data


def adobe_rgb():
    return profile("invented scanner", [(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], (0.3127, 0.3290), 563 / 256)
