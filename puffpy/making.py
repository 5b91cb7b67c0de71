"""From words, as a command line has them, to a file system.

Which words there are on a command line, and what becomes of what is made, is the caller's business.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from puffpy.errors import MountError, VectorError
from puffpy.ops import VnodeOps
from puffpy.options import MountOptions, OptionError, Size, near

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


def factory(
    make: Callable[..., VnodeOps],
    arguments: Sequence[str],
    options: Sequence[str],
    own: Mapping[str, str | None] | None = None,
) -> Callable[[], VnodeOps]:
    """Return a function that calls *make* with these words, and anew every time.

    *arguments* are for the parameters without a default, *options* what ``-o`` was given, *own* more values
    of the file system's own parameters.  What is made has the mount options that were given among its
    ``options``.

    Raises:
        UsageError: an argument is missing or too many, or an option is unknown or has no such value.
    """
    takes = {parameter.name: parameter for parameter in parameters(make)}
    required = [parameter for parameter in takes.values() if parameter.required]
    if len(required) != len(arguments):
        names = " ".join(parameter.name.upper() for parameter in required) or "none"
        raise UsageError(f"the file system takes these arguments: {names}; {len(arguments)} were given")
    words = ",".join(options)
    try:
        _, others = MountOptions.parse(words)
    except OptionError as exc:
        raise UsageError(str(exc)) from None
    given = {}
    for name, value in {**others, **(own or {})}.items():
        parameter = takes.get(name.replace("-", "_"))
        if parameter is None or parameter.required:
            close = near(name, tuple(p.name for p in takes.values() if not p.required))
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UsageError(f"there is no option {name}{hint} (see --help)")
        given[parameter.name] = parameter.convert(value)
    positional = [parameter.convert(text) for parameter, text in zip(required, arguments, strict=True)]

    def made() -> VnodeOps:
        try:
            vnodeops = make(*positional, **given)
        except (OSError, ValueError) as exc:
            raise MountError(f"{exc}") from exc
        if not isinstance(vnodeops, VnodeOps):
            raise VectorError(f"{make!r} made {vnodeops!r}, which is not a VnodeOps")
        vnodeops.options = MountOptions.parse(words, vnodeops.options)[0]
        return vnodeops

    return made
