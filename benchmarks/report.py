"""A result as text and as JSON.

Nothing here measures or draws.  The JSON's shape has a number, ``format``, that changes when the shape does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from benchmarks.run import FREE, MODES, PINNED, Result, Series
from benchmarks.subjects import REFERENCE

FORMAT = 1

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


def table(result: Result) -> str:
    """Return the whole result as text: a block for each work, a line for each subject."""
    return "\n".join([*_heading(result), *_blocks(result), *_summary(result), *_absences(result)])


def _heading(result: Result) -> Iterator[str]:
    settings, machine = result.settings, result.machine
    yield (
        f"Linux {machine.kernel}, Python {machine.python}, {machine.cpus} cores, "
        f"load {machine.load_before:.2f} before and {machine.load_after:.2f} after"
    )
    yield f"{settings.rounds} rounds of {settings.seconds:g} s; per second, more is better;"
    yield "ratio: to C libfuse 3 in the same round, the median of the rounds"
    yield ""


def _blocks(result: Result) -> Iterator[str]:
    for work in result.works:
        yield f"{work.title} ({work.unit}/s)"
        yield _line("", ("one core: best", "median", "ratio"), ("free: best", "median", "ratio"))
        for subject in result.subjects:
            one = result.find(PINNED, work.name, subject.name)
            free = result.find(FREE, work.name, subject.name)
            if one is None or free is None:
                continue
            yield _line(subject.title, _cells(result, one), _cells(result, free))
            for series in (one, free):
                if series.error is not None:
                    yield f"    {series.mode}: stopped after {len(series.samples)} rounds: {series.error}"
        yield ""


def _line(title: str, one: tuple[str, str, str], free: tuple[str, str, str]) -> str:
    return "  {:24} {:>14} {:>8} {:>6}    {:>10} {:>8} {:>6}".format(title, *one, *free)


def _cells(result: Result, series: Series) -> tuple[str, str, str]:
    return short(series.best), short(series.median), _ratio(result.ratio(series))


def _summary(result: Result) -> Iterator[str]:
    present = [s for s in result.subjects if s.name not in result.absent]
    for mode in MODES:
        yield f"ratios to C libfuse 3, {'on one core' if mode == PINNED else 'free'}"
        yield " " * 28 + "".join(f"{subject.name:>9}" for subject in present)
        for work in result.works:
            ratios = []
            for subject in present:
                series = result.find(mode, work.name, subject.name)
                ratios.append(_ratio(None if series is None else result.ratio(series)))
            yield f"  {work.title:26}" + "".join(f"{ratio:>9}" for ratio in ratios)
        yield ""


def _absences(result: Result) -> Iterator[str]:
    for subject in result.subjects:
        if subject.name in result.absent:
            yield f"absent: {subject.title}: {result.absent[subject.name]}"


def as_json(result: Result) -> dict[str, Any]:
    """Return the whole result as what :func:`json.dump` takes; rates are units per second."""
    return {
        "format": FORMAT,
        "reference": REFERENCE,
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
