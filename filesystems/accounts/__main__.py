"""``python -m filesystems.accounts MNT``: mounts it.

What it does is in ``vnodeops``.
"""

import puffpy
from filesystems.accounts import AccountsFS

puffpy.main(AccountsFS)
