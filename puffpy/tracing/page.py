"""A page to look at in a browser: everything in one file, nothing fetched from anywhere.

What the pictures look like is ``charts``'s, what it looks like as a whole ``style``'s.
"""

from __future__ import annotations

import errno
import html
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from puffpy.latency import Histogram
from puffpy.tracing import charts
from puffpy.tracing.exchange import Exchange, Trace
from puffpy.tracing.figures import Figures, figures
from puffpy.tracing.style import SCRIPT, STYLE
from puffpy.tracing.units import amount, duration, rate

HISTOGRAMS: Final = 9
"""Operations with a histogram of their own: those that took most time."""

Cell: TypeAlias = "tuple[str, str | int]"
"""What is shown, and what it is sorted by."""

SLOWEST: Final = 30
REFUSALS: Final = 20


def page(trace: Trace, title: str) -> str:
    """Return *trace* as an HTML page under *title*."""
    rows = figures(trace.exchanges)
    body = "\n".join(
        [
            f"<header><h1>{html.escape(title)}</h1><p>{_subtitle(trace)}</p></header>",
            _numbers(trace),
            _section("Over time", f"{_legend()}{charts.activity(trace)}{charts.timeline(trace)}", "timeline"),
            _section("Operations", _operations(rows, trace)),
            _section("Where the latencies lie", _histograms(rows, trace)),
            _section("The slowest requests", _slowest(trace)),
            _section("What was refused", _refusals(trace)),
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _subtitle(trace: Trace) -> str:
    if not trace.begin:
        return "Nothing was recorded."
    date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(trace.begin // 10**9))
    lost = f"; {trace.lost} records are missing" if trace.lost else ""
    return f"from {date} on, {duration(trace.end - trace.begin)}{lost}"


def _numbers(trace: Trace) -> str:
    durations = Histogram.of(each.duration for each in trace.exchanges if each.duration is not None)
    busy = durations.total / max(1, trace.end - trace.begin)
    unanswered = sum(each.waits for each in trace.exchanges)
    cells = [
        (str(len(trace.exchanges)), "requests"),
        (rate(len(trace.exchanges) / trace.seconds) if trace.seconds else "0", "a second"),
        (str(sum(each.error != 0 for each in trace.exchanges)), "refused"),
        (str(unanswered), "unanswered"),
        (duration(durations.percentile(50)), "median"),
        (duration(durations.percentile(99)), "99 % are faster"),
        (amount(sum(each.size for each in trace.exchanges)), "of data"),
        (f"{busy * 100:.0f} %", "of the time busy"),
    ]
    return '<div class="numbers">' + "".join(f"<p><b>{a}</b>{b}</p>" for a, b in cells) + "</div>"


def _legend() -> str:
    keys = (
        f'<button type="button" data-group="{charts.colour_of(group)}" aria-pressed="true">'
        f'<i class="{charts.colour_of(group)}"></i>{group}</button>'
        for group in charts.GROUPS
    )
    return '<div class="legend">' + "".join(keys) + "</div>"


def _operations(rows: Sequence[Figures], trace: Trace) -> str:
    total = sum(row.total for row in rows) or 1
    head = [
        "operation",
        "count",
        "a second",
        "refused",
        "median",
        "90 %",
        "99 %",
        "longest",
        "all",
        "share",
        "data",
    ]
    cells: Iterable[list[Cell]] = (
        [
            (f'<i class="{charts.colour_of(charts.group_of(row.name))}"></i>{row.name}', row.name),
            (str(row.count), row.count),
            (rate(row.count / trace.seconds) if trace.seconds else "", row.count),
            (str(row.errors or ""), row.errors),
            *_durations(row),
            (f"{row.total * 100 / total:.0f} %", row.total),
            (amount(row.size) if row.size else "", row.size),
        ]
        for row in rows
    )
    return _table(head, cells)


def _durations(row: Figures) -> Iterator[tuple[str, int]]:
    for ns in (row.median, row.p90, row.p99, row.longest, row.total):
        yield duration(ns) if row.longest else "", ns


def _histograms(rows: Sequence[Figures], trace: Trace) -> str:
    chosen = {row.name: Histogram() for row in rows[:HISTOGRAMS] if row.longest}
    for each in trace.exchanges:
        if each.name in chosen and each.duration is not None:
            chosen[each.name].add(each.duration)
    numbers = [number for counted in chosen.values() for number, _ in counted.classes()]
    if not numbers:
        return "<p>No request was answered.</p>"
    first, last = min(numbers), max(numbers)
    figure = (
        f"<figure><figcaption>{name}<span>{counted.number}</span></figcaption>"
        f"{charts.histogram(counted, first, last, name)}</figure>"
        for name, counted in chosen.items()
    )
    return f'<div class="histograms">{"".join(figure)}</div>'


def _slowest(trace: Trace) -> str:
    def cells(each: Exchange) -> list[Cell]:
        length = trace.end - each.begin if each.duration is None else each.duration
        at = each.begin - trace.begin
        return [
            (duration(length) + (" and more" if each.waits else ""), length),
            (duration(at), at),
            (each.name, each.name),
            (_code(each.path), each.path),
            (f"{each.pid} (uid {each.uid})" if each.pid else "the kernel", each.pid),
            (_word(each.error), _word(each.error)),
        ]

    head = ["took", "at", "operation", "path", "process", "error"]
    return _table(head, (cells(each) for each in trace.slowest(SLOWEST)))


def _refusals(trace: Trace) -> str:
    counts = Counter((each.name, each.error) for each in trace.exchanges if each.error)
    last = {(each.name, each.error): each.path for each in trace.exchanges if each.error}
    if not counts:
        return "<p>Nothing.</p>"
    return _table(
        ["operation", "error", "count", "last of"],
        (
            [(name, name), (_word(code), _word(code)), (str(count), count), (_code(last[name, code]), "")]
            for (name, code), count in counts.most_common(REFUSALS)
        ),
    )


def _code(text: str) -> str:
    return f"<code>{html.escape(text)}</code>"


def _word(code: int) -> str:
    return errno.errorcode.get(code, str(code)) if code else ""


def _table(head: Iterable[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table of cells, each with the value that it is sorted by."""
    return f'<div class="scroll"><table>{"".join(_rows(head, rows))}</tbody></table></div>'


def _rows(head: Iterable[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    yield "<thead><tr>" + "".join(f'<th scope="col">{word}</th>' for word in head) + "</tr></thead><tbody>"
    for row in rows:
        cells = (
            f'<td data-by="{html.escape(str(by))}"{"" if isinstance(by, str) else _NUMBER}>{shown}</td>'
            for shown, by in row
        )
        yield f"<tr>{''.join(cells)}</tr>"


_NUMBER: Final = ' class="number"'


def _section(title: str, body: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{title}</h2>{body}</section>'
