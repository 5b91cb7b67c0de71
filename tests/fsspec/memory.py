"""A backend of fsspec's that is nobody else's, and what is done on a mount of it again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from puffpy.userkernel import UserKernel

OWN_MEMORY: Final = '{"global_store": false}'
"""fsspec's option for a memory that no other file system in this process sees."""

MakeKernel: TypeAlias = Callable[..., UserKernel]


def write(kernel: UserKernel, path: str, data: bytes) -> None:
    """Make *path* hold *data*."""
    with kernel.open_file(path, "wb") as file:
        file.write(data)


def read(kernel: UserKernel, path: str) -> bytes:
    """Return all that *path* holds."""
    with kernel.open_file(path, "rb") as file:
        data: bytes = file.read()
        return data
