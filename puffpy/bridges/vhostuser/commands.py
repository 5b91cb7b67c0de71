"""What to say to QEMU and in the guest, so that the guest sees the file system.

Nothing is started here.
"""

from __future__ import annotations

import shlex

TAG = "puffpy"
"""What the guest mounts."""


def commands(path: str, memory: str = "1G") -> str:
    """Return QEMU's options for a server that listens at *path*, and the guest's command.

    The guest's *memory* has to be shared with the server, which QEMU's own is not.
    """
    chardev = shlex.quote(f"socket,id=puffpy,path={path.replace(',', ',,')}")
    return "\n".join(
        [
            "give QEMU these options, with the memory that you want:",
            "",
            f"  -m {memory} -object memory-backend-memfd,id=puffpy-memory,size={memory},share=on \\",
            "  -numa node,memdev=puffpy-memory \\",
            f"  -chardev {chardev} \\",
            f"  -device vhost-user-fs-pci,chardev=puffpy,tag={TAG}",
            "",
            f"and in the guest:  mount -t virtiofs {TAG} /mnt",
        ]
    )
