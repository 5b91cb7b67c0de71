"""Layers by name, as a command line gives them: the library's own, and those that other packages bring.

What a layer does is its own business; what its parameters may be is found out as for file systems.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import inspect
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from puffpy.errors import MountError, VectorError
from puffpy.layers.base import stack
from puffpy.layers.cache import Cache
from puffpy.layers.faults import faults
from puffpy.layers.filter import Filter
from puffpy.layers.naming import RenameNames
from puffpy.layers.overlay import Overlay
from puffpy.layers.quota import Quota
from puffpy.layers.readonly import ReadOnlyLayer
from puffpy.layers.trace import Trace
from puffpy.making import Parameter, UsageError, factory, parameters
from puffpy.ops import VnodeOps

ENTRY_POINTS: Final = "puffpy.layers"

Maker: TypeAlias = Callable[..., VnodeOps]
Locate: TypeAlias = Callable[[str], Maker]

OWN: Final[Mapping[str, Maker]] = MappingProxyType(
    {
        "cache": Cache,
        "faults": faults,
        "filter": Filter,
        "overlay": Overlay,
        "quota": Quota,
        "readonly": ReadOnlyLayer,
        "rename-names": RenameNames,
        "trace": Trace,
    }
)


def names() -> list[str]:
    """Return the names of all layers that are installed."""
    return sorted({*OWN, *(point.name for point in _points())})


def described() -> Iterator[tuple[str, str]]:
    """Yield the name of each layer with a line about it; of those of other packages, where they come from."""
    for name, make in OWN.items():
        options = ", ".join(parameter.name for parameter in _takes(make)[1:])
        says = (inspect.getdoc(make) or "").partition("\n")[0].rstrip(".:")
        yield name, f"{says} ({options})" if options else says
    for point in _points():
        if point.name not in OWN:
            yield point.name, f"of {point.dist.name if point.dist else 'another package'} ({point.value})"


def named(spec: str, locate: Locate | None = None) -> Callable[[VnodeOps], VnodeOps]:
    r"""Return what makes the layer *spec*, ``NAME`` or ``NAME:OPTION=VALUE,...``, over a vector.

    A comma or backslash that belongs to a value has a backslash before it.  Where a layer takes a file
    system, its value is the file system's name and its arguments, with blanks between them; *locate* finds
    what makes it.

    Raises:
        UsageError: there is no such layer or option, or the option has no such value; also when it is made.
        MountError: the package that brings it is broken.
    """
    name, _, words = spec.partition(":")
    make = _make(name)
    takes = _takes(make)[1:]
    known = {parameter.name: parameter for parameter in takes}
    given: dict[str, Any] = {}
    for word, value in _words(words):
        parameter = known.get(word.replace("-", "_"))
        if parameter is None:
            close = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
            hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(known) or 'none'}"
            raise UsageError(f"the layer {name} has no option {word}; {hint}")
        given[parameter.name] = _value(parameter, value, locate)
    missing = [parameter.name for parameter in takes if parameter.required and parameter.name not in given]
    if missing:
        raise UsageError(f"the layer {name} needs {', '.join(f'{word}=...' for word in missing)}")

    def made(below: VnodeOps) -> VnodeOps:
        try:
            values = {key: value() if type(value) is _Later else value for key, value in given.items()}
            return make(below, **values)
        except ValueError as exc:
            raise UsageError(f"the layer {name}: {exc}") from exc

    return made


def layered(make: Maker, specs: Sequence[str], locate: Locate | None = None) -> Maker:
    """Return what makes what *make* does with the layers *specs* on it, the lowest first.

    It takes the arguments that *make* takes.

    Raises:
        UsageError, MountError: as :func:`named`.
    """
    layers = [named(spec, locate) for spec in specs]
    if not layers:
        return make

    def made(*args: Any, **named: Any) -> VnodeOps:
        return stack(make(*args, **named), *layers)

    made.__doc__ = inspect.getdoc(make)
    made.__annotations__ = {parameter.name: parameter.kind for parameter in parameters(make)}
    setattr(made, "__signature__", inspect.signature(make))  # noqa: B010  a function has none to the type checker
    return made


class _Later:
    """A value that is made anew with each layer: a file system."""

    def __init__(self, make: Callable[[], VnodeOps]) -> None:
        self._make = make

    def __call__(self) -> VnodeOps:
        return self._make()


def _points() -> list[importlib.metadata.EntryPoint]:
    return list(importlib.metadata.entry_points(group=ENTRY_POINTS))


def _make(name: str) -> Maker:
    if name in OWN:
        return OWN[name]
    for point in _points():
        if point.name == name:
            try:
                make: Maker = point.load()
            except (Exception, SystemExit) as exc:
                raise MountError(f"layer {name} ({point.value}) is broken: {exc}: reinstall it") from exc
            if not callable(make):
                raise MountError(f"layer {name} ({point.value}) is broken: {make!r} makes no layer")
            return make
    close = difflib.get_close_matches(name, names(), n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(names())}"
    raise UsageError(f"there is no layer {name}; {hint}")


def _takes(make: Maker) -> list[Parameter]:
    found = parameters(make)
    if not found:
        raise VectorError(f"{make!r} is no layer: it takes no vector to lie over")
    return found


def _words(text: str) -> Iterator[tuple[str, str | None]]:
    for word in re.findall(r"(?:[^,\\]|\\.?)+", text, re.DOTALL):
        name, equals, value = re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL).partition("=")
        yield name.strip(), value if equals else None


def _value(parameter: Parameter, text: str | None, locate: Locate | None) -> Any:
    if parameter.kind is not VnodeOps:
        return parameter.convert(text)
    target, *arguments = shlex.split(text or "") or [""]
    if not target or locate is None:
        raise UsageError(f"{parameter.name} is a file system: give its module and its arguments, as in DIR")
    return _Later(factory(locate(target), arguments, []))
