"""Which file in an account's directory shows what, and what is done when it is written.

To add a file, add a row: its name, its mode, what it says, and what a new value does to the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import attrs

from filesystems.accounts import rules
from filesystems.accounts.database import Database

DAY: Final = 86_400


@attrs.frozen
class Field:
    """A file of the *mode*: what it *says* of an account, and what *becomes* of it when a text is written.

    A value of *many* lines can be added to with ``>>``.
    """

    name: str
    mode: int
    says: Callable[[Database, str], str]
    becomes: Callable[[Database, str, str], None]
    many: bool = False


def today() -> int:
    """Return the day since 1970, as shadow(5) counts."""
    return int(time.time()) // DAY


def _lines(names: Iterable[str]) -> str:
    return "".join(f"{name}\n" for name in names)


def _fields(*rows: Field) -> Mapping[str, Field]:
    return MappingProxyType({row.name: row for row in rows})


USER_FIELDS: Final = _fields(
    Field(
        "uid",
        0o644,
        lambda db, name: f"{db.user(name).uid}\n",
        lambda db, name, text: db.set_uid(name, rules.number(text)),
    ),
    Field(
        "gid",
        0o644,
        lambda db, name: f"{db.user(name).gid}\n",
        lambda db, name, text: db.set_primary(name, text),
    ),
    Field(
        "gecos",
        0o644,
        lambda db, name: f"{db.user(name).gecos}\n",
        lambda db, name, text: db.change_user(name, gecos=rules.line(text)),
    ),
    Field(
        "home",
        0o644,
        lambda db, name: f"{db.user(name).home}\n",
        lambda db, name, text: db.change_user(name, home=rules.path(text)),
    ),
    Field(
        "shell",
        0o644,
        lambda db, name: f"{db.user(name).shell}\n",
        lambda db, name, text: db.change_user(name, shell=rules.path(text)),
    ),
    Field(
        "locked",
        0o600,
        lambda db, name: "yes\n" if db.password(name).startswith(("!", "*")) else "no\n",
        lambda db, name, text: db.lock(name, rules.truth(text)),
    ),
    Field(
        "groups",
        0o644,
        lambda db, name: _lines(db.memberships(name)),
        lambda db, name, text: db.set_memberships(name, rules.names(text)),
        many=True,
    ),
    Field(
        "password",
        0o600,
        lambda db, name: f"{db.password(name)}\n",
        lambda db, name, text: db.set_password(name, rules.hashed(text), today()),
    ),
)
"""The files of a user."""

GROUP_FIELDS: Final = _fields(
    Field(
        "gid",
        0o644,
        lambda db, name: f"{db.group(name).gid}\n",
        lambda db, name, text: db.set_gid(name, rules.number(text)),
    ),
    Field(
        "members",
        0o644,
        lambda db, name: _lines(db.group(name).members),
        lambda db, name, text: db.set_members(name, rules.names(text)),
        many=True,
    ),
)
"""The files of a group."""
