"""What the two sides say to each other before the first message: one line each, then the outcome.

The serving side speaks first: a JSON object with the version of this protocol, the file system's name and the
options that it wants to be mounted with, or with an error.  The mounting side answers with how it will carry
messages: ``relay``, or ``device`` with the open device.  After a device the serving side says ``ok`` once it
has answered the kernel's INIT, or what went wrong.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any, Final

import attrs

from puffpy.bridges.descriptors import receive_with_descriptors
from puffpy.errors import MountError
from puffpy.options import MountOptions

VERSION: Final = 1
LONGEST: Final = 65536
"""Bytes of a line, at most."""

PATIENCE: Final = 20.0
"""Seconds to wait for a line, all of it."""

SHOWN: Final = 500
"""Characters of the other side's words that a person is shown."""

RELAY, DEVICE, OK = b"relay", b"device", b"ok"

MOUNTERS: Final = frozenset({"suid", "dev", "allow_other", "auto_unmount", "replace", "workers", "timeout"})
"""Options that are not the serving side's to ask for: they concern those who use the mount, or itself."""


@attrs.frozen
class Greeting:
    """What the serving side says of the file system."""

    name: str
    options: MountOptions

    def encode(self) -> bytes:
        """Return the line."""
        wanted = {k: v for k, v in attrs.asdict(self.options).items() if k not in MOUNTERS}
        return _line({"puffpy": VERSION, "name": self.name, "options": wanted})

    @classmethod
    def decode(cls, line: bytes) -> Greeting:
        """Return what *line* says.

        Raises:
            MountError: it is no such line, or speaks of an error.
        """
        try:
            said: dict[str, Any] = json.loads(line)
            version = said["puffpy"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise MountError(f"that is no puffpy server: it says {line[:80]!r}") from None
        if version != VERSION:
            raise MountError(f"the server speaks version {version!r:.80} of the protocol, expected {VERSION}")
        if "error" in said:
            raise MountError(f"the server says: {shown(said['error'])}")
        known = {field.name for field in attrs.fields(MountOptions)} - MOUNTERS
        try:
            options = MountOptions(**{k: v for k, v in said["options"].items() if k in known})
            return cls(str(said["name"]), options)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise MountError(f"the server asks for options that make no sense: {shown(exc)}") from None


def shown(said: object) -> str:
    """Return what the other side said as a terminal can be shown it, in one line that ends somewhere."""
    text = " ".join(str(said).split())[:SHOWN]
    return "".join(char if char.isprintable() else "?" for char in text)


def complaint(reason: str) -> bytes:
    """Return the line that says why there is nothing to be mounted."""
    return _line({"puffpy": VERSION, "error": reason})


def _line(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def read_line(sock: socket.socket) -> tuple[bytes, int]:
    """Return the next line, without its end, and the descriptor that came with it, or -1.

    Raises:
        MountError: none came in time, or an endless one.
    """
    line, device = b"", -1
    deadline = time.monotonic() + PATIENCE
    try:
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no whole line within {PATIENCE:g} s")
            sock.settimeout(left)
            # Byte by byte: what follows the line is not ours.
            said, fds = receive_with_descriptors(sock, 1, 4)
            for fd in fds:
                if device < 0:
                    device = fd
                else:
                    os.close(fd)
            if not said or len(line) > LONGEST:
                raise MountError("the other side hung up in the middle of a line")
            line += said
    except OSError as exc:
        if device >= 0:
            os.close(device)
        raise MountError(f"the other side does not answer: {exc}") from None
    finally:
        sock.settimeout(None)
    return line[:-1], device
