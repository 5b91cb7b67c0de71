"""What a backend raises, as the errno that a program expects.

Nothing is done here; backends raise whatever their transport does, and each has a taste of its own.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

import puffpy

log = logging.getLogger(__name__)

OF_STATUS: Final[Mapping[int, int]] = MappingProxyType(
    {
        401: errno.EACCES,
        403: errno.EACCES,
        404: errno.ENOENT,
        405: errno.EROFS,
        408: errno.ETIMEDOUT,
        409: errno.EBUSY,
        410: errno.ENOENT,
        413: errno.EFBIG,
        416: errno.EINVAL,
        429: errno.EAGAIN,
        501: errno.EOPNOTSUPP,
        504: errno.ETIMEDOUT,
        507: errno.ENOSPC,
    }
)
"""What a status of HTTP means, for backends whose errors say no more."""


class OnlyForwards(Exception):
    """The backend can read an object from the start to the end, and in no other way."""


@contextmanager
def asking(what: str, *, writing: bool = False) -> Iterator[None]:
    """Have whatever a backend raises in this context be an OSError with an errno; *what* is for the log.

    What a backend has not implemented is EROFS where it is *writing*, and EOPNOTSUPP elsewhere.
    """
    try:
        yield
    except NotImplementedError as exc:
        code = errno.EROFS if writing else errno.EOPNOTSUPP
        raise puffpy.FsError(code, f"{what}: the backend cannot") from exc
    except OnlyForwards:
        raise
    except (asyncio.TimeoutError, TimeoutError) as exc:
        raise puffpy.FsError(errno.ETIMEDOUT, f"{what}: no answer in time") from exc
    except UnicodeError as exc:
        raise puffpy.FsError(errno.EILSEQ, f"{what}: the backend has no such names") from exc
    except OSError as exc:
        if exc.errno is not None or type(exc) is not OSError:
            raise
        raise _told(what, exc) from exc
    except Exception as exc:  # whatever the transport raises
        raise _told(what, exc) from exc


def _told(what: str, exc: Exception) -> puffpy.FsError:
    status = getattr(exc, "status", None) or getattr(exc, "code", None)
    code = OF_STATUS.get(status, errno.EIO) if isinstance(status, int) else errno.EIO
    if code == errno.EIO:
        log.warning("%s: %s: %s", what, type(exc).__name__, exc)
    return puffpy.FsError(code, f"{what}: {type(exc).__name__}: {exc}")
