"""A result as text and as JSON.

Nothing here measures or draws.  The JSON's shape has a number, ``format``, that changes when the shape does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from benchmarks.run import PINNED, Result, Series

FORMAT = 2

_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(rate: float | None) -> str:
    """Return *rate* with three digits and a decimal prefix: ``107 k``."""
    if rate is None:
        return "-"
    for scale, prefix in _SCALES:
        if rate >= scale:
            return f"{rate / scale:.3g} {prefix}" if rate < 999.5 * scale else f"{rate / scale:.0f} {prefix}"
    return f"{rate:.3g}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def table(result: Result, *, total: bool = False) -> str:
    """Return the whole result as text: a block for each work, a line for each subject.

    With *total* the works are done once a round, and the times of all of them are added up.
    """
    totals = _totals(result) if total else ()
    return "\n".join([*_heading(result), *_blocks(result), *_summary(result), *totals, *_absences(result)])


def _heading(result: Result) -> Iterator[str]:
    settings, machine = result.settings, result.machine
    yield (
        f"Linux {machine.kernel}, Python {machine.python}, {machine.cpus} cores, "
        f"load {machine.load_before:.2f} before and {machine.load_after:.2f} after"
    )
    yield f"{settings.rounds} rounds of {settings.seconds:g} s; per second, more is better;"
    yield f"ratio: to {_references(result)} in the same round, the median of the rounds"
    yield ""


def _references(result: Result) -> str:
    names = {result.settings.reference_of(subject.name) for subject in result.subjects}
    if len(names) == 1:
        return next(iter(names))
    return "what each lives on (the one of 1.00 beside it)"


def _blocks(result: Result) -> Iterator[str]:
    for work in result.works:
        yield f"{work.title} ({work.unit}/s)"
        heads = [("one core: best" if mode == PINNED else "free: best") for mode in result.settings.modes]
        yield _line("", [(head, "median", "ratio") for head in heads])
        for subject in result.subjects:
            found = [result.find(mode, work.name, subject.name) for mode in result.settings.modes]
            present = [series for series in found if series is not None]
            if not present:
                continue
            yield _line(subject.title, [_cells(result, series) for series in present])
            for series in present:
                if series.error is not None:
                    yield f"    {series.mode}: stopped after {len(series.samples)} rounds: {series.error}"
        yield ""


def _line(title: str, cells: list[tuple[str, str, str]]) -> str:
    return f"  {title:26}" + "  ".join("{:>14} {:>8} {:>6}".format(*cell) for cell in cells)


def _cells(result: Result, series: Series) -> tuple[str, str, str]:
    return short(series.best), short(series.median), _ratio(result.ratio(series))


def _summary(result: Result) -> Iterator[str]:
    present = [s for s in result.subjects if s.name not in result.absent]
    width = max((len(work.title) for work in result.works), default=0) + 4
    for mode in result.settings.modes:
        yield f"ratios, {'on one core' if mode == PINNED else 'free'}"
        yield " " * width + "".join(f"{subject.name:>15}" for subject in present)
        for work in result.works:
            ratios = []
            for subject in present:
                series = result.find(mode, work.name, subject.name)
                ratios.append(_ratio(None if series is None else result.ratio(series)))
            yield f"  {work.title}".ljust(width) + "".join(f"{ratio:>15}" for ratio in ratios)
        yield ""


def seconds(result: Result, mode: str, subject: str) -> float | None:
    """Return how long *subject* takes for all works, each at its median; ``None`` if one failed."""
    medians = []
    for work in result.works:
        series = result.find(mode, work.name, subject)
        if series is None or not series.median:
            return None
        medians.append(1 / series.median)
    return sum(medians)


def _totals(result: Result) -> Iterator[str]:
    for mode in result.settings.modes:
        yield "all of it, in seconds"
        for subject in result.subjects:
            took = seconds(result, mode, subject.name)
            yield f"  {subject.title:28}" + (f"{took:8.2f}" if took is not None else "       -")
        yield ""


def _absences(result: Result) -> Iterator[str]:
    for subject in result.subjects:
        if subject.name in result.absent:
            yield f"absent: {subject.title}: {result.absent[subject.name]}"


def as_json(result: Result) -> dict[str, Any]:
    """Return the whole result as what :func:`json.dump` takes; rates are units per second."""
    return {
        "format": FORMAT,
        "reference": {
            subject.name: result.settings.reference_of(subject.name) for subject in result.subjects
        },
        "settings": attrs.asdict(result.settings),
        "machine": attrs.asdict(result.machine),
        "works": [{"name": w.name, "title": w.title, "unit": w.unit} for w in result.works],
        "subjects": [
            {
                "name": subject.name,
                "title": subject.title,
                "version": None if subject.name in result.absent else subject.version(),
                "absent": result.absent.get(subject.name),
            }
            for subject in result.subjects
        ],
        "results": [
            {
                "mode": series.mode,
                "work": series.work,
                "subject": series.subject,
                "samples": series.samples,
                "best": series.best,
                "median": series.median,
                "ratio": result.ratio(series),
                "error": series.error,
            }
            for series in result.series
        ],
    }
