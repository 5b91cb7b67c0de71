"""What an exception tells the kernel, and what the tree promises about itself."""

import errno
import math
import pickle

import pytest

from puffpy.errors import (
    Absent,
    FsError,
    MountError,
    PuffpyError,
    ReplyError,
    VectorError,
    WireError,
    errno_of,
)


class Forgotten(FileNotFoundError):
    """A file system's own class."""


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (OSError(errno.EXDEV, "two devices"), errno.EXDEV),
        (FsError(errno.ENOTEMPTY), errno.ENOTEMPTY),
        (Absent(ttl=1.5), errno.ENOENT),
        (FileNotFoundError(), errno.ENOENT),
        (FileNotFoundError("no errno, only words"), errno.ENOENT),
        (Forgotten(), errno.ENOENT),
        (FileExistsError(), errno.EEXIST),
        (IsADirectoryError(), errno.EISDIR),
        (NotADirectoryError(), errno.ENOTDIR),
        (PermissionError(), errno.EACCES),
        (PermissionError(errno.EPERM, "not the owner"), errno.EPERM),
        (InterruptedError(), errno.EINTR),
        (BlockingIOError(), errno.EAGAIN),
        (BrokenPipeError(), errno.EPIPE),
        (TimeoutError(), errno.ETIMEDOUT),
        (NotImplementedError(), errno.EOPNOTSUPP),
        (MemoryError(), errno.ENOMEM),
        (RecursionError(), errno.EIO),
        (OSError(), errno.EIO),
        (OSError("only words"), errno.EIO),
        (OSError(0, "no error"), errno.EIO),
        (OSError(-2, "a resolver's number"), errno.EIO),
        (OSError(512, "the kernel's own ERESTARTSYS"), errno.EIO),
        (KeyError("a bug"), errno.EIO),
        (WireError("bytes"), errno.EIO),
        (ReplyError("untrue"), errno.EIO),
        (MountError("words"), errno.EIO),
        (MountError("words", errno.ENODEV), errno.ENODEV),
        (KeyboardInterrupt(), errno.EIO),
    ],
    ids=lambda value: repr(value) if isinstance(value, BaseException) else errno.errorcode[value],
)
def test_an_exception_becomes_its_errno(exc: BaseException, code: int) -> None:
    assert errno_of(exc) == code


def test_enosys_never_reaches_the_kernel_by_an_exception() -> None:
    assert errno_of(OSError(errno.ENOSYS, "not here")) == errno.EOPNOTSUPP
    assert errno_of(FsError(errno.ENOSYS)) == errno.EOPNOTSUPP


def test_every_errno_of_this_machine_passes_but_enosys() -> None:
    for code in errno.errorcode:
        expected = errno.EOPNOTSUPP if code == errno.ENOSYS else code
        assert errno_of(FsError(code)) == expected


@pytest.mark.parametrize("code", [0, -errno.ENOENT, 512])
def test_a_number_that_is_no_errno_is_refused_at_the_raise(code: int) -> None:
    with pytest.raises(ValueError, match=f"{code} is no errno: give one of the errno module's"):
        FsError(code)


def test_a_refusal_says_what_the_errno_means() -> None:
    assert str(FsError(errno.ENOTEMPTY)) == f"[Errno {errno.ENOTEMPTY}] Directory not empty"
    assert FsError(errno.ENOTEMPTY, "still has a child").strerror == "still has a child"


def test_an_absence_says_for_how_long() -> None:
    assert Absent().ttl == 0
    assert Absent(ttl=math.inf).ttl == math.inf
    for ttl in (-1.0, math.nan):
        with pytest.raises(ValueError, match="give the seconds the kernel may remember"):
            Absent(ttl=ttl)


def test_a_mount_error_shows_its_message_alone() -> None:
    refusal = MountError("no /dev/fuse here: load the fuse module", errno.ENODEV)
    assert str(refusal) == "no /dev/fuse here: load the fuse module"
    assert refusal.errno == errno.ENODEV
    assert MountError("no errno").errno is None


def test_the_tree_is_what_callers_catch() -> None:
    for cls in (WireError, ReplyError, VectorError, MountError):
        assert issubclass(cls, PuffpyError)
    assert issubclass(VectorError, TypeError)
    assert issubclass(MountError, OSError)
    assert issubclass(Absent, FileNotFoundError)
    assert not issubclass(FsError, PuffpyError)


@pytest.mark.parametrize(
    "exc", [FsError(errno.EPERM, "why"), Absent(ttl=2.0), MountError("what to do", errno.EPERM)], ids=repr
)
def test_an_error_survives_the_way_to_another_process(exc: OSError) -> None:
    copy = pickle.loads(pickle.dumps(exc))
    assert (type(copy), copy.errno, str(copy)) == (type(exc), exc.errno, str(exc))
    assert vars(copy) == vars(exc)
