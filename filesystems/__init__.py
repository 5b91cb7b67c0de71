"""File systems written with puffpy: each small, each of use, each a test subject.

Nothing here reaches behind the front doors: what these files import is what
anybody's file system may import.

======================  =====================================================
``filesystems.detrempe``  a complete POSIX file system in memory
``filesystems.demo``      a session on detrempe, replayed and checked
======================  =====================================================
"""
