"""What is done to a mount and to its clients while they work."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from tests.mounted.harness import PATIENCE, PROJECT, Server, environment, wait_for
from tests.mounted.killing import children

CLIENTS: Final = 4

EVERY: Final = 0.35
"""Seconds between two things that are done; all are done in turn, so that a server lives for some two."""

STOPPED: Final = 0.3
"""Seconds that a server is stopped for."""


@attrs.define
class Worker:
    """A client, and those before it who were killed."""

    name: str
    process: subprocess.Popen[str]
    seed: int
    log: Path

    @property
    def has_begun(self) -> bool:
        """Whether it is done with what somebody else has left, and at work."""
        return self.log.exists()

    @property
    def has_ended(self) -> bool:
        """Whether it works no more."""
        return self.process.poll() is not None


@attrs.define
class Soak:
    """Clients at work on the mount of *server*.

    *supervised*: the server is killed.  *faults* are the errnos that clients may get.  *logs* is where
    clients write down what they have done.
    """

    server: Server
    logs: Path
    chance: random.Random
    supervised: bool
    faults: str = ""
    counts: Counter[str] = attrs.field(factory=Counter)
    workers: list[Worker] = attrs.field(factory=list)

    def work(self, seconds: float) -> None:
        """Have clients work for *seconds*, and do things to them; all that they left must be right."""
        self.workers = [self._begin(f"client{number}") for number in range(CLIENTS)]
        try:
            self._torment(time.monotonic() + seconds)
            for worker in self.workers:
                wait_for(lambda worker=worker: worker.has_begun or worker.has_ended, "it has begun")  # type: ignore[misc]
                worker.process.send_signal(signal.SIGTERM)
            for worker in self.workers:
                self._end(worker)
        finally:
            for worker in self.workers:
                worker.process.kill()
                worker.process.communicate()

    def _torment(self, deadline: float) -> None:
        doing = [self.interrupt, self.stop, self.interrupt, self.abort, *[self.kill] * self.supervised]
        turn: list[Callable[[], None]] = []
        while time.monotonic() < deadline:
            time.sleep(EVERY)
            turn = turn or self.chance.sample(doing, len(doing))
            turn.pop()()
            assert self.server.process.poll() is None, f"the server is gone:\n{self.server.said()}"
            for worker in self.workers:
                if worker.has_ended:
                    self._end(worker)  # which says why

    # what is done

    def interrupt(self) -> None:
        """Send a client a signal that it has a handler for."""
        number, worker = self.chance.choice((signal.SIGINT, signal.SIGALRM)), self.chance.choice(self.workers)
        if worker.has_begun:
            worker.process.send_signal(number)
            self.counts["signals"] += 1

    def stop(self) -> None:
        """Stop the server for a moment."""
        pid = self._serving()
        if pid:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(STOPPED)
            os.kill(pid, signal.SIGCONT)
            self.counts["stops"] += 1

    def kill(self) -> None:
        """Kill the server."""
        pid = self._serving()
        if pid:
            os.kill(pid, signal.SIGKILL)
            self.counts["kills"] += 1

    def abort(self) -> None:
        """Kill a client, wherever it is, and have another one look at what it left."""
        at = self.chance.randrange(len(self.workers))
        worker = self.workers[at]
        if worker.has_begun and not worker.has_ended:
            worker.process.kill()
            told, complained = worker.process.communicate(timeout=PATIENCE)
            assert worker.process.returncode == -signal.SIGKILL, complained
            self._count(told)
            self.counts["aborts"] += 1
            self.workers[at] = self._begin(worker.name, worker)

    # clients

    def _begin(self, name: str, before: Worker | None = None) -> Worker:
        seed = self.chance.getrandbits(32)
        log = self.logs / f"{name}-{seed}"
        words = [sys.executable, "-m", "tests.soak.client", str(self.server.mnt), name, str(seed), str(log)]
        words += ["--faults", self.faults]
        if before is not None:
            words += ["--after", str(before.seed), str(before.log)]
        process = subprocess.Popen(
            words, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return Worker(name, process, seed, log)

    def _end(self, worker: Worker) -> None:
        told, complained = worker.process.communicate(timeout=3 * PATIENCE)
        assert worker.process.returncode == 0, f"{complained}\n{self.server.said()}"
        self._count(told)

    def _count(self, told: str) -> None:
        for line in told.splitlines():
            self.counts.update(json.loads(line))

    def _serving(self) -> int:
        if not self.supervised:
            return self.server.process.pid
        return next(iter(children(self.server.process.pid)), 0)
