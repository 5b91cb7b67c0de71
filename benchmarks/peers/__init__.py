"""The same small in-memory file system, once for each library it is measured on.

Nothing here imports the harness.  Each ``*_memfs.py`` is a program that serves until it is unmounted, written
against its library's ordinary public interface: ``python -m benchmarks.peers.NAME MOUNTPOINT``.  ``memory``
is the tree that the Python ones share, ``bare`` the one without a library, ``memfs_ll.c`` the one in C.

Each caches nothing in the kernel (times to live of 0) and opens every file for direct I/O.
"""
