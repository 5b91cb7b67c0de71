"""Looking at a large tree for the second time: ``python -m benchmarks.walks WALK TREE``.

Prints "COUNT SECONDS" as every work does; COUNT is names.  The tree is planted by ``plant TREE FILES`` first.
Each walk is done once untimed: what is measured is what the kernel has been allowed to keep.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

PER_DIRECTORY = 500

WALKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "find": ("find", "{tree}/walked", "-name", "nothing"),
        "ls": ("ls", "-lR", "{tree}/walked"),
        "stat": ("find", "{tree}/walked", "-newermt", "2100-01-01"),
    }
)


def plant(tree: Path, files: int) -> None:
    """Make *files* empty files in directories of a few hundred."""
    for number in range(files):
        directory = tree / "walked" / f"d{number // PER_DIRECTORY}"
        if number % PER_DIRECTORY == 0:
            directory.mkdir(parents=True)
        (directory / f"file-{number}").touch()
    (tree / "walked" / "count").write_text(str(files))


def main() -> None:
    """Do it, or plant the tree."""
    walk, tree, *rest = sys.argv[1:]
    if walk == "plant":
        plant(Path(tree), int(rest[0]))
        return
    command = [word.format(tree=tree) for word in WALKS[walk]]
    files = int((Path(tree) / "walked" / "count").read_text())
    took = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.monotonic() - start)
    print(files, min(took[1:]))


if __name__ == "__main__":
    main()
