"""One line of each of the four files: passwd(5), shadow(5), group(5) and gshadow(5).

What may be in a line is in ``rules``; here a line that has the right number of fields is a record.
"""

from __future__ import annotations

from typing import Protocol

import attrs
from typing_extensions import Self


class Record(Protocol):
    """A line that is understood."""

    @property
    def name(self) -> str:
        """What the line is about."""

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Return the record that *line* is, or ``None``."""

    def __str__(self) -> str: ...


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


@attrs.frozen
class User:
    """A line of passwd."""

    name: str
    password: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Return the record that *line* is, or ``None``."""
        parts = line.split(":")
        if len(parts) != 7 or not parts[0]:
            return None
        name, password, first, second, gecos, home, shell = parts
        uid, gid = _number(first), _number(second)
        return None if uid is None or gid is None else cls(name, password, uid, gid, gecos, home, shell)

    def __str__(self) -> str:
        return ":".join(map(str, attrs.astuple(self)))


@attrs.frozen
class Shadow:
    """A line of shadow: the hash, the day since 1970 it was *changed*, and what else there is to its age."""

    name: str
    hash: str
    changed: str
    rest: tuple[str, ...] = ("0", "99999", "7", "", "", "")

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Return the record that *line* is, or ``None``."""
        parts = line.split(":")
        if len(parts) != 9 or not parts[0]:
            return None
        return cls(parts[0], parts[1], parts[2], tuple(parts[3:]))

    def __str__(self) -> str:
        return ":".join((self.name, self.hash, self.changed, *self.rest))


@attrs.frozen
class Group:
    """A line of group."""

    name: str
    password: str
    gid: int
    members: tuple[str, ...] = ()

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Return the record that *line* is, or ``None``."""
        parts = line.split(":")
        if len(parts) != 4 or not parts[0]:
            return None
        gid = _number(parts[2])
        return None if gid is None else cls(parts[0], parts[1], gid, _names(parts[3]))

    def __str__(self) -> str:
        return f"{self.name}:{self.password}:{self.gid}:{','.join(self.members)}"


@attrs.frozen
class GroupShadow:
    """A line of gshadow."""

    name: str
    password: str = "!"
    admins: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @classmethod
    def parse(cls, line: str) -> Self | None:
        """Return the record that *line* is, or ``None``."""
        parts = line.split(":")
        if len(parts) != 4 or not parts[0]:
            return None
        return cls(parts[0], parts[1], _names(parts[2]), _names(parts[3]))

    def __str__(self) -> str:
        return f"{self.name}:{self.password}:{','.join(self.admins)}:{','.join(self.members)}"
