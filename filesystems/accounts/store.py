"""The directory that the four files are in: locked, read when they have changed, replaced as a whole.

What is in them is for ``database`` to know.

Whoever edits accounts takes the same lock (lckpwdf(3)), so that a change by useradd(8) and one through the
mount come one after the other.  Whoever does not, an editor for one, is noticed: each change starts from the
files as they are, and is given up if they are others when it is about to be written.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from typing import Final

import attrs

from filesystems.accounts.database import Database
from filesystems.accounts.records import Group, GroupShadow, Shadow, User
from filesystems.accounts.rules import Refused
from filesystems.accounts.table import Table

LOCK: Final = ".pwd.lock"
"""The file whose lock stands for all four (lckpwdf(3))."""

PATIENCE: Final = 15.0
"""Seconds to wait for that lock, as lckpwdf(3) does."""

FILES: Final = ("gshadow", "group", "shadow", "passwd")
"""In the order in which they are written: a user is there when everything about it is."""

NEEDED: Final = ("passwd", "group")


@attrs.frozen
class Stamp:
    """What differs between two states of a file."""

    ino: int
    ctime_ns: int
    size: int


class Store:
    """The files in *directory*.  Any thread may use it.

    Raises:
        ValueError: there is no passwd or no group in it.
    """

    def __init__(self, directory: str, *, patience: float = PATIENCE) -> None:
        self.directory = os.path.abspath(directory)
        self._patience = patience
        self._lock = threading.RLock()
        self._stamps: dict[str, Stamp] = {}
        self._database: Database | None = None
        for name in NEEDED:
            if not os.path.isfile(self.path(name)):
                raise ValueError(f"there is no {name} in {directory}: give a directory like /etc")
        self.current()

    def path(self, name: str) -> str:
        """Return where the file *name* is, also if it is a symbolic link."""
        return os.path.realpath(os.path.join(self.directory, name))

    def status(self, name: str) -> os.stat_result:
        """Return what stat(2) says of the file *name*, or of passwd where there is none."""
        with contextlib.suppress(FileNotFoundError):
            return os.stat(self.path(name))
        return os.stat(self.path("passwd"))

    def current(self) -> Database:
        """Return what is in the files now; only to be looked at."""
        with self._lock:
            stamps = self._stamped()
            if self._database is None or stamps != self._stamps:
                self._stamps, self._database = stamps, _parsed(self._read())
            return self._database

    @contextlib.contextmanager
    def changing(self) -> Iterator[Database]:
        """Give what is in the files to be changed; it is written at the end of the context.

        Nothing is written if the context is left by an exception.

        Raises:
            EBUSY: somebody else has had them locked for too long.
            EAGAIN: somebody changed them without locking them.
        """
        with self._lock, self._locked():
            texts = self._read()
            database = _parsed(texts)
            yield database
            before, after = _written(_parsed(texts)), _written(database)
            changed = {name: after[name] for name in FILES if after.get(name) != before.get(name)}
            if changed and self._read() != texts:
                raise Refused("the files have been changed meanwhile: try again", errno.EAGAIN)
            for name, text in changed.items():
                _replace(self.path(name), text)

    def _read(self) -> dict[str, str]:
        return {name: _text(self.path(name)) for name in FILES if os.path.exists(self.path(name))}

    def _stamped(self) -> dict[str, Stamp]:
        stamps = {}
        for name in FILES:
            try:
                st = os.stat(self.path(name))
            except FileNotFoundError:
                continue
            stamps[name] = Stamp(st.st_ino, st.st_ctime_ns, st.st_size)
        return stamps

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(os.path.join(self.directory, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + self._patience
            while not _taken(fd):
                if time.monotonic() > deadline:
                    raise Refused("somebody else is editing the accounts: try again", errno.EBUSY)
                time.sleep(0.02)
            yield
        finally:
            os.close(fd)


def _taken(fd: int) -> bool:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        return file.read()


def _parsed(texts: dict[str, str]) -> Database:
    return Database(
        Table(User, texts["passwd"]),
        Table(Group, texts["group"]),
        Table(Shadow, texts["shadow"]) if "shadow" in texts else None,
        Table(GroupShadow, texts["gshadow"]) if "gshadow" in texts else None,
    )


def _written(database: Database) -> dict[str, str]:
    tables = {
        "passwd": database.users,
        "group": database.groups,
        "shadow": database.shadows,
        "gshadow": database.group_shadows,
    }
    return {name: str(table) for name, table in tables.items() if table is not None}


def _replace(path: str, text: str) -> None:
    """Put *text* in place of the file *path*, in one step, with its mode and its owner."""
    before = os.stat(path)
    new = f"{path}+"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)  # of somebody who was killed: the lock is ours
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.write(text)
            file.flush()
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(fd, before.st_uid, before.st_gid)
            os.fchmod(fd, before.st_mode & 0o7777)
            os.fsync(fd)
        os.rename(new, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        raise
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
