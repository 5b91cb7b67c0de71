"""From a file system's arguments and ``-o`` options, as for mounting it, to what makes it anew.

How they are written is ``puffpy.main``'s, which this follows; see there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import puffpy
from puffpy.main import UsageError, parameters
from puffpy.options import near

__all__ = ["UsageError", "factory"]


def factory(
    make: Callable[..., puffpy.VnodeOps], arguments: Sequence[str], options: Sequence[str]
) -> Callable[[], puffpy.VnodeOps]:
    """Return a function that makes the file system with these words, a new one every time.

    What it makes has, as its ``options``, those of the mount that were given.

    Raises:
        UsageError: an argument is missing, or too many, or an option is unknown or has no such value.
    """
    takes = parameters(make)
    required = [parameter for parameter in takes if parameter.required]
    if len(required) != len(arguments):
        names = " ".join(parameter.name.upper() for parameter in required) or "none"
        raise UsageError(f"the file system takes these arguments: {names}; {len(arguments)} were given")
    words = ",".join(options)
    try:
        _, others = puffpy.MountOptions.parse(words)
    except puffpy.OptionError as exc:
        raise UsageError(str(exc)) from None
    own = {parameter.name: parameter for parameter in takes if not parameter.required}
    given = {}
    for name, value in others.items():
        parameter = own.get(name.replace("-", "_"))
        if parameter is None:
            close = near(name, tuple(own))
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise UsageError(f"there is no option {name}{hint}")
        given[parameter.name] = parameter.convert(value)
    positional = [parameter.convert(text) for parameter, text in zip(required, arguments, strict=True)]

    def made() -> puffpy.VnodeOps:
        try:
            vnodeops = make(*positional, **given)
        except ValueError as exc:
            raise UsageError(str(exc)) from exc
        if not isinstance(vnodeops, puffpy.VnodeOps):
            raise puffpy.VectorError(f"{make!r} made {vnodeops!r}, which is not a VnodeOps")
        if words:
            vnodeops.options = puffpy.MountOptions.parse(words, vnodeops.options)[0]
        return vnodeops

    return made
