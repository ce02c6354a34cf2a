"""Codestreams: one small picture in every compression that has a transfer syntax."""

import imagecodecs
import numpy as np

from . import image


def rle(frame):
    """DICOM RLE of one frame (PS3.5 G): a header of 16 words, then one segment per byte plane, high byte first."""
    planes = []
    samples = frame if frame.ndim == 3 else frame[..., np.newaxis]
    for channel in range(samples.shape[2]):
        plane = np.ascontiguousarray(samples[..., channel])
        octets = plane.view(np.uint8).reshape(*plane.shape, plane.itemsize)
        planes += [octets[..., byte] for byte in reversed(range(plane.itemsize))]
    segments = [b"".join(packbits(row.tobytes()) for row in plane) for plane in planes]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    header, offset = [len(segments)], 64
    for segment in segments:
        header.append(offset)
        offset += len(segment)
    header += [0] * (16 - len(header))
    return np.array(header, dtype="<u4").tobytes() + b"".join(segments)


def packbits(row):
    out, at = bytearray(), 0
    while at < len(row):
        run = 1
        while run < 128 and at + run < len(row) and row[at + run] == row[at]:
            run += 1
        if run > 1:
            out += bytes([257 - run, row[at]])
            at += run
            continue
        end = at + 1
        while end < len(row) and end - at < 128 and not (end + 1 < len(row) and row[end] == row[end + 1]):
            end += 1
        out += bytes([end - at - 1]) + row[at:end]
        at = end
    return bytes(out)


def jpeg_lossless_14(frame, bits):
    return imagecodecs.ljpeg_encode(frame, bitspersample=bits)


def jpeg_lossless_sv1(frame, bits):
    return imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1, bitspersample=bits)


def jpeg(frame, bits=8):
    return imagecodecs.jpeg8_encode(frame, level=90, bitspersample=bits)


def jpeg_ls(frame, near=0):
    return imagecodecs.jpegls_encode(frame, level=near)


def j2k(frame, *, lossless=True, bits=None):
    return imagecodecs.jpeg2k_encode(frame, level=None if lossless else 40, codecformat="j2k", reversible=lossless,
                                     bitspersample=bits)


def htj2k(frame, *, lossless=True, markers=False):
    """OpenJPH's order is RPCL; with `markers` a TLM segment is in front, as the RPCL syntax wants (PS3.5 10.18)."""
    return imagecodecs.htj2k_encode(frame, reversible=lossless, level=None if lossless else 0.01, tlm=markers)


def jpeg_xl(frame, *, lossless=True):
    return imagecodecs.jpegxl_encode(frame, lossless=lossless, usecontainer=False, numthreads=1)


def jpeg_xl_of_jpeg(frame):
    return imagecodecs.jpegxl_encode_jpeg(jpeg(frame))


# transfer syntax, word, bits stored, colour, encoder of one frame, photometric interpretation of a colour picture
TABLE = (
    ("1.2.840.10008.1.2.5", "rle-8", 8, False, rle, None),
    ("1.2.840.10008.1.2.5", "rle-16", 16, False, rle, None),
    ("1.2.840.10008.1.2.5", "rle-rgb", 8, True, rle, "RGB"),
    ("1.2.840.10008.1.2.4.50", "jpeg-baseline", 8, False, jpeg, None),
    ("1.2.840.10008.1.2.4.50", "jpeg-baseline-ybr", 8, True, jpeg, "YBR_FULL_422"),
    ("1.2.840.10008.1.2.4.51", "jpeg-extended-12", 12, False, lambda frame: jpeg(frame, 12), None),
    ("1.2.840.10008.1.2.4.57", "jpeg-lossless-14", 16, False, lambda frame: jpeg_lossless_14(frame, 16), None),
    ("1.2.840.10008.1.2.4.70", "jpeg-lossless-sv1-12", 12, False, lambda frame: jpeg_lossless_sv1(frame, 12), None),
    ("1.2.840.10008.1.2.4.70", "jpeg-lossless-sv1-16", 16, False, lambda frame: jpeg_lossless_sv1(frame, 16), None),
    ("1.2.840.10008.1.2.4.80", "jpeg-ls", 16, False, jpeg_ls, None),
    ("1.2.840.10008.1.2.4.80", "jpeg-ls-rgb", 8, True, jpeg_ls, "RGB"),
    ("1.2.840.10008.1.2.4.81", "jpeg-ls-near", 8, False, lambda frame: jpeg_ls(frame, 2), None),
    ("1.2.840.10008.1.2.4.90", "j2k-lossless", 16, False, j2k, None),
    ("1.2.840.10008.1.2.4.90", "j2k-lossless-rgb", 8, True, j2k, "YBR_RCT"),
    ("1.2.840.10008.1.2.4.91", "j2k-lossy", 8, False, lambda frame: j2k(frame, lossless=False), None),
    ("1.2.840.10008.1.2.4.201", "htj2k-lossless", 16, False, htj2k, None),
    ("1.2.840.10008.1.2.4.203", "htj2k-lossy", 8, False, lambda frame: htj2k(frame, lossless=False), None),
    ("1.2.840.10008.1.2.4.110", "jpeg-xl-lossless", 16, False, jpeg_xl, None),
    ("1.2.840.10008.1.2.4.112", "jpeg-xl", 8, True, lambda frame: jpeg_xl(frame, lossless=False), "XYB"),
)


def picture(bits, coloured, frame=0, rows=48, columns=64):
    return image.colour(rows, columns, frame=frame) if coloured else image.grey(rows, columns, bits, frame=frame)
