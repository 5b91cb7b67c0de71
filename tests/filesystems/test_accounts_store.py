"""The directory that accounts are in: locked, shared with others, replaced file by file and never half."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from filesystems.accounts.database import Defaults
from filesystems.accounts.store import LOCK, Store
from tests.filesystems.accounted import FILES, directory_of_accounts, line_of
from tests.filesystems.direct import refuses

HOLD = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return directory_of_accounts(tmp_path)


@pytest.fixture
def store(etc: Path) -> Store:
    return Store(str(etc), patience=0.2)


def add(store: Store, name: str) -> None:
    with store.changing() as database:
        database.add_user(name, Defaults(), 20_000)


@contextmanager
def locked(etc: Path) -> Iterator[None]:
    """Another process has the files locked in this context."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(etc / LOCK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        yield
        holder.communicate()


def test_what_is_changed_is_in_the_files_with_their_modes(store: Store, etc: Path) -> None:
    add(store, "nick")
    for name in FILES:
        assert line_of(etc / name, "nick")
        assert (etc / name).stat().st_mode & 0o777 == (0o640 if "shadow" in name else 0o644)
    assert sorted(path.name for path in etc.iterdir()) == sorted([*FILES, LOCK])


def test_a_file_that_does_not_change_is_not_replaced(store: Store, etc: Path) -> None:
    before = {name: (etc / name).stat().st_ino for name in FILES}
    with store.changing() as database:
        database.set_uid("syd", 4711)
    after = {name: (etc / name).stat().st_ino for name in FILES}
    assert [name for name in FILES if before[name] != after[name]] == ["passwd"]


def test_nothing_is_written_if_the_change_is_given_up(store: Store, etc: Path) -> None:
    with refuses(errno.EEXIST), store.changing() as database:
        database.set_uid("syd", 4711)
        database.set_uid("roger", 4711)
    assert (etc / "passwd").read_text() == FILES["passwd"]
    assert store.current().user("syd").uid == 1000


def test_a_file_that_is_a_link_stays_one(store: Store, etc: Path) -> None:
    (etc / "passwd").rename(etc / "real")
    (etc / "passwd").symlink_to("real")
    add(store, "nick")
    assert (etc / "passwd").is_symlink()
    assert line_of(etc / "real", "nick")


def test_a_write_that_fails_leaves_the_file_as_it_was(
    store: Store, etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with refuses(errno.ENOSPC):
            add(store, "nick")
    assert {name: (etc / name).read_text() for name in FILES} == dict(FILES)
    assert not list(etc.glob("*+"))


def test_what_a_killed_writer_left_does_no_harm(store: Store, etc: Path) -> None:
    (etc / "passwd+").write_text("half a li")
    add(store, "nick")
    assert line_of(etc / "passwd", "nick")
    assert not (etc / "passwd+").exists()


# others


def test_what_others_write_is_seen(store: Store, etc: Path) -> None:
    with open(etc / "passwd", "a", encoding="utf-8") as file:
        file.write("nick:x:1002:100::/home/nick:/bin/sh\n")
    assert store.current().user("nick").uid == 1002


def test_a_change_starts_from_the_files_as_they_are(store: Store, etc: Path) -> None:
    Store(str(etc)).current()
    other = Store(str(etc))
    add(other, "nick")
    add(store, "rick")
    assert line_of(etc / "passwd", "nick")
    assert line_of(etc / "passwd", "rick")
    assert store.current().user("rick").uid == 1003


def test_whoever_locks_is_waited_for_and_in_the_end_refused(store: Store, etc: Path) -> None:
    with locked(etc), refuses(errno.EBUSY):
        add(store, "nick")
    add(store, "nick")
    assert line_of(etc / "passwd", "nick")


def test_whoever_does_not_lock_is_noticed_before_anything_is_lost(store: Store, etc: Path) -> None:
    edited = FILES["passwd"].replace("Syd Barrett", "Roger Keith Barrett")
    with refuses(errno.EAGAIN), store.changing() as database:
        (etc / "passwd").write_text(edited)
        database.add_user("nick", Defaults(), 20_000)
    assert (etc / "passwd").read_text() == edited
    assert not line_of(etc / "group", "nick")
    add(store, "nick")
    assert "Roger Keith Barrett" in line_of(etc / "passwd", "syd")


def test_threads_and_other_stores_change_one_after_the_other(etc: Path) -> None:
    stores = [Store(str(etc)) for _ in range(2)]  # the locks of one process do not exclude each other
    wrong: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                add(stores[0], f"u{number}-{turn}")
        except OSError as exc:
            wrong.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    users = list(stores[1].current().users)
    assert len({user.name for user in users}) == 4 + 20
    assert len({user.uid for user in users}) == 4 + 20


# what cannot be a directory of accounts


def test_without_shadow_files_there_are_two(tmp_path: Path) -> None:
    etc = directory_of_accounts(tmp_path, "passwd", "group")
    add(Store(str(etc)), "nick")
    assert sorted(path.name for path in etc.iterdir()) == [LOCK, "group", "passwd"]


def test_a_directory_without_passwd_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no passwd in .*: give a directory like /etc"):
        Store(str(tmp_path))


def test_bytes_that_are_no_text_stay_what_they_are(store: Store, etc: Path) -> None:
    raw = FILES["passwd"].encode().replace(b"Syd Barrett", b"S\xffd")
    (etc / "passwd").write_bytes(raw)
    add(store, "nick")
    assert b"S\xffd" in (etc / "passwd").read_bytes()
