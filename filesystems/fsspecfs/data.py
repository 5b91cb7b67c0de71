"""The operations on attributes and data, and when the backend is given what was written.

Where data are kept meanwhile is in ``contents``.
"""

from __future__ import annotations

import errno
import logging
from typing import Final

import puffpy
from filesystems.fsspecfs.nodes import Node, Nodes

log = logging.getLogger(__name__)

FIELDS: Final = ("uid", "gid", "atime_ns", "mtime_ns")


class Data(puffpy.VnodeOps):
    """Written data go to the backend when somebody closes the file or syncs it, and when it is renamed."""

    nodes: Nodes

    # attributes

    def getattr(self, vp: Node, call: puffpy.Call) -> puffpy.Vattr:
        """What the backend told, with what was set here; asked anew when that is too long ago."""
        unknown = vp.status.size is None and not vp.is_dir and vp.contents is None
        settled = vp.parent is None or vp.gone or vp.opened
        if not settled and (unknown or (not vp.made and not self.nodes.fresh(vp.told))):
            self.nodes.refresh(vp)
        return self.nodes.vattr(vp)

    def setattr(self, vp: Node, change: puffpy.SetAttr, call: puffpy.Call) -> puffpy.Vattr:
        """The size is the backend's business; everything else is kept here until the end of the mount."""
        if change.size is not None:
            if vp.is_dir:
                raise puffpy.FsError(errno.EISDIR)
            self._resize(vp, change.size)
            vp.kept.mtime_ns, vp.dated = change.ctime_ns, False
        kept = vp.kept
        before = self.nodes.vattr(vp)
        mode, uid, gid = before.mode, before.uid, before.gid
        before.apply(change)
        if before.mode != mode:
            kept.mode, vp.set = before.mode & 0o7777, True
        if (before.uid, before.gid) != (uid, gid):
            kept.uid, kept.gid, vp.set = before.uid, before.gid, True
        if change.atime_ns is not None:
            kept.atime_ns, vp.set = before.atime_ns, True
        if change.mtime_ns is not None:
            kept.mtime_ns = before.mtime_ns
            if change.size is None:
                vp.dated = vp.set = True
        if kept.atime_ns is None or kept.mtime_ns is None:
            kept.atime_ns, kept.mtime_ns = before.atime_ns, before.mtime_ns
        kept.ctime_ns = change.ctime_ns
        return self.nodes.vattr(vp)

    def _resize(self, vp: Node, size: int) -> None:
        contents = self.nodes.contents(vp)
        with contents.lock:
            contents.truncate(size)
            if not vp.opened:
                try:
                    self._push(vp)
                finally:
                    contents.close()

    # data

    def open(self, vp: Node, flags: int, call: puffpy.Call) -> puffpy.OpenFile | None:
        """Anybody may; a file whose size nobody knows is read past the page cache, to its end."""
        if not vp.gone and not vp.opened and not self.nodes.fresh(vp.told):
            self.nodes.refresh(vp)
        with self.nodes.lock:
            vp.opened += 1
        if vp.status.size is None:
            return puffpy.OpenFile(direct_io=True)
        return None

    def close(self, vp: Node, flags: int, call: puffpy.Call) -> None:
        """The last chance for what ``flush`` could not hand over; only the log hears of an error."""
        contents = self.nodes.contents(vp)
        with contents.lock:
            try:
                self._push(vp)
            except OSError as exc:
                log.error("%s: what was written is lost: %s", contents.path, exc)
            with self.nodes.lock:
                vp.opened -= 1
            if not vp.opened:
                contents.close()

    def flush(self, vp: Node, call: puffpy.Call) -> None:
        """Hand over what was written: whoever closes the file is told if that cannot be."""
        self._push(vp)

    def fsync(self, vp: Node, dataonly: bool, call: puffpy.Call) -> None:
        """Hand over what was written."""
        if not vp.is_dir:
            self._push(vp)

    def read(self, vp: Node, offset: int, size: int, call: puffpy.Call) -> bytes | tuple[bytes, ...]:
        """Blocks, or a piece of the spool."""
        return self.nodes.contents(vp).read(offset, size)

    def write(self, vp: Node, offset: int, data: memoryview, call: puffpy.Call) -> None:
        """Into the spool."""
        self.nodes.contents(vp).write(offset, data)
        vp.touch()
        vp.dated = False

    def _push(self, vp: Node) -> None:
        contents = vp.contents
        if contents is None:
            return
        with contents.lock:
            if not vp.gone and contents.push():
                self.nodes.refresh(vp, ours=True)
                if not vp.dated and vp.status.mtime_ns is not None:
                    vp.kept.mtime_ns = vp.kept.ctime_ns = None  # the backend's own are of now
