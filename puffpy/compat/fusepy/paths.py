"""What all operations of the vector share: a node's path, its attributes, its open files.

No operation is answered here but those of the mount as a whole.
"""

from __future__ import annotations

import errno
import itertools
import operator
import os
from collections.abc import Callable
from typing import Any

import attrs

from puffpy.compat.fusepy.asking import NOBODY, asks
from puffpy.compat.fusepy.attributes import vattr_of
from puffpy.compat.fusepy.program import Program
from puffpy.compat.fusepy.records import fuse_config, fuse_conn_info, fuse_file_info
from puffpy.compat.fusepy.tree import PathNode, Tree
from puffpy.ops import Kernel, VfsOps, VnodeOps
from puffpy.types import Call, Entry, OpenFile, StatVfs, Vattr

HANDLES = (1 << 64) - 1
REMOVED = "-"
"""The path that ``release`` is given for a file that has none any more, as in libfuse."""


def index(handle: Any) -> int:
    """Return a handle as libfuse keeps it: a number of 64 bits."""
    return operator.index(handle) & HANDLES


class Paths(VnodeOps, VfsOps):
    """A program's operations by path, as a vector over nodes; :func:`vector` makes them.

    *on_start* is called when the kernel has mounted it, before the program's ``init``.
    """

    def __init__(
        self,
        program: Program,
        *,
        raw_fi: bool = False,
        config: fuse_config | None = None,
    ) -> None:
        self.program = program
        self.raw_fi = raw_fi
        self.config = config if config is not None else fuse_config()
        self.use_ns = bool(getattr(program.operations, "use_ns", False))
        self.tree = Tree()
        self.on_start: Callable[[], object] = lambda: None
        self._settled = attrs.evolve(self.config)
        self._reconfigured = False
        self._hidden = itertools.count(1)
        self._plain = program.plain
        self._only_mknod = program.has("mknod") and not program.has("create")
        self._opens = program.has("open")
        self._releases = program.has("release")
        self._creates_with_flags = program.takes("create", 3)
        self._truncates_open = program.takes("truncate", 3)

    # the mount

    def root(self) -> PathNode:
        """Return the node of ``/``."""
        return self.tree.root

    def start(self, kernel: Kernel) -> None:
        """Ask ``init_with_config`` or ``init``; a mount whose ``init`` fails has failed."""
        self.on_start()
        if self.program.has("init_with_config"):
            self.program.ask(NOBODY, "init_with_config", fuse_conn_info(), self.config)
            self._reconfigured = self.config != self._settled
        elif self.program.has("init"):
            self.program.ask(NOBODY, "init", "/")

    def statvfs(self, vp: PathNode, call: Call) -> StatVfs:
        """Ask ``statfs``."""
        return self.program.figures(call, self._path(vp))

    def unmount(self) -> None:
        """Ask ``destroy``."""
        if self.program.has("destroy"):
            self.program.ask(NOBODY, "destroy", "/")

    # paths

    def _path(self, node: PathNode) -> str:
        """Return the path of *node* in the program's encoding; ENOENT if it is removed."""
        if self._plain and node.stamp == self.tree.stamp:
            return node.path
        return self.program.inward(self.tree.path(node))

    def _below(self, parent: PathNode, name: str) -> str:
        if self._plain:
            return self.tree.below(parent, name)
        return self.program.inward(self.tree.below(parent, name))

    def _open_path(self, node: PathNode) -> str | None:
        """Return the path of an open file; ``None`` for a removed one, if the program can do without."""
        if self._plain and node.stamp == self.tree.stamp:
            return node.path
        try:
            return self._path(node)
        except FileNotFoundError:
            if self.program.nullpath_ok or self.config.nullpath_ok:
                return None
            raise

    # attributes

    def _attributes(self, call: Call, path: str | None, handle: Any) -> Vattr:
        """Ask ``getattr``, which is asked more often than all the rest."""
        program = self.program
        asks((call, program.end))
        try:
            # The call operator passes on to the method, unless somebody wants to see it pass.
            ask = program.operations if program.through else None
            st = program.operations.getattr(path, handle) if ask is None else ask("getattr", path, handle)
            return vattr_of(st, self.config, use_ns=self.use_ns)
        except BaseException as exc:  # noqa: BLE001  what becomes of it is said there
            raise program.refusal("getattr", exc) from None

    def _found(self, parent: PathNode, name: str, call: Call) -> PathNode | Entry:
        """Return the node called *name*, and keep its attributes for what the library asks next."""
        return self._entered(parent, name, self._attributes(call, self._below(parent, name), None), call)

    def _entered(self, parent: PathNode, name: str, va: Vattr, call: Call) -> PathNode | Entry:
        kind = va.mode >> 12
        node = parent.children.get(name)
        if node is None or node.kind != kind or not node.alive:
            node = self.tree.enter(parent, name, kind)
        node.seen = (call, va)
        if not self._reconfigured:
            return node
        self._show_as_configured(va)
        ttl = self.config.entry_timeout
        return node if ttl == self._settled.entry_timeout else Entry(node, ttl)

    def _show_as_configured(self, va: Vattr) -> None:
        """Have the kernel trust attributes for as long as ``init_with_config`` has said meanwhile."""
        if self.config.attr_timeout != self._settled.attr_timeout:
            va.ttl = self.config.attr_timeout

    # open files

    def _opened(self, handle: Any) -> Any:
        """Return what ``open`` answers: the handle, and what the program set in it or its configuration."""
        if not isinstance(handle, fuse_file_info):
            if not self._reconfigured:
                return handle
            config, settled = self.config, self._settled
            if (config.direct_io, config.kernel_cache) == (settled.direct_io, settled.kernel_cache):
                return handle
            return OpenFile(handle, bool(config.direct_io), bool(config.kernel_cache))
        return OpenFile(
            handle,
            bool(handle.direct_io) or None,
            bool(handle.keep_cache) or None,
            nonseekable=bool(handle.nonseekable),
            noflush=bool(handle.noflush) or None,
            parallel_direct_writes=bool(handle.parallel_direct_writes),
        )

    def _raw(self, name: str, call: Call, flags: int, *args: Any) -> fuse_file_info:
        info = fuse_file_info(flags=flags)
        self.program.tell(call, name, *args, info)
        return info

    def _release(self, call: Call, path: str | None, handle: Any) -> None:
        """Ask ``release``; nobody waits for it, and nobody sees an error."""
        if self._releases:
            try:
                self.program.tell(call, "release", path, handle)
            except OSError:
                return

    def _opendir(self, call: Call, path: str) -> int:
        return index(self.program.ask(call, "opendir", path)) if self.program.has("opendir") else 0

    def _releasedir(self, call: Call, path: str, handle: int) -> None:
        if self.program.has("releasedir"):
            try:
                self.program.tell(call, "releasedir", path, handle)
            except OSError:
                return


def refused(exc: OSError) -> bool:
    """Tell whether *exc* says that there is no such operation."""
    return exc.errno == errno.ENOSYS


def no_longer_so() -> OSError:
    """Return what makes the kernel look a path up again: another type of file is there now."""
    return OSError(errno.ESTALE, os.strerror(errno.ESTALE))
