"""What a file system may tell the kernel of its own accord.

An interface only; ``puffpy.session`` implements it over notifications.
"""

from __future__ import annotations

from typing import Any, Protocol


class Kernel(Protocol):
    """The kernel as a file system sees it; handed to :meth:`VfsOps.start`.

    Every method may be called from any thread and from inside an operation: the message goes out after the
    operation has been answered, because the kernel holds locks of the directory or file meanwhile.  A node or
    name that the kernel does not know (any more) is no error: there is nothing to be dropped then.
    """

    def inval_inode(self, vp: Any, offset: int = 0, length: int = 0) -> None:
        """Drop what is cached of *vp*: attributes, and data from *offset* for *length* bytes (0: to the end).

        A negative *offset* drops the attributes alone.
        """

    def inval_entry(self, dvp: Any, name: str) -> None:
        """Forget that *name* in *dvp* leads, or does not lead, anywhere."""

    def expire_entry(self, dvp: Any, name: str) -> None:
        """Ask again before *name* in *dvp* is used the next time; mounts below it survive."""

    def delete(self, dvp: Any, vp: Any, name: str) -> None:
        """Tell watchers that *name* in *dvp*, which was *vp*, is gone."""

    def open_count(self, vp: Any) -> int | None:
        """Return how many open files there are of *vp*; ``None`` if the kernel does not know it.

        From inside an operation that runs inline the answer holds until the operation returns.
        """

    def store(self, vp: Any, offset: int, data: bytes) -> None:
        """Put *data* into the page cache of *vp* at *offset*."""

    def retrieve(self, vp: Any, offset: int, size: int) -> bytes:
        """Return what the page cache holds of *vp*, up to *size* bytes from *offset*.

        Not from inside an operation: the answer comes as a request of its own.
        """

    def inc_epoch(self) -> None:
        """Have every cached name asked for again before its next use (Linux 6.16)."""

    def prune(self, *vps: Any) -> None:
        """Ask the kernel to let go of nodes it does not use (Linux 6.18); ``reclaim`` follows."""

    def resend(self) -> None:
        """Have every request that was read but not answered sent again (Linux 6.9)."""
