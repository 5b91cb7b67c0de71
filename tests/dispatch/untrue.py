"""What the tests of policing share: wrong attributes, and what must follow an answer that cannot be true."""

from __future__ import annotations

import errno
import logging
import stat
from typing import Any

import pytest

from puffpy.types import Node, Vattr
from puffpy.wire import Opcode
from tests.dispatch.speaker import Speaker

REG = stat.S_IFREG | 0o644


def node(**wrong: Any) -> Node:
    """A file whose attributes are wrong in one place."""
    file = Node(Vattr(REG))
    for name, value in wrong.items():
        setattr(file.vattr, name, value)
    return file


def refused(
    speaker: Speaker, caplog: pytest.LogCaptureFixture, where: str, opcode: Opcode, *args: Any, **more: Any
) -> str:
    """Ask, expect EIO and one line that names *where*; return the line.  Counts must not have moved."""
    before, open_files = speaker.counts(), len(speaker.session.handles)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert speaker.refused(opcode, *args, **more) == errno.EIO
    (record,) = caplog.records
    line = record.getMessage()
    assert record.levelno == logging.ERROR
    assert record.exc_info is None, line
    assert f"{where} answered " in line
    assert "expected " in line
    assert speaker.counts() == before
    assert len(speaker.session.handles) == open_files
    return line
