"""A kernel in user space over a pile of layers, unmounted at the end with nothing left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

import puffpy
from puffpy.layers import stack
from puffpy.userkernel import UserKernel

Piled = Callable[..., UserKernel]


@pytest.fixture
def piled() -> Iterator[Piled]:
    """Return a function that stacks layers on a file system and mounts it in user space."""
    with ExitStack() as mounted:

        def pile(base: puffpy.VnodeOps, *layers: Callable[[puffpy.VnodeOps], puffpy.VnodeOps]) -> UserKernel:
            return mounted.enter_context(UserKernel.over(stack(base, *layers)))

        yield pile


@pytest.fixture
def call() -> puffpy.Call:
    """Root calls."""
    return puffpy.Call(0, 0, 1)
