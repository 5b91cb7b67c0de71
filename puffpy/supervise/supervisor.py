"""Holds a mount, and has a process serve it that may die at any moment.

The serving itself is ``puffpy.serve``'s; what a new server knows of the last one is in ``ledger``.

Theory of operation.  The supervisor has one thread and waits for signals, nothing else: for the end of the
server, and for whoever wants the end of the mount.  It never looks into the mount, and never takes part in
what travels.  A server that ends while the kernel still holds the mount has died, whatever its exit status.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from puffpy.bridges import Bridge
from puffpy.bridges.devfuse import DevFuse
from puffpy.bridges.lent import LentDevice
from puffpy.errors import MountError
from puffpy.live import listening
from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.serve import GRACE, RETRY, Server
from puffpy.signals import ENDING_SIGNALS
from puffpy.supervise.keeper import Keeper
from puffpy.supervise.ledger import ANSWERED, AT_HAND, NOTHING_AT_HAND, UP, Ledger
from puffpy.supervise.process import descriptors, die_with, fork_sharing_descriptors
from puffpy.supervise.records import Table, unpack_terms
from puffpy.supervise.scribe import Scribe
from puffpy.wire.flags import InitFlag

log = logging.getLogger("puffpy")

WORD: Final = signal.SIGUSR1
"""What a server sends its supervisor once it serves."""

MOST_DEATHS, WITHIN = 5, 10.0
"""So many servers may die in so many seconds without answering anything; one that served and was killed by
somebody (SIGKILL) does not count."""

POISON: Final = 9
OF_ITSELF, KILLED = 3, 1
"""A request is answered with EIO that was at hand when three servers died of themselves, or nine were killed;
which may have been its doing all the same, where memory was short."""

AWAITED: Final = frozenset({*ENDING_SIGNALS, signal.SIGCHLD, WORD})


def supervise(
    vnodeops: VnodeOps,
    vfsops: VfsOps,
    options: MountOptions,
    mountpoint: str,
    bridge: Bridge,
    *,
    debug: bool = False,
    succeeded: Callable[[], object] = lambda: None,
    serving: Callable[[Server], object] = lambda _: None,
) -> str:
    """Mount, and have it served until somebody unmounts; return what went wrong, if anything did.

    For the main thread of a process that has no other.  *succeeded* is called once the mount works,
    *serving* in each server before it begins.

    Raises:
        MountError: it could not be mounted, or the first server could not begin.
    """
    if not isinstance(bridge, DevFuse):
        raise MountError(f"--supervise is for /dev/fuse, not for the bridge {bridge.name}: leave one out")
    supervisor = Supervisor(vnodeops, vfsops, options, mountpoint, bridge, debug=debug, serving=serving)
    return supervisor.run(succeeded)


class Supervisor:
    """One mount, and whoever serves it."""

    def __init__(
        self,
        vnodeops: VnodeOps,
        vfsops: VfsOps,
        options: MountOptions,
        mountpoint: str,
        bridge: DevFuse,
        *,
        debug: bool,
        serving: Callable[[Server], object],
    ) -> None:
        self._vnodeops, self._vfsops, self._options = vnodeops, vfsops, options
        self._mountpoint, self._bridge = mountpoint, bridge
        self._debug, self._serving = debug, serving
        self._ledger = Ledger()
        self._kept: Keeper | None = None
        if hasattr(vnodeops, "kept"):
            self._kept = vnodeops.kept = Keeper(self._ledger)
        self._pid = os.getpid()
        self._server = 0
        self._base: set[int] = set()
        self._suspects: Counter[int] = Counter()
        self._deaths: deque[float] = deque(maxlen=MOST_DEATHS)
        self._progress = 0
        self._was_killed = False

    def run(self, succeeded: Callable[[], object]) -> str:
        """Mount and serve; return what went wrong."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
        try:
            self._bridge.attach(self._mountpoint, self._options)
            self._base = descriptors()
            self._start(mask)
            if not self._first_serves():
                return self._stop()
            succeeded()
            self._base &= descriptors()
            return self._watch(mask)
        finally:
            self._end_server()
            self._bridge.close()
            for number in ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)  # the process ends, and one more does not matter
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    # a server begins

    def _start(self, mask: set[int | signal.Signals]) -> None:
        """Fork a server."""
        poison = frozenset(unique for unique, weight in self._suspects.items() if weight >= POISON)
        pid = fork_sharing_descriptors()
        if pid:
            self._server = pid
            return
        status = 1
        try:
            for number in ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)  # they are for the supervisor, which unmounts
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            die_with(self._pid)
            self._serve(poison)
            status = 0
        except BaseException as exc:
            self._ledger.put(Table.REASON, 0, str(exc).encode("utf-8", "replace"))
            self._ledger.commit()
            if not isinstance(exc, MountError):
                log.exception("the server ends")
        finally:
            with contextlib.suppress(BaseException):
                logging.shutdown()
            os._exit(status)

    def _serve(self, poison: frozenset[int]) -> None:
        """Be a server."""
        resumed = bool(self._ledger.table(Table.TERMS))
        server = Server(
            self._vnodeops,
            self._vfsops,
            self._options,
            LentDevice(self._bridge, self._ledger.landing),
            debug=self._debug,
            memory=Scribe(self._ledger, self._kept, poison=poison),
        )
        server.attach(self._mountpoint, self._options)
        if not resumed:
            self._check_terms()
        self._serving(server)
        self._ledger.words[UP] += 1
        os.kill(self._pid, WORD)
        with listening(server, self._mountpoint, type(self._vnodeops).__name__):
            server.run()

    def _check_terms(self) -> None:
        record = self._ledger.table(Table.TERMS).get(0)  # none where somebody has unmounted meanwhile
        if record is not None and not unpack_terms(record).flags & InitFlag.HAS_RESEND:
            raise MountError("--supervise needs Linux 6.9 or later, which sends again what nobody answered")

    def _first_serves(self) -> bool:
        """Return when the mount works; False if somebody wants no mount any more."""
        while not self._ledger.words[UP]:
            number = signal.sigwaitinfo(AWAITED).si_signo
            if number in ENDING_SIGNALS:
                return False
            if number == signal.SIGCHLD and self._ended():
                self._ledger.read()
                reason = self._ledger.table(Table.REASON).get(0, b"its server died at once")
                raise MountError(reason.decode("utf-8", "replace"))
        return True

    # a server ends

    def _watch(self, mask: set[int | signal.Signals]) -> str:
        """Wait for the end of the mount; return what went wrong."""
        while True:
            number = signal.sigwaitinfo(AWAITED).si_signo
            if number in ENDING_SIGNALS:
                return self._stop()
            if number != signal.SIGCHLD or not self._ended():
                continue
            if not self._bridge.connected():
                return ""
            reason = self._bury()
            if reason:
                return reason
            self._start(mask)

    def _ended(self) -> bool:
        """Tell whether the server has ended."""
        if not self._server:
            return True
        pid, status = os.waitpid(self._server, os.WNOHANG)
        if not pid:
            return False
        self._server = 0
        if status:
            code = os.waitstatus_to_exitcode(status)
            self._was_killed = code == -signal.SIGKILL
            cause = signal.Signals(-code).name if code < 0 else f"exit status {code}"
            log.warning("the server of %s died (%s)", self._mountpoint, cause)
        return True

    def _bury(self) -> str:
        """Take note of a server's death, and close what nobody needs; return why there will be no other."""
        progress = self._ledger.words[ANSWERED] + (self._ledger.words[UP] if self._was_killed else 0)
        if progress != self._progress:
            self._progress = progress
            self._deaths.clear()
        self._deaths.append(time.monotonic())
        self._ledger.read()
        at_hand = {self._ledger.words[AT_HAND], *self._ledger.table(Table.BEGUN)}
        weight = KILLED if self._was_killed else OF_ITSELF
        self._suspects = Counter(
            {unique: self._suspects[unique] + weight for unique in at_hand - {NOTHING_AT_HAND}}
        )
        for fd in descriptors() - self._base - self._held():
            with contextlib.suppress(OSError):
                os.close(fd)
        if len(self._deaths) == MOST_DEATHS and self._deaths[-1] - self._deaths[0] < WITHIN:
            return f"{MOST_DEATHS} servers of {self._mountpoint} died without answering anything: given up"
        return ""

    def _held(self) -> set[int]:
        return set(self._ledger.table(Table.DESCRIPTORS))

    # the mount ends

    def _stop(self) -> str:
        """Unmount, while the server goes on; after a grace, or a second signal, cut it."""
        deadline = time.monotonic() + GRACE
        while not self._bridge.detach():
            if self._waited(RETRY) or time.monotonic() > deadline:
                return ""
        while not self._waited(GRACE) and time.monotonic() < deadline + GRACE:
            pass
        return ""

    def _waited(self, seconds: float) -> bool:
        """Wait *seconds* at most; tell whether the server has ended, or somebody is impatient."""
        arrived = signal.sigtimedwait(AWAITED, seconds)
        if arrived is None:
            return False
        return arrived.si_signo in ENDING_SIGNALS or (arrived.si_signo == signal.SIGCHLD and self._ended())

    def _end_server(self) -> None:
        if self._server:
            os.kill(self._server, signal.SIGKILL)
            os.waitpid(self._server, 0)
            self._server = 0
