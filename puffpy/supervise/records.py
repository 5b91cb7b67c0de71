"""What the library writes into the ledger: the tables, and the shape of a record in each.

When something is written is in ``scribe``.
"""

from __future__ import annotations

import marshal
from enum import IntEnum
from struct import Struct
from typing import Any, ClassVar, Final

import attrs
from typing_extensions import Self

from puffpy.dispatch import Terms
from puffpy.wire.flags import InitFlag


class Table(IntEnum):
    """What a record is about, and what its number is."""

    TERMS = 1
    """Number 0: what INIT has settled."""

    NAMES = 2
    """Cookie: under which name the kernel was told of it."""

    OPEN = 3
    """File handle: an open file or directory."""

    LISTINGS = 4
    """File handle: the listing of a directory that is being read."""

    BEGUN = 5
    """Unique: a request whose operation runs beside others, or a rename with the ino of what it moves."""

    ANSWERS = 6
    """Small numbers, in turn: answers of requests that must not be done twice, behind their unique."""

    KEPT = 7
    """The file system's own."""

    DESCRIPTORS = 8
    """Descriptor: it is still of use."""

    REASON = 9
    """Number 0: why the first server could not begin."""

    FORGETS = 10
    """Unique: a FORGET or BATCH_FORGET, whole; nobody sends it again."""


PLAIN: Final = (int, str, bytes, type(None))
"""Kinds of handles that mean the same to the next server."""

UNIQUE: Final = Struct("=Q")


def pack_terms(terms: Terms) -> bytes:
    """Return *terms* as bytes."""
    return marshal.dumps((terms.minor, int(terms.flags), terms.max_write, terms.max_pages, terms.no_open))


def unpack_terms(record: bytes) -> Terms:
    """Return the terms that *record* stands for."""
    minor, flags, max_write, max_pages, no_open = marshal.loads(record)
    return Terms(
        minor=minor, flags=InitFlag(flags), max_write=max_write, max_pages=max_pages, no_open=no_open
    )


@attrs.frozen
class Named:
    """A node by its name in the directory *parent*; 0 is none.

    *ino* and *kind* are what its attributes said: another file may have the name by now.
    """

    SHAPE: ClassVar[Struct] = Struct("=QQIH")

    parent: int
    ino: int
    generation: int
    kind: int
    name: bytes

    def pack(self) -> bytes:
        """Return the record."""
        return self.SHAPE.pack(self.parent, self.ino, self.generation, self.kind) + self.name

    @classmethod
    def unpack(cls, record: bytes) -> Self:
        """Return what *record* says."""
        parent, ino, generation, kind = cls.SHAPE.unpack_from(record)
        return cls(parent, ino, generation, kind, record[cls.SHAPE.size :])


@attrs.frozen
class OpenRecord:
    """An open file: of which node, opened with which *flags*, and what was answered (*bits*, *backing_id*).

    *handle* is the file system's own where it is PLAIN.
    """

    SHAPE: ClassVar[Struct] = Struct("=QIIi?")

    nodeid: int
    flags: int
    bits: int
    backing_id: int
    plain: bool
    handle: Any = None

    def pack(self) -> bytes:
        """Return the record."""
        head = self.SHAPE.pack(self.nodeid, self.flags, self.bits, self.backing_id, self.plain)
        return head + marshal.dumps(self.handle if self.plain else None)

    @classmethod
    def unpack(cls, record: bytes) -> Self:
        """Return what *record* says."""
        nodeid, flags, bits, backing_id, plain = cls.SHAPE.unpack_from(record)
        handle = marshal.loads(record[cls.SHAPE.size :])
        return cls(nodeid, flags, bits, backing_id, plain, handle)
