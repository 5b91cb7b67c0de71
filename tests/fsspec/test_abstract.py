"""fsspec's own abstract tests, over detrempe in the user-space kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fsspec.tests import abstract

from filesystems.detrempe import Detrempe
from puffpy.fsspec import PuffsFileSystem


class Fixtures(abstract.AbstractFixtures):
    """What the abstract tests want to know."""

    @pytest.fixture
    def fs(self) -> Iterator[PuffsFileSystem]:
        fs = PuffsFileSystem(Detrempe, auto_mkdir=True)
        yield fs
        fs.kernel.unmount()

    @pytest.fixture
    def fs_path(self, fs: PuffsFileSystem) -> str:
        fs.mkdir("/tested")
        return "/tested"

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)


class TestCopy(Fixtures, abstract.AbstractCopyTests):
    """Copying within."""


class TestGet(Fixtures, abstract.AbstractGetTests):
    """Copying out."""


class TestPut(Fixtures, abstract.AbstractPutTests):
    """Copying in."""


class TestPipe(Fixtures, abstract.AbstractPipeTests):
    """Bytes written whole."""


class TestOpen(Fixtures, abstract.AbstractOpenTests):
    """File objects."""
