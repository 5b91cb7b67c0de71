"""The daily loop of a person who writes a file system: edit, save, look."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mounted.harness import Server, wait_for
from tests.mounted.killing import kill

StartServer = Callable[..., Server]

FS = '''
import puffpy

class Hello(puffpy.VnodeOps):
    """One file."""

    def __init__(self):
        self.root = puffpy.Node.directory(mode=0o755)
        self.hello = puffpy.Node.file(mode=0o444, size=6)

    def lookup(self, dvp, cn, call):
        if cn.name == "hello":
            return self.hello
        raise FileNotFoundError

    def read(self, vp, offset, size, call):
        return b"world\\n"[offset : offset + size]

if __name__ == "__main__":
    puffpy.main(Hello)
'''


@pytest.mark.parametrize("options", [(), ("--supervise",)])
def test_a_program_is_edited_while_its_file_is_open(
    start: StartServer, tmp_path: Path, options: tuple[str, ...]
) -> None:
    program = tmp_path / "hello.py"
    program.write_text(FS)
    server = start("--reload", *options, command=(sys.executable, program))
    with open(server.mnt / "hello", "rb", buffering=0) as file:

        def says(text: bytes) -> bool:
            file.seek(0)
            return file.read() == text

        assert says(b"world\n")
        program.write_text(FS.replace("world", "earth"))
        wait_for(lambda: says(b"earth\n"), "the new code answers")
        assert "hello.py: new code" in server.said()
        program.write_text(FS.replace("return b", "return b b"))
        wait_for(lambda: "SyntaxError" in server.said(), "the mistake is told")
        assert says(b"earth\n")
        if options:
            program.write_text(FS.replace("world", "outer"))
            wait_for(lambda: says(b"outer\n"), "the new code answers")
            kill(server)
            wait_for(lambda: says(b"outer\n"), "and so does the next server")
    server.log.write_text(server.said().replace("Traceback", "traceback"))
