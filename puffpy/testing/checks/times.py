"""Times: which of the three moves with what is done, and which stays.

Two times of one file may be the same within a fiftieth of a second, so every check waits for a little more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

from puffpy.testing.promise import expect, expect_that, promise
from puffpy.testing.trial import GRANULARITY, Trial

TIMES = ("atime", "mtime", "ctime")


def moves(k: Trial, path: str, what: str, act: Callable[[], object], *, moved: str, stayed: str = "") -> None:
    """Expect that *act* moves the times *moved* of *path* to now, and leaves those *stayed*."""
    before = k.stat(path, follow_symlinks=False)
    k.tick()
    act()
    k.drop_caches()
    after = k.stat(path, follow_symlinks=False)
    for name in moved.split():
        was, now = (getattr(each, f"st_{name}_ns") for each in (before, after))
        expect_that(was < now, f"st_{name} of {path!r} after {what}", expected=f"later than {was}", got=now)
    for name in stayed.split():
        was, now = (getattr(each, f"st_{name}_ns") for each in (before, after))
        expect(now, was, f"st_{name} of {path!r} after {what}")


def makers(k: Trial) -> dict[str, Callable[[str], object]]:
    """Return everything that makes a name here, by operation."""
    every: dict[str, Callable[[str], object]] = {
        "create": k.make_file,
        "mkdir": k.mkdir,
        "symlink": lambda name: k.symlink("target", name),
        "mknod": k.mkfifo,
    }
    return {name: make for name, make in every.items() if name in k.ops}


@promise({"create"})
def a_new_file_is_of_now(k: Trial) -> None:
    slack = int(GRANULARITY * 1e9)
    before = time.time_ns() - slack
    k.make_file("file")
    after = time.time_ns() + slack
    told = k.stat("file")
    for name in TIMES:
        got = getattr(told, f"st_{name}_ns")
        what, expected = f"st_{name} of a new file", f"now, from {before} to {after}"
        expect_that(before <= got <= after, what, expected=expected, got=got)


@promise({"mkdir"})
def making_a_name_moves_the_directorys_times(k: Trial) -> None:
    for name, make in makers(k).items():
        k.mkdir(f"for {name}")
        moves(k, f"for {name}", f"{name} in it", partial(make, f"for {name}/new"), moved="mtime ctime")


@promise({"mkdir", "create", "remove"})
def removing_a_name_moves_the_directorys_times(k: Trial) -> None:
    k.mkdir("directory")
    k.make_file("directory/file")
    moves(k, "directory", "unlink in it", lambda: k.unlink("directory/file"), moved="mtime ctime")
    if "rmdir" in k.ops:
        k.mkdir("directory/below")
        moves(k, "directory", "rmdir in it", lambda: k.rmdir("directory/below"), moved="mtime ctime")


@promise({"mkdir", "create", "rename"})
def renaming_moves_both_directories_times(k: Trial) -> None:
    for name in ("from", "to"):
        k.mkdir(name)
    k.make_file("from/1")
    k.make_file("from/2")
    moves(k, "from", "a name was moved out", lambda: k.rename("from/1", "to/1"), moved="mtime ctime")
    moves(k, "to", "a name was moved in", lambda: k.rename("from/2", "to/2"), moved="mtime ctime")


@promise({"create", "write"})
def writing_moves_mtime_and_ctime(k: Trial) -> None:
    k.make_file("file", b"1")
    with k.opened("file", os.O_WRONLY) as fd:
        moves(k, "file", "writing", lambda: k.write(fd, b"2"), moved="mtime ctime")


@promise({"create", "setattr"})
def changing_the_size_moves_mtime_and_ctime(k: Trial) -> None:
    k.make_file("file")
    moves(k, "file", "growing", lambda: k.truncate("file", 10), moved="mtime ctime")
    moves(k, "file", "shrinking", lambda: k.truncate("file", 5), moved="mtime ctime")


@promise({"create", "setattr"})
def changing_mode_or_owner_moves_ctime_alone(k: Trial) -> None:
    k.make_file("file")
    moves(k, "file", "chmod", lambda: k.chmod("file", 0o600), moved="ctime", stayed="mtime atime")
    with k.root():
        moves(k, "file", "chown", lambda: k.chown("file", 1, 1), moved="ctime", stayed="mtime atime")


@promise({"create", "link"})
def a_new_link_moves_the_files_ctime_alone(k: Trial) -> None:
    k.make_file("file")
    moves(k, "file", "link", lambda: k.link("file", "again"), moved="ctime", stayed="mtime atime")


@promise({"create", "link", "remove"})
def a_lost_link_moves_the_files_ctime_alone(k: Trial) -> None:
    k.make_file("file")
    k.link("file", "again")
    moves(
        k, "file", "unlink of its other name", lambda: k.unlink("again"), moved="ctime", stayed="mtime atime"
    )


@promise({"create", "setattr"})
def utime_sets_times_to_the_nanosecond(k: Trial) -> None:
    k.make_file("file")
    for atime, mtime in ((1, 2), (1_234_567_890_123_456_789, 987_654_321), (0, 4_102_444_800_999_999_999)):
        k.utime("file", ns=(atime, mtime))
        k.drop_caches()
        told = k.stat("file")
        expect((told.st_atime_ns, told.st_mtime_ns), (atime, mtime), "atime and mtime as utime set them")


@promise({"create", "setattr"})
def utime_moves_ctime_to_now(k: Trial) -> None:
    k.make_file("file")
    moves(k, "file", "utime", lambda: k.utime("file", ns=(1, 1)), moved="ctime")
    moves(k, "file", "utime to now", lambda: k.utime("file"), moved="atime mtime ctime")


@promise({"create", "write", "setattr"})
def a_written_file_is_newer_than_it_was_set_to_be(k: Trial) -> None:
    k.make_file("file", b"1")
    with k.opened("file", os.O_WRONLY) as fd:
        k.utime("file", ns=(1, 1))
        moves(k, "file", "writing", lambda: k.write(fd, b"2"), moved="mtime")


@promise({"create"})
def looking_moves_neither_mtime_nor_ctime(k: Trial) -> None:
    k.make_file("file")

    def look() -> None:
        k.drop_caches()
        k.stat("file")
        if "read" in k.ops:
            k.content("file")

    moves(k, "file", "looking at it", look, moved="", stayed="mtime ctime")


@promise({"mkdir", "create", "readdir"})
def listing_moves_neither_mtime_nor_ctime(k: Trial) -> None:
    k.mkdir("directory")
    k.make_file("directory/file")
    moves(k, "directory", "listing it", lambda: k.names("directory"), moved="", stayed="mtime ctime")
