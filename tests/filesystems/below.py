"""Detrempe with passthrough, called directly, every file of it moved underneath as soon as it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.backed import BackedFile, move_below
from filesystems.detrempe.nodes import File, Inode
from filesystems.detrempe.passthrough import PassthroughDetrempe, possible
from tests.filesystems.direct import PAGE, ROOT_CALL, Direct
from tests.mounted.conftest import lacking

Making = Callable[..., Direct]


class Below(Direct):
    """As :class:`Direct`, with its files underneath."""

    fs: PassthroughDetrempe

    def file(
        self, text: str, data: bytes = b"", dvp: Inode | None = None, mode: int = 0o644, gid: int = 0
    ) -> Inode:
        node = super().file(text, b"", dvp, mode, gid)
        self.move(node)
        if data:
            assert self.write(node, 0, data) == len(data)
        return node

    def move(self, node: Inode) -> BackedFile:
        """Move *node* underneath."""
        assert isinstance(node, File)
        assert move_below(node, self.fs.tmpfs)
        assert isinstance(node, BackedFile)
        return node

    def open(self, node: Inode, flags: int) -> puffpy.OpenFile | int:
        """Open *node*; what is answered is the handle alone where it is not passed through."""
        return self.fs.open(node, flags, ROOT_CALL)

    def close(self, node: Inode) -> None:
        """The last user closes *node*."""
        self.fs.inactive(node)


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def makers(kind: str) -> Iterator[Making]:
    """Yield what makes file systems whose files are *plain*, or *below*; all are ended at the end."""
    with ExitStack() as ends:

        def plain(pages: int = 0, inodes: int = 0) -> Direct:
            return Direct(Detrempe(size=puffpy.Size(pages * PAGE), inodes=inodes))

        def below(pages: int = 0, inodes: int = 0) -> Below:
            made = PassthroughDetrempe(size=puffpy.Size(pages * PAGE), inodes=inodes)
            ends.callback(made.vfsops.unmount)
            return Below(made)

        if kind == "below" and not possible():
            lacking("passthrough takes Linux 6.9 and CAP_SYS_ADMIN")
        yield below if kind == "below" else plain


def made(fs: Below, text: str = "f", data: bytes = b"") -> Inode:
    """A file that has not been moved by anybody but the file system."""
    node = super(Below, fs).file(text, b"")
    if data:
        fs.write(node, 0, data)
    return node


def backing(answer: puffpy.OpenFile | int) -> int:
    """The descriptor of what is passed through."""
    assert isinstance(answer, puffpy.OpenFile)
    assert answer.backing is not None
    assert answer.keep_cache is False
    return answer.backing


def streamed(fs: Below, text: str, data: bytes) -> Inode:
    """A file made, written by the kernel alone, and closed."""
    node = made(fs, text)
    os.pwrite(backing(fs.open(node, os.O_WRONLY | os.O_CREAT)), data, 0)
    fs.close(node)
    return node
