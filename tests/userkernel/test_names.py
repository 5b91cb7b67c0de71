"""Names made, moved and removed; and what is remembered afterwards."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

import pytest

from puffpy.userkernel import UserKernel
from puffpy.wire import Opcode, Reply
from puffpy.wire.flags import InitFlag
from tests.userkernel.stand_in import DIRECTORY, FILE, entry, stand_in

NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4


def put(kernel: UserKernel, path: str, data: bytes = b"") -> None:
    fd = kernel.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    kernel.write(fd, data)
    kernel.close(fd)


@pytest.fixture(autouse=True)
def tree(kernel: UserKernel) -> None:
    kernel.makedirs("/full/below")
    kernel.mkdir("/empty")
    put(kernel, "/file", b"file")
    put(kernel, "/other", b"other!")
    kernel.symlink("file", "/link")


KINDS = ("file", "other", "empty", "full", "link", "missing")

RENAMES = {
    ("file", "empty"): errno.EISDIR,
    ("file", "full"): errno.EISDIR,
    ("link", "empty"): errno.EISDIR,
    ("link", "full"): errno.EISDIR,
    ("other", "empty"): errno.EISDIR,
    ("other", "full"): errno.EISDIR,
    ("empty", "file"): errno.ENOTDIR,
    ("empty", "other"): errno.ENOTDIR,
    ("empty", "link"): errno.ENOTDIR,
    ("empty", "full"): errno.ENOTEMPTY,
    ("full", "file"): errno.ENOTDIR,
    ("full", "other"): errno.ENOTDIR,
    ("full", "link"): errno.ENOTDIR,
}


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
def test_the_rename_matrix(kernel: UserKernel, source: str, target: str) -> None:
    code = errno.ENOENT if source == "missing" else RENAMES.get((source, target), 0)
    before = sorted(map(str, kernel.listdir("/")))
    if code:
        with pytest.raises(OSError, match=".") as caught:
            kernel.rename(f"/{source}", f"/{target}")
        assert caught.value.errno == code
        assert (caught.value.filename, caught.value.filename2) == (f"/{source}", f"/{target}")
        assert sorted(map(str, kernel.listdir("/"))) == before
        return
    ino = kernel.lstat(f"/{source}").st_ino
    kernel.rename(f"/{source}", f"/{target}")
    assert kernel.lstat(f"/{target}").st_ino == ino
    kernel.drop_caches()
    assert kernel.lstat(f"/{target}").st_ino == ino
    assert (source in kernel.listdir("/")) == (source == target)


@pytest.mark.parametrize(
    ("source", "target", "flags", "code"),
    [
        ("/file", "/other", NOREPLACE, errno.EEXIST),
        ("/file", "/missing", EXCHANGE, errno.ENOENT),
        ("/missing", "/file", EXCHANGE, errno.ENOENT),
        ("/file", "/x", NOREPLACE | EXCHANGE, errno.EINVAL),
        ("/file", "/x", WHITEOUT | EXCHANGE, errno.EINVAL),
        ("/file", "/x", 8, errno.EINVAL),
        ("/full", "/full/below/x", 0, errno.EINVAL),
        ("/full", "/full/x", 0, errno.EINVAL),
        ("/full/below", "/full", 0, errno.ENOTEMPTY),
        ("/full/below", "/full", EXCHANGE, errno.EINVAL),
        ("/file/", "/x", 0, errno.ENOTDIR),
        ("/file", "/x/", 0, errno.ENOTDIR),
    ],
)
def test_what_cannot_be_renamed(kernel: UserKernel, source: str, target: str, flags: int, code: int) -> None:
    with pytest.raises(OSError, match=".") as caught:
        kernel.rename(source, target, flags=flags)
    assert caught.value.errno == code


def test_exchange_swaps_both_and_what_is_below_them(kernel: UserKernel) -> None:
    ino = kernel.stat("/full/below").st_ino
    kernel.rename("/full", "/file", flags=EXCHANGE)
    assert kernel.stat("/file/below").st_ino == ino
    assert kernel.stat("/full").st_size == 4
    kernel.drop_caches()
    assert kernel.stat("/file/below").st_ino == ino


def test_noreplace_takes_a_free_name(kernel: UserKernel) -> None:
    kernel.rename("/file", "/full/new", flags=NOREPLACE)
    assert kernel.stat("/full/new").st_size == 4


def test_whiteout_leaves_a_device_behind(kernel: UserKernel) -> None:
    kernel.rename("/file", "/new", flags=WHITEOUT)
    kernel.drop_caches()
    left = kernel.lstat("/file")
    assert stat.S_ISCHR(left.st_mode)
    assert left.st_rdev == 0


def test_two_names_of_one_file_are_left_alone(kernel: UserKernel) -> None:
    kernel.link("/file", "/full/again")
    kernel.rename("/file", "/full/again")
    assert kernel.stat("/file").st_nlink == 2


def test_a_moved_directory_is_walked_at_its_new_place(kernel: UserKernel) -> None:
    kernel.rename("/full", "/empty/full")
    assert kernel.listdir("/empty/full") == ["below"]
    assert kernel.stat("/empty/full/below/../..").st_ino == kernel.stat("/empty").st_ino
    assert not kernel.exists("/full")


MADE: list[tuple[str, Callable[[UserKernel, str], object]]] = [
    ("mkdir", lambda kernel, path: kernel.mkdir(path)),
    ("mknod", lambda kernel, path: kernel.mknod(path)),
    ("mkfifo", lambda kernel, path: kernel.mkfifo(path)),
    ("symlink", lambda kernel, path: kernel.symlink("x", path)),
    ("link", lambda kernel, path: kernel.link("/file", path)),
]


@pytest.mark.parametrize(("what", "make"), MADE, ids=[what for what, _ in MADE])
def test_what_is_made_is_there_and_cannot_be_made_twice(
    kernel: UserKernel, what: str, make: Callable[[UserKernel, str], object]
) -> None:
    make(kernel, "/full/new")
    kernel.lstat("/full/new")
    kernel.drop_caches()
    kernel.lstat("/full/new")
    with pytest.raises(FileExistsError):
        make(kernel, "/full/new")
    with pytest.raises(FileExistsError):
        make(kernel, "/link")
    with pytest.raises(FileNotFoundError):
        make(kernel, "/missing/new")
    with pytest.raises(NotADirectoryError):
        make(kernel, "/file/new")
    with pytest.raises(OSError, match="too long"):
        make(kernel, "/" + "x" * 256)


def test_removing_refuses_the_wrong_kind(kernel: UserKernel) -> None:
    attempts: list[tuple[Callable[[], object], int]] = [
        (lambda: kernel.unlink("/empty"), errno.EISDIR),
        (lambda: kernel.unlink("/empty/"), errno.EISDIR),
        (lambda: kernel.unlink("/file/"), errno.ENOTDIR),
        (lambda: kernel.rmdir("/file"), errno.ENOTDIR),
        (lambda: kernel.rmdir("/link"), errno.ENOTDIR),
        (lambda: kernel.rmdir("/full"), errno.ENOTEMPTY),
        (lambda: kernel.unlink("/missing"), errno.ENOENT),
        (lambda: kernel.rmdir("/missing"), errno.ENOENT),
    ]
    for attempt, code in attempts:
        with pytest.raises(OSError, match=".") as caught:
            attempt()
        assert caught.value.errno == code
    kernel.rmdir("/empty/")
    kernel.remove("/link")
    assert kernel.exists("/file")


def test_makedirs_makes_what_is_missing(kernel: UserKernel) -> None:
    kernel.makedirs("/a/b/c/")
    kernel.makedirs("/a/b/c", exist_ok=True)
    with pytest.raises(FileExistsError):
        kernel.makedirs("/a/b/c")
    with pytest.raises(FileExistsError):
        kernel.makedirs("/file", exist_ok=True)


def test_devices_are_for_the_privileged(kernel: UserKernel) -> None:
    kernel.chmod("/", 0o777)
    kernel.mknod("/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert kernel.stat("/null").st_rdev == os.makedev(1, 3)
    with kernel.as_user(1000, 1000):
        kernel.mkfifo("/fifo")
        for kind in (stat.S_IFCHR, stat.S_IFDIR):
            with pytest.raises(PermissionError):
                kernel.mknod("/device", kind)


def test_a_set_gid_directory_hands_its_group_down(kernel: UserKernel) -> None:
    kernel.chown("/full", -1, 55)
    kernel.chmod("/full", 0o2777)
    with kernel.as_user(1000, 1000):
        put(kernel, "/full/new")
        kernel.mkdir("/full/sub")
    assert kernel.stat("/full/new").st_gid == 55
    assert kernel.stat("/full/sub").st_mode & stat.S_ISGID


def test_a_rename_with_flags_is_another_request() -> None:
    kernel, server = stand_in(
        {
            Opcode.RENAME: lambda request: Reply(request.unique),
            Opcode.RENAME2: lambda request: Reply(request.unique),
        }
    )
    kernel.rename("/file", "/directory/new")
    (plain,) = server.seen(Opcode.RENAME)
    assert (plain.nodeid, plain.fields["newdir"], plain.names) == (1, DIRECTORY, (b"file", b"new"))
    kernel.rename("/link", "/new", flags=NOREPLACE)
    (flagged,) = server.seen(Opcode.RENAME2)
    assert flagged.fields == {"newdir": 1, "flags": NOREPLACE}
    kernel.unmount()


def test_mkdir_says_neither_its_type_nor_set_uid() -> None:
    kernel, server = stand_in(
        {Opcode.MKDIR: lambda request: Reply(request.unique, fields=entry(60, mode=0o40755))}
    )
    kernel.mkdir("/new", 0o7777)
    (mkdir,) = server.seen(Opcode.MKDIR)
    assert mkdir.fields == {"mode": 0o1755, "umask": 0o022}
    kernel.unmount()


def test_the_group_of_a_set_gid_check_goes_along() -> None:
    kernel, server = stand_in(
        {
            Opcode.MKDIR: lambda request: Reply(request.unique, fields=entry(60, mode=0o40755)),
            Opcode.LOOKUP: lambda request: (
                Reply(request.unique, fields=entry(DIRECTORY, gid=777))
                if request.names == (b"directory",)
                else Reply(request.unique, error=errno.ENOENT)
            ),
        },
        init={
            "flags": InitFlag.INIT_EXT | InitFlag.PARALLEL_DIROPS,
            "flags2": int(InitFlag.CREATE_SUPP_GROUP) >> 32,
        },
    )
    with kernel.as_user(1000, 1000, [5, 777]):
        kernel.mkdir("/directory/a")
    with kernel.as_user(1000, 777):
        kernel.mkdir("/directory/b")
    assert [request.groups for request in server.seen(Opcode.MKDIR)] == [(777,), ()]
    kernel.unmount()


def test_an_unlink_that_finds_nothing_makes_the_kernel_ask_again() -> None:
    kernel, server = stand_in({Opcode.UNLINK: errno.ENOENT})
    kernel.stat("/file")
    with pytest.raises(FileNotFoundError):
        kernel.unlink("/file")
    server.seen(Opcode.LOOKUP)
    kernel.stat("/file")
    assert len(server.seen(Opcode.LOOKUP)) == 1
    assert kernel.balance().lookups == {FILE: 2}
    kernel.unmount()


def test_a_rename_into_itself_or_over_what_it_is_in_is_not_sent() -> None:
    kernel, server = stand_in()
    server.set(
        Opcode.LOOKUP,
        lambda request: (
            Reply(request.unique, fields=entry(request.nodeid + 10, mode=0o40755))
            if request.names[0].startswith(b"d")
            else Reply(request.unique, error=errno.ENOENT)
        ),
    )
    for source, target, code in (("/d", "/d/d/new", errno.EINVAL), ("/d/d", "/d", errno.ENOTEMPTY)):
        with pytest.raises(OSError, match=".") as caught:
            kernel.rename(source, target)
        assert caught.value.errno == code
    assert not server.seen(Opcode.RENAME)
    kernel.unmount()
