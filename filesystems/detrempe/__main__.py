"""``python -m filesystems.detrempe MNT``: mounts it.

What it does is in ``vnodeops``.
"""

import puffpy
from filesystems.detrempe import Detrempe

puffpy.main(Detrempe)
