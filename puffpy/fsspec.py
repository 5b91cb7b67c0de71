"""A vector as an fsspec file system: read by pandas, or by any other user of fsspec, without a mount.

Paths are walked by the user-space kernel; nothing is cached here.  Needs the extra ``puffpy[fsspec]``.
"""

from __future__ import annotations

import datetime
import errno
import importlib
import os
import shutil
import stat
from typing import Any

from fsspec import AbstractFileSystem

from puffpy.ops import VnodeOps
from puffpy.options import MountOptions
from puffpy.userkernel import UserKernel

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
}


class PuffsFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The file system of a ``VnodeOps``, under the protocol ``puffs``.

    Args:
        vnodeops: A ``VnodeOps``, a class or function that makes one, or where to find one of these, as
            ``"package.module:Name"``.
        options: Mount options; the vector's own where they are left out.
        kernel: A user kernel that is there already, in place of *vnodeops*.
        auto_mkdir: Make missing parent directories of what is written.
    """

    protocol = "puffs"
    root_marker = "/"
    cachable = False  # two file systems over the same class are two file systems

    def __init__(
        self,
        vnodeops: VnodeOps | str | Any = None,
        *,
        options: MountOptions | None = None,
        kernel: UserKernel | None = None,
        auto_mkdir: bool = False,
        **storage_options: Any,
    ) -> None:
        super().__init__(**storage_options)
        if kernel is None:
            kernel = UserKernel.over(_vector(vnodeops), options=options)
        self.kernel = kernel
        self.auto_mkdir = auto_mkdir

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        path = os.fspath(path).removeprefix("puffs://")
        return "/" + path.strip("/")

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """Return what is known of *path*: fsspec's keys, and those of ``os.stat`` without their ``st_``."""
        path = self._strip_protocol(path)
        st = self.kernel.lstat(path)
        link = stat.S_ISLNK(st.st_mode)
        target: str | None = None
        if link:
            target = os.fsdecode(self.kernel.readlink(path))
            try:
                st = self.kernel.stat(path)
            except FileNotFoundError:
                link = True
        return {
            "name": path,
            "size": st.st_size,
            "type": KINDS.get(stat.S_IFMT(st.st_mode), "other"),
            "created": st.st_ctime,
            "mtime": st.st_mtime,
            "mode": st.st_mode,
            "uid": st.st_uid,
            "gid": st.st_gid,
            "ino": st.st_ino,
            "nlink": st.st_nlink,
            "islink": link,
            **({"destination": target} if link else {}),
        }

    def ls(self, path: str, detail: bool = False, **kwargs: Any) -> list[Any]:
        """List the directory *path*, or the file itself."""
        path = self._strip_protocol(path)
        info = self.info(path)
        if info["type"] != "directory":
            found = [info]
        else:
            names = sorted(os.fsdecode(name) for name in self.kernel.listdir(path))
            found = [self.info(f"{path.rstrip('/')}/{name}") for name in names]
        return found if detail else [each["name"] for each in found]

    def mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Make the directory *path*, which must not be there."""
        path = self._strip_protocol(path)
        if create_parents:
            self.makedirs(self._parent(path), exist_ok=True)
        self.kernel.mkdir(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make the directory *path* and those above it."""
        path = self._strip_protocol(path)
        if path == "/" and exist_ok:
            return
        self.kernel.makedirs(path, exist_ok=exist_ok)

    def rmdir(self, path: str) -> None:
        """Remove the empty directory *path*."""
        self.kernel.rmdir(self._strip_protocol(path))

    def rm_file(self, path: str) -> None:
        """Remove the file, or the empty directory, *path*."""
        path = self._strip_protocol(path)
        if stat.S_ISDIR(self.kernel.lstat(path).st_mode):
            self.kernel.rmdir(path)
        else:
            self.kernel.unlink(path)

    def cp_file(self, path1: str, path2: str, **kwargs: Any) -> None:
        """Copy the file *path1*; a directory is made, not filled."""
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        self._make_room(path2)
        if self.isdir(path1):
            self.makedirs(path2, exist_ok=True)
            return
        with self._open(path1, "rb") as source, self._open(path2, "wb") as target:
            shutil.copyfileobj(source, target, self.blocksize)

    def mv(self, path1: str, path2: str, *args: Any, **kwargs: Any) -> None:
        """Move *path1*, in one step where it is a file or a whole directory."""
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        if self.isdir(path2):
            path2 = f"{path2.rstrip('/')}/{path1.rsplit('/', 1)[-1]}"
        self._make_room(path2)
        self.kernel.rename(path1, path2)

    def touch(self, path: str, truncate: bool = True, **kwargs: Any) -> None:
        """Make *path*, or set its times to now; empty it unless *truncate* is false."""
        path = self._strip_protocol(path)
        self._make_room(path)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if truncate else 0)
        self.kernel.close(self.kernel.open(path, flags, 0o666))
        self.kernel.utime(path)

    def created(self, path: str) -> datetime.datetime:
        """Return when *path* was changed last in any way, the nearest that ``stat`` knows."""
        return self._time(self.info(path)["created"])

    def modified(self, path: str) -> datetime.datetime:
        """Return when the data of *path* changed."""
        return self._time(self.info(path)["mtime"])

    def _open(self, path: str, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
        path = self._strip_protocol(path)
        if set(mode) & set("wax+"):
            self._make_room(path)
        elif self.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return self.kernel.open_file(path, mode)

    def _make_room(self, path: str) -> None:
        if self.auto_mkdir:
            self.makedirs(self._parent(path), exist_ok=True)

    @staticmethod
    def _time(seconds: float) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)


def _vector(given: Any) -> VnodeOps:
    if isinstance(given, str):
        module, _, name = given.partition(":")
        found = importlib.import_module(module)
        given = getattr(found, name) if name else found
    vector = given() if callable(given) and not isinstance(given, VnodeOps) else given
    if not isinstance(vector, VnodeOps):
        raise TypeError(
            f"vnodeops={given!r}: expected a VnodeOps, what makes one, or 'module:Name' of either"
        )
    return vector
