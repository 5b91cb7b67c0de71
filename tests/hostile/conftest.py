"""Fixtures: a file system served to machines, as the tests of that bridge have it."""

from tests.vhostuser.conftest import serve

__all__ = ["serve"]
