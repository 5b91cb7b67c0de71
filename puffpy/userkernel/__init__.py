"""A kernel in user space: the other half of the conversation, so that a file system needs no mount.

Not here: a file system, a test, or the machine's own kernel.

    link, session_link, descriptor_link   ways to a server
    negotiate, connection                 INIT; a request out and its reply back
    inodes, dentries, counts              what is known of the server's nodes and names, and for how long
    notices                               what the server tells unasked
    processes, permissions, walk          who calls, what they may, where a path leads
    machine                               what every system call works with
    names, renames, attributes, files, data, extents, directories, locks, xattrs, devices
                                          the system calls, by subject
    streams                               file objects
    kernel                                all of it together: start here
"""

from puffpy.userkernel.descriptor_link import DescriptorLink
from puffpy.userkernel.kernel import UserKernel
from puffpy.userkernel.link import Link
from puffpy.userkernel.machine import Balance, Mount
from puffpy.userkernel.negotiate import Offer, Terms
from puffpy.userkernel.processes import Process
from puffpy.userkernel.session_link import SessionLike, SessionLink

__all__ = [
    "Balance",
    "DescriptorLink",
    "Link",
    "Mount",
    "Offer",
    "Process",
    "SessionLike",
    "SessionLink",
    "Terms",
    "UserKernel",
]
