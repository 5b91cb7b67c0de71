"""Sessions recorded under the user-space kernel, for traces to be made of."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable

import attrs
from typing_extensions import Buffer

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.mount import prepared
from puffpy.record import Record, Recorder, read
from puffpy.session import Session
from puffpy.userkernel import Mount, SessionLink, UserKernel


@attrs.define(eq=False)
class Recorded:
    """A session every message of which goes to a recorder."""

    session: Session
    receive: Callable[[bytearray, int], bytes | tuple[Buffer, ...] | None]

    def close(self) -> None:
        self.session.close()


def recording(use: Callable[[UserKernel], None], vnodeops: puffpy.VnodeOps | None = None) -> bytes:
    """Return what is recorded of what *use* does to *vnodeops* (a new detrempe)."""
    vnodeops = Detrempe() if vnodeops is None else vnodeops
    file = io.BytesIO()
    recorder = Recorder(file)
    vfsops, options = prepared(vnodeops, None, None)

    def serve(send: Callable[[bytes], object]) -> Recorded:
        session = Session(vnodeops, vfsops, options, send)
        return Recorded(session, recorder.answering(session.receive))

    with contextlib.closing(file):
        with UserKernel(SessionLink(serve), Mount(default_permissions=True)) as kernel:
            use(kernel)
        return file.getvalue()


def records(raw: bytes) -> list[Record]:
    """Return the records of a recording."""
    return list(read(io.BytesIO(raw)))


def work(kernel: UserKernel) -> None:
    """Names, data and refusals."""
    kernel.mkdir("/directory")
    fd = kernel.open("/directory/file", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, bytes(10_000))
    kernel.rename("/directory/file", "/directory/moved")
    kernel.pread(fd, 4096, 0)
    kernel.rename("/directory", "/elsewhere")
    kernel.pwrite(fd, b"end", 10_000)
    kernel.close(fd)
    kernel.link("/elsewhere/moved", "/name")
    with contextlib.suppress(OSError):
        kernel.getxattr("/name", "user.colour")
    with contextlib.suppress(FileNotFoundError):
        kernel.stat("/<b>nothing")
    kernel.unlink("/name")
