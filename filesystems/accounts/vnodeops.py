"""The file system: the operations on names, and over which files all of it is.

The operations on the files of an account are in ``values``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Final

import puffpy
from filesystems.accounts import rules
from filesystems.accounts.database import Defaults
from filesystems.accounts.nodes import Account, AnyNode, Directory, Nodes, Root
from filesystems.accounts.rules import Refused
from filesystems.accounts.store import FILES, NEEDED, Store
from filesystems.accounts.values import Values

SYSTEM: Final = "/etc"
ERROR: Final = ".error"

NOREPLACE: Final = 1


@puffpy.blocking
class AccountsFS(Values, puffpy.VfsOps):
    """Users and groups as directories, over a copy of this machine's accounts.

    mkdir makes an account, rmdir or rm -r removes it, mv renames it, echo changes a particular of it.
    Whatever would leave the accounts wrong is refused, and .error says why.

    Args:
        passwd_dir: The directory of the files, in place of a copy: with passwd, group, and perhaps shadow.
        system: This machine's own accounts, in place of a copy.
        first: The first uid and gid that new accounts get.
        shell: The shell of new users.
        home: The directory that the home directories of new users are in; it is named only, not made.
    """

    options = puffpy.MountOptions(
        fsname="puffs:accounts",
        subtype="accounts",
        default_permissions=True,
        attr_timeout=0,
        entry_timeout=0,
    )

    def __init__(
        self,
        *,
        passwd_dir: str = "",
        system: bool = False,
        first: int = 1000,
        shell: str = "/bin/sh",
        home: str = "/home",
    ) -> None:
        if passwd_dir and system:
            raise ValueError("passwd_dir and system are two things: give one of them")
        try:
            self.defaults = Defaults(first, rules.path(shell), rules.path(home))
        except Refused as exc:
            raise ValueError(exc.strerror) from None
        self._copy = "" if passwd_dir or system else copy_of(SYSTEM)
        self.store = Store(passwd_dir or self._copy or SYSTEM)
        self.nodes = Nodes()
        self.error = ""

    def root(self) -> Root:
        """The directory with ``users`` and ``groups``."""
        return self.nodes.root

    def unmount(self) -> None:
        """A copy is gone with its mount."""
        if self._copy:
            shutil.rmtree(self._copy)

    # looking

    def lookup(self, dvp: AnyNode, cn: puffpy.ComponentName, call: puffpy.Call) -> AnyNode:
        """A name to its node."""
        found: AnyNode | None = None
        if isinstance(dvp, Root):
            found = self.nodes.error if cn.name == ERROR else self.nodes.directories.get(cn.name)
        elif isinstance(dvp, Directory):
            if cn.name in dvp.kind.names(self.store.current()):
                found = self.nodes.account(dvp.kind, cn.name)
        elif isinstance(dvp, Account) and cn.name in dvp.kind.fields and cn.name not in dvp.hidden:
            found = self.nodes.value(dvp, dvp.kind.fields[cn.name])
        if found is None:
            raise FileNotFoundError
        return found

    def readdir(self, dvp: AnyNode, call: puffpy.Call) -> Iterator[tuple[str, AnyNode]]:
        """Everything; of two lines with one name, the first."""
        if isinstance(dvp, Root):
            yield ERROR, self.nodes.error
            yield from self.nodes.directories.items()
        elif isinstance(dvp, Directory):
            for name in dict.fromkeys(dvp.kind.names(self.store.current())):
                if "/" not in name and name not in {".", ".."}:
                    yield name, self.nodes.account(dvp.kind, name)
        elif isinstance(dvp, Account):
            self.named(dvp)
            dvp.hidden.clear()
            for name, field in dvp.kind.fields.items():
                yield name, self.nodes.value(dvp, field)

    # making and removing accounts

    def mkdir(self, dvp: AnyNode, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Account:
        """A new account."""
        kind = self._directory(dvp).kind
        with self.explained(f"{kind.name}/{cn.name}"), self.store.changing() as database:
            kind.add(database, cn.name, self.defaults)
        return self.nodes.account(kind, cn.name)

    def rmdir(self, dvp: AnyNode, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """An account goes; its files are no hindrance, they go with it."""
        kind = self._directory(dvp).kind
        with self.explained(f"{kind.name}/{cn.name}"), self.store.changing() as database:
            kind.remove(database, cn.name)
        self.nodes.removed(self.nodes.account(kind, cn.name))

    def rename(
        self,
        fdvp: AnyNode,
        fcn: puffpy.ComponentName,
        tdvp: AnyNode,
        tcn: puffpy.ComponentName,
        flags: int,
        call: puffpy.Call,
    ) -> None:
        """An account is called otherwise."""
        if flags & ~NOREPLACE:
            raise puffpy.FsError(errno.EINVAL)
        kind = self._directory(fdvp).kind
        if tdvp is not fdvp:
            raise puffpy.FsError(errno.EPERM, "a user is no group, and an account nowhere else")
        with self.explained(f"{kind.name}/{fcn.name}"), self.store.changing() as database:
            kind.rename(database, fcn.name, tcn.name)
        self.nodes.renamed(self.nodes.account(kind, fcn.name), tcn.name)

    def remove(self, dvp: AnyNode, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """A file of an account is out of sight until the directory is listed again.

        So ``rm -r`` comes to the directory itself, which is what counts; a file removed alone does no harm.
        """
        if not isinstance(dvp, Account):
            raise puffpy.FsError(errno.EPERM)
        self.lookup(dvp, cn, call)
        dvp.hidden.add(cn.name)

    def _directory(self, dvp: AnyNode) -> Directory:
        """Return *dvp* if accounts are made in it; EPERM: everything else is as it is."""
        if not isinstance(dvp, Directory):
            raise puffpy.FsError(errno.EPERM)
        return dvp


def copy_of(directory: str) -> str:
    """Return a new directory, closed to others, with copies of the files that may be read in *directory*."""
    copy = tempfile.mkdtemp(prefix="puffpy-accounts-")
    try:
        for name in FILES:
            source = os.path.join(directory, name)
            with contextlib.suppress(*(() if name in NEEDED else (FileNotFoundError, PermissionError))):
                shutil.copy(source, os.path.join(copy, name))
    except BaseException:
        shutil.rmtree(copy)
        raise
    return copy
