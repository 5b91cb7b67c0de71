"""Extended attributes: set, read, listed, removed.

Whose may be read or set is the kernel's to decide, by the namespace.
"""

from __future__ import annotations

import errno
import os

from puffpy.testing.checks.times import moves
from puffpy.testing.promise import NotApplicable, expect, expect_refused, promise
from puffpy.testing.trial import Trial

NAME = "user.puffpy"
VALUES = (b"value", b"", b"\0binary\xff\0", b"x" * 2000, b"shorter again")


def ready(k: Trial, path: str = "file") -> None:
    """Make a file, and see whether it can have an attribute at all."""
    k.make_file(path)
    try:
        k.setxattr(path, NAME, b"probe")
        k.removexattr(path, NAME)
    except OSError as exc:
        if exc.errno in (errno.EOPNOTSUPP, errno.EROFS, errno.EPERM, errno.EACCES):
            raise NotApplicable(f"no attribute of the user's can be set ({exc.strerror})") from exc
        raise


@promise({"create", "setextattr", "getextattr", "deleteextattr"})
def an_attribute_is_what_it_was_last_set_to(k: Trial) -> None:
    ready(k)
    for value in VALUES:
        k.setxattr("file", NAME, value)
        k.drop_caches()
        expect(k.getxattr("file", NAME), value, f"the value of {NAME}")


@promise({"create", "setextattr", "getextattr", "deleteextattr"})
def an_attribute_that_is_not_there_is_enodata(k: Trial) -> None:
    ready(k)
    expect_refused(errno.ENODATA, k.getxattr, "file", NAME)
    expect_refused(errno.ENODATA, k.removexattr, "file", NAME)
    k.setxattr("file", NAME, b"value")
    k.removexattr("file", NAME)
    expect_refused(errno.ENODATA, k.getxattr, "file", NAME)


@promise({"create", "setextattr", "getextattr", "deleteextattr"})
def an_attribute_may_have_to_be_new_or_to_be_there(k: Trial) -> None:
    ready(k)
    expect_refused(errno.ENODATA, k.setxattr, "file", NAME, b"1", os.XATTR_REPLACE)
    k.setxattr("file", NAME, b"2", os.XATTR_CREATE)
    expect_refused(errno.EEXIST, k.setxattr, "file", NAME, b"3", os.XATTR_CREATE)
    expect(k.getxattr("file", NAME), b"2", "the value after the one that was refused")
    k.setxattr("file", NAME, b"4", os.XATTR_REPLACE)
    expect(k.getxattr("file", NAME), b"4", "the value after it was replaced")


@promise({"create", "setextattr", "listextattr", "deleteextattr"})
def attributes_are_listed(k: Trial) -> None:
    ready(k)
    names = [f"user.{number}" for number in range(20)]
    for name in names:
        k.setxattr("file", name, b"value")
    k.removexattr("file", names.pop())
    k.drop_caches()
    listed = [name for name in k.listxattr("file") if name.startswith("user.")]
    expect(sorted(listed), sorted(names), "the attributes listed")


@promise({"create", "mkdir", "setextattr", "getextattr", "deleteextattr"})
def attributes_belong_to_their_node(k: Trial) -> None:
    ready(k)
    ready(k, "other")
    k.mkdir("directory")
    k.setxattr("file", NAME, b"the file's")
    k.setxattr("directory", NAME, b"the directory's")
    k.drop_caches()
    expect(k.getxattr("file", NAME), b"the file's", "the file's attribute")
    expect(k.getxattr("directory", NAME), b"the directory's", "the directory's attribute")
    expect_refused(errno.ENODATA, k.getxattr, "other", NAME)


@promise({"create", "setextattr", "getextattr", "deleteextattr"})
def setting_an_attribute_moves_ctime_alone(k: Trial) -> None:
    ready(k)
    what = "setting an attribute"
    moves(k, "file", what, lambda: k.setxattr("file", NAME, b"1"), moved="ctime", stayed="mtime atime")
    what = "removing one"
    moves(k, "file", what, lambda: k.removexattr("file", NAME), moved="ctime", stayed="mtime atime")
