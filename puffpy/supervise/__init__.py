"""A mount that outlives its server: it is held by a supervisor, and whoever serves it may die at any moment.

Not what travels (that is the bridge's) nor what a request means.

    process     a fork that shares its descriptors
    ledger      memory that both processes see, written so that no moment to die is a bad one
    keeper      what a file system puts there itself
    records     what the library writes there
    scribe      writes down what every answered request has changed
    forgets     what the kernel says once, and whoever was told may die of
    again       what to do about a request that a dead server had begun
    restoring   nodes and open files of a new server, from what is written
    supervisor  holds the mount, starts servers, ends it

Theory of operation.  The supervisor makes the file system, mounts, and forks a server that does all the rest;
it keeps nothing but the process image as it was before the first request.  Three things survive a server:
the descriptors, because the two processes share one table of them; the ledger, which is shared memory; and
any other shared memory that the file system made in ``__init__``.  A new server is a fresh fork, so it is up
in milliseconds.  It takes the terms of INIT from the ledger, opens files again, finds nodes again when they
are first named, and asks the kernel to send again what was not answered (FUSE_NOTIFY_RESEND).

Exactly once.  What a request changes in the ledger counts from one store of one word on, made when its answer
is complete; the answer to a request that changes names is part of that.  So a request that comes again is one
of three.  It was answered and nobody heard it: the answer is given again.  It had not been begun: it is done.
It was at hand, and nobody knows how far it came: then it is done again, and where that fails because it had
already happened (EEXIST for a name it was to make), it has succeeded; an exchange of names, which would be
undone, is known by what was written down before it.  A request that was at hand when three servers died of
themselves is answered with EIO.

Which state a file system must be able to restore: the node for a file handle (``nodetofh``, ``fhtonode``), or
else the same node for the same name; and an open file by opening it again.  A file system that wants more
declares ``kept`` (see :class:`puffpy.Kept`).
"""

from puffpy.supervise.keeper import Keeper
from puffpy.supervise.ledger import Ledger
from puffpy.supervise.scribe import Scribe
from puffpy.supervise.supervisor import supervise

__all__ = ["Keeper", "Ledger", "Scribe", "supervise"]
