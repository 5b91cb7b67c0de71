"""``puffpy attach``: mounts a file system that another process serves on a UNIX socket.

What the two say to each other is in ``puffpy.unixsocket``.
"""

from __future__ import annotations

import argparse
import logging
from typing import Final

import puffpy
from puffpy.cli.words import Subparsers, subcommand
from puffpy.daemon import Daemon
from puffpy.signals import on_ending_signals
from puffpy.unixsocket import Attachment, connect

EXAMPLES: Final = """
puffpy attach SOCKET MNT
puffpy attach SOCKET MNT -o allow_other,ro
puffpy attach SOCKET MNT --relay         messages pass through this process
umount MNT                               or fusermount3 -u MNT
"""

MORE: Final = """
The open device goes to the server, so that nothing is copied twice; with --relay it stays
here, and the server sees messages only.  The server's options hold, but for those that
concern others on this machine (allow_other, suid, dev), which are yours to give."""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "mount a file system that somebody serves on a UNIX socket"
    parser = subcommand(subparsers, "attach", run, says, EXAMPLES, MORE)
    parser.add_argument("socket", metavar="SOCKET", help="where puffpy serve listens")
    parser.add_argument("mountpoint", metavar="MNT", help="a directory to mount upon")
    parser.add_argument(
        "-o", dest="options", metavar="OPTION[,...]", action="append", default=[], help="options of the mount"
    )
    parser.add_argument("--relay", action="store_true", help="do not hand the device over")
    parser.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground")


def run(args: argparse.Namespace) -> int:
    """Mount, and stay until the end."""
    logging.basicConfig(format="puffpy attach: %(message)s", level=logging.WARNING)
    daemon = Daemon()
    if not args.foreground:
        daemon.begin()
    try:
        attachment = Attachment(
            connect(args.socket), args.mountpoint, text=",".join(args.options), relay=args.relay
        )
        attachment.mount()
    except BaseException:
        daemon.failed(1)
        raise
    on_ending_signals(attachment.stop)
    daemon.succeeded()
    reason = attachment.run()
    if reason:
        raise puffpy.MountError(f"{args.mountpoint}: {reason}")
    return 0
