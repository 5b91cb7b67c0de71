"""Extended attributes."""

from __future__ import annotations

import errno
import os

import pytest

from puffpy.userkernel import UserKernel
from puffpy.wire import Opcode, Reply, Request
from puffpy.wire.flags import InitFlag
from tests.userkernel.stand_in import stand_in


@pytest.fixture(autouse=True)
def file(kernel: UserKernel) -> None:
    kernel.close(kernel.open("/f", os.O_CREAT | os.O_WRONLY, 0o666))


def test_what_was_set_is_listed_read_and_removed(kernel: UserKernel) -> None:
    kernel.setxattr("/f", "user.one", b"1")
    kernel.setxattr("/f", b"user.\xff", bytes(10000))
    assert kernel.getxattr("/f", "user.one") == b"1"
    assert kernel.getxattr("/f", "user.\udcff") == bytes(10000)
    assert sorted(kernel.listxattr("/f")) == ["user.one", "user.\udcff"]
    kernel.removexattr("/f", "user.one")
    for attempt in (lambda: kernel.getxattr("/f", "user.one"), lambda: kernel.removexattr("/f", "user.one")):
        with pytest.raises(OSError, match="No data") as caught:
            attempt()
        assert caught.value.errno == errno.ENODATA
        assert caught.value.filename == "/f"
    fd = kernel.open("/f", os.O_RDONLY)
    assert kernel.listxattr(fd) == ["user.\udcff"]


def test_create_and_replace(kernel: UserKernel) -> None:
    with pytest.raises(OSError, match="No data"):
        kernel.setxattr("/f", "user.x", b"", os.XATTR_REPLACE)
    kernel.setxattr("/f", "user.x", b"", os.XATTR_CREATE)
    assert kernel.getxattr("/f", "user.x") == b""
    with pytest.raises(FileExistsError):
        kernel.setxattr("/f", "user.x", b"", os.XATTR_CREATE)
    with pytest.raises(OSError, match="Invalid"):
        kernel.setxattr("/f", "user.x", b"", 8)


def test_what_the_kernel_refuses_by_itself(kernel: UserKernel) -> None:
    kernel.symlink("f", "/link")
    for attempt, code in (
        (lambda: kernel.setxattr("/f", "user.x", bytes(65537)), errno.E2BIG),
        (lambda: kernel.setxattr("/f", "user." + "x" * 256, b""), errno.ERANGE),
        (lambda: kernel.setxattr("/f", "", b""), errno.ERANGE),
        (lambda: kernel.setxattr("/link", "user.x", b"", follow_symlinks=False), errno.EPERM),
        (lambda: kernel.getxattr("/link", "user.x", follow_symlinks=False), errno.ENODATA),
    ):
        with pytest.raises(OSError, match=".") as caught:
            attempt()
        assert caught.value.errno == code
    with kernel.as_user(1000, 1000):
        kernel.close(kernel.open("/f", os.O_RDONLY))
        with pytest.raises(PermissionError):
            kernel.setxattr("/f", "trusted.x", b"")


@pytest.mark.parametrize("extended", [False, True])
def test_setxattr_has_the_form_that_was_agreed_on(extended: bool) -> None:
    flags = InitFlag.SETXATTR_EXT if extended else InitFlag(0)
    kernel, server = stand_in(
        {Opcode.SETXATTR: lambda request: Reply(request.unique)}, init={"flags": int(flags)}
    )
    server.setxattr_ext = extended
    kernel.setxattr("/file", "user.x", b"value", os.XATTR_CREATE)
    (asked,) = server.seen(Opcode.SETXATTR)
    assert (asked.names, bytes(asked.data), asked.fields["flags"]) == ((b"user.x",), b"value", 1)
    kernel.unmount()


def test_a_value_that_grows_meanwhile_is_asked_for_again() -> None:
    sizes = [3, 6]

    def getxattr(request: Request) -> Reply:
        if not request.fields["size"]:
            return Reply(request.unique, fields={"size": sizes.pop(0)})
        if request.fields["size"] < 6:
            return Reply(request.unique, error=errno.ERANGE)
        return Reply(request.unique, data=b"longer")

    kernel, _ = stand_in({Opcode.GETXATTR: getxattr})
    assert kernel.getxattr("/file", "user.x") == b"longer"
    kernel.unmount()


@pytest.mark.parametrize("names", [b"no end", b"\0", b"a\0\0b\0"])
def test_a_malformed_list_is_eio(names: bytes) -> None:
    def listxattr(request: Request) -> Reply:
        if not request.fields["size"]:
            return Reply(request.unique, fields={"size": len(names)})
        return Reply(request.unique, data=names)

    kernel, _ = stand_in({Opcode.LISTXATTR: listxattr})
    with pytest.raises(OSError, match="Input/output"):
        kernel.listxattr("/file")
    kernel.unmount()
