"""A session whose file system gets new code: what of it can take effect, and between which two requests.

Where new code comes from is ``puffpy.reload``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from puffpy.dispatch import Bound
from puffpy.ops import OPERATIONS, Answer
from puffpy.session.negotiate import NEGOTIATION, Wishes


class Pausing(dict[int, Bound]):
    """Routes that do *action* when the next request looks for its own, which *after* has then."""

    def __init__(self, action: Callable[[], object], after: Callable[[], Mapping[int, Bound]]) -> None:
        super().__init__()
        self._action, self._after = action, after

    def get(self, opcode: int, default: Any = None, /) -> Any:
        """Do it, and return what answers *opcode* from now on."""
        self._action()
        return self._after().get(opcode, default)


def too_late(agreed: Wishes, ours: frozenset[str]) -> list[str]:
    """Return what operations *ours* would have been agreed on with the kernel, unlike what was *agreed*.

    An operation that was missing may be among them: where the kernel was told so, it does not ask again.
    """
    wishes = attrs.evolve(agreed, written=ours)
    flags = [
        f"INIT's {row.flag.name}, {'asked for' if row.want(wishes) else 'not asked for'}"
        for row in NEGOTIATION
        if row.want(wishes) != row.want(agreed)
    ]
    new = sorted(name for name in ours - agreed.written if OPERATIONS[name].answer is Answer.KERNEL)
    return [*flags, *(f"{name}, if the kernel has asked for it in vain" for name in new)]
