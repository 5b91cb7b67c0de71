"""Accounts as directories and files, under a kernel in user space."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.accounts import AccountsFS
from filesystems.accounts.vnodeops import SYSTEM
from puffpy.testing import PROMISES, check_filesystem
from puffpy.userkernel import UserKernel
from tests.filesystems.accounted import FILES, directory_of_accounts, line_of
from tests.filesystems.direct import refuses

USER_FILES = ["gecos", "gid", "groups", "home", "locked", "password", "shell", "uid"]


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return directory_of_accounts(tmp_path)


@pytest.fixture
def kernel(etc: Path, userkernel: Callable[..., UserKernel]) -> UserKernel:
    return userkernel(AccountsFS(passwd_dir=str(etc)))


def read(kernel: UserKernel, path: str) -> str:
    with kernel.open_file(path) as file:
        text: str = file.read()
        return text


def write(kernel: UserKernel, path: str, text: str, mode: str = "w") -> None:
    """As the shell's ``>`` and ``>>`` do."""
    fd = kernel.open(path, os.O_WRONLY | (os.O_TRUNC if mode == "w" else os.O_APPEND))
    try:
        if text:
            kernel.write(fd, text.encode())
    finally:
        kernel.close(fd)


class Viewed(puffpy.ReadOnly, AccountsFS):
    """Accounts to be looked at only: what is in an inventory cannot be furnished with other names."""


def test_looking_at_it_keeps_every_promise(etc: Path) -> None:
    subjects = {"looking", "directories", "identity", "life", "refusals"}
    looking = [each for each in PROMISES if each.subject in subjects and "write" not in each.needs]
    report = check_filesystem(lambda: Viewed(passwd_dir=str(etc)), only=looking)
    assert report.ok, str(report)


def test_it_shows_every_account_once_and_every_particular(kernel: UserKernel) -> None:
    assert sorted(kernel.listdir("/")) == [".error", "groups", "users"]
    assert kernel.listdir("/users") == ["root", "daemon", "syd", "roger"]
    assert kernel.listdir("/groups") == ["root", "daemon", "users", "band", "syd"]
    assert sorted(kernel.listdir("/users/syd")) == USER_FILES
    told = {name: read(kernel, f"/users/syd/{name}") for name in USER_FILES}
    assert told == {
        "gecos": "Syd Barrett\n",
        "gid": "1000\n",
        "groups": "band\n",
        "home": "/home/syd\n",
        "locked": "no\n",
        "password": "$6$salt$hash\n",
        "shell": "/bin/sh\n",
        "uid": "1000\n",
    }
    assert read(kernel, "/users/root/locked") == "yes\n"
    assert read(kernel, "/groups/band/members") == "syd\nroger\n"
    with refuses(errno.ENOENT):
        kernel.stat("/users/nick")


def test_modes_owner_and_times_are_those_of_the_files(kernel: UserKernel, etc: Path) -> None:
    os.utime(etc / "passwd", (0, 2_000_000_000))
    st = kernel.stat("/users/syd/uid")
    assert (st.st_mode, st.st_size, st.st_mtime) == (stat.S_IFREG | 0o644, 5, 2_000_000_000)
    assert (st.st_uid, st.st_gid) == (os.getuid(), os.getgid())
    for secret in ("password", "locked"):
        assert kernel.stat(f"/users/syd/{secret}").st_mode == stat.S_IFREG | 0o600
    assert kernel.stat("/users/syd").st_mode == stat.S_IFDIR | 0o755
    with kernel.as_user(1000, 1000):
        with refuses(errno.EACCES):
            kernel.open("/users/syd/password", os.O_RDONLY)
        with refuses(errno.EACCES):
            kernel.mkdir("/users/nick")
        assert read(kernel, "/users/syd/uid") == "1000\n"


def test_making_an_account_is_making_a_directory(kernel: UserKernel, etc: Path) -> None:
    kernel.mkdir("/users/nick")
    assert line_of(etc / "passwd", "nick") == "nick:x:1002:1002::/home/nick:/bin/sh"
    assert read(kernel, "/users/nick/locked") == "yes\n"
    kernel.mkdir("/groups/crew")
    assert line_of(etc / "group", "crew") == "crew:x:1001:"
    with refuses(errno.EEXIST):
        kernel.mkdir("/users/syd")


