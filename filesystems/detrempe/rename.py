"""Rename, with all its rules: one file to itself, because it has more of them than all other operations.

Everything is checked before anything is changed, in the order in which Linux would find it out.
"""

from __future__ import annotations

import errno
import stat
import time
from typing import Final

import attrs

import puffpy
from filesystems.detrempe.nodes import Directory, Inode
from filesystems.detrempe.volume import Volume

NOREPLACE: Final = 1
EXCHANGE: Final = 2
WHITEOUT: Final = 4


@attrs.define(eq=False)
class Place:
    """A name in a directory, and the node that it leads to now, if any."""

    dvp: Directory
    name: str
    node: Inode | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.node = self.dvp.children.get(self.name)

    def fill(self, node: Inode) -> None:
        """Have the name lead to *node*, and *node*, if a directory, know where it is."""
        self.dvp.children[self.name] = node
        if isinstance(node, Directory):
            node.parent = self.dvp


def rename(volume: Volume, source: Place, target: Place, flags: int, call: puffpy.Call) -> None:
    """Move what is at *source* to *target*; *flags* are those of renameat2(2).

    Raises:
        EINVAL: the flags contradict each other, or a directory would be moved below itself.
        ENOENT: there is nothing to be moved or exchanged, or the target's directory has been removed.
        EEXIST: there is a target, with NOREPLACE.
        ENOTDIR, EISDIR: a directory would replace what is none, or the other way round.
        ENOTEMPTY: the target is a directory with something in it.
        ENOSPC: there is no room for a whiteout.
    """
    moved = _check(source, target, flags)
    if moved is target.node:
        # Two names of one file: POSIX has both stay, and nothing change.
        return
    whiteout = _whiteout(volume, call) if flags & WHITEOUT else None
    now = time.time_ns()
    if flags & EXCHANGE:
        assert target.node is not None
        _exchange(source, target, moved, target.node, now)
    else:
        _move(volume, source, target, moved, now)
    if whiteout is not None:
        source.fill(whiteout)
    source.dvp.touch(now)
    target.dvp.touch(now)
    moved.vattr.ctime_ns = now


def _check(source: Place, target: Place, flags: int) -> Inode:
    """Return what is to be moved, or raise the first reason against it."""
    moved, replaced = source.node, target.node
    if flags & ~(NOREPLACE | EXCHANGE | WHITEOUT) or (flags & EXCHANGE and flags != EXCHANGE):
        raise puffpy.FsError(errno.EINVAL)
    if moved is None or not target.dvp.vattr.nlink:
        raise puffpy.FsError(errno.ENOENT)
    if replaced is not None and flags & NOREPLACE:
        raise puffpy.FsError(errno.EEXIST)
    if replaced is None and flags & EXCHANGE:
        raise puffpy.FsError(errno.ENOENT)
    if _above(moved, target.dvp):
        raise puffpy.FsError(errno.EINVAL)
    if replaced is not None and _above(replaced, source.dvp):
        raise puffpy.FsError(errno.EINVAL if flags & EXCHANGE else errno.ENOTEMPTY)
    if replaced is not None and replaced is not moved and not flags & EXCHANGE:
        _check_replacing(moved, replaced)
    return moved


def _check_replacing(moved: Inode, replaced: Inode) -> None:
    if isinstance(replaced, Directory):
        if not isinstance(moved, Directory):
            raise puffpy.FsError(errno.EISDIR)
        if replaced.children:
            raise puffpy.FsError(errno.ENOTEMPTY)
    elif isinstance(moved, Directory):
        raise puffpy.FsError(errno.ENOTDIR)


def _above(node: Inode, dvp: Directory) -> bool:
    """Tell whether *dvp* is *node* or below it."""
    if not isinstance(node, Directory):
        return False
    while dvp is not node and dvp.parent is not dvp:
        dvp = dvp.parent
    return dvp is node


def _whiteout(volume: Volume, call: puffpy.Call) -> Inode:
    """Return a new node of the kind that says "removed" in a layered file system."""
    now = time.time_ns()
    node = Inode(puffpy.Vattr(stat.S_IFCHR, 1, call.uid, call.gid, 0, now, now, now, now))
    volume.admit(node)
    return node


def _exchange(source: Place, target: Place, moved: Inode, other: Inode, now: int) -> None:
    _recount(source.dvp, moved, other)
    _recount(target.dvp, other, moved)
    target.fill(moved)
    source.fill(other)
    other.vattr.ctime_ns = now


def _move(volume: Volume, source: Place, target: Place, moved: Inode, now: int) -> None:
    replaced = target.node
    _recount(source.dvp, moved, None)
    _recount(target.dvp, replaced, moved)
    # In this order: the two names may be in one directory, which must not be found empty in between.
    target.fill(moved)
    source.dvp.drop(source.name)
    if replaced is not None:
        bury(volume, replaced, now)


def _recount(dvp: Directory, before: Inode | None, after: Inode | None) -> None:
    """Count the ``..`` of a child that goes and of one that comes among the links of *dvp*."""
    dvp.vattr.nlink += isinstance(after, Directory) - isinstance(before, Directory)


def bury(volume: Volume, node: Inode, now: int) -> None:
    """Note that one name of *node* is gone, or, of a directory, the only one."""
    va = node.vattr
    va.nlink = 0 if isinstance(node, Directory) else va.nlink - 1
    va.ctime_ns = now
    if not va.nlink:
        volume.lost_name(node)
