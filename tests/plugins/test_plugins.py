"""Packages that bring file systems, layers and bridges: what is listed, mounted and checked of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.harness import detach, mount_table, processes_naming, run, wait_for
from tests.plugins.conftest import Installed


@pytest.fixture(scope="module")
def listed(installed: Installed) -> dict[str, dict[str, str]]:
    """What ``puffpy list`` says: by heading, what it says of each name."""
    found: dict[str, dict[str, str]] = {}
    for line in installed.puffpy("list").splitlines():
        if line.startswith(" "):
            name, _, says = line.strip().partition(" ")
            found[list(found)[-1]][name] = says.strip()
        else:
            found[line] = {}
    return found


def test_what_a_package_brings_is_listed_with_where_it_is_from(listed: dict[str, dict[str, str]]) -> None:
    assert listed["file systems"]["brought"] == "of puffpy-brought 1.2 (brought.hello:Hello)"
    assert listed["layers"]["shouting"] == "of puffpy-brought 1.2 (brought.shouting:Shouting)"
    assert listed["bridges"]["nowhere"] == "of puffpy-brought 1.2 (brought.nowhere:Nowhere)"


def test_what_cannot_be_imported_is_listed_with_its_reason(listed: dict[str, dict[str, str]]) -> None:
    reason = "of puffpy-brought 1.2, which is broken: ModuleNotFoundError: No module named"
    for heading, name in (("file systems", "needy"), ("layers", "needy-layer"), ("bridges", "needy-bridge")):
        assert listed[heading][name] == f"{reason} 'a_package_that_nobody_has'"
    assert "has no attribute 'Helo'" in listed["file systems"]["misprinted"]
    assert "SystemExit: 3" in listed["file systems"]["quitter"]


def test_what_is_broken_harms_no_other(listed: dict[str, dict[str, str]]) -> None:
    assert "in memory" in listed["file systems"]["filesystems.detrempe"]
    assert "filesystems.tunnel" in listed["file systems"]
    assert "readonly" in listed["layers"]
    assert "devfuse" in listed["bridges"]


def test_one_is_checked_by_its_name(installed: Installed) -> None:
    assert " 0 fail" in installed.puffpy("check", "brought", "-q", "-o", "to=dolly")


@pytest.mark.parametrize("command", ["check", "mount"])
def test_a_broken_one_is_named_with_the_reason_and_the_remedy(
    installed: Installed, tmp_path: Path, command: str
) -> None:
    said = installed.puffpy(command, "needy", *([tmp_path] if command == "mount" else []), status=2)
    assert said == (
        "puffpy: needy, of puffpy-brought 1.2, cannot be loaded from brought.needy:Needy: "
        "ModuleNotFoundError: No module named 'a_package_that_nobody_has': "
        "reinstall puffpy-brought with all that it needs\n"
    )


@pytest.fixture
def mnt(tmp_path: Path) -> Iterator[Path]:
    """A mount point of which nothing is left after the test."""
    made = tmp_path / "mnt"
    made.mkdir()
    yield made
    detach(made)
    wait_for(lambda: not processes_naming(made), "the server has ended")


@pytest.mark.mounted
def test_one_is_mounted_by_its_name(installed: Installed, mnt: Path) -> None:
    assert installed.puffpy("mount", "brought", mnt, "-o", "to=dolly") == ""
    assert run("cat", mnt / "hello") == "hello dolly\n"
    run("umount", mnt)


@pytest.mark.mounted
def test_a_layer_is_put_over_one_by_its_name(installed: Installed, mnt: Path) -> None:
    assert installed.puffpy("mount", "--layer", "shouting", "brought", mnt) == ""
    assert run("cat", mnt / "hello") == "HELLO WORLD\n"
    run("umount", mnt)


@pytest.mark.parametrize(
    ("bridge", "says"),
    [
        ("needy-bridge", "bridge needy-bridge (brought.needy:Bridge) is broken: No module named"),
        ("absent", "there is no bridge called absent: choose one of devfuse"),
    ],
)
def test_a_bridge_that_is_broken_or_absent_is_named(
    installed: Installed, mnt: Path, bridge: str, says: str
) -> None:
    assert says in installed.puffpy("mount", "brought", mnt, "--bridge", bridge, status=1)
    assert str(mnt) not in mount_table()


def test_a_bridge_is_found_by_its_name_and_asked(installed: Installed, mnt: Path) -> None:
    said = installed.puffpy("mount", "brought", mnt, "-f", "--bridge", "nowhere", status=1)
    assert "this bridge leads nowhere" in said
    assert str(mnt) not in mount_table()


def test_the_file_systems_that_are_shipped_are_found_by_their_last_name(installed: Installed) -> None:
    for name in ("detrempe", "hardcodefs"):
        assert " 0 fail" in installed.puffpy("check", name, "-q", "-k", "case")
    assert " 0 fail" in installed.puffpy("check", "tunnel", "{tmp}", "-q", "-k", "case")
