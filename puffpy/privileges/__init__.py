"""Giving up rights for good: another user, no new privileges, and no files but one's own.

Who serves what is not known here.
"""

from puffpy.privileges.landlock import confine
from puffpy.privileges.user import become

__all__ = ["become", "confine"]
