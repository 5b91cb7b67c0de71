"""The guest's first and only file system: busybox, a few modules, and a script.

Written here rather than by cpio(1): the format is a header and a name and the data, over and over.
"""

from __future__ import annotations

import gzip
import stat
from pathlib import Path
from typing import Final

from tests.guest.kernel import Kernel

INIT: Final = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1
for module in {modules}; do insmod /$module; done
echo {begin}
sh /script
echo "{end} $?"
sync
poweroff -f
"""

BEGIN: Final = "==== the script begins"
END: Final = "==== the script ended with status"


def archive(files: list[tuple[str, int, bytes]]) -> bytes:
    """Return *files*, each a name, a mode and what it holds, as the kernel takes them."""
    pieces = []
    for number, (name, mode, data) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
        raw = name.encode() + b"\0"
        nlink, mtime, device = 1, 0, 0
        fields = (number, mode, 0, 0, nlink, mtime, len(data), device, device, device, device, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        pieces += [_padded(head + raw), _padded(data)]
    return gzip.compress(b"".join(pieces), 1)


def initramfs(kernel: Kernel, busybox: Path, script: str) -> bytes:
    """Return the archive with which a guest runs *script*."""
    init = INIT.format(modules=" ".join(path.name for path in kernel.modules), begin=BEGIN, end=END)
    folders = [(name, stat.S_IFDIR | 0o755, b"") for name in ("bin", "dev", "proc", "sys", "mnt", "mnt2")]
    return archive(
        [
            *folders,
            ("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()),
            *((path.name, stat.S_IFREG | 0o644, path.read_bytes()) for path in kernel.modules),
            ("script", stat.S_IFREG | 0o755, script.encode()),
            ("init", stat.S_IFREG | 0o755, init.encode()),
        ]
    )


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
