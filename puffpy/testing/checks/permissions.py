"""Permissions: what several users may do to each other, and whose what they make is.

The kernel decides by what the file system says of owner, group and mode, or, without ``default_permissions``,
the file system does.  Users here have one group only: a user of a kernel in user space is no process whose
further groups a file system could look up.
"""

from __future__ import annotations

import errno
import os
import stat

from puffpy.testing.promise import expect, expect_refused, promise
from puffpy.testing.trial import Trial

OWNER, MEMBER, OTHER = 1000, 1001, 1002
"""Three users: whose the file is, who is in its group, and who is neither."""

GROUP = 2000


def prepare(k: Trial, mode: int, *, directory: bool = False) -> None:
    """As root, make "it", a file or directory of OWNER and GROUP with *mode*; everybody may get there."""
    with k.root():
        k.chmod(".", 0o755)
        if directory:
            k.mkdir("it")
        else:
            k.make_file("it")
        k.chown("it", OWNER, GROUP)
        k.chmod("it", mode)


@promise({"create"}, users=True)
def what_somebody_makes_is_theirs(k: Trial) -> None:
    with k.root():
        k.chmod(".", 0o1777) if "setattr" in k.ops else None
    with k.as_user(OWNER, GROUP):
        k.make_file("file")
        k.drop_caches()
        told = k.stat("file")
    expect((told.st_uid, told.st_gid), (OWNER, GROUP), "owner and group of what a user made")


@promise({"create", "setattr"}, users=True)
def the_mode_says_who_may_read_and_write(k: Trial) -> None:
    prepare(k, 0)
    users = {(OWNER, OWNER): 6, (MEMBER, GROUP): 3, (OTHER, OTHER): 0}
    for mode in (0o600, 0o660, 0o640, 0o604, 0o060, 0o006, 0o222, 0o444):
        with k.root():
            k.chmod("it", mode)
        for user, shift in users.items():
            granted = mode >> shift & 7
            with k.as_user(*user):
                k.drop_caches()
                for flags, bit in ((os.O_RDONLY, 4), (os.O_WRONLY, 2)):
                    if granted & bit:
                        k.close(k.open("it", flags))
                    else:
                        expect_refused(errno.EACCES, k.open, "it", flags)


@promise({"create", "mkdir", "setattr"}, users=True)
def a_directory_that_may_not_be_searched_hides_what_is_in_it(k: Trial) -> None:
    prepare(k, 0o700, directory=True)
    with k.as_user(OWNER, GROUP):
        k.make_file("it/inside")
    with k.as_user(OTHER, OTHER):
        k.drop_caches()
        expect_refused(errno.EACCES, k.stat, "it/inside")
        expect_refused(errno.EACCES, k.listdir, "it")
    with k.root():
        k.chmod("it", 0o711)
    with k.as_user(OTHER, OTHER):
        k.stat("it/inside")
        expect_refused(errno.EACCES, k.listdir, "it")


@promise({"create", "mkdir", "setattr", "remove"}, users=True)
def only_who_may_write_a_directory_changes_its_names(k: Trial) -> None:
    prepare(k, 0o755, directory=True)
    with k.as_user(OWNER, GROUP):
        k.make_file("it/file")
    with k.as_user(OTHER, OTHER):
        k.drop_caches()
        expect_refused(errno.EACCES, k.open, "it/new", os.O_CREAT | os.O_WRONLY)
        expect_refused(errno.EACCES, k.mkdir, "it/new")
        expect_refused(errno.EACCES, k.unlink, "it/file")
        if "rename" in k.ops:
            expect_refused(errno.EACCES, k.rename, "it/file", "it/other")
    with k.as_user(OWNER, GROUP):
        k.unlink("it/file")


@promise({"create", "mkdir", "setattr", "remove"}, users=True)
def in_a_sticky_directory_everybody_removes_their_own(k: Trial) -> None:
    prepare(k, 0o1777, directory=True)
    with k.as_user(MEMBER, MEMBER):
        k.make_file("it/file")
    with k.as_user(OTHER, OTHER):
        k.drop_caches()
        expect_refused(errno.EPERM, k.unlink, "it/file")
    with k.as_user(MEMBER, MEMBER):
        k.unlink("it/file")


@promise({"create", "setattr"}, users=True)
def only_the_owner_changes_the_mode(k: Trial) -> None:
    prepare(k, 0o666)
    with k.as_user(OTHER, OTHER):
        expect_refused((errno.EPERM, errno.EACCES), k.chmod, "it", 0o777)
        expect_refused((errno.EPERM, errno.EACCES), k.utime, "it", ns=(1, 1))
        k.utime("it")  # who may write may say that it has been written
    with k.as_user(OWNER, GROUP):
        k.chmod("it", 0o600)
    expect(stat.S_IMODE(k.stat("it").st_mode), 0o600, "the mode that the owner has set")


@promise({"create", "setattr"}, users=True)
def only_root_gives_a_file_away(k: Trial) -> None:
    prepare(k, 0o666)
    for user in (OWNER, OTHER):
        with k.as_user(user, GROUP):
            expect_refused((errno.EPERM, errno.EACCES), k.chown, "it", MEMBER, -1)
    with k.as_user(OWNER, GROUP + 1):
        k.chown("it", -1, GROUP + 1)
        expect_refused((errno.EPERM, errno.EACCES), k.chown, "it", -1, GROUP + 2)
    told = k.stat("it")
    expect((told.st_uid, told.st_gid), (OWNER, GROUP + 1), "owner and group")


@promise({"create", "setattr", "write"}, users=True)
def a_write_by_somebody_else_clears_set_uid(k: Trial) -> None:
    prepare(k, 0o6777)
    with k.as_user(OTHER, OTHER), k.opened("it", os.O_WRONLY) as fd:
        k.write_all(fd, b"changed")
    k.drop_caches()
    expect(oct(stat.S_IMODE(k.stat("it").st_mode)), oct(0o777), "the mode of what was 06777")


@promise({"create", "setattr"}, users=True)
def a_new_group_clears_set_uid(k: Trial) -> None:
    prepare(k, 0o6777)
    with k.as_user(OWNER, GROUP + 1):
        k.chown("it", -1, GROUP + 1)
    k.drop_caches()
    expect(oct(stat.S_IMODE(k.stat("it").st_mode)), oct(0o777), "the mode of what was 06777")


@promise({"create", "setattr"}, users=True)
def access_says_what_open_would(k: Trial) -> None:
    prepare(k, 0o640)
    for user, group, expected in (
        (OWNER, OWNER, (True, True)),
        (MEMBER, GROUP, (True, False)),
        (OTHER, OTHER, (False, False)),
    ):
        with k.as_user(user, group):
            k.drop_caches()
            got = k.access("it", os.R_OK), k.access("it", os.W_OK)
        expect(got, expected, f"whether user {user} may read and write what is 0640")