@pytest.mark.parametrize(
    ("path", "text", "file", "line"),
    [
        ("users/syd/uid", "1005\n", "passwd", "syd:x:1005:1000:Syd Barrett:/home/syd:/bin/sh"),
        ("users/syd/uid", "1005", "passwd", "syd:x:1005:1000:Syd Barrett:/home/syd:/bin/sh"),
        ("users/syd/gid", "users\n", "passwd", "syd:x:1000:100:Syd Barrett:/home/syd:/bin/sh"),
        ("users/syd/gecos", "See Emily\n", "passwd", "syd:x:1000:1000:See Emily:/home/syd:/bin/sh"),
        ("users/syd/gecos", "", "passwd", "syd:x:1000:1000::/home/syd:/bin/sh"),
        ("users/syd/home", "/srv\n", "passwd", "syd:x:1000:1000:Syd Barrett:/srv:/bin/sh"),
        ("users/syd/shell", "/bin/zsh\n", "passwd", "syd:x:1000:1000:Syd Barrett:/home/syd:/bin/zsh"),
        ("users/syd/locked", "yes\n", "shadow", "syd:!$6$salt$hash:19000:0:99999:7:::"),
        ("users/syd/groups", "daemon\n", "group", ""),
        ("groups/band/gid", "201\n", "group", ""),
        ("groups/band/members", "roger,daemon\n", "group", ""),
        ("groups/band/members", "", "group", ""),
    ],
)
def test_a_particular_is_what_is_written_to_its_file(
    kernel: UserKernel, etc: Path, path: str, text: str, file: str, line: str
) -> None:
    write(kernel, f"/{path}", text)
    if line:
        assert line_of(etc / file, "syd") == line
    shown = read(kernel, f"/{path}").split()
    expected = {"users": ["100"]} if path.endswith("syd/gid") else {}
    assert shown == expected.get(text.strip(), text.replace(",", " ").split())


@pytest.mark.parametrize(
    ("path", "text", "code", "why"),
    [
        ("users/syd/uid", "abc\n", errno.EINVAL, "'abc' is no number"),
        ("users/syd/uid", "1001\n", errno.EEXIST, "the uid 1001 is roger's"),
        ("users/syd/uid", "-1\n", errno.EINVAL, "is no number"),
        ("users/syd/gid", "nobody\n", errno.EINVAL, "there is no group nobody"),
        ("users/syd/gecos", "a:b\n", errno.EINVAL, "has a colon"),
        ("users/syd/home", "here\n", errno.EINVAL, "no path from the root"),
        ("users/syd/shell", "sh\n", errno.EINVAL, "no path from the root"),
        ("users/syd/locked", "maybe\n", errno.EINVAL, "neither yes nor no"),
        ("users/syd/password", "secret\n", errno.EINVAL, "this is no hash"),
        ("users/syd/groups", "band absent\n", errno.EINVAL, "there is no group called absent"),
        ("groups/band/members", "nick\n", errno.EINVAL, "there is no user called nick"),
        ("groups/band/gid", "100\n", errno.EEXIST, "the gid 100 is users's"),
        ("users/roger/locked", "no\n", errno.EINVAL, "has no password to be unlocked"),
    ],
)
def test_what_makes_no_sense_is_refused_and_told(
    kernel: UserKernel, etc: Path, path: str, text: str, code: int, why: str
) -> None:
    with refuses(code):
        write(kernel, f"/{path}", text)
    assert why in read(kernel, "/.error")
    assert read(kernel, "/.error").startswith(f"{path}: ")
    assert {name: (etc / name).read_text() for name in FILES} == dict(FILES)


def test_bytes_that_are_no_text_are_refused(kernel: UserKernel) -> None:
    fd = kernel.open("/users/syd/gecos", os.O_WRONLY)
    with refuses(errno.EINVAL):
        kernel.write(fd, b"\xff")
    kernel.close(fd)
    assert "no text" in read(kernel, "/.error")


def test_a_list_is_added_to(kernel: UserKernel) -> None:
    write(kernel, "/groups/users/members", "syd\n", "a")
    write(kernel, "/groups/users/members", "roger\n", "a")
    assert read(kernel, "/groups/users/members") == "syd\nroger\n"
    write(kernel, "/users/syd/groups", "daemon\n", "a")
    assert read(kernel, "/users/syd/groups") == "daemon\nusers\nband\n"
    with refuses(errno.EINVAL):
        write(kernel, "/users/syd/uid", "5\n", "a")
    assert read(kernel, "/users/syd/uid") == "1000\n"


def test_several_writes_make_one_list(kernel: UserKernel) -> None:
    fd = kernel.open("/groups/users/members", os.O_WRONLY | os.O_TRUNC)
    kernel.write(fd, b"syd\n")
    kernel.write(fd, b"roger\n")
    kernel.close(fd)
    assert read(kernel, "/groups/users/members") == "syd\nroger\n"


def test_cutting_counts_when_nothing_follows(kernel: UserKernel) -> None:
    write(kernel, "/groups/band/members", "")
    assert read(kernel, "/groups/band/members") == ""
    with refuses(errno.EINVAL):
        write(kernel, "/users/syd/uid", "")
    assert read(kernel, "/users/syd/uid") == "1000\n"
    kernel.truncate("/users/syd/gecos", 0)
    assert read(kernel, "/users/syd/gecos") == "\n"
    with refuses(errno.EINVAL):
        kernel.truncate("/users/syd/gecos", 2)


