"""Accounts: users and groups as directories, their particulars as files, edited by mkdir, echo, mv and rm.

The example of a file system over somebody else's data: it keeps none of its own, refuses what would leave
the data wrong, and shares them with whoever else edits them.

    python -m filesystems.accounts MNT                     over a copy of this machine's accounts
    python -m filesystems.accounts --passwd-dir DIR MNT    over DIR/passwd, DIR/group, DIR/shadow ...
    python -m filesystems.accounts --system MNT            over this machine's own

From the bottom up:

============  ============================================================
``records``   one line of each of the four files
``table``     a file: its records, and every line that is not one
``rules``     what may be written in a line, and how a refusal reads
``database``  the four files together: what holds between them
``store``     the directory they are in: locked, read, replaced
``fields``    which file in a directory shows and changes what
``nodes``     what the kernel is told about
``values``    the operations on the files
``vnodeops``  the operations on names: the file system
============  ============================================================
"""

from filesystems.accounts.vnodeops import AccountsFS

__all__ = ["AccountsFS"]
