"""Holds many files open: ``python -m tests.mounted.opening DIRECTORY FIRST NUMBER``.

Makes and opens the files FIRST and following, writes the number of each into it, says ``open``, and waits for
a line.  Then it reads all of them through what it has open, says how many had their number, closes and ends.
Where it may not open so many, it says the errno's name instead of ``open``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mounted.harness import PROJECT, environment


@contextmanager
def opening(directory: Path, first: int, number: int) -> Iterator[subprocess.Popen[str]]:
    """A process that does the above, as soon as it has said its first word."""
    words = [sys.executable, "-m", "tests.mounted.opening", str(directory), str(first), str(number)]
    with subprocess.Popen(
        words, cwd=PROJECT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        try:
            yield client
        finally:
            client.kill()


def said(client: subprocess.Popen[str]) -> str:
    """What it says next."""
    assert client.stdout is not None
    return client.stdout.readline().strip()


def tell(client: subprocess.Popen[str]) -> None:
    """Let it go on."""
    assert client.stdin is not None
    client.stdin.write("\n")
    client.stdin.flush()


def main(directory: str, first: int, number: int) -> None:
    """Open, wait, read, close."""
    most = number + 64
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, max(most, hard)))
    opened = []
    word = "open"
    try:
        for each in range(first, first + number):
            opened.append(os.open(f"{directory}/{each}", os.O_RDWR | os.O_CREAT))
            os.write(opened[-1], str(each).encode())
    except OSError as exc:
        word = errno.errorcode[exc.errno or 0]
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    right = 0
    for each, fd in enumerate(opened, first):
        with contextlib.suppress(OSError):
            right += os.pread(fd, 16, 0) == str(each).encode()
        os.close(fd)
    sys.stdout.write(f"{right} of {len(opened)}\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
