"""Looking at a mount while it is served: a socket in the serving process, and what asks there.

Nothing is computed from what is heard (that is ``puffpy.tracing``'s) and nothing is shown.

    observed    what is looked at: the seam to the server
    place       which mount a path is on, and where its socket is
    meter       counts what passes, while somebody looks
    tap         passes on what passes, while somebody looks
    underway    what is being done at this moment, and at which Python line
    listener    the serving side: a thread that waits for who wants to look
    snapshot    what a meter said, as it travels
    client      the asking side: start here

Theory of operation.  While nobody looks there is a thread that sleeps, and requests go the way they always
went.  Who looks is let in by the kernel's word on who that is: the owner of the serving process, or root.
From then on every message passes a meter or a tap, until the connection is closed.  What was under way
already is found on the stacks of the threads.  The mount itself is never asked: it may not answer.
"""

from puffpy.live.client import Watch, watch
from puffpy.live.listener import listening
from puffpy.live.observed import Conversation, Served
from puffpy.live.place import is_mounted
from puffpy.live.snapshot import Operation, Pending, Snapshot
from puffpy.live.underway import program_of

__all__ = [
    "Conversation",
    "Operation",
    "Pending",
    "Served",
    "Snapshot",
    "Watch",
    "is_mounted",
    "listening",
    "program_of",
    "watch",
]
