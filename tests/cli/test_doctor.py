"""``puffpy doctor``: what it finds, and what it advises."""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import shutil
from typing import Any

import pytest

from puffpy.cli import machine, trial
from puffpy.cli.machine import Verdict, findings
from tests.cli.conftest import Run


def verdicts() -> dict[str, Verdict]:
    return {each.subject: each.verdict for each in findings()}


def test_doctor_says_whether_file_systems_can_be_mounted(run: Run) -> None:
    status, out, err = run("doctor", "--no-mount")
    assert (status, err) == (0, "")
    assert "ok   /dev/fuse    can be opened" in out
    assert out.splitlines()[-1] == "file systems can be mounted here"
    assert "mounting" not in out


def test_doctor_tries_a_mount_and_tells_the_protocol(run: Run) -> None:
    status, out, err = run("doctor")
    assert (status, err) == (0, "")
    assert "ok   mounting     works" in out
    assert "the kernel speaks FUSE 7." in out
    assert " io_uring " in out
    assert " passthrough " in out


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOENT, "modprobe fuse"),
        (errno.EACCES, "chmod 0666 /dev/fuse"),
        (errno.EPERM, "--device /dev/fuse"),
    ],
)
def test_a_device_that_cannot_be_opened_is_in_the_way(
    run: Run, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    real = os.open

    def refused(path: Any, *rest: Any) -> int:
        if path == machine.DEVICE:
            raise OSError(code, os.strerror(code))
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refused)
    status, out, _ = run("doctor", "--no-mount")
    assert status == 1
    assert f"BAD  /dev/fuse    {os.strerror(code)}" in out
    assert remedy in out
    assert out.splitlines()[-1] == "file systems cannot be mounted here: /dev/fuse"


def test_the_helper_is_in_the_way_of_ordinary_users_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert verdicts()["fusermount3"] is Verdict.WITHOUT
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert verdicts()["fusermount3"] is Verdict.BAD


def test_an_extra_that_is_not_installed_can_be_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    (rich,) = (each for each in findings() if each.subject == "rich")
    assert rich.verdict is Verdict.WITHOUT
    assert rich.remedy == "pip install 'puffpy[cli]'"


def test_another_system_can_check_and_not_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    other = platform.uname()._replace(system="FreeBSD", release="14.1")
    monkeypatch.setattr(platform, "uname", lambda: other)
    assert verdicts()["kernel"] is Verdict.BAD


def test_a_mount_that_is_refused_says_why_and_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "__file__", "/no/such/file.py")
    status, out, _ = run("doctor")
    assert status == 1
    assert "BAD  mounting     there is no file /no/such/file.py" in out
