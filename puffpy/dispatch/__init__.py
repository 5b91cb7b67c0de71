"""Requests to operations to replies: one route per opcode, handlers by subject.

No I/O, no thread, and no conversation: that one request follows another is the session's knowledge.
"""

from puffpy.dispatch.backing import Backings
from puffpy.dispatch.binding import Binding, Message, Reply, Terms
from puffpy.dispatch.lockqueue import LockQueue
from puffpy.dispatch.parking import Parked, Parking, Request, Taken
from puffpy.dispatch.routes import ROUTES, Bound, Route, bind

__all__ = [
    "ROUTES",
    "Backings",
    "Binding",
    "Bound",
    "LockQueue",
    "Message",
    "Parked",
    "Parking",
    "Reply",
    "Request",
    "Route",
    "Taken",
    "Terms",
    "bind",
]
