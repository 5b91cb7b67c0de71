"""A work done by fio: ``python -m benchmarks.fio CPU SECONDS KIND TREE BLOCK``.

Prints "COUNT SECONDS" as every work does; COUNT is bytes.  KIND is fio's own word for a pattern
(``randread``, ``write`` ...), with ``mmap-`` in front of it if the file is to be mapped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys


def command(kind: str, tree: str, block: str, seconds: float) -> list[str]:
    """Return the command line of fio for one sample."""
    pattern = kind.removeprefix("mmap-")
    return [
        "fio",
        "--name=work",
        f"--filename={tree}/data",
        f"--size={os.stat(f'{tree}/data').st_size}",
        f"--rw={pattern}",
        f"--bs={block}",
        f"--ioengine={'mmap' if kind != pattern else 'psync'}",
        f"--runtime={max(1, round(seconds * 1000))}ms",
        "--time_based",
        "--thread",
        # The file is all there, and what is measured is the way to it, not the disk.
        "--invalidate=0",
        "--fallocate=none",
        "--overwrite=1",
        "--output-format=json",
    ]


def main() -> None:
    """Do it."""
    cpu, seconds, kind, tree, block = sys.argv[1:]
    if int(cpu) >= 0:
        os.sched_setaffinity(0, {int(cpu)})
    done = subprocess.run(
        command(kind, tree, block, float(seconds)), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip() or done.stdout.strip())
    job = json.loads(done.stdout[done.stdout.index("{") :])["jobs"][0]
    way = job["read" if "read" in kind else "write"]
    print(way["io_bytes"], way["runtime"] / 1000)


if __name__ == "__main__":
    main()
