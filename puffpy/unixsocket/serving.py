"""The side that has the file system: listens on a UNIX socket and serves whoever may connect.

Theory of operation.  One thread accepts; each connection has a thread of its own with a session of its own,
and a lock lets one session in at a time.  A connection that breaks, or says what makes no sense, ends by
itself and harms no other.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import pwd
import socket
import stat
import threading

from puffpy.bridges import Bridge
from puffpy.bridges.handed import HandedDevice
from puffpy.bridges.stream import Stream, peer
from puffpy.complaints import Complaints, place_of
from puffpy.errors import MountError
from puffpy.mount import prepared
from puffpy.ops import VnodeOps
from puffpy.options import MountOptions
from puffpy.serve import Server
from puffpy.unixsocket.greeting import DEVICE, OK, RELAY, Greeting, complaint, read_line
from puffpy.unixsocket.sharing import Shared

BACKLOG = 16
MOST = 256
"""Connections at once; each has a thread and a buffer as large as a message may be."""

LOOK = 0.5
"""Seconds after which the accepting thread looks whether a signal has come."""


class Listener:
    """Serves *vnodeops* to everybody in *allowed* (user ids) who connects to the socket *path*.

    Root and the user of this process are always allowed.  The socket's mode is 0600, or 0666 where others are
    allowed: who they are is checked, not what they may open.

    Raises:
        MountError: there is somebody listening already, or something else at *path*.
    """

    def __init__(self, vnodeops: VnodeOps, path: str, *, allowed: frozenset[int] = frozenset()) -> None:
        vfsops, self._options = prepared(vnodeops, None, None)
        self._name = type(vnodeops).__name__
        self._shared = Shared(vnodeops, vfsops)
        self._allowed = allowed | {0, os.geteuid()}
        self._lock = threading.Lock()
        self._servers: set[Server] = set()
        self._complaints = Complaints()
        self._places = threading.Semaphore(MOST)
        self._open = True
        self.path = path
        self._sock = _bound(path, 0o666 if allowed else 0o600)
        self._sock.settimeout(LOOK)

    def run(self) -> None:
        """Accept, until :meth:`close`."""
        try:
            while self._open:
                try:
                    sock, _ = self._sock.accept()
                except TimeoutError:
                    continue  # a signal that came just before is seen now
                except OSError:
                    return
                threading.Thread(target=self._welcome, args=(sock,), daemon=True).start()
        finally:
            self._end()

    def close(self) -> None:
        """Accept nobody more; whoever is connected is cut off.  From any thread, and from a signal's."""
        self._open = False
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _end(self) -> None:
        self._sock.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        with self._lock:
            servers = list(self._servers)
        endings = [threading.Thread(target=server.stop, daemon=True) for server in servers]
        for ending in endings:
            ending.start()
        for ending in endings:
            ending.join()
        self._shared.end()
        self._complaints.sum_up()

    def _welcome(self, sock: socket.socket) -> None:
        pid, uid, _ = peer(sock)
        if uid not in self._allowed:
            self._complaints.say(
                logging.WARNING,
                uid,
                "process %d of user %s may not connect to %s",
                pid,
                _user(uid),
                self.path,
            )
            with sock, contextlib.suppress(OSError):
                sock.sendall(complaint(f"user {_user(uid)} may not connect (see --allow)"))
            return
        if not self._places.acquire(blocking=False):
            self._complaints.error(
                "most", "there are %d connections to %s; one is turned away", MOST, self.path
            )
            with sock, contextlib.suppress(OSError):
                sock.sendall(complaint(f"{MOST} others are connected"))
            return
        try:
            serve_connection(
                sock, self._shared, self._name, self._options, self._servers, self._lock, self._complaints
            )
        finally:
            self._places.release()


def serve_connection(
    sock: socket.socket,
    shared: Shared,
    name: str,
    options: MountOptions,
    servers: set[Server],
    lock: threading.Lock,
    complaints: Complaints,
) -> None:
    """Serve whoever is at the other end of *sock*, until one of the two ends; among *servers* meanwhile."""
    with sock:
        try:
            sock.sendall(Greeting(name, options).encode())
            server = _introduced(sock, shared, options)
        except (MountError, OSError) as exc:
            complaints.error(place_of(exc), "a connection came to nothing: %s", exc)
            return
        with lock:
            servers.add(server)
        try:
            server.run()
        finally:
            with lock:
                servers.discard(server)


def _introduced(sock: socket.socket, shared: Shared, options: MountOptions) -> Server:
    """Return a server for what the other side has chosen, with INIT answered."""
    choice, device = read_line(sock)
    if choice == DEVICE and device >= 0:
        bridge: Bridge = HandedDevice(device, sock)
    elif choice == RELAY and device < 0:
        bridge = Stream(sock)
    else:
        if device >= 0:
            os.close(device)
        raise MountError(f"it says {choice[:80]!r}; expected relay, or device with one")
    server = Server(
        shared.vnodeops, shared.window(), options, bridge, commons=shared.commons, turn=shared.turn
    )
    try:
        server.attach("the other side's mount", options)
    except MountError as exc:
        with contextlib.suppress(OSError):
            sock.sendall(str(exc).replace("\n", " ").encode() + b"\n")
        raise
    if choice == DEVICE:
        sock.sendall(OK + b"\n")
    return server


def _bound(path: str, mode: int) -> socket.socket:
    """Return a listening socket at *path*; one that a dead server has left there is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o177)
    try:
        try:
            sock.bind(path)
        except OSError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise
            _remove_dead(path)
            sock.bind(path)
        os.chmod(path, mode)
        sock.listen(BACKLOG)
    except MountError:
        sock.close()
        raise
    except OSError as exc:
        sock.close()
        raise MountError(f"cannot listen at {path}: {exc.strerror}: choose another path", exc.errno) from None
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(umask)
    return sock


def _remove_dead(path: str) -> None:
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        raise MountError(f"{path} is something else than a socket: choose another path", errno.EADDRINUSE)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise MountError(f"somebody listens at {path} already: choose another path", errno.EADDRINUSE)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
