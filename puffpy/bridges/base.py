"""What a bridge is: the seam between whole messages and whatever carries them.

No message is looked into here.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from typing_extensions import Buffer

from puffpy.options import MountOptions


class Bridge(Protocol):
    """Carries messages between one mounted file system and one kernel.

    A bridge owns whatever must be undone afterwards, and it is used in this order: ``attach``, then
    ``receive`` and ``send``, then ``detach`` or ``cut`` (while another thread receives), then ``close``.
    """

    name: str
    """What ``--bridge`` and error messages call it."""

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """Mount, or connect.

        Raises:
            MountError: something is missing or was refused; the message ends with what to do.
        """

    def receive(self, buffer: bytearray) -> int:
        """Wait for the next message, put it into *buffer*, return its size; 0 once the kernel has let go."""

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        """Hand over one whole message.  False: the kernel no longer wants it, which is its decision."""

    def detach(self) -> bool:
        """Unmount if nobody uses the mount; ``receive`` then returns 0.  False: it is in use."""

    def cut(self, receiver: int) -> None:
        """Have ``receive`` return 0 from now on, also the call that the thread *receiver* waits in."""

    def close(self) -> None:
        """Let go of everything, the mount included; whoever still waits for an answer fails."""


@runtime_checkable
class Listening(Protocol):
    """A bridge whose kernels come to it, one after the other: attaching waits for none of them."""

    @property
    def invitation(self) -> str:
        """What a person has to do so that one comes."""
