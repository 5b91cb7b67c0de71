"""Mounts that must not be looked at, because looking would wait for the one who looks.

The mount table is read here; what is done about a forbidden device is in ``nodes``.
"""

from __future__ import annotations

import re
from typing import Final

_ESCAPE: Final = re.compile(rb"\\([0-7]{3})")


def fuse_devices(top: str) -> frozenset[int]:
    """Return the devices of all FUSE mounts below *top*, as statx(2) would tell them."""
    below = top.rstrip("/").encode("utf-8", "surrogateescape") + b"/"
    found = set()
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            fields = line.split()
            mnt = _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), fields[4])
            fstype = fields[fields.index(b"-") + 1]
            if mnt.startswith(below) and fstype.startswith(b"fuse"):
                major, minor = fields[2].split(b":")
                found.add(int(major) << 32 | int(minor))
    return frozenset(found)
