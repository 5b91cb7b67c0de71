"""Who is asked, by whom: every test that takes ``fs`` runs on every subject, unless it takes one of

``real``    system calls that the user kernel does not have: mmap, O_DIRECT, execve
``root``    rights, or several users: not on the mount of an ordinary user

and one that takes ``kind`` is asked of every kind of node; devices are root's.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.mounted.conftest import lacking
from tests.posix.callers import Caller, Identity
from tests.posix.kinds import KINDS, Kind
from tests.posix.subjects import SUBJECTS, Place, Subject

ALICE = Identity(1001, 1001, (3001,))
BOB = Identity(1002, 1002, (3002,))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the subjects that a test can be asked of."""
    if "subject" in metafunc.fixturenames:
        names = [
            name
            for name in SUBJECTS
            if not (name == "userkernel" and "real" in metafunc.fixturenames)
            and not (name == "detrempe-user" and "root" in metafunc.fixturenames)
        ]
        metafunc.parametrize("subject", names, indirect=True, scope="package")
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", KINDS.values(), ids=[name.replace(" ", "-") for name in KINDS])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what no ordinary user can do: make devices."""
    items[:] = [item for item in items if not _is_a_users_device(item)]


def _is_a_users_device(item: pytest.Item) -> bool:
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    kind = params.get("kind")
    return isinstance(kind, Kind) and kind.is_device and params["subject"] == "detrempe-user"


@pytest.fixture(scope="package")
def signals() -> Iterator[None]:
    """SIGUSR1 interrupts, and does nothing else."""
    previous = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    yield
    signal.signal(signal.SIGUSR1, previous)


@pytest.fixture(scope="package")
def subject(request: pytest.FixtureRequest, signals: None) -> Iterator[Subject]:
    """One of the file systems."""
    if os.geteuid() != 0:
        lacking("only root can be other users")
    if request.param != "userkernel" and not os.path.exists("/dev/fuse"):
        lacking("there is no /dev/fuse here")
    with SUBJECTS[request.param]() as begun:
        yield begun


@pytest.fixture
def place(subject: Subject) -> Iterator[Place]:
    """An empty place in it, the owner's, with the permissions 0755."""
    made = subject.place()
    yield made
    made.close()


@pytest.fixture
def fs(place: Place) -> Caller:
    """The system calls, made by whoever owns the place."""
    return place.caller(place.owner)


@pytest.fixture
def real() -> None:
    """Not in the user kernel."""


@pytest.fixture
def root() -> None:
    """Not on the mount of an ordinary user."""


@pytest.fixture
def alice(place: Place, root: None) -> Caller:
    """An ordinary user, also of the group 3001; the place is open to everybody from now on."""
    return ordinary(place, ALICE)


@pytest.fixture
def bob(place: Place, root: None) -> Caller:
    """Another ordinary user, also of the group 3002."""
    return ordinary(place, BOB)


def ordinary(place: Place, identity: Identity) -> Caller:
    """Return *identity* as a caller in *place*, which is opened to everybody."""
    place.caller(place.owner).chmod("/", 0o777)
    return place.caller(identity)
