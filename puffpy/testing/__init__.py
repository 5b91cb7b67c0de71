"""For testing file systems: recordings run again, and what else needs no kernel.

Not needed to write or mount one.
"""

from puffpy.testing.replay import Difference, load, replay

__all__ = ["Difference", "load", "replay"]
