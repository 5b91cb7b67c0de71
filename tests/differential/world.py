"""Several file systems that are told the same, and whether they say the same.

What is told is decided in ``test_operations``.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from tests.posix.callers import ROOT, Caller, Identity
from tests.posix.subjects import Place, Subject

USERS: Final = {
    "root": ROOT,
    "alice": Identity(1001, 1001, (3001,)),
    "bob": Identity(1002, 1002, (3001, 3002)),
}


@attrs.frozen
class Shown:
    """What all file systems must show alike of a node; a directory's size is its own affair."""

    mode: str
    nlink: int
    uid: int
    gid: int
    size: int | None
    blocks: int | None

    @classmethod
    def of(cls, status: os.stat_result) -> Shown:
        """Return what *status* shows."""
        file = stat.S_ISREG(status.st_mode)
        return cls(
            stat.filemode(status.st_mode),
            status.st_nlink,
            status.st_uid,
            status.st_gid,
            None if stat.S_ISDIR(status.st_mode) else status.st_size,
            status.st_blocks if file else None,
        )


def shown(result: object) -> object:
    """Return *result* as it can be compared."""
    if isinstance(result, os.stat_result):
        return Shown.of(result)
    if isinstance(result, list):
        return sorted(result)
    return result


def said(call: Callable[..., object], args: Sequence[object], kwargs: dict[str, Any]) -> object:
    """Return what a call returns, or the name of its error."""
    try:
        return shown(call(*args, **kwargs))
    except OSError as exc:
        return errno.errorcode[exc.errno or 0]


class World:
    """One place in each subject, and in each the same users and the same open files.

    *copied*: ranges have been copied, and whether holes were copied as holes is each file system's own;
    blocks are no longer compared.

    Args:
        subjects: The first one is always right.
    """

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self.names = [subject.name for subject in subjects]
        self.places: list[Place] = [subject.place() for subject in subjects]
        self.callers: dict[str, list[Caller]] = {
            user: [place.caller(identity) for place in self.places] for user, identity in USERS.items()
        }
        self.files: list[list[int]] = []
        self.copied = False
        self.ask("root", "chmod", "/", 0o777)

    def ask(self, user: str, name: str, *args: object, **kwargs: Any) -> object:
        """Have *user* call *name* everywhere; return the answer, which must be the same.

        AssertionError naming the call and every answer where it is not.
        """
        return self._same(user, name, [args] * len(self.places), [kwargs] * len(self.places))

    def ask_file(self, user: str, name: str, files: Sequence[int], *args: object) -> object:
        """As :meth:`ask`, of open files, by their numbers here: they come before all other arguments."""
        each = [(*(self.files[file][at] for file in files), *args) for at in range(len(self.places))]
        return self._same(user, name, each, [{}] * len(self.places), files)

    def open(self, user: str, path: str, flags: int, mode: int) -> None:
        """Open *path* everywhere, or nowhere."""
        calls = [caller.open for caller in self.callers[user]]
        answers = [said(call, (path, flags, mode), {}) for call in calls]
        opened = ["opened" if isinstance(answer, int) else answer for answer in answers]
        self._judge(user, f"open({path!r}, {flags:#o}, {mode:#o})", opened)
        if opened[0] == "opened":
            self.files.append([answer for answer in answers if isinstance(answer, int)])

    def close(self, file: int) -> None:
        """Close an open file everywhere."""
        for caller, fd in zip(self.callers["root"], self.files.pop(file), strict=True):
            caller.close(fd)

    def compare(self, directory: str = "/") -> None:
        """See that everything below *directory* is the same."""
        names = self.ask("root", "listdir", directory)
        assert isinstance(names, list)
        for name in names:
            path = os.path.join(directory, name)
            status = self.ask("root", "lstat", path)
            assert isinstance(status, Shown)
            self.ask("root", "listxattr", path, follow_symlinks=False)
            if status.mode.startswith("d"):
                self.compare(path)
            elif status.mode.startswith("l"):
                self.ask("root", "readlink", path)
            elif status.mode.startswith("-"):
                self.open("root", path, os.O_RDONLY, 0)
                self.ask_file("root", "pread", [-1], 1 << 16, 0)
                self.close(-1)

    def end(self) -> None:
        """Close everything."""
        while self.files:
            self.close(-1)
        for place in self.places:
            place.close()

    def _same(
        self,
        user: str,
        name: str,
        args: Sequence[Sequence[object]],
        kwargs: Sequence[dict[str, Any]],
        files: Sequence[int] = (),
    ) -> object:
        calls = [getattr(caller, name) for caller in self.callers[user]]
        answers = [said(*each) for each in zip(calls, args, kwargs, strict=True)]
        asked = ", ".join([*(f"file {file}" for file in files), *map(repr, args[0][len(files) :])])
        return self._judge(user, f"{name}({asked}) {kwargs[0] or ''}", answers)

    def _judge(self, user: str, asked: str, answers: Sequence[object]) -> object:
        if self.copied:
            answers = [
                attrs.evolve(each, blocks=None) if isinstance(each, Shown) else each for each in answers
            ]
        differing = [f"{name}: {answer!r}" for name, answer in zip(self.names, answers, strict=True)]
        assert all(answer == answers[0] for answer in answers), "\n".join([f"{user}: {asked}", *differing])
        return answers[0]
