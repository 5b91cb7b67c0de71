"""What the README shows, done."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.mounted.conftest import StartServer
from tests.mounted.harness import PROJECT, run


def test_the_readmes_file_system_can_be_mounted_and_read(start: StartServer, tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert found
    program = tmp_path / "hello.py"
    program.write_text(found[1])
    server = start(command=(sys.executable, program))
    assert run("ls", server.mnt) == "hello\n"
    assert run("cat", server.mnt / "hello") == "world\n"
    assert run("stat", "-c", "%s %a", server.mnt / "hello") == "6 444\n"
    assert "No such file" in run("sh", "-c", f"cat {server.mnt}/goodbye 2>&1; true")
    assert server.unmount() == 0


def test_the_demo_the_docs_and_the_readme_show_the_same_hello() -> None:
    readme = re.search(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert readme
    assert readme[1] == (PROJECT / "docs" / "hello.py").read_text()
