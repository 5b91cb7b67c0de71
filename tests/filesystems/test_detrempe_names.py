"""Names: making, finding, linking and removing them, and what that does to times and link counts."""

from __future__ import annotations

import errno
import stat

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from tests.filesystems.direct import ROOT_CALL, Direct, age, name, new, refuses, times


@pytest.fixture
def fs() -> Direct:
    return Direct(Detrempe())


def test_a_name_leads_to_the_node_that_was_made_under_it(fs: Direct) -> None:
    node = fs.file("pink")
    assert fs.find("pink") is node
    assert stat.S_ISREG(node.vattr.mode)
    assert (node.vattr.nlink, node.vattr.size, node.vattr.blocks) == (1, 0, 0)


def test_a_name_that_is_not_there_is_enoent_for_as_long_as_the_mount_says(fs: Direct) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        fs.find("pink")
    assert not isinstance(caught.value, puffpy.Absent)


def test_any_bytes_are_a_name(fs: Direct) -> None:
    text = b"\xff\xfe caf\xc3\xa9".decode("utf-8", "surrogateescape")
    node = fs.file(text)
    assert fs.find(text) is node
    assert text in fs.names()


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFREG])
def test_every_kind_of_node_can_be_made(fs: Direct, kind: int) -> None:
    node = fs.special("it", kind, rdev=0x103)
    assert fs.find("it") is node
    assert stat.S_IFMT(node.vattr.mode) == kind
    assert node.vattr.rdev == 0x103


def test_mknod_makes_no_directories_and_no_symbolic_links(fs: Direct) -> None:
    with refuses(errno.EPERM):
        fs.special("it", stat.S_IFDIR)
    with refuses(errno.EINVAL):
        fs.special("it", stat.S_IFLNK)
    assert fs.names() == [".", ".."]


def test_a_taken_name_is_eexist_whatever_is_made(fs: Direct) -> None:
    fs.file("pink")
    floyd = fs.file("floyd")
    age(fs.root)
    for make in (fs.file, fs.dir, lambda text: fs.symlink(text, "x"), lambda text: fs.link(floyd, text)):
        with refuses(errno.EEXIST):
            make("pink")
    with refuses(errno.EEXIST):
        fs.special("pink", stat.S_IFIFO)
    assert times(fs.root) == (3, 2, 1)
    assert fs.used() == (0, 3)


def test_every_node_has_a_number_of_its_own_that_is_never_used_again(fs: Direct) -> None:
    first = fs.file("pink")
    fs.remove("pink")
    fs.fs.reclaim(first)
    second = fs.file("pink")
    assert len({fs.root.vattr.ino, first.vattr.ino, second.vattr.ino}) == 3
    assert fs.root.vattr.ino


def test_making_a_name_moves_the_directorys_times_to_those_of_the_new_node(fs: Direct) -> None:
    age(fs.root)
    node = fs.file("pink")
    assert times(fs.root) == (3, node.vattr.mtime_ns, node.vattr.ctime_ns)


def test_a_new_directory_has_two_links_and_gives_its_parent_one(fs: Direct) -> None:
    assert fs.root.vattr.nlink == 2
    node = fs.dir("d")
    assert (node.vattr.nlink, fs.root.vattr.nlink) == (2, 3)
    assert fs.find("..", node) is fs.root
    fs.rmdir("d")
    assert (node.vattr.nlink, fs.root.vattr.nlink) == (0, 2)


def test_the_roots_parent_is_the_root(fs: Direct) -> None:
    assert fs.find("..") is fs.root
    assert list(fs.fs.readdir(fs.root, ROOT_CALL)) == [(".", fs.root), ("..", fs.root)]


def test_in_a_set_gid_directory_the_group_is_inherited_and_by_directories_the_bit(fs: Direct) -> None:
    shared = fs.dir("shared", mode=0o2775)
    shared.vattr.gid = 77
    file, below = fs.file("f", dvp=shared), fs.dir("d", shared)
    assert (file.vattr.gid, below.vattr.gid) == (77, 77)
    assert not file.vattr.mode & stat.S_ISGID
    assert below.vattr.mode & stat.S_ISGID
    assert fs.tmpfile(shared).vattr.gid == 77
    assert fs.file("f").vattr.gid == 0


