"""What a meter said at some moment, as it travels: a line of JSON.

How it is counted is ``meter``'s, how it is shown whoever asked knows.
"""

from __future__ import annotations

import json
from typing import Any, Final

import attrs
from typing_extensions import Self

from puffpy.errors import WatchError
from puffpy.latency import CLASSES, Histogram

LARGEST: Final = (1 << 63) - 1
WORD: Final = (1 << 64) - 1
"""The kernel's own numbers use all their bits."""


@attrs.frozen
class Operation:
    """What was counted of one operation since somebody looks."""

    name: str
    number: int
    errors: int
    size: int
    latencies: Histogram

    def since(self, earlier: Operation | None) -> Operation:
        """Return what was counted after *earlier* was."""
        if earlier is None:
            return self
        return Operation(
            self.name,
            self.number - earlier.number,
            self.errors - earlier.errors,
            self.size - earlier.size,
            self.latencies.since(earlier.latencies),
        )

    def follows(self, earlier: Operation) -> bool:
        """Tell whether nothing that was counted in *earlier* is missing."""
        return (
            self.number >= earlier.number
            and self.errors >= earlier.errors
            and self.size >= earlier.size
            and self.latencies.follows(earlier.latencies)
        )


@attrs.frozen
class Pending:
    """A request that waits for its answer.

    *age* is in nanoseconds, None if it came before anybody looked; *line* is the Python line that its
    operation is at, *stack* the lines that led there.
    """

    name: str
    unique: int
    nodeid: int
    uid: int
    pid: int
    program: str
    age: int | None
    line: str
    stack: list[str]


@attrs.frozen
class Snapshot:
    """The counts of the time *elapsed* (nanoseconds) since somebody looks, and what is pending."""

    elapsed: int
    operations: dict[str, Operation]
    pending: list[Pending]

    def follows(self, earlier: Self) -> bool:
        """Tell whether this can be what the server that said *earlier* says later."""
        return self.elapsed >= earlier.elapsed and all(
            each.follows(earlier.operations[name])
            for name, each in self.operations.items()
            if name in earlier.operations
        )

    def packed(self) -> bytes:
        """Return the line that :meth:`unpacked` understands."""
        counts = [
            [each.name, each.number, each.errors, each.size, *_histogram(each.latencies)]
            for each in self.operations.values()
        ]
        pending = [attrs.asdict(each) for each in self.pending]
        said = {"elapsed": self.elapsed, "operations": counts, "pending": pending}
        return json.dumps(said, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def unpacked(cls, line: bytes) -> Self:
        """Return the snapshot that *line* is.

        Raises:
            WatchError: it is none.  Who looks may be root, and whose server says this anybody.
        """
        said = loaded(line)
        try:
            operations = {each[0]: _operation(*each) for each in said["operations"]}
            return cls(whole(said["elapsed"]), operations, [_pending(**each) for each in said["pending"]])
        except (TypeError, KeyError, ValueError) as exc:
            raise WatchError(f"the server says what makes no sense: {exc!r:.200}") from None


def loaded(line: bytes) -> Any:
    """Return what *line*, of JSON, says.

    Raises:
        WatchError: it is no JSON.
    """
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise WatchError(f"the server says what makes no sense: {line[:80]!r}") from None


def whole(said: object, most: int = LARGEST) -> int:
    """Return *said* if it is a number that counts something; else a ValueError."""
    if type(said) is not int or not 0 <= said <= most:
        raise ValueError(f"{said!r:.80} is no number")
    return said


def text(said: object) -> str:
    """Return *said*, a text, as a terminal can be shown it; else a ValueError."""
    if not isinstance(said, str):
        raise ValueError(f"{said!r:.80} is no text")
    return said if said.isprintable() else "".join(char if char.isprintable() else "?" for char in said)


def _operation(
    name: Any, number: Any, errors: Any, size: Any, classes: Any, total: Any, longest: Any
) -> Operation:
    counts = {whole(each): whole(count) for each, count in classes}
    if any(each >= CLASSES for each in counts):
        raise ValueError(f"there are {CLASSES} classes of durations")
    times = Histogram.restored(counts, whole(total), whole(longest))
    return Operation(text(name), whole(number), whole(errors), whole(size), times)


def _pending(
    *, name: Any, unique: Any, nodeid: Any, uid: Any, pid: Any, program: Any, age: Any, line: Any, stack: Any
) -> Pending:
    return Pending(
        text(name),
        unique=whole(unique, WORD),
        nodeid=whole(nodeid, WORD),
        uid=whole(uid),
        pid=whole(pid),
        program=text(program),
        age=None if age is None else whole(age),
        line=text(line),
        stack=[text(each) for each in stack],
    )


def _histogram(counted: Histogram) -> tuple[list[tuple[int, int]], int, int]:
    return list(counted.classes()), counted.total, counted.longest
