"""What a backend tells of a file, in our own words: each backend tells it in its own.

Nothing is asked here, and nothing of what a mount adds (owner, mode, times set by somebody) is known.
"""

from __future__ import annotations

import datetime
import math
import stat
from collections.abc import Mapping
from typing import Any, Final

import attrs

CHANGED: Final = (
    *("mtime", "LastModified", "last_modified", "modified", "updated", "modify", "date_time", "time"),
    *("last_commit", "Last-Modified", "created"),
)
"""The keys under which backends tell when a file's data changed, best first."""

VERSIONS: Final = ("ETag", "etag", "generation", "md5Hash", "content_md5", "checksum", "sha", "CRC", "ino")
"""The keys of what differs whenever the data do."""


@attrs.frozen(kw_only=True)
class Status:
    """A file as the backend tells of it.

    *kind* is ``S_IFREG`` and the like, *size* is bytes or ``None`` (it does not know), *mode* permission bits
    or ``None``, *mtime_ns* nanoseconds since 1970 or ``None``, *target* what a symbolic link says.  *version*
    is never the same once the data have changed, as far as the backend can tell.  *key* is what the backend
    calls the file.
    """

    kind: int
    size: int | None = None
    mode: int | None = None
    mtime_ns: int | None = None
    target: str | None = None
    version: tuple[Any, ...] = ()
    key: str = ""

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.kind == stat.S_IFDIR


DIRECTORY: Final = Status(kind=stat.S_IFDIR)
"""A directory of which nothing is known."""


def status_of(info: Mapping[str, Any]) -> Status:
    """Return what *info*, fsspec's word for it, says."""
    mode = info.get("mode")
    mode = mode if isinstance(mode, int) else (info.get("external_attr") or 0) >> 16 or None
    size = info.get("size")
    size = int(size) if isinstance(size, int | float) and size >= 0 else None
    target = info.get("destination")
    kind = _kind(info, mode)
    changed = next((info[key] for key in CHANGED if info.get(key)), None)
    return Status(
        kind=kind,
        size=size,
        mode=None if mode is None or kind == stat.S_IFLNK else stat.S_IMODE(mode),
        mtime_ns=nanoseconds(changed),
        target=target if kind == stat.S_IFLNK else None,
        version=(
            size,
            nanoseconds(changed) or str(changed),
            *(str(info[key]) for key in VERSIONS if key in info),
        ),
        key=str(info.get("name", "")),
    )


def _kind(info: Mapping[str, Any], mode: int | None) -> int:
    if info.get("islink") and isinstance(info.get("destination"), str):
        return stat.S_IFLNK
    if info.get("type") == "directory":
        return stat.S_IFDIR
    if info.get("type") == "other" and mode is not None and stat.S_IFMT(mode):
        return stat.S_IFMT(mode)
    return stat.S_IFREG


def nanoseconds(when: Any) -> int | None:
    """Return *when*, in any of the ways in which backends tell a time, as nanoseconds since 1970.

    ``None`` if it is none of them.  A time that names no zone is UTC.
    """
    if isinstance(when, datetime.datetime):
        aware = when if when.tzinfo else when.replace(tzinfo=datetime.timezone.utc)
        delta = aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000
    if isinstance(when, int | float):
        # Nothing below a microsecond is right in a float of today.
        return round(when * 1_000_000) * 1000 if math.isfinite(when) else None
    try:
        if isinstance(when, tuple):
            return nanoseconds(datetime.datetime(*when[:6]))
        if isinstance(when, str) and when.isdigit() and len(when) == 14:
            return nanoseconds(datetime.datetime.strptime(f"{when}+0000", "%Y%m%d%H%M%S%z"))
        if isinstance(when, str):
            # Python 3.10 does not know that Z means UTC.
            return nanoseconds(datetime.datetime.fromisoformat(when.replace("Z", "+00:00")))
    except (TypeError, ValueError):
        pass
    return None
