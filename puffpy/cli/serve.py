"""``puffpy serve``: a file system on a UNIX socket, for ``puffpy attach`` to mount.

What the two say to each other is in ``puffpy.unixsocket``.
"""

from __future__ import annotations

import argparse
import pwd
from typing import Final

from puffpy.cli.locate import locate
from puffpy.cli.words import Subparsers, add_layers, add_making, subcommand
from puffpy.daemon import Daemon
from puffpy.layers import layered
from puffpy.making import UsageError, factory
from puffpy.privileges import become, confine
from puffpy.signals import on_ending_signals
from puffpy.unixsocket import Listener

EXAMPLES: Final = """
puffpy serve filesystems.tunnel DIR --listen /run/user/1000/dir
puffpy serve filesystems.detrempe --listen SOCKET --allow alice --allow bob
puffpy serve filesystems.tunnel DIR --listen SOCKET --user nobody
puffpy attach SOCKET MNT                               on the other side
"""

MORE: Final = """
Everything that is attached sees the same file system.  Root and the user who serves may
attach; --allow lets others."""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "serve a file system on a UNIX socket, for others to attach"
    parser = subcommand(subparsers, "serve", run, says, EXAMPLES, MORE)
    add_making(parser)
    add_layers(parser)
    parser.add_argument("--listen", metavar="PATH", required=True, help="the socket to be made")
    parser.add_argument(
        "--allow", metavar="USER", action="append", default=[], help="somebody else who may attach"
    )
    parser.add_argument(
        "--user", help="serve as this user, who can open nothing that is not the file system's"
    )
    parser.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground")


def run(args: argparse.Namespace) -> int:
    """Listen, and serve until a signal comes."""
    allowed = frozenset(_uid(user) for user in args.allow)
    make = factory(layered(locate(args.target), args.layers, locate), args.arguments, args.options)
    daemon = Daemon()
    if not args.foreground:
        daemon.begin()
    try:
        if args.user:
            become(args.user)
        vnodeops = make()
        listener = Listener(vnodeops, args.listen, allowed=allowed)
        if args.user and vnodeops.unveiled is not None:
            confine((*vnodeops.unveiled, args.listen))
    except BaseException:
        daemon.failed(1)
        raise
    on_ending_signals(listener.close)
    daemon.succeeded()
    listener.run()
    return 0


def _uid(user: str) -> int:
    try:
        return int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
    except KeyError:
        raise UsageError(f"--allow {user}: there is no such user") from None