def test_the_caller_owns_what_it_makes(fs: Direct) -> None:
    node = fs.fs.create(fs.root, name("f"), new(stat.S_IFREG, 0o640, 12, 34), ROOT_CALL)
    assert (node.vattr.uid, node.vattr.gid, stat.S_IMODE(node.vattr.mode)) == (12, 34, 0o640)


def test_what_is_no_directory_has_no_names_in_it(fs: Direct) -> None:
    file = fs.file("f")
    for attempt in (
        lambda: fs.find("x", file),
        lambda: fs.file("x", dvp=file),
        lambda: fs.dir("x", file),
        lambda: fs.symlink("x", "y", file),
        lambda: fs.tmpfile(file),
        lambda: fs.link(file, "x", file),
        lambda: fs.remove("x", file),
        lambda: fs.rmdir("x", file),
        lambda: fs.names(file),
        lambda: fs.rename("x", "y", fdvp=file),
    ):
        with refuses(errno.ENOTDIR):
            attempt()


def test_a_hard_link_is_the_same_node(fs: Direct) -> None:
    pink = fs.file("pink", b"the lunatic")
    age(fs.root, pink)
    fs.link(pink, "floyd")
    assert fs.find("floyd") is pink
    assert pink.vattr.nlink == 2
    now = pink.vattr.ctime_ns
    assert times(pink) == (3, 2, now)
    assert times(fs.root) == (3, now, now)
    age(pink)
    fs.remove("pink")
    assert pink.vattr.nlink == 1
    assert times(pink) == (3, 2, pink.vattr.ctime_ns)
    assert pink.vattr.ctime_ns > 3
    assert fs.read(fs.find("floyd")) == b"the lunatic"


def test_directories_have_no_hard_links(fs: Direct) -> None:
    with refuses(errno.EPERM):
        fs.link(fs.dir("d"), "e")


def test_a_removed_file_gets_no_new_name(fs: Direct) -> None:
    node = fs.file("f")
    fs.remove("f")
    with refuses(errno.ENOENT):
        fs.link(node, "g")
    assert node.vattr.nlink == 0


def test_a_tmpfile_has_no_name_until_it_is_linked(fs: Direct) -> None:
    age(fs.root)
    node = fs.tmpfile()
    assert times(fs.root) == (3, 2, 1)
    assert (node.vattr.nlink, fs.names()) == (0, [".", ".."])
    fs.write(node, 0, b"quiet")
    fs.link(node, "named")
    assert (node.vattr.nlink, fs.read(fs.find("named"))) == (1, b"quiet")
    fs.remove("named")
    with refuses(errno.ENOENT):
        fs.link(node, "again")
    fs.fs.reclaim(node)
    assert fs.used() == (0, 1)


def test_a_tmpfile_that_nobody_links_goes_with_its_last_user(fs: Direct) -> None:
    node = fs.tmpfile()
    fs.write(node, 0, bytes(10_000))
    assert fs.used() == (3, 2)
    fs.fs.reclaim(node)
    assert fs.used() == (0, 1)


def test_a_symbolic_link_says_what_it_was_told(fs: Direct) -> None:
    target = "stra\u00edts/\udcff"
    node = fs.symlink("dire", target)
    assert fs.fs.readlink(node, ROOT_CALL) == target
    assert node.vattr.size == len(b"stra\xc3\xadts/\xff")
    assert stat.S_ISLNK(node.vattr.mode)


def test_the_target_of_a_symbolic_link_has_up_to_4095_bytes(fs: Direct) -> None:
    assert fs.fs.readlink(fs.symlink("long", "x" * 4095), ROOT_CALL) == "x" * 4095
    with refuses(errno.ENAMETOOLONG):
        fs.symlink("longer", "x" * 4096)


def test_only_symbolic_links_are_read_as_such(fs: Direct) -> None:
    for node in (fs.file("f"), fs.dir("d")):
        age(node)
        with refuses(errno.EINVAL):
            fs.fs.readlink(node, ROOT_CALL)
        assert times(node) == (3, 2, 1)


