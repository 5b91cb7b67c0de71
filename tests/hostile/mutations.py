"""One case into others.  What the messages mean is not known here.

Each choice is drawn from hypothesis, so that a case which finds something shrinks: to a case that is as it
should be, and the fewest things wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from hypothesis import strategies as st

from tests.hostile.cases import Case

MOST: Final = 6
"""Changes to a case."""

LONGEST: Final = 64
"""Messages of a case."""

WIDTHS: Final = (1, 2, 4, 8)
EXTREMES: Final = (
    *(0, 1, 2, 3, 7, 15, 16, 39, 40, 41, 64, 0x7F, 0x80, 0xFF, 0x100, 0xFFF, 0x1000, 0x7FFF, 0x8000, 0xFFFF),
    *(1 << 16, 1 << 20, 0x7FFFFFFF, 1 << 31, 0xFFFFFFFE, 0xFFFFFFFF),
    *(1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
)

Settle: TypeAlias = Callable[[bytes], bytes]
Change: TypeAlias = Callable[[st.DrawFn, list[bytes], Sequence[Case]], object]


@st.composite
def cases(draw: st.DrawFn, bases: Sequence[Case], settle: Settle) -> Case:
    """One of *bases*, changed; *settle* makes a message's length true again, which is wanted mostly."""
    said = list(draw(st.sampled_from(bases)))
    for _ in range(draw(st.integers(0, MOST))):
        draw(st.sampled_from(CHANGES))(draw, said, bases)
    if draw(st.integers(0, 7)):
        said = [settle(message) for message in said]
    return tuple(said[:LONGEST])


def _place(draw: st.DrawFn, said: list[bytes]) -> int:
    """Return the number of one message, which there is."""
    if not said:
        said.append(b"")
    # The last one most of all: what comes first is there to lead up to it.
    return len(said) - 1 - draw(st.integers(0, len(said) - 1))


def cut(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """One message ends early."""
    at = _place(draw, said)
    said[at] = said[at][: draw(st.integers(0, len(said[at])))]


def stretch(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """One message goes on."""
    at = _place(draw, said)
    said[at] += draw(st.binary(max_size=40)) * draw(st.sampled_from((1, 1, 1, 100)))


def extreme(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """One field has a value that is seldom thought of."""
    at = _place(draw, said)
    width = draw(st.sampled_from(WIDTHS))
    value = draw(st.sampled_from(EXTREMES)) & ((1 << 8 * width) - 1)
    _put(draw, said, at, width, value.to_bytes(width, "little"))


def anything(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """One field has any value."""
    at = _place(draw, said)
    width = draw(st.sampled_from(WIDTHS))
    _put(draw, said, at, width, draw(st.binary(min_size=width, max_size=width)))


def borrow(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """One field is that of another place, in the same message or another."""
    other = said[_place(draw, said)]
    width = draw(st.sampled_from(WIDTHS))
    start = draw(st.integers(0, len(other) // width)) * width
    _put(draw, said, _place(draw, said), width, other[start : start + width])


def drop(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """One message is not said."""
    del said[_place(draw, said)]


def repeat(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """One message is said again, and again."""
    said += [said[_place(draw, said)]] * draw(st.sampled_from((1, 2, 30)))


def swap(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """Two messages change places."""
    one, other = _place(draw, said), _place(draw, said)
    said[one], said[other] = said[other], said[one]


def join(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """Another case goes on where this one is."""
    other = draw(st.sampled_from(bases))
    said += other[draw(st.integers(0, len(other))) :]


def noise(draw: st.DrawFn, said: list[bytes], bases: Sequence[Case]) -> None:
    """A message of any bytes."""
    said.append(draw(st.binary(max_size=120)))


CHANGES: Final[tuple[Change, ...]] = (
    extreme, extreme, extreme, anything, anything, borrow, cut, stretch, join, join, repeat, drop, swap, noise
)  # fmt: skip
"""Every change, the more often the more it finds."""


def _put(draw: st.DrawFn, said: list[bytes], at: int, width: int, value: bytes) -> None:
    """Write *value* into message *at*, where a field of *width* bytes may be."""
    start = draw(st.integers(0, max(0, len(said[at]) // width - 1))) * width
    said[at] = said[at][:start] + value + said[at][start + len(value) :]
