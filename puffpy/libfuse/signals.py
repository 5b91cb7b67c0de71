"""libfuse's signal handlers, taken away again.

What a signal does to a mount is decided in ``serve``, and in a program that mounts by the program.

libfuse's main loop takes SIGHUP, SIGINT and SIGTERM wherever they have their default action.  In a program
with other things to do that action would be lost; so it is put back once libfuse is done with starting.
"""

from __future__ import annotations

import ctypes
import signal
from typing import Final

TAKEN: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

_signal = ctypes.CDLL(None).signal
_signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
_signal.restype = ctypes.c_void_p


def give_back() -> None:
    """Put back the default action of every signal that Python knows to have it.  From any thread."""
    for number in TAKEN:
        if signal.getsignal(number) is signal.SIG_DFL:
            _signal(number, int(signal.SIG_DFL))
