"""One conversation with one kernel: INIT, the messages after it, and what is told unasked.

Not how messages travel: that is a bridge's, and driving the two is ``puffpy.serve``'s.
"""

from puffpy.session.memory import Memory
from puffpy.session.negotiate import NEGOTIATION, Wishes
from puffpy.session.session import Session

__all__ = ["NEGOTIATION", "Memory", "Session", "Wishes"]
