"""What a file system refuses that lacks some operations: with the right error, and at once.

What is refused although the operation is there belongs to the operation's own subject.
"""

from __future__ import annotations

import errno
import os

from puffpy.testing.checks.looking import ABSENT, regular
from puffpy.testing.promise import expect_refused, promise
from puffpy.testing.trial import Trial

NOT_HERE = (errno.EROFS, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES)
"""What may be said to who would change what cannot be changed."""


@promise(lacks={"write"})
def opening_for_writing_is_erofs(k: Trial) -> None:
    for each in regular(k):
        expect_refused(errno.EROFS, k.open, each.path, os.O_WRONLY)
        expect_refused(errno.EROFS, k.open, each.path, os.O_RDWR)


@promise(lacks={"create", "mknod"})
def making_a_file_is_refused(k: Trial) -> None:
    expect_refused(NOT_HERE, k.open, ABSENT, os.O_CREAT | os.O_WRONLY)
    expect_refused(errno.ENOENT, k.stat, ABSENT)


@promise(lacks={"mkdir"})
def making_a_directory_is_refused(k: Trial) -> None:
    expect_refused(NOT_HERE, k.mkdir, ABSENT)
    expect_refused(errno.ENOENT, k.stat, ABSENT)


@promise(lacks={"remove"})
def removing_a_file_is_refused(k: Trial) -> None:
    for each in regular(k):
        expect_refused(NOT_HERE, k.unlink, each.path)
        k.drop_caches()
        k.stat(each.path)


@promise(lacks={"rename"})
def renaming_is_refused(k: Trial) -> None:
    for each in regular(k):
        expect_refused(NOT_HERE, k.rename, each.path, ABSENT)
        k.drop_caches()
        k.stat(each.path)


@promise(lacks={"setattr"})
def changing_attributes_is_refused(k: Trial) -> None:
    for each in regular(k):
        expect_refused(NOT_HERE, k.chmod, each.path, 0o600)
        expect_refused(NOT_HERE, k.utime, each.path)
