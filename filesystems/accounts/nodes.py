"""What the kernel is told about: the root, the two directories in it, accounts, their files, and ``.error``.

Nodes know whose they are and nothing else; what they say is in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

import attrs

from filesystems.accounts.database import Database, Defaults
from filesystems.accounts.fields import GROUP_FIELDS, USER_FIELDS, Field, today


@attrs.frozen
class Kind:
    """Users, or groups: the files of one, the *sources* that tell of it, what is done to one as a whole."""

    name: str
    fields: Mapping[str, Field]
    sources: tuple[str, ...]
    names: Callable[[Database], Iterator[str]]
    add: Callable[[Database, str, Defaults], None]
    remove: Callable[[Database, str], None]
    rename: Callable[[Database, str, str], None]


USERS: Final = Kind(
    "users",
    USER_FIELDS,
    ("passwd", "shadow", "group"),
    lambda db: (user.name for user in db.users),
    lambda db, name, defaults: db.add_user(name, defaults, today()),
    Database.remove_user,
    Database.rename_user,
)

GROUPS: Final = Kind(
    "groups",
    GROUP_FIELDS,
    ("group",),
    lambda db: (group.name for group in db.groups),
    Database.add_group,
    Database.remove_group,
    Database.rename_group,
)

KINDS: Final = MappingProxyType({kind.name: kind for kind in (USERS, GROUPS)})


@attrs.define(eq=False, weakref_slot=True)
class Root:
    """The root."""


@attrs.define(eq=False, weakref_slot=True)
class LastError:
    """``.error``: why something was refused last."""


@attrs.define(eq=False, weakref_slot=True)
class Directory:
    """``users`` or ``groups``."""

    kind: Kind


@attrs.define(eq=False, weakref_slot=True)
class Account:
    """A user or a group; *hidden* files have been unlinked since the directory was listed."""

    kind: Kind
    name: str
    gone: bool = False
    hidden: set[str] = attrs.field(factory=set)


@attrs.define(eq=False)
class Draft:
    """A file opened by the thread *pid*: what it *showed*, what was *written*; *cut*: to nothing, so far."""

    pid: int
    adding: bool
    showed: bytes | None = None
    written: bytes | None = None
    cut: bool = False


@attrs.define(eq=False, weakref_slot=True)
class Value:
    """One file of an account; *drafts* are those who have it open."""

    account: Account
    field: Field
    drafts: list[Draft] = attrs.field(factory=list)


AnyNode: TypeAlias = Root | LastError | Directory | Account | Value


class Nodes:
    """Every node that is in use, by what it is: the same account is the same object."""

    def __init__(self) -> None:
        self.root = Root()
        self.error = LastError()
        self.directories = {name: Directory(kind) for name, kind in KINDS.items()}
        self._accounts: WeakValueDictionary[tuple[str, str], Account] = WeakValueDictionary()
        self._values: WeakValueDictionary[tuple[int, str], Value] = WeakValueDictionary()

    def account(self, kind: Kind, name: str) -> Account:
        """Return the account of the *kind* that is called *name*."""
        return self._accounts.setdefault((kind.name, name), Account(kind, name))

    def value(self, account: Account, field: Field) -> Value:
        """Return the file *field* of *account*."""
        return self._values.setdefault((id(account), field.name), Value(account, field))

    def renamed(self, account: Account, name: str) -> None:
        """*account* is called *name* from now on."""
        self._accounts.pop((account.kind.name, account.name), None)
        account.name = name
        self._accounts[account.kind.name, name] = account

    def removed(self, account: Account) -> None:
        """*account* is no more; another one of its name will be another one."""
        self._accounts.pop((account.kind.name, account.name), None)
        account.gone = True
