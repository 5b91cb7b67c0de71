"""Device numbers: 32 bits on the wire, ``os.makedev``'s in Python.

The kernel's encoding (include/linux/kdev_t.h, new_encode_dev) has room for 12 bits of major and 20 of minor.
"""

import os

from puffpy.errors import WireError

MAX_MAJOR = 0xFFF
MAX_MINOR = 0xFFFFF


def encode_rdev(rdev: int) -> int:
    """Return the kernel's word for the device number *rdev*; :class:`WireError` if it does not fit."""
    if not rdev:
        return 0
    major, minor = os.major(rdev), os.minor(rdev)
    if not (rdev > 0 and major <= MAX_MAJOR and minor <= MAX_MINOR):
        raise WireError(f"device {major}:{minor} does not fit; the protocol goes to {MAX_MAJOR}:{MAX_MINOR}")
    return (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)


def decode_rdev(word: int) -> int:
    """Return the device number, as ``st_rdev`` has it, of the kernel's *word*."""
    return os.makedev((word >> 8) & MAX_MAJOR, (word & 0xFF) | ((word >> 12) & ~0xFF & MAX_MINOR))
