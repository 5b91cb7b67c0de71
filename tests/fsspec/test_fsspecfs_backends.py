"""A directory, an archive, a web server and what fails as backends of a mount."""

from __future__ import annotations

import datetime
import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.fsspecfs import FsspecFS
from filesystems.fsspecfs.backend import Backend
from filesystems.fsspecfs.status import nanoseconds, status_of
from puffpy.userkernel import UserKernel
from tests.filesystems.direct import refuses
from tests.fsspec.memory import MakeKernel, read
from tests.fsspec.pages import Pages, Pieces, served


def test_a_directory_shows_links_modes_and_times(userkernel: MakeKernel, tmp_path: Path) -> None:
    (tmp_path / "song").write_bytes(b"us")
    (tmp_path / "song").chmod(0o640)
    os.utime(tmp_path / "song", ns=(0, 1_500_000_000_000_000_000))
    (tmp_path / "link").symlink_to("song")
    (tmp_path / "nowhere").symlink_to("absent")
    kernel = userkernel(FsspecFS(tmp_path.as_uri()))
    st = kernel.stat("/song")
    assert (st.st_mode, st.st_mtime_ns) == (0o100640, 1_500_000_000_000_000_000)
    assert read(kernel, "/link") == b"us"
    assert kernel.readlink("/nowhere") == "absent"
    kernel.unlink("/nowhere")
    assert sorted(os.listdir(tmp_path)) == ["link", "song"]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("top", b"x" * 5000)
        info = zipfile.ZipInfo("d/deep", date_time=(2001, 2, 3, 4, 5, 6))
        info.external_attr = 0o100755 << 16
        file.writestr(info, b"deep")
        file.writestr("e/", b"")
    return path


def test_an_archive_is_read_and_says_that_it_cannot_be_written(userkernel: MakeKernel, archive: Path) -> None:
    vector = FsspecFS(f"zip://::{archive.as_uri()}")
    assert vector.options.ro
    kernel = userkernel(vector)
    assert sorted(kernel.listdir("/")) == ["d", "e", "top"]
    assert kernel.listdir("/e") == []
    assert read(kernel, "/top") == b"x" * 5000
    fd = kernel.open("/top", os.O_RDONLY)
    assert kernel.pread(fd, 10, 4995) == b"x" * 5
    assert kernel.pread(fd, 10, 0) == b"x" * 10
    kernel.close(fd)
    st = kernel.stat("/d/deep")
    when = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    assert (st.st_mode, st.st_size, st.st_mtime) == (0o100755, 4, when.timestamp())
    with refuses(errno.EROFS):
        kernel.mkdir("/new")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    top = tmp_path / "site"
    (top / "sub dir").mkdir(parents=True)
    (top / "page").write_bytes(bytes(range(256)) * 6000)
    (top / "sub dir" / "deep").write_bytes(b"deep")
    return top


@pytest.mark.parametrize("handler", [Pages, Pieces])
def test_a_web_server_is_read(userkernel: MakeKernel, site: Path, handler: type[Pages]) -> None:
    data = (site / "page").read_bytes()
    with served(site, handler) as there:
        vector = FsspecFS(there.url, block=puffpy.Size("64k"))
        assert vector.options.ro
        kernel = userkernel(vector)
        assert sorted(kernel.listdir("/")) == ["page", "sub dir"]
        assert kernel.stat("/page").st_size == len(data)
        assert read(kernel, "/sub dir/deep") == b"deep"
        fd = kernel.open("/page", os.O_RDONLY)
        for offset, size in ((200_000, 1000), (10, 100_000), (1_535_999, 10), (0, 2_000_000)):
            assert kernel.pread(fd, size, offset) == data[offset : offset + size]
        kernel.close(fd)
        with refuses(errno.ENOENT):
            kernel.stat("/absent")
        assert ("/page whole" in there.asked) == (handler is Pages)
        kernel.unmount()


def test_a_backend_that_fails_is_an_errno_and_no_traceback(
    memory: tuple[UserKernel, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kernel, fs = memory
    fs.pipe_file("/song", b"us")

    class ResponseError(Exception):
        status = 403

    for raised, code in (
        (ResponseError(), errno.EACCES),
        (TimeoutError(), errno.ETIMEDOUT),
        (NotImplementedError(), errno.EOPNOTSUPP),
        (UnicodeError(), errno.EILSEQ),
        (RuntimeError("on fire"), errno.EIO),
    ):

        def fail(*_: Any, _raised: Exception = raised, **__: Any) -> Any:
            raise _raised

        with monkeypatch.context() as patch:
            patch.setattr(fs, "info", fail)
            with refuses(code):
                kernel.stat("/song")
    assert "on fire" in caplog.text
    assert "Traceback" not in caplog.text


# what cannot be mounted


@pytest.mark.parametrize(
    ("url", "storage", "says"),
    [
        ("gopher://there", "", "fsspec knows no gopher://; it knows"),
        ("memory:///absent", "", "there is nothing to be mounted"),
        ("/absent/directory", "", "there is nothing to be mounted"),
        ("zip://::/absent.zip", "", "absent.zip"),
        ("memory://", "{", "is no JSON"),
        ("memory://", "[]", "expected a JSON object"),
        (__file__, "", "is a file: give the directory it is in"),
    ],
)
def test_what_cannot_be_reached_is_told_in_a_line(url: str, storage: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FsspecFS(url, storage=storage)


def test_what_a_backend_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import known_implementations

    row = {"class": "no_such_package.Fs", "err": "Install no_such_package to reach the moon"}
    monkeypatch.setitem(known_implementations, "moon", row)
    with pytest.raises(ValueError, match="Install no_such_package to reach the moon"):
        FsspecFS("moon://there")


def test_without_fsspec_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filesystems.fsspecfs.backend.fsspec", None)
    with pytest.raises(ValueError, match=r"pip install 'puffpy\[fsspec\]'"):
        Backend("memory://")


# what backends tell


@pytest.mark.parametrize(
    "told",
    [
        1_000_000_000,
        1_000_000_000.0,
        datetime.datetime(2001, 9, 9, 1, 46, 40),
        datetime.datetime(2001, 9, 9, 3, 46, 40, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        "2001-09-09T01:46:40Z",
        "2001-09-09T01:46:40+00:00",
        "20010909014640",
        (2001, 9, 9, 1, 46, 40),
    ],
)
def test_a_time_is_understood_however_it_is_told(told: Any) -> None:
    assert nanoseconds(told) == 1_000_000_000 * 10**9


@pytest.mark.parametrize("told", [None, "yesterday", "99999999999999", (2001,), float("inf"), object()])
def test_what_is_no_time_is_none(told: Any) -> None:
    assert nanoseconds(told) is None


def test_the_version_differs_when_the_data_do() -> None:
    one = {"name": "a", "type": "file", "size": 1, "ETag": "x"}
    assert status_of(one).version == status_of(dict(one)).version
    assert status_of(one).version != status_of({**one, "ETag": "y"}).version
    assert status_of(one).version != status_of({**one, "size": 2}).version
