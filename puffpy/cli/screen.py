"""The live screen of ``puffpy top``: what stands where, and the keys.

What is shown is ``moment``'s.  This room's only file that needs rich, which is an extra.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import tty
from collections import deque
from collections.abc import Container, Iterator, Sequence
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from puffpy.cli.moment import HEAD, ORDERS, PENDING_HEAD, Moment, cells, pending_cells
from puffpy.live import Snapshot, Watch
from puffpy.tracing import rate

BARS: Final = " " + "".join(map(chr, range(0x2581, 0x2589)))
"""An eighth to a whole block."""

OLD: Final = 1_000_000_000
"""A request that waits for so long (nanoseconds) is shown in red."""

FIXED: Final = 9
"""Lines that are not rows of operations or of what is pending."""

NARROW: Final = 80
"""With fewer columns than this, only what matters most is shown."""

FEW: Final = (0, 1, 2, 4)
FEW_PENDING: Final = (0, 1, 4)

KEYS: Final = "q ends   s sorts   blank holds on"


class Screen:
    """What is on the screen, from one look to the next."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.order = ORDERS[0]
        self.held = False
        self.silent = False
        self._earlier: Snapshot | None = None
        self._moment: Moment | None = None
        self._rates: deque[float] = deque(maxlen=60)

    def heard(self, snapshot: Snapshot | None) -> None:
        """Take in what was heard; None where there was no answer."""
        self.silent = snapshot is None
        if snapshot is None or self.held:
            return
        moment = Moment.between(self._earlier, snapshot)
        self._earlier = snapshot
        if moment is not None:
            self._moment = moment
            self._rates.append(moment.rate)

    def pressed(self, key: str) -> bool:
        """Do what *key* asks for; False ends."""
        if key == "s":
            self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        elif key == " ":
            self.held = not self.held
        return key not in ("q", "Q", "\x1b")

    def drawn(self, width: int, height: int) -> Group:
        """Return the screen, for so many columns and lines."""
        if self._moment is None:
            return Group(self._head(), Text("looking ...", style="dim"))
        moment = self._moment
        room = max(3, height - FIXED - min(len(moment.pending), height // 3))
        return Group(
            self._head(),
            Text(""),
            self._operations(moment, room, width < NARROW),
            Text(""),
            self._pending(moment, max(1, height // 3), width < NARROW),
            Text(""),
            Text(f"{KEYS}   by {self.order}", style="dim", no_wrap=True),
        )

    def _head(self) -> Text:
        head = Text(self.title, style="bold", no_wrap=True, overflow="ellipsis")
        if self._moment is not None:
            head.append(f"\n{rate(self._moment.rate)} requests/s  ", style="not bold")
            most = max(self._rates) or 1
            line = "".join(BARS[round(each / most * (len(BARS) - 1))] for each in self._rates)
            head.append(line, style="not bold cyan")
        if self.silent:
            head.append("\nno answer: nothing lets the server's other threads run", style="bold red")
        elif self.held:
            head.append("  held", style="yellow")
        return head

    def _operations(self, moment: Moment, room: int, narrow: bool) -> Table:
        columns = FEW if narrow else range(len(HEAD))
        table = _table([HEAD[column] for column in columns], left=(0,))
        rows = moment.by(self.order)
        for each in rows[:room]:
            row = cells(each, moment.seconds)
            table.add_row(*(row[column] for column in columns), style="" if each[0].number else "dim")
        if len(rows) > room:
            table.add_row(f"and {len(rows) - room} more", style="dim")
        return table

    def _pending(self, moment: Moment, room: int, narrow: bool) -> Table | Text:
        if not moment.pending:
            return Text("nothing waits", style="dim")
        columns = FEW_PENDING if narrow else range(len(PENDING_HEAD))
        head = [PENDING_HEAD[column] for column in columns]
        table = _table(head, left=range(1, len(head)))
        for each in moment.pending[:room]:
            old = each.age is None or each.age >= OLD
            *row, line = pending_cells(each)
            row.append(_short(line))
            table.add_row(*(row[column] for column in columns), style="red" if old else "")
        if len(moment.pending) > room:
            table.add_row("", f"and {len(moment.pending) - room} more", style="dim")
        return table


def live_screen(watching: Watch, interval: float) -> int:
    """Show *watching* until q, or the end of the mount; return the exit status."""
    console = Console()
    snapshots = watching.snapshots(interval)
    screen = Screen("")
    screen.heard(next(snapshots, None))
    screen.title = f"{watching.mount.mountpoint}  {watching.title}  process {watching.pid}"
    heard = watching.fileno()
    with _keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(screen.drawn(console.width, console.height), refresh=True)
            ready, _, _ = select.select([keys, heard], [], [], interval + 1)
            if keys in ready and not screen.pressed(os.read(keys, 16)[:1].decode("ascii", "replace")):
                return 0
            if heard in ready:
                try:
                    screen.heard(next(snapshots))
                except StopIteration:
                    break
            elif keys not in ready:
                screen.heard(None)
    print(f"{watching.mount.mountpoint} is not mounted any more")
    return 0


def _short(line: str) -> str:
    """Return *line* with as much of its file's path as tells which one it is."""
    path, colon, rest = line.partition(":")
    return os.sep.join(path.split(os.sep)[-2:]) + colon + rest


def _table(head: Sequence[str], left: Container[int]) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for number, word in enumerate(head):
        last = number == len(head) - 1
        table.add_column(
            word,
            justify="left" if number in left else "right",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if last and number in left else None,
        )
    return table


@contextlib.contextmanager
def _keys() -> Iterator[int]:
    """Have single keys come without Enter meanwhile; where nothing can be typed, none come."""
    if not sys.stdin.isatty():
        read, write = os.pipe()
        yield read
        os.close(read)
        os.close(write)
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield fd
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
