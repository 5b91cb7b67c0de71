"""The options of a mount, by libfuse's names where libfuse has one: what ``-o`` may say, and what it means.

Not how they reach the kernel (a bridge does that), nor a file system's own options, which come back unread.

To add an option, give :class:`MountOptions` a field made by ``_switch`` or ``_value``; ``-o``, the checks and
the help read it from there.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs
from typing_extensions import Self

from puffpy.errors import PuffpyError

KIB: Final = 1024
MIB: Final = 1024 * KIB
_UNITS: Final = "KMGTP"
_OPTION: Final = "puffpy option"
"""The key under which a field's metadata hold its :class:`OptionRow`."""


class OptionError(PuffpyError, ValueError):
    """An option is unknown, refused, or has a value that cannot be; the message says what is expected."""


class Size(int):
    """A number of bytes that may be written ``4096``, ``64k``, ``10M``, ``1G`` or ``2T``, in powers of 1024.

    Annotate a parameter of a file system's ``__init__`` with it, and ``-o size=10M`` is understood.

    Raises:
        ValueError: anything else, and what is negative.
    """

    def __new__(cls, value: int | str = 0) -> Self:
        """Return *value*, or what it spells."""
        if isinstance(value, str):
            match = re.fullmatch(
                rf"([0-9]+)(?:([{_UNITS}])(?:i?B)?)?", value.strip(), re.IGNORECASE | re.ASCII
            )
            if match is None:
                raise ValueError(f"{value!r} is no size: expected bytes, as in 4096, 64k, 10M or 1G")
            number, unit = match.groups()
            size = int(number) * KIB ** (_UNITS.index(unit.upper()) + 1 if unit else 0)
        else:
            size = value
        if size < 0:
            raise ValueError(f"{size} is no size: expected 0 bytes or more")
        return super().__new__(cls, size)


@attrs.frozen
class OptionRow:
    """One option: what it does, how ``-o`` spells it, and what its value must be.

    *spellings* gives the value that a word without one stands for; an option that takes a value has none.
    """

    says: str
    spellings: Mapping[str, bool]
    expected: str = ""
    convert: Callable[[str], Any] = str
    holds: Callable[[Any], bool] = lambda value: isinstance(value, bool)


def _switch(default: bool, says: str, *, on: str, off: str = "") -> Any:
    spellings = {on: True, off: False} if off else {on: True}
    return attrs.field(
        default=default,
        validator=_check,
        metadata={_OPTION: OptionRow(says, MappingProxyType(spellings), "True or False")},
    )


def _value(
    default: Any, says: str, expected: str, convert: Callable[[str], Any], holds: Callable[[Any], bool]
) -> Any:
    row = OptionRow(says, MappingProxyType({}), expected, convert, holds)
    return attrs.field(default=default, validator=_check, metadata={_OPTION: row})


def _seconds(default: float, says: str) -> Any:
    return _value(
        default,
        says,
        "seconds, 0 or more, as in 1, 0.5 or inf",
        float,
        lambda value: isinstance(value, int | float) and not math.isnan(value) and value >= 0,
    )


def _bytes(default: int | None, says: str, expected: str, least: int, most: int = 0xFFFFFFFF) -> Any:
    def holds(value: Any) -> bool:
        return value == default or (isinstance(value, int) and least <= value <= most)

    return _value(default, says, expected, Size, holds)


def _word(says: str, expected: str, forbidden: str) -> Any:
    def holds(value: Any) -> bool:
        return isinstance(value, str) and not set(forbidden) & set(value)

    return _value("", says, expected, str, holds)


def _check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    row: OptionRow = field.metadata[_OPTION]
    if not row.holds(value):
        raise OptionError(f"{field.name}={value}: expected {row.expected}")


