"""Mixins that refuse for a reason, for file systems that want another answer than the table's.

Put one before ``VnodeOps`` in the bases: ``class Archive(ReadOnly, VnodeOps)``.
"""

from __future__ import annotations

import errno
from typing import Any, NoReturn

from puffpy.errors import FsError
from puffpy.ops.vnodeops import VnodeOps


def _refuse(code: int) -> NoReturn:
    raise FsError(code)


class ReadOnly(VnodeOps):
    """Nothing can be changed: every operation that would says EROFS, as on a read-only medium."""

    def create(self, dvp: Any, cn: Any, va: Any, call: Any) -> Any:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def mknod(self, dvp: Any, cn: Any, va: Any, call: Any) -> Any:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def mkdir(self, dvp: Any, cn: Any, va: Any, call: Any) -> Any:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def symlink(self, dvp: Any, cn: Any, va: Any, target: Any, call: Any) -> Any:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def link(self, dvp: Any, vp: Any, cn: Any, call: Any) -> Any:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: Any, call: Any) -> None:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def remove(self, dvp: Any, cn: Any, call: Any) -> None:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def rmdir(self, dvp: Any, cn: Any, call: Any) -> None:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def setattr(self, vp: Any, change: Any, call: Any) -> Any:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def setextattr(self, vp: Any, name: Any, value: Any, flags: Any, call: Any) -> None:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)

    def deleteextattr(self, vp: Any, name: Any, call: Any) -> None:
        """Refuse with EROFS."""
        _refuse(errno.EROFS)
