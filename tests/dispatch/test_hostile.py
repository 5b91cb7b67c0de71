"""Messages no kernel sends: cut at every length, every field extreme.  None is raised, none counts.

Noise, and what follows upon each other, is ``tests/hostile``'s.
"""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from puffpy.types import Node
from puffpy.wire import MESSAGES, Opcode
from puffpy.wire.structs import IN_HEADER, OUT_HEADER
from tests.dispatch.samples import ANSWERS, SAMPLES, Conversation

EXTREMES = [
    0,
    1,
    0x7F,
    0xFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 32,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
]
COUNTING = {
    Opcode.LOOKUP, Opcode.SYMLINK, Opcode.MKNOD, Opcode.MKDIR, Opcode.LINK, Opcode.CREATE, Opcode.TMPFILE,
    Opcode.READDIRPLUS, Opcode.OPEN, Opcode.OPENDIR, Opcode.RELEASE, Opcode.RELEASEDIR, Opcode.FORGET,
    Opcode.BATCH_FORGET, Opcode.DESTROY,
}  # fmt: skip
"""What moves counts where it succeeds."""

FILES_OF_ONE_BYTE = {"read": b"abc", "seek": lambda vp, offset, whence, call: offset}
ALL = {**ANSWERS, **FILES_OF_ONE_BYTE, "readdir": lambda dvp, call: [("a", Node.file()), ("b", Node.file())]}


def conversation() -> Conversation:
    """A conversation about a file system that has every operation."""
    return Conversation(**ALL)


def error_of(opcode: int, whole: bytes | None, unique: int) -> int:
    """Return the errno of a reply, -1 where there is none; a reply the kernel would not take is a failure."""
    if whole is None:
        return -1
    length, error, told = OUT_HEADER.unpack_from(whole)
    assert length == len(whole)
    assert told == unique
    assert -511 <= error <= 0
    assert opcode not in MESSAGES or MESSAGES[Opcode(opcode)].answered
    assert error == 0 or len(whole) == OUT_HEADER.size
    return -error


def resized(message: bytes, size: int) -> bytes:
    """Return the first *size* bytes of *message*, and a header that says so."""
    return struct.pack("=I", size) + message[4:size]


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_a_message_cut_anywhere_is_refused_and_never_raised(opcode: Opcode) -> None:
    speaker = conversation()
    whole = speaker.sample(opcode)
    if opcode is Opcode.TMPFILE:
        whole = whole[:-2]  # its name is a dummy that nobody reads
    before, handles = speaker.counts(), len(speaker.session.handles)
    for size in range(len(whole)):
        speaker.buffer[:] = b"\xff" * len(speaker.buffer)  # what an earlier message left behind
        reply = speaker.tell(whole[:size])  # shorter than it says
        assert reply is None or error_of(opcode, reply, speaker.unique)
        if size < IN_HEADER.size:
            assert reply is None
            continue
        reply = speaker.tell(resized(whole, size))
        if opcode not in (Opcode.DESTROY, Opcode.READLINK, Opcode.STATFS):
            assert reply is None or error_of(opcode, reply, speaker.unique), f"{size} of {len(whole)} bytes"
    assert speaker.counts() == before
    assert len(speaker.session.handles) == handles
    assert not speaker.session.closed


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
def test_a_message_longer_than_it_says_is_refused(opcode: Opcode, caplog: pytest.LogCaptureFixture) -> None:
    speaker = conversation()
    before = speaker.counts()
    reply = speaker.tell(speaker.sample(opcode) + b"more")
    assert error_of(opcode, reply, speaker.unique) in (-1, errno.EINVAL)
    assert "malformed" in caplog.text
    assert speaker.counts() == before


@pytest.mark.parametrize("opcode", [o for o in Opcode if MESSAGES[o].request], ids=lambda opcode: opcode.name)
def test_every_field_may_be_extreme(opcode: Opcode) -> None:
    layout = MESSAGES[opcode].request
    assert layout is not None
    sample = SAMPLES[opcode]
    for field in layout.fields:
        for extreme in EXTREMES:
            speaker = conversation()
            before = speaker.counts()
            fields: dict[str, Any] = dict(sample.fields)
            if sample.fh:
                fields["fh"] = speaker.handles[sample.fh]
            message = speaker.request(opcode, sample.nodeid, *sample.names, data=sample.data, **fields)
            at = IN_HEADER.size + _offset(layout.format, layout.fields.index(field))
            width = min(_width(layout.format, layout.fields.index(field)), len(message) - at)
            changed = bytearray(message)
            changed[at : at + width] = (extreme & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            error = error_of(opcode, speaker.tell(bytes(changed)), speaker.unique)
            if error > 0 or opcode not in COUNTING:
                assert speaker.counts() == before, (field, extreme)
            assert not speaker.session.closed


def _values(form: str) -> list[tuple[int, int]]:
    """Return offset and width of each value of a struct format."""
    values, at, count = [], 0, ""
    for char in form:
        if char.isdigit():
            count += char
            continue
        width = struct.calcsize("=" + char)
        for _ in range(int(count or 1)):
            if char != "x":
                values.append((at, width))
            at += width
        count = ""
    return values


def _offset(form: str, index: int) -> int:
    return _values(form)[index][0]


def _width(form: str, index: int) -> int:
    return _values(form)[index][1]


@pytest.mark.parametrize("opcode", Opcode, ids=lambda opcode: opcode.name)
@pytest.mark.parametrize("nodeid", [0, 99, (1 << 64) - 1])
def test_a_node_nobody_was_told_of_is_stale_or_not_asked_for(opcode: Opcode, nodeid: int) -> None:
    speaker = conversation()
    before = speaker.counts()
    sample = SAMPLES[opcode]
    fields: dict[str, Any] = dict(sample.fields)
    message = speaker.request(opcode, nodeid, *sample.names, data=sample.data, **fields)
    error = error_of(opcode, speaker.tell(message), speaker.unique)
    # The handle says which directory is read, the records of a BATCH_FORGET which nodes are meant.
    if opcode not in (Opcode.BATCH_FORGET, Opcode.DESTROY):
        assert speaker.counts() == before
    row = MESSAGES[opcode]
    names_a_node = row.answered and (row.names or opcode in (Opcode.GETATTR, Opcode.OPEN, Opcode.READ))
    if names_a_node:
        assert error == errno.ESTALE


def test_a_name_without_an_end_is_not_logged_with_what_the_buffer_held(
    caplog: pytest.LogCaptureFixture,
) -> None:
    speaker = conversation()
    speaker.buffer[:] = b"s" * len(speaker.buffer)
    message = speaker.sample(Opcode.LOOKUP)[:-1]
    assert error_of(1, speaker.tell(resized(message, len(message))), speaker.unique) == errno.EINVAL
    assert len(caplog.text) < 300


def test_less_than_a_header_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    speaker = conversation()
    assert speaker.session.receive(b"", 0) is None
    assert speaker.session.receive(bytes(39), 39) is None
    assert caplog.text.count("is no request") == 1, "the same again is counted"
