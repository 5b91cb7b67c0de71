"""A trace as text: a row for each operation, and the slowest requests.

What the figures are is ``puffpy.tracing``'s.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from puffpy.cli.colour import BOLD, DIM, RED, painted
from puffpy.tracing import Exchange, Trace, amount, duration, figures, rate

HEAD: Final = ("operation", "count", "errors", "/s", "median", "90 %", "99 %", "longest", "all", "data")
SLOW_HEAD: Final = ("took", "at", "operation", "process", "error", "path")


def shown(trace: Trace, slowest: int, caller: Callable[[Exchange], str]) -> Iterator[str]:
    """Yield *trace*, line by line; *caller* says who made a request."""
    yield painted(_first(trace), BOLD)
    if trace.lost:
        yield painted(f"{trace.lost} records are missing: nobody took them in time", RED)
    if not trace.exchanges:
        return
    yield ""
    yield from table(HEAD, _operations(trace), left=(0,))
    if slowest:
        yield ""
        yield painted(f"the {slowest} slowest", BOLD)
        yield from table(SLOW_HEAD, _slowest(trace, slowest, caller), left=(2, 3, 4, 5))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int]) -> Iterator[str]:
    """Yield *rows* under *head*, in columns; those in *left* begin under each other, the others end."""
    whole = [head, *rows]
    widths = [max(len(row[column]) for row in whole) for column in range(len(head))]
    for number, row in enumerate(whole):
        cells = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        line = "  ".join(cells).rstrip()
        yield line if number else painted(line, DIM)


def _first(trace: Trace) -> str:
    if not trace.exchanges:
        return "no requests"
    date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(trace.begin // 10**9))
    errors = sum(each.error != 0 for each in trace.exchanges)
    unanswered = sum(each.waits for each in trace.exchanges)
    first = f"{len(trace.exchanges)} requests in {duration(trace.end - trace.begin)} from {date} on"
    return f"{first}, {errors} refused, {unanswered} unanswered"


def _operations(trace: Trace) -> Iterator[Sequence[str]]:
    for row in figures(trace.exchanges):
        times = (duration(ns) if row.longest else "" for ns in (row.median, row.p90, row.p99, row.longest))
        yield (
            row.name,
            str(row.count),
            str(row.errors or ""),
            rate(row.count / trace.seconds) if trace.seconds else "",
            *times,
            duration(row.total) if row.longest else "",
            amount(row.size) if row.size else "",
        )


def _slowest(trace: Trace, count: int, caller: Callable[[Exchange], str]) -> Iterator[Sequence[str]]:
    for each in trace.slowest(count):
        took = trace.end - each.begin if each.duration is None else each.duration
        yield (
            f"> {duration(took)}" if each.waits else duration(took),
            duration(each.begin - trace.begin),
            each.name,
            caller(each),
            "unanswered" if each.waits else errno.errorcode.get(each.error, "") if each.error else "",
            each.path,
        )


def process_of(exchange: Exchange) -> str:
    """Return who made *exchange*, as far as the message says."""
    return f"{exchange.pid} (uid {exchange.uid})" if exchange.pid else "the kernel"