def test_a_renamed_account_is_the_same_one(kernel: UserKernel, etc: Path) -> None:
    fd = kernel.open("/users/syd/uid", os.O_RDWR)
    kernel.rename("/users/syd", "/users/barrett")
    kernel.write(fd, b"1005\n")
    kernel.close(fd)
    assert line_of(etc / "passwd", "barrett").startswith("barrett:x:1005:")
    assert read(kernel, "/groups/band/members") == "barrett\nroger\n"
    assert "syd" not in kernel.listdir("/users")
    kernel.rename("/groups/band", "/groups/floyd")
    assert read(kernel, "/users/barrett/groups") == "floyd\n"


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda k: k.rename("/users/syd", "/users/roger"), errno.EEXIST),
        (lambda k: k.rename("/users/syd", "/users/No"), errno.EINVAL),
        (lambda k: k.rename("/users/syd", "/groups/nick"), errno.EPERM),
        (lambda k: k.rename("/users", "/people"), errno.EPERM),
        (lambda k: k.rename("/users/syd/uid", "/users/syd/number"), errno.EPERM),
        (lambda k: k.mkdir("/people"), errno.EPERM),
        (lambda k: k.mkdir("/users/syd/more"), errno.EPERM),
        (lambda k: k.mkdir("/users/Syd"), errno.EINVAL),
        (lambda k: k.rmdir("/users"), errno.EPERM),
        (lambda k: k.rmdir("/users/root"), errno.EPERM),
        (lambda k: k.rmdir("/groups/users"), errno.EBUSY),
        (lambda k: k.unlink("/.error"), errno.EPERM),
        (lambda k: k.chmod("/users/syd/uid", 0o600), errno.EPERM),
        (lambda k: k.chown("/users/syd", 5, 5), errno.EPERM),
        (lambda k: k.open("/.error", os.O_WRONLY | os.O_TRUNC), errno.EPERM),
        (lambda k: k.open("/users/syd/new", os.O_CREAT | os.O_WRONLY), errno.EOPNOTSUPP),
    ],
)
def test_everything_else_is_refused(kernel: UserKernel, etc: Path, act: Any, code: int) -> None:
    with refuses(code):
        act(kernel)
    assert {name: (etc / name).read_text() for name in FILES} == dict(FILES)


def test_removing_the_directory_removes_the_account(kernel: UserKernel, etc: Path) -> None:
    fd = kernel.open("/users/syd/uid", os.O_RDWR)
    kernel.rmdir("/users/syd")
    for name in FILES:
        assert not line_of(etc / name, "syd")
    with refuses(errno.ENOENT):
        kernel.pread(fd, 10, 0)
    with refuses(errno.ENOENT):
        kernel.write(fd, b"1005\n")
    kernel.mkdir("/users/syd")
    with refuses(errno.ENOENT):  # it was the file of another
        kernel.pread(fd, 10, 0)
    kernel.close(fd)


def test_an_unlinked_file_is_there_again_when_the_directory_is_listed(kernel: UserKernel, etc: Path) -> None:
    kernel.unlink("/users/syd/uid")
    with refuses(errno.ENOENT):
        kernel.stat("/users/syd/uid")
    assert (etc / "passwd").read_text() == FILES["passwd"]
    assert sorted(kernel.listdir("/users/syd")) == USER_FILES
    assert read(kernel, "/users/syd/uid") == "1000\n"


def test_what_others_do_is_seen_at_once(kernel: UserKernel, etc: Path) -> None:
    assert read(kernel, "/users/syd/gecos") == "Syd Barrett\n"
    (etc / "passwd").write_text(
        FILES["passwd"].replace("syd:x:1000:1000:Syd Barrett", "nick:x:1002:100:Nick")
    )
    assert kernel.listdir("/users") == ["root", "daemon", "nick", "roger"]
    assert read(kernel, "/users/nick/gecos") == "Nick\n"
    with refuses(errno.ENOENT):
        kernel.stat("/users/syd")


# over which files


def test_without_being_told_it_is_a_copy_that_goes_with_the_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etc = directory_of_accounts(tmp_path)
    monkeypatch.setattr("filesystems.accounts.vnodeops.SYSTEM", str(etc))
    fs = AccountsFS()
    copy = Path(fs.store.directory)
    assert copy.stat().st_mode & 0o777 == 0o700
    with UserKernel.over(fs) as kernel:
        kernel.mkdir("/users/nick")
        assert line_of(copy / "passwd", "nick")
    assert not copy.exists()
    assert {name: (etc / name).read_text() for name in FILES} == dict(FILES)


def test_the_machines_own_are_taken_only_where_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SYSTEM == "/etc"
    etc = directory_of_accounts(tmp_path)
    monkeypatch.setattr("filesystems.accounts.vnodeops.SYSTEM", str(etc))
    fs = AccountsFS(system=True)
    assert fs.store.directory == str(etc)
    fs.unmount()
    assert etc.exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"passwd_dir": "/absent"}, "there is no passwd in /absent"),
        ({"passwd_dir": "/etc", "system": True}, "give one of them"),
        ({"shell": "sh"}, "no path from the root"),
        ({"home": "a:b"}, "has a colon"),
    ],
)
def test_what_cannot_be_mounted_is_told(options: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        AccountsFS(**options)