def test_reading_moves_the_access_time_once_after_each_change(fs: Direct) -> None:
    link, file, directory = fs.symlink("l", "t"), fs.file("f", b"x"), fs.dir("d")
    for node, read in (
        (link, lambda: fs.fs.readlink(link, ROOT_CALL)),
        (file, lambda: fs.read(file)),
        (directory, lambda: fs.names(directory)),
    ):
        node.vattr.atime_ns = node.vattr.mtime_ns = node.vattr.ctime_ns
        read()
        first = times(node)
        assert first[0] > first[1] == first[2]
        read()
        assert times(node) == first


def test_an_access_time_of_yesterday_moves(fs: Direct) -> None:
    file = fs.file("f", b"x")
    age(file)
    fs.read(file)
    assert file.vattr.atime_ns > 3
    assert times(file)[1:] == (2, 1)


def test_remove_is_for_files_and_rmdir_for_directories(fs: Direct) -> None:
    fs.file("f")
    fs.dir("d")
    age(fs.root)
    with refuses(errno.ENOTDIR):
        fs.rmdir("f")
    with refuses(errno.EISDIR):
        fs.remove("d")
    with refuses(errno.ENOENT):
        fs.remove("x")
    with refuses(errno.ENOENT):
        fs.rmdir("x")
    assert times(fs.root) == (3, 2, 1)
    assert fs.root.vattr.nlink == 3


def test_a_directory_with_something_in_it_stays(fs: Direct) -> None:
    node = fs.dir("d")
    fs.file("f", dvp=node)
    with refuses(errno.ENOTEMPTY):
        fs.rmdir("d")
    fs.remove("f", node)
    fs.rmdir("d")
    assert fs.names() == [".", ".."]


def test_removing_moves_the_directorys_times_and_the_nodes_change_time(fs: Direct) -> None:
    file = fs.file("f")
    age(fs.root, file)
    fs.remove("f")
    now = file.vattr.ctime_ns
    assert times(file) == (3, 2, now)
    assert times(fs.root) == (3, now, now)
    assert now > 3


def test_an_unlinked_open_file_keeps_its_data_until_it_is_reclaimed(fs: Direct) -> None:
    node = fs.file("f", b"x" * 5000)
    fs.remove("f")
    assert node.vattr.nlink == 0
    assert fs.read(node) == b"x" * 5000
    assert fs.write(node, 5000, b"y") == 1
    assert fs.used() == (2, 2)
    fs.fs.reclaim(node)
    assert fs.used() == (0, 1)


def test_reclaim_keeps_what_still_has_a_name(fs: Direct) -> None:
    node = fs.file("f", b"x")
    fs.link(node, "g")
    fs.remove("f")
    fs.fs.reclaim(node)
    assert fs.read(fs.find("g")) == b"x"
    assert fs.used() == (1, 2)


def test_nothing_can_be_found_or_made_in_a_removed_directory(fs: Direct) -> None:
    gone = fs.dir("d")
    file = fs.file("f")
    fs.rmdir("d")
    age(gone)
    for attempt in (
        lambda: fs.find("x", gone),
        lambda: fs.find("..", gone),
        lambda: fs.file("x", dvp=gone),
        lambda: fs.dir("x", gone),
        lambda: fs.symlink("x", "y", gone),
        lambda: fs.tmpfile(gone),
        lambda: fs.link(file, "x", gone),
        lambda: fs.rename("f", "x", tdvp=gone),
        lambda: fs.remove("x", gone),
        lambda: fs.rmdir("x", gone),
    ):
        with refuses(errno.ENOENT):
            attempt()
    assert fs.names(gone) == []
    assert times(gone) == (3, 2, 1)
    assert fs.used() == (0, 3)


def test_a_listing_is_whole_however_the_directory_changes_meanwhile(fs: Direct) -> None:
    for number in range(1000):
        fs.file(f"f{number}")
    listing = fs.fs.readdir(fs.root, ROOT_CALL)
    for number in range(0, 1000, 2):
        fs.remove(f"f{number}")
        fs.file(f"g{number}")
    assert [text for text, _ in listing] == [".", "..", *(f"f{n}" for n in range(1000))]
    assert sorted(fs.names()) == sorted(
        [".", "..", *(f"f{n}" for n in range(1, 1000, 2)), *(f"g{n}" for n in range(0, 1000, 2))]
    )
