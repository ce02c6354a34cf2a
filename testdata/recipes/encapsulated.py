"""Compressed objects, and every way to cut a frame into fragments (PS3.5 A.4)."""

import struct
import zlib

from . import codecs, image
from .part10 import ENCAPSULATED_UNCOMPRESSED, J2K_LOSSLESS, RLE, file_of

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"

# Stored as they come and never decoded here, so their fragments hold invented bytes and not a film.
VIDEO = {
    "1.2.840.10008.1.2.4.100": "mpeg2-main", "1.2.840.10008.1.2.4.100.1": "mpeg2-main-fragmentable",
    "1.2.840.10008.1.2.4.101": "mpeg2-high", "1.2.840.10008.1.2.4.102": "mpeg4-41",
    "1.2.840.10008.1.2.4.103": "mpeg4-41-bd", "1.2.840.10008.1.2.4.104": "mpeg4-42-2d",
    "1.2.840.10008.1.2.4.105": "mpeg4-42-3d", "1.2.840.10008.1.2.4.106": "mpeg4-stereo",
    "1.2.840.10008.1.2.4.107": "hevc-main", "1.2.840.10008.1.2.4.108": "hevc-main10",
}


def make(catalogue):
    compressions(catalogue)
    oddities(catalogue)
    fragments(catalogue)


def item(data):
    data += b"\0" * (len(data) % 2)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data


def encapsulate(frames, *, table="filled", end=True):
    """PixelData's value. frames: a list of lists of fragments. table: "filled", "empty" or the table's bytes."""
    offsets, at, body = [], 0, b""
    for parts in frames:
        offsets.append(at)
        for part in parts:
            piece = item(part)
            body += piece
            at += len(piece)
    if table == "filled":
        table = struct.pack(f"<{len(offsets)}I", *offsets)
    elif table == "empty":
        table = b""
    return item(table) + body + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if end else b"")


def frame_offsets(frames):
    """Offsets and lengths for the extended offset table: of fragments' items, from the first one on."""
    offsets, lengths, at = [], [], 0
    for parts in frames:
        offsets.append(at)
        lengths.append(sum(len(part) for part in parts))
        at += sum(8 + len(part) + len(part) % 2 for part in parts)
    return struct.pack(f"<{len(offsets)}Q", *offsets), struct.pack(f"<{len(lengths)}Q", *lengths)


def compressed(name, bits, coloured, photometric, count, rows=48, columns=64):
    sop_class = image.SECONDARY if count is None else \
        image.MULTIFRAME_TRUE_COLOUR if coloured else image.MULTIFRAME_BYTE if bits == 8 else image.MULTIFRAME_WORD
    ds = image.base(name, sop_class, "OT")
    return image.describe(ds, rows, columns, bits=bits, samples=3 if coloured else 1,
                          photometric=photometric or "MONOCHROME2", frames=count)


def put(ds, value):
    """pydicom writes the value of undefined length with its own end marker."""
    ds.add_new(0x7FE00010, "OB", value[:-8])
    return ds


def compressions(catalogue):
    for syntax, word, bits, coloured, encode, photometric in codecs.TABLE:
        for count in (None, 3):
            name = f"encapsulated/{word}" + ("-3frames" if count else "")
            ds = compressed(name, bits, coloured, photometric, count)
            frames = [[encode(codecs.picture(bits, coloured, number))] for number in range(count or 1)]
            catalogue.add(name + ".dcm", file_of(put(ds, encapsulate(frames)), syntax), f"{word}, {count or 1} frame(s)")


def oddities(catalogue):
    for syntax, word in VIDEO.items():
        name = f"encapsulated/{word}"
        ds = compressed(name, 8, True, "YBR_PARTIAL_420", 30)
        stream = b"\0\0\1\xb3" + bytes(range(256)) * 8
        parts = [stream[:1000], stream[1000:]] if "fragmentable" in word else [stream]
        value = encapsulate([parts], table="empty")
        catalogue.add(name + ".dcm", file_of(put(ds, value), syntax), f"{word}: 30 frames in one stream; invented bytes, no film")
    frame = image.grey(48, 64)
    name = "encapsulated/uncompressed"
    ds = compressed(name, 8, False, None, 2)
    value = encapsulate([[image.grey(48, 64, frame=number).tobytes()] for number in range(2)])
    catalogue.add(name + ".dcm", file_of(put(ds, value), ENCAPSULATED_UNCOMPRESSED), "encapsulated uncompressed explicit VR little endian")
    name = "encapsulated/deflated-frames"
    ds = compressed(name, 8, False, None, 2)
    packed = []
    for number in range(2):
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed.append([packer.compress(image.grey(48, 64, frame=number).tobytes()) + packer.flush()])
    catalogue.add(name + ".dcm", file_of(put(ds, encapsulate(packed)), DEFLATED_FRAMES), "deflated image frames (1.2.840.10008.1.2.8.1)")
    name = "encapsulated/htj2k-rpcl-syntax"
    ds = compressed(name, 16, False, None, None)
    value = encapsulate([[codecs.htj2k(codecs.picture(16, False), markers=True)]])
    catalogue.add(name + ".dcm", file_of(put(ds, value), "1.2.840.10008.1.2.4.202"), "HTJ2K under the RPCL syntax")
    name = "encapsulated/jpeg-xl-recompression"
    ds = compressed(name, 8, False, None, None)
    catalogue.add(name + ".dcm", file_of(put(ds, encapsulate([[codecs.jpeg_xl_of_jpeg(frame)]])), "1.2.840.10008.1.2.4.111"),
                  "a JPEG, packed by JPEG XL without loss")
    for syntax, word in (("1.2.840.10008.1.2.4.94", "jpip"), ("1.2.840.10008.1.2.4.204", "jpip-htj2k")):
        name = f"encapsulated/{word}"
        ds = compressed(name, 8, False, None, None)
        ds.PixelDataProviderURL = "https://pixels.example/stream?target=1"
        catalogue.add(name + ".dcm", file_of(ds, syntax), f"{word}: pixel data by reference (0028,7FE0), none inside")


