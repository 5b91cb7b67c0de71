"""Who may do what, decided here with default_permissions and by the server without."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

import pytest

from puffpy.types import Credentials
from puffpy.userkernel import Mount, UserKernel
from puffpy.userkernel.inodes import Attr
from puffpy.userkernel.permissions import allowed
from puffpy.wire import Opcode, Reply
from tests.userkernel.stand_in import attributes, stand_in

OWNER, MEMBER, OTHER = Credentials(1, 1), Credentials(2, 8, (10,)), Credentials(3, 3)
SUPER = Credentials(0, 0)


def attr(mode: int) -> Attr:
    return Attr.of(
        dict.fromkeys((field.name for field in Attr.__attrs_attrs__), 0) | {"mode": mode, "uid": 1, "gid": 10}
    )


@pytest.mark.parametrize("who", [OWNER, MEMBER, OTHER])
@pytest.mark.parametrize("mask", range(8))
def test_everybody_has_the_bits_that_are_theirs_and_no_others(who: Credentials, mask: int) -> None:
    shift = {OWNER: 6, MEMBER: 3, OTHER: 0}[who]
    assert allowed(attr(stat.S_IFREG | mask << shift), who, mask)
    assert allowed(attr(stat.S_IFREG | 0o777 ^ 7 << shift), who, mask) == (mask == 0)


def test_root_may_do_everything_but_run_what_nobody_may() -> None:
    assert allowed(attr(stat.S_IFREG), SUPER, os.R_OK | os.W_OK)
    assert not allowed(attr(stat.S_IFREG), SUPER, os.X_OK)
    assert allowed(attr(stat.S_IFREG | 0o010), SUPER, os.X_OK)
    assert allowed(attr(stat.S_IFDIR), SUPER, os.X_OK)


@pytest.fixture
def home(kernel: UserKernel) -> str:
    """A directory of user 1000, with a file of hers in it."""
    kernel.chmod("/", 0o755)
    kernel.mkdir("/home")
    kernel.chown("/home", 1000, 1000)
    with kernel.as_user(1000, 1000), kernel.open_file("/home/file", "w") as file:
        file.write("hers")
    return "/home"


STRANGER: list[tuple[str, Callable[[UserKernel], object]]] = [
    ("create", lambda kernel: kernel.open("/home/new", os.O_CREAT | os.O_WRONLY)),
    ("mkdir", lambda kernel: kernel.mkdir("/home/new")),
    ("unlink", lambda kernel: kernel.unlink("/home/file")),
    ("rename", lambda kernel: kernel.rename("/home/file", "/home/x")),
    ("write", lambda kernel: kernel.open("/home/file", os.O_WRONLY)),
    ("truncate", lambda kernel: kernel.truncate("/home/file", 0)),
    ("chmod", lambda kernel: kernel.chmod("/home/file", 0o777)),
    ("chown", lambda kernel: kernel.chown("/home/file", 1001, 1001)),
    ("utime", lambda kernel: kernel.utime("/home/file", ns=(1, 1))),
    ("touch", lambda kernel: kernel.utime("/home/file")),
    ("link", lambda kernel: kernel.link("/home/file", "/home/x")),
]


@pytest.mark.parametrize(("what", "attempt"), STRANGER, ids=[what for what, _ in STRANGER])
def test_a_stranger_may_not(
    kernel: UserKernel, home: str, what: str, attempt: Callable[[UserKernel], object]
) -> None:
    with kernel.as_user(1001, 1001), pytest.raises(PermissionError):
        attempt(kernel)
    assert kernel.listdir(home) == ["file"]


@pytest.mark.parametrize(("what", "attempt"), STRANGER[:-2], ids=[what for what, _ in STRANGER[:-2]])
def test_the_owner_may_what_a_stranger_may_not(
    kernel: UserKernel, home: str, what: str, attempt: Callable[[UserKernel], object]
) -> None:
    with kernel.as_user(1000, 1000):
        if what == "chown":
            with pytest.raises(PermissionError):
                attempt(kernel)
            kernel.chown(f"{home}/file", -1, 1000)
        else:
            attempt(kernel)


def test_a_directory_without_x_cannot_be_searched(kernel: UserKernel, home: str) -> None:
    kernel.chmod(home, 0o700)
    with kernel.as_user(1001, 1001):
        with pytest.raises(PermissionError):
            kernel.stat(f"{home}/file")
        with pytest.raises(PermissionError):
            kernel.listdir(home)
        with pytest.raises(PermissionError):
            kernel.chdir(home)
        assert not kernel.access(home, os.R_OK)
    kernel.chmod(home, 0o711)
    with kernel.as_user(1001, 1001):
        kernel.stat(f"{home}/file")


def test_a_supplementary_group_counts(kernel: UserKernel, home: str) -> None:
    kernel.chmod(home, 0o770)
    with kernel.as_user(1001, 1001), pytest.raises(PermissionError):
        kernel.stat(f"{home}/file")
    with kernel.as_user(1001, 1001, [1000]):
        kernel.mkdir(f"{home}/shared")


def test_in_a_sticky_directory_everybody_removes_their_own(kernel: UserKernel) -> None:
    kernel.mkdir("/tmp")
    kernel.chmod("/tmp", 0o1777)
    for user in (1000, 1001):
        with kernel.as_user(user, user):
            kernel.close(kernel.open(f"/tmp/{user}", os.O_CREAT | os.O_WRONLY))
    with kernel.as_user(1000, 1000):
        attempts: list[Callable[[], object]] = [
            lambda: kernel.unlink("/tmp/1001"),
            lambda: kernel.rename("/tmp/1001", "/tmp/x"),
            lambda: kernel.rename("/tmp/1000", "/tmp/1001"),
        ]
        for attempt in attempts:
            with pytest.raises(PermissionError) as caught:
                attempt()
            assert caught.value.errno == 1
        kernel.unlink("/tmp/1000")
    kernel.unlink("/tmp/1001")


def test_who_is_not_in_the_group_cannot_set_its_bit(kernel: UserKernel, home: str) -> None:
    kernel.chown(f"{home}/file", -1, 55)
    with kernel.as_user(1000, 1000):
        kernel.chmod(f"{home}/file", 0o2755)
    assert kernel.stat(f"{home}/file").st_mode & 0o7777 == 0o755
    with kernel.as_user(1000, 1000, [55]):
        kernel.chmod(f"{home}/file", 0o2755)
    assert kernel.stat(f"{home}/file").st_mode & 0o7777 == 0o2755


def test_a_write_by_somebody_else_clears_set_uid(kernel: UserKernel, home: str) -> None:
    kernel.chmod(f"{home}/file", 0o6777)
    with kernel.as_user(1001, 1001):
        fd = kernel.open(f"{home}/file", os.O_WRONLY)
        kernel.write(fd, b"x")
        kernel.close(fd)
    assert kernel.stat(f"{home}/file").st_mode & 0o7777 == 0o777
    kernel.chmod(f"{home}/file", 0o6777)
    fd = kernel.open(f"{home}/file", os.O_WRONLY)
    kernel.write(fd, b"x")
    kernel.close(fd)
    assert kernel.stat(f"{home}/file").st_mode & 0o7777 == 0o6777, "root may keep them"


def test_touching_takes_no_more_than_the_right_to_write(kernel: UserKernel, home: str) -> None:
    kernel.chmod(f"{home}/file", 0o666)
    with kernel.as_user(1001, 1001):
        kernel.utime(f"{home}/file")
        with pytest.raises(PermissionError):
            kernel.utime(f"{home}/file", ns=(1, 1))


def test_on_a_read_only_mount_nothing_changes() -> None:
    kernel, server = stand_in(mount=Mount(ro=True))
    for attempt in (
        lambda: kernel.mkdir("/new"),
        lambda: kernel.open("/file", os.O_WRONLY),
        lambda: kernel.unlink("/file"),
        lambda: kernel.chmod("/file", 0),
        lambda: kernel.truncate("/file", 0),
        lambda: kernel.setxattr("/file", "user.x", b""),
    ):
        with pytest.raises(OSError, match="Read-only"):
            attempt()
    assert not kernel.access("/file", os.W_OK)
    assert not server.seen(Opcode.MKDIR, Opcode.OPEN, Opcode.UNLINK, Opcode.SETATTR, Opcode.SETXATTR)
    kernel.unmount()


def test_without_default_permissions_the_server_is_asked() -> None:
    kernel, server = stand_in(
        {
            Opcode.UNLINK: lambda request: Reply(request.unique),
            Opcode.ACCESS: lambda request: Reply(request.unique, error=13),
            Opcode.SETATTR: lambda request: Reply(request.unique, fields=attributes(request.nodeid)),
        }
    )
    with kernel.as_user(1001, 1001):
        assert not kernel.access("/file", os.R_OK)
        with pytest.raises(PermissionError):
            kernel.chdir("/directory")
        kernel.chmod("/file", 0o4777)
        kernel.unlink("/file")
    assert [request.fields["mask"] for request in server.seen(Opcode.ACCESS)] == [os.R_OK, os.X_OK]
    (chmod,) = server.seen(Opcode.SETATTR)
    assert chmod.fields["mode"] == stat.S_IFREG | 0o4777
    kernel.unmount()


def test_before_it_says_no_it_asks_once_more() -> None:
    kernel, server = stand_in(mount=Mount(default_permissions=True))
    server.set(
        Opcode.GETATTR,
        lambda request: Reply(
            request.unique, fields=attributes(request.nodeid, uid=1000) | {"attr_valid": 10}
        ),
    )
    with kernel.as_user(1000, 1000):
        kernel.close(kernel.open("/file", os.O_WRONLY))
    assert len(server.seen(Opcode.GETATTR)) >= 1
    kernel.unmount()
