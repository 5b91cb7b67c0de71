"""Signals that end a mount, for the main thread of a program that serves one.

How a mount ends is the server's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from puffpy.serve import GRACE, Server

log = logging.getLogger("puffpy")

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_ending_signals(action: Callable[[], object]) -> None:
    """Have *action* done when a signal asks for the end; where one was ignored (nohup) it stays so."""
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: action())


@contextlib.contextmanager
def signals_end(server: Server) -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP unmount; for the main thread, whose process ends after it has served.

    Nothing is raised in whatever operation is running: the first signal unmounts from another thread while
    the loop goes on, a second one cuts the loop at once.  An operation that does not return even then ends
    with the process.  Where SIGHUP was ignored (nohup) it stays so.  Afterwards all of them are ignored: a
    second Ctrl-C must not spoil an end in progress.
    """
    numbers = [n for n in ENDING_SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
    # The interpreter's own handler writes here, even while the main thread is stuck in foreign code.
    arrivals, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    obeying = threading.Thread(target=_obey, args=(server, arrivals, numbers), daemon=True, name="puffpy-end")
    obeying.start()
    for number in numbers:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        _ignore(numbers)
        signal.set_wakeup_fd(-1)
        os.close(wakeup)


def _ignore(numbers: list[signal.Signals]) -> None:
    """Ignore *numbers* from here on, also one that any thread is just taking note of.

    For that, the interpreter would show a traceback ("ignored due to race condition"), now or later: it was
    noted before it was to be ignored, and is attended to after that.
    """
    others = sys.unraisablehook

    def show(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not OSError or "race condition" not in str(unraisable.exc_value):
            others(unraisable)

    sys.unraisablehook = show
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def _obey(server: Server, arrivals: int, numbers: list[signal.Signals]) -> None:
    """Do what the signals ask for, which *arrivals* tells as bytes."""
    with open(arrivals, "rb", buffering=0) as told:
        asked = 0
        while byte := told.read(1):
            if byte[0] not in numbers:
                continue
            asked += 1
            if asked == 1:
                threading.Thread(target=server.stop, name="puffpy-unmount", daemon=True).start()
                continue
            server.cut()
            if not server.ended.wait(GRACE):
                log.error("an operation does not return; the process ends without it")
                server.abandon()
                os._exit(1)
