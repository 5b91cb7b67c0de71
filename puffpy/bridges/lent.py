"""A mounted ``/dev/fuse`` that belongs to another process, which shares its descriptors with this one.

Mounting and unmounting are that process's affair: whatever happens here, the mount stays.
"""

from __future__ import annotations

from puffpy.bridges.devfuse import DevFuse
from puffpy.options import MountOptions


class LentDevice(DevFuse):
    """The device of *owner*."""

    name = "lent"

    def __init__(self, owner: DevFuse) -> None:
        super().__init__()
        self.fd, self.mountpoint = owner.fd, owner.mountpoint

    def attach(self, _mountpoint: str, options: MountOptions) -> None:
        """Nothing is to be mounted."""
        self._poll_as(options)

    def detach(self) -> bool:
        """Unmounting is the owner's affair."""
        return False

    def cut(self, receiver: int) -> None:
        """So is this."""

    def close(self) -> None:
        """The descriptor is the owner's as well."""
