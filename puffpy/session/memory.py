"""What a session remembers beyond its own life, so that another one can go on where it was cut off.

Where that is kept, and what exactly, is the affair of whoever implements it (``puffpy.supervise``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from puffpy.dispatch import Binding, Bound, Terms
from puffpy.dispatch.binding import own_vattr
from puffpy.nodes import Handles, NodeTable
from puffpy.types import Call, ComponentName, Entry, OpenFile


class Memory(Protocol):
    """The memory of one session."""

    @property
    def terms(self) -> Terms | None:
        """What an earlier session has settled with the kernel; None: there was none."""

    def settled(self, terms: Terms) -> None:
        """The kernel was told *terms*."""

    def over(self, routes: Mapping[int, Bound], nodes: NodeTable, handles: Handles) -> dict[int, Bound]:
        """Return *routes* with every answer written down."""

    def restore(
        self,
        by_handle: Callable[[int], Any] | None,
        lookup: Callable[[Any, str], Any],
        attributes: Callable[[Any], Any],
        reopen: Callable[[Any, int], Any],
    ) -> None:
        """Bring back the nodes and open files of the earlier session, by what the file system is asked.

        Args:
            by_handle: A file id to a node, where the file system can do that.
            lookup: A directory and a name to a node.
            attributes: A node to its attributes.
            reopen: A node and flags to what its open files have as their handle.
        """


Through = Callable[[str, Callable[..., Any]], Callable[..., Any]]
"""From the name of an operation and the operation to what runs it to its end."""


def restore(memory: Memory, b: Binding, through: Through) -> None:
    """Have *memory* bring back what the file system of *b* can find again; as root, whoever it was for."""
    call = Call(0, 0, 0)
    find, begin = through("lookup", b.vnodeops.lookup), through("open", b.vnodeops.open)
    attributes = through("getattr", b.vnodeops.getattr) if "getattr" in b.written else own_vattr

    def lookup(parent: Any, name: str) -> Any:
        found = find(parent, ComponentName(name), call)
        return found.node if type(found) is Entry else found

    def reopen(node: Any, flags: int) -> Any:
        answer = begin(node, flags, call) if "open" in b.written else None
        return answer.handle if type(answer) is OpenFile else answer

    by_handle = b.vfsops.fhtonode if "fhtonode" in b.written else None
    memory.restore(by_handle, lookup, lambda node: attributes(node, call), reopen)
