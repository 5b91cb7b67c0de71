"""Ways to reach a kernel.

A bridge carries whole messages and never looks into one; what they mean is the session's.
"""

from puffpy.bridges.base import Bridge, Listening
from puffpy.bridges.devfuse import DevFuse
from puffpy.bridges.registry import make, names

__all__ = ["Bridge", "DevFuse", "Listening", "make", "names"]
