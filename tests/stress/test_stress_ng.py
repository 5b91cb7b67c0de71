"""stress-ng: many kinds of calls at once, each checked for its effect (``--verify``)."""

from __future__ import annotations

import pytest

from tests.stress.conftest import Ground
from tests.stress.scale import LONG

GROUPS = {
    "names": "chdir dentry dir dirdeep dirmany filename link mknod open rename symlink touch",
    "attributes": "access chattr chmod chown file-ioctl fstat handle inode-flags utime xattr",
    "data": "aio aiol copy-file fallocate fpunch fsize hdd iomix revio seek sendfile splice sync-file tee",
    "memory": "mmap msync readahead",
    "watches": "dnotify dup fcntl flock inotify lease locka lockf lockofd",
}
"""Stressors that work where ``--temp-path`` says, by what they are about.

``getdent`` and ``io`` look at every mount of the machine, and have no business with those.
"""

OPTIONS = {
    "copy-file": ("--copy-file-bytes", "128m"),
    "dentry": ("--dentries", "512"),
    "fallocate": ("--fallocate-bytes", "16m"),
    "hdd": ("--hdd-bytes", "16m"),
    "iomix": ("--iomix-bytes", "16m"),
    "mmap": ("--mmap-file", "--mmap-bytes", "8m"),
    "readahead": ("--readahead-bytes", "16m"),
    "revio": ("--revio-bytes", "16m"),
}
"""So that no stressor fills the disk, or needs more than a moment before it begins."""


@pytest.mark.parametrize("group", GROUPS)
def test_stress_ng_finds_every_call_to_have_done_what_it_should(ground: Ground, group: str) -> None:
    stressors = GROUPS[group].split()
    if ground.scale is LONG:
        for stressor in stressors:
            stress(ground, stressor, workers=2)
    else:
        stress(ground, *stressors, workers=1)
    ground.empty()


def stress(ground: Ground, *stressors: str, workers: int) -> None:
    """Run *stressors* at the same time, with so many *workers* each."""
    words = [word for name in stressors for word in (f"--{name}", str(workers), *OPTIONS.get(name, ()))]
    ground.run(
        *("stress-ng", *words, "--verify", "--oomable", "--temp-path", str(ground.place)),
        *("--timeout", f"{ground.scale.seconds}s"),
    )
