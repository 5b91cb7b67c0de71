"""Moving a name from one directory to another, or exchanging two: all of it happens in the upper tree.

What else is done with names is in ``names``.
"""

from __future__ import annotations

import errno
from typing import Final

from puffpy.errors import FsError
from puffpy.layers.overlay.branch import NOBODY
from puffpy.layers.overlay.names import Names
from puffpy.layers.overlay.nodes import Node
from puffpy.types import Call, ComponentName

NOREPLACE: Final = 1
EXCHANGE: Final = 2


class Renames(Names):
    """Names that are moved."""

    def rename(
        self, fdvp: Node, fcn: ComponentName, tdvp: Node, tcn: ComponentName, flags: int, call: Call
    ) -> None:
        """Within the upper tree.

        A directory of which something is in the lower tree would have to be copied with all that is in it:
        EXDEV, at which mv(1) does that.
        """
        if flags & ~(NOREPLACE | EXCHANGE) or flags == NOREPLACE | EXCHANGE:
            raise FsError(errno.EINVAL)
        moved = self._there(fdvp, fcn.name)
        other = self._child(tdvp, tcn.name)
        if other is not None and flags & NOREPLACE:
            raise FsError(errno.EEXIST)
        if tdvp.gone or (other is None and flags & EXCHANGE):
            raise FsError(errno.ENOENT)
        if other is moved:
            return
        if moved.is_dir and moved.lower is not None:
            raise FsError(errno.EXDEV)
        if flags & EXCHANGE:
            assert other is not None
            self._exchange(fdvp, fcn, tdvp, tcn, moved, other, call)
        else:
            self._move(fdvp, fcn, tdvp, tcn, moved, other, call)

    def _named_above(self, dvp: Node, cn: ComponentName, node: Node) -> None:
        """Have *node* its name *cn* in the upper tree."""
        upper = self._raise(node)
        directory = self._raise(dvp)
        if self.upper.find(directory, cn.name) is None:
            self.upper.vnodeops.link(directory, upper, cn, NOBODY)
            node.elsewhere -= 1

    def _move(
        self,
        fdvp: Node,
        fcn: ComponentName,
        tdvp: Node,
        tcn: ComponentName,
        moved: Node,
        other: Node | None,
        call: Call,
    ) -> None:
        if other is not None:
            if other.is_dir and not moved.is_dir:
                raise FsError(errno.EISDIR)
            if moved.is_dir and not other.is_dir:
                raise FsError(errno.ENOTDIR)
            if other.is_dir:
                self._check_empty(other)
        self._named_above(fdvp, fcn, moved)
        source, target = self._raise(fdvp), self._raise(tdvp)
        if moved.is_dir:
            self._check_no_loop(moved, tdvp)
            self._cover(tdvp, tcn.name, moved.upper)
        uncovered = self._uncover(target, tcn)
        if other is not None and other.is_dir:
            self._clear(other)
        try:
            self.upper.vnodeops.rename(source, fcn, target, tcn, 0, call)
        except BaseException:
            if uncovered:
                self.upper.whiteout(target, tcn.name)
            raise
        if self._covered(fdvp, fcn.name):
            self.upper.whiteout(source, fcn.name)
        if other is not None:
            self._replaced(other)
        moved.parent, moved.name = tdvp, tcn.name

    def _replaced(self, other: Node) -> None:
        if other.is_dir:
            other.gone = True
        else:
            self._lost(other)

    def _check_no_loop(self, moved: Node, dvp: Node) -> None:
        above: Node | None = dvp
        while above is not None:
            if above is moved:
                raise FsError(errno.EINVAL)
            above = above.parent

    def _exchange(
        self,
        fdvp: Node,
        fcn: ComponentName,
        tdvp: Node,
        tcn: ComponentName,
        moved: Node,
        other: Node,
        call: Call,
    ) -> None:
        if other.is_dir and other.lower is not None:
            raise FsError(errno.EXDEV)
        self._named_above(fdvp, fcn, moved)
        self._named_above(tdvp, tcn, other)
        if moved.is_dir:
            self._check_no_loop(moved, tdvp)
            self._cover(tdvp, tcn.name, moved.upper)
        if other.is_dir:
            self._check_no_loop(other, fdvp)
            self._cover(fdvp, fcn.name, other.upper)
        self.upper.vnodeops.rename(fdvp.upper, fcn, tdvp.upper, tcn, EXCHANGE, call)
        moved.parent, moved.name, other.parent, other.name = tdvp, tcn.name, fdvp, fcn.name
