"""The asking side: finds the server of a mount, and hears from it.

What is heard is shown and added up by whoever asked.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO

from typing_extensions import Self

from puffpy.errors import WatchError
from puffpy.live.place import Mounted, mounted_at, sockets
from puffpy.live.snapshot import Snapshot, loaded, text, whole
from puffpy.record import Record, read

PATIENCE = 5.0
"""Seconds for a server to say the first word, or the next."""

LONGEST = 1 << 24
"""Bytes of a line, at most."""


def watch(path: str) -> Watch:
    """Return what looks at the file system that *path* is on.

    Raises:
        WatchError: *path* is on no file system that lets itself be looked at, or not by this user.
    """
    mount = mounted_at(path)
    reason = "its server opens no socket (another program than puffpy, or an older one)"
    for place in sockets(mount):
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            end.connect(place)
        except OSError as exc:
            end.close()
            reason = f"{place}: {exc.strerror}"
        else:
            return Watch(mount, end)
    raise WatchError(
        f"{mount.mountpoint} cannot be looked at: {reason}; the owner of its server (uid {mount.owner}) can, "
        "and root"
    )


class Watch:
    """A connection to the server of *mount*; one question is put through it.  A context manager."""

    def __init__(self, mount: Mounted, end: socket.socket) -> None:
        self.mount = mount
        self.pid = 0
        self.title = ""
        self._end = end
        self._heard: BinaryIO | None = None

    def snapshots(self, interval: float) -> Iterator[Snapshot | None]:
        """Yield a snapshot every *interval* seconds; None instead, where the server has no time to say one.

        Ends with the mount.

        Raises:
            WatchError: the server says nothing at all, or what makes no sense.
        """
        heard = self._asked(f"top {interval}")
        self._end.settimeout(interval + PATIENCE)
        earlier: Snapshot | None = None
        while True:
            try:
                line = heard.readline(LONGEST)
            except TimeoutError:
                yield None
                # A file that has timed out refuses to be read on (socket.SocketIO).
                heard = self._reader()
                continue
            if not line.endswith(b"\n"):
                return
            snapshot = Snapshot.unpacked(line)
            if earlier is not None and not snapshot.follows(earlier):
                raise WatchError("the server says what makes no sense: it counts less than it did before")
            earlier = snapshot
            yield snapshot

    def records(self, seconds: float) -> Iterator[Record]:
        """Yield what passes for *seconds*, as records without file data; less if the mount ends before.

        Raises:
            WatchError: the server says nothing at all.
        """
        heard = self._asked(f"trace {seconds}")
        self._end.settimeout(seconds + PATIENCE)
        return read(heard)

    def fileno(self) -> int:
        """For ``select``: readable once there is more to hear."""
        return self._end.fileno()

    def close(self) -> None:
        """Look no more."""
        if self._heard is not None:
            self._heard.close()  # as long as it is open, the socket is
        self._end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reader(self) -> BinaryIO:
        if self._heard is not None:
            self._heard.close()
        self._heard = self._end.makefile("rb")
        return self._heard

    def _asked(self, question: str) -> BinaryIO:
        """Put the question; return what the answer is read from, behind the greeting."""
        self._end.settimeout(PATIENCE)
        heard = self._reader()
        try:
            self._end.sendall(question.encode() + b"\n")
            said = loaded(heard.readline(LONGEST) or b"null")
        except TimeoutError:
            raise WatchError(
                f"the server of {self.mount.mountpoint} does not answer: something in it holds the "
                "interpreter and lets no other thread run, or the process is stopped"
            ) from None
        except ConnectionError:
            said = None  # shown the door before we could ask
        except OSError as exc:
            raise WatchError(f"the server of {self.mount.mountpoint} broke off: {exc}") from exc
        if said is None:
            raise WatchError(
                f"the server of {self.mount.mountpoint} wants nobody to look: it is ending, others look "
                f"already, or this user is neither uid {self.mount.owner} nor root"
            )
        try:
            self.pid, self.title = whole(said["pid"]), text(said["title"])
        except (TypeError, KeyError, ValueError):
            raise WatchError(
                f"what serves {self.mount.mountpoint} is no puffpy: it says {said!r:.80}"
            ) from None
        return heard
