"""What a meter said at some moment, as it travels: a line of JSON.

How it is counted is ``meter``'s, how it is shown whoever asked knows.
"""

from __future__ import annotations

import json
from typing import Any

import attrs
from typing_extensions import Self

from puffpy.latency import Histogram


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
        """Return the snapshot that *line* is."""
        said: dict[str, Any] = json.loads(line)
        operations = {
            name: Operation(name, number, errors, size, Histogram.restored(dict(classes), total, longest))
            for name, number, errors, size, classes, total, longest in said["operations"]
        }
        return cls(said["elapsed"], operations, [Pending(**each) for each in said["pending"]])


def _histogram(counted: Histogram) -> tuple[list[tuple[int, int]], int, int]:
    return list(counted.classes()), counted.total, counted.longest
