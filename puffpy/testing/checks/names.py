"""Names: every byte, every length, every path; what is there and what is not.

What a name leads to is made in kinds, and moved in rename.
"""

from __future__ import annotations

import errno
import os

from puffpy.testing.promise import expect, expect_refused, expect_that, promise
from puffpy.testing.trial import Trial

UNUSUAL = (
    *(
        b" ",
        b" leading",
        b"trailing ",
        b"-rf",
        b"*",
        b"...",
        b"..a",
        b"~",
        b"#",
        b"a\nb",
        b"a\tb",
        b"\x01",
        b"\x7f",
    ),
    *(b"\\", b"a:b", b'"', b"'", b"CON", b"aux.txt", b"dot.", b"%2F", b"a\r", b"\xc3\xa9", b"e\xcc\x81"),
    *(b"\xff\xfe", b"\x80", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80"),
)
"""Names that some program, somewhere, gets wrong; the last ones are UTF-8, and what is none."""

MANY_BYTES = [bytes((byte,)) for byte in range(1, 256) if byte not in b"/"]

PATH_MAX = 4095
"""Bytes of the longest path."""


@promise({"create"})
def a_new_name_is_found_by_everybody(k: Trial) -> None:
    k.make_file("name")
    number = k.stat("name").st_ino
    k.drop_caches()
    again = k.stat("name")
    if k.own_numbers("name"):
        expect(again.st_ino, number, "st_ino of a new file, looked up again")


@promise({"create", "readdir"})
def every_byte_may_be_in_a_name(k: Trial) -> None:
    names = [b"a" + byte + b"z" for byte in MANY_BYTES]
    for name in names:
        k.make_file(name)
    k.drop_caches()
    for name in names:
        k.stat(name)
    expect(sorted(k.listdir(b".")), sorted(names), "the names listed after each was made")


@promise({"create", "readdir"})
def unusual_names_are_names_like_others(k: Trial) -> None:
    for name in UNUSUAL:
        k.make_file(name)
    k.drop_caches()
    expect(sorted(k.listdir(b".")), sorted(UNUSUAL), "the names listed after each was made")


@promise({"create"})
def names_that_differ_in_case_are_two(k: Trial) -> None:
    k.make_file("Name")
    expect_refused(errno.ENOENT, k.stat, "name")
    k.make_file("name")


@promise({"create"})
def names_are_bytes_and_not_text(k: Trial) -> None:
    k.make_file(b"caf\xc3\xa9")
    k.make_file(b"cafe\xcc\x81")  # the same word to a person, in another spelling
    k.make_file(b"caf\xe9")
    k.drop_caches()
    numbers = {k.stat(name).st_ino for name in (b"caf\xc3\xa9", b"cafe\xcc\x81", b"caf\xe9")}
    expect(len(numbers), 3, "how many files three spellings of one word are")


@promise({"create", "readdir"})
def the_longest_name_is_kept_whole(k: Trial) -> None:
    longest = k.longest_name()
    names = ["n" * longest, "n" * (longest - 1), "n" * (longest - 1) + "m"]
    for name in names:
        k.make_file(name)
    k.drop_caches()
    expect(k.names(), sorted(names), "the names listed after each was made")
    for name in names:
        k.stat(name)


@promise()
def a_longer_name_is_enametoolong(k: Trial) -> None:
    name = "n" * (k.longest_name() + 1)
    expect_refused(errno.ENAMETOOLONG, k.stat, name)
    if "create" in k.ops:
        expect_refused(errno.ENAMETOOLONG, k.open, name, os.O_CREAT | os.O_WRONLY)
    if "mkdir" in k.ops:
        expect_refused(errno.ENAMETOOLONG, k.mkdir, name)


@promise({"mkdir", "create"})
def the_longest_path_leads_somewhere(k: Trial) -> None:
    """As deep as a path of :data:`PATH_MAX` bytes goes, in steps of 200."""
    step, path = "d" * 200, ""
    while len(path) + len(step) + 1 < PATH_MAX:
        path += step if not path else f"/{step}"
        k.mkdir(path)
    path += "/" + "f" * (PATH_MAX - len(path) - 1)
    k.make_file(path)
    k.drop_caches()
    k.stat(path)
    expect_refused(errno.ENAMETOOLONG, k.stat, path + "f")


@promise({"create"})
def making_a_name_that_is_there_is_eexist(k: Trial) -> None:
    k.make_file("taken")
    k.drop_caches()
    expect_refused(errno.EEXIST, k.open, "taken", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    if "mkdir" in k.ops:
        expect_refused(errno.EEXIST, k.mkdir, "taken")
    if "symlink" in k.ops:
        expect_refused(errno.EEXIST, k.symlink, "target", "taken")
    if "mknod" in k.ops:
        expect_refused(errno.EEXIST, k.mkfifo, "taken")
    if "link" in k.ops:
        k.make_file("other")
        expect_refused(errno.EEXIST, k.link, "other", "taken")


@promise({"create", "remove"})
def a_removed_name_is_gone(k: Trial) -> None:
    k.make_file("name")
    k.unlink("name")
    k.drop_caches()
    expect_refused(errno.ENOENT, k.stat, "name")
    expect_refused(errno.ENOENT, k.unlink, "name")
    if "readdir" in k.ops:
        expect_that("name" not in k.names(), "the names listed", expected="no 'name'", got=k.names())


@promise({"create", "remove", "write", "read"})
def a_name_that_is_made_again_is_a_new_file(k: Trial) -> None:
    k.make_file("name", b"old")
    k.unlink("name")
    k.make_file("name")
    expect(k.content("name"), b"", "what the new file under the old name holds")


@promise({"mkdir", "create"})
def the_same_name_in_two_directories_is_two_files(k: Trial) -> None:
    for directory in ("one", "two"):
        k.mkdir(directory)
        k.make_file(f"{directory}/name")
    k.drop_caches()
    numbers = {k.stat(f"{directory}/name").st_ino for directory in ("one", "two")}
    expect(len(numbers), 2, "how many files 'one/name' and 'two/name' are")
