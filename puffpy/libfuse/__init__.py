"""A way to a kernel through libfuse's high-level interface, for where ``/dev/fuse`` itself cannot be used.

Slower than the kernel's own protocol, and with less of it: what libfuse leaves out is in the documentation.

    bridge     the bridge: mounts, carries messages, unmounts; start here
    callbacks  what libfuse calls, by path
    locks      locks, and those who wait for them
    kernel     the user kernel that walks these paths
    link       messages from the kernel to the bridge and back
    binding    fusepy or mfusepy, whichever is installed
    words      the options of a mount in libfuse's words
    signals    libfuse's signal handlers, taken away again

Theory of operation.  The bridge's contract is whole messages; libfuse calls functions with paths, on threads
of its own.  So a user kernel stands in between: each callback is a system call of a process with the caller's
ids, which becomes messages, which the server's loop receives from the bridge and answers as it answers any
kernel's.  Names and attributes are remembered by the user kernel, for as long as the file system says, and
not by the system's kernel, because libfuse can neither pass on the times to live nor the notifications.
"""

from puffpy.libfuse.bridge import Libfuse

__all__ = ["Libfuse"]
