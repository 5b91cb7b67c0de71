"""Where a thread is at this moment, for the log.

Nothing is run here.
"""

from __future__ import annotations

import sys
import threading
import traceback


def stack_of(native_id: int) -> str:
    """Return the stack of the thread that the kernel calls *native_id*, outermost call first."""
    thread = next((each for each in threading.enumerate() if each.native_id == native_id), None)
    frame = sys._current_frames().get(thread.ident or 0) if thread is not None else None
    return "".join(traceback.format_stack(frame)).rstrip() if frame is not None else "  it has ended"
