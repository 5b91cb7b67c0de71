"""Everything that the pages show is done as it is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.docs.desk import Desk
from tests.docs.pages import DOCS, blocks, pages

ELSEWHERE: Final = {
    "accounts.rst": ("tests/mounted/test_accounts_on_mount.py", "accounts.rst"),
    "migrating.rst": ("tests/compat/test_migrating.py", "migrating.rst"),
    "virtual-machines.rst": ("tests/guest/test_guest.py", "virtiofs"),
}
"""Pages that are followed by a test of their own room: which, and a word that it must have."""

TUTORIAL: Final = sorted((DOCS / "tutorial").glob("[0-9]*.rst"))
OTHERS: Final = [
    page for page in pages() if page not in TUTORIAL and page.name not in ELSEWHERE and any(blocks(page))
]


def test_the_tutorial_can_be_followed_from_its_first_line_to_its_last(at_desk: Desk) -> None:
    for chapter in TUTORIAL:
        shown = blocks(chapter)
        assert shown, f"{chapter.name} shows nothing"
        for block in shown:
            at_desk.follow(block)
    assert len(TUTORIAL) == 9


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path, desk: Desk) -> None:
    for block in blocks(page):
        desk.follow(block)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_page_that_is_followed_elsewhere_is_named_there(name: str) -> None:
    file, word = ELSEWHERE[name]
    assert word in (DOCS.parent / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_no_program_is_hidden_in_a_block_that_nobody_runs(page: Path) -> None:
    """A literal block after ``::`` shows words, never something to be typed or run."""
    if page.name in ELSEWHERE:
        return
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if line.endswith("::") and not line.strip().startswith(".. "):
            first = next((text.strip() for text in lines[number + 1 :] if text.strip()), "")
            assert not first.startswith(("$ ", "import ", "def ", "class ", "from ")), (
                f"{page.name}:{number + 1}"
            )
