"""One client of a soak: ``python -m tests.soak.client MNT NAME SEED LOG``.

It works in a directory of its own until SIGTERM, and compares all that it reads to what it has written.  In
the end it compares everything, empties its directory, and says in a line of JSON what it has done.  What
comes of each step is one letter in LOG.

With ``--after SEED LOG`` it first finds out what somebody who was killed should have left behind: the same
seed and the same letters lead to the same tree.  The step that was cut off has been done, or it has not.  Of
what that one has done there is a line as well.  With ``--faults ERRNO,...`` it puts up with these.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from tests.soak.model import Tree, differences, found
from tests.soak.step import Place, Step, Wrong, expect, shut
from tests.soak.steps import next_step

DONE, INTERRUPTED, FAILED = ".", "i", "f"
NAMES: Final = {DONE: "steps", INTERRUPTED: "interrupted", FAILED: "failed"}

LAST: Final = 40
"""How many steps a complaint names."""

TRIES: Final = 1000
"""How often a step is tried again whose failure may have left a part of it."""


@attrs.define
class Client:
    """One client, in *place*, with what it has done so far."""

    place: Place
    log: Path
    faults: frozenset[int]
    over: bool = False
    counts: Counter[str] = attrs.field(factory=Counter)
    last: deque[str] = attrs.field(factory=lambda: deque(maxlen=LAST))

    def work(self, seed: int) -> None:
        """Do one step after the other, until it is over."""
        chance, tree = random.Random(seed), Tree()
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._surely(lambda: self.place.root.mkdir(exist_ok=True))
        while not self.over:
            step = next_step(chance, tree)
            outcome = self._done(step)
            self.last.append(f"{step.name} {outcome}")
            if outcome == DONE:
                step.apply(tree)
            os.write(log, outcome.encode())
            self.counts[NAMES[outcome]] += 1
        self._compare("at the end", tree.state())
        for fd, file in zip(self.place.open, tree.held, strict=True):
            expect("held at the end", self._surely(lambda fd=fd: _whole(fd)), bytes(file.data))  # type: ignore[misc]
            shut(fd)
        self.counts["counted"] += tree.counted
        self._empty()

    def succeed(self, seed: int, log: Path) -> None:
        """Compare what is there to what somebody with *seed* and *log* has left, and take it away."""
        chance, tree = random.Random(seed), Tree()
        outcomes = log.read_text() if log.exists() else ""
        for outcome in outcomes:
            step = next_step(chance, tree)
            if outcome == DONE:
                step.apply(tree)
        step = next_step(chance, tree)
        before = tree.copy()
        step.apply(tree)
        if self.place.root.exists():
            self._compare(f"{step.name}, cut off", before.state(), tree.state(), torn=step.torn)
        else:
            expect("steps of one who had no directory yet", outcomes, "")
        for outcome in outcomes:
            self.counts[NAMES[outcome]] += 1
        self.counts["counted"] += before.counted
        self.counts["perhaps counted"] += tree.counted - before.counted
        self._empty()

    def _done(self, step: Step) -> str:
        for _ in range(TRIES):
            try:
                step.do(self.place)
            except InterruptedError:
                # A signal came before the file system had begun with it.
                if not step.torn:
                    return INTERRUPTED
            except OSError as exc:
                if exc.errno not in self.faults:
                    raise Wrong(f"{step.name}: {exc!r}") from exc
                if not step.torn:
                    return FAILED
                self.counts["tried again"] += 1
            else:
                return DONE
        raise Wrong(f"{step.name}: failed {TRIES} times")

    def _surely(self, look: Callable[[], object]) -> object:
        """Return what *look* sees, whatever it takes."""
        for _ in range(TRIES):
            try:
                return look()
            except InterruptedError:
                continue
            except OSError as exc:
                if exc.errno not in self.faults:
                    raise
        raise Wrong(f"failed {TRIES} times")

    def _compare(self, when: str, *possible: object, torn: bool = False) -> None:
        place = self.place
        seen = self._surely(lambda: found(place.root, place.everybody, place.prefix))
        wrong = differences(seen, *possible, torn=torn)  # type: ignore[arg-type]
        if wrong:
            raise Wrong(f"{when}:\n  " + "\n  ".join(wrong[:20]))

    def _empty(self) -> None:
        place = self.place

        def empty() -> None:
            if place.root.exists():
                shutil.rmtree(place.root)
            for name in os.listdir(place.everybody):
                if name.startswith(place.prefix):
                    os.unlink(place.everybody / name)

        self._surely(empty)

    def tell(self) -> None:
        """Say what has been counted, and begin anew."""
        sys.stdout.write(json.dumps(self.counts) + "\n")
        sys.stdout.flush()
        self.counts.clear()


def _whole(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size + 1, 0)


def main() -> None:
    """Work as the command line says."""
    asked = argparse.ArgumentParser()
    asked.add_argument("mnt", type=Path)
    asked.add_argument("name")
    asked.add_argument("seed", type=int)
    asked.add_argument("log", type=Path)
    asked.add_argument("--after", nargs=2)
    asked.add_argument("--faults", default="")
    words = asked.parse_args()
    mnt, name = words.mnt, words.name
    place = Place(mnt / name, mnt / "all", mnt / "counter", f"{name}-")
    faults = frozenset(getattr(errno, word) for word in words.faults.split(",") if word)
    client = Client(place, words.log, faults)

    def end(*_: object) -> None:
        client.over = True

    # Handlers without SA_RESTART: what waits in the file system is told to give up.
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGALRM, lambda *_: None)
    began = time.monotonic()
    try:
        if words.after:
            client.succeed(int(words.after[0]), Path(words.after[1]))
            client.tell()
        client.work(words.seed)
        client.tell()
    except (Wrong, OSError) as exc:
        last = ", ".join(client.last)
        sys.stderr.write(
            f"{name}, seed {words.seed}, after {time.monotonic() - began:.1f} s: {exc}\n{last}\n"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
