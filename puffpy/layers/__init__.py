"""Layers: file systems made of file systems, each a vector over the vector below it.

Not a way to reach a kernel, and no file system by itself: there is always one at the bottom.

    base        the layer that passes everything on; piles of them: start here
    hooks       what is done before and after an operation
    registry    layers by name, as ``--layer`` gives them

    readonly    nothing is changed              faults      errors, delays, short reads and writes
    filter      names that are not seen         cache       a slow file system asked less often (store)
    naming      names that are others below     quota       how much there may be
    trace       one line per operation (paths)  overlay     a writable tree over one that is only read
"""

from puffpy.layers.base import Hooks, Layer, stack
from puffpy.layers.cache import Cache
from puffpy.layers.faults import Fault, Faults
from puffpy.layers.filter import Filter
from puffpy.layers.hooks import Asked, Instead, Outcome, Wait, post, pre
from puffpy.layers.naming import RenameNames
from puffpy.layers.overlay import Overlay
from puffpy.layers.quota import Quota
from puffpy.layers.readonly import ReadOnlyLayer
from puffpy.layers.registry import described, layered, named, names
from puffpy.layers.trace import Trace

__all__ = [
    "Asked",
    "Cache",
    "Fault",
    "Faults",
    "Filter",
    "Hooks",
    "Instead",
    "Layer",
    "Outcome",
    "Overlay",
    "Quota",
    "ReadOnlyLayer",
    "RenameNames",
    "Trace",
    "Wait",
    "described",
    "layered",
    "named",
    "names",
    "post",
    "pre",
    "stack",
]
