"""Compiling the C programs; all are small enough to be compiled for every run.

Nothing here runs them.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CLIENT = HERE / "client.c"
GROW = HERE / "grow.c"
MEMFS_LL = HERE / "peers" / "memfs_ll.c"
#: libfuse's own example, as Debian ships it.
PASSTHROUGH_LL = Path("/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c")
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11")


class BuildError(Exception):
    """A program cannot be compiled here; the message says what to install."""


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise BuildError(f"{shlex.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def _package(name: str, *what: str) -> list[str]:
    if shutil.which("pkg-config") is None:
        raise BuildError("there is no pkg-config (Debian: pkg-config)")
    try:
        return shlex.split(_run(["pkg-config", *what, name]))
    except BuildError:
        raise BuildError(f"pkg-config knows no {name} (Debian: lib{name}-dev)") from None


def _compile(source: Path, target: Path, before: list[str], after: list[str]) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise BuildError("there is no C compiler (Debian: gcc)")
    _run([compiler, *FLAGS, *before, "-o", str(target), str(source), *after])
    return target


def client(directory: Path) -> Path:
    """Compile the client into *directory* and return its path; :class:`BuildError` if that cannot be done."""
    return _compile(CLIENT, directory / "client", [], [])


def grow(directory: Path) -> Path:
    """Compile the client of :mod:`benchmarks.growth` into *directory* and return its path."""
    return _compile(GROW, directory / "grow", [], [])


def memfs_ll(directory: Path) -> Path:
    """Compile the C file system into *directory* and return its path; :class:`BuildError` if it cannot be."""
    cflags, libs = _package("fuse3", "--cflags"), _package("fuse3", "--libs")
    return _compile(MEMFS_LL, directory / "memfs_ll", cflags, libs)


def passthrough_ll(directory: Path) -> Path:
    """Compile libfuse's example into *directory* and return its path; :class:`BuildError` if it cannot be."""
    if not PASSTHROUGH_LL.exists():
        raise BuildError(f"there is no {PASSTHROUGH_LL} (Debian: libfuse3-dev, with its documentation)")
    cflags, libs = _package("fuse3", "--cflags"), _package("fuse3", "--libs")
    # What it warns of is not ours to mend.
    return _compile(PASSTHROUGH_LL, directory / "passthrough_ll", [*cflags, "-w"], libs)


def fuse3_version() -> str:
    """Return the version of the libfuse 3 that is compiled against."""
    return _package("fuse3", "--modversion")[0]
