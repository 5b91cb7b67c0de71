"""``python -m filesystems.tunnel DIR MNT``: mounts it.

What it does is in ``vnodeops``.
"""

import resource

import puffpy
from filesystems.tunnel import TunnelFS
from filesystems.tunnel.supervised import supervised

# The process is ours: it may hold as many descriptors as the system lets it.
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

puffpy.main(TunnelFS, supervised=supervised)
