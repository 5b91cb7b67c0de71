"""One file system of fsspec's, found by its URL: what is asked of it, and how.

Nothing is kept here; every method asks.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from typing import IO, Any, Final
from urllib.parse import unquote

from filesystems.fsspecfs.refusals import asking
from filesystems.fsspecfs.status import Status, status_of

try:
    import fsspec
    from fsspec.core import url_to_fs
except ImportError:
    fsspec = None

READ_ONLY: Final = frozenset(
    {"git", "github", "hf-reference", "http", "https", "libarchive", "reference", "tar", "zip"}
)
"""Backends that cannot be written to, file by file; the mount says so from the start."""

PAGES: Final = frozenset({"http", "https"})
"""Backends that cannot tell a directory from a file but by its being listed as one."""

PIECE: Final = 1 << 20
"""Bytes that are copied at once."""


class Backend:
    """The directory *url*, with *storage* for fsspec's options: a JSON object.

    Raises:
        ValueError: fsspec is missing, or what the backend needs; there is no such backend, or no such
            directory in it.  The message says what to do.
    """

    def __init__(self, url: str, storage: str = "") -> None:
        self.fs, top = _found(url, _options(storage))
        protocol = self.fs.protocol
        self.names: frozenset[str] = frozenset([protocol] if isinstance(protocol, str) else protocol)
        self.pages = bool(self.names & PAGES)
        self.read_only = bool(self.names & READ_ONLY)
        self.top = f"{top.rstrip('/')}/" if self.pages else top.rstrip("/") or top
        self._check_top(url)

    def _check_top(self, url: str) -> None:
        if not self.top.strip("/"):
            return
        try:
            is_dir = self.pages or self.status(self.top).is_dir
            self.list(self.top)
        except OSError as exc:
            raise ValueError(f"{url}: {exc.strerror or str(exc)}: there is nothing to be mounted") from exc
        if not is_dir:
            raise ValueError(f"{url} is a file: give the directory it is in")

    def below(self, path: str, name: str) -> str:
        """Return the path of *name* in the directory *path*."""
        top = path.rstrip("/")
        return f"{top}/{name}" if path else name

    def status(self, path: str) -> Status:
        """Return what there is at *path*.

        Raises:
            ENOENT: nothing.
        """
        with asking(f"info of {path}"):
            try:
                return status_of(self.fs.info(path))
            except FileNotFoundError:
                if type(self.fs).lexists is fsspec.AbstractFileSystem.lexists or not self.fs.lexists(path):
                    raise
        # A symbolic link that leads nowhere is in the listing alone.
        parent, _, name = path.rpartition("/")
        return self.list(parent)[name]

    def list(self, path: str) -> dict[str, Status]:
        """Return what is in the directory *path*, by name."""
        with asking(f"listing of {path}"):
            self.fs.invalidate_cache(path)
            told = self.fs.ls(path, detail=True)
        found: dict[str, Status] = {}
        inside = path.strip("/")
        for info in told:
            key = str(info["name"])
            name = key.strip("/").removeprefix(inside).strip("/")
            if self.pages:
                name = unquote(name)
            # Object stores list the directory itself; web pages have links that only sort them anew.
            if not name or "/" in name or "\0" in name or name in {".", ".."} or name.startswith("?"):
                continue
            found[name] = status_of(info)
        return found

    def is_empty(self, path: str) -> bool:
        """Tell whether nothing is in the directory *path*; what is not there is empty."""
        try:
            return not self.list(path)
        except FileNotFoundError:
            return True

    def exists(self, path: str) -> bool:
        """Tell whether there is anything at *path*."""
        try:
            self.status(path)
        except FileNotFoundError:
            return False
        return True

    def reader(self, path: str, block: int) -> IO[bytes]:
        """Open *path* to be read in pieces of *block* bytes, from anywhere if the backend can."""
        with asking(f"reading {path}"):
            file: IO[bytes]
            try:
                file = self.fs.open(path, "rb", block_size=block, cache_type="none")
            except TypeError:  # it knows of no such cache
                file = self.fs.open(path, "rb")
            return file

    def get(self, path: str, target: IO[bytes]) -> None:
        """Copy all of *path* into the file *target*, in the way that the backend does best."""
        with asking(f"reading {path}"):
            self.fs.get_file(path, f"/proc/self/fd/{target.fileno()}")

    def create(self, path: str) -> None:
        """Make *path*, empty."""
        with asking(f"making {path}", writing=True), self.fs.open(path, "wb"):
            pass

    def put(self, path: str, source: IO[bytes]) -> None:
        """Make *path* hold what is left to be read of *source*."""
        with asking(f"writing {path}", writing=True), self.fs.open(path, "wb") as target:
            shutil.copyfileobj(source, target, PIECE)

    def mkdir(self, path: str) -> None:
        """Make the directory *path*; some backends only know directories with something in them."""
        with asking(f"mkdir of {path}", writing=True):
            self.fs.mkdir(path, create_parents=False)

    def rmdir(self, path: str) -> None:
        """Remove the empty directory *path*, if the backend knows it at all."""
        with asking(f"rmdir of {path}", writing=True):
            try:
                self.fs.rmdir(path)
            except (FileNotFoundError, NotImplementedError):
                if self.exists(path):
                    raise

    def remove(self, path: str) -> None:
        """Remove the file *path*."""
        with asking(f"removing {path}", writing=True):
            self.fs.rm_file(path)

    def move(self, path: str, to: str, status: Status) -> None:
        """Move *path*, of which *status* tells, to *to*, where there is nothing, or a file.

        In one step where the backend has a step for that; elsewhere by copying, and then removing.
        """
        with asking(f"moving {path} to {to}", writing=True):
            if type(self.fs).mv is not fsspec.AbstractFileSystem.mv:
                self.fs.mv(path, to)
            elif status.is_dir:
                self._move_directory(path, to)
            else:
                self._copy(path, to)
                self.fs.rm_file(path)

    def _move_directory(self, path: str, to: str) -> None:
        self.fs.makedirs(to, exist_ok=True)
        for name, status in self.list(path).items():
            self.move(self.below(path, name), self.below(to, name), status)
        self.rmdir(path)

    def _copy(self, path: str, to: str) -> None:
        try:
            self.fs.cp_file(path, to)
        except NotImplementedError:
            with self.fs.open(path, "rb") as source, self.fs.open(to, "wb") as target:
                shutil.copyfileobj(source, target, PIECE)


def _options(storage: str) -> Mapping[str, Any]:
    try:
        options = json.loads(storage or "{}")
    except ValueError as exc:
        raise ValueError(f"storage={storage!r} is no JSON: {exc}") from None
    if not isinstance(options, dict):
        raise ValueError(f'storage={storage!r}: expected a JSON object, as in {{"anon": true}}')
    return options


def _found(url: str, storage: Mapping[str, Any]) -> tuple[Any, str]:
    """Return fsspec's file system for *url*, and the path in it."""
    if fsspec is None:
        raise ValueError("fsspec is not installed: pip install 'puffpy[fsspec]'")
    if "://" not in url and "::" not in url:
        url = os.path.abspath(url)
    protocol = url.partition("://")[0].partition("::")[0]
    try:
        # One that nobody else has, without a cache of its own: how old things may be is ours to say.
        own = {"skip_instance_cache": True, "use_listings_cache": False}
        chained = "::" in url
        fs, path = url_to_fs(url, **storage, **({} if chained else own))
        return fs, str(path)
    except ImportError as exc:
        raise ValueError(
            f"{url}: {exc.msg or 'something is not installed'} (fsspec, for {protocol}://)"
        ) from exc
    except ValueError as exc:
        if "rotocol" not in str(exc):
            raise ValueError(f"{url}: {exc}") from exc
        known = ", ".join(sorted(fsspec.available_protocols()))
        raise ValueError(f"{url}: fsspec knows no {protocol}://; it knows {known}") from exc
    except OSError as exc:
        raise ValueError(f"{url}: {exc.strerror or str(exc) or os.strerror(errno.ENOENT)}") from exc
    except Exception as exc:
        raise ValueError(f"{url}: {type(exc).__name__}: {exc}") from exc
