"""What happened on a mount, made out from its messages: who asked what, of which path, and how long it took.

Nothing is opened, recorded or printed here: a recording is ``puffpy.record``'s, a running mount
``puffpy.live``'s.

    exchange    a request with its reply: start here
    paths       which path a node number stood for
    figures     the figures of each operation
    units       durations and amounts as people write them
    perfetto    a trace for Chrome's and Perfetto's viewers
    charts      the pictures of the page
    page        a page to look at in a browser
"""

from puffpy.tracing.exchange import Exchange, Notice, Trace, traced
from puffpy.tracing.figures import Figures, figures
from puffpy.tracing.page import page
from puffpy.tracing.perfetto import perfetto
from puffpy.tracing.units import amount, duration, rate

__all__ = [
    "Exchange",
    "Figures",
    "Notice",
    "Trace",
    "amount",
    "duration",
    "figures",
    "page",
    "perfetto",
    "rate",
    "traced",
]
