"""Programs that others wrote: the examples of libfuse 3, as Debian ships their source, compiled here.

Found beside the installed libfuse3-dev, or else taken out of the package, which apt then has to provide.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
from collections.abc import Sequence

import attrs

from puffpy.userkernel import DescriptorLink, UserKernel

EXAMPLES = pathlib.Path("/usr/share/doc/libfuse3-dev/examples")

FOUND = ("-DHAVE_POSIX_FALLOCATE", "-DHAVE_COPY_FILE_RANGE", "-D_GNU_SOURCE")
"""What libfuse's own build finds out about the C library and says in its config.h."""

LONGEST = 20.0
"""Seconds that one of these programs may take to end, or gcc to compile it."""


def examples(spare: pathlib.Path) -> pathlib.Path:
    """Return where the source of the examples is; a slim system has left out what belongs to doc."""
    if (EXAMPLES / "passthrough_ll.c").exists():
        return EXAMPLES
    _run(["apt-get", "download", "libfuse3-dev"], spare)
    (package,) = spare.glob("libfuse3-dev_*.deb")
    _run(["dpkg-deb", "-x", package.name, "."], spare)
    return spare / EXAMPLES.relative_to("/")


def build(name: str, into: pathlib.Path) -> pathlib.Path:
    """Compile the example *name* and return the program."""
    source = examples(into)
    flags = _run(["pkg-config", "--cflags", "--libs", "fuse3"], into).split()
    program = into / name
    _run(["gcc", "-w", "-O1", *FOUND, "-o", str(program), f"{source / name}.c", f"-I{source}", *flags], into)
    return program


def _run(command: Sequence[str], where: pathlib.Path) -> str:
    done = subprocess.run(
        command, cwd=where, capture_output=True, text=True, timeout=6 * LONGEST, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@attrs.define
class Stranger:
    """A program that serves, and the kernel it serves."""

    kernel: UserKernel
    process: subprocess.Popen[bytes]
    log: pathlib.Path

    def end(self) -> None:
        """Unmount; the program must notice, and must have been given everything back."""
        self.kernel.unmount()
        try:
            self.process.wait(LONGEST)
        finally:
            self.process.kill()
            self.process.wait()
        assert self.kernel.balance().zero, self.kernel.balance()


def start(program: pathlib.Path, *options: str) -> Stranger:
    """Have *program* serve a new kernel; it takes a descriptor for its mount point."""
    link, theirs = DescriptorLink.pair()
    log = program.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(program), "-f", *options, f"/dev/fd/{theirs}"],
            pass_fds=[theirs],
            stdout=output,
            stderr=output,
        )
    os.close(theirs)
    try:
        return Stranger(UserKernel(link), process, log)
    except OSError as exc:
        link.close()
        process.kill()
        process.wait()
        raise AssertionError(f"{program.name} does not answer INIT: {log.read_text()}") from exc


def missing() -> list[str]:
    """Return which tools this machine lacks to build them."""
    return [tool for tool in ("gcc", "pkg-config") if shutil.which(tool) is None]
