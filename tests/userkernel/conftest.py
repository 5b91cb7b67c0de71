"""The kernels that tests of this room use; each must have given everything back when its test is over."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from filesystems.detrempe import Detrempe
from puffpy.options import MountOptions
from puffpy.userkernel import UserKernel


@attrs.define
class Clock:
    """A clock that stands still until it is told to go on."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ended(kernel: UserKernel) -> None:
    """End *kernel*, and see that nothing is left."""
    kernel.unmount()
    assert kernel.balance().zero, kernel.balance()


@pytest.fixture
def kernel() -> Iterator[UserKernel]:
    """A kernel over a complete file system, which checks permissions itself."""
    options = attrs.evolve(Detrempe.options, default_permissions=True)
    made = UserKernel.over(Detrempe(), options=options)
    yield made
    ended(made)


@pytest.fixture
def unchecked() -> Iterator[UserKernel]:
    """A kernel that leaves permissions to the server."""
    options = attrs.evolve(Detrempe.options, default_permissions=False)
    made = UserKernel.over(Detrempe(), options=options)
    yield made
    ended(made)


__all__ = ["Clock", "MountOptions", "ended"]
