"""What opens a file, for OPEN, CREATE and TMPFILE alike: flags, truncation, passthrough, the open file kept.

How the node is found or made is the handlers' business.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

from puffpy.dispatch.binding import Binding
from puffpy.dispatch.parking import Parked
from puffpy.errors import FsError
from puffpy.nodes import NO_HANDLE, Opened, Vnode
from puffpy.types import Call, Entry, OpenFile, SetAttr
from puffpy.wire.flags import OpenIn, OpenOut

Opening = Callable[[Vnode, Any, int, int, Call], tuple[int, int, int]]

Dropping = Callable[[Any, Call], None]

FACCMODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
KILL_SUIDGID = int(OpenIn.KILL_SUIDGID)
DIRECT_IO, KEEP_CACHE, PASSTHROUGH = int(OpenOut.DIRECT_IO), int(OpenOut.KEEP_CACHE), int(OpenOut.PASSTHROUGH)
NOFLUSH, NONSEEKABLE, STREAM = int(OpenOut.NOFLUSH), int(OpenOut.NONSEEKABLE), int(OpenOut.STREAM)
PARALLEL_DIRECT_WRITES = int(OpenOut.PARALLEL_DIRECT_WRITES)


def refused_flags(b: Binding) -> int:
    """Return the ways of opening that nobody is granted: for writing, where ``write`` is left out."""
    return 0 if b.op("write") else FACCMODE


def opening(b: Binding) -> Opening:
    """Return what opens a node: (vnode, create's answer, flags, open_flags, call) -> OPEN's three numbers.

    ``O_TRUNC`` and the clearing of set-uid bits that may come with it are turned into a ``setattr``, so that
    a file system cuts its data in one place.
    """
    open_file, close = b.op("open"), b.op("close")
    truncate = _truncating(b)
    refused = refused_flags(b)
    handles, nodes, backings = b.handles, b.nodes, b.backings
    bits_of = _open_bits(b)
    silent = b.terms.no_open

    def begin(vnode: Vnode, answer: Any, flags: int, open_flags: int, call: Call) -> tuple[int, int, int]:
        if flags & refused:
            raise FsError(errno.EROFS, f"{b.name} has no write")
        answered = answer.opened if type(answer) is Entry else None
        if answered is None and open_file is not None:
            answered = open_file(vnode.node, flags & ~os.O_TRUNC, call)
        handle = answered.handle if type(answered) is OpenFile else answered
        if flags & os.O_TRUNC:
            call.handle = handle
            try:
                truncate(vnode.node, open_flags, call)
            except Parked:
                raise
            except BaseException:
                if close is not None:
                    close(vnode.node, flags, call)
                raise
        bits = bits_of(answered)
        if silent:
            return NO_HANDLE, bits, 0
        nodes.opened(vnode)
        opened = Opened(vnode, handle, flags)
        if backings is None:
            return handles.add(opened), bits, 0
        fd = answered.backing if type(answered) is OpenFile else None
        backing_id = backings.begin(opened, fd, direct=bool(bits & DIRECT_IO))
        if backing_id:
            # The kernel refuses companions that speak of its own cache (fuse_file_io_open).
            bits = (bits | PASSTHROUGH) & ~KEEP_CACHE
        return handles.add(opened), bits, backing_id

    return begin


def dropping(b: Binding) -> Dropping:
    """Return what closes a file that was made open, where its open file goes to nobody: (answer, call)."""
    close = b.op("close")

    def drop(answer: Any, call: Call) -> None:
        answered = answer.opened if type(answer) is Entry else None
        if answered is None or close is None:
            return
        call.handle = answered.handle if type(answered) is OpenFile else answered
        try:
            close(answer.node, 0, call)
        except OSError:
            pass  # as with every close: nobody waits for it
        call.handle = None

    return drop


def _truncating(b: Binding) -> Callable[[Any, int, Call], None]:
    setattr_ = b.must("setattr")

    def truncate(node: Any, open_flags: int, call: Call) -> None:
        kill = bool(open_flags & KILL_SUIDGID)
        change = SetAttr(size=0, mtime_now=True, kill_suidgid=kill)
        setattr_(node, change.at(change.ctime_ns), call)

    return truncate


def _open_bits(b: Binding) -> Callable[[Any], int]:
    direct = DIRECT_IO if b.options.direct_io else 0
    # auto_cache: with AUTO_INVAL_DATA.
    keep = KEEP_CACHE if b.options.kernel_cache or b.options.auto_cache else 0
    noflush = NOFLUSH if b.op("flush") is None and b.op("advlock") is None else 0

    def of(opened: Any) -> int:
        if type(opened) is not OpenFile:
            return (direct or keep) | noflush
        bits = _chosen(opened.direct_io, DIRECT_IO, direct) or _chosen(opened.keep_cache, KEEP_CACHE, keep)
        if opened.noflush is not False:
            bits |= noflush
        if opened.nonseekable:
            bits |= NONSEEKABLE
        if opened.stream:
            bits |= STREAM
        if opened.parallel_direct_writes:
            bits |= PARALLEL_DIRECT_WRITES
        return bits

    return of


def _chosen(wish: bool | None, bit: int, usual: int) -> int:
    """Return *bit* or none, as the file system wishes; where it does not say, what is usual."""
    if wish is None:
        return usual
    return bit if wish else 0
