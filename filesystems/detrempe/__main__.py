"""``python -m filesystems.detrempe MNT``: mounts it.

What it does is in ``vnodeops``, and what the kernel does of it in ``passthrough``.
"""

import resource

import puffpy
from filesystems.detrempe.passthrough import detrempe
from filesystems.detrempe.supervised import supervised

# The process is ours: it may hold as many descriptors as the system lets it.
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

puffpy.main(detrempe, supervised=supervised)
