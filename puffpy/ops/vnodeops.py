"""The operations of a node.

Signatures and contracts; no rules of dispatch.  An operation that is left out is answered from the operation
table before it gets here; the bodies below do the same for somebody who calls ``super()``.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Any, TypeAlias

from typing_extensions import Buffer

from puffpy.ops.table import dummy
from puffpy.ops.vfsops import VfsOps
from puffpy.options import MountOptions
from puffpy.types import Call, ComponentName, Dirent, Eventual, Lock, SetAttr, Vattr, Waker

Listed: TypeAlias = Eventual[Iterable[tuple[str, Any] | Dirent]] | AsyncIterable[tuple[str, Any] | Dirent]
"""What ``readdir`` answers; an ``async def`` may also yield it."""


class VnodeOps:
    """The node vector.  Subclass it and write the operations that your file system has.

    Nodes are objects of yours, whatever they are; the same file must be the same object for as long as it is
    alive.  *vp* is a node, *dvp* a directory's node, *cn* a name in it, *call* says who asks.  Refuse by
    raising an ``OSError``; anything else that is raised is taken for a bug: the caller gets ``EIO``, the log
    the traceback, and the mount lives.  Names, link targets and extended attributes' names are ``str`` with
    surrogate escapes.
    """

    root: Any
    vfsops: VfsOps | None = None
    unveiled: tuple[str, ...] | None = None
    """The paths that the file system uses, and no others; ``None`` where that is not known.

    A server that gives up its rights (``--user``) is kept to these.
    """

    options: MountOptions = MountOptions()

    # names

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        """Find the child of *dvp* called *cn*.

        The one operation that must be written.  The kernel asks before it uses a name that it does not
        remember.  With file handles (:meth:`VfsOps.nodetofh`) *cn* may be ``..``.

        Returns: the child's node, or :class:`Entry` around it to set how long the name may be remembered.

        Raises:
            ENOENT: there is no such child; :class:`Absent` lets the kernel remember that for a while.

        Default: there is no file system without it.
        Source: puffs_node_lookup(3)
        """
        raise dummy("lookup")

    def create(self, dvp: Any, cn: ComponentName, va: Vattr, call: Call) -> Any:
        """Make a regular file called *cn* in *dvp*.

        *va* is new and yours to keep: type and permissions (the umask is already applied), the caller as
        owner, times of now.  ``va.inherit(dvp.vattr)`` applies the set-gid rule.  ``open`` is called next,
        with ``O_CREAT`` among its flags, unless the answer is an :class:`Entry` with *opened*.

        Returns: the new node, or :class:`Entry`.

        Raises:
            EEXIST: the name is taken.
            ENOSPC: there is no room.

        Default: EOPNOTSUPP.
        Source: puffs_node_create(3), open(2)
        """
        raise dummy("create")

    def tmpfile(self, dvp: Any, va: Vattr, call: Call) -> Any:
        """Make a regular file without a name (``O_TMPFILE``), on the file system of *dvp*.

        As ``create``, with ``va.nlink`` 0.  ``link`` may give it a name later.

        Default: the kernel answers alone: EOPNOTSUPP.
        Source: open(2)
        """
        raise dummy("tmpfile")

    def mknod(self, dvp: Any, cn: ComponentName, va: Vattr, call: Call) -> Any:
        """Make a fifo, a socket or a device called *cn*; ``va.mode`` says which, ``va.rdev`` which device.

        Opening and using such a node is the kernel's own affair.  Otherwise as ``create``.

        Default: EOPNOTSUPP.
        Source: puffs_node_mknod(3), mknod(2)
        """
        raise dummy("mknod")

    def mkdir(self, dvp: Any, cn: ComponentName, va: Vattr, call: Call) -> Any:
        """Make a directory called *cn*; as ``create``, with ``va.nlink`` 2.

        Raises:
            EMLINK: *dvp* cannot hold one more directory.

        Default: EOPNOTSUPP.
        Source: puffs_node_mkdir(3), mkdir(2)
        """
        raise dummy("mkdir")

    def symlink(self, dvp: Any, cn: ComponentName, va: Vattr, target: str, call: Call) -> Any:
        """Make a symbolic link called *cn* that says *target*; ``va.size`` is the target's length in bytes.

        Default: EOPNOTSUPP.
        Source: puffs_node_symlink(3), symlink(2)
        """
        raise dummy("symlink")

    def link(self, dvp: Any, vp: Any, cn: ComponentName, call: Call) -> Any:
        """Give *vp* one more name, *cn* in *dvp*.

        Returns: nothing, or :class:`Entry`; the attributes that the kernel is told must show the new count.

        Raises:
            EEXIST: the name is taken.
            EMLINK: *vp* cannot have one more.
            ENOENT: *vp* has been removed, and was not made by ``tmpfile``.

        Default: the kernel answers alone: EPERM.
        Source: puffs_node_link(3), link(2)
        """
        raise dummy("link")

    def rename(
        self, fdvp: Any, fcn: ComponentName, tdvp: Any, tcn: ComponentName, flags: int, call: Call
    ) -> Eventual[None]:
        """Move *fcn* in *fdvp* to *tcn* in *tdvp*, in one step as everybody else sees it.

        A target that is there is replaced.  *flags*: 1 ``RENAME_NOREPLACE``, 2 ``RENAME_EXCHANGE``,
        4 ``RENAME_WHITEOUT`` (leave a character device 0:0 under the old name).  The kernel has checked
        the types of both ends and that no directory moves below itself, as far as it knows.

        Raises:
            ENOENT: there is no *fcn*, or, with EXCHANGE, no *tcn*.
            EEXIST: there is a *tcn*, with NOREPLACE.
            ENOTEMPTY: *tcn* is a directory with something in it.
            EINVAL: a flag is not supported, or a directory would be moved below itself.

        Default: EOPNOTSUPP.
        Source: puffs_node_rename(3), renameat2(2)
        """
        raise dummy("rename")

    def remove(self, dvp: Any, cn: ComponentName, call: Call) -> Eventual[None]:
        """Take away the name *cn*, which is not a directory.

        The node lives on while it has another name, is open or is known to the kernel: free its data in
        ``reclaim``, not here.

        Raises:
            ENOENT: there is no such name.
            EISDIR: it is a directory.

        Default: EOPNOTSUPP.
        Source: puffs_node_remove(3), unlink(2)
        """
        raise dummy("remove")

    def rmdir(self, dvp: Any, cn: ComponentName, call: Call) -> Eventual[None]:
        """Take away the empty directory *cn*.

        Raises:
            ENOENT: there is no such name.
            ENOTDIR: it is not a directory.
            ENOTEMPTY: something is in it.

        Default: EOPNOTSUPP.
        Source: puffs_node_rmdir(3), rmdir(2)
        """
        raise dummy("rmdir")

    def readdir(self, dvp: Any, call: Call) -> Listed:
        """List *dvp*: yield ``(name, node)`` pairs, or :class:`Dirent` where no node is at hand.

        Called once per listing; what it yields is kept for the open directory, so positions stay right
        while the directory changes.  Hand out a copy if your own container may change meanwhile; the
        ``items()`` of a dict are copied for you, and are the quickest answer.  ``.`` and ``..`` are put in
        front unless you yield them first.

        Default: EOPNOTSUPP.
        Source: puffs_node_readdir(3), readdir(3)
        """
        raise dummy("readdir")

    def readlink(self, vp: Any, call: Call) -> Eventual[str]:
        """Return the target of the symbolic link *vp*.

        Default: EOPNOTSUPP.
        Source: puffs_node_readlink(3), readlink(2)
        """
        raise dummy("readlink")

    def abortop(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        """Drop what ``lookup`` set aside for an operation that will not come.

        Kept for file systems brought from puffs: Linux announces no intent, so nothing is ever withdrawn.

        Default: nothing: Linux announces no intent that could be withdrawn.
        Source: puffs_node_abortop(3)
        """

    # attributes

    def getattr(self, vp: Any, call: Call) -> Eventual[Vattr]:
        """Return the attributes of *vp*.

        Also asked after every answer that names a node, unless the node has a ``vattr`` and this operation
        is left out.

        Default: the node's own ``vattr``.
        Source: puffs_node_getattr(3), stat(2)
        """
        return vp.vattr  # type: ignore[no-any-return]  # the node is the author's

    def setattr(self, vp: Any, change: SetAttr, call: Call) -> Eventual[Vattr | None]:
        """Apply every field of *change* that is not ``None``, or none of them.

        ``vp.vattr.apply(change)`` does all but the size.  A change without fields still means "touched": the
        change time moves.  The library also comes here for ``O_TRUNC`` and to have set-uid and set-gid
        bits cleared before a write.

        Returns: the attributes as they are now; nothing: ``getattr`` is asked.

        Raises:
            EPERM: the caller may not (only where the kernel does not check: see ``default_permissions``).
            EFBIG: the size cannot be that large.
            ENOSPC: there is no room.

        Default: EOPNOTSUPP.
        Source: puffs_node_setattr(3), chmod(2), chown(2), truncate(2), utimensat(2)
        """
        raise dummy("setattr")

    def access(self, vp: Any, mode: int, call: Call) -> Eventual[None]:
        """Refuse if the caller may not use *vp* for *mode*: a sum of ``os.R_OK``, ``W_OK``, ``X_OK``.

        Asked for access(2) and chdir(2) only, and never with ``default_permissions``.

        Raises:
            EACCES: the caller may not.

        Default: the kernel answers alone: permitted.
        Source: puffs_node_access(3), access(2)
        """

    def getextattr(self, vp: Any, name: str, call: Call) -> Eventual[Buffer]:
        """Return the value of the extended attribute *name*, which carries its prefix (``user.`` ...).

        Raises:
            ENODATA: there is none.

        Default: the kernel answers alone: EOPNOTSUPP.
        Source: puffs_node_getextattr(3), getxattr(2)
        """
        raise dummy("getextattr")

    def setextattr(self, vp: Any, name: str, value: bytes, flags: int, call: Call) -> Eventual[None]:
        """Set the extended attribute *name*; *flags* 1: it must be new, 2: it must be there.

        Raises:
            EEXIST: it is there, with flag 1.
            ENODATA: it is not, with flag 2.
            ENOSPC: there is no room.

        Default: the kernel answers alone: EOPNOTSUPP.
        Source: puffs_node_setextattr(3), setxattr(2)
        """
        raise dummy("setextattr")

    def listextattr(self, vp: Any, call: Call) -> Eventual[Iterable[str]]:
        """Return the names of all extended attributes of *vp*.

        Default: the kernel answers alone: EOPNOTSUPP.
        Source: puffs_node_listextattr(3), listxattr(2)
        """
        raise dummy("listextattr")

    def deleteextattr(self, vp: Any, name: str, call: Call) -> Eventual[None]:
        """Remove the extended attribute *name*.

        Raises:
            ENODATA: there is none.

        Default: the kernel answers alone: EOPNOTSUPP.
        Source: puffs_node_deleteextattr(3), removexattr(2)
        """
        raise dummy("deleteextattr")

    def pathconf(self, vp: Any, name: str, call: Call) -> int:
        """Return a limit: *name* is ``PC_NAME_MAX``, the longest name in bytes.

        Asked of the root, when mounting; a longer name is refused with ENAMETOOLONG before it gets here.

        Default: names of up to 255 bytes.
        Source: puffs_node_pathconf(3), pathconf(3)
        """
        return 255

    # data

    def open(self, vp: Any, flags: int, call: Call) -> Any:
        """Open the regular file *vp*; *flags* are those of open(2), ``O_TRUNC`` already taken care of.

        Returns: a handle of yours, any object or ``None``, found again in ``call.handle``; or
        :class:`OpenFile` to say more.

        Raises:
            EACCES: the caller may not (see ``default_permissions``).
            EROFS: it cannot be written.

        Default: success; EROFS for writing where ``write`` is left out.
        Source: puffs_node_open(3), open(2)
        """

    def close(self, vp: Any, flags: int, call: Call) -> Eventual[None]:
        """The open file ``call.handle`` is no longer used by anybody; *flags* as in ``open``.

        Nobody waits and nobody sees an error; report one in ``flush`` or ``fsync``.

        Default: nothing to be done.
        Source: puffs_node_close(3), close(2)
        """

    def flush(self, vp: Any, call: Call) -> Eventual[None]:
        """One descriptor of the open file is being closed: the last chance to tell its owner of an error.

        Comes once per descriptor, so perhaps several times per ``open``, or never.

        Raises: EIO, ENOSPC, EDQUOT: what was written earlier is lost.

        Default: the kernel answers alone: success.
        Source: close(2)
        """

    def read(self, vp: Any, offset: int, size: int, call: Call) -> Eventual[Buffer | tuple[Buffer, ...]]:
        """Return up to *size* bytes from *offset*; fewer mean the end of the file, holes read as zeros.

        The answer is sent without being copied, so a ``memoryview`` of your own storage is best; a tuple of
        pieces is sent as one.

        Default: EOPNOTSUPP.
        Source: puffs_node_read(3), pread(2)
        """
        raise dummy("read")

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> Eventual[int | None]:
        """Store *data* at *offset*, extending the file as needed.

        *data* is valid until you return: copy what you keep.

        Returns: how many bytes were stored; nothing: all.

        Raises:
            ENOSPC: there is no room.
            EFBIG: a file cannot be that large.

        Default: EROFS, at open already.
        Source: puffs_node_write(3), pwrite(2)
        """
        raise dummy("write")

    def fsync(self, vp: Any, dataonly: bool, call: Call) -> Eventual[None]:
        """Make *vp* safe: its data, and unless *dataonly* its attributes; a directory's names.

        Raises: EIO: it could not be written.

        Default: the kernel answers alone: success.
        Source: puffs_node_fsync(3), fsync(2)
        """

    def seek(self, vp: Any, offset: int, whence: int, call: Call) -> Eventual[int]:
        """Return where data (*whence* ``os.SEEK_DATA``) or a hole (``os.SEEK_HOLE``) starts from *offset* on.

        Raises:
            ENXIO: *offset* is past the end, or no data follow.

        Default: the kernel answers alone: all is data up to the end.
        Source: puffs_node_seek(3), lseek(2)
        """
        raise dummy("seek")

    def fallocate(self, vp: Any, offset: int, length: int, mode: int, call: Call) -> Eventual[None]:
        """Reserve room, or zero a range; *mode* as in fallocate(2) but for holes, which are ``fdiscard``.

        Raises:
            ENOSPC: there is no room.
            EOPNOTSUPP: not this mode.

        Default: the kernel answers alone: EOPNOTSUPP.
        Source: puffs_node_fallocate(3), fallocate(2)
        """
        raise dummy("fallocate")

    def fdiscard(self, vp: Any, offset: int, length: int, call: Call) -> Eventual[None]:
        """Punch a hole: the range reads as zeros, its room is free, the size stays.

        Default: EOPNOTSUPP.
        Source: puffs_node_fdiscard(3), fallocate(2)
        """
        raise dummy("fdiscard")

    def copy_file_range(
        self, vp: Any, offset: int, tvp: Any, toffset: int, length: int, call: Call
    ) -> Eventual[int]:
        """Copy *length* bytes from *vp* at *offset* to *tvp* at *toffset*, without the caller in between.

        ``call.handle`` and ``call.tohandle`` are the two open files.

        Returns: how many bytes were copied; 0 at the end of *vp*.

        Raises:
            EOPNOTSUPP, EXDEV: not for these two; the kernel copies by reading and writing.

        Default: the kernel answers alone: it copies through the page cache.
        Source: copy_file_range(2)
        """
        raise dummy("copy_file_range")

    def poll(self, vp: Any, events: int, waker: Waker | None, call: Call) -> Eventual[int]:
        """Return which of *events* (``select.POLLIN`` ...) hold now, without waiting.

        Somebody sleeps if there is a *waker*: keep it, and call ``waker.wake()`` when the answer changes.

        Default: the kernel answers alone: always ready.
        Source: puffs_node_poll(3), poll(2)
        """
        return events

    def ioctl(self, vp: Any, cmd: int, arg: int, data: memoryview, call: Call) -> Eventual[int | Buffer]:
        """Do *cmd*; *data* is what the caller passed by pointer, *arg* the pointer or number itself.

        Returns: the bytes to hand back by pointer, or the number that ioctl(2) is to return.

        Raises:
            ENOTTY: there is no such *cmd*.

        Default: ENOTTY.
        Source: ioctl(2)
        """
        raise dummy("ioctl")

    def bmap(self, vp: Any, block: int, blocksize: int, call: Call) -> Eventual[int]:
        """Return which block of the device underneath holds *block* of *vp* (block-device mounts only).

        Default: the kernel answers alone: block 0.
        Source: VOP_BMAP(9)
        """
        raise dummy("bmap")

    def advlock(self, vp: Any, owner: int, lock: Lock | None, test: bool, call: Call) -> Lock | None:
        """Take, change or drop a lock of *owner*, at once or not at all.

        *lock* ``None``: drop whatever *owner* holds on *vp* (it closed the file or died).  *test*: take
        nothing, return the lock that stands in the way, or ``None``.  Whoever may wait is made to wait by
        the library, which comes back when a lock of *vp* has been dropped.

        Raises:
            EAGAIN: another owner's lock is in the way.
            EDEADLK: waiting would never end.

        Default: the kernel keeps locks itself.
        Source: puffs_node_advlock(3), fcntl(2), flock(2)
        """
        raise dummy("advlock")

    # life

    def inactive(self, vp: Any) -> None:
        """Nobody has *vp* open any more; it is still known, and may be opened again.

        Exactly once after the last close, and once before ``reclaim`` if none came since it was last in use.

        Default: nothing to be done.
        Source: puffs_node_inactive(3)
        """

    def reclaim(self, vp: Any) -> None:
        """The kernel has forgotten *vp* and nobody has it open: the data of a removed file may go now.

        Exactly once per life of a node in the library's table; a later ``lookup`` starts the next life.
        Never for the root but at the end of the mount, when every node is reclaimed.

        Default: nothing to be done.
        Source: puffs_node_reclaim(3)
        """
