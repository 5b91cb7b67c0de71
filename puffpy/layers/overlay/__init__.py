"""Overlay: a writable tree over one that is only read.

What overlayfs does in the kernel, and in a way that it can take over: whiteouts are character devices 0:0, or
empty files marked as such where those cannot be made, and a directory that hides what is below it is opaque.

    branch      one of the two trees, and the marks that are left in the upper one
    nodes       what is seen: a file of either tree, or directories of both
    copyup      a file of the lower tree becomes one of the upper, when it is changed
    names       the operations on names
    renames     moving them
    contents    the operations on attributes and data
    told        what one of the trees tells the kernel, in terms of what is seen
    vnodeops    all of them together
"""

from puffpy.layers.overlay.vnodeops import Overlay

__all__ = ["Overlay"]
