"""The Python binding of libfuse: fusepy, for libfuse 2, or its fork mfusepy, which knows libfuse 3 too.

What is done when libfuse calls is not known here.

Strings pass through both as Latin-1, one character a byte: names are bytes, and fusepy's own choice, UTF-8,
would refuse those that are not.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final

import attrs

from puffpy.errors import MountError

ENCODING: Final = "latin-1"

PACKAGES: Final[Mapping[str, str]] = MappingProxyType({"fusepy": "fuse", "mfusepy": "mfusepy"})
"""The packages, best known first, and the modules that they bring."""

REMEDY: Final = "pip install 'puffpy[fusepy]', and install libfuse 2 (Debian: apt install libfuse2)"


@attrs.frozen
class Binding:
    """One binding, loaded, and the *version* of the libfuse that it found, as in (3, 14)."""

    package: str
    module: ModuleType
    version: tuple[int, int]

    def run(self, callbacks: object, mountpoint: str, options: Mapping[str, bool | str]) -> None:
        """Mount, call back until somebody unmounts, and return.

        Raises:
            RuntimeError: libfuse refused, and has said on standard error why.
        """
        told_all(self.module)(
            callbacks,
            mountpoint.encode(errors="surrogateescape").decode(ENCODING),
            raw_fi=True,
            encoding=ENCODING,
            foreground=True,
            **options,
        )

    def caller(self) -> tuple[int, int, int]:
        """Return the uid, gid and pid of whoever made libfuse call this thread."""
        uid, gid, pid = self.module.fuse_get_context()
        return uid, gid, pid

    def interrupted(self) -> bool:
        """Tell whether that caller has been signalled meanwhile."""
        return bool(self.module._libfuse.fuse_interrupted())

    def leave(self) -> None:
        """Have :meth:`run` unmount and return; from inside a callback."""
        self.module.fuse_exit()


def find(package: str = "") -> Binding:
    """Return the binding that *package* brings, or the first one that works.

    Raises:
        MountError: there is none, or no libfuse; the message says what to install.
    """
    if package and package not in PACKAGES:
        raise MountError(f"there is no binding of libfuse called {package}: choose {' or '.join(PACKAGES)}")
    failed = []
    for name in [package] if package else PACKAGES:
        try:
            module = importlib.import_module(PACKAGES[name])
            # The module of fusepy has its name from others too, which have nothing else in common with it.
            if not hasattr(module, "FUSE") or not hasattr(module, "fuse_get_context"):
                raise ImportError(
                    f"the module {PACKAGES[name]} ({getattr(module, '__file__', '?')}) is another's"
                )
        except (ImportError, OSError, AttributeError) as exc:
            failed.append(f"{name}: {exc}")
        else:
            return Binding(name, module, version_of(module))
    raise MountError(f"no way to libfuse ({'; '.join(failed)}): {REMEDY}")


def version_of(module: ModuleType) -> tuple[int, int]:
    """Return the version of libfuse; fusepy does not ask, because it takes libfuse 2 only."""
    major: int = getattr(module, "fuse_version_major", 2)
    minor: int = getattr(module, "fuse_version_minor", 9)
    return major, minor


def told_all(module: ModuleType) -> type[Any]:
    """Return the binding's class, made to hand over what it leaves out of some calls.

    These are how a directory is opened, the flags of a rename, the open file that is truncated, the times
    that are to be "now" or left alone, and where data and holes are sought.
    """
    base: type[Any] = module.FUSE

    def opendir(self: Any, path: bytes, fi: Any) -> None:
        fi.contents.fh = self.operations.opendir(path.decode(ENCODING), fi.contents.flags)

    def utimens(self: Any, path: bytes, times: Any, _fi: Any = None) -> Any:
        pair = (times.contents.actime, times.contents.modtime) if times else ()
        stamps = tuple((each.tv_sec, each.tv_nsec) for each in pair)
        return self.operations.utimens(path.decode(ENCODING), stamps)

    def rename(self: Any, old: bytes, new: bytes, flags: int) -> Any:
        return self.operations.rename(old.decode(ENCODING), new.decode(ENCODING), flags)

    def lseek(self: Any, path: bytes | None, offset: int, whence: int, fi: Any) -> Any:
        return self.operations.lseek(path, offset, whence, fi.contents)

    def truncate(self: Any, path: bytes | None, length: int, fi: Any) -> Any:
        place = path and path.decode(ENCODING)
        return self.operations.truncate(place, length, fi.contents if fi else None)

    if hasattr(base, "utimens"):
        return type("Fuse", (base,), {"opendir": opendir, "utimens": utimens})
    more = {
        "opendir": opendir,
        "utimens_fuse_2": utimens,
        "utimens_fuse_3": utimens,
        "rename_fuse_3": rename,
        "truncate_fuse_3": truncate,
        "lseek": lseek,
    }
    return type("Fuse", (base,), more)
