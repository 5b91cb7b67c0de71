"""Who is measured: one row for each file system, how it is started and what it needs to be there.

Nothing here starts one.  A subject that cannot be had is reported with its reason; ``Missing`` carries it.
"""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import resource
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from benchmarks import build

#: The subject that the ratios are ratios to.
REFERENCE = "libfuse"


class Missing(Exception):
    """A subject cannot be measured here; the message says why and what to install."""


Argv = Callable[[Path], "list[str]"]


@attrs.frozen
class Subject:
    """One column of the result.

    *prepare* is given a private directory to build in; it checks what is needed, raises :class:`Missing`, and
    returns the command that serves on the mount point put at its end.  *environment* is for the server.
    """

    name: str
    title: str
    prepare: Argv
    version: Callable[[], str]
    environment: Mapping[str, str] = attrs.field(factory=dict)


def _device() -> None:
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        raise Missing(f"/dev/fuse: {error.strerror}") from None


def _root() -> None:
    if os.geteuid() != 0:
        raise Missing("it calls mount(2) itself, which needs root")


def _fusermount(program: str) -> None:
    if os.geteuid() != 0 and shutil.which(program) is None:
        raise Missing(f"there is no {program}, which mounts for whoever is not root")


def _module(name: str, package: str) -> None:
    if importlib.util.find_spec(name) is None:
        raise Missing(f"not installed in {sys.prefix} (pip install {package})")


def _library(name: str, package: str) -> None:
    if ctypes.util.find_library(name) is None:
        raise Missing(f"there is no lib{name} (Debian: {package})")


def _python(peer: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.peers.{peer}"]


def _puffpy(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount3")
    _module("puffpy", "--editable .")
    nothing_remembered = "attr_timeout=0,entry_timeout=0,negative_timeout=0"
    return [*_python("puffpy_memfs"), "--foreground", "-o", nothing_remembered]


def _libfuse(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount3")
    try:
        return [str(build.memfs_ll(directory))]
    except build.BuildError as error:
        raise Missing(str(error)) from None


def _mfusepy(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount3")
    _module("mfusepy", "mfusepy")
    _library("fuse3", "libfuse3-3")
    return _python("mfusepy_memfs")


def _mfusepy_threads(directory: Path) -> list[str]:
    return [*_mfusepy(directory), "--threads"]


def _compat(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount3")
    _module("puffpy", "--editable .")
    return _python("compat_memfs")


def _compat_threads(directory: Path) -> list[str]:
    return [*_compat(directory), "--threads"]


def _fusepy(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount")
    _module("fuse", "fusepy")
    _library("fuse", "libfuse2")
    return _python("fusepy_memfs")


def _pyfuse3(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount3")
    _module("pyfuse3", "pyfuse3, with libfuse3-dev and a C compiler")
    return _python("pyfuse3_memfs")


def _pyfuse3_cached(directory: Path) -> list[str]:
    return [*_pyfuse3(directory), "--cached"]


def _bare(directory: Path) -> list[str]:
    _device()
    _root()
    return _python("bare")


def _tmpfs(directory: Path) -> list[str]:
    _root()
    return ["mount", "-t", "tmpfs", "tmpfs"]


def _below(directory: Path, name: str) -> str:
    """Return a directory of the file system that the run lives on, for *name* to pass through."""
    below = directory / f"{name}-below"
    below.mkdir()
    return str(below)


def _directory(directory: Path) -> list[str]:
    _root()
    return ["mount", "--bind", _below(directory, "directory")]


def _detrempe(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount3")
    _module("puffpy", "--editable .")
    return [sys.executable, "-m", "filesystems.detrempe", "--foreground"]


def _tunnel(name: str, *options: str) -> Callable[[Path], list[str]]:
    def prepare(directory: Path) -> list[str]:
        _device()
        _fusermount("fusermount3")
        _module("puffpy", "--editable .")
        below = _below(directory, name)
        return [sys.executable, "-m", "filesystems.tunnel", "--foreground", *options, below]

    return prepare


def _passthrough_ll(directory: Path) -> list[str]:
    _device()
    _fusermount("fusermount3")
    below = _below(directory, "passthrough_ll")
    try:
        program = str(build.passthrough_ll(directory))
    except build.BuildError as error:
        raise Missing(str(error)) from None
    # It keeps a descriptor for every file that it is asked about; tunnel raises its limit by itself.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return ["prlimit", f"--nofile={most}", program, "-f", "-o", f"source={below}"]


def _of_package(name: str) -> Callable[[], str]:
    return lambda: importlib.metadata.version(name)


def _puffpy_version() -> str:
    # The module says it even where puffpy is not installed but simply there.
    return str(importlib.import_module("puffpy").__version__)


_WITH_LIBFUSE_3 = {"FUSE_LIBRARY_PATH": "libfuse3.so.3"}

SUBJECTS = (
    Subject("puffpy", "puffpy", _puffpy, _puffpy_version),
    Subject(REFERENCE, "C libfuse 3, low level", _libfuse, build.fuse3_version),
    Subject("mfusepy", "mfusepy (libfuse 3)", _mfusepy, _of_package("mfusepy"), _WITH_LIBFUSE_3),
    Subject("fusepy", "fusepy (libfuse 2)", _fusepy, _of_package("fusepy")),
    Subject("pyfuse3", "pyfuse3 (Trio)", _pyfuse3, _of_package("pyfuse3")),
    Subject("bare", "bare Python on /dev/fuse", _bare, platform.python_version),
    Subject("tmpfs", "tmpfs, in the kernel", _tmpfs, platform.release),
)

#: Shipped file systems with their default options, and what is like them.
AS_USED = (
    Subject("detrempe", "detrempe", _detrempe, _puffpy_version),
    Subject("tunnel", "tunnel", _tunnel("tunnel"), _puffpy_version),
    Subject("tunnel-watch", "tunnel --watch", _tunnel("tunnel-watch", "--watch"), _puffpy_version),
    Subject("tunnel-plain", "tunnel -o noxattr", _tunnel("tunnel-plain", "-o", "noxattr"), _puffpy_version),
    Subject("passthrough_ll", "C libfuse 3, passthrough_ll", _passthrough_ll, build.fuse3_version),
    Subject("pyfuse3-cached", "pyfuse3, names kept", _pyfuse3_cached, _of_package("pyfuse3")),
    Subject("directory", "the directory below", _directory, platform.release),
    Subject("tmpfs", "tmpfs, in the kernel", _tmpfs, platform.release),
)

#: A program that was written for mfusepy: there, and here with one import changed.
PROGRAMS = (
    Subject("compat", "puffpy.compat.fusepy", _compat, _puffpy_version),
    Subject("mfusepy", "mfusepy (libfuse 3)", _mfusepy, _of_package("mfusepy"), _WITH_LIBFUSE_3),
    Subject("compat-threads", "puffpy.compat.fusepy, threads", _compat_threads, _puffpy_version),
    Subject(
        "mfusepy-threads",
        "mfusepy (libfuse 3), threads",
        _mfusepy_threads,
        _of_package("mfusepy"),
        _WITH_LIBFUSE_3,
    ),
)
