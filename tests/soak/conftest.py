"""The fixtures of the mounted tests, which a soak is."""

from __future__ import annotations

from tests.mounted.conftest import fuse_device, mnt, program, root, start, user

__all__ = ["fuse_device", "mnt", "program", "root", "start", "user"]
