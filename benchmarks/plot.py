"""A result as a picture: a panel for each work, a bar for each subject, as SVG without a library.

Nothing here measures.  The bars are the ratios on one core; the thin line over a bar spans its rounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from benchmarks.report import short
from benchmarks.run import PINNED, Result
from benchmarks.subjects import REFERENCE
from benchmarks.works import Work

PANEL_WIDTH, COLUMNS = 460, 2
NAME_WIDTH, VALUE_WIDTH = 76, 96
BAR, GAP, TITLE, MARGIN = 15, 4, 26, 22
#: A longer bar is cut, and the caption says so: the kernel's own file system would flatten all others.
LONGEST = 2.0

COLOURS = {"puffpy": "#c2410c", REFERENCE: "#334155", "tmpfs": "#a8a29e"}
OTHERS = "#7c9cbf"

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1c1917}.title{font-weight:600;font-size:13px}"
    ".head{font-weight:600;font-size:16px}.note{fill:#57534e}"
)


def svg(result: Result) -> str:
    """Return *result* as an SVG document that stands alone."""
    present = [subject.name for subject in result.subjects if subject.name not in result.absent]
    height = TITLE + len(present) * (BAR + GAP) + MARGIN
    rows = -(-len(result.works) // COLUMNS)
    width = COLUMNS * (PANEL_WIDTH + MARGIN) + MARGIN
    total = 70 + rows * height
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{total}" fill="#fff"/>',
        f'<text class="head" x="{MARGIN}" y="28">Speed relative to C libfuse 3 (longer is better)</text>',
        f'<text class="note" x="{MARGIN}" y="48">{escape(_caption(result))}</text>',
    ]
    for index, work in enumerate(result.works):
        x = MARGIN + index % COLUMNS * (PANEL_WIDTH + MARGIN)
        y = 70 + index // COLUMNS * height
        lines.append(f'<g transform="translate({x},{y})">')
        lines.extend(_panel(result, work, present))
        lines.append("</g>")
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def _caption(result: Result) -> str:
    rounds, machine = result.settings.rounds, result.machine
    bars = f"bar: median of {rounds} rounds, cut at {LONGEST:g}; line: their range"
    return f"client and server on one core; {bars}; Linux {machine.kernel}, Python {machine.python}"


def _panel(result: Result, work: Work, present: list[str]) -> Iterator[str]:
    yield f'<text class="title" x="0" y="14">{escape(work.title)}</text>'
    reference = result.find(PINNED, work.name, REFERENCE)
    scale = (PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH) / LONGEST
    for place, name in enumerate(present):
        y = TITLE + place * (BAR + GAP)
        middle = y + BAR - 3
        yield f'<text x="{NAME_WIDTH - 6}" y="{middle}" text-anchor="end">{escape(name)}</text>'
        series = result.find(PINNED, work.name, name)
        ratio = None if series is None else result.ratio(series)
        if series is None or reference is None or ratio is None:
            yield f'<text class="note" x="{NAME_WIDTH}" y="{middle}">not measured</text>'
            continue
        ratios = series.ratios(reference)
        length = min(ratio, LONGEST) * scale
        colour = COLOURS.get(name, OTHERS)
        yield f'<rect x="{NAME_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>'
        left, right = (NAME_WIDTH + min(end, LONGEST) * scale for end in (min(ratios), max(ratios)))
        across = y + BAR / 2
        yield f'<path d="M{left:.1f} {across}H{right:.1f}" stroke="#1c1917" stroke-width="1"/>'
        text = f"{ratio:.2f} ({short(series.median)}/s)"
        at = NAME_WIDTH + max(length, (min(max(ratios), LONGEST)) * scale) + 5
        yield f'<text class="note" x="{at:.1f}" y="{middle}">{escape(text)}</text>'
    one = NAME_WIDTH + scale
    bottom = TITLE + len(present) * (BAR + GAP)
    yield f'<path d="M{one:.1f} {TITLE - 4}V{bottom}" stroke="#1c1917" stroke-dasharray="3 3" opacity=".5"/>'
