"""Links: symbolic ones say what they were told, hard ones are the file itself; and how they are counted.

What rename does to them is in rename.
"""

from __future__ import annotations

import errno
import os
import stat

from puffpy.testing.promise import expect, expect_refused, expect_that, promise
from puffpy.testing.trial import Trial

TARGETS = (
    *(b"file", b"no/such/file", b"/absolute", b"..", b".", b"a//b/", b" "),
    *(b"\xff\xfe", b"with\nline", b"x" * 4095),
)


@promise({"symlink", "readlink"})
def a_symbolic_link_says_what_it_was_told(k: Trial) -> None:
    for number, target in enumerate(TARGETS):
        name = b"link %d" % number
        k.symlink(target, name)
        k.drop_caches()
        expect(k.readlink(name), target, "readlink of a new symbolic link")
        told = k.lstat(name)
        expect(stat.S_IFMT(told.st_mode), stat.S_IFLNK, "its type")
        expect(told.st_size, len(target), "its st_size")


@promise({"symlink", "readlink", "create", "mkdir"})
def symbolic_links_are_followed(k: Trial) -> None:
    k.mkdir("directory")
    k.make_file("directory/file")
    k.symlink("directory", "to directory")
    k.symlink("to directory/file", "to file")
    k.symlink("../directory/file", "directory/up")
    k.drop_caches()
    number = k.stat("directory/file").st_ino
    for path in ("to directory/file", "to file", "to directory/up"):
        expect(k.stat(path).st_ino, number, f"the file that {path!r} leads to")


@promise({"symlink", "readlink"})
def links_to_nothing_and_to_themselves_are_refused(k: Trial) -> None:
    k.symlink("nothing", "dangling")
    k.symlink("loop", "loop")
    k.drop_caches()
    expect_refused(errno.ENOENT, k.stat, "dangling")
    expect_refused(errno.ELOOP, k.stat, "loop")
    k.lstat("dangling")
    k.lstat("loop")


@promise({"symlink", "create", "remove"})
def removing_a_symbolic_link_leaves_its_target(k: Trial) -> None:
    k.make_file("file")
    k.symlink("file", "link")
    k.drop_caches()
    k.unlink("link")
    k.drop_caches()
    expect_refused(errno.ENOENT, k.lstat, "link")
    k.stat("file")


@promise({"create", "readlink"})
def readlink_of_a_file_is_einval(k: Trial) -> None:
    k.make_file("file")
    k.drop_caches()
    expect_refused(errno.EINVAL, k.readlink, "file")


@promise({"create", "link"})
def a_hard_link_is_the_file_itself(k: Trial) -> None:
    k.make_file("one")
    k.link("one", "two")
    for _ in range(2):
        one, two = k.stat("one"), k.stat("two")
        expect(two.st_ino, one.st_ino, "st_ino by the second name")
        expect((one.st_nlink, two.st_nlink), (2, 2), "st_nlink by either name")
        k.drop_caches()


@promise({"create", "link", "write", "read"})
def data_written_by_one_name_is_read_by_the_other(k: Trial) -> None:
    k.make_file("one", b"first")
    k.link("one", "two")
    k.drop_caches()
    with k.opened("two", os.O_WRONLY) as fd:
        k.write_all(fd, b"second")
    expect(k.content("one"), b"second", "what is read by the other name")


@promise({"create", "link", "remove"})
def the_link_count_is_the_number_of_names(k: Trial) -> None:
    k.make_file("0")
    for number in range(1, 20):
        k.link(str(number - 1), str(number))
        expect(k.stat("0").st_nlink, number + 1, f"st_nlink with {number + 1} names")
    for number in range(19):
        k.unlink(str(number))
        expect(k.stat("19").st_nlink, 19 - number, f"st_nlink with {19 - number} names left")
    k.drop_caches()
    expect(k.stat("19").st_nlink, 1, "st_nlink with one name left, asked afresh")


@promise({"create", "link", "remove", "write", "read"})
def a_file_lives_until_its_last_name_is_removed(k: Trial) -> None:
    k.make_file("one", b"data")
    k.link("one", "two")
    k.unlink("one")
    k.drop_caches()
    expect(k.content("two"), b"data", "what is read by the name that is left")


@promise({"mkdir", "link"})
def a_directory_gets_no_second_name(k: Trial) -> None:
    k.mkdir("directory")
    k.drop_caches()
    expect_refused(errno.EPERM, k.link, "directory", "again")


@promise({"create", "link"})
def linking_what_is_not_there_is_enoent(k: Trial) -> None:
    expect_refused(errno.ENOENT, k.link, "nothing", "name")
    k.drop_caches()
    expect_refused(errno.ENOENT, k.stat, "name")


@promise({"mkdir", "rmdir"})
def a_directory_counts_its_subdirectories_or_none(k: Trial) -> None:
    """2 and one for each subdirectory's ``..``; file systems that do not count say 1, always."""
    k.mkdir("directory")
    counts = [k.stat("directory").st_nlink]
    for name in ("1", "2", "3"):
        k.mkdir(f"directory/{name}")
        counts.append(k.stat("directory").st_nlink)
    k.rmdir("directory/2")
    counts.append(k.stat("directory").st_nlink)
    expect_that(
        counts in ([2, 3, 4, 5, 4], [1] * 5),
        "st_nlink of a directory with 0, 1, 2, 3 and again 2 subdirectories",
        expected="[2, 3, 4, 5, 4], or [1, 1, 1, 1, 1]",
        got=counts,
    )
