"""A case: what is said, message by message; and the corpus, a text file for each target, one case a line.

A line is the messages in hexadecimal with blanks between them, ``-`` for an empty one; what stands behind
``#`` says what it once found, or that it led where no other does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias

Case: TypeAlias = tuple[bytes, ...]
Kept: TypeAlias = tuple[Case, str]
"""A case, and why it is kept."""

CORPUS: Final = Path(__file__).with_name("corpus")


def written(case: Case) -> str:
    """Return the line that stands for *case*."""
    return " ".join(message.hex() or "-" for message in case)


def read(line: str) -> Case:
    """Return the case that *line* stands for."""
    words = line.partition("#")[0].split()
    return tuple(b"" if word == "-" else bytes.fromhex(word) for word in words)


def kept(name: str) -> list[Kept]:
    """Return the cases that are kept for the target *name*, each with its reason."""
    try:
        lines = (CORPUS / f"{name}.txt").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []
    return [(case, line.partition("#")[2].strip()) for line in lines if (case := read(line))]


def corpus(name: str) -> list[Case]:
    """Return the cases that are kept for the target *name*."""
    return [case for case, _ in kept(name)]


def keep(name: str, case: Case, why: str) -> None:
    """Put *case* into the corpus of *name*, unless it is there."""
    if case and case not in corpus(name):
        rewrite(name, [*kept(name), (case, why)])


def rewrite(name: str, cases: list[Kept]) -> None:
    """Have *cases*, and no others, in the corpus of *name*."""
    CORPUS.mkdir(exist_ok=True)
    lines = [f"{written(case)}  # {why}\n" for case, why in cases]
    (CORPUS / f"{name}.txt").write_text("".join(lines), encoding="ascii")
