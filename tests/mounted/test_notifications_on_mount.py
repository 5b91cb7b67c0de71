"""What a file system tells the kernel, inside an operation and from other threads, and what that does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.harness import detach
from tests.serve.program import Program


@pytest.fixture
def program_on(mnt: Path) -> Iterator[Program]:
    yield Program(mnt)
    for place in Program(mnt).left():
        detach(Path(place))


NOTIFYING = """
counts = {}

class Vfs(puffpy.VfsOps):
    def start(self, kernel):
        self.kernel = kernel

class Telling(Subject):
    options = puffpy.MountOptions(attr_timeout=1e6, entry_timeout=1e6, kernel_cache=True)
    vfsops = Vfs()
    tell = None

    def lookup(self, dvp, cn, call):
        counts["lookup " + cn.name] = counts.get("lookup " + cn.name, 0) + 1
        return super().lookup(dvp, cn, call)

    def getattr(self, vp, call):
        counts["getattr"] = counts.get("getattr", 0) + 1
        return vp.vattr

    def read(self, vp, offset, size, call):
        counts["read"] = counts.get("read", 0) + 1
        if self.tell is not None and vp is self.secret:
            self.tell()
        return super().read(vp, offset, size, call)

    def reclaim(self, vp):
        reclaimed.set()

reclaimed = threading.Event()
fs = Telling()
kernel = fs.vfsops

def use():
    with open(MNT + "/file", "rb") as file:
        return file.read(4)

def asks(what, key):
    '''Whether telling the kernel *what*, in this thread and then inside an operation, has it ask again.'''
    def wanted():
        before = counts.get(key, 0)
        for _ in range(2000):
            use()
            if counts.get(key, 0) > before:
                return True
    use()
    what()
    outside = wanted()
    use()
    fs.tell = what
    with open(MNT + "/secret", "rb", buffering=0) as secret:
        fs.vfsops.kernel.inval_inode(fs.secret)
        os.posix_fadvise(secret.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        secret.read(10)
    fs.tell = None
    print(outside, wanted())
"""


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("inval_inode(fs.file)", "read"),
        ("inval_entry(fs.root, 'file')", "lookup file"),
        ("expire_entry(fs.root, 'file')", "lookup file"),
        ("delete(fs.root, fs.file, 'file')", "lookup file"),
        ("inc_epoch()", "lookup file"),
    ],
)
def test_what_the_kernel_is_told_to_forget_it_asks_for_again(
    program_on: Program, what: str, key: str
) -> None:
    text = f"""
    with puffpy.mount(fs, MNT) as m:
        asks(lambda: m.kernel.{what}, {key!r})
    """
    assert program_on.run(NOTIFYING + textwrap.dedent(text)) == "True True\n"


def test_what_is_stored_is_read_without_asking_and_can_be_retrieved(program_on: Program) -> None:
    text = """
    with puffpy.mount(fs, MNT) as m:
        use()
        m.kernel.store(fs.file, 0, b"floyd")
        print(m.kernel.retrieve(fs.file, 0, 5))
        print(use(), counts["read"] == 1)
        print(m.kernel.retrieve(fs.file, 1 << 40, 5), m.kernel.retrieve(fs.root, 0, 5))
        threads = [threading.Thread(target=m.kernel.store, args=(fs.file, 0, b"%4d" % n)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(len(m.kernel.retrieve(fs.file, 0, 4)))
    """
    assert program_on.run(NOTIFYING + textwrap.dedent(text)).splitlines() == [
        "b'floyd'",
        "b'floy' True",
        "b'' b''",
        "4",
    ]


def test_what_is_pruned_comes_back(program_on: Program) -> None:
    text = """
    with puffpy.mount(fs, MNT) as m:
        use()
        m.kernel.prune(fs.file)
        print(reclaimed.wait(10))
    """
    assert program_on.run(NOTIFYING + textwrap.dedent(text)) == "True\n"


def test_a_notification_that_waits_for_its_own_operation_does_not_hold_up_the_end(
    program_on: Program,
) -> None:
    text = """
    import puffpy.serve
    puffpy.serve.GRACE = 0.2
    with puffpy.mount(fs, MNT) as m:
        fs.tell = lambda: [m.kernel.inval_inode(fs.secret), m.kernel.inval_entry(fs.root, "secret")]
        child = subprocess.Popen(["sh", "-c", 'exec 3<"$1/secret"; head -c1 <&3; cd "$1"; read _', "sh", MNT],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        print(child.stdout.read(1) == bytes(1))
    print(is_mounted())
    child.communicate()
    """
    assert program_on.run(NOTIFYING + textwrap.dedent(text)) == "True\nFalse\n"
