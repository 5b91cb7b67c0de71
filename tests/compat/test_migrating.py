"""The programs on the page about other libraries run, and do the same."""

from __future__ import annotations

import re
import textwrap
from typing import Any, Final

import puffpy
from puffpy.compat import fusepy
from puffpy.ops import OPERATIONS
from puffpy.testing import check_filesystem
from puffpy.userkernel import UserKernel
from tests.mounted.harness import PROJECT

PAGE: Final = (PROJECT / "docs" / "migrating.rst").read_text(encoding="utf-8")


def shown() -> list[dict[str, Any]]:
    """Run every program of the page, but for its end; return their names."""
    programs = []
    for block in re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", PAGE):
        names: dict[str, Any] = {"__name__": "shown"}
        exec(compile(textwrap.dedent(block), "migrating.rst", "exec"), names)
        programs.append(names)
    return programs


def test_the_program_by_path_and_the_one_on_nodes_show_the_same() -> None:
    by_path, on_nodes = shown()
    seen = []
    for vnodeops in (fusepy.vector(by_path["Greetings"]()), on_nodes["Words"]()):
        assert isinstance(vnodeops, puffpy.VnodeOps)
        with UserKernel.over(vnodeops) as kernel:
            names = sorted(kernel.listdir("/"))
            found = {}
            for name in names:
                with kernel.open_file(f"/{name}", "rb") as file:
                    found[name] = (file.read(), oct(kernel.stat(f"/{name}").st_mode))
            seen.append(found)
    assert seen[0] == seen[1]
    assert seen[0]["hello"][0] == b"world\n"


def test_the_check_on_the_page_passes() -> None:
    by_path, _ = shown()
    assert check_filesystem(lambda: fusepy.vector(by_path["Greetings"]())).ok


def test_the_table_names_operations_that_there_are() -> None:
    first = re.findall(r"^   \* - (.*)$", PAGE, re.MULTILINE)
    words = {
        word
        for cell in first
        for word in re.findall(r"``(?:VfsOps\.)?([a-z]+)(?:\(dvp|\(vp|\(fdvp|``)", cell)
    }
    assert words <= OPERATIONS.keys()
    assert len(words) > 25
