"""Layers on a mount, as the command line names them."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from tests.mounted.conftest import StartServer
from tests.mounted.harness import run
from tests.mounted.tunnelled import messages

PUFFPY = (sys.executable, "-m", "puffpy", "mount")


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """A directory with a file, and with a secret."""
    made = tmp_path.resolve() / "below"
    made.mkdir()
    (made / "song").write_bytes(b"lunatic" * 100_000)
    (made / "secret.key").write_bytes(b"secret")
    return made


def test_a_read_only_view_without_secrets_is_still_passed_through(
    start: StartServer, below: Path, root: None
) -> None:
    layers = ("--layer", "readonly", "--layer", "filter:hide=*.key")
    server = start("--debug", *layers, command=(*PUFFPY, "filesystems.tunnel", below))
    assert run("ls", server.mnt) == "song\n"
    assert (server.mnt / "song").read_bytes() == b"lunatic" * 100_000
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        (server.mnt / "new").touch()
    assert messages(server, "READ") == 0
    assert server.unmount() == 0


def test_an_overlay_can_be_worked_on_and_leaves_what_is_below(start: StartServer, below: Path) -> None:
    layer = "overlay:upper=filesystems.detrempe"
    server = start("--layer", layer, command=(*PUFFPY, "filesystems.tunnel", below))
    mnt = server.mnt
    run(
        "sh",
        "-c",
        f"cd {mnt} && mkdir d && cp song d/copy && mv song d/song && rm secret.key && cmp d/copy d/song",
    )
    with open(mnt / "d" / "song", "ab") as file:
        file.write(b"!")
    assert (mnt / "d" / "song").stat().st_size == 700_001
    assert sorted(os.listdir(mnt)) == ["d"]
    assert sorted(os.listdir(below)) == ["secret.key", "song"]
    assert (below / "song").stat().st_size == 700_000
    assert server.unmount() == 0


def test_a_program_meets_the_faults_that_were_asked_for(start: StartServer) -> None:
    layer = "faults:op=write,error=ENOSPC,nth=2"
    server = start("--layer", layer, command=(*PUFFPY, "filesystems.detrempe"))
    assert (
        run("sh", "-c", f"echo one > {server.mnt}/f; echo two > {server.mnt}/g || echo failed") == "failed\n"
    )
    assert (server.mnt / "f").read_text() == "one\n"
    assert server.unmount() == 0
