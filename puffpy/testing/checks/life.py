"""Life: what is left when everything is over.

Every check looks at that at its end; those here give it something to look at.
"""

from __future__ import annotations

from puffpy.testing.promise import NotApplicable, promise
from puffpy.testing.trial import Trial


@promise()
def everything_is_given_back_at_the_end(k: Trial) -> None:
    """Lookup counts balance, no file is left open, no request is left unanswered."""
    for each in k.inventory():
        if (each.is_file and "read" in k.ops) or (each.is_dir and "readdir" in k.ops):
            k.open(each.path, 0)  # and left so: the end closes it
    k.drop_caches()


@promise({"create", "remove"})
def forgetting_what_was_removed_is_no_bug(k: Trial) -> None:
    """Closing and reclaiming say nothing: nobody would hear it."""
    for number in range(10):
        k.make_file(f"file {number}")
        with k.opened(f"file {number}"):
            k.unlink(f"file {number}")
            k.drop_caches()
    k.drop_caches()


@promise()
def no_operation_raises_what_is_no_oserror(k: Trial) -> None:
    """Anything else is a bug to the library, which logs it and says EIO."""
    inventory = k.inventory()
    if not inventory:
        raise NotApplicable("there is nothing in it")
    for each in inventory:
        for look in (k.lstat, k.listxattr, k.statvfs):
            try:
                look(each.path)
            except OSError:
                pass  # refused as it should be
        if each.is_file:
            try:
                with k.opened(each.path) as fd:
                    k.read(fd, 100)
                    k.fsync(fd)
            except OSError:
                pass
