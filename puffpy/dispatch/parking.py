"""Requests whose operation is still running, in a worker thread or as a task of an event loop.

What runs operations is a runner; that replies are sent is the session's affair.

Theory of operation.  A handler asks its operations, looks at what they answered, counts, and packs a reply.
An operation that waits for something cannot be asked in the middle of that, so it is asked beside it: the
handler is left by :class:`Parked`, the request is parked, the operation is started, and when it is done the
handler is run again from its beginning, with the answers so far remembered; so are those of operations that
ran inline before it and changed something.  A handler itself therefore does nothing that cannot be done twice
before its last operation has answered.  In return all that it knows of
(nodes, counts, open files) is used by one thread at a time, whatever the operations do.

An interrupted caller is answered at once.  Its operation is told, and whenever it ends the handler is run to
its end all the same, because what it names or opens has to be given back.

While requests are parked no node is reclaimed that one of them may be about to answer with.

An operation that a worker would run, but is quick as a rule, may have the serving thread; see ``lending``.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, TypeAlias

import attrs

from puffpy.dispatch.lending import Lending
from puffpy.ops import Manner
from puffpy.types import Call

ONCE: Final = frozenset(
    {"create", "tmpfile", "mknod", "mkdir", "symlink", "link", "rename", "remove", "rmdir"}
    | {"setattr", "setextattr", "deleteextattr", "open", "close", "write", "fallocate", "fdiscard"}
    | {"copy_file_range", "ioctl", "poll"}
)
"""Operations that change something: they are not asked again with their handler, though they ran inline."""

MOST = 1024
"""How many requests are parked at once; the next one waits in the kernel."""


Answered: TypeAlias = "tuple[str, Any, BaseException | None]"
"""The name of an operation, and what it answered or raised."""


class Parked(BaseException):
    """Leaves a handler whose *operation* has to be run beside it."""

    def __init__(self, name: str, operation: Callable[..., Any], args: tuple[Any, ...]) -> None:
        super().__init__(name)
        self.name, self.operation, self.args = name, operation, args


class Taken(Parked):
    """Leaves a handler whose operation had the serving thread, until that was taken back, and has ended."""

    def __init__(self, name: str, call: Call, answer: Any, exc: BaseException | None) -> None:
        super().__init__(name, _ended, (call,))
        self.call, self.answer, self.exc = call, answer, exc


@attrs.define(eq=False)
class Request:
    """One parked request: what its operations have *answered*, of which *told* have been asked for again.

    *call* is what the operation sees that runs now.  *wanted* is false once its caller has been answered.
    """

    message: bytes | bytearray
    size: int
    unique: int
    number: int
    since: float = attrs.field(factory=time.monotonic)
    call: Call | None = None
    answered: list[Answered] = attrs.field(factory=list)
    told: int = 0
    wanted: bool = True
    running: bool = False
    cancel: Callable[[], object] | None = None

    def knows(self, name: str) -> bool:
        """Tell whether the next answer is one of the operation *name*."""
        return self.told < len(self.answered) and self.answered[self.told][0] == name

    def next_answer(self) -> Any:
        """Return, or raise, what the next operation has answered."""
        _, answer, exc = self.answered[self.told]
        self.told += 1
        if exc is not None:
            raise exc
        return answer


class Parking:
    """All parked requests, by unique.

    *manners* says which operations are run beside their handler.  Whoever runs a handler has entered this
    context, which makes it the only one: it holds *lock*, and nothing is lent.  *at_hand* is the message
    whose operations may have the serving thread.
    """

    def __init__(self, manners: Mapping[str, Manner]) -> None:
        self.manners = manners
        self.lock = threading.RLock()
        self.lending = Lending()
        self.at_hand: tuple[bytes | bytearray, int] | None = None
        self._changed = threading.Condition(self.lock)
        self._requests: dict[int, Request] = {}
        self._parked = 0
        self._asking: Call | None = None
        self._said: list[Answered] | None = None
        self._postponed: deque[tuple[int, Callable[[], object]]] = deque()

    def __len__(self) -> int:
        return len(self._requests)

    def __enter__(self) -> None:
        self.lock.acquire()
        if self.lending.current is not None:
            self.take_back()

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    def holds(self, unique: int) -> bool:
        """Tell whether the request *unique* is parked."""
        return unique in self._requests

    def requests(self) -> list[Request]:
        """Return those that are parked at this moment; for who looks on, without the lock."""
        return list(self._requests.values())

    def aside(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Return what a handler calls for the operation *name*: itself, unless it is to be run beside it."""
        manner = self.manners.get(name)
        if manner is None:
            return self._once(name, operation) if name in ONCE else operation
        if name == "readdir":
            operation = _listed(operation, manner)
        trusted = self.lending.trusted if manner is Manner.WORKER else frozenset()

        def ask(*args: Any) -> Any:
            request = self._requests.get(args[-1].unique)
            if request is None:
                if name in trusted and self.at_hand is not None:
                    return self._lend(name, operation, args)
            elif request.knows(name):
                return request.next_answer()
            park(name, operation, args)

        return ask

    def _lend(self, name: str, operation: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Run *operation* here and now, and return its answer, unless the thread is taken back meanwhile."""
        call: Call = args[-1]
        self.lending.begin(name, call)
        self.lock.release()
        try:
            answer = operation(*args)
        except BaseException as exc:
            self.lock.acquire()
            if self.lending.end(call):
                raise
            raise Taken(name, call, None, exc) from None
        self.lock.acquire()
        if not self.lending.end(call):
            raise Taken(name, call, answer, None)
        self._remember(name, call, answer)
        return answer

    def take_back(self, call: Call | None = None) -> bool:
        """Park the request whose operation has the serving thread, if there is one, and if it sees *call*."""
        lending, current = self.lending, self.lending.current
        if current is None or self.at_hand is None or (call is not None and call is not current):
            return False
        lending.current = None
        message, size = self.at_hand
        self._begin(message, size, current.unique, current, self._remembered(current)).running = True
        return True

    def hand_over(self, message: bytes | bytearray, size: int) -> None:
        """A handler begins with *message*, in the thread that serves."""
        self.at_hand = message, size

    def answered(self) -> None:
        """It has come to its end: nothing that its operations answered is held any longer."""
        self.at_hand = None
        self._asking, self._said = None, None

    def _remember(self, name: str, call: Call, answer: Any) -> None:
        """Note what an operation answered whose handler may be run again because of its next one.

        One that fails has done nothing, and may be asked again.
        """
        if call is not self._asking or self._said is None:
            self._asking, self._said = call, []
        self._said.append((name, answer, None))

    def _remembered(self, call: Call) -> list[Answered]:
        """Take out what the operations have answered that saw *call*."""
        said = self._said if call is self._asking else None
        self._asking, self._said = None, None
        return said or []

    def _once(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Return *operation*, which runs inline, with its answer remembered for its handler's next run."""

        def ask(*args: Any) -> Any:
            call: Call = args[-1]
            request = self._requests.get(call.unique)
            if request is not None and request.knows(name):
                return request.next_answer()
            answer = operation(*args)
            if request is not None:
                request.answered.append((name, answer, None))
                request.told += 1
            else:
                self._remember(name, call, answer)
            return answer

        return ask

    def park(self, message: bytes | bytearray, size: int, unique: int, call: Call) -> Request:
        """Return the request *unique*, parked from now on; *call* is what its operation is about to see."""
        request = self._requests.get(unique)
        if request is None:
            said = self._remembered(call)
            while len(self._requests) >= MOST:
                self._changed.wait()
            request = self._begin(message, size, unique, call, said)
        request.call, request.told = call, 0
        call.interrupted = not request.wanted
        return request

    def _begin(
        self, message: bytes | bytearray, size: int, unique: int, call: Call, said: list[Answered]
    ) -> Request:
        self._parked += 1
        request = Request(message, size, unique, self._parked, call=call, answered=said)
        self._requests[unique] = request
        return request

    def taken_back(self, call: Call) -> Request:
        """Return the request whose operation saw *call* when the serving thread was taken back from it."""
        return self._requests[call.unique]

    def leave(self, request: Request) -> None:
        """*request* has been answered for good: nothing of it is remembered."""
        if self._requests.pop(request.unique, None) is None:
            return
        # An answer that was raised knows the frames it went through, which know the request.
        request.answered.clear()
        request.cancel = None
        self._changed.notify_all()
        oldest = next(iter(self._requests.values())).number if self._requests else self._parked + 1
        while self._postponed and self._postponed[0][0] < oldest:
            self._postponed.popleft()[1]()

    def interrupt(self, unique: int) -> Request | None:
        """The caller of *unique* does not wait any more; return its request if that is parked and news."""
        request = self._requests.get(unique)
        if request is None or not request.wanted:
            return None
        request.wanted = False
        if request.call is not None:
            request.call.interrupted = True
        if request.cancel is not None:
            request.cancel()
        return request

    def late(self, seconds: float) -> list[int]:
        """Return the uniques of those that are parked for longer than *seconds*, and wanted."""
        before = time.monotonic() - seconds
        return [u for u, request in self._requests.items() if request.wanted and request.since < before]

    def postpone(self, action: Callable[[], object]) -> bool:
        """Do *action* once all requests that are parked now are gone; False if there are none."""
        if self._requests:
            self._postponed.append((self._parked, action))
        return bool(self._requests)

    def interrupt_all(self, patience: float) -> bool:
        """Interrupt whatever is parked and wait until it is gone, *patience* seconds at most."""
        with self:
            for unique in list(self._requests):
                self.interrupt(unique)
            return self._changed.wait_for(lambda: not self._requests, patience)


def park(name: str, operation: Callable[..., Any], args: tuple[Any, ...]) -> NoReturn:
    """Leave the handler.  Its views of the message end with it; the operation gets its own."""
    raise Parked(name, operation, tuple(memoryview(a) if type(a) is memoryview else a for a in args))


def _ended(call: Call) -> NoReturn:
    """Stand for an operation that has been run."""
    raise AssertionError(f"request {call.unique} has its answer")


def _listed(readdir: Callable[..., Any], manner: Manner) -> Callable[..., Any]:
    """Return *readdir* with all that it yields, which is part of the work, in a list."""

    def listed(*args: Any) -> Any:
        answer = readdir(*args)
        return list(answer) if isinstance(answer, Iterable) else answer

    async def gathered(*args: Any) -> Any:
        answer = readdir(*args)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, AsyncIterator):
            return [item async for item in answer]
        return answer

    return gathered if manner is Manner.TASK else listed