def fragments(catalogue):
    """Two J2K frames cut in every way; empty tables leave an archive to find the frames itself."""
    def add(word, what, value, count, syntax=J2K_LOSSLESS, bits=8, more=None):
        name = f"fragments/{word}"
        ds = compressed(name, bits, False, None, count)
        for tag, content in (more or {}).items():
            ds.add_new(tag, "OV", content)
        catalogue.add(name + ".dcm", file_of(put(ds, value), syntax), what)

    one, two = (codecs.j2k(image.grey(48, 64, frame=number)) for number in range(2))
    halves = [[one[: len(one) // 4 * 2], one[len(one) // 4 * 2:]], [two[: len(two) // 4 * 2], two[len(two) // 4 * 2:]]]
    whole = [[one], [two]]
    add("bot-one-fragment-each", "basic offset table, one fragment a frame", encapsulate(whole), 2)
    add("bot-two-fragments-each", "basic offset table, two fragments a frame", encapsulate(halves), 2)
    add("empty-bot-one-fragment-each", "no offset table, as many fragments as frames", encapsulate(whole, table="empty"), 2)
    add("empty-bot-two-fragments-each", "no offset table, two fragments a frame: frames end at EOC markers",
        encapsulate(halves, table="empty"), 2)
    add("empty-bot-one-frame-many-fragments", "no offset table, one frame in fragments of 64 bytes",
        encapsulate([[one[at: at + 64] for at in range(0, len(one), 64)]], table="empty"), 1)
    add("no-frame-count", "two fragments, no Number of Frames: one frame", encapsulate([halves[0]], table="empty"), None)
    offsets, lengths = frame_offsets(whole)
    add("eot", "extended offset table, empty basic one", encapsulate(whole, table="empty"), 2,
        more={0x7FE00001: offsets, 0x7FE00002: lengths})
    uneven = [[frame] for frame in (codecs.j2k(image.grey(48, 64, frame=number)) for number in range(16)) if len(frame) % 2][:3]
    offsets, lengths = frame_offsets(uneven)
    add("eot-odd-lengths", "extended offset table whose lengths leave the padding of odd frames out",
        encapsulate(uneven, table="empty"), len(uneven), more={0x7FE00001: offsets, 0x7FE00002: lengths})
    offsets, _ = frame_offsets(whole)
    add("eot-without-lengths", "extended offset table without its lengths", encapsulate(whole, table="empty"), 2,
        more={0x7FE00001: offsets})
    add("bot-last-fragment-empty", "a fragment of no bytes after the last frame", encapsulate([[one], [two, b""]]), 2)
    odd = one + b"" if len(one) % 2 else one + b"\0"
    add("odd-fragment-padded", "fragment of odd length, padded with zero", encapsulate([[odd]]), 1)
    add("bot-lies-beyond-end", "basic offset table points behind the fragments",
        encapsulate(whole, table=struct.pack("<2I", 0, 0x7FFFFFF0)), 2)
    add("bot-lies-into-fragment", "basic offset table points into a fragment",
        encapsulate(whole, table=struct.pack("<2I", 0, 20)), 2)
    add("bot-too-short", "basic offset table with one entry for two frames", encapsulate(whole, table=struct.pack("<I", 0)), 2)
    add("bot-of-three-bytes", "basic offset table that is no multiple of four", encapsulate(whole, table=b"\0\0"), 2)
    add("more-frames-than-fragments", "Number of Frames 5, two fragments", encapsulate(whole, table="empty"), 5)
    add("no-fragments", "an offset table and nothing else", encapsulate([], table="empty"), None)
    tiny = [[codecs.rle(image.grey(4, 4, frame=number))] for number in range(10000)]
    for word, table in (("bot", "filled"), ("empty-bot", "empty")):
        name = f"frames/rle-10000-{word}"
        ds = image.describe(image.base(name, image.MULTIFRAME_BYTE, "OT"), 4, 4, frames=10000)
        catalogue.add(name + ".dcm", file_of(put(ds, encapsulate(tiny, table=table)), RLE), f"10,000 RLE frames, {word}")
    name = "frames/jpeg-300"
    ds = image.describe(image.base(name, image.MULTIFRAME_BYTE, "OT"), 16, 24, frames=300)
    value = encapsulate([[codecs.jpeg(image.grey(16, 24, frame=number))] for number in range(300)])
    catalogue.add(name + ".dcm", file_of(put(ds, value), JPEG_BASELINE), "300 JPEG frames with offset table")
