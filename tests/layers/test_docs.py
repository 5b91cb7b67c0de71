"""What the page on layers shows, done."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from puffpy.cli.locate import locate
from puffpy.layers import named, registry

PAGE = Path(__file__).parents[2] / "docs" / "layers.rst"


def test_the_programs_on_the_page_run_in_order() -> None:
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 5
    shared: dict[str, object] = {"__name__": "docs"}
    for number, block in enumerate(blocks):
        exec(compile(textwrap.dedent(block), f"{PAGE.name}, program {number + 1}", "exec"), shared)


def test_the_commands_on_the_page_name_layers_that_there_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"--layer (?:'([^']+)'|([^\s`]+))", page)
    specs = [quoted or bare for quoted, bare in found]
    assert len(specs) >= 5
    for spec in specs:
        named(spec, locate)
    assert all(f"``{name}``" in page for name in registry.OWN)
