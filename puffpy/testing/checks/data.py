"""Data: what is written is what is read, at every offset; and what cutting and growing leave.

Holes and ranges are in extents.
"""

from __future__ import annotations

import os

from puffpy.testing.checks.looking import regular
from puffpy.testing.promise import NotApplicable, expect, promise
from puffpy.testing.trial import Trial

GIB = 1 << 30
FAR = (2 * GIB - 2, 4 * GIB - 3, 4 * GIB + 100, (1 << 40) + 7)
"""Offsets just before and behind what 31 and 32 bits can say, and well behind."""


def pattern(size: int) -> bytes:
    """Return *size* bytes, no two pages of which are the same."""
    words = range(size // 8 + 1)
    return b"".join(word.to_bytes(8, "big") for word in words)[:size]


@promise({"create", "write", "read"})
def what_is_written_is_read(k: Trial) -> None:
    data = pattern(10_007)
    k.make_file("file", data)
    k.drop_caches()
    expect(k.content("file"), data, "what a file of 10007 bytes holds")


@promise({"write", "read"})
def what_is_overwritten_is_read_back(k: Trial) -> None:
    """Also where no file can be made: of what is there, a few bytes are inverted, and then put back."""
    tried = 0
    for each in regular(k):
        try:
            fd = k.open(each.path, os.O_RDWR)
        except OSError:
            continue  # some may be for reading only
        before = k.pread(fd, 100, 0)
        inverted = bytes(byte ^ 0xFF for byte in before)
        k.pwrite(fd, inverted, 0)
        expect(k.pread(fd, len(before), 0), inverted, f"{each.path!r} once its first bytes were inverted")
        k.pwrite(fd, before, 0)
        expect(k.pread(fd, len(before), 0), before, f"{each.path!r} once they were put back")
        expect(k.fstat(fd).st_size, each.stat.st_size, f"st_size of {each.path!r} after that")
        k.close(fd)
        tried += bool(before)
    if not tried:
        raise NotApplicable("there is no file with something in it that can be written")


@promise({"create", "write", "read"})
def what_takes_several_requests_is_one_piece(k: Trial) -> None:
    data = pattern((3 << 20) + 17)
    k.make_file("file", data)
    k.drop_caches()
    with k.opened("file") as fd:
        got = k.read(fd, len(data) + 100)
    expect(len(got), len(data), "how many bytes one large read gives")
    expect(got == data, True, "whether they are those that one large write was given")


@promise({"create", "write", "read"})
def writing_in_the_middle_leaves_the_rest(k: Trial) -> None:
    data = bytearray(pattern(20_000))
    k.make_file("file", bytes(data))
    with k.opened("file", os.O_RDWR) as fd:
        for offset, piece in (
            (0, b"start"),
            (4090, b"across a page"),
            (12_288, b"x" * 4096),
            (19_995, b"end.."),
        ):
            k.pwrite(fd, piece, offset)
            data[offset : offset + len(piece)] = piece
            expect(k.pread(fd, 20_100, 0), bytes(data), f"the file after {len(piece)} bytes at {offset}")


@promise({"create", "write", "read"})
def every_descriptor_sees_the_same_data(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as writer, k.opened("file") as reader:
        expect(k.pread(reader, 10, 0), b"", "an empty file")
        k.write_all(writer, b"first")
        expect(k.pread(reader, 10, 0), b"first", "what the other descriptor reads")
        k.pwrite(writer, b"second", 0)
        expect(k.pread(reader, 10, 0), b"second", "what it reads after another write")


@promise({"create", "write", "read"})
def appending_writes_at_the_end(k: Trial) -> None:
    k.make_file("file", b"one ")
    with (
        k.opened("file", os.O_WRONLY | os.O_APPEND) as first,
        k.opened("file", os.O_WRONLY | os.O_APPEND) as second,
    ):
        k.write_all(first, b"two ")
        k.write_all(second, b"three ")
        k.write_all(first, b"four")
    expect(k.content("file"), b"one two three four", "what two who append have written")


@promise({"create", "write", "read", "setattr"})
def what_was_cut_off_does_not_come_back(k: Trial) -> None:
    k.make_file("file", b"x" * 10_000)
    for size in (5000, 4096, 1):
        k.truncate("file", size)
        k.truncate("file", 10_000)
        k.drop_caches()
        expect(
            k.content("file"),
            b"x" * size + bytes(10_000 - size),
            f"a file cut to {size} bytes and grown again",
        )


@promise({"create", "write", "read", "setattr"})
def what_is_cut_by_descriptor_is_cut(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"0123456789")
        k.ftruncate(fd, 4)
        expect(k.pread(fd, 100, 0), b"0123", "what is left of ten bytes cut to four")
        k.write_all(fd, b"!")
        expect(k.pread(fd, 100, 0), b"0123\0\0\0\0\0\0!", "a write where the descriptor stood")


@promise({"create", "write", "read"})
def data_past_4_gib_are_where_they_were_put(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"start")
        for offset in FAR:
            try:
                k.pwrite(fd, b"far away", offset)
            except OSError as exc:
                if offset > FAR[0]:
                    raise
                raise NotApplicable(f"files here end before 2 GiB ({exc.strerror})") from exc
            expect(k.fstat(fd).st_size, offset + 8, f"st_size after writing at {offset}")
        k.drop_caches()
        for offset in FAR:
            expect(k.pread(fd, 9, offset - 1)[:9], b"\0far away", f"what is read from {offset - 1} on")
        expect(k.pread(fd, 6, 0), b"start\0", "what is read from the start on")


@promise({"create", "write", "read", "fsync"})
def what_was_synced_is_still_there(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"safe")
        k.fsync(fd)
        k.fdatasync(fd)
        expect(k.pread(fd, 100, 0), b"safe", "what a synced file holds")
    if "mkdir" in k.ops:
        with k.opened(".", os.O_RDONLY | os.O_DIRECTORY) as fd:
            k.fsync(fd)
