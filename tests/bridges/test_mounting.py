"""What a mount that cannot be is refused with: what is missing, and what to do about it."""

from __future__ import annotations

import errno
import importlib.metadata
import os
from pathlib import Path
from typing import Any

import pytest

from puffpy import bridges
from puffpy.bridges import devfuse, fusermount, mounting
from puffpy.bridges.devfuse import DevFuse
from puffpy.errors import MountError
from puffpy.options import MountOptions


def as_if(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    """Have the bridge believe that this is *uid*."""
    monkeypatch.setattr(os, "geteuid", lambda: uid)


def refusal(mountpoint: Path | str, options: MountOptions | None = None) -> MountError:
    """Attach, and return what that is refused with."""
    bridge = DevFuse()
    with pytest.raises(MountError) as caught:
        bridge.attach(str(mountpoint), options or MountOptions())
    assert bridge.fd == -1
    assert str(mountpoint) not in Path("/proc/self/mountinfo").read_text()
    return caught.value


def test_a_machine_without_the_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    as_if(monkeypatch, 0)
    monkeypatch.setattr(devfuse, "DEVICE", str(tmp_path / "fuse"))
    exc = refusal(tmp_path)
    assert exc.errno == errno.ENOENT
    for word in (str(tmp_path / "fuse"), "modprobe fuse", "--device"):
        assert word in str(exc)


def test_a_device_that_may_not_be_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    as_if(monkeypatch, 0)
    monkeypatch.setattr(devfuse, "DEVICE", str(tmp_path))  # a directory cannot be opened for writing either
    assert "must be readable and writable" in str(refusal(tmp_path))


@pytest.mark.parametrize(
    ("code", "word"),
    [(errno.EPERM, "CAP_SYS_ADMIN|SYS_ADMIN"), (errno.ENODEV, "modprobe fuse"), (errno.EINVAL, "dmesg")],
)
def test_a_mount_that_the_kernel_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, word: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    as_if(monkeypatch, 0)
    monkeypatch.setattr(devfuse, "DEVICE", os.devnull)
    monkeypatch.setattr(mounting, "mount", refuse)
    exc = refusal(tmp_path)
    assert exc.errno == code
    assert str(tmp_path) in str(exc)
    assert any(part in str(exc) for part in word.split("|"))


def test_a_mount_point_that_is_not_there(tmp_path: Path) -> None:
    exc = refusal(tmp_path / "nowhere")
    assert exc.errno == errno.ENOENT
    assert f"mkdir {tmp_path}/nowhere" in str(exc)


def test_a_mount_point_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    exc = refusal(tmp_path / "file")
    assert exc.errno == errno.ENOTDIR
    assert "not a directory" in str(exc)


def test_a_mount_point_whose_server_has_died(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def dead(_: str) -> os.statvfs_result:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    monkeypatch.setattr(os, "statvfs", dead)
    exc = refusal(tmp_path)
    assert exc.errno == errno.ENOTCONN
    assert f"fusermount3 -u {tmp_path}" in str(exc)


def test_an_ordinary_user_without_the_helper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    as_if(monkeypatch, 1000)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt install fuse3" in str(refusal(tmp_path))


def test_a_helper_that_fails_without_a_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper = tmp_path / "fusermount3"
    helper.write_text("#!/bin/sh\nexit 1\n")
    helper.chmod(0o755)
    as_if(monkeypatch, 1000)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert "it gave no reason" in str(refusal(tmp_path))


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (
            "fusermount3: option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf",
            "add the line user_allow_other to /etc/fuse.conf",
        ),
        ("fusermount3: failed to open /dev/fuse: Permission denied", "chmod 0666 /dev/fuse"),
        ("fusermount3: user has no write access to mountpoint /mnt", "a directory that you own"),
        ("fusermount3: mount failed: Operation not permitted", "set-uid root"),
        ("fusermount3: something new", "fusermount3(1)"),
    ],
)
def test_what_the_helper_says_comes_with_a_remedy(said: str, remedy: str) -> None:
    told = fusermount.explain(said, "/mnt")
    assert remedy in told
    assert said.removeprefix("fusermount3: ") in told


def test_a_mount_without_its_watcher_is_no_mount(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_process(*_: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    as_if(monkeypatch, 0)
    mounted: list[str] = []
    monkeypatch.setattr(devfuse, "DEVICE", os.devnull)
    monkeypatch.setattr(mounting, "mount", lambda _source, target, *_: mounted.append(target))
    monkeypatch.setattr(devfuse, "Watcher", no_process)
    assert "no_auto_unmount" in str(refusal(tmp_path))
    assert mounted == []


def test_the_helper_is_told_what_it_understands() -> None:
    options = MountOptions(
        ro=True, exec=False, allow_other=True, max_read=4096, fsname="a,b\\c", subtype="x", suid=True
    )
    assert fusermount.option_list(options) == (
        "allow_other,ro,noexec,max_read=4096,fsname=a\\,b\\\\c,subtype=x"
    )


def test_generic_options_become_flags_of_mount() -> None:
    assert mounting.generic_flags(MountOptions()) == mounting.MS_NOSUID | mounting.MS_NODEV
    everything = MountOptions(suid=True, dev=True, exec=False, ro=True, sync=True, dirsync=True, noatime=True)
    assert mounting.generic_flags(everything) == 1 | 8 | 16 | 128 | 1024


def test_an_unknown_bridge_is_refused_with_those_there_are() -> None:
    with pytest.raises(MountError, match=r"no bridge called rope: choose one of .*devfuse"):
        bridges.make("rope")


@pytest.mark.parametrize(
    "value", ["no.such.module:Bridge", "os:no_such_name", "os:getcwdb.missing", "os:abort_"]
)
def test_a_bridge_that_another_package_brings_broken_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    point = importlib.metadata.EntryPoint("rope", value, "puffpy.bridges")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: (point,))
    with pytest.raises(MountError, match=f"bridge rope .{value}. is broken.*reinstall"):
        bridges.make("rope")


def test_a_bridge_whose_making_fails_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("rope", "os:strerror", "puffpy.bridges")  # wants an argument
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: (point,))
    with pytest.raises(MountError, match="bridge rope"):
        bridges.make("rope")


def test_a_bridge_that_another_package_brings_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    point: Any = importlib.metadata.EntryPoint("rope", "puffpy.bridges.devfuse:DevFuse", "puffpy.bridges")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: (point,))
    assert isinstance(bridges.make("rope"), DevFuse)
    assert bridges.names() == sorted({*bridges.names(), "devfuse", "rope"})