@attrs.frozen(kw_only=True)
class MountOptions:
    """How a file system is mounted: who may use it, what the kernel may keep, how large a message may be.

    Sizes are bytes, timeouts are seconds (``math.inf``: for ever).  A ``VnodeOps`` states its own in the
    class attribute ``options``, and ``-o`` overrides them one by one.

    Raises:
        OptionError: a value cannot be; it names the option, the value and what is expected.
    """

    allow_other: bool = _switch(False, "let every user in, not just the one who mounts", on="allow_other")
    default_permissions: bool = _switch(
        False, "the kernel checks permissions by mode, owner and group", on="default_permissions"
    )
    ro: bool = _switch(False, "nothing can be changed", on="ro", off="rw")
    suid: bool = _switch(False, "set-uid programs run as their owner (root only)", on="suid", off="nosuid")
    dev: bool = _switch(False, "device nodes lead to devices (root only)", on="dev", off="nodev")
    exec: bool = _switch(True, "programs can be run", on="exec", off="noexec")
    sync: bool = _switch(False, "every write is synchronous", on="sync", off="async")
    dirsync: bool = _switch(False, "every change of a directory is synchronous", on="dirsync")
    noatime: bool = _switch(False, "reading does not change the time of access", on="noatime", off="atime")
    fsname: str = _word("what df and mount show as the device", "a name without newline or NUL", "\n\0")
    subtype: str = _word(
        "what mount shows as the type, after fuse.", "a name without blank, comma, slash or NUL", " \t\n,/\0"
    )
    max_read: int = _bytes(
        0, "the largest read; 0 is no limit", "0, or 4096 bytes to 4095M, as in 128k", 4 * KIB
    )
    max_write: int = _bytes(
        MIB, "the largest write", "4096 bytes to 255M, as in 128k or 1M", 4 * KIB, 255 * MIB
    )
    max_background: int = _value(
        0,
        "how many readaheads and the like may wait; 0 leaves it to the kernel",
        "a number from 0 to 65535",
        int,
        lambda value: isinstance(value, int) and 0 <= value <= 0xFFFF,
    )
    timeout: float = _seconds(
        0.0, "how long an operation may take until its caller gets ETIMEDOUT; 0 is for ever"
    )
    workers: int = _value(
        0,
        "how many threads run the operations that wait for something; 0: 8 if any is marked so",
        "a number from 0 to 1024",
        int,
        lambda value: isinstance(value, int) and 0 <= value <= 1024,
    )
    busy_poll: int = _value(
        100,
        "how long the server looks for the next request before it sleeps; 0 is not at all",
        "microseconds, 0 to 1000",
        int,
        lambda value: isinstance(value, int) and 0 <= value <= 1000,
    )
    max_readahead: int | None = _bytes(None, "how far the kernel reads ahead", "bytes, as in 0 or 128k", 0)
    attr_timeout: float = _seconds(1.0, "how long the kernel may trust attributes")
    entry_timeout: float = _seconds(1.0, "how long the kernel may trust a name")
    negative_timeout: float = _seconds(0.0, "how long the kernel may trust that a name is absent")
    direct_io: bool = _switch(False, "file data bypass the page cache", on="direct_io")
    kernel_cache: bool = _switch(False, "the page cache stays right between opens", on="kernel_cache")
    auto_cache: bool = _switch(
        False, "the page cache is dropped when size or time differ", on="auto_cache", off="noauto_cache"
    )
    cache_readdir: bool = _switch(
        False, "listings are dropped when the directory's time differs", on="cache_readdir"
    )
    xattr: bool = _switch(
        True,
        "extended attributes are there; without, the kernel asks no new file for its capabilities",
        on="xattr",
        off="noxattr",
    )
    replace: bool = _switch(False, "a mount that a crash has left dead is taken away first", on="replace")
    auto_unmount: bool = _switch(
        True, "a server that dies leaves no mount behind", on="auto_unmount", off="no_auto_unmount"
    )

    @classmethod
    def parse(cls, text: str, base: Self | None = None) -> tuple[Self, dict[str, str | None]]:
        r"""Return *base* as changed by *text*, what ``-o`` was given, and the words that are not a mount's.

        A comma or backslash that belongs to a value has a backslash before it.

        Raises:
            OptionError: an option of a mount has a value it cannot have, lacks one, or cannot be granted.
        """
        changes: dict[str, Any] = {}
        others: dict[str, str | None] = {}
        for name, value in _words(text):
            if name in REFUSED:
                raise OptionError(f"{name}: {REFUSED[name]}")
            switch = SWITCHES.get(name)
            if switch is not None:
                if value is not None:
                    raise OptionError(f"{name}={value}: expected no value, just {name}")
                field, changes[field] = switch[0], switch[1]
            elif name in VALUES:
                changes[name] = _converted(name, value)
            elif name not in IGNORED and not name.startswith("x-"):
                others[name] = value
        return attrs.evolve(base if base is not None else cls(), **changes), others


ROWS: Final[Mapping[str, OptionRow]] = MappingProxyType(
    {field.name: field.metadata[_OPTION] for field in attrs.fields(MountOptions)}
)
"""Every option of a mount by its field's name."""

SWITCHES: Final[Mapping[str, tuple[str, bool]]] = MappingProxyType(
    {word: (name, value) for name, row in ROWS.items() for word, value in row.spellings.items()}
)
"""What each word without a value sets."""

VALUES: Final = frozenset(name for name, row in ROWS.items() if not row.spellings)
"""The options that take a value."""

IGNORED: Final = frozenset(
    # Of mount(8) and fstab(5): they say who mounts and when.  FUSE leaves times of access to the server.
    {"auto", "comment", "defaults", "_netdev", "noauto", "nofail", "nouser", "user", "users"}
    | {
        "diratime",
        "lazytime",
        "nodiratime",
        "nolazytime",
        "norelatime",
        "nostrictatime",
        "relatime",
        "strictatime",
    }
    # Of libfuse: what is always so here.
    | {"async_read", "atomic_o_trunc", "big_writes", "large_read", "nonempty", "use_ino", "readdir_ino"}
)
"""Words that other file systems take and that mean nothing, or nothing else, here."""

REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "allow_root": "the kernel cannot let in root alone; use allow_other, with default_permissions",
        "blkdev": "there is no block device underneath; leave it out",
        "blksize": "it is for block devices only; leave it out",
        "fd": "the mount opens its own device; leave it out",
        "group_id": "it is the group of whoever mounts; leave it out",
        "rootmode": "the root is always a directory; leave it out",
        "user_id": "it is whoever mounts; leave it out",
        "writeback_cache": "size and times would be the kernel's; leave it out",
    }
)
"""Words that are known and cannot be granted, with the reason."""


def near(word: str, others: tuple[str, ...] = ()) -> list[str]:
    """Return the options, of a mount or among *others*, that *word* may be a slip for, likeliest first."""
    return difflib.get_close_matches(word, [*others, *VALUES, *SWITCHES], n=3, cutoff=0.6)


def _words(text: str) -> Iterator[tuple[str, str | None]]:
    for word in re.findall(r"(?:[^,\\]|\\.?)+", text, re.DOTALL):
        name, equals, value = re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL).partition("=")
        yield name.strip(), value if equals else None


def _converted(name: str, value: str | None) -> Any:
    row = ROWS[name]
    if not value:
        raise OptionError(f"{name}: expected a value: {row.expected}")
    try:
        return row.convert(value)
    except ValueError as exc:
        raise OptionError(f"{name}={value}: expected {row.expected}") from exc
