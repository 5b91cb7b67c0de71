"""``puffpy mount --fsspec``: what a shell does with a backend of fsspec's, really mounted."""

from __future__ import annotations

import errno
import os
import sys
import zipfile
from pathlib import Path

import pytest

from tests.filesystems.direct import refuses
from tests.mounted.conftest import StartServer
from tests.mounted.harness import run

PUFFPY = (sys.executable, "-m", "puffpy", "mount", "--fsspec")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = tmp_path / "top"
    made.mkdir()
    return made


def shell(line: str, cwd: Path) -> str:
    return run("sh", "-ec", line, cwd=cwd)


def test_a_shell_works_in_it_and_the_backend_has_it_all(start: StartServer, top: Path) -> None:
    (top / "old").write_text("the lunatic\n")
    server = start(command=(*PUFFPY, top.as_uri()))
    said = shell(
        "cat old; mkdir -p a/b; echo pink > a/b/c; echo floyd >> a/b/c; mv a z; cat z/b/c; "
        "cp -p z/b/c copy; sed -i s/pink/PINK/ copy; rm old; ls; cat copy",
        server.mnt,
    )
    assert said == "the lunatic\npink\nfloyd\ncopy\nz\nPINK\nfloyd\n"
    assert (top / "copy").read_text() == "PINK\nfloyd\n"
    assert (top / "z" / "b" / "c").read_text() == "pink\nfloyd\n"
    assert sorted(os.listdir(top)) == ["copy", "z"]
    assert server.unmount() == 0


def test_a_tree_is_unpacked_packed_and_compared(start: StartServer, top: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name, size in (("a/small", 10), ("a/b/large", 3_000_000), ("empty", 0)):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(os.urandom(size))
    (source / "a" / "small").chmod(0o751)
    mnt = start(command=(*PUFFPY, "memory://")).mnt
    run("tar", "-C", source, "-cf", tmp_path / "source.tar", ".")
    run("tar", "-C", mnt, "-xpf", tmp_path / "source.tar")
    run("diff", "-r", source, mnt)
    assert (mnt / "a" / "small").stat().st_mode & 0o777 == 0o751
    run("rm", "-r", mnt / "a")
    assert sorted(os.listdir(mnt)) == ["empty"]


def test_a_program_is_run_and_mapped_from_an_archive(start: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write("/bin/echo", "bin/echo")
    mnt = start("-o", "ttl=60,block=64k", command=(*PUFFPY, f"zip://::{path}")).mnt
    assert run(mnt / "bin" / "echo", "pink") == "pink\n"
    with refuses(errno.EROFS):
        (mnt / "new").touch()


def test_a_layer_lies_on_it_as_on_any_other(start: StartServer, top: Path) -> None:
    (top / "old").write_text("the lunatic\n")
    mnt = start("--layer", "readonly", command=(*PUFFPY, top.as_uri())).mnt
    assert (mnt / "old").read_text() == "the lunatic\n"
    with refuses(errno.EROFS):
        (mnt / "old").write_text("pink")


def test_what_cannot_be_mounted_is_told_in_a_line(mnt: Path) -> None:
    said = run("sh", "-c", f"{' '.join(PUFFPY)} gopher://there {mnt} 2>&1", status=1)
    assert said.startswith("puffpy mount --fsspec: gopher://there: fsspec knows no gopher://")
    assert len(said.splitlines()) == 1
    assert not os.path.ismount(mnt)
