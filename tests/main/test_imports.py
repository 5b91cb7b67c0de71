"""What starting does not wait for."""

from __future__ import annotations

import subprocess
import sys

LATER = ("importlib.metadata", "asyncio", "email", "puffpy.unixsocket", "puffpy.userkernel", "puffpy.fsspec")
"""Each takes a good part of the time of all other imports, and most mounts need none."""


def test_a_file_system_starts_without_what_few_need() -> None:
    program = f"import sys, puffpy; print(*(set({LATER!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
