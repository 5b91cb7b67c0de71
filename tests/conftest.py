"""What all tests share: how property tests behave.  Fixtures live in the room that needs them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A slow machine is no failure; on a machine that lands changes the examples are the same in each run.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

# What nohup(1), or a shell in the background, has started is born ignoring these, and so are its children.
# A server keeps ignoring what it was told to ignore, as it must; those of the tests are told nothing.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def whose_rights() -> Iterator[None]:
    """Leave no test the umask and groups of another: a tunnel on the tests' own thread changes both."""
    umask, groups = os.umask(0o022), os.getgroups()
    os.umask(umask)
    yield
    os.umask(umask)
    if os.geteuid() == 0 and os.getgroups() != groups:
        os.setgroups(groups)
