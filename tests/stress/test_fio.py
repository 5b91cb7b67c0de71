"""fio: data written in every way that Linux has, and read back against checksums."""

from __future__ import annotations

import pytest

from tests.stress.conftest import Ground
from tests.stress.scale import LONG

WAYS = {
    "buffered": ("--ioengine=psync", "--bs=4k"),
    "unaligned": ("--ioengine=psync", "--bs=1000", "--filesize=512k"),
    "vectors": ("--ioengine=pvsync", "--bs=64k"),
    "direct": ("--ioengine=psync", "--direct=1", "--bs=4k"),
    "mapped": ("--ioengine=mmap", "--bs=4k"),
    "queued": ("--ioengine=libaio", "--direct=1", "--bs=16k", "--iodepth=16"),
    "queued-buffered": ("--ioengine=libaio", "--bs=16k", "--iodepth=16"),
    "synchronous": ("--ioengine=psync", "--bs=16k", "--sync=1", "--fdatasync=8"),
    "overwritten": ("--ioengine=psync", "--bs=8k", "--overwrite=1", "--fallocate=posix", "--end_fsync=1"),
}
"""How data goes in and out."""

PATTERNS = ("randrw", "randwrite", "write")
"""Where it goes."""


@pytest.mark.parametrize("way", WAYS)
def test_fio_reads_back_what_it_wrote(ground: Ground, way: str) -> None:
    for pattern in PATTERNS if ground.scale is LONG else PATTERNS[:1]:
        ground.run(
            *("fio", "--name=job", f"--directory={ground.place}", f"--rw={pattern}"),
            *(f"--size={ground.scale.mebibytes}m", f"--numjobs={ground.scale.clients}", "--group_reporting"),
            *("--verify=crc32c", "--verify_fatal=1", "--do_verify=1", "--verify_backlog=256"),
            *("--verify_state_save=0", "--randrepeat=1", "--minimal"),
            *WAYS[way],
        )
        ground.empty()
