"""``python -m filesystems.fsspecfs URL MNT``: mounts it.

What it does is in ``vnodeops``.
"""

import puffpy
from filesystems.fsspecfs import FsspecFS

puffpy.main(FsspecFS)
