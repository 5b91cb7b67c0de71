"""Fsspecfs: whatever fsspec can reach, as a directory: object stores, archives, web servers, memory, ssh.

The reference for file systems over something slow that knows whole objects only: what it tells is kept for a
while, what is read is kept in blocks, and what is written is collected and handed over when it is complete.

    python -m filesystems.fsspecfs memory:// MNT
    python -m filesystems.fsspecfs zip://::archive.zip MNT
    python -m filesystems.fsspecfs -o ttl=60 s3://bucket/prefix MNT --storage '{"anon": true}'

From the bottom up:

===============  ============================================================
``refusals``     what a backend raises, as the errno that a program expects
``status``       what a backend tells of a file, in our own words
``backend``      one file system of fsspec's, found by its URL
``blocks``       the blocks that were read last
``contents``     a file's data: blocks, a reader, and the spool that is written to
``nodes``        the nodes that are alive, and what is kept of each
``names``        the operations on names
``data``         the operations on attributes and data
``vnodeops``     all of them together: the file system
===============  ============================================================
"""

from filesystems.fsspecfs.vnodeops import FsspecFS

__all__ = ["FsspecFS"]
