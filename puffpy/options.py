"""The options of a mount, by the names they have with ``-o`` elsewhere.

Nothing is mounted here, and a file system's own options are its own.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import Any

import attrs

from puffpy.errors import MountError

MIB = 1 << 20


@attrs.frozen(kw_only=True)
class MountOptions:
    """How a file system is mounted and what the kernel may keep of it.

    Times are seconds (``math.inf``: for ever), sizes bytes.  A ``VnodeOps`` states its own defaults in the
    class attribute ``options``; ``-o`` overrides them one by one.
    """

    allow_other: bool = False
    """Everybody may use the mount, not only who mounted it."""

    default_permissions: bool = False
    """The kernel checks permissions by mode and owner; otherwise the file system does."""

    ro: bool = False
    suid: bool = False
    dev: bool = False
    exec: bool = True
    sync: bool = False
    dirsync: bool = False
    noatime: bool = False

    fsname: str = ""
    """What ``df`` shows first; ``puffs:`` and the subtype where it is left out."""

    subtype: str = ""
    """What kind of file system it is; the mount shows type ``fuse.`` and this."""

    max_read: int = 0
    """The largest read; 0 leaves it to the kernel."""

    max_write: int = MIB
    max_background: int = 0
    """How many reads ahead and written pages may be on their way; 0 leaves it to the kernel."""

    max_readahead: int | None = None

    attr_timeout: float = 1.0
    entry_timeout: float = 1.0
    negative_timeout: float = 0.0

    direct_io: bool = False
    """Every read and write reaches the file system, past the page cache."""

    kernel_cache: bool = False
    """Nobody changes files but through this mount: the kernel keeps what it has read."""

    auto_cache: bool = False
    """Even so, drop what is cached when size or time of change differ."""

    auto_unmount: bool = True
    """A server that dies leaves no mount behind."""

    @classmethod
    def parse(cls, text: str, base: MountOptions | None = None) -> tuple[MountOptions, dict[str, str | None]]:
        """Read the argument of ``-o``.

        Returns: *base* with what *text* says, and what is not a mount option, with its value.

        Raises:
            MountError: an option lacks its value, has one too many, or has one that does not fit.
        """
        changes: dict[str, Any] = {}
        others: dict[str, str | None] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = item.partition("=")
            given = value if equals else None
            if name in _WORDS:
                if given is not None:
                    raise MountError(f"option {name} takes no value; {item!r} gives it one: leave it out")
                changes.update(_WORDS[name])
            elif name in _VALUES:
                changes[name] = _convert(name, given)
            elif name in _REFUSED:
                raise MountError(f"option {name}: {_REFUSED[name]}")
            else:
                others[name] = given
        return attrs.evolve(base or cls(), **changes), others


def size(text: str) -> int:
    """Return the bytes that *text* means: a whole number, with K, M, G or T for powers of 1024."""
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in ("", *"KMGT") or not digits.isascii() or not digits.isdigit():
        raise ValueError(f"{text!r} is no size: expected a number, with K, M, G or T behind it if you like")
    return int(digits) << " KMGT".index(unit or " ") * 10


def seconds(text: str) -> float:
    """Return the time that *text* means: seconds, ``inf`` for ever."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise ValueError(f"{text!r} is no time: expected seconds, 0 or more, or inf")
    return value


def near(name: str, names: list[str]) -> str:
    """Return a hint at the names that *name* may have been meant to be."""
    close = difflib.get_close_matches(name, names, n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def known_names() -> list[str]:
    """Return every option that :meth:`MountOptions.parse` takes for its own."""
    return sorted((*_WORDS, *_VALUES))


def _convert(name: str, value: str | None) -> Any:
    if not value:
        raise MountError(f"option {name} needs a value: give {name}=...")
    try:
        return _VALUES[name](value)
    except ValueError as exc:
        raise MountError(f"option {name}: {exc}") from None


_VALUES: dict[str, Callable[[str], Any]] = {
    "fsname": str,
    "subtype": str,
    "max_read": size,
    "max_write": size,
    "max_background": size,
    "max_readahead": size,
    "attr_timeout": seconds,
    "entry_timeout": seconds,
    "negative_timeout": seconds,
}

_WORDS: dict[str, dict[str, bool]] = {
    **{name: {name: True} for name in ("allow_other", "default_permissions", "ro", "suid", "dev", "exec")},
    **{
        name: {name: True}
        for name in ("sync", "dirsync", "noatime", "direct_io", "kernel_cache", "auto_cache")
    },
    "auto_unmount": {"auto_unmount": True},
    "no_auto_unmount": {"auto_unmount": False},
    "no_default_permissions": {"default_permissions": False},
    "no_kernel_cache": {"kernel_cache": False},
    "noauto_cache": {"auto_cache": False},
    "rw": {"ro": False},
    "nosuid": {"suid": False},
    "nodev": {"dev": False},
    "noexec": {"exec": False},
    "async": {"sync": False},
    "atime": {"noatime": False},
    "defaults": {},
    "nonempty": {},
    "relatime": {},
}

_REFUSED: dict[str, str] = {
    "allow_root": "Linux cannot let in root and nobody else; use allow_other with default_permissions",
    "blkdev": "there is no block device underneath; leave it out",
    "blksize": "only block-device mounts have one; leave it out",
}
