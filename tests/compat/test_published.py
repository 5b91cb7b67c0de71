"""Programs that nobody here wrote, installed as they are published and mounted without libfuse."""

from __future__ import annotations

import os
import random
import sys
import tarfile
import uuid
from pathlib import Path
from typing import Final

from tests.compat.conftest import Serve
from tests.mounted.harness import mount_table, run, wait_for

ON_PUFFPY: Final = (sys.executable, "-W", "error::ResourceWarning", "-m", "puffpy.compat.fusepy")


def an_archive(folder: Path) -> tuple[Path, dict[str, bytes]]:
    """Make a tar file in *folder*; return where it is, and what is in it."""
    numbers = random.Random(7)
    files = {f"dir {n % 7}/file {n}": numbers.randbytes(n * 1000) for n in range(50)}
    archive = folder / "archive.tar"
    with tarfile.open(archive, "w") as tar:
        for name, data in files.items():
            path = folder / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        tar.add(folder / "source", arcname=".")
    return archive, files


def test_ratarmount_shows_an_archive(
    serve: Serve, mnt: Path, tmp_path: Path, published: dict[str, str]
) -> None:
    archive, files = an_archive(tmp_path)
    server = serve(*ON_PUFFPY, "-m", "ratarmount", "-f", archive, mnt, env=published)
    found = {
        str(path.relative_to(mnt)): path.read_bytes() for path in sorted(mnt.rglob("*")) if path.is_file()
    }
    assert found == files
    assert run("diff", "-r", tmp_path / "source", mnt) == ""
    assert server.unmount() == 0
    assert "Traceback" not in server.said()


def test_ratarmounts_overlay_takes_changes(
    serve: Serve, mnt: Path, tmp_path: Path, published: dict[str, str]
) -> None:
    archive, files = an_archive(tmp_path)
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    server = serve(*ON_PUFFPY, "-m", "ratarmount", "-f", "-w", overlay, archive, mnt, env=published)
    (mnt / "dir 1" / "new").write_text("new\n")
    (mnt / "dir 2" / "file 9").unlink()
    (mnt / "dir 1" / "file 8").rename(mnt / "moved")
    with open(mnt / "dir 3" / "file 3", "ab") as file:
        file.write(b"appended")
    (mnt / "made").mkdir()
    assert (mnt / "moved").read_bytes() == files["dir 1/file 8"]
    assert (mnt / "dir 3" / "file 3").read_bytes() == files["dir 3/file 3"] + b"appended"
    assert (mnt / "dir 1" / "new").read_text() == "new\n"
    assert not (mnt / "dir 2" / "file 9").exists()
    assert server.unmount() == 0
    assert (overlay / "dir 1" / "new").read_text() == "new\n"
    assert "Traceback" not in server.said()


def test_ratarmount_goes_into_the_background(
    serve: Serve, mnt: Path, tmp_path: Path, published: dict[str, str]
) -> None:
    archive, files = an_archive(tmp_path)
    run(*ON_PUFFPY, "-m", "ratarmount", archive, mnt, env=published)
    try:
        assert (mnt / "dir 4" / "file 4").read_bytes() == files["dir 4/file 4"]
    finally:
        run("umount" if os.geteuid() == 0 else "fusermount3", *(() if os.geteuid() == 0 else ("-u",)), mnt)
    assert str(mnt) not in mount_table()


def test_fsspec_mounts_one_of_its_file_systems(
    serve: Serve, mnt: Path, tmp_path: Path, published: dict[str, str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "there").write_bytes(bytes(range(256)) * 1000)
    server = serve(*ON_PUFFPY, "-m", "fsspec.fuse", "local", source, mnt, env=published)
    assert (mnt / "there").read_bytes() == bytes(range(256)) * 1000
    (mnt / "written").write_text("through fsspec")
    wait_for(lambda: (source / "written").read_text() == "through fsspec", "what was written has arrived")
    (mnt / "folder").mkdir()
    (mnt / "there").unlink()
    assert sorted(os.listdir(source)) == ["folder", "written"]
    (mnt / "folder").rmdir()
    assert os.listdir(mnt) == ["written"]
    assert server.unmount() == 0
    assert "Traceback" not in server.said()


def test_an_encrypting_file_system_keeps_its_secret(
    serve: Serve, mnt: Path, tmp_path: Path, packages: Path, published: dict[str, str]
) -> None:
    store, name = tmp_path / "store", str(uuid.UUID(int=7, version=4))
    program = packages / "bin" / "globaleaks-eph-fs"
    server = serve(*ON_PUFFPY, program, "--storage_directory", store, mnt, env=published)

    def holds(data: bytes) -> bool:
        # It has one descriptor for all who have a file open, so that the end of one may disturb the next.
        try:
            return (mnt / name).read_bytes() == data
        except OSError:
            return False

    def cut() -> bool:
        try:
            with open(mnt / name, "r+b") as file:
                file.truncate(8)
        except OSError:
            return False
        return True

    (mnt / name).write_bytes(b"a secret\n" * 100)
    wait_for(lambda: holds(b"a secret\n" * 100), "what was written is read")
    assert b"secret" not in (store / name).read_bytes()
    wait_for(cut, "it is cut")
    wait_for(lambda: holds(b"a secret"), "what is left is read")
    (mnt / name).unlink()
    assert os.listdir(mnt) == os.listdir(store) == []
    assert server.unmount() == 0
