"""What is being done at this moment, and at which Python line: read off the stacks of the threads.

So it costs nothing while nobody looks, and it finds what began before anybody did.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from types import CodeType, FrameType
from typing import Any, Final

import attrs

from puffpy.live.observed import Conversation
from puffpy.wire import IN_HEADER

PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
DEEPEST: Final = 40
"""So many lines of a stack are told, the innermost."""


@attrs.frozen
class Underway:
    """A request being answered: its head, and the lines that its operation is at, outermost first."""

    head: bytes
    stack: list[str]
    line: str


def underway(session: Conversation) -> list[Underway]:
    """Return what the threads and the event loops of this process do for *session*."""
    stacks = [*_threads(), *_tasks()]
    found = [each for stack in stacks if (each := _received(stack, session)) is not None]
    heads = {each.head for each in found}
    for head, call in session.parked():
        if head not in heads:
            stack = next((stack for stack in stacks if call is not None and _works_for(stack, call)), [])
            found.append(Underway(head, _told(stack), line_of(stack) if stack else "waits for its turn"))
    return found


def program_of(pid: int) -> str:
    """Return the name of the program that *pid* runs; empty if it is gone, or in another namespace."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", "rb") as file:
        return file.read().decode("utf-8", "replace").rstrip("\n")
    return ""


def line_of(stack: list[FrameType]) -> str:
    """Return the line of *stack* that is the file system's own, not of what that has called."""
    last = max((at for at, frame in enumerate(stack) if _file(frame).startswith(PACKAGE)), default=-1)
    own = stack[last + 1 :]
    if not own:
        return _line(stack[-1])
    home = os.path.dirname(_file(own[0])) + os.sep
    return _line(next((frame for frame in reversed(own) if _file(frame).startswith(home)), own[-1]))


def _received(stack: list[FrameType], session: Conversation) -> Underway | None:
    """Return what the thread that receives is at, if *stack* is that thread's and it does not just wait."""
    code: CodeType = type(session).receive.__code__
    for frame in stack:
        if frame.f_code is code and frame.f_locals.get("self") is session:
            message = frame.f_locals.get("message")
            if message is not None and len(message) >= IN_HEADER.size:
                return Underway(bytes(message[: IN_HEADER.size]), _told(stack), line_of(stack))
    return None


def _works_for(stack: list[FrameType], call: object) -> bool:
    """Whether the operation that was given *call* is on *stack*; the seam hands it on from frame to frame."""
    return any(value is call for frame in stack for value in list(frame.f_locals.values()))


def _threads() -> Iterator[list[FrameType]]:
    """Yield the stacks of all threads but this one, outermost frame first."""
    here = threading.get_ident()
    for thread, frame in sys._current_frames().items():
        if thread != here:
            yield list(reversed(list(_outwards(frame))))


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _tasks() -> Iterator[list[FrameType]]:
    """Yield the stacks of the tasks of every asyncio loop that runs in some thread."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    for stack in _threads():
        loops = {
            id(each): each
            for frame in stack
            if isinstance(each := frame.f_locals.get("self"), asyncio.AbstractEventLoop)
        }
        for loop in loops.values():
            for task in asyncio.all_tasks(loop):
                yield list(_awaited(task.get_coro()))


def _awaited(coroutine: Any) -> Iterator[FrameType]:
    """Yield the frames of *coroutine* and of what it awaits."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)


def _told(stack: Iterable[FrameType]) -> list[str]:
    return [_line(frame) for frame in list(stack)[-DEEPEST:]]


def _line(frame: FrameType) -> str:
    return f"{_file(frame)}:{frame.f_lineno} in {frame.f_code.co_name}"


def _file(frame: FrameType) -> str:
    return frame.f_code.co_filename
