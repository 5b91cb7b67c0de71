"""What ``FUSE`` takes as keywords: libfuse's options, the mount's, the vector's, and the idle ones.

Nothing is mounted here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from puffpy.compat.fusepy.records import fuse_config
from puffpy.options import MountOptions, OptionError


def _octal(text: str) -> int:
    return int(text, 8)


def _switch(text: str) -> int:
    return int(text or 1)


VECTOR: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = MappingProxyType(
    {
        "umask": (_octal, "set_mode"),
        "fmask": (_octal, "set_mode"),
        "dmask": (_octal, "set_mode"),
        "uid": (int, "set_uid"),
        "gid": (int, "set_gid"),
        "use_ino": (_switch, ""),
        "hard_remove": (_switch, ""),
    }
)
"""libfuse's own options that the vector sees to: how to read the value, and what is set along with it."""

BOTH: Final = ("attr_timeout", "auto_cache", "direct_io", "entry_timeout", "kernel_cache", "negative_timeout")
"""Options of the mount that ``init_with_config`` is shown, too."""

IDLE: Final = frozenset(
    # how libfuse runs: threads, splicing, signals, what it remembers
    {"ac_attr_timeout", "clone_fd", "congestion_threshold", "intr", "intr_signal", "max_idle_threads"}
    | {"max_threads", "noforget", "no_rofd_flush", "nopath", "parallel_direct_write", "remember", "sync_read"}
    | {"parallel_direct_writes", "readdir_ino"}
    | {f"{no}splice_{what}" for no in ("", "no_") for what in ("read", "write", "move")}
    | {f"no_remote{what}_lock" for what in ("", "_posix")}
    | {"no_remote_flock"}
)
"""Options of libfuse's that mean nothing here, or are always so."""


@attrs.frozen
class Settings:
    """What the keywords of one ``FUSE`` came to."""

    options: MountOptions
    config: fuse_config
    foreground: bool
    debug: bool
    threads: bool


def settings(name: str, keywords: Mapping[str, Any]) -> Settings:
    """Return what *keywords* ask for; *name* is what ``df`` shows where they do not say.

    A keyword is an option of ``-o``: ``True`` is the bare word, ``False`` leaves it out.

    Raises:
        RuntimeError: there is no such option, or it cannot have that value; as libfuse would refuse it.
    """
    given = {"fsname": name, **keywords}
    foreground, debug, nothreads = (
        bool(given.pop(word, False)) for word in ("foreground", "debug", "nothreads")
    )
    asked = {word: "" if value is True else str(value) for word, value in given.items() if value is not False}
    config = fuse_config()
    words = []
    for word, value in asked.items():
        if word in VECTOR:
            read, along = VECTOR[word]
            try:
                setattr(config, word, read(value))
            except ValueError:
                raise RuntimeError(f"fuse: {word}={value}: expected a number") from None
            if along:
                setattr(config, along, 1)
        elif word not in IDLE:
            words.append(f"{word}={_escaped(value)}" if value or given[word] is not True else word)
    options = _options(",".join(words))
    for word in BOTH:
        setattr(config, word, type(getattr(config, word))(getattr(options, word)))
    # -d stays in the foreground, as libfuse's does.
    return Settings(options, config, foreground or debug, debug, not nothreads)


def _options(text: str) -> MountOptions:
    try:
        options, others = MountOptions.parse(text)
    except OptionError as exc:
        raise RuntimeError(f"fuse: {exc}") from exc
    if others:
        raise RuntimeError(f"fuse: unknown option {', '.join(others)}")
    return options


def _escaped(value: str) -> str:
    return re.sub(r"([,\\])", r"\\\1", value)
