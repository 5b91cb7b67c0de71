"""Recordings of a session: every message with its time, one after the other in a file.

How to run one again is in ``puffpy.testing``.

The file starts with a line that says what it is; then come records: when (nanoseconds since 1970, 8 bytes),
what (1 byte), how many bytes (4 bytes), and these.  Besides the messages it keeps what the clock said to the
file system while it answered, so that the same file system answers the same bytes when it is run again.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, TypeAlias

import attrs
from typing_extensions import Buffer

from puffpy.errors import WireError
from puffpy.types import BackingDevice

MAGIC = b"puffpy recording 1\n"
_HEAD = struct.Struct("<QBI")
_NUMBER = struct.Struct("<q")
LONGEST = 1 << 28
"""Bytes of a record, at most: what is read may be said by somebody else's server (``puffpy.live``)."""

PIECE = 1 << 20
"""So much of a record is read at once: its size is only what it says."""

_now = time.time_ns
"""The clock itself: a recorder that listened to its own question would wait for itself."""

Message: TypeAlias = bytes | bytearray
Reply: TypeAlias = "bytes | tuple[Buffer, ...] | None"
Answer: TypeAlias = Callable[[Message, int], Reply]


class Observer(Protocol):
    """Hears every message of a server, from some moment on."""

    def answering(self, answer: Answer) -> Answer:
        """Return *answer* with every message that it is given, and its reply, heard."""

    def later(self, message: bytes) -> None:
        """Hear a notification, or a reply that did not come at once.  From any thread."""


class What(enum.IntEnum):
    """What a record holds."""

    REQUEST = 0
    REPLY = 1
    LATER = 2  # a notification, or a reply that did not come at once
    CLOCK = 3  # what the clock said
    BACKING = 4  # what registering a file for passthrough gave: an id, or a negative errno
    TRIMMED = 5  # from here on messages come without file data: to be looked at, not to be run again
    LOST = 6  # so many records are missing here: nobody took them in time


@attrs.frozen
class Record:
    """One record: its time in nanoseconds since 1970, what it is, and its bytes."""

    when: int
    what: What
    data: bytes


def packed(record: Record) -> bytes:
    """Return *record* as it stands in a recording."""
    return _HEAD.pack(record.when, record.what, len(record.data)) + record.data


def counted(when: int, what: What, value: int) -> Record:
    """Return a record that holds a number; see :func:`number`."""
    return Record(when, what, _NUMBER.pack(value))


class Recorder:
    """Writes what passes to *file*, an open binary file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        file.write(MAGIC)

    def write(self, what: What, data: Buffer) -> None:
        """Write one record, with the time of now."""
        raw = bytes(data)
        with self._lock:
            self._file.write(packed(Record(_now(), what, raw)))

    def clock(self) -> contextlib.AbstractContextManager[None]:
        """Write down what the clock says meanwhile; also for what a file system does before it is mounted."""
        return listened_clock(lambda now: self.write(What.CLOCK, _NUMBER.pack(now)))

    def backing_device(self, device: BackingDevice) -> BackingDevice:
        """Return *device* with the ids that it gives written down."""
        return _RecordedDevice(device, self)

    def answering(self, receive: Callable[[Message, int], Reply]) -> Callable[[Message, int], Reply]:
        """Return *receive* with everything that it is given and answers written down."""

        def recorded(message: Message, size: int) -> Reply:
            self.write(What.REQUEST, message[:size])
            with self.clock():
                reply = receive(message, size)
            if reply is not None:
                self.write(What.REPLY, b"".join(reply) if isinstance(reply, tuple) else reply)
            self._file.flush()
            return reply

        return recorded


@attrs.frozen
class _RecordedDevice:
    device: BackingDevice
    recorder: Recorder

    def backing_open(self, fd: int) -> int:
        try:
            backing_id = self.device.backing_open(fd)
        except OSError as exc:
            self.recorder.write(What.BACKING, _NUMBER.pack(-(exc.errno or errno.EIO)))
            raise
        self.recorder.write(What.BACKING, _NUMBER.pack(backing_id))
        return backing_id

    def backing_close(self, backing_id: int) -> None:
        self.device.backing_close(backing_id)


@contextlib.contextmanager
def listened_clock(heard: Callable[[int], object]) -> Iterator[None]:
    """Tell *heard* what ``time.time_ns`` says to this thread meanwhile; nobody notices."""
    real, thread = time.time_ns, threading.get_ident()

    def time_ns() -> int:
        now = real()
        if threading.get_ident() == thread:
            time.time_ns = real
            try:
                heard(now)
            finally:
                time.time_ns = time_ns
        return now

    time.time_ns = time_ns
    try:
        yield
    finally:
        time.time_ns = real


@contextlib.contextmanager
def turned_back_clock(readings: list[int]) -> Iterator[None]:
    """Have ``time.time_ns`` say *readings* to this thread, in turn; the real time once they are used up."""
    real, thread = time.time_ns, threading.get_ident()
    left = iter(readings)

    def time_ns() -> int:
        return next(left, None) or real() if threading.get_ident() == thread else real()

    time.time_ns = time_ns
    try:
        yield
    finally:
        time.time_ns = real


def read(file: BinaryIO) -> Iterator[Record]:
    """Yield the records of a recording.

    Raises:
        WireError: it is no recording, or was cut off in the middle of a record.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise WireError(f"this is no recording: it does not start with {MAGIC!r}")
    while head := file.read(_HEAD.size):
        if len(head) < _HEAD.size:
            raise WireError(f"the recording ends in the middle of a record's head ({len(head)} bytes)")
        when, what, size = _HEAD.unpack(head)
        if size > LONGEST:
            raise WireError(f"the recording holds a record of {size} bytes; no message has so many")
        data = _read(file, size)
        if len(data) < size:
            raise WireError(f"the recording ends in the middle of a record: {len(data)} of {size} bytes")
        if what not in set(What):
            raise WireError(f"the recording holds a record of kind {what}, which is unknown")
        yield Record(when, What(what), data)


def number(record: Record) -> int:
    """Return the number that a record holds which is no message.

    Raises:
        WireError: it holds something else.
    """
    if len(record.data) != _NUMBER.size:
        raise WireError(f"a {record.what.name} of {len(record.data)} bytes; expected {_NUMBER.size}")
    reading: int = _NUMBER.unpack(record.data)[0]
    return reading


def _read(file: BinaryIO, size: int) -> bytes:
    """Return the next *size* bytes, or as many as there are; what is not there takes no memory."""
    pieces: list[bytes] = []
    while size and (piece := file.read(min(size, PIECE))):
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
