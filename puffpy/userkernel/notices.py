"""Notifications, acted upon: what the server tells the kernel unasked.

Nothing is decoded here, and nothing is asked of the server; only NOTIFY_REPLY and FORGET go out.

Theory of operation.  A notification may come from inside any request, on any thread, perhaps one that holds
locks: so it is only queued when it is heard.  It takes effect when the next system call begins or the present
one ends, and a thread of its own takes care of those that come while nobody calls.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType

from puffpy.errors import WireError
from puffpy.userkernel.connection import Connection
from puffpy.userkernel.dentries import Tree
from puffpy.wire import Notification, NotifyCode, decode_notify
from puffpy.wire.flags import InvalEntryFlag

log = logging.getLogger(__name__)


class Notices:
    """What the server said and nobody has acted upon yet, in order.

    One lock lets one thread act at a time, so that notifications take effect in their order; it is taken
    before every other.  Another guards who waits for a poll.
    """

    def __init__(self) -> None:
        self._heard: deque[bytes] = deque()
        self._something = threading.Semaphore(0)
        self._acting = threading.RLock()
        self._polls = threading.Lock()
        self._wakers: dict[int, threading.Event] = {}
        self._worker: threading.Thread | None = None
        self._over = False

    def hear(self, message: bytes) -> None:
        """Queue *message*."""
        self._heard.append(message)
        self._something.release()

    def begin(self, connection: Connection, tree: Tree) -> None:
        """Begin to act, on *tree*."""
        self._connection, self._tree = connection, tree
        self._worker = threading.Thread(target=self._work, name="puffpy notifications", daemon=True)
        self._worker.start()

    def settle(self) -> None:
        """Act upon everything that has been heard."""
        if not self._heard:
            return
        with self._acting:
            while self._heard:
                self._act(self._heard.popleft())

    def end(self) -> None:
        """Hear nothing more."""
        self._over = True
        self._something.release()
        if self._worker is not None:
            self._worker.join()

    def expect_poll(self, kh: int) -> threading.Event:
        """Return what is set when the poll *kh* is to be repeated."""
        with self._polls:
            return self._wakers.setdefault(kh, threading.Event())

    def forget_poll(self, kh: int) -> None:
        """Nobody waits for the poll *kh* any more."""
        with self._polls:
            self._wakers.pop(kh, None)

    def _work(self) -> None:
        while True:
            self._something.acquire()
            if self._over:
                return
            self.settle()
            self._tree.counts.give_back()

    def _act(self, message: bytes) -> None:
        try:
            notification = decode_notify(message)
        except WireError as exc:
            log.warning("notification refused: %s", exc)
            return
        ACTIONS[notification.code](self, notification)

    def _poll(self, notification: Notification) -> None:
        with self._polls:
            waker = self._wakers.get(notification.fields["kh"])
        if waker is not None:
            waker.set()

    def _inval_inode(self, notification: Notification) -> None:
        inode = self._tree.find(notification.fields["ino"])
        if inode is not None:
            self._tree.changed(inode)
            inode.expires = 0.0
            if notification.fields["off"] >= 0:
                inode.target = None
                inode.stored = (0, b"")

    def _inval_entry(self, notification: Notification) -> None:
        parent = self._tree.find(notification.fields["parent"])
        if parent is None:
            return
        self._tree.touched(parent)
        if notification.fields["flags"] & InvalEntryFlag.EXPIRE_ONLY:
            self._tree.expire(parent, notification.name)
        else:
            self._tree.drop(parent, notification.name)

    def _delete(self, notification: Notification) -> None:
        parent = self._tree.find(notification.fields["parent"])
        if parent is None:
            return
        dentry = parent.children.get(notification.name)
        if dentry and dentry.inode and dentry.inode.nodeid == notification.fields["child"]:
            self._tree.touched(parent)
            self._tree.touched(dentry.inode)
            self._tree.drop(parent, notification.name)

    def _store(self, notification: Notification) -> None:
        inode = self._tree.find(notification.fields["nodeid"])
        if inode is None:
            return
        offset, data = notification.fields["offset"], bytes(notification.data)
        start, kept = inode.stored
        if start <= offset <= start + len(kept):
            kept = kept[: offset - start] + data + kept[offset - start + len(data) :]
            inode.stored = (start, kept)
        else:
            inode.stored = (offset, data)
        if offset + len(data) > inode.attr.size:
            self._tree.changed(inode, size=offset + len(data))

    def _retrieve(self, notification: Notification) -> None:
        nodeid, offset = notification.fields["nodeid"], notification.fields["offset"]
        inode = self._tree.find(nodeid)
        start, kept = inode.stored if inode is not None else (0, b"")
        most = min(notification.fields["size"], self._connection.terms.max_write)
        data = kept[offset - start :][:most] if offset >= start else b""
        self._connection.retrieved(notification.fields["notify_unique"], nodeid, offset, data)

    def _prune(self, notification: Notification) -> None:
        self._tree.clear(frozenset(notification.nodeids))

    def _inc_epoch(self, _notification: Notification) -> None:
        self._tree.epoch += 1

    def _resend(self, _notification: Notification) -> None:
        self._connection.link.resend()


ACTIONS: Mapping[NotifyCode, Callable[[Notices, Notification], None]] = MappingProxyType(
    {
        NotifyCode.POLL: Notices._poll,
        NotifyCode.INVAL_INODE: Notices._inval_inode,
        NotifyCode.INVAL_ENTRY: Notices._inval_entry,
        NotifyCode.STORE: Notices._store,
        NotifyCode.RETRIEVE: Notices._retrieve,
        NotifyCode.DELETE: Notices._delete,
        NotifyCode.RESEND: Notices._resend,
        NotifyCode.INC_EPOCH: Notices._inc_epoch,
        NotifyCode.PRUNE: Notices._prune,
    }
)
"""What is done about each notification."""
