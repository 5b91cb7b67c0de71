"""New code for a file system that is mounted: edit, save, and the mount goes on with it.

Not a way to update what others rely on: state made by old code meets new code, and only its author can know
whether the two agree.

    sources   which files the code is in, and when they change
    fresh     the same modules, imported anew beside the old ones
    swap      objects of old classes become objects of the new ones
    reloader  all of it, when a file is saved

Theory of operation.  The modules of the file system are imported once more, under their own names, while the
old ones are still in use; if that fails, nothing has happened.  Then the classes of the new modules are put
in the place of those with the same name: every object of an old class, the vectors, nodes, open files and
what they hold, has the new class from one request to the next, and keeps its attributes.  ``__init__`` is not
run again.  An object of such a class that a module itself holds, a sentinel perhaps, stays the one it was.
Last, the routes are bound anew and the kernel is told to ask again for what it remembers.
"""

from puffpy.reload.reloader import Reloader
from puffpy.reload.swap import SwapError

__all__ = ["Reloader", "SwapError"]
