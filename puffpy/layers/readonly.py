"""Read-only: nothing below is changed.

Who may read what is not decided here.
"""

from __future__ import annotations

import attrs

from puffpy.layers.base import Layer
from puffpy.ops import ReadOnly, VnodeOps


class ReadOnlyLayer(ReadOnly, Layer):
    """Refuse whatever would change anything, with EROFS, and mount read-only.

    Reads are passed on, and so is passthrough: a file is open for reading alone.
    """

    leaves_out = frozenset({"write", "fallocate", "fdiscard", "copy_file_range", "tmpfile"})

    def __init__(self, below: VnodeOps) -> None:
        super().__init__(below)
        self.options = attrs.evolve(self.options, ro=True)
