"""For testing file systems: whether one keeps what file systems promise, and recordings run again.

Not needed to write or mount one.

    check_filesystem, results      the conformance check; what it promises is in ``checks``
    replay, load                   a recorded session, against the file system as it is now
    plugin                         fixtures for pytest: ``userkernel``, ``mounted``
"""

from puffpy.testing.catalogue import PROMISES
from puffpy.testing.conformance import Report, Result, check_filesystem, results
from puffpy.testing.promise import Broken, NotApplicable, Promise, Verdict, promise
from puffpy.testing.replay import Difference, load, replay
from puffpy.testing.trial import Trial

__all__ = [
    "PROMISES",
    "Broken",
    "Difference",
    "NotApplicable",
    "Promise",
    "Report",
    "Result",
    "Trial",
    "Verdict",
    "check_filesystem",
    "load",
    "promise",
    "replay",
    "results",
]
