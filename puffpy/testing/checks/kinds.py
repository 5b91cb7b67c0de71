"""Making and removing nodes of every kind, with what may and what may not be done to each.

Their attributes are in attributes, links in links.
"""

from __future__ import annotations

import errno
import os
import stat

from puffpy.testing.promise import expect, expect_refused, promise
from puffpy.testing.trial import Trial

NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
"""What POSIX lets rmdir and rename say of a directory with something in it."""


WORDS = {
    stat.S_IFREG: "a regular file",
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def kind(k: Trial, path: str) -> str:
    """Return in words what *path* is, asked afresh."""
    k.drop_caches()
    return WORDS[stat.S_IFMT(k.lstat(path).st_mode)]


@promise({"create"})
def a_new_file_is_regular_and_empty(k: Trial) -> None:
    k.make_file("file")
    expect(kind(k, "file"), WORDS[stat.S_IFREG], "the type of a new file")
    expect(k.stat("file").st_size, 0, "st_size of a new file")
    expect(k.stat("file").st_nlink, 1, "st_nlink of a new file")


@promise({"mkdir", "readdir"})
def a_new_directory_is_an_empty_directory(k: Trial) -> None:
    k.mkdir("directory")
    expect(kind(k, "directory"), WORDS[stat.S_IFDIR], "the type of a new directory")
    expect(k.names("directory"), [], "the names in a new directory")


@promise({"mkdir", "create"})
def what_is_made_in_a_directory_is_in_it(k: Trial) -> None:
    k.mkdir("directory")
    k.make_file("directory/inside")
    k.drop_caches()
    k.stat("directory/inside")
    expect_refused(errno.ENOENT, k.stat, "inside")


@promise({"mknod"})
def fifos_and_sockets_are_what_they_were_made(k: Trial) -> None:
    k.mkfifo("fifo")
    k.mknod("socket", stat.S_IFSOCK | 0o600)
    expect(kind(k, "fifo"), WORDS[stat.S_IFIFO], "the type of a fifo")
    expect(kind(k, "socket"), WORDS[stat.S_IFSOCK], "the type of a socket")


@promise({"mknod"})
def devices_keep_their_numbers(k: Trial) -> None:
    for name, type_bits, device in (
        ("character", stat.S_IFCHR, os.makedev(1, 3)),
        ("block", stat.S_IFBLK, os.makedev(259, 70_000)),
    ):
        with k.root():
            k.mknod(name, type_bits | 0o600, device)
        expect(kind(k, name), WORDS[type_bits], f"the type of a {name} device")
        expect(k.stat(name).st_rdev, device, f"st_rdev of a {name} device")


@promise({"mkdir", "rmdir"})
def a_removed_directory_is_gone(k: Trial) -> None:
    k.mkdir("directory")
    k.rmdir("directory")
    k.drop_caches()
    expect_refused(errno.ENOENT, k.stat, "directory")
    expect_refused(errno.ENOENT, k.rmdir, "directory")
    k.mkdir("directory")


@promise({"mkdir", "rmdir", "create", "remove"})
def a_directory_with_something_in_it_is_not_removed(k: Trial) -> None:
    k.mkdir("directory")
    k.make_file("directory/inside")
    expect_refused(NOT_EMPTY, k.rmdir, "directory")
    k.drop_caches()
    k.stat("directory/inside")
    k.unlink("directory/inside")
    k.rmdir("directory")


@promise({"create", "rmdir"})
def rmdir_of_a_file_is_enotdir(k: Trial) -> None:
    k.make_file("file")
    k.drop_caches()
    expect_refused(errno.ENOTDIR, k.rmdir, "file")
    k.stat("file")


@promise({"mkdir", "remove"})
def unlink_of_a_directory_is_eisdir(k: Trial) -> None:
    k.mkdir("directory")
    k.drop_caches()
    expect_refused((errno.EISDIR, errno.EPERM), k.unlink, "directory")
    k.stat("directory")


@promise({"mkdir", "rmdir", "create"})
def nothing_is_made_in_a_removed_directory(k: Trial) -> None:
    k.mkdir("directory")
    with k.opened("directory", os.O_RDONLY | os.O_DIRECTORY) as fd:
        k.rmdir("directory")
        expect_refused(errno.ENOENT, k.open, "new", os.O_CREAT | os.O_WRONLY, dir_fd=fd)
        expect_refused(errno.ENOENT, k.mkdir, "new", dir_fd=fd)


@promise({"mkdir"})
def a_directory_cannot_be_written(k: Trial) -> None:
    k.mkdir("directory")
    k.drop_caches()
    expect_refused(errno.EISDIR, k.open, "directory", os.O_WRONLY)
    expect_refused(errno.EISDIR, k.open, "directory", os.O_RDWR)


@promise({"create", "write", "read"})
def opening_to_truncate_empties_a_file(k: Trial) -> None:
    k.make_file("file", b"something")
    with k.opened("file", os.O_WRONLY | os.O_TRUNC):
        expect(k.stat("file").st_size, 0, "st_size once opened with O_TRUNC")
    expect(k.content("file"), b"", "what the file holds then")


@promise({"tmpfile", "write", "read"})
def a_nameless_file_has_data_and_no_link(k: Trial) -> None:
    before = k.names() if "readdir" in k.ops else []
    with k.opened(".", os.O_TMPFILE | os.O_RDWR) as fd:
        k.write_all(fd, b"nobody's")
        expect(k.pread(fd, 100, 0), b"nobody's", "what the nameless file holds")
        expect(k.fstat(fd).st_nlink, 0, "st_nlink of a nameless file")
        if "readdir" in k.ops:
            expect(k.names(), before, "the names in its directory")
