"""The pages are built without a warning, lead nowhere that is not there, and name every operation."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs
import pytest

from puffpy.ops import OPERATIONS
from puffpy.options import ROWS
from tests.docs.pages import DOCS, pages


@attrs.define
class Links(HTMLParser):
    """What a page points at, and what may be pointed at in it."""

    points_at: list[str] = attrs.field(factory=list)
    anchors: set[str] = attrs.field(factory=set)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.points_at.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def links_of(page: Path) -> Links:
    found = Links()
    found.feed(page.read_text(encoding="utf-8"))
    found.close()
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, as ``make docs`` builds them."""
    out = tmp_path_factory.mktemp("docs")
    doctrees = tmp_path_factory.mktemp("doctrees")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(doctrees)]
    done = subprocess.run(
        [*command, str(DOCS), str(out)], check=False, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return out


def test_no_link_is_broken(built: Path) -> None:
    found = {page: links_of(page) for page in built.rglob("*.html")}
    assert len(found) > len(pages())
    broken = []
    for page, links in found.items():
        for link in links.points_at:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.exists() or (
                parts.fragment and target in found and unquote(parts.fragment) not in found[target].anchors
            ):
                broken.append(f"{page.relative_to(built)}: {link}")
    assert not broken, "\n".join(broken)


def test_nothing_is_fetched_from_elsewhere(built: Path) -> None:
    """The pages can be read on a machine without a network."""
    for page in built.rglob("*.html"):
        for link in links_of(page).points_at:
            parts = urlsplit(link)
            assert not parts.path.endswith((".js", ".css", ".woff2")) or not parts.netloc, (
                f"{page.name}: {link}"
            )


def test_the_reference_has_every_operation_and_every_option(built: Path) -> None:
    operations = links_of(built / "reference" / "operations.html").anchors
    assert {f"puffpy.{row.vector}.{row.name}" for row in OPERATIONS.values()} <= operations
    text = (built / "reference" / "options.html").read_text(encoding="utf-8")
    missing = [name for name, row in ROWS.items() if not all(w in text for w in row.spellings or (name,))]
    assert not missing


def test_no_page_names_the_machine_that_it_was_built_on(built: Path) -> None:
    for page in built.rglob("*.html"):
        assert str(DOCS.parent) not in page.read_text(encoding="utf-8"), page.name
