"""The blocks of data that were read last, of all files together.

What a block is a block of, and whether it is still right, is for those to know who ask for it.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator


class Blocks:
    """Blocks of *size* bytes, up to *room* bytes of them; whoever was not asked for longest goes first.

    Any thread may use it.
    """

    def __init__(self, size: int, room: int) -> None:
        self.size = size
        self.most = max(room // size, 1)
        self._numbers: Iterator[int] = itertools.count(1)
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def owner(self) -> int:
        """Return a number, never given before, for the data of one file as they are now."""
        return next(self._numbers)

    def get(self, owner: int, index: int) -> bytes | None:
        """Return the block *index* of *owner*, if it is kept."""
        with self._lock:
            block = self._kept.get((owner, index))
            if block is not None:
                self._kept.move_to_end((owner, index))
            return block

    def put(self, owner: int, index: int, block: bytes) -> None:
        """Keep a block."""
        with self._lock:
            self._kept[owner, index] = block
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)

    def drop(self, owner: int) -> None:
        """Keep nothing of *owner*."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == owner]:
                del self._kept[key]
