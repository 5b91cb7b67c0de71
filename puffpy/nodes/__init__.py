"""What is alive: nodes by cookie with their lookup counts, and open files by handle.

Not what a node can do, and not what a request means.
"""

from puffpy.nodes.commons import Commons
from puffpy.nodes.handles import NO_HANDLE, Handles, Opened
from puffpy.nodes.table import ROOT_COOKIE, UNKNOWN_KIND, NodeTable, Vnode

__all__ = ["NO_HANDLE", "ROOT_COOKIE", "UNKNOWN_KIND", "Commons", "Handles", "NodeTable", "Opened", "Vnode"]
