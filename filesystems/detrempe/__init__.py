"""Detrempe: a complete POSIX file system in memory, and the library's reference.

Nothing here is kept anywhere: what is not copied out is gone with the server.

    python -m filesystems.detrempe MNT
    python -m filesystems.detrempe -o size=1G,inodes=100000 MNT
    python -m filesystems.detrempe -o passthrough=no MNT

From the bottom up:

===============  ==============================================================
``room``         pages: what there is, what is taken
``chunk``        one stretch of data, with a map of its pages
``data``         a file's data: chunks, and holes between them
``xattrs``       a node's extended attributes
``nodes``        file, directory, symbolic link, and what has attributes alone
``numbers``      nodes by number
``volume``       all nodes, the root, the limits
``rename``       the rules of rename
``names``        the operations on names
``contents``     the operations on attributes and data
``vnodeops``     the two together: the file system
``vfsops``       the operations on the mount
``tmpfs``        where data are that the kernel reads and writes by itself
``backed``       a file with its data there
``passthrough``  the file system with such files, as the command line has it
``outliving``    the file system in a tmpfs that outlives the server
``supervised``   what the command line has for that (--supervise)
===============  ==============================================================
"""

from filesystems.detrempe.supervised import supervised
from filesystems.detrempe.vfsops import DetrempeVfs
from filesystems.detrempe.vnodeops import Detrempe

__all__ = ["Detrempe", "DetrempeVfs", "supervised"]
