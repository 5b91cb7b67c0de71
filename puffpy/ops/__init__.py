"""What a file system can be asked: the two vectors, the table behind them, and the check at mount time.

Not how a request gets here; that is ``puffpy.dispatch``.
"""

from puffpy.ops.inspect import inspect, written
from puffpy.ops.kept import Kept
from puffpy.ops.kernel import Kernel
from puffpy.ops.manner import Manner, blocking, manners
from puffpy.ops.table import OPERATIONS, OTHER_NAMES, Answer, Operation
from puffpy.ops.templates import ReadOnly
from puffpy.ops.vfsops import VfsOps
from puffpy.ops.vnodeops import VnodeOps

__all__ = [
    "OPERATIONS",
    "OTHER_NAMES",
    "Answer",
    "Kept",
    "Kernel",
    "Manner",
    "Operation",
    "ReadOnly",
    "VfsOps",
    "VnodeOps",
    "blocking",
    "inspect",
    "manners",
    "written",
]
