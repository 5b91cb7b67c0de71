"""Finds out which promises a file system keeps, and reports.

What the promises are is in ``checks``.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs

from puffpy.ops import VnodeOps
from puffpy.options import MountOptions
from puffpy.testing.catalogue import PROMISES
from puffpy.testing.promise import Broken, NotApplicable, Promise, Verdict, error_name
from puffpy.testing.trial import Complaints, Trial

CHECKS = str(Path(__file__).parent / "checks")


@attrs.frozen
class Result:
    """What became of one promise.

    Of one that fails, *what* was done or looked at, what was *expected*, and *got*.  *why* says why a promise
    does not apply.  *complaints* are what the library logged meanwhile.
    """

    promise: Promise
    verdict: Verdict
    what: str = ""
    expected: str = ""
    got: str = ""
    why: str = ""
    complaints: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.verdict.value}: {self.promise.sentence}"]
        if self.verdict is Verdict.NOT_APPLICABLE:
            lines[0] += f" ({self.why})"
        elif self.verdict is Verdict.FAILS:
            lines += [
                f"    {self.what}",
                f"    expected {self.expected}",
                f"    got      {self.got}",
                *(f"    logged   {line}" for line in self.complaints),
            ]
        return "\n".join(lines)


@attrs.frozen
class Report:
    """What became of every promise, in the order of the catalogue."""

    results: tuple[Result, ...]

    def of(self, verdict: Verdict) -> list[Result]:
        """Return the results that are *verdict*."""
        return [result for result in self.results if result.verdict is verdict]

    @property
    def failures(self) -> list[Result]:
        """The promises that are not kept."""
        return self.of(Verdict.FAILS)

    @property
    def ok(self) -> bool:
        """Whether every promise that was made is kept."""
        return not self.failures

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.of(verdict))} {verdict.value}" for verdict in Verdict)
        return "\n".join([*map(str, self.failures), counts])


def check_filesystem(
    make: Callable[[], VnodeOps],
    *,
    options: MountOptions | None = None,
    at: str = "/",
    only: Iterable[Promise] | None = None,
) -> Report:
    """Check that a file system keeps what file systems promise: POSIX's rules, as Linux has them.

    Every promise is tried on a file system of its own, under a kernel in user space: nothing is mounted.  In
    a test, say ``assert check_filesystem(MyFs).ok``, or look at ``failures``.

    Args:
        make: Returns a new file system, every time; a class will do.
        options: How it is mounted; its own ``options`` where left out.
        at: A directory in it in which everything is tried.
        only: The promises to try, all of ``PROMISES`` where left out.

    Raises:
        VectorError: the vectors cannot work.
        OSError: it cannot be mounted, or there is no directory *at*.
    """
    return Report(tuple(results(make, options=options, at=at, only=only)))


def results(
    make: Callable[[], VnodeOps],
    *,
    options: MountOptions | None = None,
    at: str = "/",
    only: Iterable[Promise] | None = None,
) -> Iterator[Result]:
    """Yield the results of :func:`check_filesystem` one by one, as they come."""
    with Complaints().listening():
        survey = Trial(make(), options, at)
        survey.unmount()
    for promise in PROMISES if only is None else only:
        why = promise.reason_against(survey.ops, permissions=survey.permissions)
        if why:
            yield Result(promise, Verdict.NOT_APPLICABLE, why=why)
        else:
            yield try_promise(promise, make, options, at)


def try_promise(
    promise: Promise, make: Callable[[], VnodeOps], options: MountOptions | None, at: str
) -> Result:
    """Try one promise on a fresh file system, whether or not it applies."""
    complaints = Complaints()
    with complaints.listening():
        trial = Trial(make(), options, at)
        result = _judged(promise, trial)
        trial.unmount()
    if result.verdict is Verdict.HOLDS:
        result = _at_the_end(promise, trial, complaints)
    return attrs.evolve(result, complaints=tuple(complaints.lines))


def _judged(promise: Promise, trial: Trial) -> Result:
    try:
        promise.check(trial)
    except Broken as exc:
        return Result(promise, Verdict.FAILS, exc.what, exc.expected, exc.got)
    except NotApplicable as exc:
        return Result(promise, Verdict.NOT_APPLICABLE, why=str(exc))
    except OSError as exc:
        return Result(promise, Verdict.FAILS, _doing(exc), "success", _told(exc))
    return Result(promise, Verdict.HOLDS)


def _doing(exc: OSError) -> str:
    """Return the line of the check in which *exc* was raised."""
    frames = traceback.extract_tb(exc.__traceback__)
    return next((f.line for f in reversed(frames) if f.filename.startswith(CHECKS) and f.line), "?")


def _told(exc: OSError) -> str:
    names = [name for name in (exc.filename, exc.filename2) if name is not None]
    return " ".join(
        [error_name(exc), *(repr(os.fsdecode(name)) for name in names if not isinstance(name, int))]
    )


def _at_the_end(promise: Promise, trial: Trial, complaints: Complaints) -> Result:
    """What every promise entails: all is given back, and no operation raised what no author can mean."""
    balance, overseen = trial.balance(), trial.overseen
    left = {
        "lookup counts": sum(balance.lookups.values()) or overseen.nodes,
        "open files": balance.handles or overseen.handles,
        "requests": balance.requests,
    }
    if any(left.values()):
        got = ", ".join(f"{number} {what}" for what, number in left.items() if number)
        return Result(promise, Verdict.FAILS, "what is left after unmounting", "nothing", got)
    if complaints.lines:
        what = "what the library had to log meanwhile"
        return Result(promise, Verdict.FAILS, what, "nothing", f"{len(complaints.lines)} complaints")
    return Result(promise, Verdict.HOLDS)
