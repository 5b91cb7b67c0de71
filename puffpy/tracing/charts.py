"""The pictures of the page, as SVG: where latencies lie, what was done when, how long each request took.

Colours are the page's style sheet's, by class; what is shown is given.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from puffpy.latency import Histogram, lower_edge
from puffpy.tracing.exchange import Exchange, Trace
from puffpy.tracing.units import duration, rate

_XATTRS: Final = frozenset({"GETXATTR", "SETXATTR", "LISTXATTR", "REMOVEXATTR"})
_MAKING: Final = frozenset({"CREATE", "MKNOD", "MKDIR", "SYMLINK", "LINK", "TMPFILE"})

GROUPS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "names": frozenset({"LOOKUP", "READLINK", "ACCESS"}),
        "attributes": frozenset({"GETATTR", "STATX", "SETATTR", "STATFS"}) | _XATTRS,
        "listing": frozenset({"READDIR", "READDIRPLUS"}),
        "reading": frozenset({"READ", "LSEEK"}),
        "writing": frozenset({"WRITE", "FALLOCATE", "COPY_FILE_RANGE", "COPY_FILE_RANGE_64", "FSYNC"}),
        "changes": _MAKING | frozenset({"UNLINK", "RMDIR", "RENAME", "RENAME2"}),
        "the rest": frozenset(),
    }
)
"""What is of one colour."""

MOST_POINTS: Final = 2000
"""A page with more is slow to look at; the slowest are among them."""

BINS: Final = 120


def group_of(name: str) -> str:
    """Return the group that the operation *name* is in."""
    return next((group for group, names in GROUPS.items() if name in names), "the rest")


def colour_of(group: str) -> str:
    """Return the class that the style sheet colours."""
    return f"g{list(GROUPS).index(group)}"


def histogram(counted: Histogram, first: int, last: int, name: str) -> str:
    """Return the classes *first* to *last* of a histogram as bars."""
    width, height, foot = 320, 92, 20
    counts = counted.counts[first : last + 1]
    step, most, colour = width / len(counts), max(counts) or 1, colour_of(group_of(name))
    bars = []
    for number, count in enumerate(counts, first):
        if count:
            tall = max(1.5, count / most * height)
            edges = f"{duration(lower_edge(number))} to {duration(lower_edge(number + 1))}"
            bars.append(_bar((number - first) * step, height, step, tall, colour, f"{count}: {edges}"))
    for ns in _decades(lower_edge(first), lower_edge(last + 1)):
        at = (_place(ns) - first) * step
        bars.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}" class="grid"/>')
        anchor = "start" if at < 12 else "end" if at > width - 24 else "middle"
        bars.append(f'<text x="{at:.1f}" y="{height + 14}" text-anchor="{anchor}">{_round(ns)}</text>')
    return _svg(width, height + foot, f"latencies of {name}", bars)


def activity(trace: Trace) -> str:
    """Return requests a second over time, and those refused."""
    width, height, left = 1000, 110, 60
    span = max(1, trace.end - trace.begin)
    every, refused = [0] * BINS, [0] * BINS
    for each in trace.exchanges:
        number = min(BINS - 1, (each.begin - trace.begin) * BINS // span)
        every[number] += 1
        refused[number] += each.error != 0
    most, step, second = max(every) or 1, (width - left) / BINS, span / BINS / 10**9
    parts = [f'<text x="{left - 6}" y="12" text-anchor="end">{rate(most / second)}/s</text>']
    for counts, kind in ((every, "all"), (refused, "bad")):
        for number, count in enumerate(counts):
            if count:
                tall = count / most * height
                says = f"{rate(count / second)}/s{' refused' if kind == 'bad' else ''}"
                parts.append(_bar(left + number * step, height, step, tall, kind, says))
    parts += _time_axis(span, left, width, height)
    return _svg(width, height + 20, "requests over time", parts)


def timeline(trace: Trace) -> str:
    """Return a dot for each request: when, and how long it took."""
    width, height, left = 1000, 300, 60
    shown = sampled([each for each in trace.exchanges if each.duration is not None or each.waits])
    lengths = [max(1, _length(each, trace)) for each in shown]
    low, high = math.log10(min(lengths, default=1)) - 0.1, math.log10(max(lengths, default=1)) + 0.1
    span = max(1, trace.end - trace.begin)

    def height_of(ns: float) -> float:
        return height - (math.log10(ns) - low) / (high - low) * height

    parts = []
    for ns in _decades(10**low, 10**high):
        at = height_of(ns)
        parts.append(f'<line x1="{left}" x2="{width}" y1="{at:.1f}" y2="{at:.1f}" class="grid"/>')
        parts.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{_round(ns)}</text>')
    for each, length in zip(shown, lengths, strict=True):
        x = left + (each.begin - trace.begin) / span * (width - left - 6)
        kind = f"{colour_of(group_of(each.name))}{' waits' if each.waits else ''}"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{height_of(length):.1f}" r="{4 if each.waits else 2.5}" '
            f'class="{kind}"><title>{html.escape(_says(each, length))}</title></circle>'
        )
    parts += _time_axis(span, left, width, height)
    return _svg(width, height + 20, "how long each request took", parts)


def sampled(exchanges: list[Exchange]) -> list[Exchange]:
    """Return at most MOST_POINTS of *exchanges*: half the slowest, half evenly among the rest."""
    if len(exchanges) <= MOST_POINTS:
        return exchanges
    by_length = sorted(exchanges, key=lambda each: (not each.waits, -(each.duration or 0)))
    rest = sorted(by_length[MOST_POINTS // 2 :], key=lambda each: each.begin)
    step = len(rest) / (MOST_POINTS // 2)
    evenly = [rest[int(number * step)] for number in range(MOST_POINTS // 2)]
    return by_length[: MOST_POINTS // 2] + evenly


def _bar(x: float, foot: float, step: float, tall: float, kind: str, says: str) -> str:
    place = f'x="{x:.1f}" y="{foot - tall:.1f}" width="{step * 0.88:.1f}" height="{tall:.1f}"'
    return f'<rect {place} class="{kind}"><title>{says}</title></rect>'


def _length(each: Exchange, trace: Trace) -> int:
    return trace.end - each.begin if each.duration is None else each.duration


def _says(each: Exchange, length: int) -> str:
    took = f"unanswered for {duration(length)}" if each.waits else duration(length)
    return f"{each.name} {each.path}\n{took}, process {each.pid}"


def _time_axis(span: int, left: int, width: int, height: int) -> Iterator[str]:
    for quarter in range(5):
        at = left + quarter / 4 * (width - left - 6)
        anchor = "start" if not quarter else "end" if quarter == 4 else "middle"
        text = "0" if not quarter else duration(span * quarter / 4)
        yield f'<text x="{at:.1f}" y="{height + 15}" text-anchor="{anchor}">{text}</text>'


def _decades(low: float, high: float) -> Iterable[float]:
    return (10.0**power for power in range(math.ceil(math.log10(max(low, 1))), 19) if 10.0**power <= high)


def _place(ns: float) -> float:
    """Return where *ns* lies among the classes, fractions included."""
    power = max(0, int(ns).bit_length() - 3)
    return power * 4 + ns / (1 << power)


_ROUND: Final[tuple[tuple[float, Callable[[float], str]], ...]] = (
    (1e9, lambda ns: f"{ns / 1e9:.0f} s"),
    (1e6, lambda ns: f"{ns / 1e6:.0f} ms"),
    (1e3, lambda ns: f"{ns / 1e3:.0f} us"),
    (0.0, lambda ns: f"{ns:.0f} ns"),
)


def _round(ns: float) -> str:
    return next(write(ns) for least, write in _ROUND if ns >= least)


def _svg(width: int, height: int, says: str, parts: Iterable[str]) -> str:
    body = "".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(says)}">{body}</svg>'
