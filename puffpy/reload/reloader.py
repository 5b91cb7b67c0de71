"""Loads the code of a mounted file system anew whenever it is saved.

How that is done is in the room's docstring.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final, Protocol

from puffpy.errors import PuffpyError
from puffpy.ops import VfsOps, VnodeOps, inspect
from puffpy.reload.fresh import imported_anew
from puffpy.reload.sources import modules_of, stamps
from puffpy.reload.swap import Swap, SwapError

PERIOD: Final = 0.25
"""Seconds between two looks at the files."""


class Renewed(Protocol):
    """A session, as far as it takes part in this."""

    def unsettled(self, vnodeops: VnodeOps, vfsops: VfsOps) -> list[str]:
        """Return what these vectors would have agreed on with the kernel, and it is too late for."""

    def between_requests(self, action: Callable[[], object]) -> None:
        """Do *action* when no request is being answered, in the thread that answers."""

    def rebind(self) -> None:
        """Take the operations of the vectors as they are now."""


class Reloader:
    """Watches over the code of *vnodeops* and *vfsops*, and tells what it does with *say*.

    Files are compared with what they were when this was made.
    """

    def __init__(self, vnodeops: VnodeOps, vfsops: VfsOps, say: Callable[[str], object]) -> None:
        self._vnodeops, self._vfsops, self._say = vnodeops, vfsops, say
        self._modules = modules_of(vnodeops, vfsops)
        self._stamps = stamps(self._modules)
        self._over = threading.Event()

    def start(self, session: Renewed) -> None:
        """Watch from now on, in a thread of its own."""
        threading.Thread(target=self._watch, args=(session,), name="puffpy-reload", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()

    def look(self, session: Renewed) -> bool:
        """Look once; tell whether new code was found and taken."""
        now = stamps(self._modules)
        changed = [path for path, stamp in now.items() if self._stamps.get(path) != stamp]
        if not changed:
            return False
        self._stamps.update(now)
        return self.reload(session, changed)

    def reload(self, session: Renewed, changed: list[str]) -> bool:
        """Load everything anew because *changed* were saved; tell whether that was possible."""
        names = ", ".join(path.rpartition("/")[2] for path in changed)
        before = dict(sys.modules)
        try:
            fresh = imported_anew(self._modules)
            swap = Swap(self._modules, fresh)
            vnodeops, vfsops = self._trial(swap)
            inspect(vnodeops, vfsops)
            late = session.unsettled(vnodeops, vfsops)
        except PuffpyError as exc:
            sys.modules.update(before)
            self._say(f"{names}: {exc}\nthe mount goes on with the code that it had")
            return False
        except BaseException:  # noqa: BLE001  whatever a module may raise that is being written
            sys.modules.update(before)
            self._say(
                f"{names}: {traceback.format_exc().rstrip()}\nthe mount goes on with the code that it had"
            )
            return False

        def swapped() -> None:
            try:
                count = swap.run()
            except SwapError as exc:
                self._say(f"{names}: {exc}")
                return
            session.rebind()
            self._modules = {name: fresh[name] for name in self._modules}
            notes = "".join(f"\n  {note}: takes effect at the next mount" for note in late)
            self._say(f"{names}: new code, for {count} objects{notes}")

        session.between_requests(swapped)
        return True

    def _trial(self, swap: Swap) -> tuple[Any, Any]:
        vnodeops = swap.trial(self._vnodeops)
        both = id(self._vfsops) == id(self._vnodeops)
        return vnodeops, vnodeops if both else swap.trial(self._vfsops)

    def _watch(self, session: Renewed) -> None:
        while not self._over.wait(PERIOD):
            self.look(session)
