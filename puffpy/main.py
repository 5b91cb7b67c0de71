"""main(): the command line of a file system, made from its class.

What its options mean is the class's business: they are the keyword parameters of its ``__init__``.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from puffpy import bridges
from puffpy.daemon import Daemon, flush_standard_streams, open_standard_streams
from puffpy.errors import MountError, VectorError
from puffpy.live import listening
from puffpy.making import Parameter, UsageError, factory, parameters
from puffpy.mount import prepared
from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import ROWS, MountOptions
from puffpy.record import Recorder
from puffpy.serve import Server, show
from puffpy.signals import signals_end

if TYPE_CHECKING:
    from puffpy.reload import Reloader

VIRTUAL = "--vhost-user"
"""Serves a virtual machine instead of a mount point."""

RESERVED = frozenset(
    {
        "help",
        "foreground",
        "debug",
        "bridge",
        "record",
        "user",
        "version",
        "vhost_user",
        "supervise",
        "reload",
    }
)
"""Options of every file system; one of its own that is called so is given with ``-o`` only."""

GARBAGE = (50_000, 20, 20)
"""When cycles are looked for: a listing makes one object for each name, and nodes are there to stay."""

FAILED, USAGE = 1, 2
"""Exit status of a mount that failed, and for a command line that makes no sense."""


def main(
    make: Callable[..., VnodeOps],
    *,
    argv: Sequence[str] | None = None,
    prog: str | None = None,
    supervised: Callable[..., VnodeOps] | None = None,
) -> NoReturn:
    """Be the command line of the file system that *make*, a class or a function, makes.

    Goes into the background, calls *make*, mounts, serves, and exits: with 0 at the end of a mount, 1 if it
    could not be mounted, 2 if the command line makes no sense.  Parameters of *make* without a default come
    as arguments before the mount point, the others as ``-o name=value`` or ``--name value``.
    *supervised* makes what is mounted with ``--supervise`` instead, with the same parameters.
    """
    open_standard_streams()
    prog = prog or _program()
    try:
        words = sys.argv[1:] if argv is None else argv
        parser = _parser(make, prog, virtual=any(word.partition("=")[0] == VIRTUAL for word in words))
    except VectorError as exc:
        show(f"{prog}: {exc}")
        sys.exit(FAILED)
    args = parser.parse_args(argv)
    logging.basicConfig(
        format=f"{parser.prog}: %(message)s", level=logging.INFO if args.debug else logging.WARNING
    )
    daemon = Daemon()
    try:
        if not _stays(args):
            # Before *make* is called: a fork takes none of the threads along that it may start.
            daemon.begin()
        if args.user or args.supervise:
            _served_elsewhere(make, supervised or make, args, daemon)
        recorder = Recorder(open(args.record, "wb")) if args.record else None  # noqa: SIM115  until the end
        with recorder.clock() if recorder is not None else contextlib.nullcontext():
            vnodeops = factory(make, args.arguments, args.options, dict(args.own))()
        vfsops, chosen = prepared(vnodeops, None, None)
        bridge = bridges.make("vhost-user" if args.vhost_user else args.bridge)
        server = Server(vnodeops, vfsops, chosen, bridge, debug=args.debug, recorder=recorder)
        mountpoint = os.path.abspath(args.vhost_user or args.mountpoint)
        with signals_end(server):
            server.attach(mountpoint, chosen)
            if isinstance(bridge, bridges.Listening):
                with contextlib.suppress(OSError):  # nobody reads it
                    print(bridge.invitation, flush=True)  # noqa: T201  it is to be copied from here
            daemon.succeeded()
            if args.reload:
                _reloader(vnodeops, vfsops).start(server.session)
            # What has no mount point cannot be looked at through it.
            at_mount = not isinstance(bridge, bridges.Listening)
            with (
                (
                    listening(server, mountpoint, type(vnodeops).__name__)
                    if at_mount
                    else contextlib.nullcontext()
                ),
                _seldom_collected(),
            ):
                server.run()
    except UsageError as exc:
        status, reason = USAGE, str(exc)
    except (VectorError, MountError, OSError) as exc:
        status, reason = FAILED, str(exc)
    except KeyboardInterrupt:
        status, reason = FAILED, "interrupted before it was mounted"
    else:
        status, reason = 0, ""
    for line in reason.splitlines():
        show(f"{parser.prog}: {line}")
    daemon.failed(status)
    flush_standard_streams()
    sys.exit(status)


def _stays(args: argparse.Namespace) -> bool:
    """Tell whether the terminal is not to be let go."""
    return bool(args.foreground or args.debug or args.reload)


def _reloader(vnodeops: VnodeOps, vfsops: VfsOps) -> Reloader:
    """Return what loads the code of these vectors anew when it is saved."""
    from puffpy.reload import Reloader  # a mount starts sooner without it

    return Reloader(vnodeops, vfsops, show)


@contextlib.contextmanager
def _seldom_collected() -> Iterator[None]:
    """Have Python look for cycles seldom, and never among what is there by now.

    By default it looks after every 700 new objects: that is half of the time that a large directory takes.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _served_elsewhere(
    make: Callable[..., VnodeOps],
    supervised: Callable[..., VnodeOps],
    args: argparse.Namespace,
    daemon: Daemon,
) -> NoReturn:
    """Mount here, have another process serve, and exit when that is over."""
    refused = [word for word in ("supervise", "reload") if args.user and getattr(args, word)]
    if refused:
        raise UsageError(f"--{refused[0]} does not go with --user: leave one out")
    reason = _served_apart(make, args, daemon) if args.user else _supervised(supervised, args, daemon)
    if reason:
        raise MountError(reason)
    flush_standard_streams()
    sys.exit(0)


