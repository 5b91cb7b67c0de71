"""A new server's nodes and open files, from what the ledger says of the last one's.

Nothing is written here.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from puffpy.dispatch.listing import Listing
from puffpy.errors import FsError
from puffpy.nodes import Handles, NodeTable, Opened
from puffpy.supervise.ledger import Ledger
from puffpy.supervise.records import UNIQUE, Named, OpenRecord, Table
from puffpy.wire import unpack_dirents
from puffpy.wire.flags import OpenOut
from puffpy.wire.structs import DIRENT

log = logging.getLogger("puffpy")

ALIGNMENT: Final = 8
"""Directory records begin at multiples of this."""

ONLY_ONCE: Final = os.O_CREAT | os.O_EXCL | os.O_TRUNC
"""What opening a file for a second time must not mean again."""


class Find:
    """Finds the nodes of cookies that an earlier server gave out, when they are named.

    *by_handle* is ``fhtonode`` where there is one; what it does not know is looked for by its name, with
    *lookup* (parent node, name), and taken if *attributes* say that it is the same.
    """

    def __init__(
        self,
        nodes: NodeTable,
        names: Mapping[int, Named],
        by_handle: Callable[[int], Any] | None,
        lookup: Callable[[Any, str], Any],
        attributes: Callable[[Any], Any],
    ) -> None:
        self._nodes, self._names = nodes, names
        self._by_handle, self._lookup, self._attributes = by_handle, lookup, attributes

    def find(self, cookie: int) -> tuple[Any, int, int]:
        """Return the node of *cookie*, its generation and its type (``mode >> 12``).

        Raises:
            ESTALE: it cannot be found.
        """
        named = self._names.get(cookie)
        if named is None:
            raise FsError(errno.ESTALE, f"the kernel named cookie {cookie}, of which nothing is known")
        node = self._found_by_handle(cookie)
        if node is None:
            node = self._found_by_name(cookie, named)
        return node, named.generation, named.kind

    def _found_by_handle(self, cookie: int) -> Any:
        if self._by_handle is None:
            return None
        try:
            return self._by_handle(cookie)
        except OSError:
            return None

    def _found_by_name(self, cookie: int, named: Named) -> Any:
        if not named.parent:
            raise FsError(errno.ESTALE, f"cookie {cookie} has no name to be found by")
        for above in reversed(self._unknown_above(cookie, named)):
            self._nodes.cookies[above]  # finds it: from the top down, for a tree may be deeper than the stack
        parent = self._nodes.cookies[named.parent].node
        try:
            node = self._lookup(parent, named.name.decode("utf-8", "surrogateescape"))
        except OSError as exc:
            raise FsError(errno.ESTALE, f"cookie {cookie} is not found by its name: {exc}") from exc
        va = self._attributes(node)
        # A number that the library has made up is the cookie itself.
        if va is None or va.mode >> 12 != named.kind or (va.ino or cookie) != named.ino:
            raise FsError(errno.ESTALE, f"another file has the name of cookie {cookie} by now")
        return node

    def _unknown_above(self, cookie: int, named: Named) -> list[int]:
        """Return the directories above *cookie*, the nearest first, that have to be found by name as well."""
        found: dict[int, None] = {}
        above: Named | None = named
        while above is not None and above.parent and above.parent not in self._nodes.cookies:
            if above.parent == cookie or above.parent in found:
                raise FsError(errno.ESTALE, f"the names above cookie {cookie} run in a circle")
            if self._found_by_handle(above.parent) is not None:
                break
            found[above.parent] = None
            above = self._names.get(above.parent)
        return list(found)


def restore_files(
    ledger: Ledger, nodes: NodeTable, handles: Handles, reopen: Callable[[Any, int], Any]
) -> None:
    """Bring back all open files; one that cannot be is logged, and its users get EBADF."""
    handles.resume(ledger.highest(Table.OPEN) + 1)
    for fh, packed in list(ledger.table(Table.OPEN).items()):
        record = OpenRecord.unpack(packed)
        try:
            vnode = nodes.cookies[record.nodeid]
            opened = Opened(vnode, record.handle, record.flags)
            if record.flags & os.O_DIRECTORY:
                opened.listing = _listing(ledger.table(Table.LISTINGS).get(fh), vnode.stamp)
            elif not record.plain:
                opened.handle = reopen(vnode.node, record.flags & ~ONLY_ONCE)
        except OSError as exc:
            log.error("an open file of node %d is lost with its server: %s", record.nodeid, exc)
            continue
        if record.bits & OpenOut.PASSTHROUGH:
            opened.backed = True
            vnode.backing_id = record.backing_id
            vnode.nbacked += 1
        elif not record.bits & OpenOut.DIRECT_IO and not record.flags & os.O_DIRECTORY:
            opened.cached = True
            vnode.ncached += 1
        nodes.opened(vnode)
        handles.adopt(fh, opened)


def _listing(record: bytes | None, stamp: int) -> Listing | None:
    """Return what was being read of a directory, with names alone: nodes are looked up."""
    if record is None:
        return None
    (number,) = UNIQUE.unpack_from(record)
    records = record[UNIQUE.size :]
    ends = [0]
    for entry in unpack_dirents(records):
        size = DIRENT.size + len(entry.name)
        ends.append(ends[-1] + size + -size % ALIGNMENT)
    return Listing(records, ends, [None] * (len(ends) - 1), stamp, number)
