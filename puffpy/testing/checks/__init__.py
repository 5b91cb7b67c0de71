"""What a file system promises, one function a promise, one file a subject.

Nothing is judged here: ``catalogue`` collects the promises, ``conformance`` tries them.

The promises are what POSIX says, as Linux has it, of the operations that a file system has.  Each is tried by
system calls alone, so that it says what a program would see, and not how an operation came by it.  Where a
kernel may remember an answer, it is made to forget it first (``drop_caches``): then the file system is asked.

=================  ==========================================================
``looking``        listing, finding, describing and reading agree; for read-only file systems too
``refusals``       what a file system without some operations says
``names``          every byte, every length; what is there and what is not
``kinds``          what makes and removes nodes: files, directories, fifos, devices
``attributes``     mode, owner, size, figures
``times``          what moves which time
``links``          symbolic and hard links, link counts
``rename``         the matrix of what may replace what
``identity``       a node stays the same node: when renamed, removed, forgotten
``data``           reading, writing, cutting, far offsets
``extents``        holes, reserved ranges, copies
``directories``    listings, also of a directory that changes meanwhile
``xattrs``         extended attributes
``permissions``    what several users may do to each other
``locks``          locks, where the file system keeps them
``life``           what is left when everything is over
=================  ==========================================================
"""

__all__: list[str] = []
