"""main(): the command line of a file system, made from its class.

What its options mean is the class's business: they are the keyword parameters of its ``__init__``.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.metadata
import inspect
import logging
import os
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import attrs

from puffpy import bridges
from puffpy.daemon import Daemon, flush_standard_streams, open_standard_streams
from puffpy.errors import MountError, VectorError
from puffpy.mount import prepared
from puffpy.ops import VnodeOps
from puffpy.options import ROWS, MountOptions, OptionError, Size, near
from puffpy.record import Recorder
from puffpy.serve import Server, show, signals_end

FAILED, USAGE = 1, 2
"""Exit status of a mount that failed, and for a command line that makes no sense."""

_TRUE = frozenset({"1", "yes", "true", "on"})
_FALSE = frozenset({"0", "no", "false", "off"})


class UsageError(Exception):
    """The command line makes no sense."""


@attrs.frozen
class Parameter:
    """A parameter of the class: *required* ones are arguments, the others options."""

    name: str
    kind: Any
    required: bool

    def convert(self, text: str | None) -> Any:
        """Return the value that *text* means for this parameter."""
        if self.kind is bool and text is None:
            return True
        if text is None:
            raise UsageError(f"option {self.name} needs a value: give {self.name}=...")
        try:
            return _converter(self.kind)(text)
        except ValueError as exc:
            raise UsageError(f"{self.name}: {exc}") from None


def _converter(kind: Any) -> Callable[[str], Any]:
    kinds = [part for part in typing.get_args(kind) or (kind,) if part is not type(None)]
    known: dict[Any, Callable[[str], Any]] = {
        Size: Size,
        bool: _boolean,
        int: _integer,
        float: _number,
        Path: Path,
    }
    return next((known[part] for part in kinds if part in known), str)


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError(f"{text!r} is neither yes nor no")
    return text.lower() in _TRUE


def _integer(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None


def parameters(make: Callable[..., VnodeOps]) -> list[Parameter]:
    """Return what *make* takes."""
    function = make.func if isinstance(make, functools.partial) else make
    try:
        hints = typing.get_type_hints(
            inspect.getattr_static(function, "__init__") if isinstance(function, type) else function
        )
    except NameError as exc:
        raise VectorError(
            f"{function.__qualname__}: {exc}: what its parameters are annotated with must exist at run time"
        ) from exc
    found = []
    for name, parameter in inspect.signature(make).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        found.append(Parameter(name, hints.get(name, str), parameter.default is parameter.empty))
    return found


def main(
    make: Callable[..., VnodeOps], *, argv: Sequence[str] | None = None, prog: str | None = None
) -> NoReturn:
    """Be the command line of the file system that *make*, a class or a function, makes.

    Goes into the background, calls *make*, mounts, serves, and exits: with 0 at the end of a mount, 1 if it
    could not be mounted, 2 if the command line makes no sense.  Parameters of *make* without a default come
    as arguments before the mount point, the others as ``-o name=value``.
    """
    open_standard_streams()
    prog = prog or _program()
    try:
        parser = _parser(make, prog)
    except VectorError as exc:
        show(f"{prog}: {exc}")
        sys.exit(FAILED)
    args = parser.parse_args(argv)
    logging.basicConfig(
        format=f"{parser.prog}: %(message)s", level=logging.INFO if args.debug else logging.WARNING
    )
    daemon = Daemon()
    try:
        if not (args.foreground or args.debug):
            # Before *make* is called: a fork takes none of the threads along that it may start.
            daemon.begin()
        recorder = Recorder(open(args.record, "wb")) if args.record else None  # noqa: SIM115  until the end
        with recorder.clock() if recorder is not None else contextlib.nullcontext():
            vnodeops, chosen = _made(make, args)
        vfsops, chosen = prepared(vnodeops, None, chosen)
        server = Server(
            vnodeops, vfsops, chosen, bridges.make(args.bridge), debug=args.debug, recorder=recorder
        )
        mountpoint = os.path.abspath(args.mountpoint)
        with signals_end(server):
            server.attach(mountpoint, chosen)
            daemon.succeeded()
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


def _made(make: Callable[..., VnodeOps], args: argparse.Namespace) -> tuple[VnodeOps, MountOptions]:
    """Return the file system that the command line asks for, and how it is to be mounted."""
    takes = {parameter.name: parameter for parameter in parameters(make)}
    try:
        _, others = MountOptions.parse(",".join(args.options))
    except OptionError as exc:
        raise UsageError(str(exc)) from None
    given = {}
    for name, value in others.items():
        parameter = takes.get(name.replace("-", "_"))
        if parameter is None or parameter.required:
            close = near(name, tuple(p.name for p in takes.values() if not p.required))
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UsageError(f"there is no option {name}{hint} (see --help)")
        given[parameter.name] = parameter.convert(value)
    required = [p for p in takes.values() if p.required]
    positional = [p.convert(text) for p, text in zip(required, args.arguments, strict=True)]
    try:
        vnodeops = make(*positional, **given)
    except (OSError, ValueError) as exc:
        raise MountError(f"{exc}") from exc
    if not isinstance(vnodeops, VnodeOps):
        raise VectorError(f"{make!r} made {vnodeops!r}, which is not a VnodeOps")
    return vnodeops, MountOptions.parse(",".join(args.options), getattr(vnodeops, "options", None))[0]


class _Arguments(argparse.Action):
    """Collects the arguments of the file system itself in order."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, _option: Any = None) -> None:
        namespace.arguments = [*namespace.arguments, values]


def _parser(make: Callable[..., VnodeOps], prog: str) -> argparse.ArgumentParser:
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
        "options of this file system: " + (", ".join(f"{p.name}=..." for p in own) or "none"),
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
    parser.set_defaults(arguments=[])
    for parameter in takes:
        if parameter.required:
            parser.add_argument("arguments", metavar=parameter.name.upper(), action=_Arguments)
    parser.add_argument("mountpoint", metavar="MNT", help="a directory to mount upon")
    parser.add_argument(
        "-o", dest="options", metavar="OPTION[,...]", action="append", default=[], help="see below"
    )
    parser.add_argument("-f", "--foreground", action="store_true", help="stay in the foreground")
    parser.add_argument(
        "-d", "--debug", action="store_true", help="show every message on stderr; stays as -f does"
    )
    parser.add_argument("--bridge", default="devfuse", metavar="NAME", help="how to reach a kernel (devfuse)")
    parser.add_argument("--record", metavar="FILE", help="write every message to FILE (see puffpy dump)")
    parser.add_argument("-V", "--version", action="version", version=_version())
    return parser


def _program() -> str:
    """Return how this program was called, as a person would repeat it."""
    package = getattr(sys.modules.get("__main__"), "__spec__", None)
    if package is not None:
        return f"python -m {package.name.removesuffix('.__main__')}"
    return os.path.basename(sys.argv[0])


def _version() -> str:
    try:
        return f"puffpy {importlib.metadata.version('puffpy')}"
    except importlib.metadata.PackageNotFoundError:
        return "puffpy, not installed"
