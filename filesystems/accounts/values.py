"""The operations on the files: what is written is a value, checked and stored by the write itself.

Names are in ``vnodeops``.

A shell tells its user of an error of write(2), and of one of close(2) it does not.  So a value must come in
one write, as ``echo`` makes it; what is appended, or follows, makes a new whole with what was there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator

import puffpy
from filesystems.accounts.nodes import Account, AnyNode, Directory, Draft, LastError, Nodes, Value
from filesystems.accounts.rules import Refused
from filesystems.accounts.store import Store


class Values(puffpy.VnodeOps):
    """Reading and writing one value."""

    store: Store
    nodes: Nodes
    error: str

    @contextlib.contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Have a refusal in this context be told by ``.error``."""
        try:
            yield
        except Refused as exc:
            self.error = f"{what}: {exc.strerror}\n"
            raise

    def says(self, vp: Value | LastError) -> bytes:
        """Return what the file says now; ENOENT if its account is gone."""
        if isinstance(vp, LastError):
            text = self.error
        else:
            text = vp.field.says(self.store.current(), self.named(vp.account))
        return text.encode("utf-8", "surrogateescape")

    def named(self, account: Account) -> str:
        """Return the name of *account*; ENOENT if it is gone."""
        if account.gone:
            raise FileNotFoundError
        return account.name

    # attributes

    def getattr(self, vp: AnyNode, call: puffpy.Call) -> puffpy.Vattr:
        """As the files that tell of it: their owner, and the time when one of them was changed last."""
        sources: tuple[str, ...] = ("passwd", "group")
        kind, mode, size, nlink = stat.S_IFDIR, 0o755, 0, 2
        if isinstance(vp, Value | LastError):
            kind, size, nlink = stat.S_IFREG, len(self.says(vp)), 1
            mode = vp.field.mode if isinstance(vp, Value) else 0o444
        elif isinstance(vp, Account) and self.named(vp) not in vp.kind.names(self.store.current()):
            raise FileNotFoundError
        if isinstance(vp, Value):
            sources = vp.account.kind.sources
        elif isinstance(vp, Directory | Account):
            sources = vp.kind.sources
        owner = self.store.status("passwd")
        at = max(self.store.status(name).st_mtime_ns for name in sources)
        return puffpy.Vattr(
            kind | mode,
            nlink,
            owner.st_uid,
            owner.st_gid,
            size,
            atime_ns=at,
            mtime_ns=at,
            ctime_ns=at,
        )

    def setattr(self, vp: AnyNode, change: puffpy.SetAttr, call: puffpy.Call) -> None:
        """The shell's ``>`` cuts a file before it writes: that counts only if nothing is written."""
        if change.mode is not None or change.uid is not None or change.gid is not None:
            raise puffpy.FsError(errno.EPERM)
        if change.size is None:
            return  # the times are those of the files underneath
        if not isinstance(vp, Value):
            raise puffpy.FsError(errno.EPERM)
        if change.size:
            raise puffpy.FsError(errno.EINVAL)
        draft = self._draft(vp, call)
        if draft is None:
            self._store(vp, b"")
        else:
            draft.cut, draft.written = True, None

    # data

    def open(self, vp: Value | LastError, flags: int, call: puffpy.Call) -> puffpy.OpenFile:
        """Past the page cache: a value may be another by the time it is read again."""
        draft = Draft(call.pid, adding=bool(flags & os.O_APPEND))
        if isinstance(vp, Value):
            vp.drafts.append(draft)
        return puffpy.OpenFile(draft, direct_io=True)

    def close(self, vp: Value | LastError, flags: int, call: puffpy.Call) -> None:
        """It is no longer open."""
        if isinstance(vp, Value):
            vp.drafts.remove(call.handle)

    def read(self, vp: Value | LastError, offset: int, size: int, call: puffpy.Call) -> bytes:
        """A piece of what it says; of one text, from one start to its end."""
        draft: Draft = call.handle
        if draft.showed is None or not offset:
            draft.showed = self.says(vp)
        return draft.showed[offset : offset + size]

    def write(self, vp: Value, offset: int, data: memoryview, call: puffpy.Call) -> None:
        """Check and store the value; nothing is changed where that is refused."""
        draft: Draft = call.handle
        if draft.written is None and (draft.adding or offset):
            base = b"" if draft.cut else self.says(vp)
        else:
            base = draft.written or b""
        if draft.adding:
            offset = len(base)
        if offset > len(base) or (offset and not vp.field.many):
            raise puffpy.FsError(errno.EINVAL)
        draft.cut = False  # also if this is refused: what was there is better than nothing
        whole = base[:offset] + bytes(data)
        self._store(vp, whole)
        draft.written = whole

    def flush(self, vp: Value | LastError, call: puffpy.Call) -> None:
        """A file that was cut to nothing, and nothing written to it, is empty."""
        draft: Draft = call.handle
        if draft.cut and isinstance(vp, Value):
            draft.cut = False
            self._store(vp, b"")

    def _draft(self, vp: Value, call: puffpy.Call) -> Draft | None:
        """Return which open file is being cut; ``None`` if it is done without opening it.

        The kernel does not say so of one that is being opened with O_TRUNC (fs/fuse/dir.c, fuse_do_setattr).
        """
        if call.handle is not None:
            return call.handle  # type: ignore[no-any-return]  # it is what open returned
        mine = (draft for draft in reversed(vp.drafts) if draft.pid == call.pid and draft.written is None)
        return next(mine, None)

    def _store(self, vp: Value, data: bytes) -> None:
        name = self.named(vp.account)
        with self.explained(f"{vp.account.kind.name}/{name}/{vp.field.name}"):
            try:
                text = data.decode("utf-8").removesuffix("\n")
            except UnicodeDecodeError:
                raise Refused("this is no text in UTF-8") from None
            with self.store.changing() as database:
                vp.field.becomes(database, name, text)
