"""A mounted ``/dev/fuse`` that belongs to another process, which shares its descriptors with this one.

Mounting and unmounting are that process's affair: whatever happens here, the mount stays.
"""

from __future__ import annotations

from puffpy.bridges.devfuse import DevFuse
from puffpy.options import MountOptions


class LentDevice(DevFuse):
    """The device of *owner*.

    Messages land, as far as there is room, in *landing*, which may outlive this process: what the kernel says
    once and then holds to be known must not go with whoever read it.
    """

    name = "lent"

    def __init__(self, owner: DevFuse, landing: memoryview) -> None:
        super().__init__()
        self.fd, self.mountpoint = owner.fd, owner.mountpoint
        self._landing = landing

    def attach(self, _mountpoint: str, options: MountOptions) -> None:
        """Nothing is to be mounted."""
        self._poll_as(options)

    def receive(self, buffer: bytearray) -> int:
        """Read the next message, by way of the landing."""
        landing = self._landing
        room = len(landing)
        size = self._receive_into((landing, memoryview(buffer)[room:]))
        landed = size if size < room else room
        buffer[:landed] = landing[:landed]
        return size

    def detach(self) -> bool:
        """Unmounting is the owner's affair."""
        return False

    def cut(self, receiver: int) -> None:
        """So is this."""

    def close(self) -> None:
        """The descriptor is the owner's as well."""
