"""Mount and file system apart, from one command: root mounts, and a child with hardly any rights serves.

What rights are taken away is in ``puffpy.privileges``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable

from puffpy.complaints import Complaints
from puffpy.errors import MountError, VectorError
from puffpy.making import UsageError
from puffpy.mount import prepared
from puffpy.ops import VnodeOps
from puffpy.options import MountOptions
from puffpy.privileges import become, confine
from puffpy.signals import ENDING_SIGNALS, on_ending_signals
from puffpy.unixsocket.attaching import Attachment
from puffpy.unixsocket.greeting import complaint
from puffpy.unixsocket.serving import serve_connection
from puffpy.unixsocket.sharing import Shared

log = logging.getLogger("puffpy")


def serve_apart(
    make: Callable[[], VnodeOps],
    mountpoint: str,
    *,
    user: str,
    mine: MountOptions,
    succeeded: Callable[[], object],
    forked: Callable[[], object],
) -> str:
    """Mount what *make* makes, served by a child that is *user*; wait for the end; return what went wrong.

    *succeeded* is called once the mount works, *forked* in the child.

    Raises:
        MountError: it could not be mounted, or the child could not give up its rights.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    child = os.fork()
    if not child:
        ours.close()
        status = 1
        try:
            forked()
            status = _serve(make, theirs, user)
        finally:
            os._exit(status)
    theirs.close()
    try:
        attachment = Attachment(ours, mountpoint, mine=mine)
        attachment.mount()
        on_ending_signals(attachment.stop)
        succeeded()
        return attachment.run()
    finally:
        ours.close()
        os.waitpid(child, 0)


def _serve(make: Callable[[], VnodeOps], sock: socket.socket, user: str) -> int:
    """Be the child: give up everything, then make the file system and serve it."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the terminal's are for the parent, which tells us
    try:
        become(user)
        vnodeops = make()
        if vnodeops.unveiled is not None and not confine(vnodeops.unveiled):
            log.info("this kernel has no Landlock: what %s may open is all that the server may", user)
        vfsops, options = prepared(vnodeops, None, None)
    except (UsageError, VectorError, MountError, OSError) as exc:
        with contextlib.suppress(OSError):
            sock.sendall(complaint(str(exc)))
        return 1
    shared = Shared(vnodeops, vfsops)
    serve_connection(sock, shared, type(vnodeops).__name__, options, set(), threading.Lock(), Complaints())
    shared.end()
    return 0
