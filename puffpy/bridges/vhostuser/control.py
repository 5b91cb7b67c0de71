"""The control connection: whole vhost-user messages and their descriptors, in and out.

What they say is not acted upon here.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import attrs

from puffpy.bridges.descriptors import receive_with_descriptors
from puffpy.bridges.vhostuser.messages import (
    HEADER,
    LONGEST,
    NEED_REPLY,
    REPLY,
    ROWS,
    SLOTS,
    VERSION,
    VERSION_MASK,
    Request,
)
from puffpy.errors import WireError

PATIENCE = 10.0
"""Seconds for the rest of a message that has begun to come, all of it, and for an answer to be taken."""


@attrs.frozen
class Message:
    """One message: *values* of the fixed payload, then those of what is repeated, and the descriptors.

    Whoever handles it takes the descriptors out of *fds* that it keeps; the others are closed.
    """

    request: Request
    values: tuple[int, ...]
    repeated: tuple[tuple[int, ...], ...]
    fds: list[int]
    acknowledge: bool


class Control:
    """One connected front end; owns *sock*."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.settimeout(PATIENCE)

    def fileno(self) -> int:
        """Return the descriptor to be polled."""
        return self._sock.fileno()

    def receive(self) -> Message | None:
        """Return the next message, None once the front end has left.

        Raises:
            WireError: it is none that is understood.
        """
        fds: list[int] = []
        try:
            return self._receive(fds)
        except BaseException as exc:
            close_all(fds)
            if isinstance(exc, OSError):
                raise WireError(f"the rest of a message does not come: {exc}") from exc
            raise

    def answer(self, request: Request, payload: bytes) -> None:
        """Answer *request*.

        Raises:
            WireError: the front end does not take it.
        """
        try:
            self._sock.sendall(HEADER.pack(request, VERSION | REPLY, len(payload)) + payload)
        except OSError as exc:
            raise WireError(f"the answer to {request.name} is not taken: {exc}") from exc

    def close(self) -> None:
        """Leave; the front end notices."""
        self._sock.close()

    def _receive(self, fds: list[int]) -> Message | None:
        # Descriptors travel with a message's first byte; one that is asked for only a part brings them all.
        try:
            head, came = receive_with_descriptors(self._sock, HEADER.size, SLOTS)
        except ConnectionError:
            return None
        fds += came
        if not head:
            return None
        number, flags, size = HEADER.unpack(head + self._exactly(HEADER.size - len(head)))
        if flags & VERSION_MASK != VERSION or flags & REPLY:
            raise WireError(f"a message with the flags {flags:#x}; expected version {VERSION}")
        if size > LONGEST:
            raise WireError(f"a payload of {size} bytes; expected {LONGEST} at most")
        payload = self._exactly(size)
        try:
            request = Request(number)
        except ValueError:
            raise WireError(f"request {number} is not one that was agreed on") from None
        return decode(request, payload, fds, acknowledge=bool(flags & NEED_REPLY))

    def _exactly(self, size: int) -> bytes:
        pieces = []
        deadline = time.monotonic() + PATIENCE
        while size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{size} bytes are missing after {PATIENCE:g} s")
            self._sock.settimeout(left)
            piece = self._sock.recv(size)
            if not piece:
                raise WireError(f"the front end left {size} bytes before the end of a message")
            pieces.append(piece)
            size -= len(piece)
        self._sock.settimeout(PATIENCE)
        return b"".join(pieces)


def decode(request: Request, payload: bytes, fds: list[int], *, acknowledge: bool) -> Message:
    """Return the message that *payload* and *fds* make."""
    row = ROWS[request]
    fixed = row.payload.size if row.payload else 0
    each = row.repeated.size if row.repeated else 1
    rest = len(payload) - fixed
    if rest < 0 or rest % each or (rest and not row.repeated):
        raise WireError(f"{request.name} has a payload of {len(payload)} bytes; expected {fixed}")
    if len(fds) > row.descriptors:
        raise WireError(f"{request.name} brings {len(fds)} descriptors; expected {row.descriptors} at most")
    values: tuple[int, ...] = row.payload.unpack_from(payload) if row.payload else ()
    repeated: Any = tuple(row.repeated.iter_unpack(payload[fixed:])) if row.repeated else ()
    return Message(request, values, repeated, fds, acknowledge)


def close_all(fds: list[int]) -> None:
    """Close what nobody has taken."""
    while fds:
        os.close(fds.pop())