def _supervised(make: Callable[..., VnodeOps], args: argparse.Namespace, daemon: Daemon) -> str:
    """Mount here, and have a child serve that is replaced when it dies; return what went wrong."""
    from puffpy.supervise import supervise  # a mount starts sooner without it

    refused = [word for word in ("record", "vhost_user") if getattr(args, word)]
    if refused:
        raise UsageError(f"--supervise does not go with --{refused[0].replace('_', '-')}: leave one out")
    vnodeops = factory(make, args.arguments, args.options, dict(args.own))()
    vfsops, chosen = prepared(vnodeops, None, None)
    reloader = _reloader(vnodeops, vfsops) if args.reload else None
    background = not _stays(args)

    def serving(server: Server) -> None:
        if background:
            os.chdir("/")
        if reloader is not None:
            reloader.start(server.session)

    return supervise(
        *(vnodeops, vfsops, chosen, os.path.abspath(args.mountpoint), bridges.make(args.bridge)),
        debug=args.debug,
        succeeded=daemon.succeeded,
        serving=serving,
    )


def _served_apart(make: Callable[..., VnodeOps], args: argparse.Namespace, daemon: Daemon) -> str:
    """Mount here, and have a child that is another user serve; return what went wrong."""
    from puffpy.unixsocket import serve_apart  # a mount starts sooner without it

    text = ",".join(args.options)
    return serve_apart(
        factory(make, args.arguments, args.options, dict(args.own)),
        args.mountpoint,
        user=args.user,
        mine=MountOptions.parse(text)[0],
        succeeded=daemon.succeeded,
        forked=daemon.forked,
    )


class _Own(argparse.Action):
    """Collects the options of the file system itself, by name."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, _option: Any = None) -> None:
        namespace.own = [*namespace.own, (self.const, values if values != [] else None)]


def _add_own(parser: argparse.ArgumentParser, parameter: Parameter) -> None:
    """Let ``--name`` stand for ``-o name``."""
    flag = f"--{parameter.name.replace('_', '-')}"
    alone = parameter.kind is bool
    parser.add_argument(
        flag,
        dest="own",
        const=parameter.name,
        action=_Own,
        nargs=0 if alone else None,
        help=argparse.SUPPRESS,
    )


class _Arguments(argparse.Action):
    """Collects the arguments of the file system itself in order."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, _option: Any = None) -> None:
        namespace.arguments = [*namespace.arguments, values]


class _Version(argparse.Action):
    """Looks the version up when it is asked for: that takes as long as a fifth of all imports."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib import metadata

        try:
            version = f"puffpy {metadata.version('puffpy')}"
        except metadata.PackageNotFoundError:
            version = "puffpy, not installed"
        parser.exit(message=version + "\n")


def _parser(make: Callable[..., VnodeOps], prog: str, *, virtual: bool) -> argparse.ArgumentParser:
    takes = parameters(make)
    own = [p for p in takes if not p.required]
    required = " ".join(p.name.upper() for p in takes if p.required)
    usage = f"{prog} {required} MNT".replace("  ", " ")
    lines = [
        "examples:",
        f"  {usage}                     mount, and go into the background",
        f"  {usage} -f                  mount, and stay: Ctrl-C unmounts",
        f"  {usage} -d                  show every request and its answer",
        f"  {usage} -o allow_other,ro   for everybody, read-only",
        "  umount MNT, or fusermount3 -u MNT",
        "",
        "options of this file system, as -o NAME=VALUE or --NAME VALUE: "
        + (", ".join(p.name for p in own) or "none"),
        "options of every mount: " + ", ".join(ROWS),
        "",
        "exit status: 0 mounted (or, with -f, unmounted again), 1 not mounted, 2 wrong usage",
    ]
    doc = (inspect.getdoc(make) or "").partition("\n\n")[0]
    parser = argparse.ArgumentParser(
        prog=prog,
        description=doc,
        epilog="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(arguments=[], own=[])
    for parameter in takes:
        if parameter.required:
            parser.add_argument("arguments", metavar=parameter.name.upper(), action=_Arguments)
    if not virtual:
        parser.add_argument("mountpoint", metavar="MNT", help="a directory to mount upon")
    parser.add_argument(
        "-o", dest="options", metavar="OPTION[,...]", action="append", default=[], help="see below"
    )
    parser.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground")
    parser.add_argument(
        "-d", "--debug", action="store_true", help="show every message on stderr; stays as -f does"
    )
    parser.add_argument("--bridge", default="devfuse", metavar="NAME", help="how to reach a kernel (devfuse)")
    parser.add_argument(
        VIRTUAL,
        metavar="PATH",
        help="mount nothing: serve virtual machines at the socket PATH, and say what to tell QEMU",
    )
    parser.add_argument(
        "--user",
        metavar="NAME",
        help="mount as root, and serve in a process that is this user and can do little",
    )
    parser.add_argument(
        "--supervise",
        action="store_true",
        help="the mount outlives its server: one that dies is replaced, and nobody is told (Linux 6.9)",
    )
    parser.add_argument(
        "--reload",
        action="store_true",
        help="stay, and go on with new code whenever a file of the file system's is saved",
    )
    parser.add_argument("--record", metavar="FILE", help="write every message to FILE (see puffpy dump)")
    for parameter in own:
        if parameter.name not in RESERVED:
            _add_own(parser, parameter)
    parser.add_argument("-V", "--version", action=_Version, nargs=0, help="show it and exit")
    return parser


def _program() -> str:
    """Return how this program was called, as a person would repeat it."""
    package = getattr(sys.modules.get("__main__"), "__spec__", None)
    if package is not None:
        return f"python -m {package.name.removesuffix('.__main__')}"
    return os.path.basename(sys.argv[0])
